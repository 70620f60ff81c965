/** The door of the room: what survives a crash. `storage.ts` tells the contract. */

export { createMemory, type MemoryStorageBuffers, type MemoryStorageOptions } from './layout.js';
export { openMemoryStorage } from './memory.js';
export type {
  Snapshot,
  Storage,
  StorageResult,
  StorageUsage,
  StoredPayload,
} from './storage.js';
