/** `balsa bench snapshot`: what saving a large state costs those who write meanwhile. */
import type { Command } from 'commander';
import { count, counted, micros, ms } from '../../benchmarks/figures.js';
import {
  type LiveSnapshotResult,
  measureLiveSnapshot,
  type SnapshotSide,
} from '../../benchmarks/live-snapshot.js';
import { alignedLines } from '../../benchmarks/table.js';
import {
  addCommonOptions,
  addDurabilityOptions,
  checkData,
  durableOf,
  type SteadyFlags,
} from './bench-options.js';
import { indented, judged, measureWith, printResult } from './bench-run.js';
import { diskText, lossText } from './bench-text.js';
import { decimal, whole } from './option-value.js';
import type { Terminal } from './terminal.js';

export function liveSnapshotCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('snapshot')
    .summary('for how long saving a large state holds up its node and its clients')
    .description(
      'Fills a cluster with keys and writes at a steady rate, while its nodes save their states ' +
        'as they do by themselves. Measures in the threads of the nodes how long each turn ' +
        'takes and how late the event loop is, and what the writes take, apart for the time in ' +
        'which a state is saved.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 1 to 9', whole('--nodes', { min: 1, max: 9 }), 3)
    .option('--keys <n>', 'different keys', whole('--keys', { min: 1, max: 2_000_000 }), 1_000_000)
    .option('--value-bytes <b>', 'length of a value', whole('--value-bytes', valueRange), 100)
    .option('--rate <ops>', 'writes a second', whole('--rate', { min: 1, max: 1_000_000 }), 20_000)
    .option('--seconds <s>', 'time that is measured', seconds, 30);
  addDurabilityOptions(command);
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: SteadyFlags) => end(await run(flags, terminal)));
}

const valueRange = { min: 8, max: 100_000 };
const seconds = decimal('--seconds', { min: 0.1, max: 3_600 });

const examples = `
Examples:
  balsa bench snapshot
  balsa bench snapshot --data-dir
  balsa bench snapshot --keys 100000 --rate 100000 --seconds 10 --json`;

async function run(flags: SteadyFlags, terminal: Terminal): Promise<number> {
  const { nodes, keys, valueBytes, rate, seconds: time, seed, json } = flags;
  const { signal } = terminal;
  checkData(flags);
  const durable = durableOf(flags);
  const settings = { nodes, keys, valueBytes, rate, seconds: time };
  const result = await measureWith(terminal, (onPhase) =>
    measureLiveSnapshot({ ...settings, durable, seed, signal, onPhase }),
  );
  const report = { config: { ...settings, ...durable, seed: result.seed }, ...result };
  await printResult(terminal, { json, report, text: () => snapshotText(result, flags) });
  return judged(terminal, result.verified);
}

function snapshotText(result: LiveSnapshotResult, { nodes, keys, rate }: SteadyFlags): string {
  const { snapshots, snapshotMs, saving, otherwise, disk, verified } = result;
  const each = snapshotMs === undefined ? '' : `, ${ms(snapshotMs)} each`;
  return indented([
    `${counted(nodes, 'node')}, ${counted(keys, 'key')}, ${count(rate)} writes a second`,
    `${counted(snapshots, 'state')} saved${each}`,
    ...(disk === undefined ? [] : [diskText(disk)]),
    '',
    ...alignedLines({ head, rows: [row('saving', saving), row('otherwise', otherwise)] }),
    '',
    'turns, loop: of all nodes, in their threads; own: without waiting for a CPU',
    'writes: of the client, from when each was due',
    lossText(verified),
  ]);
}

const head = [
  ...['', 'longest turn', 'its own', 'over 10 ms', 'of turns', 'loop p99', 'p99.9', 'max'],
  ...['writes', 'p50', 'p99', 'p99.9', 'max'],
];

function row(name: string, side: SnapshotSide): string[] {
  const { loopDelayMs: late, latencyMicros } = side;
  return [
    name,
    ...[ms(side.longestMs), side.own === undefined ? '-' : ms(side.own.longestMs)],
    ...[count((side.own ?? side).longTurns), count(side.turns)],
    ...[late.p99, late.p999, late.max].map(ms),
    count(side.writes),
    ...[latencyMicros.p50, latencyMicros.p99, latencyMicros.p999, latencyMicros.max].map(micros),
  ];
}
