/**
 * The replicated map, with the sessions that make its writes exactly-once.
 *
 * Keys and values stay encoded, in flat memory of the replica's own (`byte-map.ts`): applying a set
 * is one copy, and nothing is left for the garbage collector.
 */
import { RaftError } from '../errors.js';
import { ByteMap, type ByteRecord } from './byte-map.js';
import { BatchReader, type ByteRange, commandFlag, op, viewOf } from './command.js';
import { digestKeys, digestSessions } from './digest.js';
import { ExactlyOnce } from './exactly-once.js';
import { keysLimit, StoreImage, StoreIntake } from './image.js';
import { type Outcome, outcome } from './outcome.js';
import { ReadReplyWriter } from './reply.js';
import { type SessionLimits, SessionTable } from './session.js';
import { Staging } from './staging.js';
import type { StateImage, StateIntake } from './state-image.js';
import type { ResultSink, StateMachine } from './state-machine.js';
import { readLatin1, readUtf8 } from './text.js';

/** Records that are fetched ahead: as many as fit into a second-level cache with their entry. */
const touchedMax = 2048;

/** Replicated limits: every member of a cluster is given the same ones, for ever. */
export interface StoreOptions extends SessionLimits {
  /** Keys that the map holds, 1 to 8,388,608 (the default). A `set` of one more ends as `full`. */
  readonly keysMax?: number;
}

export class StoreStateMachine implements StateMachine {
  readonly #options: StoreOptions;
  readonly #keysMax: number;
  #values = new ByteMap();
  readonly #entries: ExactlyOnce;
  #staging: Staging = this.#newStaging();

  readonly #reader = new BatchReader();
  readonly #addresses = new Int32Array(touchedMax);
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
    this.#entries = new ExactlyOnce(
      {
        check: (payload) => this.#prepare(payload),
        header: (reader) => reader,
        do: (reader) => this.#applyCommand(reader),
        valueFor: (code, reader) => this.#currentFor(code, reader),
      },
      { sessions: new SessionTable(options) },
    );
  }

  /** Keys in the map. */
  get size(): number {
    return this.#values.size;
  }

  get sessionCount(): number {
    return this.#entries.memory.sessions.size;
  }

  /** The encoded value, a character for each byte; see `decodeStored`. */
  get(key: string): string | undefined {
    const bytes = Buffer.from(key);
    const record = this.#values.find({ bytes, view: viewOf(bytes) }, 0, bytes.length);
    return record && valueText(record);
  }

  /** All keys with their encoded values, in no order that means anything. */
  entries(): [string, string][] {
    const entries: [string, string][] = [];
    this.#values.forEach((record) => {
      entries.push([readUtf8(record.bytes, record.keyStart, record.keyEnd), valueText(record)]);
    });
    return entries;
  }

  apply(payload: ByteRange, index: number, sink?: ResultSink): void {
    this.#entries.apply(payload, index, sink);
  }

  query(request: ByteRange, index: number, region: ByteRange): number {
    const reader = this.#queryReader;
    reader.reset(request);
    this.#reply.reset(region);
    if (!reader.nextBatch()) throw noRead('an empty request');
    while (reader.nextCommand()) {
      if (reader.op !== op.get) throw noGet(reader.op);
      if (!this.#reply.push(this.#find(reader))) return -1;
    }
    return this.#reply.finish(reader.requestId, index);
  }

  snapshot(): StateImage {
    const { sessions } = this.#entries.memory;
    return new StoreImage({ values: this.#values, sessions, staging: this.#staging });
  }

  restore(): StateIntake {
    const sessions = new SessionTable(this.#options);
    const staging = this.#newStaging();
    return new StoreIntake({ sessions, staging }, (values) => {
      this.#values = values;
      this.#staging = staging;
      this.#entries.restore({ sessions });
    });
  }

  /** An import puts other values in the place of these; who writes here goes on in its session. */
  #newStaging(): Staging {
    return new Staging(() => {
      const sessions = new SessionTable(this.#options);
      const state = { sessions, staging: this.#newStaging() };
      return new StoreIntake(state, (values) => {
        this.#values = values;
      });
    });
  }

  digest(): string {
    const { importId, byteLength } = this.#staging.staged;
    const staged = importId === 0 ? '' : `-${importId}:${byteLength}`;
    const { sessions } = this.#entries.memory;
    return `${digestKeys(this.#values)}-${digestSessions(sessions)}${staged}`;
  }

  /**
   * Checks a whole entry before anything of it has an effect, and brings the records that it is
   * about into the caches, all at once.
   */
  #prepare(payload: ByteRange): void {
    const reader = this.#reader;
    const addresses = this.#addresses;
    let count = 0;
    reader.reset(payload);
    while (reader.nextBatch()) {
      while (reader.nextCommand()) {
        if (count === addresses.length) continue;
        addresses[count] = this.#values.guess(reader, reader.keyStart, reader.keyEnd);
        count += 1;
      }
    }
    this.#values.touch(addresses, count);
  }

  #applyCommand(reader: BatchReader): Outcome {
    switch (reader.op) {
      case op.set:
        return this.#set(reader);
      case op.delete:
        return this.#delete(reader);
      case op.cas:
        return this.#cas(reader);
      case op.stage:
        return this.#staging.stage(reader);
      case op.adopt:
        return this.#adopt(reader);
      default:
        return outcome.refused;
    }
  }

  #adopt(reader: BatchReader): Outcome {
    try {
      return this.#staging.adopt(reader);
    } catch {
      return outcome.refused;
    }
  }

  #find(reader: BatchReader): ByteRecord | undefined {
    return this.#values.find(reader, reader.keyStart, reader.keyEnd);
  }

  #set(reader: BatchReader): Outcome {
    const values = this.#values;
    if (values.size >= this.#keysMax && this.#find(reader) === undefined) return outcome.full;
    values.set(reader, reader.keyStart, reader.keyEnd, reader.valueEnd);
    return outcome.ok;
  }

  #delete(reader: BatchReader): Outcome {
    const existed = this.#values.delete(reader, reader.keyStart, reader.keyEnd);
    return existed ? outcome.ok : outcome.absent;
  }

  #cas(reader: BatchReader): Outcome {
    const current = this.#find(reader);
    if ((reader.flags & commandFlag.expectsAbsent) !== 0) {
      return current === undefined ? this.#set(reader) : outcome.mismatch;
    }
    if (current === undefined) return outcome.absent;
    return isExpected(current, reader) ? this.#set(reader) : outcome.mismatch;
  }

  /** What the cas found that the reader stands at, if its client wants to know. */
  #currentFor(code: Outcome, reader: BatchReader): string | undefined {
    if (code !== outcome.mismatch || (reader.flags & commandFlag.wantsCurrent) === 0) {
      return undefined;
    }
    const record = this.#find(reader);
    return record && valueText(record);
  }
}

function isExpected({ bytes, valueStart, valueEnd }: ByteRecord, reader: BatchReader): boolean {
  const { valueEnd: start, expectedEnd: end } = reader;
  return bytes.compare(reader.bytes, start, end, valueStart, valueEnd) === 0;
}

function valueText({ bytes, valueStart, valueEnd }: ByteRecord): string {
  return readLatin1(bytes, valueStart, valueEnd);
}

function noGet(code: number): RaftError {
  if (code !== op.query) return noRead(`operation ${code}`);
  return new RaftError('RAFT_WRONG_MACHINE', 'a key-value store answers no questions');
}

function noRead(found: string): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', `a batch of reads holds gets only, not ${found}`);
}
