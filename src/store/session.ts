/**
 * Exactly-once: the part of the replicated state that remembers what a client was already told
 * (dissertation §6.3).
 *
 * A client registers once and numbers its commands from 1. For each client the table keeps the
 * outcomes of a window of serial numbers. A command whose number has an outcome is not applied
 * again; the outcome and the log index of its first application are given once more.
 *
 *              floor                    highest
 *     ---------|--------------------------|--------------->  serial
 *      answered  ok  ok  -  ok  mismatch      not seen yet
 *      long ago          ^ never arrived: applied when it does
 *
 * Everything here follows from the log alone, so all replicas know the same clients at the same
 * index: no clock, and the clients that go when there are too many are those whose last batch is
 * the oldest in the log.
 */
import { RaftError } from '../errors.js';
import type { Outcome } from './outcome.js';

/** An outcome and its log index in one double: exact up to the index 2^49. */
const outcomeShare = 16;
export const logIndexMax: number = 2 ** 49 - 1;

/** 8 doubles: V8 still keeps them in the object itself, so a client of few words costs little. */
const windowSizeMin = 8;

export interface SessionLimits {
  /** Clients that are remembered, whole number > 0. Default 10,000. */
  readonly sessionsMax?: number;
  /**
   * Serial numbers a client can have under way, whole number > 0, default 8,192. One that is this
   * far below the newest is answered as long ago even if the client still waits for it.
   */
  readonly serialWindowMax?: number;
}

/** A recorded outcome, or why there is none. */
export const recall = { unseen: 0, answeredLongAgo: -1 } as const;

export class Session {
  readonly clientId: number;
  /** Numbers below it are forgotten. Never goes back. */
  floor = 1;
  /** The newest number seen. Invariant: highest - floor < results.length. */
  highest = 0;
  /** Ring of recorded outcomes, a power of two long; 0 where none is. */
  results: Float64Array = new Float64Array(windowSizeMin);
  /** The newest cut that it is of no more interest to; no part of the state. */
  cutId = 0;

  constructor(clientId: number) {
    this.clientId = clientId;
  }

  /** What is recorded for `serial`: a record, or one of `recall`. */
  recall(serial: number): number {
    if (serial < this.floor) return recall.answeredLongAgo;
    return this.results[serial & (this.results.length - 1)] ?? recall.unseen;
  }

  record(serial: number, code: Outcome, index: number): void {
    this.results[serial & (this.results.length - 1)] = index * outcomeShare + code;
  }

  /**
   * Makes the window ready for `count` commands from `firstSerial` on.
   *
   * A batch that is longer than the window widens it for its own time: it may never push its own
   * first command out, which would then be answered without having been applied.
   */
  open(batch: BatchSerials, serialWindowMax: number): void {
    const { firstSerial, count, lowestSerial } = batch;
    const highest = Math.max(this.highest, firstSerial + count - 1);
    const slid = Math.min(firstSerial, highest - serialWindowMax + 1);
    const floor = Math.max(this.floor, lowestSerial, slid);
    const span = highest - floor + 1;
    if (span > this.results.length || this.#isOversized(span, serialWindowMax)) {
      this.#resize(floor, span);
    }
    this.#forget(Math.max(this.highest + 1, floor), highest);
    this.floor = floor;
    this.highest = highest;
  }

  /** The window was widened for one long batch, and is far too wide by now. */
  #isOversized(span: number, serialWindowMax: number): boolean {
    return this.results.length >= 4 * serialWindowMax && span <= serialWindowMax;
  }

  #resize(floor: number, span: number): void {
    const old = this.results;
    const size = windowSize(span);
    const results = new Float64Array(size);
    for (let serial = floor; serial <= this.highest; serial++) {
      results[serial & (size - 1)] = old[serial & (old.length - 1)] ?? recall.unseen;
    }
    this.results = results;
  }

  /** Clears the slots of numbers not seen before: older numbers stood there. */
  #forget(from: number, to: number): void {
    const mask = this.results.length - 1;
    for (let serial = from; serial <= to; serial++) this.results[serial & mask] = recall.unseen;
  }
}

/** The serial numbers of a batch, as its header gives them. */
export interface BatchSerials {
  readonly firstSerial: number;
  readonly count: number;
  readonly lowestSerial: number;
}

/** Is told of a session before it is opened. */
export interface SessionWatcher {
  keep(session: Session): void;
}

export class SessionTable {
  readonly sessionsMax: number;
  readonly serialWindowMax: number;
  /** Ids are given in order, from 1, and never twice. */
  lastClientId = 0;

  /** From least to most recently used; a Map keeps the order of insertion. */
  readonly #sessions = new Map<number, Session>();
  #newest: Session | undefined;
  readonly #watchers = new Set<SessionWatcher>();
  #cutId = 0;

  constructor({ sessionsMax = 10_000, serialWindowMax = 8_192 }: SessionLimits = {}) {
    requireCount('sessionsMax', sessionsMax);
    requireCount('serialWindowMax', serialWindowMax);
    this.sessionsMax = sessionsMax;
    this.serialWindowMax = serialWindowMax;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Opens a session and gives its id.
   *
   * The id is a number of its own and not the log index of the registration: many clients may
   * register in the batches of one entry, and they all have that index.
   */
  register(): number {
    const session = new Session(++this.lastClientId);
    session.cutId = this.#cutId;
    if (this.#sessions.size >= this.sessionsMax) this.#evict();
    this.add(session);
    return session.clientId;
  }

  /** Adds a session as the most recently used one. */
  add(session: Session): void {
    this.#sessions.set(session.clientId, session);
    this.#newest = session;
  }

  /** The session, ready for the batch and from now on the most recently used; undefined if gone. */
  open(clientId: number, batch: BatchSerials): Session | undefined {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return undefined;
    if (this.#watchers.size > 0) {
      for (const watcher of this.#watchers) watcher.keep(session);
    }
    if (session !== this.#newest) {
      this.#sessions.delete(clientId);
      this.add(session);
    }
    session.open(batch, this.serialWindowMax);
    return session;
  }

  /**
   * Tells `watcher` of the sessions that are opened from now on. Gives a number: sessions with it
   * as their `cutId` were registered later, as long as nobody else begins to watch.
   */
  watch(watcher: SessionWatcher): number {
    this.#watchers.add(watcher);
    this.#cutId += 1;
    return this.#cutId;
  }

  unwatch(watcher: SessionWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** All sessions, from least to most recently used. */
  values(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  #evict(): void {
    for (const clientId of this.#sessions.keys()) {
      this.#sessions.delete(clientId);
      return;
    }
  }
}

/** The outcome in a record. */
export function recordedOutcome(record: number): Outcome {
  return (record % outcomeShare) as Outcome;
}

/** The log index in a record. */
export function recordedIndex(record: number): number {
  return Math.floor(record / outcomeShare);
}

/** The smallest ring for a span of serial numbers. */
export function windowSize(span: number): number {
  let size = windowSizeMin;
  while (size < span) size *= 2;
  return size;
}

function requireCount(option: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new RaftError('RAFT_INVALID_OPTION', `${option} is a whole number > 0, not ${value}`, {
    details: { option },
  });
}
