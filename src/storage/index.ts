/** The door of the room: what survives a crash. `storage.ts` tells the contract. */

export { type FileStorageOptions, openFileStorage, type SyncPolicy } from './file.js';
export { GatheredSnapshot } from './gathered-snapshot.js';
export { createMemory, type MemoryStorageBuffers } from './layout.js';
export { openMemoryStorage } from './memory.js';
export type {
  Snapshot,
  SnapshotName,
  SnapshotSink,
  Storage,
  StorageResult,
  StoredPayload,
} from './storage.js';
