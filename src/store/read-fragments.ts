/** The parts of one read's answer, put together in whatever order they come. */

export class Fragments {
  /** The attempt that they answer: parts of two answers never mix. */
  readonly requestId: number;
  readonly bytes: Buffer;
  readonly #offsets = new Set<number>();
  #left: number;

  constructor(requestId: number, total: number) {
    this.requestId = requestId;
    this.bytes = Buffer.alloc(total);
    this.#left = total;
  }

  /** Adds a part, unless it came before; true when the answer is whole. */
  add(part: Uint8Array, offset: number): boolean {
    if (this.#offsets.has(offset) || offset + part.length > this.bytes.length) return false;
    this.#offsets.add(offset);
    this.bytes.set(part, offset);
    this.#left -= part.length;
    return this.#left === 0;
  }
}
