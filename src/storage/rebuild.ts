/**
 * Makes the directory of a node anew from those of all the others, while the cluster is closed.
 *
 * Why that is safe, and why it takes all of them: what was committed is on a majority, so at least
 * one of the others has it, and the one whose log is most up to date (§5.4.1) has all of it, as any
 * leader that they could elect. The vote that was lost can have been given in no term later than
 * the latest that the others know, but for a campaign of the lost node's own that nobody answered:
 * so the node begins one term later, in which nobody has voted.
 */

import { join } from 'node:path';
import { RaftError } from '../errors.js';
import { lockDirectory } from './directory-lock.js';
import { openFileStorage } from './file.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { directoryIdOf, type Identity, readIdentity, writeIdentity } from './identity.js';
import type { Storage } from './storage.js';

export interface Rebuilt {
  readonly nodeId: string;
  /** From which directory its log was taken. */
  readonly source: string;
  readonly currentTerm: number;
  readonly lastIndex: number;
  /** Where the files went that were in the directory. */
  readonly setAside: string | undefined;
}

interface Other {
  readonly directory: string;
  readonly identity: Identity;
}

/**
 * Puts a new log into `directory`, for the one node of the cluster that `others` lack. Files that
 * are in it are set aside.
 *
 * Throws `RAFT_INVALID_OPTION` unless `others` are the directories of all other nodes of one
 * cluster, `RAFT_STORAGE_LOCKED` while a cluster uses one of them, and what is wrong with them.
 */
export function rebuildDirectory(directory: string, others: readonly string[]): Rebuilt {
  const fs = nodeFileSystem;
  const known = others.map((path) => ({ directory: path, identity: identityOf(fs, path) }));
  const nodeId = missingNode(known, directory);
  fs.makeDirectory(directory);
  const locks: Disposable[] = [];
  try {
    for (const path of [directory, ...others]) locks.push(lockDirectory(path));
    return rebuild(fs, directory, nodeId, known);
  } finally {
    for (const lock of locks) lock[Symbol.dispose]();
  }
}

function rebuild(
  fs: FileSystem,
  directory: string,
  nodeId: string,
  others: readonly Other[],
): Rebuilt {
  const opened = others.map((other) => ({ ...other, storage: openOther(other) }));
  try {
    const [source] = opened.toSorted((a, b) => compareLogs(b.storage, a.storage));
    if (source === undefined) throw invalid('others', 'none', 'the directories of all other nodes');
    const currentTerm = Math.max(...opened.map(({ storage }) => storage.hardState.currentTerm)) + 1;
    const setAside = setFilesAside(fs, directory);
    const identity: Identity = { ...source.identity, nodeId, state: 'founding' };
    const { clusterId } = identity;
    writeIdentity(fs, directory, identity);
    copyLog(source.storage, directory, {
      directoryId: directoryIdOf(clusterId, nodeId),
      currentTerm,
    });
    writeIdentity(fs, directory, { ...identity, state: 'founded' });
    const { lastIndex } = source.storage;
    return { nodeId, source: source.directory, currentTerm, lastIndex, setAside };
  } finally {
    for (const { storage } of opened) storage.close();
  }
}

/** §5.4.1: the term of the last entry first, then the length. */
function compareLogs(a: Storage, b: Storage): number {
  const lastTerm = (storage: Storage): number => storage.termAt(storage.lastIndex) ?? 0;
  return lastTerm(a) - lastTerm(b) || a.lastIndex - b.lastIndex;
}

function copyLog(
  source: Storage,
  directory: string,
  { directoryId, currentTerm }: { readonly directoryId: number; readonly currentTerm: number },
): void {
  const snapshot = source.loadSnapshot();
  const headers = source.headers().filter(({ index }) => index > source.snapshotIndex);
  const { logBytesMax, entriesMax, entryBytesMax } = source.usage;
  const target = openFileStorage({
    directory,
    directoryId,
    logBytesMax,
    entriesMax,
    entryBytesMax,
    snapshotBytesMax: Math.max(8, snapshot?.bytes.byteLength ?? 0),
  });
  try {
    if (snapshot !== undefined) target.saveSnapshot(snapshot);
    for (const header of headers) {
      const { bytes, start, end } = source.payload(header.index);
      if (target.append([{ ...header, payload: bytes.subarray(start, end) }]) === 'full') {
        throw invalid('others', `a log that ends at ${source.lastIndex}`, 'one that fits');
      }
    }
    target.saveHardState({ currentTerm });
    target.sync(() => {});
  } finally {
    target.close();
  }
}

function openOther({ directory, identity: { clusterId, nodeId } }: Other): Storage {
  const directoryId = directoryIdOf(clusterId, nodeId);
  const limits = { logBytesMax: 2 ** 28, entryBytesMax: 2 ** 24, snapshotBytesMax: 2 ** 31 };
  return openFileStorage({ directory, directoryId, mustExist: true, ...limits });
}

function identityOf(fs: FileSystem, directory: string): Identity {
  const identity = readIdentity(fs, directory);
  if (identity?.state === 'founded') return identity;
  throw invalid('others', `${directory}, which is no node's`, 'the directory of a node');
}

/** The node that the others lack; all of them must be there, each once. */
function missingNode(others: readonly Other[], directory: string): string {
  const [first] = others;
  if (first === undefined) throw invalid('others', 'nothing', 'the directories of all other nodes');
  const { clusterId, nodes } = first.identity;
  const found = others.map(({ identity }) => identity.nodeId);
  const isOneCluster = others.every(({ identity }) => identity.clusterId === clusterId);
  const missing = nodes.filter((node) => !found.includes(node));
  const [nodeId] = missing;
  if (
    isOneCluster &&
    nodeId !== undefined &&
    missing.length === 1 &&
    new Set(found).size === found.length
  ) {
    return nodeId;
  }
  throw invalid(
    'others',
    `the directories of ${found.join(', ')}`,
    `those of all nodes of one cluster but the one of ${directory}: of ${nodes.length - 1} of ` +
      nodes.join(', '),
  );
}

/** What is there is evidence: it is kept, out of the way. */
function setFilesAside(fs: FileSystem, directory: string): string | undefined {
  const names = fs.list(directory).filter((name) => /\.(?:wal|snapshot|json)$/.test(name));
  if (names.length === 0) return undefined;
  let number = 1;
  while (fs.exists(join(directory, `set-aside-${number}`))) number += 1;
  const target = join(directory, `set-aside-${number}`);
  fs.makeDirectory(target);
  for (const name of names) fs.rename(join(directory, name), join(target, name));
  fs.syncDirectory(target);
  fs.syncDirectory(directory);
  return target;
}

function invalid(option: string, found: string, expected: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} is ${found}; expected ${expected}`, {
    details: { option },
  });
}
