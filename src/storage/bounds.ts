/** The bounds of the log and the place of the snapshot: what changes as one. */

import { RaftError } from '../errors.js';
import { boundsPlace, type SnapshotSlot } from './layout.js';
import { SwitchedRecord } from './record.js';
import type { SharedMemory } from './shared-memory.js';

/**
 * Which rows and which snapshot slot count.
 *
 * Invariant: `firstIndex - 1 <= snapshotIndex <= lastIndex`.
 */
export interface Bounds {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The term of entry `firstIndex - 1`. */
  readonly termBeforeFirst: number;
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  readonly snapshotSlot: SnapshotSlot;
  readonly snapshotBytes: number;
}

/** The bounds in shared memory, with a copy at hand. */
export class StoredBounds {
  readonly #record: SwitchedRecord;
  #current: Bounds;

  constructor(memory: SharedMemory) {
    this.#record = new SwitchedRecord(memory, boundsPlace);
    this.#current = decode(this.#record.load());
    assertSane(this.#current, memory.buffers.entriesMax);
  }

  get current(): Bounds {
    return this.#current;
  }

  /** Puts `change` into force, all of it at once. */
  save(change: Partial<Bounds>): void {
    const next = { ...this.#current, ...change };
    this.#record.save(encode(next));
    this.#current = next;
  }
}

function assertSane(bounds: Bounds, entriesMax: number): void {
  const { firstIndex, lastIndex, snapshotIndex } = bounds;
  const isOrdered =
    firstIndex >= 1 && firstIndex - 1 <= snapshotIndex && snapshotIndex <= lastIndex;
  if (isOrdered && lastIndex - firstIndex + 1 <= entriesMax) return;
  throw new RaftError(
    'RAFT_STORAGE_CORRUPT',
    `entries ${firstIndex} to ${lastIndex} with a snapshot of ${snapshotIndex} cannot be`,
  );
}

function encode(bounds: Bounds): number[] {
  return [
    bounds.firstIndex,
    bounds.lastIndex,
    bounds.termBeforeFirst,
    bounds.snapshotIndex,
    bounds.snapshotTerm,
    bounds.snapshotSlot,
    bounds.snapshotBytes,
  ];
}

/** Untouched memory is all zeros; a log begins at 1. */
function decode(cells: readonly number[]): Bounds {
  return {
    firstIndex: cells[0] || 1,
    lastIndex: cells[1] ?? 0,
    termBeforeFirst: cells[2] ?? 0,
    snapshotIndex: cells[3] ?? 0,
    snapshotTerm: cells[4] ?? 0,
    snapshotSlot: cells[5] === 1 || cells[5] === 2 ? cells[5] : 0,
    snapshotBytes: cells[6] ?? 0,
  };
}
