/**
 * The messages between nodes as frames. Bodies are little endian; every body begins with the
 * term. Who sent it and for whom it is stands in the envelope, so it is not repeated here.
 *
 *     append-entries   f64 term, prevLogIndex, prevLogTerm, leaderCommit, replicatedByAll, count
 *                      then per entry: f64 term, u32 kind, u32 byteLength, payload (padded to 8)
 *     install-snapshot f64 term, snapshotIndex, snapshotTerm, offset, isLast, count, then the bytes
 *     all others       f64 term and the fields in the order of `fieldsOf`
 */
import type { Lane } from '../actor/link.js';
import type { Frame } from '../actor/mailbox.js';
import type {
  Entry,
  EntryKind,
  InstallSnapshot,
  Message,
  NodeId,
  OutboundMessage,
  SnapshotPart,
} from '../raft/message.js';
import type { Storage } from '../storage/storage.js';
import { clientFrame } from '../store/protocol.js';
import type { Channel } from './channel.js';

type Kind = Message['kind'];

/** The frame kind of each message; kinds from 64 on belong to clients (store/protocol.ts). */
export const messageCode: Readonly<Record<Kind, number>> = {
  'append-entries': 1,
  'append-entries-response': 2,
  heartbeat: 3,
  'heartbeat-response': 4,
  'request-vote': 5,
  'request-vote-response': 6,
  'pre-vote': 7,
  'pre-vote-response': 8,
  'timeout-now': 9,
  'read-index': 10,
  'read-index-response': 11,
  'install-snapshot': 12,
  'install-snapshot-response': 13,
};

const kindsByCode: readonly (Kind | undefined)[] = Object.entries(messageCode).reduce<Kind[]>(
  (table, [kind, code]) => {
    table[code] = kind as Kind;
    return table;
  },
  [],
);

/** The kind of a frame between nodes; `undefined` for others. */
export function messageKind(code: number): Kind | undefined {
  return kindsByCode[code];
}

const clientKinds = new Map<number, string>(
  Object.entries(clientFrame).map(([name, code]) => [
    code,
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  ]),
);

/** The name of a frame, for rules, traces and people: that of its message, `write`, `read`, … */
export function frameName(code: number): string {
  return kindsByCode[code] ?? clientKinds.get(code) ?? `kind-${code}`;
}

const entryKinds: readonly EntryKind[] = ['command', 'noop', 'configuration'];
const f64 = 8;
const appendHeaderBytes = 6 * f64;
const entryHeaderBytes = 2 * f64;
const partHeaderBytes = 6 * f64;
const absent = -1;

/** Where the bytes come from that messages name. */
export interface MessageSource extends Pick<Storage, 'payload' | 'termAt'> {
  /** Bytes of a snapshot from an offset on; `undefined` for one that is there no more. */
  snapshotPart(snapshot: InstallSnapshot): Pick<SnapshotPart, 'bytes' | 'isLast'> | undefined;
}

/** Bytes of an `append-entries` body with these payloads. */
function appendBytes(entries: readonly { readonly byteLength: number }[]): number {
  let total = appendHeaderBytes;
  for (const entry of entries) total += entryHeaderBytes + align8(entry.byteLength);
  return total;
}

/**
 * Writes a message to its destination. False when the channel refused, or when the log no longer
 * holds what the message speaks of: the core treats both as a lost message.
 */
export function encodeMessage(
  channel: Channel,
  message: OutboundMessage,
  source: MessageSource,
): boolean {
  if (message.kind === 'append-entries') return encodeAppend(channel, message, source);
  if (message.kind === 'install-snapshot') return encodePart(channel, message, source);
  const fields = fieldsOf(message);
  const code = messageCode[message.kind];
  if (!channel.begin('control', code, (fields.length + 1) * f64)) return false;
  let at = channel.bytes.writeDoubleLE(message.term, channel.offset);
  for (const field of fields) at = channel.bytes.writeDoubleLE(field, at);
  channel.end(at - channel.offset);
  return true;
}

function encodePart(channel: Channel, message: InstallSnapshot, source: MessageSource): boolean {
  const part = source.snapshotPart(message);
  if (part === undefined) return false;
  const byteLength = partHeaderBytes + part.bytes.byteLength;
  if (!channel.begin('bulk', messageCode['install-snapshot'], byteLength)) return false;
  const { bytes } = channel;
  let at = bytes.writeDoubleLE(message.term, channel.offset);
  at = bytes.writeDoubleLE(message.snapshotIndex, at);
  at = bytes.writeDoubleLE(message.snapshotTerm, at);
  at = bytes.writeDoubleLE(message.offset, at);
  at = bytes.writeDoubleLE(Number(part.isLast), at);
  at = bytes.writeDoubleLE(part.bytes.byteLength, at);
  bytes.set(part.bytes, at);
  channel.end(byteLength);
  return true;
}

