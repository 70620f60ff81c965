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
import { isRaftError, RaftError } from '../errors.js';
import { type Disks, nodeDisks } from './disks.js';
import { type FileStorageOptions, openFileStorage } from './file.js';
import type { FileSystem } from './file-system.js';
import { directoryIdOf, type Identity, readIdentity, writeIdentity } from './identity.js';
import type { Storage } from './storage.js';
import { storageFailure } from './storage-error.js';

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
export function rebuildDirectory(
  directory: string,
  others: readonly string[],
  disks: Disks = nodeDisks,
): Rebuilt {
  try {
    return rebuildFrom(disks, directory, others);
  } catch (error) {
    throw storageFailure(error, 'making it anew', directory);
  }
}

function rebuildFrom(disks: Disks, directory: string, others: readonly string[]): Rebuilt {
  const { fileSystem: fs, lock } = disks;
  const known = others.map((path) => ({ directory: path, identity: identityOf(fs, path) }));
  const nodeId = missingNode(known, directory);
  fs.makeDirectory(directory);
  assertNobodyElses(fs, directory, known[0]?.identity.clusterId, nodeId);
  const locks: Disposable[] = [];
  try {
    for (const path of [directory, ...others]) locks.push(lock(path));
    return rebuild(disks, directory, nodeId, known);
  } finally {
    for (const held of locks) held[Symbol.dispose]();
  }
}

function rebuild(
  disks: Disks,
  directory: string,
  nodeId: string,
  others: readonly Other[],
): Rebuilt {
  const { fileSystem: fs } = disks;
  const opened = others.map((other) => ({ ...other, storage: openOther(other, disks) }));
  try {
    const [source] = opened.toSorted((a, b) => compareLogs(b.storage, a.storage));
    if (source === undefined) throw invalid('others', 'none', 'the directories of all other nodes');
    const currentTerm = Math.max(...opened.map(({ storage }) => storage.hardState.currentTerm)) + 1;
    const setAside = setFilesAside(fs, directory);
    const identity: Identity = { ...source.identity, nodeId, state: 'founded' };
    const directoryId = directoryIdOf(identity.clusterId, nodeId);
    // Without an identity it is nobody's directory: a copy that was interrupted is never served.
    copyLog(
      source.storage,
      { fileSystem: fs, directory, directoryId, ...disks.sizes },
      currentTerm,
    );
    writeIdentity(fs, directory, identity);
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

function copyLog(source: Storage, options: FileStorageOptions, currentTerm: number): void {
  const snapshot = source.loadSnapshot();
  const headers = source.headers().filter(({ index }) => index > source.snapshotIndex);
  const { logBytesMax, entriesMax, entryBytesMax } = source.usage;
  const target = openFileStorage({
    logBytesMax,
    entriesMax,
    entryBytesMax,
    ...options,
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

function openOther(
  { directory, identity: { clusterId, nodeId } }: Other,
  { fileSystem, sizes }: Disks,
): Storage {
  const directoryId = directoryIdOf(clusterId, nodeId);
  const limits = { logBytesMax: 2 ** 28, entryBytesMax: 2 ** 24, snapshotBytesMax: 2 ** 31 };
  return openFileStorage({
    directory,
    directoryId,
    mustExist: true,
    fileSystem,
    ...limits,
    ...sizes,
  });
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

/** Another node's directory is not to be overwritten because of a slip in the order of two. */
function assertNobodyElses(
  fs: FileSystem,
  directory: string,
  clusterId: string | undefined,
  nodeId: string,
): void {
  let identity: Identity | undefined;
  try {
    identity = readIdentity(fs, directory);
  } catch (error) {
    // Damage is what the node is made anew for.
    if (!isRaftError(error, 'RAFT_STORAGE_CORRUPT')) throw error;
  }
  if (identity === undefined) return;
  if (identity.clusterId === clusterId && identity.nodeId === nodeId) return;
  throw invalid(
    'directory',
    `${directory}, which is ${identity.nodeId} of cluster ${identity.clusterId}`,
    `an empty one, or that of ${nodeId} of cluster ${clusterId}, the one that the others lack`,
  );
}

/** What is there is evidence: it is kept, out of the way. */
function setFilesAside(fs: FileSystem, directory: string): string | undefined {
  const names = fs.list(directory).filter((name) => /\.(?:wal|snapshot|json)$/.test(name));
  if (names.length === 0) return undefined;
  // Whose directory it is goes first: what is left of a log then counts for nothing.
  names.sort((a, b) => Number(b.endsWith('.json')) - Number(a.endsWith('.json')));
  let number = 1;
  while (fs.exists(join(directory, `set-aside-${number}`))) number += 1;
  const target = join(directory, `set-aside-${number}`);
  fs.makeDirectory(target);
  for (const name of names) {
    fs.rename(join(directory, name), join(target, name));
    if (name.endsWith('.json')) fs.syncDirectory(directory);
  }
  fs.syncDirectory(target);
  fs.syncDirectory(directory);
  return target;
}

function invalid(option: string, found: string, expected: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} is ${found}; expected ${expected}`, {
    details: { option },
  });
}
