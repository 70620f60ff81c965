/**
 * The way back from a record (`message-record.ts`) to the frame between nodes that says the same:
 * for messages that somebody writes by hand.
 */
import type { Lane } from '../actor/link.js';
import { RaftError } from '../errors.js';
import type { Entry, Message } from '../raft/message.js';
import { BatchWriter } from '../store/batch-writer.js';
import { batchHeaderBytes } from '../store/command.js';
import { clientFrame } from '../store/protocol.js';
import { valueByteLength } from '../store/value.js';
import type { Channel } from './channel.js';
import type { MessageRecord, RecordFields, RecordValue } from './message-record.js';
import { encodeMessage } from './wire.js';

/** A frame without its envelope. */
export interface BareFrame {
  readonly lane: Lane;
  readonly kind: number;
  readonly correlationId: number;
  readonly body: Uint8Array;
}

/**
 * The frame of a record; `undefined` for a type that nodes do not know, and would pass over.
 *
 * Fields that are absent are 0, false or empty; `term` has to be there. Throws
 * `RAFT_INVALID_OPTION` for a field that is missing or of the wrong kind.
 */
export function frameOfRecord({ type, fields }: MessageRecord): BareFrame | undefined {
  if (type === 'redirectSet') {
    const kind = clientFrame.redirectWrite;
    const body = batch(redirectedCommands(fields));
    return { lane: 'bulk', kind, correlationId: numberOf(fields, 'id', 0), body };
  }
  const message = messageOf(type, fields);
  return message && encoded(message);
}

function messageOf(type: string, fields: RecordFields): Message | undefined {
  const known = readers.get(type);
  if (known === undefined) return undefined;
  return { from: '', to: '', term: numberOf(fields, 'term'), ...known(fields) } as Message;
}

type Fields<M> = M extends Message ? Omit<M, 'from' | 'to' | 'term'> : never;

const readers: ReadonlyMap<string, (fields: RecordFields) => Fields<Message>> = new Map([
  ['appendEntries', appendEntries],
  ['appendEntriesResponse', appendEntriesResponse],
  ['installSnapshot', installSnapshot],
  ['installSnapshotResponse', installSnapshotResponse],
  ['roundTrip', heartbeat],
  ['roundTripResponse', heartbeatResponse],
  ['requestVote', requestVote],
  ['requestVoteResponse', (fields) => ({ kind: 'request-vote-response', ...voteOf(fields) })],
  ['preVote', (fields) => ({ kind: 'pre-vote', ...lastLogOf(fields) })],
  ['preVoteResponse', (fields) => ({ kind: 'pre-vote-response', ...voteOf(fields) })],
  ['timeoutNow', () => ({ kind: 'timeout-now' })],
  ['redirectGet', (fields) => ({ kind: 'read-index', readId: numberOf(fields, 'id') })],
  ['redirectGetResponse', readIndexResponse],
]);

function appendEntries(fields: RecordFields): Fields<Message> {
  if (!Object.hasOwn(fields, 'prevLogIndex')) return heartbeat(fields);
  const prevLogIndex = numberOf(fields, 'prevLogIndex');
  return {
    kind: 'append-entries',
    prevLogIndex,
    prevLogTerm: numberOf(fields, 'prevLogTerm'),
    entries: listOf(fields, 'entries').map((entry, at) => entryOf(entry, prevLogIndex + 1 + at)),
    leaderCommit: numberOf(fields, 'leaderCommit', 0),
    replicatedByAll: numberOf(fields, 'replicatedByAll', 0),
  };
}

function installSnapshot(fields: RecordFields): Fields<Message> {
  const data = fields['data'] ?? '';
  if (typeof data !== 'string') throw invalid('data', data, 'bytes in base64');
  return {
    kind: 'install-snapshot',
    snapshotIndex: numberOf(fields, 'snapshotIndex'),
    snapshotTerm: numberOf(fields, 'snapshotTerm'),
    offset: numberOf(fields, 'offset', 0),
    bytes: Buffer.from(data, 'base64'),
    isLast: flagOf(fields, 'done'),
  };
}

function installSnapshotResponse(fields: RecordFields): Fields<Message> {
  return {
    kind: 'install-snapshot-response',
    snapshotIndex: numberOf(fields, 'snapshotIndex'),
    snapshotTerm: numberOf(fields, 'snapshotTerm'),
    nextOffset: numberOf(fields, 'nextOffset', 0),
  };
}

function heartbeat(fields: RecordFields): Fields<Message> {
  return {
    kind: 'heartbeat',
    leaderCommit: numberOf(fields, 'leaderCommit', 0),
    replicatedByAll: numberOf(fields, 'replicatedByAll', 0),
    readId: numberOf(fields, 'readId', 0),
    sentAt: numberOf(fields, 'sentAt', 0),
  };
}

function appendEntriesResponse(fields: RecordFields): Fields<Message> {
  if (!Object.hasOwn(fields, 'matchIndex')) return heartbeatResponse(fields);
  const has = (name: string): boolean => Object.hasOwn(fields, name);
  return {
    kind: 'append-entries-response',
    success: flagOf(fields, 'success'),
    matchIndex: numberOf(fields, 'matchIndex'),
    prevLogIndex: numberOf(fields, 'prevLogIndex', 0),
    lastLogIndex: numberOf(fields, 'lastLogIndex', 0),
    ...(has('conflictIndex') ? { conflictIndex: numberOf(fields, 'conflictIndex') } : {}),
    ...(has('conflictTerm') ? { conflictTerm: numberOf(fields, 'conflictTerm') } : {}),
  };
}

