/** `balsa bench recovery`: how long a node takes to come back from a long log. */
import { tmpdir } from 'node:os';
import { type Command, Option } from 'commander';
import { count, counted, mebibytes, ms } from '../../benchmarks/figures.js';
import {
  measureRecovery,
  type RecoveryCase,
  type RecoveryResult,
} from '../../benchmarks/recovery.js';
import { boundOf, recoverySteps, type StepTimes } from '../../benchmarks/recovery-steps.js';
import { spreadOf } from '../../benchmarks/spread.js';
import { alignedLines } from '../../benchmarks/table.js';
import { addCommonOptions, type CommonFlags, checkData } from './bench-options.js';
import { indented, measureWith, printResult } from './bench-run.js';
import { exitCode } from './exit-code.js';
import { byteCount, whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface RecoveryFlags extends CommonFlags {
  readonly bytes: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly recoveries: number;
  readonly dataDir: string;
}

export function recoveryCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('recovery')
    .summary('how long a node takes to come back from a long log, and what bounds it')
    .description(
      'Writes a log of one node up to a size, without saving its state, and ends its thread. ' +
        'Then measures how long it takes until a linearizable read is answered again, from the ' +
        'disk and from the cache of the operating system, and how long each of the steps takes ' +
        'on one thread. The state must be the one from before.',
    )
    .addOption(
      new Option('--bytes <size>', 'of the log on disk, such as 256MiB')
        .argParser(bytes)
        .default(2 ** 30, '1GiB'),
    )
    .option('--keys <n>', 'different keys', whole('--keys', { min: 1, max: 1_000_000 }), 100_000)
    .option('--value-bytes <b>', 'length of a value', whole('--value-bytes', valueRange), 100)
    .option('--recoveries <n>', 'how often each', recoveries, 3)
    .option('--data-dir <dir>', 'where a new directory is made, and removed', tmpdir());
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: RecoveryFlags) => end(await run(flags, terminal)));
}

/**
 * A log has its first segment of 16 MiB before anything is written, and the next one soon. A node
 * that may hold two GiB begins to save its state at the half of it.
 */
const bytes = byteCount('--bytes', { min: 2 ** 25, max: 2 ** 30 });
/** A value is at most half of an entry. */
const valueRange = { min: 8, max: 30_000 };
const recoveries = whole('--recoveries', { min: 1, max: 100 });

const examples = `
Examples:
  balsa bench recovery
  balsa bench recovery --bytes 128MiB --data-dir /mnt/disk
  balsa bench recovery --keys 1000000 --recoveries 1 --json`;

async function run(flags: RecoveryFlags, terminal: Terminal): Promise<number> {
  const { json, seed, ...settings } = flags;
  const { signal } = terminal;
  checkData(flags);
  const result = await measureWith(terminal, (onPhase) =>
    measureRecovery({ ...settings, seed, signal, onPhase }),
  );
  const report = { config: { ...settings, seed: result.seed }, ...result };
  await printResult(terminal, { json, report, text: () => recoveryText(result) });
  return exitCode.ok;
}

function recoveryText({ cases, ...result }: RecoveryResult): string {
  const log = `${mebibytes(result.logBytes)} of log on ${result.fileSystem}`;
  return indented([
    `${log}: ${counted(result.writes, 'write')} in ${count(result.entries)} entries`,
    ...(cases.length > 1 ? [] : ['the cache of the operating system could not be emptied here']),
    '',
    ...alignedLines({
      head: ['', ...cases.flatMap(({ cache }) => [cache, 'CPU'])],
      rows: rowsOf(cases),
    }),
    '',
    'read to apply: the same steps once more, alone on one thread',
    ...cases.map(({ cache, steps }) => `bound, ${cache}, by ${boundOf(steps)}`),
  ]);
}

function rowsOf(cases: readonly RecoveryCase[]): string[][] {
  const serves = cases.map(({ servedMs, cpuMs }) => ({
    ms: spreadOf(servedMs).median,
    cpuMs: spreadOf(cpuMs).median,
  }));
  const row = (name: string, times: readonly StepTimes[]): string[] => [
    name,
    ...times.flatMap((time) => [ms(time.ms), ms(time.cpuMs)]),
  ];
  return [
    row('serves again', serves),
    ...recoverySteps.map((name) =>
      row(
        name,
        cases.map(({ steps }) => steps[name]),
      ),
    ),
  ];
}
