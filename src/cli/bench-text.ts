/** The result of `balsa bench` as a table for people. */
import type { DiskFigures } from '../../benchmarks/disk.js';
import {
  count,
  counted,
  fixed,
  seconds as inSeconds,
  mebibytes,
  micros,
} from '../../benchmarks/figures.js';
import type { Machine } from '../../benchmarks/machine.js';
import type { SyncPolicy } from '../../benchmarks/subject.js';
import type { MachineFigures, ThroughputResult } from '../../benchmarks/throughput.js';
import { isWell, type Verdict } from '../../benchmarks/verdict.js';
import type { Output } from './terminal.js';

/** What `--json` prints. */
export interface BenchReport extends Omit<ThroughputResult, 'machine' | 'seed'> {
  readonly config: {
    readonly nodes: number;
    readonly outstanding: number;
    readonly valueBytes: number;
    readonly keys: number;
    readonly readRatio: number;
    readonly rate: number | undefined;
    readonly seconds: number;
    readonly warmupSeconds: number;
    readonly clients: number;
    readonly baseline: boolean;
    readonly seed: number;
    /** Absent, as the next: in memory. */
    readonly dataDir?: string;
    readonly syncPolicy?: SyncPolicy;
  };
  readonly machine: Partial<MachineFigures> & Machine;
  readonly commit: string | undefined;
  readonly command: string;
}

type Row = readonly [name: string, text: string];

export function benchText(report: BenchReport, { bold, green, red }: Output['colours']): string {
  const { config, latencyMicros: late, baseline, verified, errors } = report;
  const reads = config.readRatio > 0 ? `, ${fixed(100 * config.readRatio, 0)} % gets` : '';
  const policy = config.syncPolicy === undefined ? '' : `, sync policy ${config.syncPolicy}`;
  const isOpen = config.rate !== undefined;
  const rows: Row[] = [
    ['load', loadText(report)],
    ['', `${config.valueBytes}-byte values, ${counted(config.keys, 'key')}${reads}${policy}`],
    ['throughput', `${bold(count(report.opsPerSecond))} committed operations a second`],
    ...(baseline === undefined || isOpen ? [] : [['', baselineText(baseline)] as const]),
    ['latency', `p50 ${micros(late.p50)}   p90 ${micros(late.p90)}   p99 ${micros(late.p99)}`],
    ['', `p99.9 ${micros(late.p999)}   max ${micros(late.max)}`],
    ['cost', costText(report)],
    ...(report.disk === undefined ? [] : [['disk', diskText(report.disk)] as const]),
    ['machine', machineText(report)],
    ['', `${report.machine.cpu}, ${counted(report.machine.cores, 'core')}, ${report.machine.node}`],
    ['elections', count(report.elections)],
    ...Object.entries(errors).map(
      ([code, times], at): Row => [at === 0 ? 'errors' : '', `${code} ${count(times)}`],
    ),
    ['verified', isWell(verified) ? green(verifiedText(report)) : red(verifiedText(report))],
  ];
  return rows.map(([name, text]) => `  ${name.padEnd(12)}${text}\n`).join('');
}

function loadText({ config }: BenchReport): string {
  const loop =
    config.rate === undefined
      ? `${count(config.outstanding)} outstanding`
      : `${count(config.rate)} a second, ${count(config.outstanding)} outstanding at most`;
  const from = config.clients === 1 ? '' : ` from ${config.clients} threads`;
  const nodes = counted(config.nodes, 'node');
  const where = config.syncPolicy === undefined ? nodes : `${nodes} on disk`;
  return `${where}, ${loop}${from}, for ${inSeconds(config.seconds)}`;
}

function baselineText({ ratio, opsPerSecond }: NonNullable<BenchReport['baseline']>): string {
  return `${fixed(ratio, 2)} of ${count(opsPerSecond)} on one thread without consensus`;
}

function costText({ cpuSeconds, seconds, rssBytes }: BenchReport): string {
  const share = fixed(cpuSeconds / seconds, 2);
  return `${share} cores busy (${inSeconds(cpuSeconds)} of CPU); ${mebibytes(rssBytes)} resident`;
}

/** What a disk can do by itself. */
export function diskText({ fileSystem, syncMicros }: DiskFigures): string {
  const { p50, p99 } = syncMicros;
  const warning = fileSystem === 'tmpfs' ? ' (memory: nothing there is durable)' : '';
  const alone = `4 KiB written and synced in ${micros(p50)} (p50), ${micros(p99)} (p99)`;
  return `${fileSystem}${warning}; by itself ${alone}`;
}

function machineText({ machine }: BenchReport): string {
  const { roundTripMicros = Number.NaN, ringMessagesPerSecond = Number.NaN } = machine;
  const millions = fixed(ringMessagesPerSecond / 1e6, 1);
  return `thread round trip ${micros(roundTripMicros)}; ring ${millions} million messages a second`;
}

function verifiedText({ verified, config }: BenchReport): string {
  return config.nodes === 1 ? writesText(verified) : lossText(verified);
}

/** What reading everything back from a cluster came to. */
export function lossText(verified: Verdict): string {
  const digests = verified.digestsEqual ? 'equal' : 'DIFFERENT';
  return `${writesText(verified)}; ${digests} digests on all nodes`;
}

function writesText({ acknowledged, lost, ghosts }: Verdict): string {
  const ghostly = ghosts > 0 ? `, ${count(ghosts)} REJECTED BUT DONE` : '';
  return `${count(acknowledged)} acknowledged writes, ${count(lost)} lost${ghostly}`;
}
