/**
 * The write-ahead log: records in the order in which they were given, on stable storage when `sync`
 * returns.
 *
 *     begin, fill, end      begin, fill, end      …      sync
 *     └────────── gathered in memory ──────────┘         one write, one fdatasync
 */

import type { FileSystem, OpenFile } from './file-system.js';
import { recordBytes, recordType, type SegmentName, sealRecord } from './wal-record.js';
import type { KnownSegment, RecoveredWal } from './wal-recovery.js';
import { isOutOfRoom, SegmentMaker, segmentHeaderBytes, segmentPath } from './wal-segment.js';
import { headBodyBytes, type SegmentHead, writeHead } from './wal-state.js';

export interface WalOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  /** The size of a segment's file; the longest record must fit in well. */
  readonly segmentBytes: number;
  /** What the first record of a segment says; asked for when one begins. */
  readonly head: () => Omit<SegmentHead, 'previousEnd'>;
}

/** So much is gathered before it is written without being asked. */
const stagingBytes = 2 ** 20;
/** Room that stays free behind any record: for its mark, and for the roll to the next segment. */
const reserveBytes = 2 * recordBytes(0);
/** So often `maintain` is called before a next segment that found no room is tried again. */
const callsBetweenTries = 100;

export class Wal {
  readonly #options: WalOptions;
  readonly #segments: KnownSegment[];
  #name: SegmentName;
  #file: OpenFile;
  /** Where the records that were written end, and up to where they are durable. */
  #writtenTo: number;
  #durableTo: number;
  #staging = Buffer.allocUnsafeSlow(65_536);
  #staged = 0;
  #open: { readonly type: number; readonly bodyBytes: number } | undefined;
  #maker: SegmentMaker | undefined;
  /** Calls of `maintain` that leave the next segment alone. */
  #callsToWait = 0;
  /** Whether the newest claim in the file is as new as what is durable. */
  #isMarked = true;

  private constructor(options: WalOptions, name: SegmentName, file: OpenFile, end: number) {
    this.#options = options;
    this.#name = name;
    this.#file = file;
    this.#segments = [{ sequence: name.sequence, highestIndex: 0 }];
    this.#writtenTo = end;
    this.#durableTo = end;
  }

  /** Begins a log in a directory that has none; durable on return. */
  static create(options: WalOptions, directoryId: number): Wal {
    const { fs, directory, segmentBytes } = options;
    const name = { sequence: 1, directoryId };
    const file = new SegmentMaker(fs, directory, segmentBytes, name).finish();
    const wal = new Wal(options, name, file, segmentHeaderBytes);
    wal.#writeHead(0);
    wal.sync();
    return wal;
  }

  /**
   * Goes on with a log that was read. What it held at its end is made durable once more: after a
   * crash it may stand in the cache of the operating system only, and after an fdatasync that
   * failed the cache may wrongly count as written. So it is written again, but for what a record
   * says to be durable: that an fdatasync had returned. A torn tail goes.
   */
  static resume(options: WalOptions, recovered: RecoveredWal): Wal {
    const { fs, directory } = options;
    const { active, segments, directoryId } = recovered;
    const sequence = segments.at(-1)?.sequence ?? 1;
    const file = fs.open(segmentPath(directory, sequence), 'existing');
    const { offset, zeroFrom, durableOffset } = active.end;
    const wal = new Wal(options, { sequence, directoryId }, file, offset);
    wal.#segments.splice(0, 1, ...segments.map((segment) => ({ ...segment })));
    active.bytes.fill(0, offset, zeroFrom);
    file.write(active.bytes.subarray(durableOffset, zeroFrom), durableOffset);
    if (active.isEmpty) wal.#writeHead(recovered.previousEnd);
    wal.sync();
    file.sync();
    fs.syncDirectory(directory);
    return wal;
  }

  /** Bytes of all segments that are there. */
  get bytesOnDisk(): number {
    return this.#segments.length * this.#options.segmentBytes;
  }

  /** Whether something was given that is not durable yet. */
  get isDirty(): boolean {
    return this.#staged > 0 || this.#writtenTo > this.#durableTo;
  }

  /** Where the body of the next record is to be written; see `begin`. */
  get bytes(): Buffer {
    return this.#staging;
  }

  /** Begins a record; its body goes to `bytes` at the offset that is given. Ended by `end`. */
  begin(type: number, bodyBytes: number): number {
    const size = recordBytes(bodyBytes);
    const room = this.#options.segmentBytes - reserveBytes - this.#writtenTo - this.#staged;
    if (size > room) this.#roll();
    return this.#place(type, bodyBytes);
  }

