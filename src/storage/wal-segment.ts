/**
 * The files of the write-ahead log: `0000000001.wal`, `0000000002.wal`, … without a gap, each made
 * at its full size before it is used, so that a write changes no metadata and a full disk shows
 * before it hurts.
 *
 *     0       8         12         16            20             24    28  32
 *     | magic | version | sequence | directoryId | segmentBytes | crc | 0 | records … | zeros …
 */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RaftError } from '../errors.js';
import type { FileSystem, OpenFile } from './file-system.js';
import type { SegmentName } from './wal-record.js';

export const segmentHeaderBytes = 32;

const magic = 'balsaWAL';
const version = 1;
const crcAt = 24;
const nameDigits = 10;
const preparedName = 'next.wal';
/** What is written at once when a segment is made: a pause of less than a millisecond. */
const stepBytes = 2 ** 20;

const zeros = Buffer.alloc(stepBytes);

export function segmentPath(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(nameDigits, '0')}.wal`);
}

/** The sequences of the segments in a directory, ascending. */
export function listSegments(fs: FileSystem, directory: string): number[] {
  return fs
    .list(directory)
    .filter((name) => /^\d{10}\.wal$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}

/** The whole of a segment's file, and whose it says it is. Throws `RAFT_STORAGE_CORRUPT`. */
export function readSegment(
  file: OpenFile,
  sequence: number,
): { readonly bytes: Buffer; readonly name: SegmentName } {
  const bytes = Buffer.allocUnsafeSlow(file.size());
  file.read(bytes, 0);
  return { bytes, name: readSegmentHeader(bytes, sequence, file.path) };
}

/** Who a segment says it is, by its first bytes. Throws `RAFT_STORAGE_CORRUPT`. */
export function readSegmentHeader(bytes: Buffer, sequence: number, path: string): SegmentName {
  const isHeader =
    bytes.length >= segmentHeaderBytes &&
    bytes.toString('latin1', 0, magic.length) === magic &&
    bytes.readUInt32LE(crcAt) === crc32(bytes.subarray(0, crcAt));
  if (!isHeader) throw corrupt(path, 0, 'the file does not begin as a segment of a log');
  const found = { version: bytes.readUInt32LE(8), sequence: bytes.readUInt32LE(12) };
  if (found.version !== version) {
    throw corrupt(path, 8, `it has version ${found.version}; version ${version} is known`);
  }
  if (found.sequence !== sequence) {
    throw corrupt(path, 12, `it is segment ${found.sequence} under the name of ${sequence}`);
  }
  if (bytes.length < bytes.readUInt32LE(20)) {
    throw corrupt(path, bytes.length, 'the file ends here and not where its segment does');
  }
  return { sequence, directoryId: bytes.readUInt32LE(16) };
}

/** Damage that is no torn tail: the node must not serve from this directory. */
export function corrupt(file: string, offset: number, found: string): RaftError {
  return new RaftError('RAFT_STORAGE_CORRUPT', `${file}, offset ${offset}: ${found}`, {
    details: { file, offset },
  });
}

/** Whether the operating system said that there is no room: none left, or none for this user. */
export function isOutOfRoom(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Makes the next segment, in steps, under a name of its own until it is whole. */
export class SegmentMaker {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #name: SegmentName;
  readonly #file: OpenFile;
  #made = 0;
  #isWhole = false;

  constructor(fs: FileSystem, directory: string, segmentBytes: number, name: SegmentName) {
    this.#fs = fs;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#name = name;
    this.#file = fs.open(join(directory, preparedName), 'create');
  }

  /** Does a piece of the work; true when the segment is whole and durable. */
  step(): boolean {
    if (this.#isWhole) return true;
    if (this.#made < this.#segmentBytes) {
      const byteLength = Math.min(stepBytes, this.#segmentBytes - this.#made);
      this.#file.write(zeros.subarray(0, byteLength), this.#made);
      this.#made += byteLength;
      return false;
    }
    this.#file.write(this.#header(), 0);
    this.#file.sync();
    this.#isWhole = true;
    return true;
  }

  /** Does what is left and gives the segment its name. The name is durable on return. */
  finish(): OpenFile {
    while (!this.step());
    const path = segmentPath(this.#directory, this.#name.sequence);
    this.#file.close();
    this.#fs.rename(this.#file.path, path);
    this.#fs.syncDirectory(this.#directory);
    return this.#fs.open(path, 'existing');
  }

  abandon(): void {
    this.#file.close();
  }

  /** Gives back what room the part took that was made. */
  discard(): void {
    this.#file.close();
    this.#fs.remove(this.#file.path);
  }

  #header(): Buffer {
    const header = Buffer.alloc(segmentHeaderBytes);
    header.write(magic, 0, 'latin1');
    header.writeUInt32LE(version, 8);
    header.writeUInt32LE(this.#name.sequence, 12);
    header.writeUInt32LE(this.#name.directoryId, 16);
    header.writeUInt32LE(this.#segmentBytes, 20);
    header.writeUInt32LE(crc32(header.subarray(0, crcAt)), crcAt);
    return header;
  }
}
