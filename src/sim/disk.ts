/**
 * What survives a crash in the simulator: the disk of a node, which outlives the node.
 *
 * `MemoryDisk` has a storage in memory. What a node writes goes to its disk in the same order, but
 * only when a `sync` has had its time; a crash takes away what was not synced, but for as much of
 * the beginning as the scenario lets the disk keep. Without delays the storage of the node is the
 * disk itself, as in memory mode on threads. `file-disk.ts` has the other kind: a directory.
 */

import {
  createMemory,
  type MemoryStorageBuffers,
  openMemoryStorage,
  type Storage,
} from '../storage/index.js';
import { StorageLife, type StorageWatch } from './storage-life.js';
import type { VirtualTime } from './virtual-time.js';

export interface DiskSizes {
  readonly logBytesMax: number;
  readonly entryBytesMax: number;
  readonly entriesMax: number;
  readonly snapshotBytesMax: number;
}

/** The disk of one node. */
export interface Disk {
  /** What would be found after a crash now. */
  readonly durable: Pick<Storage, 'hardState' | 'snapshotIndex' | 'lastIndex' | 'termAt'>;
  /** Opens the storage for a new life of the node. Throws what a storage throws. */
  open(): Storage;
  /** Whether the power has failed, so that the node is as good as dead. */
  readonly isPowerless: boolean;
  /** The node dies. */
  crash(): void;
  /** Whether a storage may throw this, given what was done to the disk. */
  mayRefuse(error: unknown): boolean;
  /** How long the disk has kept its node waiting since it was asked last, in ms. */
  takeStalledMs(): number;
  /** Gives the memory back; the disk is gone. */
  discard(): void;
}

export interface MemoryDiskOptions {
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

export class MemoryDisk implements Disk {
  readonly isPowerless = false;
  readonly #options: MemoryDiskOptions;
  #buffers: MemoryStorageBuffers;
  #durable: Storage;
  #life: StorageLife | undefined;

  constructor(options: MemoryDiskOptions) {
    this.#options = options;
    this.#buffers = takeMemory(options.sizes);
    this.#durable = openMemoryStorage(this.#buffers);
  }

  get durable(): Storage {
    return this.#durable;
  }

  /** Writes that are not synced. */
  get pending(): number {
    return this.#life?.pending ?? 0;
  }

  open(): Storage {
    this.#durable = openMemoryStorage(this.#buffers);
    const { sizes, isDelayed } = this.#options;
    if (!isDelayed) return this.#begin(this.#durable, () => {});
    const copy = takeMemory(sizes);
    copyMemory(this.#buffers, copy);
    return this.#begin(openMemoryStorage(copy), () => giveMemory(copy));
  }

  crash(): void {
    this.#life?.end(this.#options.drawKept(this.#life.pending));
    this.#life = undefined;
  }

  mayRefuse(): boolean {
    return false;
  }

  takeStalledMs(): number {
    return 0;
  }

  discard(): void {
    this.#life?.end(0);
    this.#life = undefined;
    giveMemory(this.#buffers);
  }

  #begin(live: Storage, ended: () => void): Storage {
    const { watch, isDelayed } = this.#options;
    this.#life = new StorageLife({
      live,
      mirror: this.#durable,
      watch,
      isDelayed,
      // The caller's payloads are good until it returns; those of the disk have to last.
      pieces: (entries) => [
        entries.map((entry) => ({ ...entry, payload: new Uint8Array(entry.payload) })),
      ],
      sync: (isClean, done) => this.#sync(isClean, done),
      ended: () => {
        live.close();
        ended();
      },
    });
    watch.recovered(live);
    return this.#life;
  }

  #sync(isClean: boolean, done: () => void): void {
    const { drawSyncMs, time } = this.#options;
    const syncMs = isClean ? 0 : drawSyncMs();
    if (syncMs === 0) done();
    else time.setTimer(syncMs, done);
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
    [from.snapshots[2], to.snapshots[2]],
  ];
  for (const [source, target] of pairs) new Uint8Array(target).set(new Uint8Array(source));
}
