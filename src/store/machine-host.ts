/**
 * A machine of the user's as the state machine of a replica: with the sessions before it that make
 * its commands exactly-once, and with its values decoded and encoded.
 *
 *     payload ──batches──> session: seen before? ──no──> machine.apply ──> result, kept for repeats
 *                                        └──yes──> the first result, or none if it was forgotten
 */
import { isRaftError, RaftError } from '../errors.js';
import { BatchReader, type ByteRange, checkPayload, op } from './command.js';
import { digestBytes } from './digest.js';
import { ExactlyOnce } from './exactly-once.js';
import { type Machine, resultBytesMax } from './machine.js';
import { MachineImage, MachineIntake, type MachineMemory } from './machine-image.js';
import { type Outcome, outcome } from './outcome.js';
import { AnswerReplyWriter } from './reply.js';
import { type SessionLimits, SessionTable } from './session.js';
import { SessionResults } from './session-results.js';
import { Staging } from './staging.js';
import { bytesOf, type StateImage, type StateIntake } from './state-image.js';
import type { BatchHeader, ResultSink, StateMachine } from './state-machine.js';
import { readLatin1 } from './text.js';
import { decodeValue, encodeValue, type Value, valueByteLength } from './value.js';

/** Encoded bytes of the longest answer to a question. */
const answerBytesMax = 2 ** 24;
/** Characters of what a machine threw that its caller is told: they fit into a result. */
const messageMax = 1000;
/** Bytes of all results of a batch at most: half of the largest ring of a link. */
const resultsBytesMax = 2 ** 25;

/** How a command or a question ended, with an encoded value, a character for each byte. */
interface Ending {
  readonly code: Outcome;
  readonly value?: string;
}

export class MachineHost implements StateMachine {
  readonly size = 0;
  readonly #machine: Machine;
  readonly #limits: SessionLimits;
  readonly #entries: ExactlyOnce<MachineMemory>;
  #staging: Staging = this.#newStaging();
  /** What goes with the outcome of the command that was applied last. */
  #value: string | undefined;

  readonly #reader = new BatchReader();
  readonly #queryReader = new BatchReader();
  readonly #reply = new AnswerReplyWriter();
  #scratch: Buffer = Buffer.allocUnsafeSlow(2 ** 16);

  constructor(machine: Machine, limits: SessionLimits = {}) {
    this.#machine = machine;
    this.#limits = limits;
    this.#entries = new ExactlyOnce(
      {
        check: (payload) => checkPayload(payload, this.#reader),
        header: headerOf,
        do: (reader, index) => this.#applyCommand(reader, index),
        valueFor: () => this.#value,
      },
      this.#newMemory(),
    );
  }

  apply(payload: ByteRange, index: number, sink?: ResultSink): void {
    this.#entries.apply(payload, index, sink);
  }

