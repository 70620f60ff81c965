/**
 * What a storage has to find again, in the fewest words: term, vote, the bounds of the log and the
 * terms of its entries. It follows the rules of `Storage`, and has no bytes.
 */
import type { Entry, HardState } from '../raft/index.js';
import type { Snapshot, SnapshotName, Storage, StorageResult } from '../storage/index.js';
import type { Mirror, Write } from './storage-life.js';

export class Shadow implements Mirror {
  hardState: HardState = { currentTerm: 0 };
  snapshotIndex = 0;
  snapshotTerm = 0;
  #firstIndex = 1;
  /** Of entries `firstIndex - 1` and on. */
  #terms: number[] = [0];

  copy(): Shadow {
    const copy = new Shadow();
    copy.hardState = this.hardState;
    copy.snapshotIndex = this.snapshotIndex;
    copy.snapshotTerm = this.snapshotTerm;
    copy.#firstIndex = this.#firstIndex;
    copy.#terms = [...this.#terms];
    return copy;
  }

  /** What a storage holds. */
  static of(storage: Storage): Shadow {
    const shadow = new Shadow();
    shadow.hardState = storage.hardState;
    shadow.snapshotIndex = storage.snapshotIndex;
    shadow.snapshotTerm = storage.snapshotTerm;
    shadow.#firstIndex = storage.firstIndex;
    shadow.#terms = [storage.termAt(storage.firstIndex - 1) ?? 0];
    for (let index = storage.firstIndex; index <= storage.lastIndex; index += 1) {
      shadow.#terms.push(storage.termAt(index) ?? 0);
    }
    return shadow;
  }

  get lastIndex(): number {
    return this.#firstIndex + this.#terms.length - 2;
  }

  termAt(index: number): number | undefined {
    return this.#terms[index - this.#firstIndex + 1];
  }

  saveHardState(hardState: HardState): void {
    this.hardState = hardState;
  }

  append(entries: readonly Entry[]): StorageResult {
    for (const { index, term } of entries) {
      this.#terms.length = index - this.#firstIndex + 1;
      this.#terms.push(term);
    }
    return 'ok';
  }

  trim(index: number): void {
    const last = Math.min(index, this.snapshotIndex);
    if (last < this.#firstIndex) return;
    this.#terms.splice(0, last + 1 - this.#firstIndex);
    this.#firstIndex = last + 1;
  }

  saveSnapshot({ index, term }: SnapshotName): StorageResult {
    if (index <= this.snapshotIndex) return 'ok';
    if (this.termAt(index) !== term) {
      this.#firstIndex = index + 1;
      this.#terms = [term];
    }
    this.snapshotIndex = index;
    this.snapshotTerm = term;
    return 'ok';
  }

  /**
   * How another one departs from this one; `undefined` if it does not. A log may lie behind an
   * older snapshot than it should, where the newer one was damaged.
   */
  departureOf(other: Shadow, mayFallBack: boolean): string | undefined {
    const { currentTerm, votedFor } = this.hardState;
    const found = other.hardState;
    if (found.currentTerm !== currentTerm || found.votedFor !== votedFor) {
      const vote = `${found.votedFor ?? 'nobody'}, not ${currentTerm}, ${votedFor ?? 'nobody'}`;
      return `term ${found.currentTerm} and a vote for ${vote}`;
    }
    if (other.lastIndex !== this.lastIndex) {
      return `a log that ends at ${other.lastIndex}, not ${this.lastIndex}`;
    }
    const isOlder = other.snapshotIndex < this.snapshotIndex && mayFallBack;
    if (other.snapshotIndex !== this.snapshotIndex && !isOlder) {
      return `the snapshot of ${other.snapshotIndex}, not of ${this.snapshotIndex}`;
    }
    const from = Math.max(other.#firstIndex, this.#firstIndex) - 1;
    for (let index = from; index <= this.lastIndex; index += 1) {
      const [is, was] = [other.termAt(index), this.termAt(index)];
      if (is !== was) return `term ${is} for entry ${index}, not ${was}`;
    }
    return undefined;
  }
}

/** Syncs that can be looked back at. */
const lookBackMax = 4;

/** A shadow of what is durable now, and how it came to be so in the last few syncs. */
export class Trail implements Mirror {
  readonly now: Shadow = new Shadow();
  /** As it was before all of `#syncs`. */
  readonly #past = new Shadow();
  /** What each sync made durable, oldest first; what is being made durable last. */
  readonly #syncs: Write[][] = [[]];

  saveHardState(hardState: HardState): void {
    this.#write((mirror) => mirror.saveHardState(hardState));
  }

  append(entries: readonly Entry[]): StorageResult {
    this.#write((mirror) => mirror.append(entries));
    return 'ok';
  }

  trim(index: number): void {
    this.#write((mirror) => mirror.trim(index));
  }

  saveSnapshot(snapshot: Snapshot): StorageResult {
    this.#write((mirror) => mirror.saveSnapshot(snapshot));
    return 'ok';
  }

  /** A sync is done; what comes now belongs to the next one. */
  endSync(): void {
    if (this.#syncs.at(-1)?.length === 0) return;
    this.#syncs.push([]);
    if (this.#syncs.length <= lookBackMax + 1) return;
    for (const write of this.#syncs.shift() ?? []) write(this.#past);
  }

  /** Whether this is what was durable at some time before the end of the last `count` syncs. */
  wasLately(found: Shadow, count: number): boolean {
    const kept = Math.max(0, this.#syncs.length - 1 - count);
    const state = this.#past.copy();
    for (const write of this.#syncs.slice(0, kept).flat()) write(state);
    const later = this.#syncs.slice(kept).flat();
    const isThis = (): boolean => state.departureOf(found, true) === undefined;
    if (isThis()) return true;
    return later.some((write) => {
      write(state);
      return isThis();
    });
  }

  #write(write: Write): void {
    write(this.now);
    this.#syncs.at(-1)?.push(write);
  }
}
