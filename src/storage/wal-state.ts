/** The small bodies of records: term and vote, the bounds of the log, and both as a head. */

import type { HardState } from '../raft/index.js';

/** What the log is, besides its entries. The names are those of `Storage`. */
export interface LogBounds {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The term of entry `firstIndex - 1`. */
  readonly termBeforeFirst: number;
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /** False when entries before `firstIndex` are no part of this log: a snapshot replaced it. */
  readonly continues: boolean;
}

export const emptyBounds: LogBounds = {
  firstIndex: 1,
  lastIndex: 0,
  termBeforeFirst: 0,
  snapshotIndex: 0,
  snapshotTerm: 0,
  continues: true,
};

/** What the first record of a segment says of everything before it. */
export interface SegmentHead {
  /** Where the records of the segment before end, all of them durable. */
  readonly previousEnd: number;
  readonly hardState: HardState;
  readonly bounds: LogBounds;
}

const f64 = 8;
const boundsBytes = 6 * f64;
const headFixedBytes = f64 + boundsBytes;

export function hardStateBodyBytes({ votedFor = '' }: HardState): number {
  return f64 + Buffer.byteLength(votedFor);
}

export function writeHardState(bytes: Buffer, at: number, hardState: HardState): void {
  const { currentTerm, votedFor = '' } = hardState;
  bytes.writeDoubleLE(currentTerm, at);
  bytes.write(votedFor, at + f64, 'utf8');
}

/** A vote is as long as the body is. */
export function readHardState(bytes: Buffer, at: number, end: number): HardState {
  const currentTerm = bytes.readDoubleLE(at);
  const votedFor = bytes.toString('utf8', at + f64, end);
  return votedFor === '' ? { currentTerm } : { currentTerm, votedFor };
}

export function boundsBodyBytes(): number {
  return boundsBytes;
}

export function writeBounds(bytes: Buffer, at: number, bounds: LogBounds): void {
  let next = bytes.writeDoubleLE(bounds.firstIndex, at);
  next = bytes.writeDoubleLE(bounds.lastIndex, next);
  next = bytes.writeDoubleLE(bounds.termBeforeFirst, next);
  next = bytes.writeDoubleLE(bounds.snapshotIndex, next);
  next = bytes.writeDoubleLE(bounds.snapshotTerm, next);
  bytes.writeDoubleLE(Number(bounds.continues), next);
}

export function readBounds(bytes: Buffer, at: number): LogBounds {
  return {
    firstIndex: bytes.readDoubleLE(at),
    lastIndex: bytes.readDoubleLE(at + f64),
    termBeforeFirst: bytes.readDoubleLE(at + 2 * f64),
    snapshotIndex: bytes.readDoubleLE(at + 3 * f64),
    snapshotTerm: bytes.readDoubleLE(at + 4 * f64),
    continues: bytes.readDoubleLE(at + 5 * f64) === 1,
  };
}

export function headBodyBytes({ hardState }: SegmentHead): number {
  return headFixedBytes + hardStateBodyBytes(hardState);
}

export function writeHead(bytes: Buffer, at: number, head: SegmentHead): void {
  bytes.writeDoubleLE(head.previousEnd, at);
  writeBounds(bytes, at + f64, head.bounds);
  writeHardState(bytes, at + headFixedBytes, head.hardState);
}

export function readHead(bytes: Buffer, at: number, end: number): SegmentHead {
  return {
    previousEnd: bytes.readDoubleLE(at),
    bounds: readBounds(bytes, at + f64),
    hardState: readHardState(bytes, at + headFixedBytes, end),
  };
}
