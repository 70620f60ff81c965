/** How directories are taken and written: those of this machine, or others for tests. */

import { lockDirectory } from './directory-lock.js';
import type { FileStorageOptions } from './file.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';

export interface Disks {
  readonly fileSystem: FileSystem;
  /** Takes a directory until disposed; throws `RAFT_STORAGE_LOCKED`. */
  readonly lock: (directory: string) => Disposable;
  /** Sizes for logs on a small disk. */
  readonly sizes?: Partial<
    Pick<FileStorageOptions, 'segmentBytes' | 'logBytesMax' | 'entryBytesMax' | 'snapshotBytesMax'>
  >;
}

export const nodeDisks: Disks = { fileSystem: nodeFileSystem, lock: lockDirectory };
