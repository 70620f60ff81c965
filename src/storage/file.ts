/**
 * Storage on disk: a write-ahead log and snapshot files, with the log in memory beside them.
 *
 *     change ──> memory (which knows the rules) ──> record gathered ──sync──> disk
 *     read   <── memory
 *
 * Whatever the disk refuses ends this storage: it throws `RAFT_STORAGE_FAILED` then and at every
 * later call, and what is waiting for `sync` is never told that it is durable. Opening again reads
 * what the disk has.
 */

import { RaftError } from '../errors.js';
import type { Entry, EntryHeader, HardState } from '../raft/index.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { createMemory, footprint } from './layout.js';
import { openMemoryStorage } from './memory.js';
import { fillMemory, recoverState } from './recovery.js';
import { listSnapshots, SnapshotReader, SnapshotWriter, snapshotPath } from './snapshot-files.js';
import type {
  Snapshot,
  SnapshotName,
  SnapshotSink,
  Storage,
  StorageResult,
  StorageUsage,
  StoredPayload,
} from './storage.js';
import { lost, storageFailure, withRepair } from './storage-error.js';
import { Wal } from './wal.js';
import { recordType } from './wal-record.js';
import { entryFixedBytes, entryKinds } from './wal-recovery.js';
import { corrupt, segmentPath } from './wal-segment.js';
import {
  boundsBodyBytes,
  emptyBounds,
  hardStateBodyBytes,
  type LogBounds,
  writeBounds,
  writeHardState,
} from './wal-state.js';

/**
 * When `sync` waits for the disk.
 *
 * `always`: each time; nothing that was acknowledged is lost with the power. `interval`: when
 * `intervalMs` have passed since it last did, and `none`: never by itself, the operating system
 * decides; with these two a loss of power may take acknowledged writes along. The end of the
 * process alone loses nothing under any of them, and term and vote wait for the disk always.
 */
export type SyncPolicy = 'always' | 'interval' | 'none';

export interface FileStorageOptions {
  /** Where the files lie; made if it is missing. One storage at a time. */
  readonly directory: string;
  /**
   * Marks the files as those of this directory, a whole number below 2^32; a log that is marked
   * otherwise is refused with `RAFT_STORAGE_CORRUPT`: it holds the votes of somebody else.
   */
  readonly directoryId: number;
  /** Refuse a directory without a log, with `RAFT_STORAGE_LOST`. Default: begin an empty one. */
  readonly mustExist?: boolean;
  /** Default `always`. */
  readonly syncPolicy?: SyncPolicy;
  /** Ms between two waits under `interval`. Default 100. */
  readonly intervalMs?: number;
  /** The time for `interval`, in ms from any point. Default: it stands still. */
  readonly nowMs?: () => number;
  /** Bytes of a segment's file; more, if an entry would not fit. Default: 16 MiB. */
  readonly segmentBytes?: number;
  /** As `MemoryStorageOptions` has them. */
  readonly logBytesMax?: number;
  readonly entriesMax?: number;
  readonly entryBytesMax?: number;
  readonly snapshotBytesMax?: number;
  /** Default: the disks of this machine. */
  readonly fileSystem?: FileSystem;
}

const mebi = 2 ** 20;

/**
 * Opens the storage in a directory: a new one, or as a crash left it.
 *
 * Throws `RAFT_STORAGE_CORRUPT`, naming file and offset, if something is lost that was durable, and
 * `RAFT_STORAGE_FAILED` for what the operating system refuses.
 */
export function openFileStorage(options: FileStorageOptions): Storage {
  return new FileStorage(options);
}

class FileStorage implements Storage {
  readonly #options: FileStorageOptions;
  readonly #fs: FileSystem;
  readonly #memory: Storage;
  readonly #snapshotBytesMax: number;
  readonly #wal: Wal;
  /** What the records so far say: the head of the next segment. */
  #logged: { hardState: HardState; bounds: LogBounds };
  #snapshotBytes = 0;
  #writer: SnapshotWriter | undefined;
  /** The snapshot that was read last; its bytes stay readable when its file is removed. */
  #reader: SnapshotReader | undefined;
  /** One that others are read beside. */
  #kept: SnapshotReader | undefined;
  /** The log on disk is kept from here on, in case the newest snapshot turns out damaged. */
  #fallbackIndex = 0;
  #hasGarbage = false;
  /** Whether term or vote wait for the disk: no policy lets them be lost. */
  #mustSync = false;
  #syncedAtMs: number;
  #failure: RaftError | undefined;
  #isClosed = false;

