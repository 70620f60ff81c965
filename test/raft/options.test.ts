/**
 * Options: each one out of range is one clear error.
 */
import test from 'ava';
import { Raft, type RaftOptions } from '../../src/raft/index.js';
import { entryAt } from './harness/node.js';

const valid: RaftOptions = {
  id: 'n1',
  configuration: { voters: ['n1', 'n2', 'n3'] },
  electionTicksMin: 10,
  electionTicksMax: 20,
  heartbeatTicks: 2,
  drawElectionTicks: (min) => min,
};

test('the smallest set of options is enough', (t) => {
  t.is(new Raft(valid).role, 'follower');
});

const entries = [entryAt(1, 1), entryAt(2, 1)];
const hardState = { currentTerm: 1 };
const log = { snapshotIndex: 0, snapshotTerm: 0, entries };

for (const [what, change, message] of [
  ['no voter', { configuration: { voters: [] } }, /at least one node/],
  ['a node named twice', { configuration: { voters: ['n1', 'n1'] } }, /names a node twice/],
  ['an id that is no string', { configuration: { voters: [7 as unknown as string] } }, /node ids/],
  [
    'a voter that is a learner',
    { configuration: { voters: ['n1'], learners: ['n1'] } },
    /n1 cannot be voter and learner/,
  ],
  ['no id', { id: '' }, /id must be the name/],
  ['no draw', { drawElectionTicks: 5 as never }, /drawElectionTicks must be a function/],
  ['no heartbeat', { heartbeatTicks: 0 }, /heartbeatTicks must be a whole number of at least 1/],
  ['a heartbeat as long as an election', { heartbeatTicks: 10 }, /electionTicksMin .* at least 11/],
  [
    'an election range upside down',
    { electionTicksMax: 9 },
    /electionTicksMax .* at least 10, not 9/,
  ],
  ['half a tick', { electionTicksMin: 10.5 }, /electionTicksMin/],
  ['a drift longer than an election', { leaseDriftTicks: 11 }, /leaseDriftTicks .* from 0 to 10/],
  ['no window', { inflightEntriesMax: 0 }, /inflightEntriesMax/],
  ['no window of bytes', { inflightBytesMax: Number.NaN }, /inflightBytesMax .* not NaN/],
  ['no append bytes', { appendBytesMax: -1 }, /appendBytesMax/],
  ['no uncommitted bytes', { uncommittedBytesMax: 0 }, /uncommittedBytesMax/],
  ['no reads', { readsMax: Number.POSITIVE_INFINITY }, /readsMax/],
  ['an odd incarnation', { incarnation: -1 }, /incarnation/],
  ['a negative term', { hardState: { currentTerm: -1 } }, /hardState.currentTerm/],
  ['entries of a term not reached', { log }, /term of log entry 1 .* from 0 to 0/],
  [
    'a hole in the log',
    { hardState, log: { ...log, entries: [entryAt(1, 1), entryAt(3, 1)] } },
    /index of a log entry .* from 2 to 2, not 3/,
  ],
  [
    'terms that go back',
    { hardState: { currentTerm: 2 }, log: { ...log, entries: [entryAt(1, 2), entryAt(2, 1)] } },
    /term of log entry 2/,
  ],
  [
    'a gap after the snapshot',
    { hardState, log: { snapshotIndex: 3, snapshotTerm: 1, entries: [entryAt(5, 1)] } },
    /from 1 to 4, not 5/,
  ],
  [
    'a log that ends before its snapshot',
    { hardState, log: { snapshotIndex: 3, snapshotTerm: 1, entries } },
    /end at 2, before snapshotIndex 3/,
  ],
  ['applied beyond the log', { hardState, log, applied: 3 }, /applied .* from 0 to 2, not 3/],
] as const) {
  test(`refused: ${what}`, (t) => {
    const error = t.throws(() => new Raft({ ...valid, ...(change as Partial<RaftOptions>) }));

    t.regex(error?.message ?? '', message);
    t.true(error instanceof TypeError || error instanceof RangeError);
  });
}
