/**
 * The records of the write-ahead log: how they lie in a segment, and how what a crash left is told
 * from what a disk has spoiled.
 *
 *     0     4            8          12       16               20     24
 *     | crc | byteLength | sequence | offset | durable offset | type | body, padded to 8 |
 *
 * Little endian. The CRC-32 covers all behind it, and begins with the number of the directory; with
 * the sequence of the segment and the offset in it, a record is valid in one place of the world
 * only: one that was written elsewhere, or remains from before, is none.
 *
 * `durable offset` is the claim that settles the hard question. It says how far this segment was on
 * stable storage when the record was made. A damaged place that a later record claims to have been
 * durable was lost by the disk: corruption. A damaged place that nobody claims was on its way when
 * the power went, and so was all behind it: a torn tail, of which nobody has been told.
 */

import { crc32 } from 'node:zlib';

export const recordHeaderBytes = 24;

/** The numbers are on disks: they never change. */
export const recordType = {
  /** The state at the start of a segment, so that older segments can go. */
  head: 1,
  entry: 2,
  hardState: 3,
  bounds: 4,
  /** Nothing but its claim: what came before it is durable. */
  mark: 5,
  /** The log goes on in the next segment, whose file exists. */
  roll: 6,
} as const;

const typeMax = 6;

/** Which segment of which directory. */
export interface SegmentName {
  /** Counted from 1. */
  readonly sequence: number;
  /** Drawn when the directory was made. A whole number below 2^32. */
  readonly directoryId: number;
}

/** A record in the bytes of its segment. */
export interface RecordPlace {
  readonly type: number;
  readonly offset: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Where the next one begins. */
  readonly end: number;
  readonly durableOffset: number;
}

/** The bytes that a record with such a body takes. */
export function recordBytes(bodyBytes: number): number {
  return recordHeaderBytes + ((bodyBytes + 7) & ~7);
}

/** Writes the header around a body that stands at `at + recordHeaderBytes` already. */
export function sealRecord(
  bytes: Buffer,
  at: number,
  record: { type: number; bodyBytes: number; offset: number; durableOffset: number },
  segment: SegmentName,
): void {
  const { type, bodyBytes, offset, durableOffset } = record;
  bytes.writeUInt32LE(bodyBytes, at + 4);
  bytes.writeUInt32LE(segment.sequence, at + 8);
  bytes.writeUInt32LE(offset, at + 12);
  bytes.writeUInt32LE(durableOffset, at + 16);
  bytes.writeUInt32LE(type, at + 20);
  const end = at + recordHeaderBytes + bodyBytes;
  bytes.fill(0, end, at + recordBytes(bodyBytes));
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, end), segment.directoryId), at);
}

/** The record at `offset` of a segment; `undefined` if there is none that is valid there. */
function readRecord(bytes: Buffer, offset: number, segment: SegmentName): RecordPlace | undefined {
  const isHere = offset + 16 <= bytes.length && bytes.readUInt32LE(offset + 12) === offset;
  return isHere ? readAnyRecord(bytes, offset, segment) : undefined;
}

/** A record of this segment, be it in its place or where it went astray. */
function readAnyRecord(
  bytes: Buffer,
  offset: number,
  { sequence, directoryId }: SegmentName,
): RecordPlace | undefined {
  if (offset + recordHeaderBytes > bytes.length) return undefined;
  const bodyBytes = bytes.readUInt32LE(offset + 4);
  const end = offset + recordBytes(bodyBytes);
  const type = bytes.readUInt32LE(offset + 20);
  const isPossible =
    bytes.readUInt32LE(offset + 8) === sequence &&
    bodyBytes <= bytes.length &&
    end <= bytes.length &&
    type >= 1 &&
    type <= typeMax;
  if (!isPossible) return undefined;
  const bodyStart = offset + recordHeaderBytes;
  const bodyEnd = bodyStart + bodyBytes;
  const crc = crc32(bytes.subarray(offset + 4, bodyEnd), directoryId);
  if (crc !== bytes.readUInt32LE(offset)) return undefined;
  const durableOffset = bytes.readUInt32LE(offset + 16);
  return { type, offset, bodyStart, bodyEnd, end, durableOffset };
}

/** What stands behind the last valid record of a segment. */
export interface SegmentEnd {
  /** Where the records end. */
  readonly offset: number;
  /**
   * `clean`: zeros only. `torn`: something that nobody claims to have been durable.
   * `corrupt`: a later record says that it was.
   */
  readonly kind: 'clean' | 'torn' | 'corrupt';
  /** Bytes from here on are zeros; `offset` when clean. */
  readonly zeroFrom: number;
  /** Up to here a valid record says that the segment is on stable storage; 0 if none does. */
  readonly durableOffset: number;
}

/** Visits the records of a segment from `offset` on, and judges what stands behind the last. */
export function scanRecords(
  bytes: Buffer,
  offset: number,
  segment: SegmentName,
  visit: (place: RecordPlace) => void,
): SegmentEnd {
  let end = offset;
  let durableOffset = 0;
  for (;;) {
    const place = readRecord(bytes, end, segment);
    if (place === undefined) break;
    visit(place);
    end = place.end;
    durableOffset = Math.max(durableOffset, place.durableOffset);
  }
  const zeroFrom = zerosBegin(bytes, end);
  if (zeroFrom === end) return { offset: end, kind: 'clean', zeroFrom, durableOffset };
  const isClaimed = hasClaimBeyond(bytes, end, zeroFrom, segment);
  return { offset: end, kind: isClaimed ? 'corrupt' : 'torn', zeroFrom, durableOffset };
}

/**
 * Whether a record behind the damage says that the damaged place had been durable. One that lies in
 * the wrong place says that the disk is to blame, whatever it claims.
 */
function hasClaimBeyond(bytes: Buffer, damage: number, end: number, segment: SegmentName): boolean {
  for (let at = damage; at < end; at += 8) {
    const place = readAnyRecord(bytes, at, segment);
    if (place === undefined) continue;
    if (place.durableOffset > damage || bytes.readUInt32LE(at + 12) !== at) return true;
  }
  return false;
}

const zeros = Buffer.alloc(65_536);

/** The first offset, a multiple of 8 from `start`, from which on all bytes are 0. */
function zerosBegin(bytes: Buffer, start: number): number {
  let end = bytes.length;
  while (end > start) {
    const from = Math.max(start, end - zeros.length);
    if (bytes.compare(zeros, 0, end - from, from, end) !== 0) break;
    end = from;
  }
  while (end > start && bytes[end - 1] === 0) end--;
  return start + Math.ceil((end - start) / 8) * 8;
}
