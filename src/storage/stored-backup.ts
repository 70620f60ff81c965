/**
 * The newest snapshot that lies in the directories of a cluster as a backup, without asking the
 * cluster: it may be running, and goes on.
 */

import { RaftError } from '../errors.js';
import { type BackupPlace, BackupWriter } from './backup-file.js';
import { nodeFileSystem, readOnlyFileSystem } from './file-system.js';
import { directoryIdOf, type Identity, machineOf } from './identity.js';
import { listSnapshots, SnapshotReader } from './snapshot-files.js';
import type { SnapshotName } from './storage.js';
import { storageFailure } from './storage-error.js';

/** Bytes that are copied at once. */
const stepBytes = 2 ** 20;

/** The directory of a node, and what that says of itself. */
export interface KnownDirectory {
  readonly directory: string;
  readonly identity: Identity;
}

/** A snapshot and the directory of the node that has it. */
interface Found extends KnownDirectory {
  readonly name: SnapshotName;
}

/**
 * Copies the newest snapshot that is whole, of any of these nodes of one cluster, and gives its
 * name and length. It has all that was committed up to its index, and nothing of what came later.
 *
 * Throws `RAFT_INVALID_OPTION` if there is none yet, what is wrong with the newest one if all of
 * them are damaged, and `RAFT_STORAGE_FAILED`.
 */
export function exportStoredSnapshot(
  nodes: readonly KnownDirectory[],
  place: BackupPlace,
): SnapshotName & { readonly byteLength: number } {
  const found = nodes
    .flatMap((node) => {
      const names = listSnapshots(readOnlyFileSystem, node.directory);
      return names.map((name): Found => ({ ...node, name }));
    })
    .sort((a, b) => b.name.index - a.name.index);
  let damage: unknown;
  for (const each of found) {
    try {
      return { ...each.name, byteLength: copy(each, place) };
    } catch (error) {
      if (!(error instanceof RaftError) || error.code !== 'RAFT_STORAGE_CORRUPT') throw error;
      damage ??= error;
    }
  }
  if (damage !== undefined) throw damage;
  const places = nodes.map(({ directory }) => directory).join(', ');
  throw new RaftError(
    'RAFT_INVALID_OPTION',
    `no node in ${places} has saved its state yet: all of it is in the log`,
    { details: { option: 'dataDir' } },
  );
}

function copy({ directory, identity, name }: Found, place: BackupPlace): number {
  let writer: BackupWriter | undefined;
  let reader: SnapshotReader | undefined;
  try {
    const directoryId = directoryIdOf(identity.clusterId, identity.nodeId);
    reader = new SnapshotReader(readOnlyFileSystem, { directory, directoryId }, name);
    writer = new BackupWriter(nodeFileSystem, place, name, { machine: machineOf(identity) });
    for (let at = 0; at < reader.byteLength; at += stepBytes) {
      writer.write(reader.read(at, stepBytes));
    }
    writer.finish();
    return reader.byteLength;
  } catch (error) {
    writer?.abandon();
    throw storageFailure(error, 'exporting a snapshot', place.path);
  } finally {
    reader?.close();
  }
}
