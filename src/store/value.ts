/**
 * Values as bytes, and back.
 *
 *      byte 0   the rest
 *      1        a string, one ASCII byte a character      the fast path
 *      2        a string in UTF-8
 *      3        a string in UTF-16: it holds a lone surrogate, which UTF-8 cannot
 *      4        bytes: of a Uint8Array or Buffer; comes back as a Uint8Array
 *      5        MessagePack: a tree of plain data (see `isPlain`), and what comes back as one
 *      6        V8's structured clone: anything else that can be cloned
 *
 * Which form a value takes follows from the value alone, never from how much stack is left. It may
 * have 1,000 levels, each an object that holds the next one; more are refused.
 *
 * Equal values have equal bytes as far as `cas` can count on it: strings, numbers, booleans, null,
 * bytes (Buffer or Uint8Array alike), dates, and arrays and plain objects of those if their keys
 * were inserted in the same order, up to 64 levels; and every value that came out of the store has
 * the bytes that it had there. Not equal are 1 and 1n, 0 and -0, and an object that holds one part
 * twice against one that holds two equal parts.
 *
 * `undefined` can be stored, but `get` cannot tell it from a missing key.
 */
import { isUint8Array } from 'node:util/types';
import { Packr, RESET_BUFFER_MODE } from 'msgpackr/pack';
import { RaftError } from '../errors.js';
import { findRefused, isDeeperThan, isPlain } from './cloneable.js';
import { deserialize, serialize } from './structured.js';
import { isWellFormed, readLatin1, readUtf8, readUtf16, writeUtf8, writeUtf16 } from './text.js';

/** Any value that `structuredClone` takes, bar what belongs to its process (ports, blobs, keys). */
export type Value = unknown;

const tagAscii = 1;
const tagUtf8 = 2;
const tagUtf16 = 3;
const tagBytes = 4;
const tagMessagePack = 5;
const tagStructured = 6;

/** Half of what V8 can follow on the stack of a thread with the usual 984 KiB. */
const levelsMax = 1_000;

// Objects are MessagePack maps of string keys: no records, whose bytes would depend on what was
// packed before. The pure JavaScript build ('msgpackr/pack'), since the native one would be loaded
// into every thread that is started and killed.
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  moreTypes: false,
  useToJSON: false,
  copyBuffers: true,
  int64AsType: 'bigint',
});

/**
 * Writes `value` to `target` from `at` on and gives the offset after it, or -1 when it would end
 * beyond `end` (default: the end of the buffer; bytes from `at` on may have been written).
 *
 * Throws `RAFT_VALUE_NOT_CLONEABLE`, with the path of the part to blame in `details.path`.
 */
export function encodeValue(
  value: Value,
  target: Buffer,
  at: number,
  end: number = target.length,
): number {
  if (at >= end) return -1;
  if (typeof value === 'string') return encodeString(value, target, at, end);
  if (isUint8Array(value) && value.byteLength > 0) {
    return encodeBytes(value, tagBytes, target, at, end);
  }
  const { tag, bytes } = formOf(value);
  return encodeBytes(bytes, tag, target, at, end);
}

/** How many bytes `encodeValue` needs. For a structure this costs as much as encoding it. */
export function valueByteLength(value: Value): number {
  if (typeof value === 'string') {
    return 1 + (isWellFormed(value) ? Buffer.byteLength(value) : value.length * 2);
  }
  if (isUint8Array(value) && value.byteLength > 0) return 1 + value.byteLength;
  return 1 + formOf(value).bytes.byteLength;
}

/** The value that was encoded there: always a copy, so that the memory may be used again. */
export function decodeValue(bytes: Buffer, start: number, end: number): Value {
  switch (bytes[start]) {
    case tagAscii:
      return readLatin1(bytes, start + 1, end);
    case tagUtf8:
      return readUtf8(bytes, start + 1, end);
    case tagUtf16:
      return readUtf16(bytes, start + 1, end);
    case tagBytes:
      return bytesOf(bytes, start + 1, end);
    case tagMessagePack:
      // A copy that is no Buffer: MessagePack's bytes come back in the class of its source.
      return packr.unpack(copyOf(bytes, start + 1, end));
    case tagStructured:
      return deserialize(bytes.subarray(start + 1, end));
    default:
      throw new RaftError('RAFT_BROKEN_INVARIANT', `${bytes[start]} is not the tag of a value`);
  }
}

