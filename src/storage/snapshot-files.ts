/**
 * Snapshots as files: written under another name, made durable, renamed; the newest two are kept.
 *
 *     0       8         12    16      24     32           40    44
 *     | magic | version | 0   | index | term | byteLength | crc | 0 … | pieces …
 *
 * The bytes follow in pieces (`piece-file.ts`).
 */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FileSystem, OpenFile } from './file-system.js';
import { PieceReader, PieceWriter } from './piece-file.js';
import type { SnapshotName } from './storage.js';
import { corrupt } from './wal-segment.js';

const magic = 'balsaSNP';
const version = 1;
const headerBytes = 48;
const crcAt = 40;
const suffix = '.snapshot';
const unfinishedName = 'unfinished.snapshot-part';

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
  readonly #pieces: PieceWriter;
  #isAbandoned = false;

  constructor(fs: FileSystem, directory: string, name: SnapshotName) {
    this.#fs = fs;
    this.#directory = directory;
    this.#name = name;
    this.#file = fs.open(join(directory, unfinishedName), 'create');
    this.#pieces = new PieceWriter(this.#file, headerBytes);
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Bytes that were given. */
  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  /** Takes the next bytes, any number. */
  write(bytes: Uint8Array): void {
    this.#pieces.write(bytes);
  }

  /** Gives the snapshot its name; whole and durable on return. */
  finish(): void {
    this.#pieces.flush();
    const header = Buffer.alloc(headerBytes);
    header.write(magic, 0, 'latin1');
    header.writeUInt32LE(version, 8);
    header.writeDoubleLE(this.#name.index, 16);
    header.writeDoubleLE(this.#name.term, 24);
    header.writeDoubleLE(this.byteLength, 32);
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
}

/** Reads a snapshot, any part of it. Stays readable when the file loses its name. */
export class SnapshotReader {
  readonly name: SnapshotName;
  readonly #file: OpenFile;
  readonly #pieces: PieceReader;

  /** Throws `RAFT_STORAGE_CORRUPT` unless the file is a snapshot of that name. */
  constructor(fs: FileSystem, directory: string, name: SnapshotName) {
    const path = snapshotPath(directory, name);
    this.name = name;
    this.#file = fs.open(path, 'existing');
    try {
      this.#pieces = new PieceReader(this.#file, headerBytes, readHeader(this.#file, name));
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  /** All of it, or the part from `start` on. Throws `RAFT_STORAGE_CORRUPT` for a damaged piece. */
  read(start?: number, byteLength?: number): Buffer {
    return this.#pieces.read(start, byteLength);
  }

  /** Reads all of it, piece by piece, and throws if one is damaged. */
  verify(): void {
    this.#pieces.verify();
  }

  close(): void {
    this.#file.close();
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
