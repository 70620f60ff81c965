/**
 * What one drain of the leader's mailbox found, on its way to becoming one log entry, or several if
 * it is much; and the entries that wait for their commit, with those who are to be answered.
 *
 *     │ taken, not stored yet │ gathered │ room │
 *     0                    #start      #used
 */
import { isOneBatch } from '../store/batch-check.js';
import { viewOf } from '../store/command.js';
import type { Origin } from './replies.js';

/** A proposed entry. Its origins stand in the order of their batches in the payload. */
interface Proposed {
  readonly term: number;
  readonly origins: readonly Origin[];
}

/**
 * An entry that has so much takes no further batch: it is applied in one go, and the records that
 * it is about have to fit into a cache.
 */
const entryBytesWanted = 2 ** 18;

export class Proposals {
  readonly #payload: Buffer;
  readonly #view: DataView;
  #start = 0;
  #used = 0;
  #origins: Origin[] = [];
  readonly #proposed = new Map<number, Proposed>();

  constructor(entryBytesMax: number) {
    this.#payload = Buffer.alloc(entryBytesMax);
    this.#view = viewOf(this.#payload);
  }

  get isEmpty(): boolean {
    return this.#used === this.#start;
  }

  /** Client batches that have not been answered yet. */
  get pending(): number {
    let count = this.#origins.length;
    for (const { origins } of this.#proposed.values()) count += origins.length;
    return count;
  }

  /** Whether what was gathered should become an entry now. */
  get isFull(): boolean {
    return this.#used - this.#start >= entryBytesWanted;
  }

  hasRoom(byteLength: number): boolean {
    return this.#used + byteLength <= this.#payload.length;
  }

  /**
   * Adds the batch of one origin; false, with nothing added, if it is not exactly one batch.
   *
   * The copy is what is checked: the ring that the batch came in belongs to its sender, too.
   */
  add(batch: Uint8Array, origin: Origin): boolean {
    const end = this.#used + batch.length;
    this.#payload.set(batch, this.#used);
    if (!isOneBatch(this.#view, this.#used, end)) return false;
    this.#used = end;
    this.#origins.push(origin);
    return true;
  }

  /**
   * The gathered batches as the payload of one entry; its bytes are good until `release`.
   * `unstoredBytes` has those of the payloads before it, too.
   */
  takePayload(): { payload: Uint8Array; origins: readonly Origin[]; unstoredBytes: number } {
    const payload = this.#payload.subarray(this.#start, this.#used);
    const taken = { payload, origins: this.#origins, unstoredBytes: this.#used };
    this.#start = this.#used;
    this.#origins = [];
    return taken;
  }

  /** All that was taken is stored. Nothing may have been gathered since. */
  release(): void {
    this.#start = 0;
    this.#used = 0;
  }

  expect(index: number, term: number, origins: readonly Origin[]): void {
    this.#proposed.set(index, { term, origins });
  }

  /**
   * Who waits for the entry that was committed at `index`. An entry of another term at this index
   * means that what was proposed here has been overwritten: these origins come back as `lost`.
   */
  takeCommitted(
    index: number,
    term: number,
  ): Partial<Record<'waiting' | 'lost', readonly Origin[]>> {
    const proposed = this.#proposed.get(index);
    if (proposed === undefined) return {};
    this.#proposed.delete(index);
    return proposed.term === term ? { waiting: proposed.origins } : { lost: proposed.origins };
  }

  /** Everybody who waits: the node no longer leads, so nothing here will be answered by it. */
  takeAll(): Origin[] {
    const all = [...this.#origins];
    for (const { origins } of this.#proposed.values()) all.push(...origins);
    this.#origins = [];
    this.#used = this.#start;
    this.#proposed.clear();
    return all;
  }
}