function encodeAppend(
  channel: Channel,
  message: Extract<OutboundMessage, { kind: 'append-entries' }>,
  storage: MessageSource,
): boolean {
  const { entries } = message;
  const lane: Lane = entries.length === 0 ? 'control' : 'bulk';
  for (const entry of entries) if (storage.termAt(entry.index) !== entry.term) return false;
  if (!channel.begin(lane, messageCode['append-entries'], appendBytes(entries))) return false;
  const { bytes } = channel;
  let at = bytes.writeDoubleLE(message.term, channel.offset);
  at = bytes.writeDoubleLE(message.prevLogIndex, at);
  at = bytes.writeDoubleLE(message.prevLogTerm, at);
  at = bytes.writeDoubleLE(message.leaderCommit, at);
  at = bytes.writeDoubleLE(message.replicatedByAll, at);
  at = bytes.writeDoubleLE(entries.length, at);
  for (const entry of entries) {
    at = bytes.writeDoubleLE(entry.term, at);
    at = bytes.writeUInt32LE(entryKinds.indexOf(entry.kind), at);
    at = bytes.writeUInt32LE(entry.byteLength, at);
    const payload = storage.payload(entry.index);
    bytes.set(payload.bytes.subarray(payload.start, payload.end), at);
    at += align8(entry.byteLength);
  }
  channel.end(at - channel.offset);
  return true;
}

type Plain = Exclude<OutboundMessage, { kind: 'append-entries' | 'install-snapshot' }>;

function fieldsOf(message: Plain): number[] {
  switch (message.kind) {
    case 'append-entries-response':
      return [
        Number(message.success),
        message.matchIndex,
        message.prevLogIndex,
        message.conflictIndex ?? absent,
        message.conflictTerm ?? absent,
        message.lastLogIndex,
      ];
    case 'install-snapshot-response':
      return [message.snapshotIndex, message.snapshotTerm, message.nextOffset];
    case 'heartbeat':
      return [message.leaderCommit, message.replicatedByAll, message.readId, message.sentAt];
    case 'heartbeat-response':
      return [message.readId, message.sentAt];
    case 'request-vote':
      return [message.lastLogIndex, message.lastLogTerm, Number(message.isTransfer)];
    case 'pre-vote':
      return [message.lastLogIndex, message.lastLogTerm];
    case 'request-vote-response':
    case 'pre-vote-response':
      return [Number(message.granted)];
    case 'timeout-now':
      return [];
    case 'read-index':
      return [message.readId];
    case 'read-index-response':
      return [
        message.readId,
        message.readIndex,
        message.leaderCommit,
        Number(message.refused ?? false),
      ];
  }
}

/**
 * Reads a frame between nodes; `undefined` for a kind that is none. Payloads of entries are views
 * of the frame, valid as long as the frame is.
 */
export function decodeMessage(frame: Frame, from: NodeId, to: NodeId): Message | undefined {
  const kind = kindsByCode[frame.kind];
  if (kind === undefined) return undefined;
  const { bytes, start } = frame;
  const term = bytes.readDoubleLE(start);
  // Written out field by field: spreading a common head costs microseconds a message here.
  const at = start + f64;
  switch (kind) {
    case 'append-entries': {
      const prevLogIndex = bytes.readDoubleLE(at);
      const prevLogTerm = bytes.readDoubleLE(at + f64);
      const leaderCommit = bytes.readDoubleLE(at + 2 * f64);
      const replicatedByAll = bytes.readDoubleLE(at + 3 * f64);
      const entries = decodeEntries(frame, prevLogIndex, bytes.readDoubleLE(at + 4 * f64));
      return {
        kind,
        from,
        to,
        term,
        prevLogIndex,
        prevLogTerm,
        entries,
        leaderCommit,
        replicatedByAll,
      };
    }
    case 'install-snapshot':
      return decodePart(frame, { kind, from, to, term });
    case 'install-snapshot-response': {
      const snapshotIndex = bytes.readDoubleLE(at);
      const snapshotTerm = bytes.readDoubleLE(at + f64);
      const nextOffset = bytes.readDoubleLE(at + 2 * f64);
      return { kind, from, to, term, snapshotIndex, snapshotTerm, nextOffset };
    }
    case 'append-entries-response':
      return decodeAppendResponse(frame, { kind, from, to, term });
    case 'heartbeat': {
      const leaderCommit = bytes.readDoubleLE(at);
      const replicatedByAll = bytes.readDoubleLE(at + f64);
      const readId = bytes.readDoubleLE(at + 2 * f64);
      const sentAt = bytes.readDoubleLE(at + 3 * f64);
      return { kind, from, to, term, leaderCommit, replicatedByAll, readId, sentAt };
    }
    case 'heartbeat-response': {
      const readId = bytes.readDoubleLE(at);
      return { kind, from, to, term, readId, sentAt: bytes.readDoubleLE(at + f64) };
    }
    case 'read-index-response': {
      const readId = bytes.readDoubleLE(at);
      const readIndex = bytes.readDoubleLE(at + f64);
      const leaderCommit = bytes.readDoubleLE(at + 2 * f64);
      const refused = bytes.readDoubleLE(at + 3 * f64) === 1;
      return { kind, from, to, term, readId, readIndex, leaderCommit, refused };
    }
    case 'read-index':
      return { kind, from, to, term, readId: bytes.readDoubleLE(at) };
    case 'timeout-now':
      return { kind, from, to, term };
    default:
      return decodeVote(frame, { kind, from, to, term });
  }
}