  query(request: ByteRange, index: number, region: ByteRange): number {
    const reader = this.#queryReader;
    reader.reset(request);
    this.#reply.reset(region);
    if (!reader.nextBatch()) throw noQuestion('an empty request');
    while (reader.nextCommand()) {
      if (reader.op === op.get) throw noKeys();
      if (reader.op !== op.query) throw noQuestion(`operation ${reader.op}`);
      const { code, value = '' } = this.#answer(reader);
      if (!this.#reply.push(code, index, value)) return -1;
    }
    return this.#reply.finish(reader.requestId, index);
  }

  snapshot(): StateImage {
    const { sessions, results } = this.#entries.memory;
    const staging = this.#staging;
    return new MachineImage({ sessions, results, staging, machine: this.#pieces() });
  }

  restore(): StateIntake {
    const memory = this.#newMemory();
    const staging = this.#newStaging();
    return new MachineIntake({ ...memory, staging }, (image) => {
      this.#restoreMachine(image);
      this.#staging = staging;
      this.#entries.restore(memory);
    });
  }

  #newMemory(): MachineMemory {
    return { sessions: new SessionTable(this.#limits), results: new SessionResults() };
  }

  /**
   * An import puts another state in the place of the machine's; who writes here goes on in its
   * session. A machine that cannot take it gets back what it had.
   */
  #newStaging(): Staging {
    return new Staging(() => {
      const state = { ...this.#newMemory(), staging: this.#newStaging() };
      return new MachineIntake(state, (image) => {
        const before = Buffer.concat([...this.#pieces()].map((piece) => Uint8Array.from(piece)));
        try {
          this.#restoreMachine(image);
        } catch (error) {
          this.#putBack(before);
          throw error;
        }
      });
    });
  }

  #putBack(image: Uint8Array): void {
    try {
      this.#machine.restore(image);
    } catch (cause) {
      const message = 'the state machine takes back not even what it gave';
      throw new RaftError('RAFT_BROKEN_INVARIANT', message, { cause });
    }
  }

  #restoreMachine(image: Uint8Array): void {
    try {
      this.#machine.restore(image);
    } catch (cause) {
      throw machineFailed('restore', cause);
    }
  }

  digest(): string {
    return digestBytes(bytesOf(this.snapshot()));
  }

  #applyCommand(reader: BatchReader, index: number): Outcome {
    const { code, value } = this.#endingOf(reader, index);
    this.#value = value;
    return code;
  }

  #endingOf(reader: BatchReader, index: number): Ending {
    if (reader.op === op.stage) return { code: this.#staging.stage(reader) };
    if (reader.op === op.adopt) return this.#adopt(reader);
    if (reader.op !== op.command) return { code: outcome.refused };
    let result: Value;
    try {
      result = this.#machine.apply(valueAt(reader), index);
    } catch (error) {
      return { code: outcome.failed, value: this.#encodeMessage(messageOf(error)) };
    }
    try {
      const end = encodeValue(result, this.#scratch, 0, resultBytesMax);
      if (end >= 0) return { code: outcome.done, value: readLatin1(this.#scratch, 0, end) };
      const found = `it has ${valueByteLength(result)} encoded bytes`;
      const message = `${found}; at most ${resultBytesMax} are kept: ask for more by a query`;
      return { code: outcome.resultLost, value: this.#encodeMessage(message) };
    } catch (error) {
      return { code: outcome.resultLost, value: this.#encodeMessage(messageOf(error)) };
    }
  }

  #adopt(reader: BatchReader): Ending {
    try {
      return { code: this.#staging.adopt(reader) };
    } catch (error) {
      if (isRaftError(error, 'RAFT_BROKEN_INVARIANT')) throw error;
      return { code: outcome.failed, value: this.#encodeMessage(messageOf(error)) };
    }
  }

  #answer(reader: BatchReader): Ending {
    try {
      const answer = this.#machine.query(valueAt(reader));
      return { code: outcome.done, value: this.#encodeAnswer(answer) };
    } catch (error) {
      return { code: outcome.failed, value: this.#encodeMessage(messageOf(error)) };
    }
  }

  #encodeAnswer(answer: Value): string {
    let end = encodeValue(answer, this.#scratch, 0);
    if (end < 0) {
      const byteLength = valueByteLength(answer);
      if (byteLength > answerBytesMax) {
        throw new Error(`an answer of ${byteLength} encoded bytes; at most ${answerBytesMax}`);
      }
      this.#scratch = Buffer.allocUnsafeSlow(byteLength);
      end = encodeValue(answer, this.#scratch, 0);
    }
    return readLatin1(this.#scratch, 0, end);
  }

  #encodeMessage(message: string): string {
    const end = encodeValue(message.slice(0, messageMax), this.#scratch, 0);
    return readLatin1(this.#scratch, 0, end);
  }

  /** What the machine's snapshot gives, and whatever goes wrong at it with a name. */
  *#pieces(): Generator<Uint8Array> {
    let piece: unknown;
    try {
      const image: unknown = this.#machine.snapshot();
      const pieces = image instanceof Uint8Array ? [image] : (image as Iterable<unknown>);
      for (piece of pieces) {
        if (!(piece instanceof Uint8Array)) throw new TypeError(`it gave a ${typeof piece}`);
        yield piece;
      }
    } catch (cause) {
      throw machineFailed('snapshot', cause);
    }
  }
}

/** Every result gets its room, so that an answer never lacks one. */
function headerOf({
  clientId,
  firstSerial,
  originActor,
  requestId,
  count,
}: BatchReader): BatchHeader {
  const valueBytesMax = Math.min(count * resultBytesMax, resultsBytesMax);
  return { clientId, firstSerial, originActor, requestId, count, valueBytesMax };
}

function valueAt(reader: BatchReader): Value {
  return decodeValue(reader.bytes, reader.keyEnd, reader.valueEnd);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function machineFailed(method: string, cause: unknown): RaftError {
  const message = `the ${method} of the state machine failed: ${messageOf(cause)}`;
  return new RaftError('RAFT_MACHINE_FAILED', message, { cause });
}

function noKeys(): RaftError {
  return new RaftError('RAFT_WRONG_MACHINE', 'a state machine of the user’s has no keys');
}

function noQuestion(found: string): RaftError {
  const expected = 'a batch of reads holds questions only';
  return new RaftError('RAFT_BROKEN_INVARIANT', `${expected}, not ${found}`);
}
