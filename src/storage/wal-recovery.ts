/**
 * What a directory's write-ahead log says, read from its oldest segment to its newest.
 *
 * Entries that were trimmed may still lie in old segments: they are kept while the snapshot before
 * the newest may be needed again, and `rows` has them.
 */

import type { EntryHeader, EntryKind, HardState } from '../raft/index.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { type RecordPlace, recordType, type SegmentEnd, scanRecords } from './wal-record.js';
import {
  corrupt,
  listSegments,
  readSegment,
  segmentHeaderBytes,
  segmentPath,
} from './wal-segment.js';
import { emptyBounds, type LogBounds, readBounds, readHardState, readHead } from './wal-state.js';

/** Index, term, kind with a reserved half, then the payload. */
export const entryFixedBytes = 24;

/** The number that stands for a kind on disks: it never changes. */
export const entryKinds: readonly EntryKind[] = ['command', 'noop', 'configuration'];

/** An entry and where its payload lies. */
export interface RecoveredRow extends EntryHeader {
  readonly sequence: number;
  readonly start: number;
}

/** A segment that is there, and the highest index of an entry that was ever written to it. */
export interface KnownSegment {
  readonly sequence: number;
  highestIndex: number;
}

export interface RecoveredWal {
  readonly directoryId: number;
  readonly hardState: HardState;
  readonly bounds: LogBounds;
  /** Consecutive entries up to `bounds.lastIndex`; they may begin before `bounds.firstIndex`. */
  readonly rows: readonly RecoveredRow[];
  /** Oldest first. The last one is written next. */
  readonly segments: readonly KnownSegment[];
  /** The newest segment, as it was found. */
  readonly active: { readonly bytes: Buffer; readonly end: SegmentEnd; readonly isEmpty: boolean };
  /** Where the records of the segment before the newest end. */
  readonly previousEnd: number;
}

/** What a reader of the log may be told of each record, in order. */
export type RecordVisitor = (place: RecordPlace, bytes: Buffer, sequence: number) => void;

/** Reads a log; `undefined` if the directory has none. Throws `RAFT_STORAGE_CORRUPT`. */
export function recoverWal(
  fs: FileSystem,
  directory: string,
  visit?: RecordVisitor,
): RecoveredWal | undefined {
  const sequences = listSegments(fs, directory);
  if (sequences.length === 0) return undefined;
  const recovery = new Recovery(fs, directory, visit);
  for (const sequence of sequences) recovery.readNext(sequence);
  return recovery.finish();
}

class Recovery {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #visit: RecordVisitor | undefined;
  readonly #segments: KnownSegment[] = [];
  #directoryId = 0;
  #hardState: HardState = { currentTerm: 0 };
  #bounds: LogBounds = emptyBounds;
  #rows: RecoveredRow[] = [];
  #rolledAt: number | undefined;
  #previousEnd = 0;
  #active: RecoveredWal['active'] | undefined;

  constructor(fs: FileSystem, directory: string, visit: RecordVisitor | undefined) {
    this.#fs = fs;
    this.#directory = directory;
    this.#visit = visit;
  }

