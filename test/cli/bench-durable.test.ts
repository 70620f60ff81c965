/** `balsa bench --data-dir`: a cluster on disk, and a directory that is gone afterwards. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { balsa, lineWith, start } from './balsa.js';

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'balsa-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test.serial('a cluster on disk is measured, with the disk, and leaves nothing', async (t) => {
  const folder = folderFor(t);
  const args = ['--data-dir', folder, '--seconds', '0.3', '--no-baseline', '--outstanding', '64'];

  const { exitCode, stdout, stderr } = await balsa(['bench', ...args, '--json']);

  t.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  const { config, disk, verified } = JSON.parse(stdout);
  t.like(config, { dataDir: folder, syncPolicy: 'always', outstanding: 64 });
  t.regex(disk.fileSystem, /^\w+$/);
  t.true(disk.syncMicros.p50 > 0 && disk.syncMicros.p99 >= disk.syncMicros.p50);
  t.like(verified, { lost: 0, digestsEqual: true });
  t.deepEqual(readdirSync(folder), []);
});

test.serial('the sync policy is that of the option, and the table tells it', async (t) => {
  const folder = folderFor(t);
  const args = ['--nodes', '1', '--seconds', '0.2', '--no-baseline', '--sync-policy', 'none'];

  const ended = await balsa(['bench', '--data-dir', folder, ...args]);

  t.is(ended.exitCode, 0);
  t.regex(ended.stdout, /^ {2}load +1 node on disk, .*\n.*, sync policy none$/m);
  t.regex(ended.stdout, /^ {2}disk +\w+.*; by itself 4 KiB written and synced in/m);
});

test.serial('Ctrl-C in the middle leaves no directory', async (t) => {
  const folder = folderFor(t);
  const args = ['bench', '--data-dir', folder, '--seconds', '40'];
  const running = start(args, { preload: 'tells-of-leaders' });
  await lineWith(running, 'a leader is there');
  t.is(readdirSync(folder).length, 1);

  running.process.kill('SIGINT');
  const { exitCode, stderr } = await running.ended;

  t.deepEqual({ exitCode, stderr }, { exitCode: 130, stderr: '' });
  t.deepEqual(readdirSync(folder), []);
});

test.serial('a second Ctrl-C, which waits for nothing, leaves no directory either', async (t) => {
  const folder = folderFor(t);
  const args = ['bench', '--data-dir', folder, '--seconds', '0.2', '--no-baseline'];
  const running = start(args, { preload: 'never-closes' });
  await lineWith(running, 'closing');

  running.process.kill('SIGINT');
  running.process.kill('SIGTERM');
  const { exitCode } = await running.ended;

  t.true(exitCode === 130 || exitCode === 143, `${exitCode}`);
  t.deepEqual(readdirSync(folder), []);
});

test.serial('a disk that fails ends the measurement with what it said', async (t) => {
  const folder = folderFor(t);
  const args = ['bench', '--data-dir', folder, '--seconds', '40'];

  const { exitCode, stdout, stderr } = await balsa(args, { preload: 'failing-disk' });

  t.is(exitCode, 1);
  t.is(stdout, '');
  t.regex(stderr, /^balsa: RAFT_STORAGE_FAILED: [^\n]*EIO[^\n]*\n$/);
  t.deepEqual(readdirSync(folder), []);
});
