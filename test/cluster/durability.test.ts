import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createCluster } from '../../src/index.js';
import { directoryOf } from '../directory.js';

test.serial(
  'what was acknowledged is there after the cluster was closed and opened again',
  async (t) => {
    const dataDir = directoryOf(t);
    for (let round = 0; round < 3; round++) {
      await using cluster = await createCluster({ dataDir });
      for (let earlier = 0; earlier < round; earlier++) {
        t.deepEqual(await cluster.get(`round ${earlier}`), { earlier });
      }
      const writes = Array.from({ length: 200 }, (_, at) => cluster.set(`key ${at}`, round));
      await Promise.all(writes);
      await cluster.set(`round ${round}`, { earlier: round });
    }
    await using cluster = await createCluster({ dataDir });
    t.is(await cluster.get('key 199'), 2);
  },
);

test.serial('a cluster that comes back sits out no election timeout', async (t) => {
  const dataDir = directoryOf(t);
  {
    await using cluster = await createCluster({ dataDir });
    await cluster.set('k', 1);
  }

  await using cluster = await createCluster({
    dataDir,
    electionTimeout: { minMs: 600_000, maxMs: 1_200_000 },
  });

  t.is(await cluster.get('k', { timeoutMs: 60_000 }), 1);
});

test.serial(
  'a cluster that is closed leaves its state, so that the next start is spared the log',
  async (t) => {
    const dataDir = directoryOf(t);
    const value = new Uint8Array(100_000);
    const snapshotsOf = (node: string): string[] =>
      readdirSync(join(dataDir, node)).filter((name) => /snapshot$/.test(name));

    // A node has a second to close: on a busy machine it may take more than one try.
    do {
      await using cluster = await createCluster({ dataDir });
      for (let at = 0; at < 20; at += 1) await cluster.set(`key ${at}`, value);
      await cluster.waitForConverged();
    } while (['n1', 'n2', 'n3'].some((node) => snapshotsOf(node).length === 0));

    await using cluster = await createCluster({ dataDir });
    t.deepEqual(await cluster.get('key 19'), value);
  },
);

test.serial('a node that crashes reads its directory and catches up', async (t) => {
  await using cluster = await createCluster({ dataDir: directoryOf(t), seed: 4 });
  await cluster.set('before', 1);
  const leader = await cluster.waitForLeader();

  await cluster.crash(leader);
  const { index } = await cluster.set('after', 2);
  await cluster.waitForLeader();

  await cluster.waitForApplied(index, { nodes: cluster.nodes });
  const { digest } = await cluster.waitForConverged();
  t.truthy(digest);
  t.deepEqual(await cluster.getMany(['before', 'after']), [1, 2]);
});

test.serial('each node can have a directory of its own, and its own name for it', async (t) => {
  const root = directoryOf(t);
  const dataDir = { a: join(root, 'disk-1'), b: join(root, 'disk-2'), c: join(root, 'disk-3') };
  {
    await using cluster = await createCluster({ nodes: ['a', 'b', 'c'], dataDir });
    await cluster.set('k', 'v');
  }

  await using cluster = await createCluster({ nodes: ['a', 'b', 'c'], dataDir });

  t.is(await cluster.get('k'), 'v');
  for (const directory of Object.values(dataDir)) {
    t.true(readdirSync(directory).includes('0000000001.wal'));
  }
});

test.serial(
  'a node whose directory is gone neither votes nor serves; the others do (lost disks)',
  async (t) => {
    const dataDir = directoryOf(t);
    {
      await using cluster = await createCluster({ dataDir });
      await cluster.set('k', 1);
    }
    rmSync(join(dataDir, 'n2'), { recursive: true });

    await using cluster = await createCluster({ dataDir });

    t.is(await cluster.get('k'), 1);
    await cluster.set('k', 2);
    const lost = cluster.status().nodes.find(({ id }) => id === 'n2');
    t.is(lost?.state, 'down');
    t.is(lost?.failure?.code, 'RAFT_STORAGE_LOST');
    t.regex(lost?.failure?.message ?? '', /balsa log rebuild .*n2 OTHER/);
    await t.throwsAsync(() => cluster.inspect('n2'), { code: 'RAFT_NODE_DOWN' });
    // Starting it again does not help: only its directory would.
    const refused = cluster.once('storage-failed');
    await t.throwsAsync(cluster.restart(['n2', 'n3']), { code: 'RAFT_STORAGE_LOST' });
    t.deepEqual(
      cluster.status().nodes.map(({ state }) => state),
      ['running', 'down', 'running'],
    );
    t.like(await refused, { nodeId: 'n2', code: 'RAFT_STORAGE_LOST' });
  },
);

