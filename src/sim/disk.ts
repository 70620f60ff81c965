/**
 * What survives a crash in the simulator.
 *
 * A node works on a storage in memory. What it writes goes to its disk in the same order, but only
 * when a `sync` has had its time; a crash takes away what was not synced, but for as much of the
 * beginning as the scenario lets the disk keep.
 *
 *     replica ──append──> MemoryStorage of this life      (what the node believes)
 *                  └────> writes not synced ──sync──> MemoryStorage on the disk   (what is true)
 *
 * Without delays the storage of the node is the disk itself, as in memory mode on threads.
 */
import type { Entry, EntryHeader, HardState } from '../raft/index.js';
import {
  createMemory,
  GatheredSnapshot,
  type MemoryStorageBuffers,
  openMemoryStorage,
  type Snapshot,
  type SnapshotName,
  type SnapshotSink,
  type Storage,
  type StorageResult,
  type StoredPayload,
} from '../storage/index.js';
import type { VirtualTime } from './virtual-time.js';

export interface DiskSizes {
  readonly logBytesMax: number;
  readonly entryBytesMax: number;
  readonly entriesMax: number;
  readonly snapshotBytesMax: number;
}

/** Sees what a node writes, before it is written. */
export interface StorageWatch {
  append(entries: readonly Entry[], storage: Storage): void;
}

export interface DiskOptions {
  readonly sizes: DiskSizes;
  readonly time: VirtualTime;
  readonly watch: StorageWatch;
  /** False for a disk that is done when it returns. */
  readonly isDelayed: boolean;
  /** How long the next sync takes, in ms; 0: it is done when it returns. */
  readonly drawSyncMs: () => number;
  /** How many of so many writes that were not synced a crash leaves. */
  readonly drawKept: (writes: number) => number;
}

type Write = (storage: Storage) => unknown;

/** The disk of one node, which outlives the node. */
export class Disk {
  readonly #options: DiskOptions;
  #buffers: MemoryStorageBuffers;
  #durable: Storage;
  #life: DelayedStorage | undefined;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#buffers = takeMemory(options.sizes);
    this.#durable = openMemoryStorage(this.#buffers);
  }

  /** What would be found after a crash now. */
  get durable(): Storage {
    return this.#durable;
  }

  /** Writes that are not synced. */
  get pending(): number {
    return this.#life?.pending ?? 0;
  }

  /** Opens the storage for a new life of the node. */
  open(): Storage {
    this.#durable = openMemoryStorage(this.#buffers);
    const { sizes, isDelayed } = this.#options;
    if (!isDelayed) return this.#begin(this.#durable, () => {});
    const copy = takeMemory(sizes);
    copyMemory(this.#buffers, copy);
    return this.#begin(openMemoryStorage(copy), () => giveMemory(copy));
  }

  /** The node dies. */
  crash(): void {
    this.#life?.end(this.#options.drawKept(this.#life.pending));
    this.#life = undefined;
  }

  /** Gives the memory back; the disk is gone. */
  discard(): void {
    this.#life?.end(0);
    this.#life = undefined;
    giveMemory(this.#buffers);
  }

  #begin(live: Storage, ended: () => void): Storage {
    this.#life = new DelayedStorage(live, this.#durable, { ...this.#options, ended });
    return this.#life;
  }
}

interface LifeOptions extends Pick<DiskOptions, 'time' | 'watch' | 'isDelayed' | 'drawSyncMs'> {
  readonly ended: () => void;
}

class DelayedStorage implements Storage {
  readonly #live: Storage;
  readonly #durable: Storage;
  readonly #options: LifeOptions;
  /** Oldest first; the first one is number `#synced` of this life. */
  #writes: Write[] = [];
  #synced = 0;
  #sink: SnapshotSink | undefined;
  #isEnded = false;

  constructor(live: Storage, durable: Storage, options: LifeOptions) {
    this.#live = live;
    this.#durable = durable;
    this.#options = options;
  }

  get pending(): number {
    return this.#writes.length;
  }

  get hardState(): HardState {
    return this.#live.hardState;
  }

  get snapshotIndex(): number {
    return this.#live.snapshotIndex;
  }

  get snapshotTerm(): number {
    return this.#live.snapshotTerm;
  }

  get firstIndex(): number {
    return this.#live.firstIndex;
  }

  get lastIndex(): number {
    return this.#live.lastIndex;
  }

  get usage(): Storage['usage'] {
    return this.#live.usage;
  }

  headers(): EntryHeader[] {
    return this.#live.headers();
  }

  termAt(index: number): number | undefined {
    return this.#live.termAt(index);
  }