  constructor(options: FileStorageOptions) {
    this.#options = options;
    this.#fs = options.fileSystem ?? nodeFileSystem;
    this.#snapshotBytesMax = options.snapshotBytesMax ?? 256 * mebi;
    this.#logged = { hardState: { currentTerm: 0 }, bounds: emptyBounds };
    this.#syncedAtMs = options.nowMs?.() ?? 0;
    const { wal, memory } = this.#attempt('opening it', () => this.#openNode());
    this.#wal = wal;
    this.#memory = memory;
    if (this.snapshotIndex === this.#logged.bounds.snapshotIndex) return;
    // The newest snapshot was damaged, and an older one has taken its place.
    this.#attempt('opening it', () => this.#logBounds({ continues: true }));
  }

  get hardState(): HardState {
    return this.#memory.hardState;
  }

  get snapshotIndex(): number {
    return this.#memory.snapshotIndex;
  }

  get snapshotTerm(): number {
    return this.#memory.snapshotTerm;
  }

  get firstIndex(): number {
    return this.#memory.firstIndex;
  }

  get lastIndex(): number {
    return this.#memory.lastIndex;
  }

  get usage(): StorageUsage {
    return {
      ...this.#memory.usage,
      snapshotBytes: this.#snapshotBytes,
      snapshotBytesMax: this.#snapshotBytesMax,
    };
  }

  headers(): EntryHeader[] {
    return this.#memory.headers();
  }

  termAt(index: number): number | undefined {
    return this.#memory.termAt(index);
  }

  payload(index: number): StoredPayload {
    return this.#memory.payload(index);
  }

  saveHardState(hardState: HardState): void {
    this.#assertUsable();
    this.#memory.saveHardState(hardState);
    this.#attempt('writing to its log', () => {
      const at = this.#wal.begin(recordType.hardState, hardStateBodyBytes(hardState));
      writeHardState(this.#wal.bytes, at, hardState);
      this.#wal.end();
    });
    this.#logged.hardState = hardState;
    this.#mustSync = true;
  }

