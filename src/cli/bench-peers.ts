/** `balsa bench --peers etcd`: balsa on disk beside what others use for the same. */
import type { Command } from 'commander';
import { etcdVersion, PeerFailure } from '../../benchmarks/etcd-members.js';
import { count, counted, fixed, seconds as inSeconds, micros } from '../../benchmarks/figures.js';
import { type H2loadFigures, h2loadVersion } from '../../benchmarks/h2load.js';
import {
  areWell,
  measurePeers,
  type PeerCase,
  type PeerFigures,
  type PeerRatios,
  type PeersResult,
} from '../../benchmarks/peers.js';
import { alignedLines } from '../../benchmarks/table.js';
import { RaftError } from '../errors.js';
import {
  type CommonFlags,
  checkData,
  type DurabilityFlags,
  durableOf,
  type LoadFlags,
  type TimeFlags,
  warmupOf,
} from './bench-options.js';
import { indented, measureWith, type Provenance, provenance } from './bench-run.js';
import { diskText } from './bench-text.js';
import { exitCode } from './exit-code.js';
import type { Terminal } from './terminal.js';

export interface PeersFlags extends LoadFlags, TimeFlags, DurabilityFlags, CommonFlags {
  readonly nodes: number;
}

/** What is measured when nothing is said: latency counts at the first, speed at the second. */
const outstandingDefault: readonly number[] = [64, 1_024];

const noH2load = 'is not installed (on Debian: apt-get install nghttp2-client)';

/** What the comparison is not about. */
const strangers: readonly (readonly [name: string, option: string])[] = [
  ['rate', '--rate'],
  ['clients', '--clients'],
  ['readRatio', '--read-ratio'],
];

export async function runPeers(
  flags: PeersFlags,
  command: Command,
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr, signal } = terminal;
  checkData(flags);
  const dataDir = dataDirOf(flags, command);
  const { nodes, valueBytes, keys, seconds, seed, json } = flags;
  const isGiven = command.getOptionValueSource('outstanding') === 'cli';
  const outstanding = isGiven ? [flags.outstanding] : outstandingDefault;
  const settings = { nodes, outstanding, valueBytes, keys, seconds };
  const config = { peer: 'etcd', ...settings, warmupSeconds: warmupOf(flags), dataDir };
  try {
    const version = await etcdVersion();
    if (version === undefined) {
      const skipped = 'etcd is not installed (on Debian: apt-get install etcd-server)';
      stdout.write(json === true ? `${JSON.stringify({ skipped })}\n` : `skipped: ${skipped}\n`);
      return exitCode.ok;
    }
    const h2load = await h2loadVersion();
    const by = { h2load: h2load !== undefined };
    const result = await measureWith(terminal, (onPhase) =>
      measurePeers({ ...config, ...by, seed, signal, onPhase }),
    );
    const report: PeersReport = {
      config: { ...config, seed: result.seed },
      etcd: { version },
      ...(h2load === undefined ? {} : { h2load: { version: h2load } }),
      ...result,
      ...(await provenance()),
    };
    stdout.write(json === true ? `${JSON.stringify(report)}\n` : peersText(report));
    const { balsa, etcd } = result.verified;
    for (const { problem } of [balsa, etcd]) {
      if (problem !== undefined) stderr.write(`balsa: ${problem}\n`);
    }
    return areWell(result.verified) ? exitCode.ok : exitCode.failed;
  } catch (error) {
    if (!(error instanceof PeerFailure)) throw error;
    stderr.write(`${stderr.colours.red(`balsa: ${error.message}`)}\n`);
    return exitCode.failed;
  }
}

/** What `--json` prints. */
interface PeersReport extends PeersResult, Provenance {
  readonly config: {
    readonly peer: string;
    readonly nodes: number;
    readonly outstanding: readonly number[];
    readonly valueBytes: number;
    readonly keys: number;
    readonly seconds: number;
    readonly warmupSeconds: number;
    readonly dataDir: string;
    readonly seed: number;
  };
  readonly etcd: { readonly version: string };
  /** Absent if it is not installed. */
  readonly h2load?: { readonly version: string };
}

