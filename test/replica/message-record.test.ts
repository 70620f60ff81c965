import test from 'ava';
import type { Frame } from '../../src/actor/mailbox.js';
import type { Message } from '../../src/raft/index.js';
import { type MessageRecord, recordOf } from '../../src/replica/message-record.js';
import { frameOfRecord } from '../../src/replica/record-frame.js';
import { decodeMessage, messageCode } from '../../src/replica/wire.js';
import { BatchWriter } from '../../src/store/batch-writer.js';
import { clientFrame, refusalCode } from '../../src/store/protocol.js';

function frame(kind: number, body: Uint8Array, correlationId = 0): Frame {
  const bytes = Buffer.concat([Buffer.alloc(8), body]);
  const ends = { source: 1, sourceIncarnation: 1, destination: 2 };
  return { ...ends, kind, lane: 'control', correlationId, bytes, start: 8, end: bytes.length };
}

function framed(record: MessageRecord): Frame {
  const bare = frameOfRecord(record);
  if (bare === undefined) throw new Error(`no frame for ${record.type}`);
  return frame(bare.kind, bare.body, bare.correlationId);
}

const noop = { index: 5, term: 2, kind: 'noop' };
const commands = [
  { op: 'set', key: 'ключ', value: { a: [1, null, true] } },
  { op: 'delete', key: 'B' },
];
const append = { term: 3, prevLogIndex: 4, prevLogTerm: 2 };
const rest = { leaderCommit: 4, replicatedByAll: 1 };
const beat = { leaderCommit: 4, replicatedByAll: 1, sentAt: 70 };
const answer = { success: false, matchIndex: 0, prevLogIndex: 9, lastLogIndex: 6 };

/** Every type between nodes, and the kind of message that it stands for. */
const records: readonly (readonly [Message['kind'], MessageRecord['type'], object])[] = [
  ['append-entries', 'appendEntries', { ...append, entries: [], ...rest }],
  [
    'append-entries',
    'appendEntries',
    { ...append, entries: [noop, { index: 6, term: 3, kind: 'command', commands }], ...rest },
  ],
  ['heartbeat', 'appendEntries', { term: 3, entries: [], ...beat }],
  ['heartbeat', 'roundTrip', { term: 3, readId: 8, ...beat }],
  ['append-entries-response', 'appendEntriesResponse', { term: 3, ...answer }],
  [
    'append-entries-response',
    'appendEntriesResponse',
    { term: 3, ...answer, conflictIndex: 5, conflictTerm: 2 },
  ],
  ['heartbeat-response', 'appendEntriesResponse', { term: 3, success: true, sentAt: 70 }],
  ['heartbeat-response', 'roundTripResponse', { term: 3, readId: 8, sentAt: 70 }],
  ['request-vote', 'requestVote', { term: 4, lastLogIndex: 6, lastLogTerm: 3, isTransfer: true }],
  ['request-vote-response', 'requestVoteResponse', { term: 4, voteGranted: true }],
  ['pre-vote', 'preVote', { term: 4, lastLogIndex: 6, lastLogTerm: 3 }],
  ['pre-vote-response', 'preVoteResponse', { term: 4, voteGranted: false }],
  [
    'install-snapshot',
    'installSnapshot',
    { term: 4, snapshotIndex: 6, snapshotTerm: 3, offset: 9, data: 'AQID', done: true },
  ],
  [
    'install-snapshot-response',
    'installSnapshotResponse',
    { term: 4, snapshotIndex: 6, snapshotTerm: 3, nextOffset: 12 },
  ],
  ['timeout-now', 'timeoutNow', { term: 4 }],
  ['read-index', 'redirectGet', { term: 4, id: 12 }],
  [
    'read-index-response',
    'redirectGetResponse',
    { term: 4, id: 12, readIndex: 6, leaderCommit: 6, refused: false },
  ],
];

for (const [at, [kind, type, fields]] of records.entries()) {
  const record = { type, fields } as MessageRecord;

  test(`${at + 1}: a ${kind} reads as ${type}, and is written from it`, (t) => {
    const message = decodeMessage(framed(record), 'n1', 'n2');

    t.is(message?.kind, kind);
    t.is(message?.term, Number(record.fields['term']));
    t.deepEqual(recordOf(framed(record)), record);
  });
}