function heartbeatResponse(fields: RecordFields): Fields<Message> {
  const readId = numberOf(fields, 'readId', 0);
  return { kind: 'heartbeat-response', readId, sentAt: numberOf(fields, 'sentAt', 0) };
}

function requestVote(fields: RecordFields): Fields<Message> {
  const isTransfer = flagOf(fields, 'isTransfer');
  return { kind: 'request-vote', ...lastLogOf(fields), isTransfer };
}

function readIndexResponse(fields: RecordFields): Fields<Message> {
  return {
    kind: 'read-index-response',
    readId: numberOf(fields, 'id'),
    readIndex: numberOf(fields, 'readIndex', 0),
    leaderCommit: numberOf(fields, 'leaderCommit', 0),
    refused: flagOf(fields, 'refused'),
  };
}

function lastLogOf(fields: RecordFields): { lastLogIndex: number; lastLogTerm: number } {
  const lastLogTerm = numberOf(fields, 'lastLogTerm', 0);
  return { lastLogIndex: numberOf(fields, 'lastLogIndex', 0), lastLogTerm };
}

function voteOf(fields: RecordFields): { granted: boolean } {
  return { granted: flagOf(fields, 'voteGranted') };
}

function entryOf(entry: RecordValue, index: number): Entry {
  const fields = fieldsOf(entry, 'an entry');
  const term = numberOf(fields, 'term');
  if (fields['kind'] === 'noop') {
    return { index, term, kind: 'noop', byteLength: 0, payload: Buffer.alloc(0) };
  }
  const payload = batch(listOf(fields, 'commands'));
  return { index, term, kind: 'command', byteLength: payload.length, payload };
}

/** One command may stand in the fields themselves, as the course project has it. */
function redirectedCommands(fields: RecordFields): readonly RecordValue[] {
  const commands = listOf(fields, 'commands');
  if (commands.length > 0) return commands;
  return [{ op: 'set', key: fields['key'] ?? null, value: fields['value'] ?? null }];
}

/** Commands as one client batch without a session. */
function batch(commands: readonly RecordValue[]): Buffer {
  const bounds = commands.map((command) => {
    const { key = '', value = null } = fieldsOf(command, 'a command');
    return 24 + 3 * String(key).length + valueByteLength(value);
  });
  const bytes = Buffer.alloc(batchHeaderBytes + bounds.reduce((sum, bound) => sum + bound, 8));
  const writer = new BatchWriter();
  writer.reset(bytes);
  for (const command of commands) {
    const { op, key, value = null } = fieldsOf(command, 'a command');
    if (typeof key !== 'string') throw invalid('key', key, 'a string');
    if (op === 'set') writer.set(key, value);
    else if (op === 'delete') writer.delete(key);
    else throw invalid('op', op, "'set' or 'delete'");
  }
  const stamp = { clientId: 0, firstSerial: 0, lowestSerial: 0, originActor: 0, requestId: 0 };
  return bytes.subarray(0, writer.finish(stamp));
}

/** Encodes as a node does when it sends, into memory of its own. */
function encoded(message: Message): BareFrame {
  const entries = message.kind === 'append-entries' ? message.entries : [];
  const channel = new Scratch();
  encodeMessage(channel, message, {
    snapshotPart: () => (message.kind === 'install-snapshot' ? message : undefined),
    termAt: (index) => entries.find((entry) => entry.index === index)?.term,
    payload: (index) => {
      const payload = entries.find((entry) => entry.index === index)?.payload ?? Buffer.alloc(0);
      const bytes = Buffer.from(payload);
      return { bytes, start: 0, end: bytes.length };
    },
  });
  return channel.frame();
}

class Scratch implements Channel {
  readonly offset = 0;
  readonly refusal = 'full';
  bytes: Buffer = Buffer.alloc(0);
  #frame: BareFrame | undefined;
  #lane: Lane = 'control';
  #kind = 0;

  begin(lane: Lane, kind: number, bodyBytesMax: number): boolean {
    this.#lane = lane;
    this.#kind = kind;
    this.bytes = Buffer.alloc(bodyBytesMax);
    return true;
  }

  end(bodyBytes: number): void {
    const body = this.bytes.subarray(0, bodyBytes);
    this.#frame = { lane: this.#lane, kind: this.#kind, correlationId: 0, body };
  }

  frame(): BareFrame {
    if (this.#frame === undefined) throw invalid('entries', 'of several lengths', 'consecutive');
    return this.#frame;
  }
}

function numberOf(fields: RecordFields, name: string, otherwise?: number): number {
  const value = Object.hasOwn(fields, name) ? fields[name] : otherwise;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(name, value, 'a whole number');
}

function flagOf(fields: RecordFields, name: string): boolean {
  const value = Object.hasOwn(fields, name) ? fields[name] : false;
  if (typeof value === 'boolean') return value;
  throw invalid(name, value, 'true or false');
}

function listOf(fields: RecordFields, name: string): readonly RecordValue[] {
  const value: unknown = Object.hasOwn(fields, name) ? fields[name] : [];
  if (Array.isArray(value)) return value;
  throw invalid(name, value, 'a list');
}

function fieldsOf(value: RecordValue, what: string): RecordFields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as RecordFields;
  }
  throw invalid(what, value, 'an object');
}

function invalid(field: string, value: unknown, expected: string): RaftError {
  const found = value === undefined ? 'missing' : JSON.stringify(value);
  return new RaftError('RAFT_INVALID_OPTION', `${field} is ${found}; expected ${expected}`, {
    details: { option: field },
  });
}
