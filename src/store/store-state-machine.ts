/**
 * The replicated map, with the sessions that make its writes exactly-once.
 *
 * Values stay encoded, as strings with a character for each byte: of all immutable copies that can
 * be made from shared memory it is the cheapest (60 ns for 100 bytes; a `Uint8Array` takes 345), it
 * needs no decoding, and cas compares two of them with `===`.
 */
import { RaftError } from '../errors.js';
import { BatchReader, type ByteRange, checkPayload, commandFlag, op } from './command.js';
import { digestKeys, digestSessions } from './digest.js';
import { readImage, writeImage } from './image.js';
import { type Outcome, outcome } from './outcome.js';
import { ReadReplyWriter } from './reply.js';
import {
  logIndexMax,
  recall,
  recordedIndex,
  recordedOutcome,
  type Session,
  type SessionLimits,
  SessionTable,
} from './session.js';
import type { ResultSink, StateMachine } from './state-machine.js';

/** Up to here V8 can always make room in a Map, whatever was deleted before (it ends at 2^24). */
const keysLimit = 2 ** 23;

/** Replicated limits: every member of a cluster is given the same ones, for ever. */
export interface StoreOptions extends SessionLimits {
  /** Keys that the map holds, 1 to 8,388,608 (the default). A `set` of one more ends as `full`. */
  readonly keysMax?: number;
}

export class StoreStateMachine implements StateMachine {
  readonly #options: StoreOptions;
  readonly #keysMax: number;
  #values = new Map<string, string>();
  #sessions: SessionTable;
  /** The newest entry that was applied since the start or the last `restore`. */
  #lastApplied = 0;

  readonly #reader = new BatchReader();
  readonly #queryReader = new BatchReader();
  readonly #reply = new ReadReplyWriter();

  constructor(options: StoreOptions = {}) {
    const { keysMax = keysLimit } = options;
    if (!Number.isSafeInteger(keysMax) || keysMax < 1 || keysMax > keysLimit) {
      const expected = `a whole number from 1 to ${keysLimit}`;
      throw new RaftError('RAFT_INVALID_OPTION', `keysMax is ${expected}, not ${keysMax}`, {
        details: { option: 'keysMax' },
      });
    }
    this.#options = options;
    this.#keysMax = keysMax;
    this.#sessions = new SessionTable(options);
  }

  /** Keys in the map. */
  get size(): number {
    return this.#values.size;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** The encoded value, a character for each byte; see `decodeStored`. */
  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** All keys with their encoded values. */
  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }

  apply(payload: ByteRange, index: number, sink?: ResultSink): void {
    const reader = this.#reader;
    if (!(index > this.#lastApplied && index <= logIndexMax)) {
      const expected = `a log index after ${this.#lastApplied}`;
      throw new RaftError('RAFT_BROKEN_INVARIANT', `apply takes ${expected}, not ${index}`);
    }
    checkPayload(payload, reader);
    this.#lastApplied = index;
    reader.reset(payload);
    while (reader.nextBatch()) {
      const waiting = sink?.begin(reader) === true ? sink : undefined;
      if (reader.clientId === 0) this.#applyWithoutSession(index, waiting);
      else this.#applyInSession(index, waiting);
      waiting?.end();
    }
  }

  query(request: ByteRange, index: number, region: ByteRange): number {
    const reader = this.#queryReader;
    reader.reset(request);
    this.#reply.reset(region);
    if (!reader.nextBatch()) throw noRead('an empty request');
    while (reader.nextCommand()) {
      if (reader.op !== op.get) throw noRead(`operation ${reader.op}`);
      if (!this.#reply.push(this.#values.get(reader.key()))) return -1;
    }
    return this.#reply.finish(reader.requestId, index);
  }

  snapshot(): Uint8Array {
    return writeImage({ values: this.#values, sessions: this.#sessions });
  }

  restore(image: Uint8Array): void {
    const sessions = new SessionTable(this.#options);
    this.#values = readImage(image, sessions);
    this.#sessions = sessions;
    this.#lastApplied = 0;
  }

  digest(): string {
    return `${digestKeys(this.#values)}-${digestSessions(this.#sessions)}`;
  }

  #applyWithoutSession(index: number, sink: ResultSink | undefined): void {
    const reader = this.#reader;
    while (reader.nextCommand()) {
      if (reader.op === op.register) {
        const clientId = this.#sessions.register();
        sink?.registered(clientId, index);
      } else {
        const code = this.#applyCommand(reader);
        sink?.push(code, index, this.#currentFor(code));
      }
    }
  }

  #applyInSession(index: number, sink: ResultSink | undefined): void {
    const reader = this.#reader;
    const session = this.#sessions.open(reader.clientId, reader);
    let serial = reader.firstSerial;
    while (reader.nextCommand()) {
      if (session === undefined) sink?.push(outcome.sessionExpired, index);
      else this.#applyOnce(session, serial, index, sink);
      serial++;
    }
  }

  #applyOnce(session: Session, serial: number, index: number, sink: ResultSink | undefined): void {
    const record = session.recall(serial);
    if (record === recall.unseen) {
      const code = this.#applyCommand(this.#reader);
      session.record(serial, code, index);
      sink?.push(code, index, this.#currentFor(code));
    } else if (record === recall.answeredLongAgo) {
      sink?.push(outcome.answeredLongAgo, index);
    } else {
      sink?.push(recordedOutcome(record), recordedIndex(record));
    }
  }

  #applyCommand(reader: BatchReader): Outcome {
    switch (reader.op) {
      case op.set:
        return this.#set(reader.key(), reader);
      case op.delete:
        return this.#values.delete(reader.key()) ? outcome.ok : outcome.absent;
      case op.cas:
        return this.#cas(reader);
      default:
        return outcome.refused;
    }
  }

  #set(key: string, reader: BatchReader): Outcome {
    const values = this.#values;
    if (values.size >= this.#keysMax && !values.has(key)) return outcome.full;
    values.set(key, reader.value());
    return outcome.ok;
  }

  #cas(reader: BatchReader): Outcome {
    const key = reader.key();
    const current = this.#values.get(key);
    if ((reader.flags & commandFlag.expectsAbsent) !== 0) {
      return current === undefined ? this.#set(key, reader) : outcome.mismatch;
    }
    if (current === undefined) return outcome.absent;
    return current === reader.expected() ? this.#set(key, reader) : outcome.mismatch;
  }

  /** What the cas found that the reader stands at, if its client wants to know. */
  #currentFor(code: Outcome): string | undefined {
    const reader = this.#reader;
    const isWanted = code === outcome.mismatch && (reader.flags & commandFlag.wantsCurrent) !== 0;
    return isWanted ? this.#values.get(reader.key()) : undefined;
  }
}

function noRead(found: string): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', `a batch of reads holds gets only, not ${found}`);
}
