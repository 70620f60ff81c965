import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Assembly } from '../../src/cluster/assembly.js';
import { connect, createCluster } from '../../src/index.js';
import { lockDirectory } from '../../src/storage/directory-lock.js';
import { directoryOf } from '../directory.js';

for (const [name, faults, code] of [
  ['EIO', { errorChance: 1 }, 'EIO'],
  ['a full disk', { fullChance: 1 }, 'ENOSPC'],
] as const) {
  test.serial(
    `a leader whose disk says ${name} stops, and nothing acknowledged is lost (pitfall 39)`,
    async (t) => {
      await using cluster = await createCluster({ dataDir: directoryOf(t) });
      const leader = await cluster.waitForLeader();
      await cluster.set('before', 1);
      const failed = cluster.once('storage-failed');

      await cluster.disk(leader, faults);
      // The outcome of what was under way is open; the client asks the next leader.
      await cluster.set('after', 2);

      const { nodeId, message } = await failed;
      t.is(nodeId, leader);
      t.true(message.includes(code), message);
      t.not(await cluster.waitForLeader(), leader);
      t.deepEqual(await cluster.getMany(['before', 'after']), [1, 2]);

      await cluster.restart(leader);
      const { index } = await cluster.set('again', 3);
      await cluster.waitForApplied(index, { nodes: cluster.nodes });
      t.truthy((await cluster.waitForConverged()).digest);
    },
  );
}

test.serial('a disk may end its node before the call that makes it fail is answered', async (t) => {
  await using cluster = await createCluster({ dataDir: directoryOf(t), size: 1 });
  await cluster.set('before', 1);
  const { supervisor } = (cluster as unknown as { assembly: Assembly }).assembly;
  const child = supervisor.child('n1');
  const { call } = child;
  const down = cluster.once('node-down');
  // The answer comes later than the news of what the disk said.
  child.call = async (...request) => {
    await call.apply(child, request);
    const write = cluster.set('after', 2, { timeoutMs: 86_400_000 });
    await t.throwsAsync(write, { code: 'RAFT_NO_QUORUM' });
    await down;
    return call.apply(child, request);
  };

  t.deepEqual(await cluster.disk('n1', { errorChance: 1 }), ['n1']);

  child.call = call;
  await t.throwsAsync(cluster.disk('n1', {}), { code: 'RAFT_NODE_DOWN' });
});

test.serial(
  'a disk that stalls for ever is not hidden by heartbeats: another node leads (pitfall 39)',
  async (t) => {
    await using cluster = await createCluster({ dataDir: directoryOf(t) });
    const stalled = await cluster.waitForLeader();
    const { currentTerm } = cluster.status();

    await cluster.disk(stalled, { stallChance: 1, stallMs: 60_000 });
    const write = cluster.set('k', 1);

    const among = cluster.nodes.filter((id) => id !== stalled);
    await cluster.waitForLeader({ afterTerm: currentTerm, among });
    await write;
    t.is(await cluster.get('k'), 1);
  },
);

test.serial(
  'all disks are full at once: nobody acknowledges, nothing hangs, and with room all is there',
  async (t) => {
    const dataDir = directoryOf(t);
    await using cluster = await createCluster({ dataDir });
    await cluster.set('before', 1);
    const failed: string[] = [];
    cluster.on('storage-failed', ({ message }) => failed.push(message));

    await cluster.disk(cluster.nodes, { fullChance: 1 });
    // Nobody has to wait for what cannot come.
    const day = { timeoutMs: 86_400_000 };
    const write = await t.throwsAsync(() => cluster.set('during', 2, day));

    // The last one may have nothing to write: alone it is asked for no vote, and asks for none.
    t.true(failed.length >= 2);
    for (const message of failed) t.regex(message, /ENOSPC: no space left on device/);
    t.like(write, { code: 'RAFT_NO_QUORUM', details: { outcome: 'unknown' } });
    const read = await t.throwsAsync(() => cluster.get('before', day), { code: 'RAFT_NO_QUORUM' });
    t.regex(read?.message ?? '', /ENOSPC: no space left on device/);
    t.like(read, { details: { outcome: 'rejected' }, cause: { code: 'RAFT_STORAGE_FAILED' } });
    await using other = await connect(await cluster.port());
    const late = await t.throwsAsync(() => other.set('late', 1, day), { code: 'RAFT_NO_QUORUM' });
    t.like(late, { details: { outcome: 'rejected' } });
    const codes = cluster.status().nodes.flatMap(({ failure }) => failure?.code ?? []);
    t.deepEqual([...new Set(codes)], ['RAFT_STORAGE_FAILED']);
    await cluster.restart(cluster.nodes);
    t.is(await cluster.get('before', { timeoutMs: 30_000 }), 1);
    t.is(await other.get('late', { timeoutMs: 30_000 }), undefined);
    t.true([undefined, 2].includes((await cluster.get('during')) as number | undefined));
    await cluster.close();
  },
);

