/**
 * Frames between nodes as records that people read and that JSON carries: under the names of the
 * course project that scripts of chistributed come from, with the fields of the paper.
 *
 *     append-entries        appendEntries             with prevLogIndex
 *     heartbeat             appendEntries             without; roundTrip if it confirms a read
 *     pre-vote              preVote                   timeout-now   timeoutNow
 *     request-vote          requestVote
 *     redirect-write        redirectSet               a client batch on its way to the leader
 *     install-snapshot      installSnapshot           data in base64
 *     read-index            redirectGet               a question for the index to read at
 *
 * Answers have the same names and `Response` behind them. `record-frame.ts` is the way back.
 */
import type { Frame } from '../actor/mailbox.js';
import { assertNever } from '../errors.js';
import type { AppendEntriesResponse, Entry, Message } from '../raft/message.js';
import { BatchReader, commandFlag, op } from '../store/command.js';
import { clientFrame, refusalReason } from '../store/protocol.js';
import { decodeValue } from '../store/value.js';
import { decodeMessage, messageKind } from './wire.js';

/** What JSON can say. */
export type RecordValue = null | boolean | number | string | readonly RecordValue[] | RecordFields;

export interface RecordFields {
  readonly [name: string]: RecordValue;
}

/** One message between nodes. */
export interface MessageRecord {
  readonly type: string;
  /** Everything else, all of it plain. */
  readonly fields: RecordFields;
}

/** Reads a frame between nodes; `undefined` for any other. Nothing of the frame is kept. */
export function recordOf(frame: Frame): MessageRecord | undefined {
  switch (frame.kind) {
    case clientFrame.redirectWrite:
      return {
        type: 'redirectSet',
        fields: { id: frame.correlationId, commands: commandsOf(frame) },
      };
    case clientFrame.writeReply:
      return { type: 'redirectSetResponse', fields: { id: frame.correlationId } };
    case clientFrame.refusal: {
      const error = refusalReason(frame.bytes.readUInt32LE(frame.start));
      return { type: 'redirectSetResponse', fields: { id: frame.correlationId, error } };
    }
    default: {
      if (messageKind(frame.kind) === undefined) return undefined;
      const message = decodeMessage(frame, '', '');
      return message && recordOfMessage(message);
    }
  }
}

function recordOfMessage(message: Message): MessageRecord {
  const { kind, term } = message;
  switch (kind) {
    case 'append-entries': {
      const { prevLogIndex, prevLogTerm, leaderCommit, replicatedByAll } = message;
      const entries = message.entries.map(entryRecord);
      const fields = { term, prevLogIndex, prevLogTerm, entries, leaderCommit, replicatedByAll };
      return { type: 'appendEntries', fields };
    }
    case 'append-entries-response':
      return { type: 'appendEntriesResponse', fields: appendResponseFields(message) };
    case 'install-snapshot': {
      const { snapshotIndex, snapshotTerm, offset, isLast: done, bytes } = message;
      const data = Buffer.from(bytes).toString('base64');
      const fields = { term, snapshotIndex, snapshotTerm, offset, data, done };
      return { type: 'installSnapshot', fields };
    }
    case 'install-snapshot-response': {
      const { snapshotIndex, snapshotTerm, nextOffset } = message;
      const fields = { term, snapshotIndex, snapshotTerm, nextOffset };
      return { type: 'installSnapshotResponse', fields };
    }
    case 'heartbeat': {
      const { leaderCommit, replicatedByAll, readId, sentAt } = message;
      const fields = { term, entries: [], leaderCommit, replicatedByAll };
      if (readId === 0) return { type: 'appendEntries', fields: { ...fields, sentAt } };
      return { type: 'roundTrip', fields: { term, readId, leaderCommit, replicatedByAll, sentAt } };
    }
    case 'heartbeat-response': {
      const { readId, sentAt } = message;
      if (readId > 0) return { type: 'roundTripResponse', fields: { term, readId, sentAt } };
      return { type: 'appendEntriesResponse', fields: { term, success: true, sentAt } };
    }
    case 'request-vote': {
      const { lastLogIndex, lastLogTerm, isTransfer } = message;
      return { type: 'requestVote', fields: { term, lastLogIndex, lastLogTerm, isTransfer } };
    }
    case 'pre-vote': {
      const { lastLogIndex, lastLogTerm } = message;
      return { type: 'preVote', fields: { term, lastLogIndex, lastLogTerm } };
    }
    case 'request-vote-response':
      return { type: 'requestVoteResponse', fields: { term, voteGranted: message.granted } };
    case 'pre-vote-response':
      return { type: 'preVoteResponse', fields: { term, voteGranted: message.granted } };
    case 'timeout-now':
      return { type: 'timeoutNow', fields: { term } };
    case 'read-index':
      return { type: 'redirectGet', fields: { term, id: message.readId } };
    case 'read-index-response': {
      const { readId: id, readIndex, leaderCommit, refused = false } = message;
      return {
        type: 'redirectGetResponse',
        fields: { term, id, readIndex, leaderCommit, refused },
      };
    }
    default:
      return assertNever(kind);
  }
}

function appendResponseFields(message: AppendEntriesResponse): RecordFields {
  const { term, success, matchIndex, prevLogIndex, lastLogIndex } = message;
  const { conflictIndex, conflictTerm } = message;
  return {
    term,
    success,
    matchIndex,
    prevLogIndex,
    lastLogIndex,
    ...(conflictIndex === undefined ? {} : { conflictIndex }),
    ...(conflictTerm === undefined ? {} : { conflictTerm }),
  };
}

function entryRecord({ index, term, kind, payload }: Entry): RecordFields {
  if (kind !== 'command') return { index, term, kind };
  const { buffer, byteOffset, length } = payload;
  const bytes = Buffer.from(buffer, byteOffset, length);
  return { index, term, kind, commands: commandsOf({ bytes, start: 0, end: length }) };
}

/** The commands of a payload, over all of its batches. */
function commandsOf({ bytes, start, end }: Pick<Frame, 'bytes' | 'start' | 'end'>): RecordFields[] {
  const commands: RecordFields[] = [];
  const reader = new BatchReader();
  reader.reset({ bytes, start, end });
  while (reader.nextBatch()) while (reader.nextCommand()) commands.push(commandRecord(reader));
  return commands;
}

function commandRecord(reader: BatchReader): RecordFields {
  const { bytes, keyEnd, valueEnd, expectedEnd, flags } = reader;
  switch (reader.op) {
    case op.set:
      return { op: 'set', key: reader.key(), value: plain(decodeValue(bytes, keyEnd, valueEnd)) };
    case op.delete:
      return { op: 'delete', key: reader.key() };
    case op.cas: {
      const isAbsent = (flags & commandFlag.expectsAbsent) !== 0;
      const expected = isAbsent ? null : plain(decodeValue(bytes, valueEnd, expectedEnd));
      const value = plain(decodeValue(bytes, keyEnd, valueEnd));
      return { op: 'cas', key: reader.key(), expected, value };
    }
    case op.register:
      return { op: 'register' };
    default:
      return { op: `op ${reader.op}` };
  }
}

/** A value as far as JSON can say it. */
function plain(value: unknown): RecordValue {
  if (typeof value === 'string') return value;
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null') as RecordValue;
  } catch {
    // A bigint, or a value that holds itself.
    return String(value);
  }
}
