/** A run without end: logs, files and sessions keep within bounds while clients come and go. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Cluster, connect, createCluster } from '../../src/index.js';
import { directoryOf } from '../directory.js';

const small = { entryBytesMax: 64 * 1024, logBytesMax: 2 ** 21, checkpointBytes: 128 * 1024 };
const keys = 20;
const value = new Uint8Array(8000);
/** The keys, and for each session its window of outcomes; with room for what stands around it. */
const stateBytesMax = 2 * keys * value.length;

/** A client that comes, writes four times the keys, and goes. */
async function visit(cluster: Cluster): Promise<void> {
  await using client = await connect(await cluster.port());
  for (let round = 0; round < 4; round += 1) {
    const names = Array.from({ length: keys }, (_, at) => `k${at}`);
    await Promise.all(names.map((name) => client.set(name, value)));
  }
}

for (const kind of ['memory', 'disk'] as const) {
  test.serial(`in ${kind}, many logs of writes by many clients fit into one`, async (t) => {
    const dataDir = directoryOf(t);
    const durability = kind === 'disk' ? { dataDir } : {};
    await using cluster = await createCluster({ ...small, ...durability, sessionsMax: 4 });
    await cluster.waitForLeader();

    // 16 visits are 10 MiB.
    for (let at = 0; at < 16; at += 1) {
      await visit(cluster);
      for (const { id, logBytes } of cluster.status().nodes) {
        t.true(logBytes <= small.logBytesMax, `${id} has ${logBytes} bytes of log`);
      }
    }

    const { index } = await cluster.set('last', 1);
    await cluster.waitForApplied(index, { nodes: cluster.nodes });
    t.truthy((await cluster.waitForConverged()).digest);
    const file = join(dataDir, 'backup');
    const { byteLength } = await cluster.exportSnapshot(file);
    t.true(byteLength < stateBytesMax, `a state of ${byteLength} bytes`);
    if (kind === 'memory') return;
    for (const id of cluster.nodes) {
      const names = readdirSync(join(dataDir, id));
      const snapshots = names.filter((name) => name.endsWith('.snapshot'));
      // Two are kept; a third goes once the record that makes it useless is durable.
      t.true(snapshots.length <= 3, `${snapshots}`);
      for (const name of snapshots) {
        t.true(statSync(join(dataDir, id, name)).size < stateBytesMax, name);
      }
      t.true(names.filter((name) => name.endsWith('.wal')).length <= 3, `${names}`);
    }
  });
}
