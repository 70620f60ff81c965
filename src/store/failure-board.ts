/**
 * Which nodes have ended and are not started again by themselves, and why: in shared memory, so
 * that a client in any thread knows it at once, and no longer than it is true.
 *
 *     0            4        8           512
 *     | generation | length | text …    |   one row a node; generation 0: it runs, or will again
 */

import type { NodeId } from '../raft/index.js';

/** Why a node stays down. */
export interface NodeFailure {
  readonly nodeId: NodeId;
  readonly code: string;
  /** Cut after some 500 bytes. */
  readonly message: string;
}

const rowBytes = 512;
const textAt = 8;
const wordsOfRow = rowBytes / 4;
const triesMax = 8;

export function allocateFailures(nodes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(nodes * rowBytes);
}

/** One thread's view. One thread writes: that of the supervisor. */
export class FailureBoard {
  readonly #ids: readonly NodeId[];
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  #generation = 0;

  /** `ids`: whose rows these are, in their order. */
  constructor(memory: SharedArrayBuffer, ids: readonly NodeId[]) {
    this.#ids = ids;
    this.#words = new Int32Array(memory);
    this.#bytes = Buffer.from(memory);
  }

  set({ nodeId, code, message }: NodeFailure): void {
    const row = this.#ids.indexOf(nodeId);
    const text = row * rowBytes + textAt;
    this.clear(nodeId);
    const written = this.#bytes.write(`${code}\n${message}`, text, rowBytes - textAt);
    this.#words[row * wordsOfRow + 1] = written;
    this.#generation += 1;
    Atomics.store(this.#words, row * wordsOfRow, this.#generation);
  }

  /** The node is being started. */
  clear(nodeId: NodeId): void {
    Atomics.store(this.#words, this.#ids.indexOf(nodeId) * wordsOfRow, 0);
  }

  /** All failures, if they leave too few nodes to be a majority ever again; else nothing. */
  lostMajority(): readonly NodeFailure[] | undefined {
    let failed = 0;
    for (let row = 0; row < this.#ids.length; row += 1) {
      if (Atomics.load(this.#words, row * wordsOfRow) !== 0) failed += 1;
    }
    if (this.#ids.length - failed > this.#ids.length / 2) return undefined;
    return this.#ids.flatMap((nodeId, row) => this.#read(nodeId, row) ?? []);
  }

  #read(nodeId: NodeId, row: number): NodeFailure | undefined {
    const text = row * rowBytes + textAt;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const generation = Atomics.load(this.#words, row * wordsOfRow);
      if (generation === 0) return undefined;
      const length = this.#words[row * wordsOfRow + 1] ?? 0;
      const [code = '', ...lines] = this.#bytes.toString('utf8', text, text + length).split('\n');
      // Another one may have been written meanwhile.
      if (Atomics.load(this.#words, row * wordsOfRow) !== generation) continue;
      return { nodeId, code, message: lines.join('\n') };
    }
    return undefined;
  }
}
