/** A snapshot that is written to where it will lie: no copy of all of it when it is finished. */

import type { SnapshotSlot } from './layout.js';
import type { SharedMemory } from './shared-memory.js';
import type { SnapshotSink, StorageResult } from './storage.js';

export class SlotSink implements SnapshotSink {
  readonly #memory: SharedMemory;
  readonly #slot: Buffer;
  readonly #adopt: (byteLength: number) => void;
  #byteLength = 0;
  #isAbandoned = false;

  /** `slot`: one that nobody reads before `adopt` is called. */
  constructor(memory: SharedMemory, slot: SnapshotSlot, adopt: (byteLength: number) => void) {
    this.#memory = memory;
    this.#slot = memory.snapshots[slot];
    this.#adopt = adopt;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  write(bytes: Uint8Array): StorageResult {
    if (this.#byteLength + bytes.byteLength > this.#slot.byteLength) this.abandon();
    if (this.#isAbandoned) return 'full';
    this.#memory.copy(this.#slot, this.#byteLength, bytes);
    this.#byteLength += bytes.byteLength;
    return 'ok';
  }

  finish(): StorageResult {
    if (this.#isAbandoned) return 'full';
    this.abandon();
    this.#adopt(this.#byteLength);
    return 'ok';
  }

  abandon(): void {
    this.#isAbandoned = true;
  }
}
