/**
 * Storage in shared memory: it outlives the worker, so a crashed node restarts and forgets nothing.
 *
 * The rules that make a kill at any instruction harmless:
 *
 * 1. What must change as a whole (term with vote; the bounds of the log with the place of the
 *    snapshot) is a `SwitchedRecord`: one atomic store puts it into force.
 * 2. Rows, payloads and snapshots are written only where the bounds in force do not reach.
 * 3. So growing publishes last and shrinking publishes first: `append` writes payloads and rows,
 *    then the new bounds; entries that are trimmed or in conflict leave the bounds before their
 *    memory is used again.
 *
 * Opening reads the bounds and the rows within them; nothing else that lies in the memory matters.
 */

import { RaftError } from '../errors.js';
import type { Entry, EntryHeader, HardState } from '../raft/index.js';
import { StoredBounds } from './bounds.js';
import { StoredHardState } from './hard-state.js';
import { IndexTable } from './index-table.js';
import { footprint, type MemoryStorageBuffers, type SnapshotSlot } from './layout.js';
import { type KeptTail, Segments } from './segments.js';
import { SharedMemory } from './shared-memory.js';
import { SlotSink } from './slot-sink.js';
import type {
  Snapshot,
  SnapshotName,
  SnapshotSink,
  Storage,
  StorageResult,
  StorageUsage,
  StoredPayload,
} from './storage.js';

/**
 * Opens the storage that `createMemory` allocated, new or left behind by a thread that died.
 *
 * One thread at a time: whoever had it open must have ended. Throws `RAFT_STORAGE_CORRUPT` if what
 * is in the buffers cannot have been written by a storage.
 */
export function openMemoryStorage(buffers: MemoryStorageBuffers): Storage {
  return new MemoryStorage(new SharedMemory(buffers));
}

/** The storage over given views; `openMemoryStorage` is the door. */
export class MemoryStorage implements Storage {
  readonly #memory: SharedMemory;
  readonly #hardState: StoredHardState;
  readonly #bounds: StoredBounds;
  readonly #index: IndexTable;
  readonly #segments: Segments;
  readonly #cursor: { readonly bytes: Buffer; start: number; end: number };
  #sink: SnapshotSink | undefined;
  /** A snapshot that is being read; only this thread knows of it. */
  #kept: (SnapshotName & { readonly bytes: Buffer; readonly slot: SnapshotSlot }) | undefined;
  #isClosed = false;

  constructor(memory: SharedMemory) {
    const { log, segmentBytes } = memory.buffers;
    this.#memory = memory;
    this.#hardState = new StoredHardState(memory);
    this.#bounds = new StoredBounds(memory);
    this.#index = new IndexTable(memory);
    this.#segments = new Segments({ logBytes: log.byteLength, segmentBytes });
    this.#cursor = { bytes: memory.log, start: 0, end: 0 };
    this.#recoverSegments();
  }

  get hardState(): HardState {
    return this.#hardState.current;
  }

  get snapshotIndex(): number {
    return this.#bounds.current.snapshotIndex;
  }

  get snapshotTerm(): number {
    return this.#bounds.current.snapshotTerm;
  }

  get firstIndex(): number {
    return this.#bounds.current.firstIndex;
  }

  get lastIndex(): number {
    return this.#bounds.current.lastIndex;
  }

  get usage(): StorageUsage {
    const { entriesMax, entryBytesMax, log, snapshots } = this.#memory.buffers;
    return {
      logBytes: this.#segments.usedBytes,
      logBytesMax: log.byteLength,
      entries: this.lastIndex - this.firstIndex + 1,
      entriesMax,
      entryBytesMax,
      snapshotBytes: this.#bounds.current.snapshotBytes,
      snapshotBytesMax: snapshots[0].byteLength,
    };
  }

  headers(): EntryHeader[] {
    const headers: EntryHeader[] = [];
    for (let index = this.firstIndex; index <= this.lastIndex; index++) {
      const { term, kind, byteLength } = this.#index.read(index);
      headers.push({ index, term, kind, byteLength });
    }
    return headers;
  }

