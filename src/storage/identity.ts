/**
 * Whose directory it is: a small file that binds a directory to one node of one cluster.
 *
 * It is written before anything else and never changes again but for its state, and for the name of
 * the state machine, which the node itself adds when it first runs. `founding`: the cluster has not
 * run yet. `founded`: it may have, so a node of it that comes without its log has lost it, and with
 * it votes that it gave.
 */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RaftError } from '../errors.js';
import type { FileSystem } from './file-system.js';
import { corrupt } from './wal-segment.js';

export interface Identity {
  readonly format: 1;
  readonly clusterId: string;
  readonly nodeId: string;
  /** All nodes of the cluster, in their order. */
  readonly nodes: readonly string[];
  readonly state: 'founding' | 'founded';
  /** What the commands in the log are for. Absent until the node has run. */
  readonly machine?: string;
}

/** The key-value store, or a machine of the user's, which may have said how it is called. */
export interface MachineName {
  readonly kind: 'store' | 'own';
  readonly name?: string;
}

const unnamed = 'a state machine without a name';

/** The 32 bits that mark all files of one node of one cluster. */
export function directoryIdOf(clusterId: string, nodeId: string): number {
  return crc32(`${clusterId} ${nodeId}`);
}

const fileName = 'identity.json';
const bytesMax = 65_536;

function identityPath(directory: string): string {
  return join(directory, fileName);
}

/** `undefined` where there is none. Throws `RAFT_STORAGE_CORRUPT` for one that cannot be read. */
export function readIdentity(fs: FileSystem, directory: string): Identity | undefined {
  const path = identityPath(directory);
  if (!fs.exists(path)) return undefined;
  const file = fs.open(path, 'existing');
  try {
    const bytes = Buffer.alloc(Math.min(bytesMax, file.size()));
    const found: unknown = parse(bytes.toString('utf8', 0, file.read(bytes, 0)));
    if (isIdentity(found)) return found;
  } finally {
    file.close();
  }
  throw corrupt(path, 0, 'the file does not say whose directory this is');
}

/** Puts the identity in the place of an older one, whole or not at all; durable on return. */
export function writeIdentity(fs: FileSystem, directory: string, identity: Identity): void {
  const path = identityPath(directory);
  const file = fs.open(`${path}.new`, 'create');
  file.write(Buffer.from(`${JSON.stringify(identity, undefined, 2)}\n`), 0);
  file.sync();
  file.close();
  fs.rename(file.path, path);
  fs.syncDirectory(directory);
}

/**
 * Ties the log of a directory to one kind of state machine: the commands in it mean nothing to
 * another. A machine that had no name may have got one since.
 *
 * Throws `RAFT_WRONG_MACHINE` if it is tied to another, `RAFT_STORAGE_CORRUPT`, and
 * `RAFT_STORAGE_FAILED` if it cannot be written.
 */
export function claimDirectory(fs: FileSystem, directory: string, machine: MachineName): void {
  const name = nameOf(machine);
  try {
    const identity = readIdentity(fs, directory);
    if (identity === undefined || identity.machine === name) return;
    const { machine: known } = identity;
    if (known !== undefined && !(known === unnamed && machine.kind === 'own')) {
      throw new RaftError(
        'RAFT_WRONG_MACHINE',
        `${directory} has the log of ${known}; expected that of ${name}`,
        { details: { outcome: 'rejected', directory } },
      );
    }
    writeIdentity(fs, directory, { ...identity, machine: name });
  } catch (error) {
    if (error instanceof RaftError) throw error;
    const { code = 'unknown', message } = error as NodeJS.ErrnoException;
    throw new RaftError('RAFT_STORAGE_FAILED', `${directory} cannot be used: ${message}`, {
      cause: error,
      details: { directory, code },
    });
  }
}

function nameOf({ kind, name }: MachineName): string {
  if (kind === 'store') return 'the key-value store';
  return name === undefined ? unnamed : `the state machine ${name}`;
}

/** What the log of a directory is for. */
export function machineOf({ machine }: Identity): MachineName['kind'] {
  return machine === undefined || machine === nameOf({ kind: 'store' }) ? 'store' : 'own';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { format, clusterId, nodeId, nodes, state, machine } = value as Record<string, unknown>;
  return (
    format === 1 &&
    typeof clusterId === 'string' &&
    typeof nodeId === 'string' &&
    Array.isArray(nodes) &&
    nodes.every((node) => typeof node === 'string') &&
    (machine === undefined || typeof machine === 'string') &&
    (state === 'founding' || state === 'founded')
  );
}
