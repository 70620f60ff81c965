/**
 * Long bytes in a file, in pieces of 1 MiB, each with its CRC-32 behind it: a part can be read, and
 * trusted, by itself.
 *
 *     | piece | crc u32 | 0 u32 | piece | crc | 0 | …
 */

import { crc32 } from 'node:zlib';
import type { OpenFile } from './file-system.js';
import { corrupt } from './wal-segment.js';

const crcBytes = 8;

/** Bytes of one piece. */
const pieceBytes = 2 ** 20;

/** Writes pieces from a place in a file on. */
export class PieceWriter {
  readonly #file: OpenFile;
  readonly #piece = Buffer.allocUnsafeSlow(pieceBytes + crcBytes);
  #filled = 0;
  #at: number;
  #byteLength = 0;

  constructor(file: OpenFile, start: number) {
    this.#file = file;
    this.#at = start;
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
      if (this.#filled === pieceBytes) this.flush();
    }
    this.#byteLength += bytes.byteLength;
  }

  /** Writes what is left, as the last piece. */
  flush(): void {
    if (this.#filled === 0) return;
    this.#piece.writeUInt32LE(crc32(this.#piece.subarray(0, this.#filled)), this.#filled);
    this.#piece.writeUInt32LE(0, this.#filled + 4);
    this.#file.write(this.#piece.subarray(0, this.#filled + crcBytes), this.#at);
    this.#at += this.#filled + crcBytes;
    this.#filled = 0;
    this.#file.sync();
  }
}

/** Reads what a writer wrote. */
export class PieceReader {
  readonly byteLength: number;
  readonly #file: OpenFile;
  readonly #start: number;
  /** The piece that was read last, with its checksum. */
  readonly #buffer: Buffer;

  constructor(file: OpenFile, start: number, byteLength: number) {
    this.#file = file;
    this.#start = start;
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
