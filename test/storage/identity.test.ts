import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isRaftError } from '../../src/errors.js';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import {
  claimDirectory,
  type MachineName,
  readIdentity,
  writeIdentity,
} from '../../src/storage/identity.js';
import { directoryOf } from '../directory.js';

const store: MachineName = { kind: 'store' };
const nameless: MachineName = { kind: 'own' };
const first: MachineName = { kind: 'own', name: 'counter 1' };
const second: MachineName = { kind: 'own', name: 'counter 2' };

function foundedDirectory(t: ExecutionContext): string {
  const directory = directoryOf(t);
  const identity = { format: 1, clusterId: 'c', nodeId: 'n1', nodes: ['n1'] } as const;
  writeIdentity(nodeFileSystem, directory, { ...identity, state: 'founded' });
  return directory;
}

function claims(directory: string, machine: MachineName): string {
  try {
    claimDirectory(nodeFileSystem, directory, machine);
    return 'taken';
  } catch (error) {
    return isRaftError(error) ? error.code : String(error);
  }
}

const pairs: readonly (readonly [MachineName, MachineName, string])[] = [
  [store, store, 'taken'],
  [store, nameless, 'RAFT_WRONG_MACHINE'],
  [store, first, 'RAFT_WRONG_MACHINE'],
  [nameless, store, 'RAFT_WRONG_MACHINE'],
  [nameless, nameless, 'taken'],
  [nameless, first, 'taken'],
  [first, store, 'RAFT_WRONG_MACHINE'],
  [first, nameless, 'RAFT_WRONG_MACHINE'],
  [first, first, 'taken'],
  [first, second, 'RAFT_WRONG_MACHINE'],
];

for (const [owner, comer, expected] of pairs) {
  const [had, has] = [owner, comer].map(({ kind, name = '' }) => `${kind} ${name}`.trim());
  test(`a directory of ${had} is opened by ${has}: ${expected}`, (t) => {
    const directory = foundedDirectory(t);
    t.is(claims(directory, owner), 'taken');
    const before = readIdentity(nodeFileSystem, directory);

    t.is(claims(directory, comer), expected);

    const { machine: _, ...after } = readIdentity(nodeFileSystem, directory) ?? {};
    t.like(before, after);
    // Who was refused left nothing behind: the owner may come again.
    if (expected !== 'taken') t.is(claims(directory, owner), 'taken');
  });
}

test('an identity of a format that is not known is not claimed', (t) => {
  const directory = foundedDirectory(t);
  const path = join(directory, 'identity.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"format": 1', '"format": 2'));

  t.is(claims(directory, store), 'RAFT_STORAGE_CORRUPT');
});
