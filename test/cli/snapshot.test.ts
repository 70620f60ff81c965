import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createCluster } from '../../src/index.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';

/** The directory of a cluster that has `k` and is closed, and a place beside it. */
async function closedCluster(
  t: ExecutionContext,
): Promise<{ directory: string; dataDir: string; file: string }> {
  const directory = directoryOf(t);
  const dataDir = join(directory, 'one');
  await using cluster = await createCluster({ dataDir });
  await cluster.set('k', 'v');
  return { directory, dataDir, file: join(directory, 'backup') };
}

test.serial(
  'balsa snapshot export and import move a closed cluster into one of another size',
  async (t) => {
    const { directory, dataDir, file } = await closedCluster(t);

    const exported = await balsa(['snapshot', 'export', file, '--data-dir', dataDir]);
    const other = join(directory, 'other');
    const imported = await balsa(['snapshot', 'import', file, '--data-dir', other, '--nodes', '5']);

    t.is(exported.exitCode, 0, exported.stderr);
    t.regex(exported.stdout, /backup has all that was acknowledged in .*one\n$/);
    t.is(imported.exitCode, 0, imported.stderr);
    t.regex(imported.stdout, /other has the state of .*backup: \d+ bytes, 5 nodes\n$/);
    await using heir = await createCluster({ dataDir: other, size: 5 });
    t.is(await heir.get('k'), 'v');
  },
);

test.serial(
  'of a cluster that is in use the newest saved state is exported, and it says so',
  async (t) => {
    const directory = directoryOf(t);
    const dataDir = join(directory, 'one');
    const file = join(directory, 'backup');
    await using cluster = await createCluster({
      dataDir,
      entryBytesMax: 64 * 1024,
      logBytesMax: 2 ** 21,
      checkpointBytes: 64 * 1024,
    });
    const early = await balsa(['snapshot', 'export', file, '--data-dir', dataDir]);
    t.is(early.exitCode, 2);
    t.regex(early.stderr, /no node in .* has saved its state yet/);
    await cluster.set('first', 1);
    const value = new Uint8Array(8000);
    for (let at = 0; at < 40; at += 1) await cluster.set(`k${at}`, value);

    const exported = await balsa(['snapshot', 'export', file, '--data-dir', dataDir]);

    t.is(exported.exitCode, 0, exported.stderr);
    t.regex(exported.stdout, /has the state after entry \d+, and nothing later: .* is in use by/);
    await cluster.set('first', 2);
    await cluster.importSnapshot(file);
    t.is(await cluster.get('first'), 1);
  },
);

test.serial(
  'a node whose identity is damaged keeps nobody from backing the others up',
  async (t) => {
    const { dataDir, file } = await closedCluster(t);
    const identity = join(dataDir, 'n1', 'identity.json');
    const sound = readFileSync(identity, 'utf8');

    for (const damaged of ['{', sound.replace('"n3"', '"m3"')]) {
      writeFileSync(identity, damaged);
      const exported = await balsa(['snapshot', 'export', file, '--data-dir', dataDir]);
      t.is(exported.exitCode, 0, exported.stderr);
    }

    const imported = await balsa(['snapshot', 'import', file, '--data-dir', dataDir]);
    t.is(imported.exitCode, 0, imported.stderr);
  },
);

test.serial('nodes of two clusters in one directory are not taken for one', async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, 'backup');
  const [one, two] = [join(directory, 'one'), join(directory, 'two')];
  for (const dataDir of [one, two]) {
    await using cluster = await createCluster({ dataDir });
    await cluster.set('whose', dataDir);
  }
  cpSync(join(two, 'n2'), join(one, 'm2'), { recursive: true });

  for (const command of ['export', 'import']) {
    if (command === 'import') await balsa(['snapshot', 'export', file, '--data-dir', two]);
    const refused = await balsa(['snapshot', command, file, '--data-dir', one]);
    t.is(refused.exitCode, 2, refused.stdout);
    t.regex(refused.stderr, /holds nodes of 2 clusters: .*m2 is of .*n1 is of /);
    if (command === 'export') t.false(existsSync(file));
  }
  await using cluster = await createCluster({ dataDir: one });
  t.is(await cluster.get('whose'), one);
});

test.serial('balsa snapshot names what cannot be used', async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, 'backup');
  writeFileSync(file, 'a text');

  const nothing = await balsa(['snapshot', 'export', file, '--data-dir', directory]);
  const foreign = await balsa(['snapshot', 'import', file, '--data-dir', join(directory, 'new')]);

  t.is(nothing.exitCode, 2);
  t.regex(nothing.stderr, /holds no cluster/);
  t.is(foreign.exitCode, 1);
  t.regex(foreign.stderr, /RAFT_SNAPSHOT_FOREIGN: .*backup is no snapshot that balsa exported/);
  t.is(readFileSync(file, 'utf8'), 'a text');
  t.false(existsSync(join(directory, 'new')), 'no cluster is founded for it');
});
