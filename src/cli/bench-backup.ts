/** `balsa bench backup`: how long a whole cluster takes to export and to import. */
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { type BackupResult, measureBackup } from '../../benchmarks/backup.js';
import { count, counted, mebibytes, micros, ms } from '../../benchmarks/figures.js';
import type { Spread } from '../../benchmarks/spread.js';
import { alignedLines } from '../../benchmarks/table.js';
import type { LatencyMicros } from '../store/load-latency.js';
import { addCommonOptions, type CommonFlags, checkData } from './bench-options.js';
import { indented, measureWith, printResult } from './bench-run.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface BackupFlags extends CommonFlags {
  readonly nodes: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly rounds: number;
  readonly dataDir: string;
}

export function backupCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('backup')
    .summary('how long an export and an import of a whole cluster take, and who waits for them')
    .description(
      'Fills a cluster in memory with keys, exports it to a file and imports the file again, ' +
        'while one client writes all the time. After each import all keys must be as they were.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 1 to 9', whole('--nodes', { min: 1, max: 9 }), 3)
    .option('--keys <n>', 'different keys', whole('--keys', { min: 1, max: 2_000_000 }), 1_000_000)
    .option('--value-bytes <b>', 'length of a value', whole('--value-bytes', valueRange), 100)
    .option('--rounds <n>', 'exports and imports', whole('--rounds', { min: 1, max: 1_000 }), 3)
    .option('--data-dir <dir>', 'where a directory for the file is made, and removed', tmpdir());
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: BackupFlags) => end(await run(flags, terminal)));
}

const valueRange = { min: 8, max: 100_000 };

const examples = `
Examples:
  balsa bench backup
  balsa bench backup --keys 100000 --value-bytes 1000 --data-dir /mnt/disk --json`;

async function run(flags: BackupFlags, terminal: Terminal): Promise<number> {
  const { json, seed, ...settings } = flags;
  const { signal } = terminal;
  checkData(flags);
  const result = await measureWith(terminal, (onPhase) =>
    measureBackup({ ...settings, seed, signal, onPhase }),
  );
  const report = { config: { ...settings, seed: result.seed }, ...result };
  await printResult(terminal, { json, report, text: () => backupText(result, flags) });
  return exitCode.ok;
}

function backupText(result: BackupResult, { nodes, keys }: BackupFlags): string {
  const { fileBytes, fileSystem, exportedMs, importedMs, writes } = result;
  return indented([
    `${counted(nodes, 'node')}, ${counted(keys, 'key')}`,
    `a file of ${mebibytes(fileBytes)} on ${fileSystem}`,
    `export ${took(exportedMs)}`,
    `import ${took(importedMs)}`,
    '',
    ...alignedLines({
      head: ['writes', 'p50', 'p99', 'p99.9', 'max'],
      rows: [
        latencyRow('alone', writes.alone),
        latencyRow('beside an export', writes.exporting),
        latencyRow('beside an import', writes.importing),
      ],
    }),
  ]);
}

function took({ count: rounds, median, min, max }: Spread): string {
  return `${ms(median)} (median of ${count(rounds)}; ${ms(min)} to ${ms(max)})`;
}

function latencyRow(name: string, { p50, p99, p999, max }: LatencyMicros): string[] {
  return [name, ...[p50, p99, p999, max].map(micros)];
}
