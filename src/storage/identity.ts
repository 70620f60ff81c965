/**
 * Whose directory it is: a small file that binds a directory to one node of one cluster.
 *
 * It is written before anything else and never changes again but for its state. `founding`: the
 * cluster has not run yet. `founded`: it may have, so a node of it that comes without its log has
 * lost it, and with it votes that it gave.
 */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FileSystem } from './file-system.js';
import { corrupt } from './wal-segment.js';

export interface Identity {
  readonly format: 1;
  readonly clusterId: string;
  readonly nodeId: string;
  /** All nodes of the cluster, in their order. */
  readonly nodes: readonly string[];
  readonly state: 'founding' | 'founded';
}

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

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { format, clusterId, nodeId, nodes, state } = value as Record<string, unknown>;
  return (
    format === 1 &&
    typeof clusterId === 'string' &&
    typeof nodeId === 'string' &&
    Array.isArray(nodes) &&
    nodes.every((node) => typeof node === 'string') &&
    (state === 'founding' || state === 'founded')
  );
}
