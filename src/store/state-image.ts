/**
 * States as bytes on their way out of a machine and into one, a piece at a time.
 *
 * The bytes follow from the state alone: replicas whose states are equal give equal bytes, whatever
 * happened to each of them before or happens while the pieces are taken.
 */
import { RaftError } from '../errors.js';
import { viewOf } from './command.js';

/** The state of a machine as it stood at one moment, while the machine goes on. */
export interface StateImage {
  /**
   * The next bytes, valid until the next call; `undefined` at the end. About 256 KiB, but what
   * belongs together is given in one piece, however long it is.
   */
  next(): Uint8Array | undefined;
  /** Gives up what is left. May be repeated, and called at the end. */
  close(): void;
}

/** A state on its way into a machine, which keeps its own until `finish`. */
export interface StateIntake {
  /** Takes the next bytes, any number. Throws `RAFT_STORAGE_CORRUPT` for what cannot be. */
  write(bytes: Uint8Array): void;
  /**
   * Puts the new state in the place of the old one: whole or, on an error, not at all. Throws
   * `RAFT_STORAGE_CORRUPT` if something is missing.
   */
  finish(): void;
}

/** Bytes of a piece: a few ms of work, also if they are the smallest records. */
export const pieceBytes: number = 2 ** 18;

/** All bytes of an image. */
export function bytesOf(image: StateImage): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let piece = image.next(); piece !== undefined; piece = image.next()) {
    pieces.push(Uint8Array.from(piece));
  }
  return Buffer.concat(pieces);
}

/** The memory in which pieces are put together, again and again. */
export class PieceBuffer {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = viewOf(this.bytes);
  words: Int32Array = new Int32Array(0);
  /** Where the next bytes go. */
  at = 0;

  /** For pieces of the usual length, or for one of `byteLength` bytes. */
  constructor(byteLength: number = pieceBytes) {
    this.#allocate(byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Whether there is room for so much; an empty buffer makes room. */
  fits(byteLength: number): boolean {
    if (byteLength <= this.left) return true;
    if (this.at > 0) return false;
    this.#allocate(byteLength);
    return true;
  }

  append(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.byteLength;
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    const piece = this.bytes.subarray(0, this.at);
    this.at = 0;
    return piece;
  }

  #allocate(byteLength: number): void {
    const memory = new ArrayBuffer((byteLength + 7) & ~7);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    this.words = new Int32Array(memory);
  }
}

/** Reads bytes that come piece by piece, as far as they have come. */
export class PieceCursor {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = viewOf(this.bytes);
  at = 0;

  /** What is left of the pieces before, and then `piece`, which is used until the next call. */
  add(piece: Uint8Array): void {
    const own = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    this.bytes = this.left === 0 ? own : Buffer.concat([this.bytes.subarray(this.at), own]);
    this.view = viewOf(this.bytes);
    this.at = 0;
  }

  /** Makes what is left memory of its own: the piece is about to be used again. */
  settle(): void {
    this.bytes = Buffer.from(this.bytes.subarray(this.at));
    this.view = viewOf(this.bytes);
    this.at = 0;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  f64(): number {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }
}

export function corruptImage(found: string): RaftError {
  return new RaftError('RAFT_STORAGE_CORRUPT', `these bytes are no snapshot of a store: ${found}`);
}
