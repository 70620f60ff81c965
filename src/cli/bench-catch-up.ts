/** `balsa bench catch-up`: how long a follower that was away takes to be level again. */
import type { Command } from 'commander';
import { type CatchUpResult, measureCatchUp } from '../../benchmarks/catch-up.js';
import { count, counted, seconds as inSeconds, micros, ms } from '../../benchmarks/figures.js';
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

interface CatchUpFlags extends SteadyFlags {
  readonly writes: number;
}

export function catchUpCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('catch-up')
    .summary('how long a follower that was away takes, while the others serve')
    .description(
      'Ends the thread of a follower, takes many writes without it, starts it again under a ' +
        'steady load, and measures the time until it is level with the others; and what the ' +
        'writes take before, during and after.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 3 to 9', nodes, 3)
    .option('--writes <n>', 'writes while it is away', writes, 1_000_000)
    .option('--keys <n>', 'different keys', whole('--keys', { min: 1, max: 2_000_000 }), 100_000)
    .option('--value-bytes <b>', 'length of a value', whole('--value-bytes', valueRange), 100)
    .option('--rate <ops>', 'writes a second meanwhile', rate, 20_000)
    .option('--seconds <s>', 'time that is measured before, and after', seconds, 3);
  addDurabilityOptions(command);
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: CatchUpFlags) => end(await run(flags, terminal)));
}

const nodes = whole('--nodes', { min: 3, max: 9 }, ': fewer do not survive a follower');
const writes = whole('--writes', { min: 1, max: 1_000_000_000 });
const valueRange = { min: 8, max: 100_000 };
const rate = whole('--rate', { min: 1, max: 1_000_000 });
const seconds = decimal('--seconds', { min: 0.1, max: 600 });

const examples = `
Examples:
  balsa bench catch-up
  balsa bench catch-up --data-dir
  balsa bench catch-up --writes 10000 --rate 1000 --json`;

async function run(flags: CatchUpFlags, terminal: Terminal): Promise<number> {
  const { dataDir: _, syncPolicy: __, json, seed, ...settings } = flags;
  const { signal } = terminal;
  checkData(flags);
  const durable = durableOf(flags);
  const result = await measureWith(terminal, (onPhase) =>
    measureCatchUp({ ...settings, durable, seed, signal, onPhase }),
  );
  const report = { config: { ...settings, ...durable, seed: result.seed }, ...result };
  await printResult(terminal, { json, report, text: () => catchUpText(result, flags) });
  return judged(terminal, result.verified);
}

function catchUpText(result: CatchUpResult, flags: CatchUpFlags): string {
  const { away, entries, by, startedMs, caughtUpMs, stages, errors, elections, disk } = result;
  const lacked = `${counted(flags.writes, 'write')} in ${count(entries)} entries`;
  const way = by === 'log' ? 'from the log' : 'by a snapshot';
  return indented([
    `${away} of ${counted(flags.nodes, 'node')} was away for ${lacked}`,
    `level after ${ms(caughtUpMs)}, ${way}; its thread was ready after ${ms(startedMs)}`,
    ...(disk === undefined ? [] : [diskText(disk)]),
    '',
    ...alignedLines({ head, rows: (['before', 'during', 'after'] as const).map(row) }),
    '',
    ...(elections > 0 ? [`${counted(elections, 'election')} meanwhile`] : []),
    ...Object.entries(errors).map(([code, times]) => `${code} ${count(times)}`),
    lossText(result.verified),
  ]);

  function row(stage: keyof typeof stages): string[] {
    const { seconds: time, writes: made, latencyMicros } = stages[stage];
    const { p50, p99, p999, max } = latencyMicros;
    return [stage, inSeconds(time), count(made), ...[p50, p99, p999, max].map(micros)];
  }
}

const head = ['', 'time', 'writes', 'p50', 'p99', 'p99.9', 'max'];
