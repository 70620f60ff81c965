/** Looking into a directory: while it is written, or where something is missing. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { nodeFileSystem, readOnlyFileSystem } from '../../src/storage/file-system.js';
import { directoryIdOf, writeIdentity } from '../../src/storage/identity.js';
import {
  inspectLog,
  openFileStorage,
  rebuildDirectory,
  verifyLog,
} from '../../src/storage/index.js';
import { balsa } from '../cli/balsa.js';
import { directoryOf } from '../directory.js';
import { makeEntry } from './model.js';

const nodes = ['n1', 'n2', 'n3'];

/** The directory of a node with a log of several small segments. */
function nodeIn(root: string, nodeId: string, clusterId = 'abc'): string {
  const directory = join(root, nodeId);
  mkdirSync(directory);
  writeIdentity(nodeFileSystem, directory, {
    format: 1,
    clusterId,
    nodeId,
    nodes,
    state: 'founded',
  });
  const storage = openFileStorage({
    directory,
    directoryId: directoryIdOf(clusterId, nodeId),
    segmentBytes: 4_096,
    entryBytesMax: 256,
  });
  for (let index = 1; index <= 100; index += 1) storage.append([makeEntry(index, 1, 200)]);
  storage.saveSnapshot({ index: 60, term: 1, bytes: new Uint8Array(100) });
  storage.close();
  return directory;
}

test('a log that rolls on and drops its oldest part while it is read is no damaged one', (t) => {
  const directory = nodeIn(directoryOf(t), 'n1');
  const storage = openFileStorage({
    directory,
    directoryId: directoryIdOf('abc', 'n1'),
    segmentBytes: 4_096,
    entryBytesMax: 256,
  });
  let index = storage.lastIndex;
  let steps = 0;
  /** Does what a node does, between any two calls of the reader. */
  const goOn = (): void => {
    steps += 1;
    if (steps > 60) return;
    for (let count = 0; count < 8; count += 1) {
      index += 1;
      storage.append([makeEntry(index, 1, 200)]);
    }
    if (steps % 5 === 0) {
      storage.saveSnapshot({ index: index - 5, term: 1, bytes: new Uint8Array(100) });
      storage.trim(index - 5);
    }
    storage.sync(() => {});
  };
  const busy = {
    ...readOnlyFileSystem,
    open: (path: string) => {
      goOn();
      return readOnlyFileSystem.open(path, 'existing');
    },
  };
  const seen: number[] = [];

  const summary = verifyLog(directory, busy);
  t.is(summary?.nodeId, 'n1');
  steps = 0;
  inspectLog(
    directory,
    ({ type, fields }) => type === 'entry' && seen.push(fields['index'] as number),
    busy,
  );

  t.true(steps > 6, `${steps} opens`);
  t.true(seen.length > 20);
  t.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  t.is(new Set(seen).size, seen.length);
  storage.close();
});

test('balsa log verify: 0 for a sound log, 1 for a lost or strange one, 2 for no directory', async (t) => {
  const root = directoryOf(t);
  const [n1, n2, n3] = nodes.map((node) => nodeIn(root, node)) as [string, string, string];
  const codeOf = async (path: string): Promise<[number | null, string]> => {
    const { exitCode, stderr } = await balsa(['log', 'verify', path]);
    return [exitCode, /RAFT_\w+/.exec(stderr)?.[0] ?? ''];
  };
  t.deepEqual(await codeOf(n1), [0, '']);

  for (const name of nodeFileSystem.list(n2)) {
    if (name.endsWith('.wal')) rmSync(join(n2, name));
  }
  const strange = nodeFileSystem.list(n1).filter((name) => /^\d+\.(wal)$/.test(name));
  for (const name of nodeFileSystem.list(n3)) if (name.endsWith('.wal')) rmSync(join(n3, name));
  for (const name of strange) nodeFileSystem.rename(join(n1, name), join(n3, name));

  t.deepEqual(await codeOf(n2), [1, 'RAFT_STORAGE_LOST']);
  t.deepEqual(await codeOf(n3), [1, 'RAFT_STORAGE_CORRUPT']);
  t.deepEqual(await codeOf(join(root, 'nowhere')), [2, 'RAFT_INVALID_OPTION']);
  writeFileSync(join(root, 'file'), '');
  t.deepEqual(await codeOf(join(root, 'file')), [2, 'RAFT_INVALID_OPTION']);
  mkdirSync(join(root, 'empty'));
  t.deepEqual(await codeOf(join(root, 'empty')), [2, 'RAFT_INVALID_OPTION']);
});

test('a log that is marked as that of another node is not opened: its votes are not ours', (t) => {
  const directory = nodeIn(directoryOf(t), 'n1');

  const open = (): unknown =>
    openFileStorage({ directory, directoryId: directoryIdOf('abc', 'n2'), entryBytesMax: 256 });

  t.throws(open, { code: 'RAFT_STORAGE_CORRUPT', message: /belongs to another directory/ });
});

test('rebuild overwrites neither one of the others nor the directory of another node', (t) => {
  const root = directoryOf(t);
  const [n1, n2, n3] = nodes.map((node) => nodeIn(root, node)) as [string, string, string];
  const foreign = join(root, 'foreign');
  mkdirSync(foreign);
  const other = nodeIn(foreign, 'n2', 'another');

  for (const [directory, others] of [
    [n3, [n1, n3]],
    [n1, [n1, n3]],
    [n3, [n1, n2, n3]],
    [other, [n1, n3]],
    [n2, [n1, join(foreign, 'n2')]],
  ] as const) {
    t.throws(() => rebuildDirectory(directory, others), { code: 'RAFT_INVALID_OPTION' });
  }
  for (const directory of [n1, n2, n3, other]) t.is(verifyLog(directory)?.bounds.lastIndex, 100);
});
