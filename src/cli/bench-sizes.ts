/** `balsa bench sizes`: what another node costs. */
import type { Command } from 'commander';
import { count, fixed, mebibytes, micros } from '../../benchmarks/figures.js';
import { measureSizes, type SizeResult } from '../../benchmarks/sizes.js';
import { alignedLines } from '../../benchmarks/table.js';
import { isWell } from '../../benchmarks/verdict.js';
import {
  addCommonOptions,
  addLoadOptions,
  addTimeOptions,
  type CommonFlags,
  checkData,
  type LoadFlags,
  sizes,
  type TimeFlags,
  warmupOf,
} from './bench-options.js';
import { indented, measureWith, printResult } from './bench-run.js';
import { exitCode } from './exit-code.js';
import type { Terminal } from './terminal.js';

interface SizesFlags extends LoadFlags, TimeFlags, CommonFlags {
  readonly sizes: readonly number[];
}

export function sizesCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('sizes')
    .summary('what another node costs')
    .description('The same load on clusters of different sizes, one after the other.')
    .option('--sizes <list>', 'sizes, each 1 to 9', sizes('--sizes'), [1, 3, 5, 7]);
  addLoadOptions(command);
  addTimeOptions(command, 5);
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: SizesFlags) => end(await run(flags, terminal)));
}

const examples = `
Examples:
  balsa bench sizes
  balsa bench sizes --sizes 1,2,3,4 --outstanding 64 --json`;

async function run(flags: SizesFlags, terminal: Terminal): Promise<number> {
  checkData(flags);
  const { outstanding, valueBytes, keys, readRatio, seconds, seed, json } = flags;
  const load = { outstanding, valueBytes, keys, readRatio, seconds };
  const settings = { ...load, sizes: flags.sizes, warmupSeconds: warmupOf(flags) };
  const { signal } = terminal;
  const results = await measureWith(terminal, (onPhase) =>
    measureSizes({ ...settings, seed, signal, onPhase }),
  );
  const report = { config: settings, sizes: results };
  const text = (): string => indented(alignedLines({ head, rows: results.map(rowOf) }));
  await printResult(terminal, { json, report, text });
  return results.every(({ verified }) => isWell(verified)) ? exitCode.ok : exitCode.failed;
}

const head = ['nodes', 'ops/s', 'ratio', 'p50', 'p99', 'CPU µs/op', 'memory', 'lost'];

function rowOf(result: SizeResult): string[] {
  const { latencyMicros, verified } = result;
  return [
    String(result.nodes),
    count(result.opsPerSecond),
    fixed(result.ratioToFirst, 2),
    micros(latencyMicros.p50),
    micros(latencyMicros.p99),
    fixed(result.cpuMicrosPerOp, 2),
    mebibytes(result.rssBytes),
    count(verified.lost),
  ];
}
