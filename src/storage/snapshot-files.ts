/**
 * Snapshots as files: written under another name, made durable, renamed; the newest two are kept.
 *
 *     0       8         12    16      24     32           40    44
 *     | magic | version | 0   | index | term | byteLength | crc | 0 … | pieces …
 *
 * The bytes follow in pieces of 1 MiB, each with its CRC-32 behind it, so that a part of a large
 * snapshot can be read, and trusted, by itself.
 */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FileSystem, OpenFile } from './file-system.js';
import type { SnapshotName } from './storage.js';
import { corrupt } from './wal-segment.js';

const magic = 'balsaSNP';
const version = 1;
const headerBytes = 48;
const crcAt = 40;
const crcBytes = 8;
const suffix = '.snapshot';
const unfinishedName = 'unfinished.snapshot-part';

/** Bytes of one piece. */
const pieceBytes = 2 ** 20;

/** The snapshots of a directory, newest first. */
export function listSnapshots(fs: FileSystem, directory: string): SnapshotName[] {
  const names: SnapshotName[] = [];
  for (const name of fs.list(directory)) {
    const match = /^(\d{16})-(\d{16})\.snapshot$/.exec(name);
    if (match) names.push({ index: Number(match[1]), term: Number(match[2]) });
  }
  return names.sort((a, b) => b.index - a.index || b.term - a.term);
}

export function snapshotPath(directory: string, { index, term }: SnapshotName): string {
  const digits = (value: number): string => String(value).padStart(16, '0');
  return join(directory, `${digits(index)}-${digits(term)}${suffix}`);
}

/** Writes a snapshot piece by piece; nothing has its name before `finish`. */
export class SnapshotWriter {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #name: SnapshotName;
  readonly #file: OpenFile;
  readonly #piece = Buffer.allocUnsafeSlow(pieceBytes + crcBytes);
  #filled = 0;
  #at = headerBytes;
  #byteLength = 0;
  #isAbandoned = false;

  constructor(fs: FileSystem, directory: string, name: SnapshotName) {
    this.#fs = fs;
    this.#directory = directory;
    this.#name = name;
    this.#file = fs.open(join(directory, unfinishedName), 'create');
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Bytes that were given. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Takes the next bytes, any number. Each full piece is made durable: no long wait at the end. */
  write(bytes: Uint8Array): void {
    let taken = 0;
    while (taken < bytes.byteLength) {
      const count = Math.min(bytes.byteLength - taken, pieceBytes - this.#filled);
      this.#piece.set(bytes.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === pieceBytes) this.#flush();
    }
    this.#byteLength += bytes.byteLength;
  }

  /** Gives the snapshot its name; whole and durable on return. */
  finish(): void {
    if (this.#filled > 0) this.#flush();
    const header = Buffer.alloc(headerBytes);
    header.write(magic, 0, 'latin1');
    header.writeUInt32LE(version, 8);
    header.writeDoubleLE(this.#name.index, 16);
    header.writeDoubleLE(this.#name.term, 24);
    header.writeDoubleLE(this.#byteLength, 32);
    header.writeUInt32LE(crc32(header.subarray(0, crcAt)), crcAt);
    this.#file.write(header, 0);
    this.#file.sync();
    this.abandon();
    this.#fs.rename(this.#file.path, snapshotPath(this.#directory, this.#name));
    this.#fs.syncDirectory(this.#directory);
  }

  /** Gives it up, if it is not finished. May be repeated. */
  abandon(): void {
    if (!this.#isAbandoned) this.#file.close();
    this.#isAbandoned = true;
  }

  #flush(): void {
    this.#piece.writeUInt32LE(crc32(this.#piece.subarray(0, this.#filled)), this.#filled);
    this.#piece.writeUInt32LE(0, this.#filled + 4);
    this.#file.write(this.#piece.subarray(0, this.#filled + crcBytes), this.#at);
    this.#at += this.#filled + crcBytes;
    this.#filled = 0;
    this.#file.sync();
  }
}

/** Reads a snapshot, any part of it. Stays readable when the file loses its name. */
export class SnapshotReader {
  readonly name: SnapshotName;
  readonly byteLength: number;
  readonly #file: OpenFile;

  /** Throws `RAFT_STORAGE_CORRUPT` unless the file is a snapshot of that name. */
  constructor(fs: FileSystem, directory: string, name: SnapshotName) {
    const path = snapshotPath(directory, name);
    this.name = name;
    this.#file = fs.open(path, 'existing');
    try {
      this.byteLength = readHeader(this.#file, name);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** All of it, or the part from `start` on. Throws `RAFT_STORAGE_CORRUPT` for a damaged piece. */
  read(start = 0, byteLength: number = this.byteLength - start): Buffer {
    const target = Buffer.allocUnsafeSlow(
      Math.max(0, Math.min(byteLength, this.byteLength - start)),
    );
    const piece = Buffer.allocUnsafeSlow(pieceBytes + crcBytes);
    let done = 0;
    while (done < target.length) {
      const number = Math.floor((start + done) / pieceBytes);
      const from = start + done - number * pieceBytes;
      const bytes = this.#piece(number, piece);
      done += bytes.copy(target, done, from, Math.min(bytes.length, from + target.length - done));
    }
    return target;
  }

  /** Reads all of it, piece by piece, and throws if one is damaged. */
  verify(): void {
    const piece = Buffer.allocUnsafeSlow(pieceBytes + crcBytes);
    for (let number = 0; number * pieceBytes < this.byteLength; number++)
      this.#piece(number, piece);
  }

  close(): void {
    this.#file.close();
  }

  #piece(number: number, target: Buffer): Buffer {
    const byteLength = Math.min(pieceBytes, this.byteLength - number * pieceBytes);
    const at = headerBytes + number * (pieceBytes + crcBytes);
    const found = this.#file.read(target.subarray(0, byteLength + crcBytes), at);
    const bytes = target.subarray(0, byteLength);
    if (found === byteLength + crcBytes && target.readUInt32LE(byteLength) === crc32(bytes)) {
      return bytes;
    }
    throw corrupt(this.#file.path, at, 'this piece of the snapshot is damaged');
  }
}

function readHeader(file: OpenFile, name: SnapshotName): number {
  const header = Buffer.alloc(headerBytes);
  const isWhole =
    file.read(header, 0) === headerBytes &&
    header.toString('latin1', 0, magic.length) === magic &&
    header.readUInt32LE(crcAt) === crc32(header.subarray(0, crcAt));
  if (!isWhole) throw corrupt(file.path, 0, 'the file does not begin as a snapshot');
  const found = { version: header.readUInt32LE(8), index: header.readDoubleLE(16) };
  if (found.version !== version) {
    throw corrupt(file.path, 8, `it has version ${found.version}; version ${version} is known`);
  }
  if (found.index !== name.index || header.readDoubleLE(24) !== name.term) {
    throw corrupt(file.path, 16, `it is the snapshot of entry ${found.index}`);
  }
  return header.readDoubleLE(32);
}
