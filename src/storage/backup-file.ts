/**
 * A snapshot that has left its cluster: one file with the state and what it is a state of.
 *
 *     0       8         12              16      24     32           40    44  48
 *     | magic | version | bytes of words | index | term | byteLength | crc | 0 | words | pieces
 *
 * The words are JSON, padded to a multiple of 8. The CRC-32 is of what is before it and of the
 * words; the pieces have their own (`piece-file.ts`). The file has another name until it is whole
 * and durable.
 */

import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { RaftError } from '../errors.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { PieceReader, PieceWriter } from './piece-file.js';
import type { SnapshotName } from './storage.js';
import { storageFailure } from './storage-error.js';
import { corrupt } from './wal-segment.js';

/** What a backup says of itself. */
export interface BackupWords {
  /** What the state is of: `store`, or `own` for a state machine of the user's. */
  readonly machine: 'store' | 'own';
}

/** Where a backup goes, and the name that it has until it is whole. */
export interface BackupPlace {
  readonly path: string;
  readonly partPath: string;
}

const magic = 'balsaBAK';
const version = 1;
const headerBytes = 48;
const crcAt = 40;
const wordsBytesMax = 65_536;

export class BackupWriter {
  readonly #fs: FileSystem;
  readonly #place: BackupPlace;
  readonly #file: OpenFile;
  readonly #name: SnapshotName;
  readonly #words: Buffer;
  readonly #pieces: PieceWriter;
  #isOpen = true;

  constructor(fs: FileSystem, place: BackupPlace, name: SnapshotName, words: BackupWords) {
    this.#fs = fs;
    this.#place = place;
    this.#name = name;
    const text = JSON.stringify(words);
    this.#words = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
    this.#file = fs.open(place.partPath, 'create');
    this.#pieces = new PieceWriter(this.#file, headerBytes + this.#words.length);
  }

  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  write(bytes: Uint8Array): void {
    this.#pieces.write(bytes);
  }

  /** Gives the file its name, in the place of an older one; whole and durable on return. */
  finish(): void {
    this.#pieces.flush();
    const header = Buffer.alloc(headerBytes);
    header.write(magic, 0, 'latin1');
    header.writeUInt32LE(version, 8);
    header.writeUInt32LE(this.#words.length, 12);
    header.writeDoubleLE(this.#name.index, 16);
    header.writeDoubleLE(this.#name.term, 24);
    header.writeDoubleLE(this.byteLength, 32);
    header.writeUInt32LE(checksum(header, this.#words), crcAt);
    this.#file.write(header, 0);
    this.#file.write(this.#words, headerBytes);
    this.#file.sync();
    this.#close();
    this.#fs.rename(this.#place.partPath, this.#place.path);
    this.#fs.syncDirectory(dirname(this.#place.path));
  }

  /** Gives it up and leaves nothing behind. May be repeated; at the end it does nothing. */
  abandon(): void {
    this.#close();
    if (this.#fs.exists(this.#place.partPath)) this.#fs.remove(this.#place.partPath);
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/** Reads a backup. */
export class BackupReader implements Disposable {
  readonly name: SnapshotName;
  readonly words: BackupWords;
  readonly #file: OpenFile;
  readonly #pieces: PieceReader;

  /**
   * Throws `RAFT_SNAPSHOT_FOREIGN` for a file that is no backup, `RAFT_SNAPSHOT_NEWER` for one that
   * a later version wrote, `RAFT_STORAGE_CORRUPT` if its beginning is damaged, and
   * `RAFT_STORAGE_FAILED` if it cannot be read.
   */
  constructor(fs: FileSystem, path: string) {
    this.#file = attempt(path, () => fs.open(path, 'existing'));
    try {
      const header = readHeader(this.#file);
      this.name = { index: header.readDoubleLE(16), term: header.readDoubleLE(24) };
      const wordsBytes = header.readUInt32LE(12);
      this.words = readWords(this.#file, header, wordsBytes);
      const start = headerBytes + wordsBytes;
      this.#pieces = new PieceReader(this.#file, start, header.readDoubleLE(32));
    } catch (error) {
      this.#file.close();
      throw error instanceof RaftError ? error : storageFailure(error, 'reading it', path);
    }
  }

  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  /** The bytes from `start` on. Throws `RAFT_STORAGE_CORRUPT` for a damaged piece. */
  read(start: number, byteLength: number): Buffer {
    return attempt(this.#file.path, () => this.#pieces.read(start, byteLength));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function readHeader(file: OpenFile): Buffer {
  const header = Buffer.alloc(headerBytes);
  const found = file.read(header, 0);
  const { path } = file;
  if (found < 12 || header.toString('latin1', 0, magic.length) !== magic) {
    throw new RaftError('RAFT_SNAPSHOT_FOREIGN', `${path} is no snapshot that balsa exported`, {
      details: { file: path },
    });
  }
  const written = header.readUInt32LE(8);
  if (written > version) {
    const known = `version ${version} is known here`;
    throw new RaftError('RAFT_SNAPSHOT_NEWER', `${path} has version ${written}; ${known}`, {
      details: { file: path, version: written },
    });
  }
  if (found < headerBytes) throw corrupt(path, found, 'it ends within its header');
  return header;
}

function readWords(file: OpenFile, header: Buffer, byteLength: number): BackupWords {
  const words = Buffer.alloc(Math.min(byteLength, wordsBytesMax));
  file.read(words, headerBytes);
  if (header.readUInt32LE(crcAt) !== checksum(header, words)) {
    throw corrupt(file.path, 0, 'its header is damaged');
  }
  return JSON.parse(words.toString()) as BackupWords;
}

function checksum(header: Buffer, words: Buffer): number {
  return crc32(words, crc32(header.subarray(0, crcAt)));
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof RaftError ? error : storageFailure(error, 'reading it', path);
  }
}
