/** A copy of the next snapshot for somebody outside: a file that can be taken elsewhere. */
import { RaftError } from '../errors.js';
import { type BackupPlace, type BackupWords, BackupWriter } from '../storage/backup-file.js';
import type { FileSystem } from '../storage/file-system.js';
import type { SnapshotName } from '../storage/storage.js';
import { storageFailure } from '../storage/storage-error.js';

/** What was written. */
export interface ExportedSnapshot {
  /** The file has the state after the entry with this index, and no later one. */
  readonly index: number;
  /** Bytes of the state. */
  readonly byteLength: number;
}

export interface SnapshotOrderOptions extends BackupPlace {
  /** The snapshot covers at least this entry. */
  readonly minIndex: number;
  /** One word, which is not 0 once nobody waits any longer: a thread may hear of it too late. */
  readonly givenUp?: SharedArrayBuffer;
}

/**
 * Gets the pieces of a checkpoint beside the storage. What goes wrong here is a matter between it
 * and who ordered: the node goes on. Settles `done` once.
 */
export class SnapshotOrder {
  readonly options: SnapshotOrderOptions;
  readonly done: Promise<ExportedSnapshot>;
  readonly #fs: FileSystem;
  readonly #words: BackupWords;
  #writer: BackupWriter | undefined;
  #isSettled = false;
  #resolve: (result: ExportedSnapshot) => void = () => {};
  #reject: (reason: Error) => void = () => {};

  constructor(fs: FileSystem, words: BackupWords, options: SnapshotOrderOptions) {
    this.#fs = fs;
    this.#words = words;
    this.options = options;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** A snapshot begins, perhaps after another one came to nothing. */
  begin(name: SnapshotName): void {
    this.#attempt(() => {
      this.#writer?.abandon();
      this.#writer = new BackupWriter(this.#fs, this.options, name, this.#words);
    });
  }

  write(bytes: Uint8Array): void {
    this.#attempt(() => this.#writer?.write(bytes));
  }

  finish({ index }: SnapshotName): void {
    this.#attempt(() => this.#writer?.finish());
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#resolve({ index, byteLength: this.#writer?.byteLength ?? 0 });
  }

  /** Gives it up and leaves no file behind. May be repeated; after the end it does nothing. */
  fail(reason: Error): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#reject(reason);
    try {
      this.#writer?.abandon();
    } catch {
      // The disk does not even remove what it could not take; the reason says what it said first.
    }
  }

  #attempt(action: () => void): void {
    if (this.#isSettled) return;
    const { givenUp } = this.options;
    if (givenUp !== undefined && Atomics.load(new Int32Array(givenUp), 0) !== 0) {
      this.fail(new RaftError('RAFT_TIMEOUT', 'nobody waits any longer for this snapshot'));
      return;
    }
    try {
      action();
    } catch (error) {
      this.fail(storageFailure(error, 'exporting a snapshot', this.options.path));
    }
  }
}

/** A state that no snapshot can hold. */
export function stateTooLarge(): RaftError {
  return new RaftError('RAFT_OVERLOADED', 'the state is larger than snapshotBytesMax', {
    details: { outcome: 'rejected' },
  });
}