  /** Ends the record. `index`: that of the entry, if it is one. */
  end(index = 0): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#isMarked = open.type === recordType.mark;
    const offset = this.#writtenTo + this.#staged;
    const record = { ...open, offset, durableOffset: this.#durableTo };
    sealRecord(this.#staging, this.#staged, record, this.#name);
    this.#staged += recordBytes(open.bodyBytes);
    const segment = this.#segments.at(-1);
    if (segment) segment.highestIndex = Math.max(segment.highestIndex, index);
  }

  /** Hands everything over to the operating system: it survives the process, not the power. */
  write(): void {
    if (this.#staged === 0) return;
    this.#file.write(this.#staging.subarray(0, this.#staged), this.#writtenTo);
    this.#writtenTo += this.#staged;
    this.#staged = 0;
  }

  /** Makes everything durable. */
  sync(): void {
    this.write();
    if (this.#writtenTo === this.#durableTo) return;
    this.#file.sync();
    this.#durableTo = this.#writtenTo;
  }

  /**
   * Does a piece of what may be done in advance: prepares the next segment, and while nothing else
   * is written leaves a claim that the end of the log is durable.
   */
  maintain(): void {
    if (this.#writtenTo + this.#staged > this.#options.segmentBytes / 4) this.#prepareNext();
    if (this.#isMarked || this.isDirty) return;
    this.#mark();
    this.write();
  }

  /** Removes the oldest segments whose entries are all before `index`. Needs a `sync` before. */
  removeBefore(index: number): void {
    const { fs, directory } = this.#options;
    while (this.#segments.length > 1 && (this.#segments[0]?.highestIndex ?? index) < index) {
      fs.remove(segmentPath(directory, this.#segments[0]?.sequence ?? 0));
      this.#segments.shift();
      // One after the other, or a loss of power could leave a gap between two that stayed.
      fs.syncDirectory(directory);
    }
  }

  /** Ends the log so that any damage done to it later is seen. */
  close(): void {
    this.sync();
    if (!this.#isMarked) this.#mark();
    this.sync();
    this.abandon();
  }

  /** Lets go of the files without writing. */
  abandon(): void {
    this.#maker?.abandon();
    this.#file.close();
  }

  #mark(): void {
    this.#place(recordType.mark, 0);
    this.end();
  }

  /**
   * A disk without room for the next segment is not the end while this one has some: a snapshot may
   * make room. What the part took is given back, for it may be what that snapshot needs.
   */
  #prepareNext(): void {
    if (this.#callsToWait > 0) {
      this.#callsToWait -= 1;
      return;
    }
    try {
      this.#makerOfNext().step();
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
      this.#callsToWait = callsBetweenTries;
      const part = this.#maker;
      this.#maker = undefined;
      part?.discard();
    }
  }

  #makerOfNext(): SegmentMaker {
    const { fs, directory, segmentBytes } = this.#options;
    const { sequence, directoryId } = this.#name;
    const next = { sequence: sequence + 1, directoryId };
    this.#maker ??= new SegmentMaker(fs, directory, segmentBytes, next);
    return this.#maker;
  }

  /**
   * Goes on in the next segment. The order matters: this one is durable before the next one has
   * its name, so damage in any but the newest is never a torn tail.
   */
  #roll(): void {
    this.sync();
    const next = this.#makerOfNext().finish();
    this.#maker = undefined;
    const end = this.#writtenTo;
    this.#place(recordType.roll, 0);
    this.end();
    this.sync();
    this.#file.close();
    this.#file = next;
    this.#name = { ...this.#name, sequence: this.#name.sequence + 1 };
    this.#segments.push({ sequence: this.#name.sequence, highestIndex: 0 });
    this.#writtenTo = segmentHeaderBytes;
    this.#durableTo = segmentHeaderBytes;
    this.#writeHead(end);
  }

  #writeHead(previousEnd: number): void {
    const head = { ...this.#options.head(), previousEnd };
    const at = this.begin(recordType.head, headBodyBytes(head));
    writeHead(this.#staging, at, head);
    this.end();
  }

  #place(type: number, bodyBytes: number): number {
    const size = recordBytes(bodyBytes);
    if (this.#staged + size > this.#staging.length) this.#makeRoom(size);
    this.#open = { type, bodyBytes };
    return this.#staged + recordBytes(0);
  }

  #makeRoom(size: number): void {
    this.write();
    if (size <= this.#staging.length) return;
    this.#staging = Buffer.allocUnsafeSlow(Math.max(size, stagingBytes));
  }
}
