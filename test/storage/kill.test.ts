/**
 * Every way to die. All stores of the storage go through `SharedMemory`; here each of them, and the
 * middle of each copy, takes a picture of the memory, as a killed thread would leave it.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import fc from 'fast-check';
import {
  createMemory,
  type MemoryStorageBuffers,
  openMemoryStorage,
  type Storage,
} from '../../src/storage/index.js';
import { MemoryStorage } from '../../src/storage/memory.js';
import { SharedMemory } from '../../src/storage/shared-memory.js';
import { makeEntry, observe, perform, type Step, StorageModel, steps } from './model.js';

class FilmedMemory extends SharedMemory {
  pictures: MemoryStorageBuffers[] = [];

  override write(view: Float64Array, at: number, value: number): void {
    super.write(view, at, value);
    this.#film();
  }

  override copy(view: Buffer, at: number, bytes: Uint8Array): void {
    super.copy(view, at, bytes.subarray(0, bytes.byteLength / 2));
    this.#film();
    super.copy(view, at, bytes);
    this.#film();
  }

  override publish(word: number, value: number): void {
    super.publish(word, value);
    this.#film();
  }

  #film(): void {
    this.pictures.push(copyBuffers(this.buffers));
  }
}

const sizes = { logBytesMax: 256, segmentBytes: 64, entryBytesMax: 40, entriesMax: 9 };

function film(): { memory: FilmedMemory; storage: MemoryStorage } {
  const memory = new FilmedMemory(createMemory({ ...sizes, snapshotBytesMax: 32 }));
  return { memory, storage: new MemoryStorage(memory) };
}

function copyBuffers(buffers: MemoryStorageBuffers): MemoryStorageBuffers {
  const copy = (buffer: SharedArrayBuffer): SharedArrayBuffer => {
    const target = new SharedArrayBuffer(buffer.byteLength);
    new Uint8Array(target).set(new Uint8Array(buffer));
    return target;
  };
  const { control, rows, log, snapshots } = buffers;
  return {
    ...buffers,
    control: copy(control),
    rows: copy(rows),
    log: copy(log),
    snapshots: [copy(snapshots[0]), copy(snapshots[1]), copy(snapshots[2])],
  };
}

/** What a storage shows, each kind of step being able to change a part of it only. */
function shown(storage: Storage): string {
  return JSON.stringify(observe(storage));
}

/** A storage that came back must also work: it takes an entry, and gives room when asked. */
function assertUsable(storage: Storage): void {
  const term = storage.termAt(storage.lastIndex) ?? 0;
  const index = storage.lastIndex + 1;
  storage.saveHardState({ currentTerm: storage.hardState.currentTerm + 1, votedFor: 'n9' });
  storage.saveSnapshot({ index: index - 1, term, bytes: Uint8Array.of(1) });
  storage.trim(index - 1);
  if (storage.append([makeEntry(index, term, 40)]) !== 'ok') throw new Error('no room at all');
  const { bytes, start, end } = storage.payload(index);
  const expected = Buffer.from(makeEntry(index, term, 40).payload);
  if (!expected.equals(bytes.subarray(start, end))) throw new Error('wrong bytes');
}

function killAtEveryStore(list: readonly Step[]): number {
  const { memory, storage } = film();
  const model = new StorageModel();
  let deaths = 0;
  for (const step of list) {
    memory.pictures = [];
    const before = JSON.stringify(model.observe());
    const { meanwhile } = perform(step, storage, model);
    const after = JSON.stringify(model.observe());
    const allowed = [before, JSON.stringify(meanwhile.observe()), after];

    let reached = 0;
    for (const picture of memory.pictures) {
      const recovered = openMemoryStorage(picture);
      const state = allowed.indexOf(shown(recovered), reached);
      if (state === -1) throw new Error(`${JSON.stringify(step)} left ${shown(recovered)}`);
      reached = state;
      assertUsable(recovered);
      deaths++;
    }
    if (shown(storage) !== after) throw new Error('the step itself went wrong');
  }
  return deaths;
}

test('a kill at any store leaves the log before, without its conflicts, or after', (t) => {
  let deaths = 0;
  const property = fc.property(steps, (list) => {
    deaths += killAtEveryStore(list);
  });

  t.notThrows(() => fc.assert(property, { numRuns: 100 }));
  t.true(deaths > 5_000, `${deaths} deaths`);
});

test('a kill between term and vote leaves the old pair or the new one (pitfalls 1 and 2)', (t) => {
  const { memory, storage } = film();
  storage.saveHardState({ currentTerm: 4, votedFor: 'n1' });
  memory.pictures = [];

  storage.saveHardState({ currentTerm: 5, votedFor: 'n22' });

  const pairs = memory.pictures.map((picture) => {
    const { currentTerm, votedFor } = openMemoryStorage(picture).hardState;
    return `${currentTerm} ${votedFor}`;
  });
  t.deepEqual([...new Set(pairs)], ['4 n1', '5 n22']);
  t.true(pairs.length >= 4);
});

test('a kill never leaves a snapshot ahead of the log, nor a trimmed hole (pitfall 19)', (t) => {
  const { memory, storage } = film();
  storage.append([makeEntry(1, 1), makeEntry(2, 1), makeEntry(3, 1)]);
  memory.pictures = [];

  storage.saveSnapshot({ index: 3, term: 1, bytes: Uint8Array.of(1, 2, 3) });
  storage.trim(3);
  storage.saveSnapshot({ index: 9, term: 2, bytes: Uint8Array.of(4, 5, 6) });
  storage.append([makeEntry(10, 2)]);

  t.true(memory.pictures.length > 10);
  for (const picture of memory.pictures) {
    const { firstIndex, lastIndex, snapshotIndex } = openMemoryStorage(picture);
    t.true(firstIndex - 1 <= snapshotIndex && snapshotIndex <= lastIndex);
  }
});

// Real threads: the pictures above trust that a killed thread stops between two stores; this looks.
test('a worker that is killed while it appends leaves a whole log and its newest vote', async (t) => {
  const buffers = createMemory({ logBytesMax: 65_536, entryBytesMax: 1_024, entriesMax: 64 });
  const progress = new SharedArrayBuffer(4);
  for (let round = 0; round < 8; round++) {
    const worker = new Worker(new URL('./fixtures/append-forever.js', import.meta.url), {
      workerData: { buffers, progress },
    });
    await once(worker, 'message');
    await worker.terminate();

    const storage = openMemoryStorage(buffers);
    const { currentTerm, votedFor } = storage.hardState;
    const savedTerm = new Int32Array(progress)[0] ?? 0;
    t.true(savedTerm >= 500 && (currentTerm === savedTerm || currentTerm === savedTerm + 1));
    t.is(votedFor, `n${currentTerm}`);
    for (const { index, term, byteLength } of storage.headers()) {
      const { bytes, start, end } = storage.payload(index);
      const { payload } = makeEntry(index, term, byteLength);
      if (!bytes.subarray(start, end).equals(payload)) t.fail(`entry ${index}, round ${round}`);
    }
  }
});