/** Over a plain view: `subarray` of a Buffer takes as long as the copy. */
function copyOf({ buffer, byteOffset }: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(new Uint8Array(buffer, byteOffset + start, end - start));
}

/** V8 keeps what is this short in its heap, where it costs no more than in the pool. */
const inHeapMax = 64;
const pooledMax = 1024;

/**
 * An `ArrayBuffer` of its own for each value costs 200 to 700 ns, most of it when it is collected.
 * Small ones stand in the pool of Node's small Buffers, which cannot be transferred by mistake.
 */
function bytesOf(bytes: Buffer, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length <= inHeapMax || length > pooledMax) return copyOf(bytes, start, end);
  const place = Buffer.allocUnsafe(length);
  bytes.copy(place, 0, start, end);
  return new Uint8Array(place.buffer, place.byteOffset, length);
}

/** The same, from the form in which the state machine keeps a value: a character for each byte. */
export function decodeStored(stored: string): Value {
  if (stored.charCodeAt(0) === tagAscii) return stored.slice(1);
  const bytes = Buffer.from(stored, 'latin1');
  return decodeValue(bytes, 0, bytes.length);
}

function encodeString(text: string, target: Buffer, at: number, end: number): number {
  const written = writeUtf8(text, target, at + 1, end);
  if (written - at - 1 === text.length) {
    target[at] = tagAscii;
    return written;
  }
  if (isWellFormed(text)) {
    target[at] = tagUtf8;
    return written;
  }
  target[at] = tagUtf16;
  return writeUtf16(text, target, at + 1, end);
}

function encodeBytes(
  bytes: Uint8Array,
  tag: number,
  target: Buffer,
  at: number,
  end: number,
): number {
  const bytesEnd = at + 1 + bytes.byteLength;
  if (bytesEnd > end) return -1;
  target[at] = tag;
  target.set(bytes, at + 1);
  return bytesEnd;
}

/** The bytes of an object or a primitive, good until the next call. */
function formOf(value: unknown): { readonly tag: number; readonly bytes: Uint8Array } {
  const plain = packPlain(value);
  if (plain) return { tag: tagMessagePack, bytes: plain };
  // What is stored is what will be read: an instance of a class is a plain object by then. So what
  // came out of the store has the same bytes as when it went in. V8 alone would not give them: an
  // array that could have holes takes other bytes than its equal that could not, and optimized
  // code may turn the one into the other between two calls.
  const back = clone(value);
  const plainBack = packPlain(back);
  if (plainBack) return { tag: tagMessagePack, bytes: plainBack };
  return { tag: tagStructured, bytes: blaming(value, () => serialize(back)) };
}

/** A view of msgpackr's own buffer; undefined if the value is no plain data. */
function packPlain(value: unknown): Uint8Array | undefined {
  try {
    return isPlain(value) ? packr.pack(value, RESET_BUFFER_MODE) : undefined;
  } catch (error) {
    // At the end of the stack, V8 might still get through: to other bytes for the same value.
    if (error instanceof RangeError) throw refusal('value', error.message, error);
    return undefined; // A getter threw: the structured clone will say so, with the path.
  }
}

/** Takes only what also comes back: some objects of the platform serialize and never return. */
function clone(value: unknown): unknown {
  if (isDeeperThan(value, levelsMax)) {
    throw refusal('value', `it has more than ${levelsMax.toLocaleString('en-US')} levels`);
  }
  return blaming(value, () => deserialize(serialize(value)));
}

/** What `attempt` gives, or an error that says which part of the value was refused. */
function blaming<T>(value: unknown, attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // A RangeError is the end of the stack, and a search would not come far.
    const path = cause instanceof RangeError ? 'value' : findRefused(value, isRefused);
    throw refusal(path, reason, cause);
  }
}

function refusal(path: string, reason: string, cause?: unknown): RaftError {
  return new RaftError('RAFT_VALUE_NOT_CLONEABLE', `${path} cannot be stored: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { outcome: 'rejected', path },
  });
}

function isRefused(part: unknown): boolean {
  try {
    deserialize(serialize(part));
    return false;
  } catch {
    return true;
  }
}
