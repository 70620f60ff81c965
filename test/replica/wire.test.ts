import test from 'ava';
import { allocateLink, LinkWriter } from '../../src/actor/link.js';
import { Mailbox } from '../../src/actor/mailbox.js';
import { allocateSpace, Space } from '../../src/actor/space.js';
import type { Entry, Message } from '../../src/raft/index.js';
import { decodeMessage, encodeMessage, frameName, messageCode } from '../../src/replica/wire.js';

const head = { from: 'n1', to: 'n2', term: 2 ** 41 + 1 };
const index = 2 ** 40;
const bytes = Buffer.from('0123456789abcdef payload');

function entry(offset: number, kind: Entry['kind'], payload: Buffer): Entry {
  return { index: index + offset, term: 7, kind, byteLength: payload.length, payload };
}

const entries = [
  entry(1, 'noop', Buffer.alloc(0)),
  entry(2, 'command', bytes),
  entry(3, 'configuration', Buffer.from('x')),
];

const messages: readonly Message[] = [
  {
    ...head,
    kind: 'append-entries',
    prevLogIndex: index,
    prevLogTerm: 6,
    entries,
    leaderCommit: index - 1,
    replicatedByAll: 5,
  },
  {
    ...head,
    kind: 'append-entries',
    prevLogIndex: 0,
    prevLogTerm: 0,
    entries: [],
    leaderCommit: 0,
    replicatedByAll: 0,
  },
  {
    ...head,
    kind: 'append-entries-response',
    success: true,
    matchIndex: index,
    prevLogIndex: 3,
    lastLogIndex: 9,
  },
  {
    ...head,
    kind: 'append-entries-response',
    success: false,
    matchIndex: 0,
    prevLogIndex: 3,
    conflictIndex: 2,
    lastLogIndex: 9,
  },
  {
    ...head,
    kind: 'append-entries-response',
    success: false,
    matchIndex: 0,
    prevLogIndex: 3,
    conflictIndex: 2,
    conflictTerm: 1,
    lastLogIndex: 9,
  },
  { ...head, kind: 'heartbeat', leaderCommit: 4, replicatedByAll: 3, readId: 2, sentAt: 1 },
  { ...head, kind: 'heartbeat-response', readId: 2, sentAt: 1 },
  { ...head, kind: 'request-vote', lastLogIndex: index, lastLogTerm: 6, isTransfer: true },
  { ...head, kind: 'request-vote', lastLogIndex: index, lastLogTerm: 6, isTransfer: false },
  { ...head, kind: 'request-vote-response', granted: true },
  { ...head, kind: 'request-vote-response', granted: false },
  { ...head, kind: 'pre-vote', lastLogIndex: 3, lastLogTerm: 2 },
  { ...head, kind: 'pre-vote-response', granted: true },
  { ...head, kind: 'timeout-now' },
  { ...head, kind: 'read-index', readId: 2 ** 45 },
  {
    ...head,
    kind: 'read-index-response',
    readId: 2 ** 45,
    readIndex: index,
    leaderCommit: 3,
    refused: true,
  },
  {
    ...head,
    kind: 'install-snapshot',
    snapshotIndex: index,
    snapshotTerm: 6,
    offset: 2 ** 33,
    bytes: Buffer.from([1, 2, 3]),
    isLast: true,
  },
  {
    ...head,
    kind: 'install-snapshot-response',
    snapshotIndex: index,
    snapshotTerm: 6,
    nextOffset: 2 ** 33,
  },
];

function carry(message: Message, termAt: (at: number) => number | undefined): Message | undefined {
  const space = new Space(allocateSpace(4));
  space.setIncarnation(1, 1);
  space.setIncarnation(2, 1);
  const buffers = allocateLink(1, 2, { bulkBytes: 2 ** 16 });
  const mailbox = new Mailbox(space, 2);
  mailbox.attach(buffers);
  const payload = (at: number): { bytes: Buffer; start: number; end: number } => {
    const found = entries.find((one) => one.index === at) as Entry;
    return { bytes: Buffer.from(found.payload), start: 0, end: found.byteLength };
  };
  const snapshotPart = (): typeof message | undefined => message;
  const source = { payload, termAt, snapshotPart } as never;
  if (!encodeMessage(new LinkWriter(space, buffers), message, source)) return undefined;
  let decoded: Message | undefined;
  mailbox.drain((frame) => {
    decoded = decodeMessage(frame, 'n1', 'n2');
  });
  return decoded;
}

for (const [at, message] of messages.entries()) {
  test(`message ${at}, of kind ${message.kind}, arrives as it was sent`, (t) => {
    const decoded = carry(message, () => 7);

    const plain = (one: Message | undefined): unknown =>
      one?.kind === 'append-entries'
        ? { ...one, entries: one.entries.map((e) => ({ ...e, payload: [...e.payload] })) }
        : one;
    t.deepEqual(plain(decoded), plain(message));
  });
}

test('every kind of message has a code of its own, and messages in the list above', (t) => {
  const kinds = Object.keys(messageCode);

  t.is(new Set(Object.values(messageCode)).size, kinds.length);
  t.deepEqual(new Set(messages.map(({ kind }) => kind)), new Set(kinds));
  for (const [kind, code] of Object.entries(messageCode))
    t.is<string, string>(frameName(code), kind);
  t.is(frameName(64), 'write');
  t.is(frameName(70), 'leader-hint');
  t.is(frameName(63), 'kind-63');
});

test('an append of entries that the log no longer holds is not sent with other bytes', (t) => {
  const [append] = messages;

  t.is(
    carry(append as Message, (at) => (at === index + 2 ? 8 : 7)),
    undefined,
  );
});