  append(entries: readonly Entry[]): StorageResult {
    this.#assertUsable();
    if (this.#memory.append(entries) === 'full') return 'full';
    this.#attempt('writing to its log', () => {
      for (const entry of entries) this.#logEntry(entry);
    });
    return 'ok';
  }

  trim(index: number): void {
    this.#assertUsable();
    const before = this.firstIndex;
    this.#memory.trim(index);
    if (this.firstIndex === before) return;
    this.#attempt('writing to its log', () => this.#logBounds({ continues: true }));
    this.#hasGarbage = true;
  }

  saveSnapshot({ index, term, bytes }: Snapshot): StorageResult {
    this.#assertUsable();
    if (index <= this.snapshotIndex) return 'ok';
    const sink = this.beginSnapshot({ index, term });
    return sink.write(bytes) === 'full' ? 'full' : sink.finish();
  }

  beginSnapshot(name: SnapshotName): SnapshotSink {
    this.#assertUsable();
    this.#writer?.abandon();
    const what = 'writing a snapshot';
    const writer = this.#attempt(what, () => new SnapshotWriter(this.#fs, this.#options, name));
    this.#writer = writer;
    return {
      get isAbandoned(): boolean {
        return writer.isAbandoned;
      },
      write: (bytes) => {
        this.#assertUsable();
        if (writer.byteLength + bytes.byteLength > this.#snapshotBytesMax) writer.abandon();
        if (writer.isAbandoned) return 'full';
        this.#attempt(what, () => writer.write(bytes));
        return 'ok';
      },
      finish: () => {
        this.#assertUsable();
        return writer.isAbandoned ? 'full' : this.#adopt(writer, name);
      },
      abandon: () => writer.abandon(),
    };
  }

  snapshotPart(
    { index, term }: SnapshotName,
    offset: number,
    byteLengthMax: number,
  ): { bytes: Uint8Array; isLast: boolean } | undefined {
    this.#assertUsable();
    return this.#attempt('reading a snapshot', () => {
      const reader = this.#readerOf({ index, term });
      if (reader === undefined) return undefined;
      const bytes = reader.read(offset, byteLengthMax);
      return { bytes, isLast: offset + bytes.length >= reader.byteLength };
    });
  }

  keepSnapshot(name: SnapshotName | undefined): void {
    if (this.#isClosed || isReaderOf(this.#kept, name)) return;
    this.#assertUsable();
    this.#attempt('reading a snapshot', () => {
      this.#kept?.close();
      this.#kept = undefined;
      if (name === undefined) return;
      this.#kept = this.#readerOf(name);
      this.#reader = undefined;
    });
  }

  #readerOf(name: SnapshotName): SnapshotReader | undefined {
    if (isReaderOf(this.#kept, name)) return this.#kept;
    if (isReaderOf(this.#reader, name)) return this.#reader;
    this.#reader?.close();
    this.#reader = undefined;
    if (!this.#fs.exists(snapshotPath(this.#options.directory, name))) return undefined;
    this.#reader = new SnapshotReader(this.#fs, this.#options, name);
    return this.#reader;
  }

  /** A snapshot that is whole takes the place of the newest one, unless that is newer. */
  #adopt(writer: SnapshotWriter, { index, term }: SnapshotName): StorageResult {
    const before = this.snapshotIndex;
    const continues = this.termAt(index) === term;
    this.#memory.saveSnapshot({ index, term, bytes: new Uint8Array() });
    if (this.snapshotIndex === before) {
      writer.abandon();
      return 'ok';
    }
    this.#attempt('writing a snapshot', () => {
      writer.finish();
      this.#logBounds({ continues });
    });
    this.#snapshotBytes = writer.byteLength;
    this.#fallbackIndex = continues ? before : index;
    this.#hasGarbage = true;
    return 'ok';
  }

  loadSnapshot(): Snapshot | undefined {
    const { snapshotIndex: index, snapshotTerm: term } = this;
    if (index === 0) return undefined;
    return this.#attempt('reading its snapshot', () => {
      const reader = new SnapshotReader(this.#fs, this.#options, { index, term });
      try {
        return { index, term, bytes: reader.read() };
      } finally {
        reader.close();
      }
    });
  }

  sync(done: () => void): void {
    if (this.#isClosed) return;
    this.#assertUsable();
    this.#attempt('making its log durable', () => {
      if (this.#isSyncDue()) this.#syncNow();
      else this.#wal.write();
    });
    done();
  }

  maintain(): void {
    if (this.#isClosed) return;
    this.#assertUsable();
    this.#attempt('preparing its log', () => {
      if (this.#options.syncPolicy === 'interval' && this.#isSyncDue()) this.#syncNow();
      this.#wal.maintain();
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#memory.close();
    this.#writer?.abandon();
    this.#reader?.close();
    this.#kept?.close();
    if (this.#failure === undefined) this.#attempt('closing its log', () => this.#wal.close());
    else this.#wal.abandon();
  }

  /** The damage of a node's directory is told with what mends it. */
  #openNode(): { readonly wal: Wal; readonly memory: Storage } {
    try {
      return this.#open();
    } catch (error) {
      const { directory, mustExist = false } = this.#options;
      throw mustExist ? withRepair(error, directory) : error;
    }
  }

  #open(): { readonly wal: Wal; readonly memory: Storage } {
    const fs = this.#fs;
    const { directory, directoryId } = this.#options;
    fs.makeDirectory(directory);
    const state = recoverState(fs, directory);
    const options = {
      fs,
      directory,
      segmentBytes: this.#segmentBytes(),
      head: () => this.#logged,
    };
    if (state === undefined) {
      if (this.#options.mustExist === true) throw lost(directory);
      return { wal: Wal.create(options, directoryId), memory: createFor(this.#options, []) };
    }
    const { segments } = state.wal;
    if (state.wal.directoryId !== directoryId) {
      const path = segmentPath(directory, segments[0]?.sequence ?? 1);
      throw corrupt(path, 16, 'this log belongs to another directory');
    }
    this.#logged = { hardState: state.wal.hardState, bounds: state.wal.bounds };
    const wal = Wal.resume(options, state.wal);
    const rows = state.wal.rows.filter(({ index }) => index >= state.firstIndex);
    const held = { ...state, wal: { ...state.wal, rows } };
    let memory = createFor(this.#options, []);
    if (!fillMemory(fs, directory, memory, held)) {
      // Behind an older snapshot there can be more than the options allow.
      memory = createFor(this.#options, rows);
      fillMemory(fs, directory, memory, held);
    }
    this.#snapshotBytes = state.snapshotBytes;
    this.#fallbackIndex = state.fallbackIndex;
    return { wal, memory };
  }

  #segmentBytes(): number {
    const { entryBytesMax = mebi, segmentBytes = 16 * mebi } = this.#options;
    // Any entry fits, with the head of the segment before it.
    return Math.max(segmentBytes, 2 ** Math.ceil(Math.log2(entryBytesMax + 512)));
  }

  #logEntry({ index, term, kind, payload }: Entry): void {
    const wal = this.#wal;
    const at = wal.begin(recordType.entry, entryFixedBytes + payload.byteLength);
    const { bytes } = wal;
    bytes.writeDoubleLE(index, at);
    bytes.writeDoubleLE(term, at + 8);
    bytes.writeUInt32LE(entryKinds.indexOf(kind), at + 16);
    bytes.writeUInt32LE(0, at + 20);
    bytes.set(payload, at + entryFixedBytes);
    wal.end(index);
    this.#logged.bounds = { ...this.#logged.bounds, lastIndex: index };
  }

  #logBounds({ continues }: { readonly continues: boolean }): void {
    const { firstIndex, lastIndex, snapshotIndex, snapshotTerm } = this.#memory;
    const termBeforeFirst = this.termAt(firstIndex - 1) ?? 0;
    const log = { firstIndex, lastIndex, termBeforeFirst };
    const bounds = { ...log, snapshotIndex, snapshotTerm, continues };
    const at = this.#wal.begin(recordType.bounds, boundsBodyBytes());
    writeBounds(this.#wal.bytes, at, bounds);
    this.#wal.end();
    this.#logged.bounds = bounds;
  }

  #isSyncDue(): boolean {
    const { syncPolicy = 'always', intervalMs = 100, nowMs } = this.#options;
    // Files are removed only once the record that makes them useless is durable.
    if (syncPolicy === 'always' || this.#mustSync || this.#hasGarbage) return true;
    if (syncPolicy === 'none' || nowMs === undefined) return false;
    return nowMs() - this.#syncedAtMs >= intervalMs;
  }

  #syncNow(): void {
    this.#wal.sync();
    this.#mustSync = false;
    this.#syncedAtMs = this.#options.nowMs?.() ?? 0;
    if (this.#hasGarbage) this.#removeGarbage();
  }

  /** What is durable now says that nobody needs these files: old segments, older snapshots. */
  #removeGarbage(): void {
    this.#hasGarbage = false;
    const { directory } = this.#options;
    this.#wal.removeBefore(Math.min(this.firstIndex, this.#fallbackIndex + 1));
    const known = listSnapshots(this.#fs, directory);
    const isNewer = (index: number): boolean => index > this.snapshotIndex;
    const kept = known.filter(({ index }) => !isNewer(index)).slice(0, 2);
    for (const name of known) {
      if (!kept.includes(name)) this.#fs.remove(snapshotPath(directory, name));
    }
  }

  /** Does something with the disk; whatever goes wrong there is the end of this storage. */
  #attempt<T>(what: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.#failure = storageFailure(error, what, this.#options.directory);
      throw this.#failure;
    }
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#isClosed) return;
    throw new RaftError('RAFT_STOPPED', 'this storage was closed; open the directory once more');
  }
}

/** False for no reader, unless there is no name either. */
function isReaderOf(reader: SnapshotReader | undefined, name: SnapshotName | undefined): boolean {
  return reader?.name.index === name?.index && reader?.name.term === name?.term;
}

/** Memory for the log as the options have it, or for these entries, if that is more. */
function createFor(options: FileStorageOptions, rows: readonly EntryHeader[]): Storage {
  const { entryBytesMax = mebi } = options;
  const longest = rows.reduce((max, { byteLength }) => Math.max(max, byteLength), entryBytesMax);
  const held = rows.reduce((sum, { byteLength }) => sum + footprint(byteLength), 0);
  // Ends of segments stay empty: at worst as much as a longest entry in each.
  const bytesWanted = 2 * held + 4 * longest;
  return openMemoryStorage(
    createMemory({
      logBytesMax: Math.max(options.logBytesMax ?? 256 * mebi, rows.length === 0 ? 0 : bytesWanted),
      entriesMax: Math.max(options.entriesMax ?? 2 ** 18, rows.length + 1),
      entryBytesMax: longest,
      snapshotBytesMax: 8,
    }),
  );
}
