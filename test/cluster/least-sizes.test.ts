// The smallest options that are legal: every ring, log and part of a snapshot is as short as it may
// be, and nothing may depend on there being more room.
import test from 'ava';
import { type Cluster, type ClusterOptions, createCluster } from '../../src/index.js';
import { directoryOf } from '../directory.js';

const entryBytesMax = 4096;
const least = {
  electionTimeout: { minMs: 100, maxMs: 200 },
  heartbeatMs: 30,
  requestTimeoutMs: 20_000,
  entryBytesMax,
  logBytesMax: 16 * entryBytesMax,
} satisfies ClusterOptions;
/** A string takes a byte more than it is long. */
const largest = 'x'.repeat(entryBytesMax / 2 - 1);

const fullOf = (key: string): string => key + largest.slice(key.length);
const namesOf = (count: number): string[] => Array.from({ length: count }, (_, at) => `k${at}`);

function awayOf(cluster: Cluster): string {
  return cluster.nodes.find((id) => id !== cluster.leaderId) ?? 'n1';
}

test.serial('values of the largest size are written, replaced, read and deleted', async (t) => {
  await using cluster = await createCluster(least);
  const keys = namesOf(40);

  await Promise.all(keys.map((key) => cluster.set(key, fullOf(key))));

  for (const node of cluster.nodes) {
    for (const consistency of ['linearizable', 'lease'] as const) {
      const values = await cluster.getMany(keys, { node, consistency });
      t.deepEqual(values, keys.map(fullOf), `${node} ${consistency}`);
    }
  }
  t.true((await cluster.cas('k0', fullOf('k0'), 'short')).succeeded);
  t.false((await cluster.cas('k1', fullOf('k2'), 'short')).succeeded);
  await cluster.setMany(keys.map((key, at) => [key, at]));
  t.deepEqual(await cluster.getMany(keys), [...keys.keys()]);
  await Promise.all(keys.map((key) => cluster.delete(key)));
  t.deepEqual(await cluster.getMany(keys), Array(40).fill(undefined));
  await t.throwsAsync(cluster.set('k', `${largest}x`), { code: 'RAFT_VALUE_TOO_LARGE' });
  const tooMuch = keys.map((key) => [key, largest] as const);
  await t.throwsAsync(cluster.setMany(tooMuch), { code: 'RAFT_VALUE_TOO_LARGE' });
});

for (const kind of ['memory', 'disk'] as const) {
  for (const checkpointBytes of [entryBytesMax, least.logBytesMax / 2]) {
    test.serial(
      `a member is away for ever, and comes back: ${kind}, ${checkpointBytes}`,
      async (t) => {
        const durability = kind === 'disk' ? { dataDir: directoryOf(t) } : {};
        await using cluster = await createCluster({ ...least, ...durability, checkpointBytes });
        await cluster.waitForLeader();
        const away = awayOf(cluster);
        await cluster.crash(away, { restart: false });
        const keys = namesOf(15);

        // Ten times what the log holds.
        for (let round = 0; round < 25; round += 1) {
          await Promise.all(keys.map((key) => cluster.set(key, fullOf(key + round))));
        }
        await cluster.restart(away);
        const { index } = await cluster.set('last', 1);
        await cluster.waitForApplied(index, { nodes: cluster.nodes });

        t.truthy((await cluster.waitForConverged()).digest);
        const read = { node: away, consistency: 'stale' } as const;
        t.deepEqual(
          await cluster.getMany(keys, read),
          keys.map((key) => fullOf(`${key}24`)),
        );
      },
    );
  }
}

test.serial('a machine of one’s own has its commands, results and answers', async (t) => {
  const stateMachine = new URL('fixtures/ledger-machine.js', import.meta.url);
  await using cluster = await createCluster({ ...least, stateMachine });
  await cluster.waitForLeader();
  const away = awayOf(cluster);
  await cluster.crash(away, { restart: false });

  for (let round = 0; round < 10; round += 1) {
    const echoes = Array.from({ length: 10 }, () =>
      cluster.submit({ kind: 'echo', value: largest.slice(100) }),
    );
    for (const { result } of await Promise.all(echoes)) t.is(result, largest.slice(100));
  }
  await cluster.submit({ kind: 'add', by: 1 });
  for (const node of cluster.nodes.filter((id) => id !== away)) {
    t.is(((await cluster.query(100_000, { node })) as Uint8Array).length, 100_000);
  }
  await cluster.restart(away);
  await cluster.waitForConverged();

  t.like(await cluster.query('state', { node: away, consistency: 'stale' }), { total: 1 });
});
