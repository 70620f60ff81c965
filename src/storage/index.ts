/** The door of the room: what survives a crash. `storage.ts` tells the contract. */

export { type FileStorageOptions, openFileStorage, type SyncPolicy } from './file.js';
export { createMemory, type MemoryStorageBuffers } from './layout.js';
export { inspectLog, type LogLine, type LogSummary, verifyLog } from './log-inspection.js';
export { openMemoryStorage } from './memory.js';
export { rebuildDirectory } from './rebuild.js';
export type {
  Snapshot,
  SnapshotName,
  SnapshotSink,
  Storage,
  StorageResult,
  StoredPayload,
} from './storage.js';
