/** Backup and restore of a whole cluster, while clients write. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Cluster, connect, createCluster, type RaftError } from '../../src/index.js';
import { directoryOf } from '../directory.js';

const small = { entryBytesMax: 64 * 1024, logBytesMax: 2 ** 21, checkpointBytes: 128 * 1024 };

async function fill(cluster: Cluster, name: string, keys = 200): Promise<void> {
  const entries = Array.from({ length: keys }, (_, i) => [`${name}${i}`, `value ${i}`] as const);
  await Promise.all(entries.map(([key, value]) => cluster.set(key, value)));
}

/** Counts up from 0 by cas until told to end; every step is acknowledged before the next. */
async function countUp(cluster: Cluster, signal: AbortSignal): Promise<number> {
  await using client = await connect(await cluster.port());
  let count = 0;
  while (!signal.aborted) {
    const { succeeded } = await client.cas('counter', count, count + 1);
    if (!succeeded) break;
    count += 1;
  }
  return count;
}

for (const kind of ['memory', 'disk'] as const) {
  test.serial(
    `in ${kind}, a cluster that serves is exported and restored into one of another size`,
    async (t) => {
      const directory = directoryOf(t);
      const file = join(directory, 'backup');
      const durability = (name: string) =>
        kind === 'disk' ? { dataDir: join(directory, name) } : {};
      {
        await using cluster = await createCluster({ ...small, ...durability('one') });
        await fill(cluster, 'k');
        const writing = new AbortController();
        await cluster.set('counter', 0);
        const counted = countUp(cluster, writing.signal);
        await cluster.waitForApplied(20);
        const written = await cluster.set('acknowledged', 'before the export');

        const { index, byteLength } = await cluster.exportSnapshot(file);

        t.true(index > written.index && byteLength > 200 * 20);
        await cluster.set('k0', 'after the export');
        writing.abort();
        t.true((await counted) > 0);
        t.deepEqual(
          readdirSync(directory).filter((name) => name.includes('part')),
          [],
        );
      }
      await using heir = await createCluster({ ...small, size: 5, ...durability('other') });
      await heir.set('of its own', 1);

      const { index } = await heir.importSnapshot(file);

      t.deepEqual(await heir.getMany(['k0', 'k199', 'acknowledged', 'of its own']), [
        'value 0',
        'value 199',
        'before the export',
        undefined,
      ]);
      await heir.waitForApplied(index, { nodes: heir.nodes });
      t.truthy((await heir.waitForConverged()).digest);
    },
  );
}

test.serial(
  'an export puts an entry behind all that was acknowledged, and waits for it',
  async (t) => {
    await using cluster = await createCluster(small);
    const written = await cluster.set('k', 'v');

    const { index } = await cluster.exportSnapshot(join(directoryOf(t), 'backup'));

    // Else a leader that was elected just now could export what it has applied so far.
    t.true(index > written.index, `${index} after ${written.index}`);
  },
);

test.serial('an import comes between two writes of a client, and applies none twice', async (t) => {
  const file = join(directoryOf(t), 'backup');
  await using cluster = await createCluster(small);
  await fill(cluster, 'k', 500);
  await cluster.set('counter', 'of the backup');
  await cluster.exportSnapshot(file);
  const writing = new AbortController();
  await cluster.set('counter', 0);
  const counted = countUp(cluster, writing.signal);
  while ((await cluster.get('counter')) === 0);
  const leader = await cluster.waitForLeader();
  const away = cluster.nodes.find((id) => id !== leader) as string;
  await cluster.crash(away, { restart: false });

  await cluster.importSnapshot(file);
  await counted;

  t.is(await cluster.get('counter'), 'of the backup', 'no write of before was done again');
  await cluster.restart(away);
  const { index } = await cluster.set('after', 1);
  await cluster.waitForApplied(index, { nodes: cluster.nodes });
  t.truthy((await cluster.waitForConverged()).digest);
});

