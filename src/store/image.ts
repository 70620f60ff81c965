/**
 * The replicated state as the bytes of a snapshot: the keys in the order of their insertion, the
 * sessions from least to most recently used. Replicas that applied the same entries, or restored
 * the image of one that did, write the same bytes. Little endian, not aligned:
 *
 *     0       4         8      12         16             24
 *     | magic | version | keys | sessions | lastClientId | key … | session … |
 *
 *     key      | key bytes u32 | value bytes u32 | key in UTF-8 | encoded value |
 *     session  | clientId f64 | floor f64 | highest f64 | a record f64 for floor … highest |
 */
import { RaftError } from '../errors.js';
import { viewOf } from './command.js';
import { Session, type SessionTable, windowSize } from './session.js';
import { readLatin1, readUtf8, writeLatin1, writeUtf8 } from './text.js';

const magic = 0x61736c62; // 'blsa'
const version = 1;
const headerBytes = 24;
const keyHeaderBytes = 8;
const sessionHeaderBytes = 24;
const recordBytes = 8;

export interface ReplicatedState {
  readonly values: ReadonlyMap<string, string>;
  readonly sessions: SessionTable;
}

export function writeImage({ values, sessions }: ReplicatedState): Uint8Array {
  const image = Buffer.allocUnsafeSlow(imageBytes(values, sessions));
  const view = viewOf(image);
  view.setUint32(0, magic, true);
  view.setUint32(4, version, true);
  view.setUint32(8, values.size, true);
  view.setUint32(12, sessions.size, true);
  view.setFloat64(16, sessions.lastClientId, true);
  let at = headerBytes;
  for (const [key, value] of values) {
    const keyStart = at + keyHeaderBytes;
    const keyEnd = writeUtf8(key, image, keyStart, image.length);
    view.setUint32(at, keyEnd - keyStart, true);
    view.setUint32(at + 4, value.length, true);
    at = writeLatin1(value, image, keyEnd);
  }
  for (const session of sessions.values()) at = writeSession(session, view, at);
  return image;
}

/** Adds the sessions of the image to an empty table and gives the map of its keys. */
export function readImage(image: Uint8Array, sessions: SessionTable): Map<string, string> {
  const cursor = new Cursor(image);
  if (cursor.u32() !== magic) throw corrupt('it does not begin as one');
  const found = cursor.u32();
  if (found !== version) throw corrupt(`it has version ${found}; version ${version} is known`);
  const keyCount = cursor.u32();
  const sessionCount = cursor.u32();
  sessions.lastClientId = cursor.f64();
  const values = new Map<string, string>();
  for (let i = 0; i < keyCount; i++) {
    const keyBytes = cursor.u32();
    const valueBytes = cursor.u32();
    const key = readUtf8(cursor.bytes, cursor.take(keyBytes), cursor.at);
    values.set(key, readLatin1(cursor.bytes, cursor.take(valueBytes), cursor.at));
  }
  for (let i = 0; i < sessionCount; i++) sessions.add(readSession(cursor));
  if (cursor.at !== image.length) throw corrupt(`${image.length - cursor.at} bytes follow it`);
  return values;
}

function writeSession(session: Session, view: DataView, start: number): number {
  view.setFloat64(start, session.clientId, true);
  view.setFloat64(start + 8, session.floor, true);
  view.setFloat64(start + 16, session.highest, true);
  let at = start + sessionHeaderBytes;
  for (let serial = session.floor; serial <= session.highest; serial++) {
    view.setFloat64(at, session.recall(serial), true);
    at += recordBytes;
  }
  return at;
}

function readSession(cursor: Cursor): Session {
  const session = new Session(cursor.f64());
  session.floor = cursor.f64();
  session.highest = cursor.f64();
  const span = session.highest - session.floor + 1;
  // A window is checked before it is allocated.
  if (!(span * recordBytes <= cursor.left)) throw corrupt(`a session holds ${span} outcomes`);
  session.results = new Float64Array(windowSize(span));
  for (let serial = session.floor; serial <= session.highest; serial++) {
    session.results[serial & (session.results.length - 1)] = cursor.f64();
  }
  return session;
}

function imageBytes(values: ReadonlyMap<string, string>, sessions: SessionTable): number {
  let byteLength = headerBytes;
  for (const [key, value] of values) {
    byteLength += keyHeaderBytes + Buffer.byteLength(key) + value.length;
  }
  for (const { floor, highest } of sessions.values()) {
    byteLength += sessionHeaderBytes + Math.max(0, highest - floor + 1) * recordBytes;
  }
  return byteLength;
}

/** Reads on through an image, never beyond its end. */
class Cursor {
  readonly bytes: Buffer;
  at = 0;
  readonly #view: DataView;

  constructor(image: Uint8Array) {
    this.bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
    this.#view = viewOf(this.bytes);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Steps over `byteLength` bytes and gives where they begin. */
  take(byteLength: number): number {
    const start = this.at;
    if (byteLength > this.left) throw corrupt(`it ends at ${this.bytes.length}, inside a part`);
    this.at = start + byteLength;
    return start;
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.take(8), true);
  }
}

function corrupt(found: string): RaftError {
  return new RaftError('RAFT_STORAGE_CORRUPT', `these bytes are no snapshot of a store: ${found}`);
}
