/**
 * The replicated state as the bytes of a snapshot: the records of the keys in the order of their
 * hashes (`map-cut.ts`), and the sessions from least to most recently used (`session-cut.ts`).
 * Little endian; records begin at multiples of 4 bytes.
 *
 *     | header, counting keys and sessions (`image-header.ts`) | record … | session … | staged |
 *
 *     record   | key bytes u32 | value bytes u32 | key, padded to 4 | value, padded to 4 |
 *
 * In version 2 the records are in any order.
 */
import { ByteMap } from './byte-map.js';
import {
  type ImageKind,
  imageHeaderBytes,
  readImageHeader,
  writeImageHeader,
} from './image-header.js';
import { MapCut } from './map-cut.js';
import type { SessionTable } from './session.js';
import { plainForm, readSession, SessionCut } from './session-cut.js';
import { type Staging, StagingCut, StagingIntake } from './staging.js';
import {
  corruptImage,
  PieceBuffer,
  PieceCursor,
  pieceBytes,
  type StateImage,
  type StateIntake,
} from './state-image.js';

const kind: ImageKind = { magic: 0x61736c62 /* 'blsa' */, version: 3 };
/** What the sessions are meant to take; more of them make more pieces. */
const sessionsBytes = 2 ** 12;
/** Up to here the records of keys and small values surely have addresses (`slab.ts`). */
export const keysLimit: number = 2 ** 23;

export interface ReplicatedState {
  readonly values: ByteMap;
  readonly sessions: SessionTable;
  readonly staging: Staging;
}

export class StoreImage implements StateImage {
  readonly #values: MapCut;
  readonly #sessions: SessionCut;
  readonly #staging: StagingCut;
  readonly #piece: PieceBuffer;
  #hasMore = true;

  constructor({ values, sessions, staging }: ReplicatedState) {
    this.#values = new MapCut(values);
    this.#sessions = new SessionCut(sessions, plainForm);
    const byteLength = imageHeaderBytes + values.recordBytes + sessionsBytes;
    this.#piece = new PieceBuffer(Math.min(pieceBytes, byteLength));
    this.#staging = new StagingCut(staging);
    const counts = [values.size, sessions.size] as const;
    writeImageHeader(this.#piece, kind, { counts, lastClientId: sessions.lastClientId });
  }

  next(): Uint8Array | undefined {
    if (!this.#hasMore) return undefined;
    this.#hasMore =
      !this.#values.read(this.#piece) ||
      this.#sessions.read(this.#piece) ||
      this.#staging.read(this.#piece);
    return this.#piece.take();
  }

  close(): void {
    this.#hasMore = false;
    this.#values.close();
    this.#sessions.close();
  }
}

/** Reads an image; `adopt` gets the map of its keys; the rest of it is in place by then. */
export class StoreIntake implements StateIntake {
  readonly #sessions: SessionTable;
  readonly #staging: StagingIntake;
  readonly #adopt: (values: ByteMap) => void;
  readonly #cursor = new PieceCursor();
  readonly #values = new ByteMap();
  #hasHeader = false;
  #keysLeft = 0;
  #sessionsLeft = 0;
  #hasStaging = false;
  #isWhole = false;

  constructor(
    { sessions, staging }: Omit<ReplicatedState, 'values'>,
    adopt: (values: ByteMap) => void,
  ) {
    this.#sessions = sessions;
    this.#staging = new StagingIntake(staging);
    this.#adopt = adopt;
  }

  write(bytes: Uint8Array): void {
    const cursor = this.#cursor;
    cursor.add(bytes);
    if (!this.#hasHeader && cursor.left >= imageHeaderBytes) this.#readHeader();
    if (this.#hasHeader) this.#readState();
    cursor.settle();
  }

  finish(): void {
    const { left } = this.#cursor;
    if (!this.#isWhole) {
      throw corruptImage(`it ends ${left} bytes into a part`);
    }
    if (left > 0) throw corruptImage(`${left} bytes follow it`);
    this.#adopt(this.#values);
  }

  #readHeader(): void {
    const { hasStaging, counts, lastClientId } = readImageHeader(this.#cursor, kind);
    [this.#keysLeft, this.#sessionsLeft] = counts;
    this.#hasStaging = hasStaging;
    this.#sessions.lastClientId = lastClientId;
    if (this.#keysLeft > keysLimit) throw corruptImage(`it has ${this.#keysLeft} keys`);
    this.#values.reserve(this.#keysLeft);
    this.#hasHeader = true;
  }

  #readState(): void {
    const cursor = this.#cursor;
    const values = this.#values;
    for (; this.#keysLeft > 0; this.#keysLeft -= 1) {
      const keysBefore = values.size;
      const end = values.addRecord(cursor, cursor.at, cursor.bytes.length);
      if (end < 0) return;
      if (values.size === keysBefore) throw corruptImage('a key is there twice');
      cursor.at = end;
    }
    for (; this.#sessionsLeft > 0; this.#sessionsLeft -= 1) {
      const session = readSession(cursor);
      if (session === undefined) return;
      this.#sessions.add(session);
    }
    this.#isWhole ||= !this.#hasStaging || this.#staging.read(cursor);
  }
}
