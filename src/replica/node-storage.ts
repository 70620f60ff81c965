/** The storage of a node, as its thread is told to open it. */

import { type ErrorRecord, isRaftError, unpackError } from '../errors.js';
import { FaultyFileSystem } from '../storage/faulty.js';
import { nodeFileSystem } from '../storage/file-system.js';
import { claimDirectory, type MachineName } from '../storage/identity.js';
import {
  type FileStorageOptions,
  type MemoryStorageBuffers,
  openFileStorage,
  openMemoryStorage,
  type Storage,
} from '../storage/index.js';

/** Structured-cloneable. */
export type NodeStorage =
  | { readonly kind: 'memory'; readonly buffers: MemoryStorageBuffers }
  | { readonly kind: 'file'; readonly options: Omit<FileStorageOptions, 'nowMs' | 'fileSystem'> }
  /** There is nothing that the node could be opened on. */
  | { readonly kind: 'refused'; readonly error: ErrorRecord };

/** What a node keeps its data in, and the disk below, if there is one, to make it fail. */
export interface OpenedStorage {
  readonly storage: Storage;
  readonly disk: FaultyFileSystem | undefined;
}

export function openNodeStorage(
  storage: NodeStorage,
  machine: MachineName,
  nowMs: () => number,
): OpenedStorage {
  switch (storage.kind) {
    case 'memory':
      return { storage: openMemoryStorage(storage.buffers), disk: undefined };
    case 'file': {
      const disk = new FaultyFileSystem(nodeFileSystem, block);
      claimDirectory(disk, storage.options.directory, machine);
      return {
        storage: openFileStorage({ ...storage.options, nowMs, fileSystem: disk }),
        disk,
      };
    }
    case 'refused':
      throw unpackError(storage.error);
  }
}

/** A call to a disk that stalls keeps its thread, so this does. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Whether a node must stop because of its storage and not because of a bug. */
export function isStorageFailure(error: unknown): boolean {
  return (
    isRaftError(error, 'RAFT_STORAGE_FAILED') ||
    isRaftError(error, 'RAFT_STORAGE_CORRUPT') ||
    isRaftError(error, 'RAFT_STORAGE_LOST') ||
    isRaftError(error, 'RAFT_WRONG_MACHINE')
  );
}
