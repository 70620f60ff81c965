/**
 * From the answer to a batch back to its calls.
 *
 * One frozen result settles all plain sets of a batch, since they stand in one log entry.
 */
import { RaftError } from '../errors.js';
import type { Batch, Reject } from './client-batch.js';
import { machineFailed, malformed, sessionExpired, wrongMachine } from './client-failure.js';
import { op } from './command.js';
import { outcome, outcomeName } from './outcome.js';
import type { ReplyReader } from './reply.js';
import type { CasResult, DeleteResult, SetResult, SubmitResult } from './store.js';
import { decodeValue, type Value } from './value.js';

/**
 * Settles the calls of a write. False, with nothing settled, if the session has expired: the
 * commands were not applied.
 */
export function answerWrites(batch: Batch, reader: ReplyReader): boolean {
  if (reader.count !== batch.commands) throw malformed(batch);
  if (reader.isAllOk && (batch.isWhole || isPlain(batch))) {
    const result = setResult(reader.replyIndex);
    for (const resolve of batch.resolves) resolve(result);
    return true;
  }
  if (!reader.next()) throw malformed(batch);
  if (reader.outcome === outcome.sessionExpired) return false;
  if (batch.isWhole) answerWhole(batch, reader);
  else answerEach(batch, reader);
  return true;
}

/** The id of the client, from the answer to a registration. */
export function answerRegistration(batch: Batch, reader: ReplyReader): number {
  if (!reader.next() || reader.outcome !== outcome.registered) throw malformed(batch);
  return reader.clientId();
}

/** Settles the calls of a read. A value that cannot be decoded fails its own call only. */
export function answerReads(batch: Batch, reader: ReplyReader): void {
  if (reader.count !== batch.commands) throw malformed(batch);
  if (batch.isWhole) {
    const values: (Value | undefined)[] = [];
    while (reader.next()) values.push(valueAt(reader));
    batch.resolves[0]?.(values);
    return;
  }
  const isQuestion = batch.codes[0] === op.query;
  for (const [at, resolve] of batch.resolves.entries()) {
    reader.next();
    try {
      resolve(isQuestion ? answerAt(batch, reader) : valueAt(reader));
    } catch (error) {
      batch.rejects[at]?.(error);
    }
  }
}

function answerEach(batch: Batch, reader: ReplyReader): void {
  // The reader stands at the first outcome.
  for (const [at, code] of batch.codes.entries()) {
    const reject = batch.rejects[at];
    const failure = failureOf(batch, reader);
    if (code === op.command && failure === undefined) answerCommand(batch, at, reader);
    else if (failure === undefined) batch.resolves[at]?.(resultOf(code, reader));
    else if (reject) reject(failure);
    reader.next();
  }
}

/** A result that cannot be decoded fails its own call only; the command was done. */
function answerCommand(batch: Batch, at: number, reader: ReplyReader): void {
  try {
    const result = { index: reader.index, result: answerAt(batch, reader) };
    batch.resolves[at]?.(Object.freeze(result satisfies SubmitResult));
  } catch (error) {
    batch.rejects[at]?.(error);
  }
}

/** All at once or not at all, as far as the store had room: part of it is neither. */
function answerWhole(batch: Batch, reader: ReplyReader): void {
  const { index } = reader;
  let done = 0;
  let failure: RaftError | undefined;
  do {
    const refused = failureOf(batch, reader);
    if (refused === undefined) done += 1;
    failure ??= refused;
  } while (reader.next());
  if (failure === undefined) batch.resolves[0]?.(setResult(index));
  else rejectWhole(batch.rejects[0], failure, { done, count: batch.commands });
}

function rejectWhole(
  reject: Reject | undefined,
  failure: RaftError,
  { done, count }: { done: number; count: number },
): void {
  if (done === 0) {
    reject?.(failure);
    return;
  }
  const message = `${done} of ${count} entries were set; ${failure.message}`;
  const details = { ...failure.details, outcome: 'unknown', done } as const;
  reject?.(new RaftError(failure.code, message, { cause: failure, details }));
}

/** Why the command at the reader was not done; `undefined` for all that a caller has to expect. */
function failureOf(batch: Batch, reader: ReplyReader): RaftError | undefined {
  switch (reader.outcome) {
    case outcome.ok:
    case outcome.absent:
    case outcome.mismatch:
    case outcome.done:
      return undefined;
    case outcome.full:
      return new RaftError('RAFT_OVERLOADED', 'the store holds as many keys as it may', {
        details: { outcome: 'rejected' },
      });
    case outcome.answeredLongAgo:
    case outcome.sessionExpired:
      return sessionExpired(batch);
    case outcome.refused:
      return wrongMachine();
    case outcome.failed:
      return machineFailed(`the state machine threw: ${valueAt(reader)}`, 'rejected');
    case outcome.resultLost:
      return machineFailed(`done, but its result is lost: ${valueAt(reader)}`, 'unknown');
    default:
      return new RaftError('RAFT_BROKEN_INVARIANT', `outcome ${outcomeName(reader.outcome)}`, {
        details: { outcome: 'rejected' },
      });
  }
}

function resultOf(code: number, { outcome: found, index }: ReplyReader): object {
  const isOk = found === outcome.ok;
  if (code === op.delete) return Object.freeze({ index, existed: isOk } satisfies DeleteResult);
  if (code === op.cas || code === op.stage || code === op.adopt)
    return Object.freeze({ index, succeeded: isOk } satisfies CasResult);
  return setResult(index);
}

function setResult(index: number): SetResult {
  return Object.freeze({ index });
}

/** What a machine of the user's gave. */
function answerAt(batch: Batch, reader: ReplyReader): Value {
  const failure = failureOf(batch, reader);
  if (failure) throw failure;
  if (reader.outcome !== outcome.done || !reader.hasValue) throw malformed(batch);
  return valueAt(reader);
}

function valueAt(reader: ReplyReader): Value | undefined {
  if (!reader.hasValue) return undefined;
  return decodeValue(reader.bytes, reader.valueStart, reader.valueEnd);
}

function isPlain(batch: Batch): boolean {
  for (const code of batch.codes) if (code !== op.set) return false;
  return true;
}
