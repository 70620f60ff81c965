/**
 * Every kind of message in every role (pitfall 9), and what the core throws.
 */
import test from 'ava';
import { InvariantError, type Message, Raft } from '../../src/raft/index.js';
import {
  append,
  appended,
  heartbeat,
  heartbeatAnswer,
  installAnswer,
  installSnapshot,
  preVote,
  preVoteAnswer,
  readIndex,
  readIndexAnswer,
  requestVote,
  timeoutNow,
  vote,
} from './harness/messages.js';
import { candidate, follower, leader, progressOf } from './harness/roles.js';

const roles = {
  follower: () => follower({ hardState: { currentTerm: 2 }, terms: [1, 2] }),
  'pre-candidate': () => {
    const node = follower({ hardState: { currentTerm: 2 }, terms: [1, 2], preVote: true });
    node.tick(10);
    node.sent();
    return node;
  },
  candidate: () => candidate({ hardState: { currentTerm: 1 }, terms: [1, 1] }),
  leader: () => leader({ term: 2, terms: [1, 1] }),
};

/**
 * One message of each kind, of the term before, the own and the next; the kinds a role must answer.
 */
const makers = {
  'append-entries': (term: number) => append({ term }),
  'append-entries-response': (term: number) => appended({ term }),
  heartbeat: (term: number) => heartbeat({ term }),
  'heartbeat-response': (term: number) => heartbeatAnswer({ term }),
  'request-vote': (term: number) => requestVote({ term }),
  'request-vote-response': (term: number) => vote({ term, granted: false }),
  'pre-vote': (term: number) => preVote({ term }),
  'pre-vote-response': (term: number) => preVoteAnswer({ term, granted: false }),
  'install-snapshot': (term: number) => installSnapshot({ term, snapshotIndex: 9 }),
  'install-snapshot-response': (term: number) => installAnswer({ term }),
  'timeout-now': (term: number) => timeoutNow({ term }),
  'read-index': (term: number) => readIndex({ term }),
  'read-index-response': (term: number) => readIndexAnswer({ term, readIndex: 0 }),
} satisfies Record<Message['kind'], (term: number) => Message>;

const isRequest = (kind: string): boolean => !kind.endsWith('-response') && kind !== 'timeout-now';

for (const [role, make] of Object.entries(roles)) {
  for (const [kind, makeMessage] of Object.entries(makers)) {
    for (const term of [1, 2, 3]) {
      // Two leaders of one term cannot be: the core says so.
      const isImpossible =
        role === 'leader' &&
        term === 2 &&
        ['append-entries', 'install-snapshot', 'heartbeat', 'timeout-now'].includes(kind);
      const effect = isImpossible ? 'breaks an invariant' : 'is handled';
      test(`pitfall 9: ${kind} of term ${term} ${effect} by a ${role} of term 2`, (t) => {
        const node = make();
        t.is(node.raft.role, role as typeof node.raft.role);

        if (isImpossible) {
          t.throws(() => node.step(makeMessage(term)), { instanceOf: InvariantError });
          return;
        }
        node.step(makeMessage(term));
        const answers = node.sent();
        const readWaits = role === 'leader' && kind === 'read-index' && term < 3;
        if (isRequest(kind) && !readWaits) {
          t.true(
            answers.some(({ to }) => to === 'n2'),
            'a request is answered',
          );
        }
        t.is(node.raft.currentTerm, expectedTerm(kind, term));
        t.notThrows(() => node.tick(30));
      });
    }
  }
}

function expectedTerm(kind: string, term: number): number {
  if (kind === 'timeout-now' && term >= 2) return term + 1;
  // A pre-vote moves no term.
  if (kind === 'pre-vote') return 2;
  return Math.max(2, term);
}

test('a message to another node, or from itself, is ignored', (t) => {
  const node = follower();

  node.step(append({ term: 5, to: 'n3' }), append({ term: 5, from: 'n1', to: 'n1' }));

  t.is(node.raft.currentTerm, 0);
  t.deepEqual(node.sent(), []);
});

test('entries that do not follow prev break an invariant', (t) => {
  const message = append({ term: 1, terms: [1, 1] });
  const node = follower();

  const [, second] = message.entries;
  if (second === undefined) return t.fail();

  t.throws(() => node.step({ ...message, entries: [second] }), { instanceOf: InvariantError });
});

test('entries of a term above that of their message break an invariant', (t) => {
  t.throws(() => follower().step(append({ term: 1, terms: [2] })), { instanceOf: InvariantError });
});

test('two leaders of one term break an invariant', (t) => {
  const node = follower();
  node.step(append({ term: 1, from: 'n2' }));

  t.throws(() => node.step(append({ term: 1, from: 'n3' })), { instanceOf: InvariantError });
});

test('what is applied is committed, and what is compacted is applied', (t) => {
  const node = follower();
  node.step(append({ term: 1, terms: [1, 1], leaderCommit: 1 }));

  t.throws(() => node.raft.applied(2), { instanceOf: InvariantError });
  t.throws(() => node.raft.applied(0), { instanceOf: InvariantError });
  t.throws(() => node.raft.compact(2), { instanceOf: InvariantError });
  t.throws(() => node.raft.compact(1), { instanceOf: InvariantError });
  node.raft.snapshotTaken(1, node.raft.termAt(1) ?? 0);
  t.notThrows(() => node.raft.compact(1));
});

test('campaign does nothing while a leader is heard under CheckQuorum', (t) => {
  const node = follower({ checkQuorum: true });
  node.step(append({ term: 1 }));

  node.campaign();
  t.is(node.raft.role, 'follower');
  node.tick(10);
  t.is(node.raft.role, 'candidate');

  const head = leader({ checkQuorum: true });
  head.campaign();
  t.is(head.raft.role, 'leader');
});

test('a batch without anything to do is empty', (t) => {
  const { raft } = follower();

  t.false(raft.hasReady());
  t.deepEqual(raft.ready(), {
    batch: 1,
    entries: [],
    messages: [],
    messagesAfterDurable: [],
    snapshotParts: [],
    commitIndex: 0,
    reads: [],
    readsAborted: [],
  });
});

test('hasReady tells exactly when a batch has something in it', (t) => {
  const node = leader();
  const { raft } = node;
  t.false(raft.hasReady());
  raft.propose(new Uint8Array(1));
  t.true(raft.hasReady());
  raft.ready();
  t.false(raft.hasReady());
  raft.durable(2, 1);
  t.false(raft.hasReady(), 'the own disk alone commits nothing');
  raft.step(appended({ term: 1, matchIndex: 2 }));
  t.true(raft.hasReady());
  t.is(raft.ready().commitIndex, 2);
  raft.readIndex();

  t.true(raft.hasReady());
});

test('status is plain data', (t) => {
  const node = leader({ learners: ['n4'] });

  t.deepEqual(structuredClone(node.raft.status()), node.raft.status());
  t.true(progressOf(node, 'n4').isLearner);
  t.true(node.raft instanceof Raft);
});
