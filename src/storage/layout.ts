/**
 * The shared memory of one node: its sizes and its buffers.
 *
 * The supervisor allocates the buffers and keeps them while the node's worker comes and goes. They
 * are allocated at their full size, but the operating system gives memory to the pages that were
 * touched only, so a limit costs address space and nothing else. (Growable buffers were measured
 * too: equally fast, equally lazy, and no gain that would pay for views that change their length.)
 */

import { RaftError } from '../errors.js';

/** The sizes of an in-memory storage. */
export interface MemoryStorageOptions {
  /**
   * Bytes of payloads that the log can hold, from two segments to 2 GiB, rounded down to whole
   * segments. Default: 256 MiB.
   */
  readonly logBytesMax?: number;
  /** Entries that the log can hold, 1 to 16,777,216. Default: 262,144 (8 MiB of index). */
  readonly entriesMax?: number;
  /** The longest payload of one entry in bytes, 8 to 256 MiB. Default: 1 MiB. */
  readonly entryBytesMax?: number;
  /**
   * The largest snapshot in bytes, 8 to 2 GiB. Two of them may exist, and a third while one is
   * sent. Default: 256 MiB.
   */
  readonly snapshotBytesMax?: number;
  /**
   * The unit in which log memory is reused: a multiple of 8, at least `entryBytesMax`. Small ones
   * keep resident memory close to what is live, large ones waste less at their ends. Default:
   * 2 MiB, or less for a small log, or more for large entries.
   */
  readonly segmentBytes?: number;
}

/** Where snapshots lie. */
export type SnapshotSlots<T> = readonly [T, T, T];
export type SnapshotSlot = 0 | 1 | 2;

/** The buffers of one node: a plain record for `workerData`, shared and not copied on the way. */
export interface MemoryStorageBuffers {
  readonly entriesMax: number;
  readonly entryBytesMax: number;
  readonly segmentBytes: number;
  /** Two sequence words and the records that they switch, see `record.ts`. */
  readonly control: SharedArrayBuffer;
  /** A ring of rows, one an entry: `index % entriesMax` is the row. */
  readonly rows: SharedArrayBuffer;
  /** The payloads, in segments. */
  readonly log: SharedArrayBuffer;
  /** The newest snapshot, one that is kept although it is older, and the place for the next. */
  readonly snapshots: SnapshotSlots<SharedArrayBuffer>;
}

const kibi = 1_024;
const mebi = 1_024 * kibi;
const gibi = 1_024 * mebi;

/** A node id is kept in a field of this many UTF-16 code units. */
export const nodeIdLengthMax = 64;

/** A row: index, term, start, length with kind. Cells are float64: indexes reach 2^53. */
export const rowCells = 4;

/** Where a record stands in `control`. */
export interface RecordPlace {
  /** The sequence word that switches its slots, in 32-bit words. */
  readonly word: number;
  /** Slot 0, in cells of 8 bytes; slot 1 follows it. */
  readonly at: number;
  /** Cells of one slot. */
  readonly length: number;
}

/** Term, length of the vote, the vote. The sequence words have the first 8 cells for themselves. */
export const hardStatePlace: RecordPlace = { word: 0, at: 8, length: 2 + nodeIdLengthMax };

/** The members of `Bounds`. */
export const boundsPlace: RecordPlace = { word: 1, at: 8 + 2 * hardStatePlace.length, length: 7 };

const cellBytes = 8;
const controlBytes = (boundsPlace.at + 2 * boundsPlace.length) * cellBytes;

/**
 * Memory from here on is asked for with so much beyond its end, which is never touched: the C
 * library takes what is longer than 32 MiB from the system, where pages cost nothing until they
 * are used, and gives it back when it is freed. Smaller pieces it soon takes from a heap of its
 * own, and clears them: every cluster that came and went left its rows in resident memory.
 */
const lazyFrom = 2 ** 20;
const lazyBytes = 2 ** 25;

/**
 * Allocates the storage of one node: an empty log, term 0, no vote.
 *
 * Throws `RAFT_INVALID_OPTION` for a size that is out of range.
 */
export function createMemory(options: MemoryStorageOptions = {}): MemoryStorageBuffers {
  const sizes = validateSizes(options);
  const rowsBytes = sizes.entriesMax * rowCells * cellBytes;
  return {
    entriesMax: sizes.entriesMax,
    entryBytesMax: sizes.entryBytesMax,
    segmentBytes: sizes.segmentBytes,
    control: new SharedArrayBuffer(controlBytes),
    rows: new SharedArrayBuffer(rowsBytes < lazyFrom ? rowsBytes : rowsBytes + lazyBytes),
    log: new SharedArrayBuffer(sizes.logBytesMax),
    snapshots: [
      new SharedArrayBuffer(sizes.snapshotBytesMax),
      new SharedArrayBuffer(sizes.snapshotBytesMax),
      new SharedArrayBuffer(sizes.snapshotBytesMax),
    ],
  };
}

/** The bytes that a payload takes in a segment. An empty one has a place of its own too. */
export function footprint(byteLength: number): number {
  return Math.max(1, Math.ceil(byteLength / cellBytes)) * cellBytes;
}

function validateSizes(options: MemoryStorageOptions): Required<MemoryStorageOptions> {
  const entriesMax = options.entriesMax ?? 262_144;
  const entryBytesMax = options.entryBytesMax ?? mebi;
  const snapshotBytesMax = options.snapshotBytesMax ?? 256 * mebi;
  checkRange('entriesMax', entriesMax, 1, 2 ** 24);
  checkRange('entryBytesMax', entryBytesMax, cellBytes, 256 * mebi);
  checkRange('snapshotBytesMax', snapshotBytesMax, cellBytes, 2 * gibi);
  const logBytes = options.logBytesMax ?? 256 * mebi;
  checkRange('logBytesMax', logBytes, 2 * footprint(entryBytesMax), 2 * gibi);
  const segmentBytes = options.segmentBytes ?? defaultSegmentBytes(logBytes, entryBytesMax);
  checkRange('segmentBytes', segmentBytes, footprint(entryBytesMax), Math.floor(logBytes / 2));
  if (segmentBytes % cellBytes !== 0) {
    throw invalid('segmentBytes', segmentBytes, `a multiple of ${cellBytes}`);
  }
  const logBytesMax = Math.floor(logBytes / segmentBytes) * segmentBytes;
  return { logBytesMax, entriesMax, entryBytesMax, snapshotBytesMax, segmentBytes };
}

function defaultSegmentBytes(logBytes: number, entryBytesMax: number): number {
  const eighth = Math.floor(logBytes / 8 / cellBytes) * cellBytes;
  return Math.max(footprint(entryBytesMax), Math.min(2 * mebi, eighth));
}

function checkRange(option: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw invalid(option, value, `a whole number from ${min} to ${max}`);
}

function invalid(option: string, value: unknown, expected: string): RaftError {
  return new RaftError(
    'RAFT_INVALID_OPTION',
    `${option} is ${String(value)}; expected ${expected}`,
    {
      details: { option },
    },
  );
}
