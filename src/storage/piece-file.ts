/**
 * A snapshot in a file: a header, words of whoever wrote it, and the bytes in pieces of 1 MiB, each
 * with its CRC-32 behind it: a part can be read, and trusted, by itself. Little endian.
 *
 *     0       8         12              16      24     32           40    44  48
 *     | magic | version | bytes of words | index | term | byteLength | crc | 0 | words | pieces
 *
 *     pieces   | piece | crc u32 | 0 u32 | piece | crc | 0 | …
 *
 * The CRC-32 of the header is of what is before it and of the words.
 */

import { crc32 } from 'node:zlib';
import type { OpenFile } from './file-system.js';
import type { SnapshotName } from './storage.js';
import { corrupt } from './wal-segment.js';

const headerBytes = 48;
const crcAt = 40;
/** A header with more of them is damaged. */
const wordsBytesMax = 65_536;
const crcBytes = 8;

/** Bytes of one piece. */
const pieceBytes = 2 ** 20;

/** What kind of file it is, and what it is a snapshot of. */
export interface PieceFileHead {
  /** 8 ASCII characters. */
  readonly magic: string;
  readonly version: number;
  readonly name: SnapshotName;
  readonly words?: Buffer;
}

/** Writes a file from its beginning to its end; the header comes last. */
export class PieceWriter {
  readonly #file: OpenFile;
  readonly #head: PieceFileHead;
  readonly #piece = Buffer.allocUnsafeSlow(pieceBytes + crcBytes);
  #filled = 0;
  #at: number;
  #byteLength = 0;

  constructor(file: OpenFile, head: PieceFileHead) {
    this.#file = file;
    this.#head = head;
    this.#at = headerBytes + (head.words?.length ?? 0);
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

  /** Writes what is left and the header; whole and durable on return. */
  finish(): void {
    this.#flush();
    const { magic, version, name, words = Buffer.alloc(0) } = this.#head;
    const header = Buffer.alloc(headerBytes);
    header.write(magic, 0, 'latin1');
    header.writeUInt32LE(version, 8);
    header.writeUInt32LE(words.length, 12);
    header.writeDoubleLE(name.index, 16);
    header.writeDoubleLE(name.term, 24);
    header.writeDoubleLE(this.#byteLength, 32);
    header.writeUInt32LE(checksum(header, words), crcAt);
    this.#file.write(header, 0);
    if (words.length > 0) this.#file.write(words, headerBytes);
    this.#file.sync();
  }

  #flush(): void {
    if (this.#filled === 0) return;
    this.#piece.writeUInt32LE(crc32(this.#piece.subarray(0, this.#filled)), this.#filled);
    this.#piece.writeUInt32LE(0, this.#filled + 4);
    this.#file.write(this.#piece.subarray(0, this.#filled + crcBytes), this.#at);
    this.#at += this.#filled + crcBytes;
    this.#filled = 0;
    this.#file.sync();
  }
}

/** What a file says of itself. Without `isSound` only its version is to be believed. */
export interface FoundHead extends PieceFileHead {
  readonly words: Buffer;
  /** Bytes of the snapshot. */
  readonly byteLength: number;
  /** Whether it is whole and as it was written. */
  readonly isSound: boolean;
}

/** Reads the header; `undefined` if it does not begin with `magic` and a version. */
export function readHead(file: OpenFile, magic: string): FoundHead | undefined {
  const header = Buffer.alloc(headerBytes);
  const found = file.read(header, 0);
  if (found < 12 || header.toString('latin1', 0, magic.length) !== magic) return undefined;
  const words = Buffer.alloc(Math.min(header.readUInt32LE(12), wordsBytesMax));
  if (words.length > 0) file.read(words, headerBytes);
  return {
    magic,
    version: header.readUInt32LE(8),
    name: { index: header.readDoubleLE(16), term: header.readDoubleLE(24) },
    words,
    byteLength: header.readDoubleLE(32),
    isSound: found === headerBytes && header.readUInt32LE(crcAt) === checksum(header, words),
  };
}

/** Reads the pieces that a writer wrote. */
export class PieceReader {
  readonly byteLength: number;
  readonly #file: OpenFile;
  readonly #start: number;
  /** The piece that was read last, with its checksum. */
  readonly #buffer: Buffer;

  constructor(file: OpenFile, { words, byteLength }: FoundHead) {
    this.#file = file;
    this.#start = headerBytes + words.length;
    this.byteLength = byteLength;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, byteLength) + crcBytes);
  }

  /**
   * All of it, or the part from `start` on; valid until the next call. Throws
   * `RAFT_STORAGE_CORRUPT` for a damaged piece.
   */
  read(start = 0, byteLength: number = this.byteLength - start): Buffer {
    const size = Math.max(0, Math.min(byteLength, this.byteLength - start));
    const inPiece = start % pieceBytes;
    if (size > 0 && inPiece + size <= pieceBytes) {
      return this.#piece(Math.floor(start / pieceBytes)).subarray(inPiece, inPiece + size);
    }
    const target = Buffer.allocUnsafeSlow(size);
    let done = 0;
    while (done < target.length) {
      const number = Math.floor((start + done) / pieceBytes);
      const from = start + done - number * pieceBytes;
      const bytes = this.#piece(number);
      done += bytes.copy(target, done, from, Math.min(bytes.length, from + target.length - done));
    }
    return target;
  }

  /** Reads all of it, piece by piece, and throws if one is damaged. */
  verify(): void {
    for (let number = 0; number * pieceBytes < this.byteLength; number++) this.#piece(number);
  }

  #piece(number: number): Buffer {
    const target = this.#buffer;
    const byteLength = Math.min(pieceBytes, this.byteLength - number * pieceBytes);
    const at = this.#start + number * (pieceBytes + crcBytes);
    const found = this.#file.read(target.subarray(0, byteLength + crcBytes), at);
    const bytes = target.subarray(0, byteLength);
    if (found === byteLength + crcBytes && target.readUInt32LE(byteLength) === crc32(bytes)) {
      return bytes;
    }
    throw corrupt(this.#file.path, at, 'this piece of the snapshot is damaged');
  }
}

function checksum(header: Buffer, words: Buffer): number {
  return crc32(words, crc32(header.subarray(0, crcAt)));
}
