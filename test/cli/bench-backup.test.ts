import { readdirSync } from 'node:fs';
import test from 'ava';
import type { BackupResult } from '../../benchmarks/backup.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';
import { assertInterruptible } from './interruptible.js';

test.serial('balsa bench backup --json has both ways, and the writes beside them', async (t) => {
  const folder = directoryOf(t);
  const words = ['--keys', '5000', '--rounds', '2', '--data-dir', folder, '--seed', '7'];

  const ended = await balsa(['bench', 'backup', ...words, '--json']);

  t.like(ended, { exitCode: 0, stderr: '' });
  const report = JSON.parse(ended.stdout) as BackupResult & Record<string, unknown>;
  t.like(report, { config: { nodes: 3, keys: 5_000, rounds: 2, seed: 7 }, seed: 7 });
  t.true(report.fileBytes > 5_000 * 100);
  t.deepEqual([report.exportedMs.count, report.importedMs.count], [2, 2]);
  for (const late of Object.values(report.writes)) t.true(late.p50 > 0 && late.max >= late.p99);
  t.deepEqual(readdirSync(folder), []);
});

test.serial('an import that changes nothing is found', async (t) => {
  const words = ['--keys', '100', '--rounds', '1'];

  const ended = await balsa(['bench', 'backup', ...words], { preload: 'imports-nothing' });

  t.like(ended, { exitCode: 1, stdout: '' });
  t.regex(ended.stderr, /^balsa: RAFT_BROKEN_INVARIANT: 'key0' is not what was exported/);
});

test.serial('Ctrl-C in the middle leaves no directory', (t) =>
  assertInterruptible(t, ['bench', 'backup', '--rounds', '1000', '--keys', '10000']),
);