test.serial('a node whose log is damaged is down, and says which command mends it', async (t) => {
  const dataDir = directoryOf(t);
  {
    await using cluster = await createCluster({ dataDir });
    for (let at = 0; at < 20; at += 1) await cluster.set('k', at);
  }
  const log = openSync(join(dataDir, 'n2', '0000000001.wal'), 'r+');
  writeSync(log, Buffer.from([0xff]), 0, 1, 400);
  closeSync(log);
  writeFileSync(join(dataDir, 'n3', 'identity.json'), '{');
  const hasCommand = /balsa log rebuild .*n[23] OTHER/;

  // Two of three are damaged: nobody serves.
  const error = await t.throwsAsync(() => createCluster({ dataDir }), {
    code: 'RAFT_STORAGE_CORRUPT',
  });
  t.regex(error?.message ?? '', hasCommand);
  const identity = JSON.parse(readFileSync(join(dataDir, 'n1', 'identity.json'), 'utf8'));
  const own = JSON.stringify({ ...identity, nodeId: 'n3' });
  writeFileSync(join(dataDir, 'n3', 'identity.json'), own);
  await using cluster = await createCluster({ dataDir });

  t.is(await cluster.get('k'), 19);
  const { failure } = cluster.status().nodes[1] ?? {};
  t.is(failure?.code, 'RAFT_STORAGE_CORRUPT');
  t.regex(failure?.message ?? '', /n2.*, offset \d+: /);
  t.regex(failure?.message ?? '', hasCommand);
});

test.serial('a log that is gone from a directory that is not counts as lost, too', async (t) => {
  const dataDir = directoryOf(t);
  await (await createCluster({ dataDir })).close();
  rmSync(join(dataDir, 'n3', '0000000001.wal'));

  await using cluster = await createCluster({ dataDir });

  await cluster.set('k', 1);
  const { failure } = cluster.status().nodes[2] ?? {};
  t.is(failure?.code, 'RAFT_STORAGE_LOST');
});

test.serial(
  'without a majority of directories a cluster does not open, and says why',
  async (t) => {
    const dataDir = directoryOf(t);
    await (await createCluster({ dataDir })).close();
    for (const node of ['n1', 'n3']) rmSync(join(dataDir, node), { recursive: true });

    const error = await t.throwsAsync(() => createCluster({ dataDir }), {
      code: 'RAFT_STORAGE_LOST',
    });

    t.like(error, { details: { nodeId: 'n1' } });
    // Nothing was made that would count as a node's data next time.
    await t.throwsAsync(() => createCluster({ dataDir }), { code: 'RAFT_STORAGE_LOST' });
  },
);

test.serial('a directory of another cluster, or of another node, is refused', async (t) => {
  const dataDir = directoryOf(t);
  const other = directoryOf(t);
  await (await createCluster({ dataDir })).close();
  await (await createCluster({ dataDir: other })).close();
  const directories = {
    n1: join(dataDir, 'n1'),
    n2: join(dataDir, 'n2'),
    n3: join(other, 'n3'),
  };

  await using cluster = await createCluster({ dataDir: directories });

  const { failure } = cluster.status().nodes[2] ?? {};
  t.is(failure?.code, 'RAFT_STORAGE_CORRUPT');
  t.regex(failure?.message ?? '', /belongs to n3 of cluster/);
});

test.serial('a cluster is not opened with other nodes than it was founded with', async (t) => {
  const dataDir = directoryOf(t);
  await (await createCluster({ dataDir })).close();

  const options = { dataDir, size: 5 };
  const error = await t.throwsAsync(() => createCluster(options), { code: 'RAFT_INVALID_OPTION' });

  t.like(error, { details: { option: 'nodes' } });
});