  saveHardState(hardState: HardState): void {
    this.#live.saveHardState(hardState);
    this.#later((storage) => storage.saveHardState(hardState));
  }

  append(entries: readonly Entry[]): StorageResult {
    this.#options.watch.append(entries, this.#live);
    const result = this.#live.append(entries);
    if (result !== 'ok' || !this.#options.isDelayed) return result;
    // The caller's payloads are good until it returns; those of the disk have to last.
    const kept = entries.map((entry) => ({ ...entry, payload: new Uint8Array(entry.payload) }));
    this.#later((storage) => storage.append(kept));
    return result;
  }

  payload(index: number): StoredPayload {
    return this.#live.payload(index);
  }

  trim(index: number): void {
    this.#live.trim(index);
    this.#later((storage) => storage.trim(index));
  }

  saveSnapshot(snapshot: Snapshot): StorageResult {
    const result = this.#live.saveSnapshot(snapshot);
    if (!this.#options.isDelayed) return result;
    const kept = { ...snapshot, bytes: new Uint8Array(snapshot.bytes) };
    this.#later((storage) => storage.saveSnapshot(kept));
    return result;
  }

  beginSnapshot(name: SnapshotName): SnapshotSink {
    this.#sink?.abandon();
    this.#sink = new GatheredSnapshot(name, this.usage.snapshotBytesMax, (snapshot) => {
      return this.saveSnapshot(snapshot);
    });
    return this.#sink;
  }

  snapshotPart(
    ...wanted: Parameters<Storage['snapshotPart']>
  ): ReturnType<Storage['snapshotPart']> {
    return this.#live.snapshotPart(...wanted);
  }

  loadSnapshot(): Snapshot | undefined {
    return this.#live.loadSnapshot();
  }

  sync(done: () => void): void {
    const through = this.#synced + this.#writes.length;
    const syncMs = this.#writes.length === 0 ? 0 : this.#options.drawSyncMs();
    if (syncMs === 0) {
      this.#write(through);
      done();
      return;
    }
    this.#options.time.setTimer(syncMs, () => {
      if (this.#isEnded) return;
      this.#write(through);
      done();
    });
  }

  maintain(): void {
    this.#live.maintain();
  }

  close(): void {
    this.#live.close();
  }

  /** The life is over; of what was not synced the disk has the first `kept` writes. */
  end(kept: number): void {
    if (this.#isEnded) return;
    this.#write(this.#synced + kept);
    this.#isEnded = true;
    this.#writes = [];
    this.#live.close();
    this.#options.ended();
  }

  #later(write: Write): void {
    if (this.#options.isDelayed) this.#writes.push(write);
  }

  #write(through: number): void {
    const count = through - this.#synced;
    // A later sync may have been quicker.
    if (count <= 0) return;
    for (const write of this.#writes.splice(0, count)) write(this.#durable);
    this.#synced = through;
  }
}

/**
 * Memory is used again from one run of this thread to the next: mapping fresh pages costs more than
 * many a run. A storage reads nothing but what its control block points to, and that is cleared.
 */
const spare = new Map<string, MemoryStorageBuffers[]>();

function takeMemory(sizes: DiskSizes): MemoryStorageBuffers {
  const taken = spare.get(keyOf(sizes))?.pop();
  if (taken === undefined) return createMemory(sizes);
  new Uint8Array(taken.control).fill(0);
  return taken;
}

function giveMemory(buffers: MemoryStorageBuffers): void {
  const key = keyOf({
    logBytesMax: buffers.log.byteLength,
    entryBytesMax: buffers.entryBytesMax,
    entriesMax: buffers.entriesMax,
    snapshotBytesMax: buffers.snapshots[0].byteLength,
  });
  const list = spare.get(key);
  if (list === undefined) spare.set(key, [buffers]);
  else list.push(buffers);
}

function keyOf({ logBytesMax, entryBytesMax, entriesMax, snapshotBytesMax }: DiskSizes): string {
  return `${logBytesMax} ${entryBytesMax} ${entriesMax} ${snapshotBytesMax}`;
}

function copyMemory(from: MemoryStorageBuffers, to: MemoryStorageBuffers): void {
  const pairs: [SharedArrayBuffer, SharedArrayBuffer][] = [
    [from.control, to.control],
    [from.rows, to.rows],
    [from.log, to.log],
    [from.snapshots[0], to.snapshots[0]],
    [from.snapshots[1], to.snapshots[1]],
  ];
  for (const [source, target] of pairs) new Uint8Array(target).set(new Uint8Array(source));
}
