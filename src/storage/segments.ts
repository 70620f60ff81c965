/**
 * Which part of the log's memory is in use, and where the next payload goes.
 *
 * The memory is cut into segments of one size. A log takes them as it grows and gives them back
 * when their last entry is forgotten, at either end. The lowest free one is taken first, so the
 * same few segments are used again and again and the pages above them are never touched. No payload
 * crosses a segment.
 *
 *       segment   0         1         2         3         4
 *               ┌─────────┬─────────┬─────────┬─────────┬─ ─ ─ ─
 *               │ 41…57   │ free    │ 8…23    │ 24…40   │ never used
 *               └─────────┴─────────┴─────────┴─────────┴─ ─ ─ ─
 *       in log order: 2, 3, 0; entry 58 goes behind 57
 *
 * All of this is plain state of one thread. It is never stored: the rows of the index say the same,
 * and `restore` rebuilds it from them.
 */

import { footprint } from './layout.js';

/** The last entry that stays when those after it are forgotten, and where its payload ends. */
export interface KeptTail {
  readonly index: number;
  readonly end: number;
}

/** A segment that holds entries. Invariant: firstIndex <= lastIndex. */
interface UsedSegment {
  readonly segment: number;
  readonly firstIndex: number;
  lastIndex: number;
}

/** The allocator of log memory. Addresses are byte offsets into the log's buffer. */
export class Segments {
  readonly #segmentBytes: number;
  readonly #isUsed: Uint8Array;
  /** In log order; the last one is being filled. */
  readonly #used: UsedSegment[] = [];
  /** Where the next payload goes, if there is room for it before `#limit`. */
  #end = 0;
  #limit = 0;

  constructor(options: { readonly logBytes: number; readonly segmentBytes: number }) {
    this.#segmentBytes = options.segmentBytes;
    this.#isUsed = new Uint8Array(options.logBytes / options.segmentBytes);
  }

  /** Bytes of all segments that hold entries. */
  get usedBytes(): number {
    return this.#used.length * this.#segmentBytes;
  }

  /**
   * Whether payloads of these lengths fit behind `kept`, once the entries after it are forgotten;
   * without it, once all are.
   */
  fits(payloads: readonly { readonly byteLength: number }[], kept: KeptTail | undefined): boolean {
    let used = kept === undefined ? 0 : this.#countUpTo(kept.index);
    let room = kept === undefined ? 0 : this.#limitOf(used) - kept.end;
    for (const { byteLength } of payloads) {
      const size = footprint(byteLength);
      if (size > room) {
        used++;
        room = this.#segmentBytes;
      }
      room -= size;
    }
    return used <= this.#isUsed.length;
  }

  /** The address for the payload of the next entry, which fits. */
  place(index: number, byteLength: number): number {
    const size = footprint(byteLength);
    if (this.#end + size > this.#limit) this.#take(index, this.#isUsed.indexOf(0));
    const start = this.#end;
    this.#hold(index, start + size);
    return start;
  }

  /** Takes note of an entry that is there: called in log order with all that a log holds. */
  restore(index: number, start: number, byteLength: number): void {
    const segment = Math.floor(start / this.#segmentBytes);
    if (this.#used.at(-1)?.segment !== segment) this.#take(index, segment);
    this.#hold(index, start + footprint(byteLength));
  }

  /** Forgets the entries after `kept`; without it, all. */
  truncate(kept: KeptTail | undefined): void {
    const count = kept === undefined ? 0 : this.#countUpTo(kept.index);
    for (const { segment } of this.#used.splice(count)) this.#isUsed[segment] = 0;
    const tail = this.#used.at(-1);
    if (tail !== undefined && kept !== undefined) tail.lastIndex = kept.index;
    this.#end = kept?.end ?? 0;
    this.#limit = this.#limitOf(count);
  }

  /** Forgets the entries up to `index`. */
  trim(index: number): void {
    const isHeld = ({ lastIndex }: UsedSegment): boolean => lastIndex > index;
    const count = this.#used.findIndex(isHeld);
    if (count === -1) this.truncate(undefined);
    else for (const { segment } of this.#used.splice(0, count)) this.#isUsed[segment] = 0;
  }

  #take(index: number, segment: number): void {
    this.#isUsed[segment] = 1;
    this.#used.push({ segment, firstIndex: index, lastIndex: index });
    this.#end = segment * this.#segmentBytes;
    this.#limit = this.#end + this.#segmentBytes;
  }

  #hold(index: number, end: number): void {
    const tail = this.#used.at(-1);
    if (tail !== undefined) tail.lastIndex = index;
    this.#end = end;
  }

  /** How many segments hold entries up to `index`. */
  #countUpTo(index: number): number {
    return this.#used.findLastIndex(({ firstIndex }) => firstIndex <= index) + 1;
  }

  /** Where the last of `count` segments ends; 0 without one. */
  #limitOf(count: number): number {
    const tail = this.#used[count - 1];
    return tail === undefined ? 0 : (tail.segment + 1) * this.#segmentBytes;
  }
}
