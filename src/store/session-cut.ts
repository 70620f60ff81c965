/**
 * The sessions as they stood at one moment, from least to most recently used, read a piece at a
 * time while they go on changing.
 *
 *     session   | clientId f64 | floor f64 | highest f64 | an outcome f64 for floor … highest |
 *
 * A session that was not read yet is written down before it is opened for the first time.
 */
import { Session, type SessionTable, windowSize } from './session.js';
import { corruptImage, PieceBuffer, type PieceCursor } from './state-image.js';

const sessionHeaderBytes = 24;
const outcomeBytes = 8;
/** More outcomes than any batch and any window have. */
const spanMax = 2 ** 31;

/** How a session is written down. */
export interface SessionForm {
  byteLength(session: Session): number;
  /** Writes it to where the buffer stands, which has room. */
  write(session: Session, target: PieceBuffer): void;
}

/** The form above. */
export const plainForm: SessionForm = {
  byteLength: ({ floor, highest }) =>
    sessionHeaderBytes + Math.max(0, highest - floor + 1) * outcomeBytes,

  write(session, target) {
    const { view } = target;
    let { at } = target;
    view.setFloat64(at, session.clientId, true);
    view.setFloat64(at + 8, session.floor, true);
    view.setFloat64(at + 16, session.highest, true);
    at += sessionHeaderBytes;
    for (let serial = session.floor; serial <= session.highest; serial++) {
      view.setFloat64(at, session.recall(serial), true);
      at += outcomeBytes;
    }
    target.at = at;
  },
};

/** Reads a session in the plain form; `undefined` if it has not come whole yet. */
export function readSession(cursor: PieceCursor): Session | undefined {
  if (cursor.left < sessionHeaderBytes) return undefined;
  const { at, view } = cursor;
  const span = Math.max(0, view.getFloat64(at + 16, true) - view.getFloat64(at + 8, true) + 1);
  if (!(span <= spanMax)) throw corruptImage(`a session holds ${span} outcomes`);
  // A window is allocated once all that goes into it is there.
  if (cursor.left < sessionHeaderBytes + span * outcomeBytes) return undefined;
  const session = new Session(cursor.f64());
  session.floor = cursor.f64();
  session.highest = cursor.f64();
  session.results = new Float64Array(windowSize(span));
  for (let serial = session.floor; serial <= session.highest; serial++) {
    session.results[serial & (session.results.length - 1)] = cursor.f64();
  }
  return session;
}

export class SessionCut {
  /** Sessions at the moment of the cut. */
  readonly size: number;
  readonly lastClientId: number;
  readonly #table: SessionTable;
  readonly #form: SessionForm;
  readonly #id: number;
  readonly #sessions: readonly Session[];
  /** Sessions as they were that were opened before they were read. */
  readonly #kept = new Map<Session, Uint8Array>();
  #next = 0;

  /** Cuts the table now. Others may be read at the same time. */
  constructor(table: SessionTable, form: SessionForm) {
    this.#table = table;
    this.#form = form;
    this.#sessions = [...table.values()];
    this.size = table.size;
    this.lastClientId = table.lastClientId;
    this.#id = table.watch(this);
  }

  /** Lets the table go. May be repeated. */
  close(): void {
    this.#table.unwatch(this);
    this.#kept.clear();
  }

  /** A session is about to be opened. */
  keep(session: Session): void {
    // Where two cuts are read at the same time, the number may be that of the other one.
    if (session.cutId === this.#id || this.#kept.has(session)) return;
    session.cutId = this.#id;
    const own = new PieceBuffer(this.#form.byteLength(session));
    this.#form.write(session, own);
    this.#kept.set(session, own.take());
  }

  /** Writes as many sessions as fit; true when there are more. */
  read(target: PieceBuffer): boolean {
    for (; this.#next < this.#sessions.length; this.#next += 1) {
      const session = this.#sessions[this.#next] as Session;
      const kept = this.#kept.get(session);
      if (!target.fits(kept?.length ?? this.#form.byteLength(session))) return true;
      if (kept === undefined) this.#form.write(session, target);
      else target.append(kept);
      this.#kept.delete(session);
      session.cutId = this.#id;
    }
    this.close();
    return false;
  }
}
