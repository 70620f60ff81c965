/**
 * A state that is being imported, beside the one that counts: part of the replicated state, so that
 * every node has the same of it at the same index, also one that restarts in between.
 *
 *     stage 7:0 ── stage 7:262144 ── … ── adopt 7:1000000
 *            └──────── bytes of an image ────────┘      └─ its state counts, sessions stay
 *
 * The key of a command is the number of the import and a place: where the bytes belong, or how many
 * they are. Whoever begins anew, at place 0, takes over; the other one is told so by its next step.
 * Bytes for the place before all others give the import up.
 */
import type { BatchReader } from './command.js';
import { type Outcome, outcome } from './outcome.js';
import type { PieceBuffer, PieceCursor, StateIntake } from './state-image.js';
import { readLatin1 } from './text.js';
import { decodeValue } from './value.js';

/** The staged bytes at one moment. They are never changed, only added to. */
export interface StagedBytes {
  readonly importId: number;
  readonly byteLength: number;
  readonly pieces: readonly Uint8Array[];
}

const headerBytes = 16;
/** Where bytes belong of which nothing is wanted any more. */
const abandonedPlace = -1;

/** The key of the command that gives an import up. */
export function abandonToken(importId: number): string {
  return `${importId}:${abandonedPlace}`;
}

export class Staging {
  readonly #begin: () => StateIntake;
  #importId = 0;
  #byteLength = 0;
  #pieces: Uint8Array[] = [];
  #intake: StateIntake | undefined;

  /** `begin`: for the state that is staged; its `finish` makes it the one that counts. */
  constructor(begin: () => StateIntake) {
    this.#begin = begin;
  }

  get staged(): StagedBytes {
    return {
      importId: this.#importId,
      byteLength: this.#byteLength,
      pieces: this.#pieces.slice(),
    };
  }

  /** Takes the bytes of a command. Those of another import than the newest are a mismatch. */
  stage(reader: BatchReader): Outcome {
    const { importId, place } = tokenOf(reader);
    const bytes = decodeValue(reader.bytes, reader.keyEnd, reader.valueEnd);
    if (!(importId > 0) || !(bytes instanceof Uint8Array)) return outcome.refused;
    if (place === 0) this.#reset(importId);
    if (place === abandonedPlace && importId === this.#importId) {
      this.#reset(0);
      return outcome.ok;
    }
    if (importId !== this.#importId || place !== this.#byteLength) return outcome.mismatch;
    return this.add(bytes) ? outcome.ok : outcome.refused;
  }

  /**
   * Puts what is staged, if it is what the command means, in the place of the state; throws what
   * `finish` of the intake throws, and then nothing is staged any more.
   */
  adopt(reader: BatchReader): Outcome {
    const { importId, place } = tokenOf(reader);
    const intake = this.#intake;
    if (intake === undefined || importId !== this.#importId || place !== this.#byteLength) {
      return outcome.mismatch;
    }
    this.#reset(0);
    intake.finish();
    return outcome.ok;
  }

  /** Continues the import of a restored state. */
  resume(importId: number): void {
    this.#reset(importId);
  }

  /** False if these are no bytes of an image: the import is over. */
  add(bytes: Uint8Array): boolean {
    try {
      this.#intake?.write(bytes);
    } catch {
      this.#reset(0);
      return false;
    }
    this.#pieces.push(bytes);
    this.#byteLength += bytes.byteLength;
    return true;
  }

  #reset(importId: number): void {
    this.#importId = importId;
    this.#byteLength = 0;
    this.#pieces = [];
    this.#intake = importId === 0 ? undefined : this.#begin();
  }
}

/** What is staged, written a piece at a time: | importId f64 | bytes f64 | the bytes |. */
export class StagingCut {
  readonly #staged: StagedBytes;
  #next = -1;

  constructor(staging: Staging) {
    this.#staged = staging.staged;
  }

  /** Writes as much as fits; true when there is more. */
  read(target: PieceBuffer): boolean {
    const { importId, byteLength, pieces } = this.#staged;
    if (this.#next < 0) {
      if (!target.fits(headerBytes)) return true;
      target.view.setFloat64(target.at, importId, true);
      target.view.setFloat64(target.at + 8, byteLength, true);
      target.at += headerBytes;
      this.#next = 0;
    }
    for (; this.#next < pieces.length; this.#next += 1) {
      const piece = pieces[this.#next] ?? new Uint8Array();
      if (!target.fits(piece.byteLength)) return true;
      target.append(piece);
    }
    return false;
  }
}

/** Reads what a cut wrote, as it comes. */
export class StagingIntake {
  readonly #staging: Staging;
  #left = -1;

  constructor(staging: Staging) {
    this.#staging = staging;
  }

  /** Takes what has come; true once it is whole. */
  read(cursor: PieceCursor): boolean {
    if (this.#left < 0) {
      if (cursor.left < headerBytes) return false;
      this.#staging.resume(cursor.f64());
      this.#left = cursor.f64();
    }
    const count = Math.min(this.#left, cursor.left);
    if (count > 0) {
      this.#staging.add(Uint8Array.from(cursor.bytes.subarray(cursor.at, cursor.at + count)));
      cursor.at += count;
      this.#left -= count;
    }
    return this.#left === 0;
  }
}

function tokenOf({ bytes, keyStart, keyEnd }: BatchReader): { importId: number; place: number } {
  const [importId, place] = readLatin1(bytes, keyStart, keyEnd).split(':').map(Number);
  return { importId: importId ?? 0, place: place ?? Number.NaN };
}
