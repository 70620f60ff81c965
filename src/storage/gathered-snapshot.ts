/** A snapshot that is put together in memory before it is saved in one go. */

import type { Snapshot, SnapshotName, SnapshotSink, StorageResult } from './storage.js';

export class GatheredSnapshot implements SnapshotSink {
  readonly #name: SnapshotName;
  readonly #bytesMax: number;
  readonly #save: (snapshot: Snapshot) => StorageResult;
  #pieces: Uint8Array[] = [];
  #byteLength = 0;
  #isAbandoned = false;

  constructor(name: SnapshotName, bytesMax: number, save: (snapshot: Snapshot) => StorageResult) {
    this.#name = name;
    this.#bytesMax = bytesMax;
    this.#save = save;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  write(bytes: Uint8Array): StorageResult {
    if (this.#isAbandoned) return 'full';
    this.#byteLength += bytes.byteLength;
    if (this.#byteLength > this.#bytesMax) {
      this.abandon();
      return 'full';
    }
    this.#pieces.push(Uint8Array.from(bytes));
    return 'ok';
  }

  finish(): StorageResult {
    if (this.#isAbandoned) return 'full';
    const bytes = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    this.abandon();
    return this.#save({ ...this.#name, bytes: bytes ?? new Uint8Array() });
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#pieces = [];
  }
}
