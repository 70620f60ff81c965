/** A thread that writes to its storage until it is killed: votes, appends, conflicts, trims. */

import { parentPort, workerData } from 'node:worker_threads';
import { openMemoryStorage } from '../../src/storage/index.js';
import { makeEntry } from './model.js';

const { buffers, progress } = workerData;
const storage = openMemoryStorage(buffers);
const savedTerm = new Int32Array(progress);

for (let turn = 1; ; turn++) {
  const currentTerm = storage.hardState.currentTerm + 1;
  storage.saveHardState({ currentTerm, votedFor: `n${currentTerm}` });
  Atomics.store(savedTerm, 0, currentTerm);
  const from = Math.max(storage.snapshotIndex, storage.lastIndex - (turn % 3)) + 1;
  const sizes = [turn % 700, 8, (turn * 7) % 900];
  const entries = sizes.map((size, at) => makeEntry(from + at, currentTerm, size));
  if (storage.append(entries) === 'full' || turn % 5 === 0) {
    const index = Math.max(storage.firstIndex - 1, storage.lastIndex - 4);
    const term = storage.termAt(index) ?? 0;
    storage.saveSnapshot({ index, term, bytes: new Uint8Array(turn % 100) });
    storage.trim(index);
  }
  if (turn === 500) parentPort?.postMessage('under way');
}
