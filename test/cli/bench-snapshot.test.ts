import { readdirSync } from 'node:fs';
import test from 'ava';
import type { LiveSnapshotResult } from '../../benchmarks/live-snapshot.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';
import { assertInterruptible } from './interruptible.js';

test.serial('balsa bench snapshot --json has turns and writes, while saving and not', async (t) => {
  const words = ['--keys', '2000', '--value-bytes', '1000', '--rate', '4000', '--seconds', '4'];

  const ended = await balsa(['bench', 'snapshot', ...words, '--seed', '7', '--json']);

  t.like(ended, { exitCode: 0, stderr: '' });
  const report = JSON.parse(ended.stdout) as LiveSnapshotResult & Record<string, unknown>;
  t.like(report, { config: { nodes: 3, keys: 2_000, rate: 4_000, seconds: 4, seed: 7 } });
  t.true(report.snapshots > 0);
  t.true((report.snapshotMs ?? 0) > 0);
  for (const side of [report.saving, report.otherwise]) {
    t.true(side.turns > 0);
    t.true(side.longestMs > 0);
    if (side.own !== undefined) t.true(side.own.longestMs <= side.longestMs);
    t.true(side.loopDelayMs.max >= side.loopDelayMs.p99);
    t.true(side.latencyMicros.max >= side.latencyMicros.p99);
  }
  t.true(report.otherwise.writes > 0);
  t.like(report.verified, { lost: 0, ghosts: 0, digestsEqual: true });
});

test.serial('a time in which no state is saved is too short, and nothing is left', async (t) => {
  const folder = directoryOf(t);
  const words = ['--keys', '2000', '--rate', '1', '--seconds', '0.1', '--data-dir', folder];

  const { exitCode, stdout, stderr } = await balsa(['bench', 'snapshot', ...words]);

  t.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  t.regex(stderr, /^balsa: RAFT_INVALID_OPTION: --seconds is '0.1'; no state was saved [^\n]*\n$/);
  t.deepEqual(readdirSync(folder), []);
});

test.serial('Ctrl-C in the middle leaves no directory', (t) =>
  assertInterruptible(t, ['bench', 'snapshot', '--seconds', '100']),
);
