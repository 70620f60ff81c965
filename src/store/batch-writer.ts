/**
 * Writes a batch of commands straight into the memory that it is sent from.
 *
 * A command is written whole or not at all: one that does not fit leaves the batch as it was and
 * gives false, one that is refused throws and leaves the batch as it was.
 */
import { RaftError } from '../errors.js';
import {
  type BatchStamp,
  batchField,
  batchHeaderBytes,
  commandFlag,
  op,
  roundUp,
  stampBatch,
  viewOf,
} from './command.js';
import { isWellFormed, writeUtf8 } from './text.js';
import { encodeValue, type Value, valueByteLength } from './value.js';

/** Instead of an expected value: the key must not be there. No value is equal to it. */
export const absent: unique symbol = Symbol('absent');

/** The widest key that the layout can hold. */
const keyBytesLimit = 0xffff;

export interface BatchLimits {
  /** Bytes of a key in UTF-8, 1 to 65,535. Default 1,024. */
  readonly keyBytesMax?: number;
  /** Bytes of an encoded value, whole number > 0. Default 1 MiB. */
  readonly valueBytesMax?: number;
}

export interface CasOptions {
  /** The value to find there, or `absent`. Compared as encoded; see `value.ts` on what is equal. */
  readonly expected: Value | typeof absent;
  readonly value: Value;
  /** A mismatch is answered with the value that is there. Default false. */
  readonly wantsCurrent?: boolean;
}

export class BatchWriter {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;

  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = viewOf(this.#bytes);
  #start = 0;
  /** Where the next command begins. Invariant: start + header <= at <= end. */
  #at = 0;
  /** A multiple of 8 after the start, so that padding always fits. */
  #end = 0;
  #count = 0;

  constructor({ keyBytesMax = 1024, valueBytesMax = 1024 * 1024 }: BatchLimits = {}) {
    requireRange('keyBytesMax', keyBytesMax, keyBytesLimit);
    requireRange('valueBytesMax', valueBytesMax, 0x7fff_ffff);
    this.keyBytesMax = keyBytesMax;
    this.valueBytesMax = valueBytesMax;
  }

  /** Commands written since `reset`. */
  get count(): number {
    return this.#count;
  }

  /** Length of the batch if it were finished now. */
  get byteLength(): number {
    return roundUp(this.#at - this.#start, 8);
  }

  /** Begins an empty batch at `start` that ends at `end` at the latest; a header must fit. */
  reset(bytes: Buffer, start = 0, end: number = bytes.length): void {
    if (start < 0 || end > bytes.length || end - start < batchHeaderBytes) {
      throw new RaftError('RAFT_BROKEN_INVARIANT', `no batch fits from ${start} to ${end}`);
    }
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    this.#start = start;
    this.#at = start + batchHeaderBytes;
    this.#end = end - ((end - start) % 8);
    this.#count = 0;
  }

  /**
   * Adds a `set`; false if it does not fit.
   *
   * Throws `RAFT_KEY_TOO_LONG`, `RAFT_INVALID_OPTION` (a key that is no string or not well-formed),
   * `RAFT_VALUE_TOO_LARGE` or `RAFT_VALUE_NOT_CLONEABLE`.
   */
  set(key: string, value: Value): boolean {
    return this.#addPair(op.set, key, value);
  }

  /** Adds bytes of a state that is to be imported (`staging.ts`); false if they do not fit. */
  stage(token: string, bytes: Uint8Array): boolean {
    return this.#addPair(op.stage, token, bytes);
  }

  /** Adds the end of an import. */
  adopt(token: string): boolean {
    return this.#addKey(op.adopt, token);
  }

  /** Adds a `delete`; false if it does not fit. Throws for a bad key as `set` does. */
  delete(key: string): boolean {
    return this.#addKey(op.delete, key);
  }

  /** Adds a `get`, for a batch of reads; such a batch never enters the log. */
  get(key: string): boolean {
    return this.#addKey(op.get, key);
  }

  /** Adds a command for a machine of the user's; false if it does not fit. Throws as `set` does. */
  command(command: Value): boolean {
    return this.#addValue(op.command, command);
  }

  /** Adds a question to such a machine, for a batch of reads. */
  query(question: Value): boolean {
    return this.#addValue(op.query, question);
  }

  /** Adds a compare-and-set; false if it does not fit. Throws as `set` does. */
  cas(key: string, { expected, value, wantsCurrent = false }: CasOptions): boolean {
    const keyStart = this.#at + 12;
    const keyEnd = this.#writeKey(key, keyStart);
    if (keyEnd < 0) return false;
    const valueEnd = this.#writeValue(value, keyEnd);
    if (valueEnd < 0) return false;
    const expectedEnd = expected === absent ? valueEnd : this.#writeValue(expected, valueEnd);
    if (expectedEnd < 0) return false;
    const flags =
      keyFlag(key, keyStart, keyEnd) |
      (expected === absent ? commandFlag.expectsAbsent : 0) |
      (wantsCurrent ? commandFlag.wantsCurrent : 0);
    this.#addHead(op.cas | (flags << 8), keyStart, keyEnd);
    this.#view.setUint32(this.#at + 4, valueEnd - keyEnd, true);
    this.#view.setUint32(this.#at + 8, expectedEnd - valueEnd, true);
    this.#advance(expectedEnd);
    return true;
  }

  /** Adds a registration, which opens a session; false if it does not fit. */
  register(): boolean {
    return this.#addKey(op.register, '');
  }

  /** Writes the header and gives the offset after the batch, which may be stamped again later. */
  finish(stamp: BatchStamp): number {
    const end = this.#start + this.byteLength;
    this.#bytes.fill(0, this.#at, end);
    this.#view.setUint32(this.#start + batchField.byteLength, end - this.#start, true);
    this.#view.setUint32(this.#start + batchField.count, this.#count, true);
    stampBatch(this.#view, this.#start, stamp);
    return end;
  }

  #addPair(code: number, key: string, value: Value): boolean {
    const keyStart = this.#at + 8;
    const keyEnd = this.#writeKey(key, keyStart);
    if (keyEnd < 0) return false;
    const valueEnd = this.#writeValue(value, keyEnd);
    if (valueEnd < 0) return false;
    this.#addHead(code | (keyFlag(key, keyStart, keyEnd) << 8), keyStart, keyEnd);
    this.#view.setUint32(this.#at + 4, valueEnd - keyEnd, true);
    this.#advance(valueEnd);
    return true;
  }

  #addKey(code: number, key: string): boolean {
    const keyStart = this.#at + 8;
    const keyEnd = this.#writeKey(key, keyStart);
    if (keyEnd < 0) return false;
    this.#addHead(code | (keyFlag(key, keyStart, keyEnd) << 8), keyStart, keyEnd);
    this.#view.setUint32(this.#at + 4, 0, true);
    this.#advance(keyEnd);
    return true;
  }

  #addValue(code: number, value: Value): boolean {
    const start = this.#at + 8;
    const end = this.#writeValue(value, start);
    if (end < 0) return false;
    this.#addHead(code | (commandFlag.asciiKey << 8), start, start);
    this.#view.setUint32(this.#at + 4, end - start, true);
    this.#advance(end);
    return true;
  }