/** Throws `RAFT_INVALID_OPTION` for options that have no place beside `--peers`. */
function dataDirOf({ dataDir = true, syncPolicy }: PeersFlags, command: Command): string {
  const refuse = (option: string, expected: string): never => {
    const text = `${option} is set, beside --peers; expected ${expected}`;
    throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option } });
  };
  for (const [name, option] of strangers) {
    if (command.getOptionValueSource(name) === 'cli') {
      refuse(option, 'durable writes in a closed loop, from one thread for each of the two');
    }
  }
  // etcd waits for its disk, and so has balsa to.
  const durable = durableOf({ dataDir, syncPolicy: syncPolicy ?? 'always' });
  if (durable?.syncPolicy !== 'always') refuse('--sync-policy', 'always, which is what etcd does');
  return durable?.dataDir ?? '';
}

function peersText(report: PeersReport): string {
  const { config, disk, rounds, verified, etcd, h2load } = report;
  const length = inSeconds(config.seconds / rounds);
  const data = `${config.valueBytes}-byte values, ${counted(config.keys, 'key')}`;
  const lost = (one: { acknowledged: number; lost: number }): string =>
    `${count(one.acknowledged)} acknowledged writes, ${count(one.lost)} lost`;
  const lines = [
    `load      durable sets, ${data}; ${counted(config.nodes, 'member')} each, one generator`,
    `          ${rounds} rounds of ${length} in turn; writes/s are the median (smallest–largest)`,
    ...(disk === undefined ? [] : [`disk      ${diskText(disk)}`]),
    `etcd      ${etcd.version}`,
    `h2load    ${h2load?.version ?? noH2load}`,
    '',
    ...alignedLines({ head, rows: report.cases.flatMap(rowsOf), texts: ['store'] }),
    '',
    `verified  balsa: ${lost(verified.balsa)}`,
    `          etcd: ${lost(verified.etcd)}`,
    ...h2loadLines(verified.etcd.h2load),
    ...failedLines(report.cases),
  ];
  return indented(lines);
}

function h2loadLines(counts: PeersResult['verified']['etcd']['h2load']): string[] {
  if (counts === undefined) return [];
  const { acknowledged, done } = counts;
  return [`          h2load: ${count(acknowledged)} acknowledged writes, ${count(done)} done`];
}

/** What calls that failed were told. */
function failedLines(cases: readonly PeerCase[]): string[] {
  return cases.flatMap(({ outstanding, balsa, etcd }) => {
    const told = (name: string, { errors }: PeerFigures): string[] =>
      Object.entries(errors).map(
        ([what, times]) => `failed    ${name} at ${count(outstanding)}: ${what}, ${count(times)}`,
      );
    return [...told('balsa', balsa), ...told('etcd', etcd)];
  });
}

const head = ['outstanding', 'store', 'writes/s', 'range', 'p50', 'p99', 'cores', 'failed'];

function rowsOf({ outstanding, balsa, etcd, h2load, ...ratios }: PeerCase): string[][] {
  const ratioCells = ({ ratio, p99Ratio }: PeerRatios): string[] => [
    ...[quotient(ratio, 1), '', '', quotient(p99Ratio, 3)],
  ];
  const rows = [
    [count(outstanding), 'balsa', ...cellsOf(balsa), ...costOf(balsa)],
    ['', 'etcd', ...cellsOf(etcd), ...costOf(etcd)],
    ['', 'balsa / etcd', ...ratioCells(ratios)],
  ];
  if (h2load === undefined) return rows;
  return [
    ...rows,
    ['', 'etcd by h2load', ...cellsOf(h2load)],
    ['', 'balsa / etcd by h2load', ...ratioCells(h2load)],
  ];
}

/** Nothing can be divided by what got nothing done. */
function quotient(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : fixed(value, digits);
}

function cellsOf({ writesPerSecond, latencyMicros }: H2loadFigures): string[] {
  const { min, median, max } = writesPerSecond;
  return [
    count(median),
    `(${count(min)}–${count(max)})`,
    micros(latencyMicros.p50),
    micros(latencyMicros.p99),
  ];
}

function costOf({ cores, memberCores = 0, errors }: PeerFigures): string[] {
  const failed = Object.values(errors).reduce((sum, times) => sum + times, 0);
  return [fixed(cores + memberCores, 2), count(failed)];
}
