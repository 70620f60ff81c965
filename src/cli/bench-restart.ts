/** `balsa bench restart`: how long until a cluster that was closed serves again. */
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { count, counted, mebibytes, ms } from '../../benchmarks/figures.js';
import { measureRestart, type RestartResult } from '../../benchmarks/restart.js';
import { RaftError } from '../errors.js';
import { addCommonOptions, type CommonFlags } from './bench-options.js';
import { indented, measureWith, printResult } from './bench-run.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface RestartFlags extends CommonFlags {
  readonly keys: number;
  readonly writes?: number;
  readonly valueBytes: number;
  readonly outstanding: number;
  readonly restarts: number;
  readonly dataDir: string;
}

export function restartCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('restart')
    .summary('how long until a closed cluster serves again, and how much disk it takes')
    .description(
      'Writes keys over and over on disk, closes the cluster and opens it again until it answers ' +
        'a linearizable read. Every acknowledged write must be there.',
    )
    .option('--keys <n>', 'different keys', whole('--keys', { min: 1, max: 1_000_000 }), 100_000)
    .option('--writes <n>', 'writes in all (default: one for each key)', writes)
    .option('--value-bytes <b>', 'length of a value', whole('--value-bytes', valueRange), 100)
    .option('--outstanding <k>', 'calls under way', outstanding, 1_024)
    .option('--restarts <n>', 'how often', whole('--restarts', { min: 1, max: 1_000 }), 5)
    .option('--data-dir <dir>', 'where a new directory is made, and removed', tmpdir());
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: RestartFlags) => end(await run(flags, terminal)));
}

const valueRange = { min: 8, max: 524_000 };
const writes = whole('--writes', { min: 1, max: 1_000_000_000 });
const outstanding = whole('--outstanding', { min: 1, max: 65_536 });
/** A snapshot of a node is no larger by default. */
const stateBytesMax = 2 ** 29 - 2 ** 26;

const examples = `
Examples:
  balsa bench restart
  balsa bench restart --writes 2000000
  balsa bench restart --keys 10000 --value-bytes 40000 --restarts 3`;

async function run(flags: RestartFlags, terminal: Terminal): Promise<number> {
  const { signal } = terminal;
  const { json, ...config } = flags;
  const { keys, valueBytes } = flags;
  if (keys * valueBytes > stateBytesMax) {
    const found = `--keys is '${keys}', with values of ${valueBytes} bytes`;
    throw new RaftError('RAFT_INVALID_OPTION', `${found}; expected at most 448 MiB of values`, {
      details: { option: '--keys' },
    });
  }
  const total = Math.max(keys, flags.writes ?? keys);
  const result = await measureWith(terminal, (onPhase) => {
    const onProgress = (done: number): void => onPhase(done / total, counted(done, 'write'));
    return measureRestart({ ...config, writes: total, seed: flags.seed, signal, onProgress });
  });
  const report = { config, ...result };
  await printResult(terminal, { json, report, text: () => restartText(result, total) });
  return exitCode.ok;
}

function restartText(result: RestartResult, total: number): string {
  const { writesPerSecond, directoryBytesMost, directoryBytes, servedMsSpread, cpuMs } = result;
  const cpu = [...cpuMs].sort((a, b) => a - b)[Math.floor(cpuMs.length / 2)] ?? 0;
  const lines = [
    `${counted(total, 'write')} on ${result.fileSystem}, ${count(writesPerSecond)} a second`,
    `a node's directory: ${mebibytes(directoryBytes)}, at most ${mebibytes(directoryBytesMost)}`,
    `serves after ${ms(servedMsSpread.median)} (median of ${servedMsSpread.count}; ` +
      `${ms(servedMsSpread.min)} to ${ms(servedMsSpread.max)}), ${ms(cpu)} of CPU time`,
  ];
  return indented(lines);
}