test('a lock is given back on a full disk, and drafts of killed processes go', (t) => {
  const directory = directoryOf(t);
  const lock = lockDirectory(directory);
  // The number of no process: beyond what the system gives.
  writeFileSync(join(directory, 'holder-4194305-9.draft'), '');
  const { writeFileSync: write } = fs;
  fs.writeFileSync = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  syncBuiltinESMExports();
  try {
    lock[Symbol.dispose]();
  } finally {
    fs.writeFileSync = write;
    syncBuiltinESMExports();
  }

  lockDirectory(directory)[Symbol.dispose]();

  t.deepEqual(readdirSync(directory), ['holder-2.lock']);
});

test('a lock that does not say who holds it holds nothing', (t) => {
  const directory = directoryOf(t);
  for (const found of ['', 'nul', 'null', '[]', '{"pid":"x"}', '{"host":"here","pid":0}']) {
    writeFileSync(join(directory, 'holder-1.lock'), found);

    t.notThrows(() => lockDirectory(directory)[Symbol.dispose](), found);
  }
});

test('a lock of a process whose number another one has now holds nothing', (t) => {
  const directory = directoryOf(t);
  const lock = lockDirectory(directory);
  const file = join(directory, 'holder-1.lock');
  const holder = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  lock[Symbol.dispose]();
  // The number of a process that lives, and a beginning that is not its own.
  writeFileSync(file, JSON.stringify({ ...holder, pid: process.ppid, started: '1' }));

  const take = (): Disposable => lockDirectory(directory);

  // Where the system does not tell when a process began, its number has to do.
  if (holder['started'] === undefined) t.throws(take, { code: 'RAFT_STORAGE_LOCKED' });
  else t.notThrows(() => take()[Symbol.dispose]());
});

test.serial('a cluster without disks has none that could fail', async (t) => {
  await using cluster = await createCluster();

  const attempt = (): Promise<unknown> => cluster.disk('n1', { errorChance: 1 });

  await t.throwsAsync(attempt, { code: 'RAFT_INVALID_OPTION' });
});

const holder = fileURLToPath(new URL('../storage/fixtures/hold-directory.js', import.meta.url));

test.serial(
  'another process on a directory gets a clear error; a killed one blocks nobody',
  async (t) => {
    const directory = join(directoryOf(t), 'n1');
    mkdirSync(directory);
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [holder, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');

      const error = t.throws(() => lockDirectory(directory), { code: 'RAFT_STORAGE_LOCKED' });
      t.like(error, { details: { pid: child.pid, directory } });
      child.kill('SIGKILL');
      await once(child, 'exit');

      const lock = lockDirectory(directory);
      t.throws(() => lockDirectory(directory), { code: 'RAFT_STORAGE_LOCKED' });
      lock[Symbol.dispose]();
    }
    t.is(readdirSync(directory).length, 1);
  },
);

test.serial('of many that take over at once, one has the directory', async (t) => {
  const directory = join(directoryOf(t), 'n1');
  mkdirSync(directory);
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, [holder, directory], { stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  const said = await Promise.all(
    children.map(async (child) => String((await once(child.stdout, 'data'))[0]).trim()),
  );
  for (const child of children) child.kill('SIGKILL');

  t.is(said.filter((word) => word === 'held').length, 1, said.join());
  t.is(said.filter((word) => word === 'RAFT_STORAGE_LOCKED').length, 5);
});
