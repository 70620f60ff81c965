/**
 * A record of several numbers that changes as a whole.
 *
 *       sequence word ──► even: slot 0 counts      odd: slot 1 counts
 *                         ┌──────────────┐         ┌──────────────┐
 *                         │ cells …      │         │ cells …      │
 *                         └──────────────┘         └──────────────┘
 *
 * `save` writes the slot that does not count, then publishes the next sequence number. A thread
 * that dies in between leaves the old record, complete.
 */

import type { RecordPlace } from './layout.js';
import type { SharedMemory } from './shared-memory.js';

/** Two slots and the word that switches them. */
export class SwitchedRecord {
  readonly #memory: SharedMemory;
  readonly #place: RecordPlace;

  constructor(memory: SharedMemory, place: RecordPlace) {
    this.#memory = memory;
    this.#place = place;
  }

  /** A copy of the record that counts. */
  load(): number[] {
    const at = this.#slotAt(this.#memory.published(this.#place.word));
    return Array.from(this.#memory.cells.subarray(at, at + this.#place.length));
  }

  /** Replaces the record, whole or not at all. Cells beyond `values` are left as they are. */
  save(values: readonly number[]): void {
    const { word } = this.#place;
    // The word wraps at 32 bits; its parity, which is all that counts, goes on alternating.
    const next = (this.#memory.published(word) + 1) | 0;
    let at = this.#slotAt(next);
    for (const value of values) this.#memory.write(this.#memory.cells, at++, value);
    this.#memory.publish(word, next);
  }

  #slotAt(sequence: number): number {
    return this.#place.at + (sequence & 1) * this.#place.length;
  }
}