  readNext(sequence: number): void {
    const path = segmentPath(this.#directory, sequence);
    const expected = (this.#segments.at(-1)?.sequence ?? sequence - 1) + 1;
    if (sequence !== expected) {
      throw corrupt(segmentPath(this.#directory, expected), 0, 'this segment of the log is gone');
    }
    const { bytes, name } = this.#read(path, sequence);
    if (this.#segments.length > 0 && name.directoryId !== this.#directoryId) {
      throw corrupt(path, 16, 'this segment belongs to another directory');
    }
    this.#directoryId = name.directoryId;
    const known: KnownSegment = { sequence, highestIndex: 0 };
    this.#previousEnd = this.#rolledAt ?? this.#active?.end.offset ?? 0;
    this.#rolledAt = undefined;
    let count = 0;
    const end = scanRecords(bytes, segmentHeaderBytes, name, (place) => {
      count += 1;
      if (count === 1) this.#begin(place, bytes, path);
      this.#visit?.(place, bytes, sequence);
      this.#take(place, bytes, known, path);
    });
    if (end.kind === 'corrupt') {
      throw corrupt(path, end.offset, 'a record that had been durable is damaged');
    }
    this.#assertPlausible(count, sequence, path);
    this.#segments.push(known);
    this.#active = { bytes, end, isEmpty: count === 0 };
  }

  finish(): RecoveredWal {
    const active = this.#active as RecoveredWal['active'];
    if (this.#rolledAt !== undefined) {
      const next = (this.#segments.at(-1)?.sequence ?? 0) + 1;
      throw corrupt(segmentPath(this.#directory, next), 0, 'the newest segment of the log is gone');
    }
    return {
      directoryId: this.#directoryId,
      hardState: this.#hardState,
      bounds: this.#bounds,
      rows: this.#rows,
      segments: this.#segments,
      active,
      previousEnd: this.#previousEnd,
    };
  }

  #read(path: string, sequence: number): ReturnType<typeof readSegment> {
    let file: OpenFile | undefined;
    try {
      file = this.#fs.open(path, 'existing');
      return readSegment(file, sequence);
    } finally {
      file?.close();
    }
  }

  /** The first record of a segment also says how far the one before it must be whole. */
  #begin(place: RecordPlace, bytes: Buffer, path: string): void {
    if (place.type !== recordType.head) {
      throw corrupt(path, place.offset, 'the segment does not begin with its head');
    }
    const { previousEnd, hardState, bounds } = readHead(bytes, place.bodyStart, place.bodyEnd);
    const previous = this.#active;
    if (previous === undefined) {
      // Older segments are gone, and with them the entries that this head counts.
      this.#hardState = hardState;
      this.#bounds = bounds;
    } else if (previous.end.offset < previousEnd) {
      const before = segmentPath(this.#directory, this.#segments.at(-1)?.sequence ?? 0);
      throw corrupt(before, previous.end.offset, 'a record that had been durable is damaged');
    }
  }

  /** Only the newest segment may be without records: its head was on its way. */
  #assertPlausible(count: number, sequence: number, path: string): void {
    const isFirst = this.#active === undefined;
    if (this.#active?.isEmpty !== true && !(isFirst && count === 0 && sequence > 1)) return;
    throw corrupt(
      path,
      segmentHeaderBytes,
      'the head of this segment, or of the one before, is gone',
    );
  }

  #take(place: RecordPlace, bytes: Buffer, known: KnownSegment, path: string): void {
    switch (place.type) {
      case recordType.hardState:
        this.#hardState = readHardState(bytes, place.bodyStart, place.bodyEnd);
        return;
      case recordType.bounds:
        this.#takeBounds(readBounds(bytes, place.bodyStart));
        return;
      case recordType.entry:
        this.#takeEntry(place, bytes, known, path);
        return;
      case recordType.roll:
        this.#rolledAt = place.offset;
        return;
      default:
    }
  }

  #takeBounds(bounds: LogBounds): void {
    const first = this.#rows[0]?.index ?? bounds.firstIndex;
    if (bounds.continues)
      this.#rows.length = Math.max(0, Math.min(this.#rows.length, bounds.lastIndex - first + 1));
    else this.#rows = [];
    this.#bounds = bounds;
  }

  #takeEntry(place: RecordPlace, bytes: Buffer, known: KnownSegment, path: string): void {
    const row = readEntryRow(place, bytes, known.sequence);
    const { index } = row;
    if (index > this.#bounds.lastIndex + 1 || index <= this.#bounds.snapshotIndex) {
      const { snapshotIndex, lastIndex } = this.#bounds;
      const room = `${snapshotIndex + 1} to ${lastIndex + 1}`;
      throw corrupt(path, place.offset, `entry ${index} in the place of ${room}`);
    }
    const first = this.#rows[0]?.index ?? index;
    if (index < first) this.#rows = [];
    else this.#rows.length = index - first;
    this.#rows.push(row);
    known.highestIndex = Math.max(known.highestIndex, index);
    this.#bounds = { ...this.#bounds, lastIndex: index };
  }
}

/** The entry of a record of that type. */
export function readEntryRow(place: RecordPlace, bytes: Buffer, sequence: number): RecoveredRow {
  const { bodyStart, bodyEnd } = place;
  return {
    index: bytes.readDoubleLE(bodyStart),
    term: bytes.readDoubleLE(bodyStart + 8),
    kind: entryKinds[bytes.readUInt32LE(bodyStart + 16)] ?? 'command',
    byteLength: bodyEnd - bodyStart - entryFixedBytes,
    sequence,
    start: bodyStart + entryFixedBytes,
  };
}