type Head<K extends Kind> = K extends Kind
  ? { readonly kind: K; readonly from: NodeId; readonly to: NodeId; readonly term: number }
  : never;

function decodePart({ bytes, start }: Frame, head: Head<'install-snapshot'>): Message {
  const at = start + f64;
  const from = start + partHeaderBytes;
  return {
    ...head,
    snapshotIndex: bytes.readDoubleLE(at),
    snapshotTerm: bytes.readDoubleLE(at + f64),
    offset: bytes.readDoubleLE(at + 2 * f64),
    isLast: bytes.readDoubleLE(at + 3 * f64) === 1,
    bytes: bytes.subarray(from, from + bytes.readDoubleLE(at + 4 * f64)),
  };
}

function decodeAppendResponse(
  { bytes, start }: Frame,
  { kind, from, to, term }: Head<'append-entries-response'>,
): Message {
  const at = start + f64;
  const success = bytes.readDoubleLE(at) === 1;
  const matchIndex = bytes.readDoubleLE(at + f64);
  const prevLogIndex = bytes.readDoubleLE(at + 2 * f64);
  const conflictIndex = bytes.readDoubleLE(at + 3 * f64);
  const conflictTerm = bytes.readDoubleLE(at + 4 * f64);
  const lastLogIndex = bytes.readDoubleLE(at + 5 * f64);
  const common = { kind, from, to, term, success, matchIndex, prevLogIndex, lastLogIndex };
  if (conflictIndex === absent) return common;
  if (conflictTerm === absent) return { ...common, conflictIndex };
  return { ...common, conflictIndex, conflictTerm };
}

function decodeVote(
  { bytes, start }: Frame,
  head: Head<'request-vote' | 'request-vote-response' | 'pre-vote' | 'pre-vote-response'>,
): Message {
  const at = start + f64;
  const first = bytes.readDoubleLE(at);
  switch (head.kind) {
    case 'request-vote-response':
    case 'pre-vote-response':
      return { ...head, granted: first === 1 };
    case 'pre-vote':
      return { ...head, lastLogIndex: first, lastLogTerm: bytes.readDoubleLE(at + f64) };
    case 'request-vote': {
      const lastLogTerm = bytes.readDoubleLE(at + f64);
      const isTransfer = bytes.readDoubleLE(at + 2 * f64) === 1;
      return { ...head, lastLogIndex: first, lastLogTerm, isTransfer };
    }
  }
}

function decodeEntries(frame: Frame, prevLogIndex: number, count: number): Entry[] {
  const { bytes, start } = frame;
  const entries: Entry[] = [];
  let at = start + appendHeaderBytes;
  for (let position = 0; position < count; position += 1) {
    const term = bytes.readDoubleLE(at);
    const kind = entryKinds[bytes.readUInt32LE(at + f64)] ?? 'command';
    const byteLength = bytes.readUInt32LE(at + f64 + 4);
    at += entryHeaderBytes;
    const payload = bytes.subarray(at, at + byteLength);
    entries.push({ index: prevLogIndex + 1 + position, term, kind, byteLength, payload });
    at += align8(byteLength);
  }
  return entries;
}

function align8(byteLength: number): number {
  return (byteLength + 7) & ~7;
}
