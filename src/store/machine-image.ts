/**
 * The state of a machine of the user's as the bytes of a snapshot: the sessions from least to most
 * recently used, each with the results that it remembers, then what the machine itself gave. Little
 * endian.
 *
 *     | header, counting sessions (`image-header.ts`) | (session, results) … | staged | machine's |
 *
 *     session  as in `session-cut.ts`
 *     results  | bytes u32, ~0 none | an encoded value |   for each of floor … highest
 */
import type { SessionMemory } from './exactly-once.js';
import {
  type ImageKind,
  imageHeaderBytes,
  readImageHeader,
  writeImageHeader,
} from './image-header.js';
import type { Session, SessionTable } from './session.js';
import { plainForm, readSession, SessionCut, type SessionForm } from './session-cut.js';
import type { SessionResults } from './session-results.js';
import { type Staging, StagingCut, StagingIntake } from './staging.js';
import {
  corruptImage,
  PieceBuffer,
  PieceCursor,
  type StateImage,
  type StateIntake,
} from './state-image.js';
import { readLatin1, writeLatin1 } from './text.js';

const kind: ImageKind = { magic: 0x6d736c62 /* 'blsm' */, version: 2 };
const noResult = 0xffff_ffff;

/** What is remembered of the clients: their results too. */
export type MachineMemory = Required<SessionMemory>;

interface MachineState extends MachineMemory {
  readonly staging: Staging;
  /** What the machine's own `snapshot` gave, of which nothing was taken yet. */
  readonly machine: Iterator<Uint8Array>;
}

export class MachineImage implements StateImage {
  readonly #sessions: SessionCut;
  readonly #staging: StagingCut;
  readonly #machine: Iterator<Uint8Array>;
  readonly #piece = new PieceBuffer();
  #hasSessions = true;
  /** The machine's first piece: it is taken at once, for a generator begins with it. */
  #first: IteratorResult<Uint8Array> | undefined;
  #isDone = false;

  constructor({ sessions, results, staging, machine }: MachineState) {
    this.#first = machine.next();
    this.#machine = machine;
    this.#sessions = new SessionCut(sessions, formWith(results));
    this.#staging = new StagingCut(staging);
    const { size, lastClientId } = sessions;
    writeImageHeader(this.#piece, kind, { counts: [size, 0], lastClientId });
  }

  next(): Uint8Array | undefined {
    if (this.#hasSessions) {
      this.#hasSessions = this.#sessions.read(this.#piece) || this.#staging.read(this.#piece);
      return this.#piece.take();
    }
    if (this.#isDone) return undefined;
    const { done, value } = this.#first ?? this.#machine.next();
    this.#first = undefined;
    this.#isDone = done === true;
    return this.#isDone ? undefined : value;
  }

  close(): void {
    this.#sessions.close();
    this.#hasSessions = false;
    if (!this.#isDone) this.#machine.return?.();
    this.#isDone = true;
  }
}

/** Reads an image; `adopt` gets what the machine gave, when the rest of it is read. */
export class MachineIntake implements StateIntake {
  readonly #sessions: SessionTable;
  readonly #results: SessionResults;
  readonly #staging: StagingIntake;
  readonly #adopt: (machine: Uint8Array) => void;
  readonly #cursor = new PieceCursor();
  readonly #machine: Buffer[] = [];
  #hasHeader = false;
  #sessionsLeft = 0;
  /** Whether all that comes before the machine's own bytes was read. */
  #isAtMachine = false;
  #hasStaging = false;

  constructor(
    { sessions, results, staging }: Omit<MachineState, 'machine'>,
    adopt: (machine: Uint8Array) => void,
  ) {
    this.#staging = new StagingIntake(staging);
    this.#sessions = sessions;
    this.#results = results;
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
    if (!this.#isAtMachine) {
      throw corruptImage(`it ends ${this.#cursor.left} bytes into a part`);
    }
    this.#adopt(Buffer.concat(this.#machine));
  }

  #readHeader(): void {
    const { hasStaging, counts, lastClientId } = readImageHeader(this.#cursor, kind);
    this.#sessionsLeft = counts[0];
    this.#hasStaging = hasStaging;
    this.#sessions.lastClientId = lastClientId;
    this.#hasHeader = true;
  }

  #readState(): void {
    const cursor = this.#cursor;
    for (; this.#sessionsLeft > 0; this.#sessionsLeft -= 1) {
      const start = cursor.at;
      const session = readSession(cursor);
      if (session === undefined) return;
      if (!this.#readResults(session)) {
        // It has not come whole: read again, from its beginning, when more is there.
        cursor.at = start;
        return;
      }
      this.#sessions.add(session);
    }
    this.#isAtMachine ||= !this.#hasStaging || this.#staging.read(cursor);
    if (!this.#isAtMachine) return;
    if (cursor.left > 0) this.#machine.push(Buffer.from(cursor.bytes.subarray(cursor.at)));
    cursor.at = cursor.bytes.length;
  }

  /** False if not all of them are there. */
  #readResults(session: Session): boolean {
    const cursor = this.#cursor;
    for (let serial = session.floor; serial <= session.highest; serial++) {
      if (cursor.left < 4) return false;
      const byteLength = cursor.u32();
      if (byteLength === noResult) continue;
      if (cursor.left < byteLength) return false;
      const end = cursor.at + byteLength;
      this.#results.keep(session, serial, readLatin1(cursor.bytes, cursor.at, end));
      cursor.at = end;
    }
    return true;
  }
}

/** A session with its results behind it. */
function formWith(results: SessionResults): SessionForm {
  return {
    byteLength(session) {
      let byteLength = plainForm.byteLength(session);
      for (const result of resultsOf(session, results)) byteLength += 4 + (result?.length ?? 0);
      return byteLength;
    },
    write(session, target) {
      plainForm.write(session, target);
      for (const result of resultsOf(session, results)) {
        target.view.setUint32(target.at, result?.length ?? noResult, true);
        target.at += 4;
        if (result !== undefined) target.at = writeLatin1(result, target.bytes, target.at);
      }
    },
  };
}

function* resultsOf(session: Session, results: SessionResults): Generator<string | undefined> {
  for (let serial = session.floor; serial <= session.highest; serial++) {
    yield results.of(session, serial);
  }
}
