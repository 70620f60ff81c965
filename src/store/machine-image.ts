/**
 * The state of a machine of the user's as the bytes of a snapshot: the sessions from least to most
 * recently used, each with the results that it remembers, then what the machine itself gave. Little
 * endian.
 *
 *     0       4         8          12  16             24
 *     | magic | version | sessions | - | lastClientId | (session, results) … | machine's image |
 *
 *     session  as in `image.ts`
 *     results  | bytes u32, ~0 none | an encoded value |   for each of floor … highest
 */
import { viewOf } from './command.js';
import { Cursor, corrupt, readSession, sessionBytes, writeSession } from './image.js';
import type { Session, SessionTable } from './session.js';
import type { SessionResults } from './session-results.js';
import { readLatin1, writeLatin1 } from './text.js';

const magic = 0x6d736c62; // 'blsm'
const version = 1;
const headerBytes = 24;
const noResult = 0xffff_ffff;

export interface MachineState {
  readonly sessions: SessionTable;
  readonly results: SessionResults;
  /** What the machine's own `snapshot` gave. */
  readonly machine: Uint8Array;
}

export function writeMachineImage({ sessions, results, machine }: MachineState): Uint8Array {
  let length = headerBytes + machine.byteLength;
  for (const session of sessions.values()) {
    length += sessionBytes(session) + resultBytes(session, results);
  }
  const image = new Uint8Array(length);
  const bytes = Buffer.from(image.buffer);
  const view = viewOf(bytes);
  view.setUint32(0, magic, true);
  view.setUint32(4, version, true);
  view.setUint32(8, sessions.size, true);
  view.setFloat64(16, sessions.lastClientId, true);
  let at = headerBytes;
  for (const session of sessions.values()) {
    at = writeSession(session, view, at);
    for (const result of resultsOf(session, results)) {
      view.setUint32(at, result?.length ?? noResult, true);
      at += 4;
      if (result !== undefined) at = writeLatin1(result, bytes, at);
    }
  }
  image.set(machine, at);
  return image;
}

/** Adds the sessions and results of the image, and gives a copy of what the machine gave. */
export function readMachineImage(
  image: Uint8Array,
  sessions: SessionTable,
  results: SessionResults,
): Uint8Array {
  const cursor = new Cursor(image);
  if (cursor.u32() !== magic) throw corrupt('it does not begin as one of this state machine');
  const found = cursor.u32();
  if (found !== version) throw corrupt(`it has version ${found}; version ${version} is known`);
  const sessionCount = cursor.u32();
  cursor.take(4);
  sessions.lastClientId = cursor.f64();
  for (let i = 0; i < sessionCount; i++) {
    const session = readSession(cursor);
    for (let serial = session.floor; serial <= session.highest; serial++) {
      const byteLength = cursor.u32();
      if (byteLength === noResult) continue;
      const start = cursor.take(byteLength);
      results.keep(session, serial, readLatin1(cursor.bytes, start, start + byteLength));
    }
    sessions.add(session);
  }
  return new Uint8Array(image.subarray(cursor.at));
}

function resultBytes(session: Session, results: SessionResults): number {
  let byteLength = 0;
  for (const result of resultsOf(session, results)) byteLength += 4 + (result?.length ?? 0);
  return byteLength;
}

function* resultsOf(session: Session, results: SessionResults): Generator<string | undefined> {
  for (let serial = session.floor; serial <= session.highest; serial++) {
    yield results.of(session, serial);
  }
}