test.serial('an import goes on when the leader dies in the middle of it', async (t) => {
  const file = join(directoryOf(t), 'backup');
  await using cluster = await createCluster({ ...small, requestTimeoutMs: 20_000 });
  await fill(cluster, 'k', 3000);
  await cluster.exportSnapshot(file);
  await fill(cluster, 'later', 100);

  const imported = cluster.importSnapshot(file);
  await cluster.crash(await cluster.waitForLeader());
  await imported;

  t.deepEqual(await cluster.getMany(['k2999', 'later0']), ['value 2999', undefined]);
});

test.serial(
  'a file that is damaged, foreign or newer is refused, and changes nothing',
  async (t) => {
    const directory = directoryOf(t);
    const file = join(directory, 'backup');
    await using cluster = await createCluster(small);
    await fill(cluster, 'k');
    await cluster.exportSnapshot(file);
    const sound = readFileSync(file);
    await cluster.set('k0', 'newer');
    const codeOf = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(file, bytes);
      return await cluster.importSnapshot(file).then(
        () => 'imported',
        ({ code }: RaftError) => code,
      );
    };
    const changed = (at: number): Buffer => {
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x40, at);
      return bytes;
    };

    t.is(await codeOf(changed(0)), 'RAFT_SNAPSHOT_FOREIGN');
    t.is(await codeOf(Buffer.from('text')), 'RAFT_SNAPSHOT_FOREIGN');
    t.is(await codeOf(changed(9)), 'RAFT_SNAPSHOT_NEWER');
    for (const at of [16, 33, 41, 50, 60, 100, 1000, sound.length - 5]) {
      t.is(await codeOf(changed(at)), 'RAFT_STORAGE_CORRUPT', `at ${at}`);
    }
    for (const length of [20, 47, 60, 1000, sound.length - 1]) {
      t.is(await codeOf(sound.subarray(0, length)), 'RAFT_STORAGE_CORRUPT', `cut at ${length}`);
    }
    rmSync(file);
    await t.throwsAsync(cluster.importSnapshot(file), { code: 'RAFT_STORAGE_FAILED' });

    t.is(await cluster.get('k0'), 'newer');
    t.is(await codeOf(sound), 'imported');
    t.is(await cluster.get('k0'), 'value 0');
  },
);

test.serial(
  'an import that does not fit beside the state is refused before it begins',
  async (t) => {
    const file = join(directoryOf(t), 'backup');
    await using cluster = await createCluster({ ...small, snapshotBytesMax: 400 * 1024 });
    const value = 'x'.repeat(10_000);
    for (let i = 0; i < 25; i += 1) await cluster.set(`k${i}`, value);
    // Now it is saved, and so its length known.
    await cluster.exportSnapshot(file);

    const error = await t.throwsAsync(cluster.importSnapshot(file), { code: 'RAFT_OVERLOADED' });

    t.like(error, { details: { outcome: 'rejected' } });
    await cluster.set('k0', 'goes on');
    t.is(await cluster.get('k0'), 'goes on');
  },
);

test.serial('an import that ran out of time leaves nothing on any node', async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, 'backup');
  await using cluster = await createCluster(small);
  await fill(cluster, 'k', 3000);
  const { byteLength } = await cluster.exportSnapshot(file);

  // One step takes up to 32 KiB here, and each of them a round through the log.
  await t.throwsAsync(cluster.importSnapshot(file, { timeoutMs: 1 }), { code: 'RAFT_TIMEOUT' });
  await cluster.set('k0', 'value 0');

  const again = await cluster.exportSnapshot(join(directory, 'again'));
  t.true(again.byteLength <= byteLength + 1000, `${again.byteLength} after ${byteLength}`);
});

test.serial('an export that is aborted while it is written leaves no file', async (t) => {
  const directory = directoryOf(t);
  await using cluster = await createCluster();
  const value = 'v'.repeat(100);
  for (let first = 0; first < 100_000; first += 1_000) {
    await cluster.setMany(Array.from({ length: 1_000 }, (_, at) => [`k${first + at}`, value]));
  }
  const reason = new Error('no longer wanted');
  const stop = new AbortController();
  const watcher = watch(directory);
  t.teardown(() => watcher.close());
  const begun = once(watcher, 'change');

  const exporting = cluster.exportSnapshot(join(directory, 'backup'), { signal: stop.signal });
  await begun;
  stop.abort(reason);

  t.is(await t.throwsAsync(exporting), reason);
  t.deepEqual(readdirSync(directory), []);
  await cluster.exportSnapshot(join(directory, 'again'));
  t.deepEqual(readdirSync(directory), ['again']);
});