  termAt(index: number): number | undefined {
    const { firstIndex, lastIndex, termBeforeFirst } = this.#bounds.current;
    if (index === firstIndex - 1) return termBeforeFirst;
    return index >= firstIndex && index <= lastIndex ? this.#index.termAt(index) : undefined;
  }

  saveHardState(hardState: HardState): void {
    this.#assertOpen();
    this.#hardState.save(hardState);
  }

  append(entries: readonly Entry[]): StorageResult {
    this.#assertOpen();
    const first = entries[0];
    if (first === undefined) return 'ok';
    const keptIndex = first.index - 1;
    this.#assertAppendable(entries, keptIndex);
    const kept = this.#keptTail(keptIndex);
    if (!this.#fits(entries, keptIndex, kept)) return 'full';

    if (keptIndex < this.lastIndex) {
      this.#bounds.save({ lastIndex: keptIndex });
      this.#segments.truncate(kept);
    }
    for (const { index, term, kind, byteLength, payload } of entries) {
      const start = this.#segments.place(index, byteLength);
      this.#memory.copy(this.#memory.log, start, payload);
      this.#index.write({ index, term, kind, byteLength, start });
    }
    this.#bounds.save({ lastIndex: keptIndex + entries.length });
    return 'ok';
  }

  payload(index: number): StoredPayload {
    if (!(index >= this.firstIndex && index <= this.lastIndex)) {
      throw broken(`entry ${index} is not held; ${this.firstIndex} to ${this.lastIndex} are`);
    }
    const { start, byteLength } = this.#index.read(index);
    this.#cursor.start = start;
    this.#cursor.end = start + byteLength;
    return this.#cursor;
  }

  trim(index: number): void {
    this.#assertOpen();
    const last = Math.min(index, this.snapshotIndex);
    if (!(last >= this.firstIndex)) return;
    this.#bounds.save({ firstIndex: last + 1, termBeforeFirst: this.#index.termAt(last) });
    this.#segments.trim(last);
  }

  saveSnapshot({ index, term, bytes }: Snapshot): StorageResult {
    const sink = this.beginSnapshot({ index, term });
    return sink.write(bytes) === 'full' ? 'full' : sink.finish();
  }

  beginSnapshot(name: SnapshotName): SnapshotSink {
    this.#assertOpen();
    this.#sink?.abandon();
    const slot = this.#spareSlot;
    this.#sink = new SlotSink(this.#memory, slot, (snapshotBytes) => {
      this.#assertOpen();
      this.#adopt(name, { slot, snapshotBytes });
    });
    return this.#sink;
  }

  /** The snapshot in this slot takes the place of the newest one, unless that is newer. */
  #adopt(
    { index, term }: SnapshotName,
    { slot, snapshotBytes }: { readonly slot: SnapshotSlot; readonly snapshotBytes: number },
  ): void {
    // An older snapshot that comes late never replaces a newer one.
    if (index <= this.snapshotIndex) return;
    if (!Number.isSafeInteger(index) || !(term >= this.snapshotTerm)) {
      throw broken(`a snapshot of entry ${index}, term ${term} after one of ${this.snapshotTerm}`);
    }
    const continues = this.termAt(index) === term;
    this.#bounds.save({
      snapshotIndex: index,
      snapshotTerm: term,
      snapshotSlot: slot,
      snapshotBytes,
      ...(continues ? {} : { firstIndex: index + 1, lastIndex: index, termBeforeFirst: term }),
    });
    if (!continues) this.#segments.truncate(undefined);
  }

  /** Where the next snapshot is written: the bounds in force do not reach there, nor a reader. */
  get #spareSlot(): SnapshotSlot {
    const used = [this.#bounds.current.snapshotSlot, this.#kept?.slot];
    return ([0, 1] as const).find((slot) => !used.includes(slot)) ?? 2;
  }

  keepSnapshot(name: SnapshotName | undefined): void {
    if (this.#kept?.index === name?.index && this.#kept?.term === name?.term) return;
    const snapshot = this.#find(name);
    const { snapshotSlot: slot } = this.#bounds.current;
    this.#kept = snapshot && { ...snapshot, slot };
  }

  snapshotPart(
    { index, term }: SnapshotName,
    offset: number,
    byteLengthMax: number,
  ): { bytes: Uint8Array; isLast: boolean } | undefined {
    const isKept = this.#kept?.index === index && this.#kept.term === term;
    const snapshot = isKept ? this.#kept : this.#find({ index, term });
    if (snapshot === undefined) return undefined;
    const bytes = snapshot.bytes.subarray(offset, offset + byteLengthMax);
    return { bytes, isLast: offset + bytes.byteLength >= snapshot.bytes.byteLength };
  }

  /** The newest snapshot, if it is this one. */
  #find(
    name: SnapshotName | undefined,
  ): { index: number; term: number; bytes: Buffer } | undefined {
    const { snapshotIndex: index, snapshotTerm: term } = this;
    if (index === 0 || name?.index !== index || name.term !== term) return undefined;
    const { snapshotSlot, snapshotBytes } = this.#bounds.current;
    return { index, term, bytes: this.#memory.snapshots[snapshotSlot].subarray(0, snapshotBytes) };
  }

  loadSnapshot(): Snapshot | undefined {
    return this.#find({ index: this.snapshotIndex, term: this.snapshotTerm });
  }

  sync(done: () => void): void {
    done();
  }

  maintain(): void {
    // Nothing has to be prepared, and nothing is late.
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Learns from the rows which memory is in use, and refuses rows that cannot be. */
  #recoverSegments(): void {
    let termBefore = this.#bounds.current.termBeforeFirst;
    for (let index = this.firstIndex; index <= this.lastIndex; index++) {
      const row = this.#index.read(index);
      const end = row.start + row.byteLength;
      if (row.index !== index || row.term < termBefore || end > this.#memory.log.byteLength) {
        const found = `entry ${row.index}, term ${row.term}, bytes ${row.start} to ${end}`;
        throw new RaftError('RAFT_STORAGE_CORRUPT', `in the place of entry ${index}: ${found}`);
      }
      this.#segments.restore(index, row.start, row.byteLength);
      termBefore = row.term;
    }
  }

  /** The entry that stays when those after `index` go, unless none stays. */
  #keptTail(index: number): KeptTail | undefined {
    if (index < this.firstIndex) return undefined;
    const { start, byteLength } = this.#index.read(index);
    return { index, end: start + footprint(byteLength) };
  }

  #fits(entries: readonly Entry[], keptIndex: number, kept: KeptTail | undefined): boolean {
    const count = keptIndex - this.firstIndex + 1 + entries.length;
    return count <= this.#memory.buffers.entriesMax && this.#segments.fits(entries, kept);
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new RaftError('RAFT_STOPPED', 'this storage was closed; open the buffers once more');
  }

  #assertAppendable(entries: readonly Entry[], keptIndex: number): void {
    if (!(keptIndex >= this.snapshotIndex && keptIndex <= this.lastIndex)) {
      // Above: a gap. Below: what a snapshot covers is committed, and never forgotten.
      const room = `${this.snapshotIndex + 1} to ${this.lastIndex + 1}`;
      throw broken(`an append at ${keptIndex + 1}; expected ${room}`);
    }
    let index = keptIndex;
    let term = this.termAt(keptIndex) ?? 0;
    for (const entry of entries) {
      if (
        !Number.isSafeInteger(entry.index) ||
        entry.index !== index + 1 ||
        !(entry.term >= term)
      ) {
        throw broken(`entry ${entry.index}, term ${entry.term} after ${index}, term ${term}`);
      }
      this.#assertPayload(entry);
      index = entry.index;
      term = entry.term;
    }
  }

  #assertPayload({ index, byteLength, payload }: Entry): void {
    const { entryBytesMax } = this.#memory.buffers;
    if (payload.byteLength === byteLength && byteLength <= entryBytesMax) return;
    throw broken(
      `entry ${index} says ${byteLength} bytes and has ${payload.byteLength}; ` +
        `expected the same, and at most ${entryBytesMax}`,
    );
  }
}

function broken(message: string): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', message);
}
