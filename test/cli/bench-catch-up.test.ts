import { readdirSync } from 'node:fs';
import test from 'ava';
import type { CatchUpResult } from '../../benchmarks/catch-up.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';
import { assertInterruptible } from './interruptible.js';

test.serial('balsa bench catch-up --json tells of the writes in all three stages', async (t) => {
  const words = ['--writes', '20000', '--keys', '300', '--rate', '500', '--seconds', '0.3'];

  const ended = await balsa(['bench', 'catch-up', ...words, '--seed', '7', '--json']);

  t.like(ended, { exitCode: 0, stderr: '' });
  const report = JSON.parse(ended.stdout) as CatchUpResult & Record<string, unknown>;
  t.like(report, { config: { nodes: 3, writes: 20_000, keys: 300, rate: 500, seed: 7 } });
  t.regex(report.away, /^n[123]$/);
  t.true(report.entries > 0);
  // Two MiB: the log of the leader has all of it.
  t.is(report.by, 'log');
  t.true(report.caughtUpMs >= report.startedMs && report.startedMs > 0);
  t.true(report.stages.before.writes > 0 && report.stages.after.writes > 0);
  t.true(report.stages.before.seconds >= 0.3);
  t.like(report.verified, { lost: 0, ghosts: 0, digestsEqual: true });
});

test.serial('on disk the text tells of the disk, and nothing is left', async (t) => {
  const folder = directoryOf(t);
  const words = ['--writes', '3000', '--keys', '100', '--rate', '200', '--seconds', '0.2'];

  const ended = await balsa(['bench', 'catch-up', ...words, '--data-dir', folder]);

  t.like(ended, { exitCode: 0, stderr: '' });
  t.regex(ended.stdout, /^ {2}n\d of 3 nodes was away for 3,000 writes in [\d,]+ entries\n/);
  t.regex(ended.stdout, /\n {2}level after .*, from the log; its thread was ready after /);
  t.regex(ended.stdout, /by itself 4 KiB .*\n\n +time +writes .*\n {2}before .*\n {2}during /);
  t.regex(ended.stdout, / 0 lost; equal digests on all nodes\n$/);
  t.deepEqual(readdirSync(folder), []);
});

test.serial('Ctrl-C in the middle leaves no directory', (t) =>
  assertInterruptible(t, ['bench', 'catch-up', '--writes', '1000000000']),
);