test.serial('an import that is aborted changes nothing', async (t) => {
  const file = join(directoryOf(t), 'backup');
  await using cluster = await createCluster(small);
  await fill(cluster, 'k', 3000);
  await cluster.exportSnapshot(file);
  await cluster.set('k0', 'changed');
  const reason = new Error('no longer wanted');
  const stop = new AbortController();

  const importing = cluster.importSnapshot(file, { signal: stop.signal });
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort(reason);

  t.is(await t.throwsAsync(importing), reason);
  await t.throwsAsync(cluster.importSnapshot(file, { signal: stop.signal }), { is: reason });
  t.is(await cluster.get('k0'), 'changed');
});

test.serial('an export ends although the leader stands still, and leaves nothing', async (t) => {
  t.timeout(120_000);
  const directory = directoryOf(t);
  const goOn = join(directoryOf(t), 'go-on');
  const source = `
    import { existsSync } from 'node:fs';
    const word = new Int32Array(new SharedArrayBuffer(4));
    export function createStateMachine() {
      return {
        apply() {},
        query() {},
        snapshot() {
          while (!existsSync(${JSON.stringify(goOn)})) Atomics.wait(word, 0, 0, 10);
          return new Uint8Array();
        },
        restore() {},
      };
    }`;
  const stateMachine = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  await using cluster = await createCluster({ size: 1, stateMachine });
  const file = join(directory, 'backup');

  const late = cluster.exportSnapshot(file, { timeoutMs: 2_000 });
  await t.throwsAsync(late, { code: 'RAFT_TIMEOUT' });

  writeFileSync(goOn, '');
  // That it is to give up comes to the node by another way than what is submitted.
  do await cluster.submit(1, { timeoutMs: 60_000 });
  while (readdirSync(directory).length > 0);
  await cluster.exportSnapshot(file);
  t.deepEqual(readdirSync(directory), ['backup']);
});

test.serial('an export that cannot be written fails alone: its node goes on', async (t) => {
  const directory = directoryOf(t);
  await using cluster = await createCluster(small);
  await fill(cluster, 'k');

  const nowhere = cluster.exportSnapshot(join(directory, 'missing', 'backup'));

  await t.throwsAsync(nowhere, { code: 'RAFT_STORAGE_FAILED' });
  t.deepEqual(readdirSync(directory), []);
  await t.throwsAsync(cluster.exportSnapshot('x', { timeoutMs: 0 }), {
    code: 'RAFT_INVALID_OPTION',
  });
  for (const call of ['exportSnapshot', 'importSnapshot'] as const) {
    await t.throwsAsync(cluster[call](''), { code: 'RAFT_INVALID_OPTION' });
    await t.throwsAsync(cluster[call](undefined as never), { code: 'RAFT_INVALID_OPTION' });
  }
  await cluster.exportSnapshot(join(directory, 'backup'));
  t.true(existsSync(join(directory, 'backup')));
});

test.serial(
  'a machine of your own is backed up and restored; a store does not take it',
  async (t) => {
    const file = join(directoryOf(t), 'backup');
    const stateMachine = new URL('fixtures/ledger-machine.js', import.meta.url);
    const add = { kind: 'add', by: 1 } as const;
    await using cluster = await createCluster({ stateMachine });
    await cluster.submit(add);
    await cluster.submit(add);
    await cluster.exportSnapshot(file);
    const { result } = await cluster.submit(add);
    t.like(result, { total: 3 });

    await cluster.importSnapshot(file);

    t.like((await cluster.submit(add)).result, { total: 3 });
    await using store = await createCluster();
    await t.throwsAsync(store.importSnapshot(file), { code: 'RAFT_WRONG_MACHINE' });
  },
);
