/** A member that was away longer than the logs of the others reach back (§7). */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createCluster } from '../../src/index.js';
import { directoryOf } from '../directory.js';

const small = { entryBytesMax: 64 * 1024, logBytesMax: 2 ** 21, checkpointBytes: 128 * 1024 };

for (const kind of ['memory', 'disk'] as const) {
  test.serial(
    `in ${kind}, a member that was away for many logs catches up while others serve`,
    async (t) => {
      const durability = kind === 'disk' ? { dataDir: directoryOf(t) } : {};
      await using cluster = await createCluster({ ...small, ...durability });
      const leader = await cluster.waitForLeader();
      const away = cluster.nodes.find((id) => id !== leader) as string;
      await cluster.set('before', 1);
      await cluster.crash(away, { restart: false });

      // Eight MiB through logs of two.
      const value = new Uint8Array(8000);
      for (let at = 0; at < 1_000; at += 10) {
        const keys = Array.from({ length: 10 }, (_, next) => `k${(at + next) % 40}`);
        await Promise.all(keys.map((key) => cluster.set(key, value)));
      }
      const status = cluster.status().nodes.find(({ id }) => id === leader);
      t.true((status?.firstLogIndex ?? 0) > 10, 'the log of the leader begins later');
      t.true((status?.logBytes ?? 0) < small.logBytesMax);

      await cluster.restart(away);
      const { index } = await cluster.set('after', 2);
      await cluster.waitForApplied(index, { nodes: cluster.nodes });

      t.truthy((await cluster.waitForConverged()).digest);
      t.deepEqual(await cluster.getMany(['before', 'after']), [1, 2]);
    },
  );
}

test.serial(
  'sessions are part of a snapshot: a repeated write is applied once (pitfall 25)',
  async (t) => {
    const dataDir = directoryOf(t);
    const options = { ...small, dataDir };
    {
      await using cluster = await createCluster(options);
      const value = new Uint8Array(8000);
      for (let at = 0; at < 300; at += 1) await cluster.set(`k${at % 20}`, value);
      await cluster.cas('counter', undefined, 1);
      await cluster.waitForConverged();
    }
    // Compacted twice and more, and read by every node anew. A thread that had no time to close
    // may have left one that it was about to remove.
    for (const node of readdirSync(dataDir)) {
      const snapshots = readdirSync(join(dataDir, node)).filter((name) =>
        name.endsWith('.snapshot'),
      );
      t.true(snapshots.length >= 2, node);
    }

    await using cluster = await createCluster(options);

    t.false((await cluster.cas('counter', undefined, 2)).succeeded);
    t.truthy((await cluster.waitForConverged()).digest);
    t.is(await cluster.get('counter'), 1);
  },
);