  #addHead(opAndFlags: number, keyStart: number, keyEnd: number): void {
    this.#view.setUint32(this.#at, opAndFlags | ((keyEnd - keyStart) << 16), true);
  }

  #advance(end: number): void {
    const next = this.#at + roundUp(end - this.#at, 4);
    for (let i = end; i < next; i++) this.#bytes[i] = 0;
    this.#at = next;
    this.#count++;
  }

  #writeKey(key: string, at: number): number {
    if (typeof key !== 'string') throw invalidKey(`a ${typeof key}`);
    if (key.length > this.keyBytesMax) throw this.#keyTooLong(key);
    const keyEnd = writeUtf8(key, this.#bytes, at, this.#end);
    if (keyEnd - at === key.length) return keyEnd;
    if (!isWellFormed(key)) throw invalidKey(`${JSON.stringify(key)}, with half a character`);
    if (keyEnd - at > this.keyBytesMax) throw this.#keyTooLong(key);
    return keyEnd;
  }

  #writeValue(value: Value, at: number): number {
    const end = Math.min(this.#end, at + this.valueBytesMax);
    const valueEnd = encodeValue(value, this.#bytes, at, end);
    if (valueEnd < 0) this.#refuseTooLarge(value);
    return valueEnd;
  }

  #refuseTooLarge(value: Value): void {
    const byteLength = valueByteLength(value);
    if (byteLength <= this.valueBytesMax) return;
    throw new RaftError(
      'RAFT_VALUE_TOO_LARGE',
      `a value of ${byteLength} bytes; at most ${this.valueBytesMax} are taken`,
      { details: { outcome: 'rejected', byteLength, valueBytesMax: this.valueBytesMax } },
    );
  }

  #keyTooLong(key: string): RaftError {
    const byteLength = Buffer.byteLength(key);
    return new RaftError(
      'RAFT_KEY_TOO_LONG',
      `a key of ${byteLength} bytes; at most ${this.keyBytesMax} are taken`,
      { details: { outcome: 'rejected', byteLength, keyBytesMax: this.keyBytesMax } },
    );
  }
}

function keyFlag(key: string, keyStart: number, keyEnd: number): number {
  return keyEnd - keyStart === key.length ? commandFlag.asciiKey : 0;
}

function invalidKey(found: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `a key is a well-formed string, not ${found}`, {
    details: { outcome: 'rejected', option: 'key' },
  });
}

function requireRange(option: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return;
  throw new RaftError(
    'RAFT_INVALID_OPTION',
    `${option} is a whole number from 1 to ${max}, not ${value}`,
    { details: { option } },
  );
}
