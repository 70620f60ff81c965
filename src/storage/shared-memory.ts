/**
 * The views over the buffers of one node, and the only three ways to write to them.
 *
 * A thread can be killed between any two stores. Since all stores pass through here, a test can
 * stop at each of them, and so try every way to die (`test/storage/kill.test.ts`).
 */

import type { MemoryStorageBuffers, SnapshotSlots } from './layout.js';

/** Typed views, each made once, and the stores. */
export class SharedMemory {
  readonly buffers: MemoryStorageBuffers;
  readonly words: Int32Array;
  readonly cells: Float64Array;
  readonly rows: Float64Array;
  readonly log: Buffer;
  readonly snapshots: SnapshotSlots<Buffer>;

  constructor(buffers: MemoryStorageBuffers) {
    this.buffers = buffers;
    this.words = new Int32Array(buffers.control);
    this.cells = new Float64Array(buffers.control);
    this.rows = new Float64Array(buffers.rows);
    this.log = Buffer.from(buffers.log);
    const [first, second, third] = buffers.snapshots;
    this.snapshots = [Buffer.from(first), Buffer.from(second), Buffer.from(third)];
  }

  /** Stores one number. */
  write(view: Float64Array, at: number, value: number): void {
    view[at] = value;
  }

  /** Stores bytes; a kill may leave any part of them unwritten. */
  copy(view: Buffer, at: number, bytes: Uint8Array): void {
    view.set(bytes, at);
  }

  /** Stores a sequence word after everything before it: whoever reads it sees that too. */
  publish(word: number, value: number): void {
    Atomics.store(this.words, word, value);
  }

  /** The sequence word as it was last published. */
  published(word: number): number {
    return Atomics.load(this.words, word);
  }
}
