/** The storage of a node, as its thread is told to open it. */

import { type ErrorRecord, isRaftError, unpackError } from '../errors.js';
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

export function openNodeStorage(storage: NodeStorage, nowMs: () => number): Storage {
  switch (storage.kind) {
    case 'memory':
      return openMemoryStorage(storage.buffers);
    case 'file':
      return openFileStorage({ ...storage.options, nowMs });
    case 'refused':
      throw unpackError(storage.error);
  }
}

/** Whether a node must stop because of its storage and not because of a bug. */
export function isStorageFailure(error: unknown): boolean {
  return (
    isRaftError(error, 'RAFT_STORAGE_FAILED') ||
    isRaftError(error, 'RAFT_STORAGE_CORRUPT') ||
    isRaftError(error, 'RAFT_STORAGE_LOST')
  );
}