test.serial(
  'the second cluster on a data directory gets a clear error; the first one is unharmed',
  async (t) => {
    const dataDir = directoryOf(t);
    await using cluster = await createCluster({ dataDir });

    const error = await t.throwsAsync(() => createCluster({ dataDir }), {
      code: 'RAFT_STORAGE_LOCKED',
    });

    t.like(error, { details: { pid: process.pid } });
    await cluster.set('k', 1);
    await cluster.close();
    await using next = await createCluster({ dataDir });
    t.is(await next.get('k'), 1);
  },
);

test.serial('a path that cannot be a directory is the failure of its node alone', async (t) => {
  const root = directoryOf(t);
  const dataDir = { n1: join(root, '1'), n2: join(root, '2'), n3: join(root, '3') };
  await (await createCluster({ dataDir })).close();
  rmSync(dataDir.n3, { recursive: true });
  writeFileSync(dataDir.n3, 'a file is in the way');

  await using cluster = await createCluster({ dataDir });

  await cluster.set('k', 1);
  const { failure } = cluster.status().nodes[2] ?? {};
  t.is(failure?.code, 'RAFT_STORAGE_FAILED');
  // A new cluster is another matter: it begins with all of its directories or not at all.
  const fresh = { n1: join(root, '4'), n2: join(root, '5'), n3: dataDir.n3 };
  await t.throwsAsync(() => createCluster({ dataDir: fresh }), { code: 'RAFT_STORAGE_FAILED' });
});

test.serial('a founding that was interrupted is finished, not taken for a loss', async (t) => {
  const dataDir = directoryOf(t);
  mkdirSync(join(dataDir, 'n1'), { recursive: true });
  const identity = {
    format: 1,
    clusterId: 'abc',
    nodeId: 'n1',
    nodes: ['n1', 'n2', 'n3'],
    state: 'founding',
  };
  writeFileSync(join(dataDir, 'n1', 'identity.json'), JSON.stringify(identity));

  await using cluster = await createCluster({ dataDir });

  await cluster.set('k', 1);
  t.true(cluster.status().nodes.every(({ failure }) => failure === undefined));
});

test.serial('a relative dataDir stays where it was when the cluster was created', async (t) => {
  const [root, elsewhere] = [directoryOf(t), directoryOf(t)];
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  const small = { entryBytesMax: 4096, logBytesMax: 2 ** 17, checkpointBytes: 8192 };
  process.chdir(root);
  {
    await using cluster = await createCluster({ dataDir: 'data', ...small });
    process.chdir(elsewhere);
    const value = new Uint8Array(2000);
    for (let at = 0; at < 100; at += 1) await cluster.set(`k${at % 20}`, value);
    await cluster.restart('n2');
    await cluster.set('last', 1);
    await cluster.exportSnapshot('backup');
  }

  t.deepEqual(readdirSync(elsewhere), ['backup']);
  await using cluster = await createCluster({ dataDir: join(root, 'data'), ...small });
  t.is(await cluster.get('last'), 1);
  for (const path of ['', undefined as unknown as string]) {
    await t.throwsAsync(cluster.exportSnapshot(path), { code: 'RAFT_INVALID_OPTION' });
    await t.throwsAsync(cluster.importSnapshot(path), { code: 'RAFT_INVALID_OPTION' });
  }
});

for (const [option, value] of [
  ['dataDir', ''],
  ['dataDir', 7],
  ['dataDir', null],
  ['dataDir', { n1: '/tmp/a', n2: '/tmp/b' }],
  ['dataDir', { n1: '/tmp/a', n2: '/tmp/a', n3: '/tmp/c' }],
  ['dataDir', { n1: '/tmp/a', n2: '/tmp/b/../a/', n3: '/tmp/c' }],
  ['syncPolicy', 'sometimes'],
  ['syncIntervalMs', 0],
  ['syncIntervalMs', 1.5],
] as const) {
  test.serial(`createCluster refuses ${option} ${JSON.stringify(value)}`, async (t) => {
    const options = { [option]: value } as object;

    const error = await t.throwsAsync(() => createCluster(options), {
      code: 'RAFT_INVALID_OPTION',
    });

    t.like(error, { details: { option } });
  });
}

test.serial('a name that would lead out of the data directory is refused', async (t) => {
  const options = { dataDir: directoryOf(t), nodes: ['..', 'n2', 'n3'] };

  await t.throwsAsync(() => createCluster(options), { code: 'RAFT_INVALID_OPTION' });
});