test('every kind of message between nodes has a record', (t) => {
  const kinds = new Set(records.map(([kind]) => kind));

  t.deepEqual([...kinds].sort(), Object.keys(messageCode).sort());
});

test('the fields of a message arrive where the core looks for them', (t) => {
  const record = {
    type: 'appendEntries',
    fields: { ...append, entries: [noop, { term: 3, commands }], ...rest },
  };

  const message = decodeMessage(framed(record), 'n1', 'n2');

  if (message?.kind !== 'append-entries') return t.fail();
  const { entries, ...others } = message;
  t.deepEqual(others, { kind: 'append-entries', from: 'n1', to: 'n2', ...append, ...rest });
  t.deepEqual(
    entries.map(({ index, term, kind }) => [index, term, kind]),
    [
      [5, 2, 'noop'],
      [6, 3, 'command'],
    ],
  );
});

test('a set on its way to the leader is a redirectSet, with all that it asks for', (t) => {
  const writer = new BatchWriter();
  const bytes = Buffer.alloc(1_024);
  writer.reset(bytes);
  writer.register();
  writer.set('A', '1');
  writer.set('big', 5n);
  writer.cas('A', { expected: '1', value: '2' });
  const stamp = { clientId: 9, firstSerial: 1, lowestSerial: 1, originActor: 4, requestId: 77 };
  const end = writer.finish(stamp);

  t.deepEqual(recordOf(frame(clientFrame.redirectWrite, bytes.subarray(0, end), 31)), {
    type: 'redirectSet',
    fields: {
      id: 31,
      commands: [
        { op: 'register' },
        { op: 'set', key: 'A', value: '1' },
        { op: 'set', key: 'big', value: '5' },
        { op: 'cas', key: 'A', expected: '1', value: '2' },
      ],
    },
  });
});

test('a redirectSet may have its key and value as in the course project', (t) => {
  const fields = { id: 3, key: 'A', value: '1' };

  t.deepEqual(recordOf(framed({ type: 'redirectSet', fields })), {
    type: 'redirectSet',
    fields: { id: 3, commands: [{ op: 'set', key: 'A', value: '1' }] },
  });
});

test('the answer to a redirectSet has an error when the leader refused', (t) => {
  const refusal = Buffer.alloc(8);
  refusal.writeUInt32LE(refusalCode['not-leader'], 0);

  t.deepEqual(recordOf(frame(clientFrame.refusal, refusal, 6)), {
    type: 'redirectSetResponse',
    fields: { id: 6, error: 'not-leader' },
  });
  t.deepEqual(recordOf(frame(clientFrame.writeReply, Buffer.alloc(24), 6)), {
    type: 'redirectSetResponse',
    fields: { id: 6 },
  });
});

test('other frames, and types that nodes do not know, are none', (t) => {
  t.is(recordOf(frame(clientFrame.leaderHint, Buffer.alloc(16))), undefined);
  t.is(frameOfRecord({ type: 'hello', fields: {} }), undefined);
});

const refused: readonly (readonly [type: string, fields: MessageRecord['fields'], says: string])[] =
  [
    ['requestVote', {}, 'term is missing; expected a whole number'],
    ['requestVote', { term: 'four' }, 'term is "four"; expected a whole number'],
    ['requestVote', { term: -1 }, 'term is -1; expected a whole number'],
    ['requestVote', { term: 1.5 }, 'term is 1.5; expected a whole number'],
    ['preVoteResponse', { term: 1, voteGranted: 1 }, 'voteGranted is 1; expected true or false'],
    ['appendEntries', { ...append, entries: 3 }, 'entries is 3; expected a list'],
    ['appendEntries', { ...append, entries: [3] }, 'an entry is 3; expected an object'],
    ['appendEntries', { ...append, entries: [{}] }, 'term is missing; expected a whole number'],
    ['redirectSet', { key: 5 }, 'key is 5; expected a string'],
    ['redirectSet', { commands: [{ op: 'x', key: 'A' }] }, 'op is "x"; expected \'set\' or'],
  ];

for (const [type, fields, says] of refused) {
  test(`a ${type} whose ${says} is refused`, (t) => {
    const error = t.throws(() => frameOfRecord({ type, fields }), { code: 'RAFT_INVALID_OPTION' });

    t.true(error.message.startsWith(says), error.message);
  });
}
