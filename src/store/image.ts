/**
 * The replicated state as the bytes of a snapshot: the records of the keys as they stand in the map
 * (`byte-map.ts`), in no order that means anything, and the sessions from least to most recently
 * used. Little endian; records begin at multiples of 4 bytes.
 *
 *     0       4         8      12         16             24
 *     | magic | version | keys | sessions | lastClientId | record … | session … |
 *
 *     record   | key bytes u32 | value bytes u32 | key, padded to 4 | value, padded to 4 |
 *     session  | clientId f64 | floor f64 | highest f64 | an outcome f64 for floor … highest |
 */
import { RaftError } from '../errors.js';
import { ByteMap } from './byte-map.js';
import { viewOf } from './command.js';
import { Session, type SessionTable, windowSize } from './session.js';

const magic = 0x61736c62; // 'blsa'
const version = 2;
const headerBytes = 24;
const sessionHeaderBytes = 24;
const outcomeBytes = 8;

export interface ReplicatedState {
  readonly values: ByteMap;
  readonly sessions: SessionTable;
}

export function writeImage({ values, sessions }: ReplicatedState): Uint8Array {
  let length = headerBytes + values.recordBytes;
  for (const session of sessions.values()) length += sessionBytes(session);
  const memory = new ArrayBuffer(length);
  const view = new DataView(memory);
  view.setUint32(0, magic, true);
  view.setUint32(4, version, true);
  view.setUint32(8, values.size, true);
  view.setUint32(12, sessions.size, true);
  view.setFloat64(16, sessions.lastClientId, true);
  let at = values.copyRecords(new Int32Array(memory), headerBytes);
  for (const session of sessions.values()) at = writeSession(session, view, at);
  return new Uint8Array(memory);
}

/** Adds the sessions of the image to an empty table and gives the map of its keys. */
export function readImage(image: Uint8Array, sessions: SessionTable): ByteMap {
  const cursor = new Cursor(image);
  if (cursor.u32() !== magic) throw corrupt('it does not begin as one');
  const found = cursor.u32();
  if (found !== version) throw corrupt(`it has version ${found}; version ${version} is known`);
  const keyCount = cursor.u32();
  const sessionCount = cursor.u32();
  sessions.lastClientId = cursor.f64();
  const values = new ByteMap();
  for (let i = 0; i < keyCount; i++) {
    const end = values.addRecord(cursor, cursor.at, image.length);
    if (end < 0) throw corrupt(`it ends at ${image.length}, inside a record`);
    cursor.at = end;
  }
  if (values.size !== keyCount) throw corrupt(`${keyCount - values.size} keys are there twice`);
  for (let i = 0; i < sessionCount; i++) sessions.add(readSession(cursor));
  if (cursor.at !== image.length) throw corrupt(`${image.length - cursor.at} bytes follow it`);
  return values;
}

/** Writes what is in `sessionBytes` bytes from `start` on, and gives the offset after it. */
export function writeSession(session: Session, view: DataView, start: number): number {
  view.setFloat64(start, session.clientId, true);
  view.setFloat64(start + 8, session.floor, true);
  view.setFloat64(start + 16, session.highest, true);
  let at = start + sessionHeaderBytes;
  for (let serial = session.floor; serial <= session.highest; serial++) {
    view.setFloat64(at, session.recall(serial), true);
    at += outcomeBytes;
  }
  return at;
}

export function readSession(cursor: Cursor): Session {
  const session = new Session(cursor.f64());
  session.floor = cursor.f64();
  session.highest = cursor.f64();
  const span = session.highest - session.floor + 1;
  // A window is checked before it is allocated.
  if (!(span * outcomeBytes <= cursor.left)) throw corrupt(`a session holds ${span} outcomes`);
  session.results = new Float64Array(windowSize(span));
  for (let serial = session.floor; serial <= session.highest; serial++) {
    session.results[serial & (session.results.length - 1)] = cursor.f64();
  }
  return session;
}

export function sessionBytes({ floor, highest }: Session): number {
  return sessionHeaderBytes + Math.max(0, highest - floor + 1) * outcomeBytes;
}

/** Reads on through an image, never beyond its end. */
export class Cursor {
  readonly bytes: Buffer;
  readonly view: DataView;
  at = 0;

  constructor(image: Uint8Array) {
    this.bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
    this.view = viewOf(this.bytes);
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
    return this.view.getUint32(this.take(4), true);
  }

  f64(): number {
    return this.view.getFloat64(this.take(8), true);
  }
}

export function corrupt(found: string): RaftError {
  return new RaftError('RAFT_STORAGE_CORRUPT', `these bytes are no snapshot of a store: ${found}`);
}
