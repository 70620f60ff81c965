/**
 * A bounded byte ring between one producer thread and one consumer thread.
 *
 *        tail                     head
 *     ....|=frame=|==frame==|=frame|..............      (frames never wrap: a frame that does not
 *          consumer reads           producer writes       fit before the end leaves a wrap marker)
 *
 * Head and tail are free-running 32-bit byte counts, so `head - tail` is what is used and a full
 * ring differs from an empty one. Each side writes its own word only, after the bytes it covers:
 * a thread that is killed at any instruction leaves whole frames behind and nothing else.
 */
import { type FrameMemory, frameAlignment } from './envelope.js';

/** Where a ring stands in its memory. Offsets and capacity in bytes, 8-aligned. */
export interface RingPlace {
  readonly headWord: number;
  readonly tailWord: number;
  readonly dataStart: number;
  /** Power of two, at most 2^30. */
  readonly capacity: number;
}

const wrapMarker = -1;

/**
 * A ring that is empty beyond here goes on at its beginning: what was written there a moment ago is
 * still in the caches of both threads, what lies ahead is not.
 */
const warmBytes = 2 ** 17;

export class RingWriter {
  readonly memory: FrameMemory;
  readonly #place: RingPlace;
  #head: number;
  #tail: number;

  constructor(memory: FrameMemory, place: RingPlace) {
    this.memory = memory;
    this.#place = place;
    this.#head = Atomics.load(memory.words, place.headWord);
    this.#tail = Atomics.load(memory.words, place.tailWord);
  }

  /** The largest frame that fits into an empty ring wherever its head stands. */
  get frameBytesMax(): number {
    return this.#place.capacity >> 1;
  }

  /** Finds room for a frame of at most `byteLength`; the offset in memory, or -1 when full. */
  reserve(byteLength: number): number {
    const { capacity, dataStart } = this.#place;
    const need = align(byteLength);
    let position = this.#head & (capacity - 1);
    const isCold = position >= warmBytes && need <= position;
    const restarts = position + need > capacity || (isCold && this.#isDrained);
    const skipped = restarts ? capacity - position : 0;
    if (!this.#hasRoom(skipped + need)) return -1;
    if (skipped > 0) {
      this.memory.words[(dataStart + position) >> 2] = wrapMarker;
      this.#head = (this.#head + skipped) | 0;
      position = 0;
    }
    return dataStart + position;
  }

  /** Makes the frame at the reserved offset visible to the consumer. */
  publish(at: number, byteLength: number): void {
    this.memory.words[at >> 2] = byteLength;
    this.#head = (this.#head + align(byteLength)) | 0;
    Atomics.store(this.memory.words, this.#place.headWord, this.#head);
  }

  get #isDrained(): boolean {
    this.#tail = Atomics.load(this.memory.words, this.#place.tailWord);
    return this.#tail === this.#head;
  }

  #hasRoom(need: number): boolean {
    const { capacity, tailWord } = this.#place;
    if (need <= capacity - ((this.#head - this.#tail) | 0)) return true;
    this.#tail = Atomics.load(this.memory.words, tailWord);
    return need <= capacity - ((this.#head - this.#tail) | 0);
  }
}

export class RingReader {
  readonly memory: FrameMemory;
  readonly #place: RingPlace;
  #head: number;
  #tail: number;
  #published: number;

  constructor(memory: FrameMemory, place: RingPlace) {
    this.memory = memory;
    this.#place = place;
    this.#tail = Atomics.load(memory.words, place.tailWord);
    this.#published = this.#tail;
    this.#head = this.#tail;
  }

  get capacity(): number {
    return this.#place.capacity;
  }

  get isEmpty(): boolean {
    if (this.#head !== this.#tail) return false;
    this.#head = Atomics.load(this.memory.words, this.#place.headWord);
    return this.#head === this.#tail;
  }

  /** Takes the next frame: its offset in memory, or -1. It stays in place until `release`. */
  take(): number {
    if (this.isEmpty) return -1;
    const { capacity, dataStart } = this.#place;
    let position = this.#tail & (capacity - 1);
    if (this.memory.words[(dataStart + position) >> 2] === wrapMarker) {
      this.#tail = (this.#tail + capacity - position) | 0;
      position = 0;
      if (this.isEmpty) return -1;
    }
    const at = dataStart + position;
    this.#tail = (this.#tail + align(this.byteLengthAt(at))) | 0;
    return at;
  }

  byteLengthAt(at: number): number {
    return this.memory.words[at >> 2] ?? 0;
  }

  /** Gives the room of all taken frames back to the producer; false when there was nothing. */
  release(): boolean {
    if (this.#published === this.#tail) return false;
    this.#published = this.#tail;
    Atomics.store(this.memory.words, this.#place.tailWord, this.#tail);
    return true;
  }
}

function align(byteLength: number): number {
  return (byteLength + frameAlignment - 1) & ~(frameAlignment - 1);
}
