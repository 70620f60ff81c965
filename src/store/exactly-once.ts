/**
 * The entries of a log on their way through the sessions into a machine: a command is done once,
 * however often it comes, and what became of it is told each time (dissertation §6.3).
 *
 *     payload ──batches──> session: seen before? ──no──> done ──> outcome, kept for repeats
 *                                        └──yes──> the first outcome, or that it is forgotten
 */
import { RaftError } from '../errors.js';
import { BatchReader, type ByteRange, op } from './command.js';
import { type Outcome, outcome } from './outcome.js';
import {
  logIndexMax,
  recall,
  recordedIndex,
  recordedOutcome,
  type Session,
  type SessionTable,
} from './session.js';
import type { SessionResults } from './session-results.js';
import type { BatchHeader, ResultSink } from './state-machine.js';

/** What stands behind the sessions. */
export interface Commands {
  /** Looks at a whole entry; throws for one that no client can have written. */
  check(payload: ByteRange): void;
  /** What a sink is told of the batch that the reader stands at. */
  header(reader: BatchReader): BatchHeader;
  /** Does the command that the reader stands at. */
  do(reader: BatchReader, index: number): Outcome;
  /** What is given beside this outcome of the command that was done last: the reader is there. */
  valueFor(code: Outcome, reader: BatchReader): string | undefined;
}

/** What is remembered of the clients. */
export interface SessionMemory {
  readonly sessions: SessionTable;
  /** Of a machine whose values are given to repeats as well. */
  readonly results?: SessionResults;
}

export class ExactlyOnce<Memory extends SessionMemory = SessionMemory> {
  readonly #commands: Commands;
  readonly #reader = new BatchReader();
  #memory: Memory;
  /** The newest entry that was applied since the start or the last `restore`. */
  #lastApplied = 0;

  constructor(commands: Commands, memory: Memory) {
    this.#commands = commands;
    this.#memory = memory;
  }

  get memory(): Memory {
    return this.#memory;
  }

  /** Goes on from another state, at whichever index. */
  restore(memory: Memory): void {
    this.#memory = memory;
    this.#lastApplied = 0;
  }

  /** As `StateMachine.apply` has it. */
  apply(payload: ByteRange, index: number, sink: ResultSink | undefined): void {
    if (!(index > this.#lastApplied && index <= logIndexMax)) {
      const expected = `a log index after ${this.#lastApplied}`;
      throw new RaftError('RAFT_BROKEN_INVARIANT', `apply takes ${expected}, not ${index}`);
    }
    this.#commands.check(payload);
    this.#lastApplied = index;
    const reader = this.#reader;
    reader.reset(payload);
    while (reader.nextBatch()) {
      const waiting = sink?.begin(this.#commands.header(reader)) === true ? sink : undefined;
      if (reader.clientId === 0) this.#applyWithoutSession(index, waiting);
      else this.#applyInSession(index, waiting);
      waiting?.end();
    }
  }

  #applyWithoutSession(index: number, sink: ResultSink | undefined): void {
    const reader = this.#reader;
    while (reader.nextCommand()) {
      if (reader.op === op.register) {
        const clientId = this.#memory.sessions.register();
        sink?.registered(clientId, index);
      } else {
        const code = this.#commands.do(reader, index);
        sink?.push(code, index, this.#commands.valueFor(code, reader));
      }
    }
  }

  #applyInSession(index: number, sink: ResultSink | undefined): void {
    const reader = this.#reader;
    const session = this.#memory.sessions.open(reader.clientId, reader);
    if (session) this.#memory.results?.forgetBelow(session);
    let serial = reader.firstSerial;
    while (reader.nextCommand()) {
      if (session === undefined) sink?.push(outcome.sessionExpired, index);
      else this.#applyOnce(session, serial, index, sink);
      serial++;
    }
  }

  #applyOnce(session: Session, serial: number, index: number, sink: ResultSink | undefined): void {
    const reader = this.#reader;
    const { results } = this.#memory;
    const record = session.recall(serial);
    if (record === recall.unseen) {
      const code = this.#commands.do(reader, index);
      session.record(serial, code, index);
      results?.keep(session, serial, this.#commands.valueFor(code, reader));
      sink?.push(code, index, this.#commands.valueFor(code, reader));
    } else if (record === recall.answeredLongAgo) {
      sink?.push(outcome.answeredLongAgo, index);
    } else {
      const value = results?.of(session, serial);
      sink?.push(recordedOutcome(record), recordedIndex(record), value);
    }
  }
}
