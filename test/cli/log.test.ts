import { openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createCluster } from '../../src/index.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';

/** The directory of a cluster that has run and is closed. */
async function closedCluster(t: ExecutionContext, writes = 20): Promise<string> {
  const dataDir = directoryOf(t);
  await using cluster = await createCluster({ dataDir });
  for (let at = 0; at < writes; at += 1) await cluster.set(`k${at}`, at);
  return dataDir;
}

/** Spoils a byte in the middle of the records of a log. */
function damage(directory: string): void {
  const file = openSync(join(directory, '0000000001.wal'), 'r+');
  writeSync(file, Buffer.from([0xff]), 0, 1, 400);
}

test.serial(
  'balsa log verify reads all nodes of a cluster; damage is named, with exit code 1',
  async (t) => {
    const dataDir = await closedCluster(t);

    const sound = await balsa(['log', 'verify', dataDir]);
    t.is(sound.exitCode, 0, sound.stderr);
    t.regex(
      sound.stdout,
      /n1: n1, term \d+, vote for .*, entries 1 to 2\d, snapshot of 0, 1 segments\n/,
    );
    t.is(sound.stdout.trim().split('\n').length, 3);

    damage(join(dataDir, 'n2'));
    const damaged = await balsa(['log', 'verify', join(dataDir, 'n2')]);
    t.is(damaged.exitCode, 1);
    t.regex(
      damaged.stderr,
      /RAFT_STORAGE_CORRUPT: .*n2\/0000000001\.wal, offset \d+: a record that/,
    );
  },
);

test.serial('balsa log inspect prints every record, for people and as JSON lines', async (t) => {
  const dataDir = await closedCluster(t);
  const directory = join(dataDir, 'n1');

  const text = await balsa(['log', 'inspect', directory]);
  const json = await balsa(['log', 'inspect', directory, '--json']);

  t.regex(text.stdout, /^1:32 +head +previousEnd 0/);
  t.regex(text.stdout, /entry +index 1, term \d+, kind noop/);
  const lines = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const entries = lines.filter(({ type }) => type === 'entry');
  t.deepEqual(entries.map(({ fields }) => fields.index).slice(0, 3), [1, 2, 3]);
  t.is(lines.at(-1).nodeId, 'n1');
});

test.serial('a node whose directory was lost is made anew, and serves', async (t) => {
  const dataDir = await closedCluster(t);
  const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((node) => join(dataDir, node)) as [
    string,
    string,
    string,
  ];
  rmSync(n2, { recursive: true });

  const rebuilt = await balsa(['log', 'rebuild', n2, n1, n3]);

  t.is(rebuilt.exitCode, 0, rebuilt.stderr);
  t.regex(rebuilt.stdout, /n2 is n2 again: entries up to \d+ from .*, term \d+/);
  await using cluster = await createCluster({ dataDir });
  const { index } = await cluster.set('after', 1);
  await cluster.waitForApplied(index, { nodes: cluster.nodes });
  t.truthy((await cluster.waitForConverged()).digest);
  t.is(await cluster.get('k19'), 19);
  t.true(cluster.status().nodes.every(({ failure }) => failure === undefined));
});

test.serial('a damaged directory is set aside, not thrown away', async (t) => {
  const dataDir = await closedCluster(t);
  const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((node) => join(dataDir, node)) as [
    string,
    string,
    string,
  ];
  damage(n3);

  const rebuilt = await balsa(['log', 'rebuild', n3, n1, n2]);

  t.is(rebuilt.exitCode, 0, rebuilt.stderr);
  t.true(readdirSync(join(n3, 'set-aside-1')).includes('0000000001.wal'));
  await using cluster = await createCluster({ dataDir });
  t.is(await cluster.get('k0'), 0);
});

test.serial(
  'a node is made anew from all others or not at all, and never under a running cluster',
  async (t) => {
    const dataDir = await closedCluster(t);
    const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((node) => join(dataDir, node)) as [
      string,
      string,
      string,
    ];

    for (const others of [[n1], [n1, n1], [n1, join(dataDir, 'nowhere')]]) {
      const refused = await balsa(['log', 'rebuild', n2, ...others]);
      t.true(refused.exitCode !== 0, others.join());
      t.regex(refused.stderr, /RAFT_/);
    }
    t.is((await balsa(['log', 'inspect', join(dataDir, 'nowhere')])).exitCode, 2);

    await using cluster = await createCluster({ dataDir });
    const refused = await balsa(['log', 'rebuild', n2, n1, n3]);
    t.regex(refused.stderr, /RAFT_STORAGE_LOCKED/);
    t.is(await cluster.get('k0'), 0);
  },
);
