/**
 * Figure 2, the box of rules for servers: one test a sentence.
 */
import test from 'ava';
import type { Message } from '../../src/raft/index.js';
import {
  append,
  appended,
  heartbeat,
  heartbeatAnswer,
  only,
  preVoteAnswer,
  requestVote,
  vote,
} from './harness/messages.js';
import { candidate, follower, leader, storedVote } from './harness/roles.js';

test('all servers: what is committed is applied, in order (Figure 2, §5.3)', (t) => {
  const node = follower();

  node.step(append({ term: 1, terms: [1, 1, 1], leaderCommit: 2 }));

  t.deepEqual(
    node.applied.map(({ index }) => index),
    [1, 2],
  );
  t.is(node.raft.status().lastApplied, 2);
});

const newer: Message[] = [
  append({ term: 7 }),
  heartbeat({ term: 7 }),
  requestVote({ term: 7 }),
  appended({ term: 7 }),
  heartbeatAnswer({ term: 7 }),
  vote({ term: 7, granted: false }),
  preVoteAnswer({ term: 7, granted: false }),
];

for (const message of newer) {
  for (const [role, make] of Object.entries({ follower, candidate, leader })) {
    test(`all servers: ${message.kind} of a higher term makes a ${role} follow (Figure 2, §5.1)`, (t) => {
      const node = make();

      node.step(message);

      t.is(node.raft.role, 'follower');
      t.is(node.raft.currentTerm, 7);
      t.is(node.disk.hardState.currentTerm, 7);
    });
  }
}

test('followers: respond to RPCs from candidates and leaders (Figure 2, §5.2)', (t) => {
  const node = follower();

  node.step(requestVote({ term: 1 }), append({ term: 1 }), heartbeat({ term: 1 }));

  t.deepEqual(
    node.sent().map(({ kind }) => kind),
    ['request-vote-response', 'append-entries-response', 'heartbeat-response'],
  );
});

test('followers: an election timeout without a leader makes a candidate (Figure 2, §5.2)', (t) => {
  const node = follower();

  node.tick(9);
  t.is(node.raft.role, 'follower');
  node.tick();

  t.is(node.raft.role, 'candidate');
});

for (const { what, message, keepsQuiet } of [
  { what: 'AppendEntries of the leader', message: append({ term: 1 }), keepsQuiet: true },
  { what: 'a heartbeat of the leader', message: heartbeat({ term: 1 }), keepsQuiet: true },
  { what: 'granting a vote', message: requestVote({ term: 1 }), keepsQuiet: true },
  { what: 'AppendEntries of an old term', message: append({ term: 0 }), keepsQuiet: false },
  {
    what: 'refusing a vote',
    message: requestVote({ term: 1, from: 'n3' }),
    keepsQuiet: false,
  },
]) {
  const effect = keepsQuiet ? 'resets' : 'does not reset';
  test(`followers: ${what} ${effect} the election timer (Figure 2, §5.2)`, (t) => {
    const node = follower({ hardState: { currentTerm: 1, votedFor: 'n2' } });
    node.tick(9);

    node.step(message);
    node.tick();

    t.is(node.raft.role, keepsQuiet ? 'follower' : 'candidate');
  });
}

test('candidates: start an election by a new term, the own vote and requests (Figure 2, §5.2)', (t) => {
  const node = follower({ hardState: { currentTerm: 4, votedFor: 'n3' } });

  node.tick(10);

  t.deepEqual(node.disk.hardState, { currentTerm: 5, votedFor: 'n1' });
  t.deepEqual(
    only(node.sent(), 'request-vote').map(({ to, term }) => ({ to, term })),
    [
      { to: 'n2', term: 5 },
      { to: 'n3', term: 5 },
    ],
  );
});

test('candidates: an election resets the election timer (Figure 2, §5.2)', (t) => {
  const drawn = [10, 13];
  const node = follower({ drawElectionTicks: () => drawn.shift() ?? 99 });

  node.tick(10);
  node.tick(12);
  t.is(node.raft.currentTerm, 1);
  node.tick();

  t.is(node.raft.currentTerm, 2);
});

test('candidates: votes of a majority make a leader (Figure 2, §5.2)', (t) => {
  const node = candidate();

  node.step(vote({ term: 1 }));

  t.is(node.raft.role, 'leader');
  t.is(node.raft.leaderId, 'n1');
});

test('candidates: AppendEntries of the new leader make a follower (Figure 2, §5.2)', (t) => {
  const node = candidate();

  node.step(append({ term: 1, from: 'n3' }));

  t.is(node.raft.role, 'follower');
  t.is(node.raft.leaderId, 'n3');
});

test('candidates: an election timeout starts a new election (Figure 2, §5.2)', (t) => {
  const node = candidate();

  node.tick(10);

  t.is(node.raft.role, 'candidate');
  t.is(node.raft.currentTerm, 2);
  t.is(only(node.sent(), 'request-vote').length, 2);
});

test('leaders: upon election AppendEntries go to each server (Figure 2, §5.2)', (t) => {
  const node = candidate();

  node.step(vote({ term: 1 }));

  t.deepEqual(
    only(node.sent(), 'append-entries').map(({ to }) => to),
    ['n2', 'n3'],
  );
});

test('leaders: heartbeats repeat in idle periods (Figure 2, §5.2)', (t) => {
  const node = leader();

  node.tick(6);

  t.is(only(node.sent(), 'heartbeat').length, 3 * 2);
});

test('leaders: a command is appended to the local log, stored, and sent (Figure 2, §5.3)', (t) => {
  const node = leader();
  node.step(appended({ term: 1, matchIndex: 1 }), appended({ term: 1, matchIndex: 1, from: 'n3' }));
  node.sent();

  const result = node.propose('x');

  t.deepEqual(result, { accepted: true, index: 2, term: 1 });
  t.is(node.disk.entries.at(-1)?.index, 2);
  t.deepEqual(
    only(node.sent(), 'append-entries').map(({ to, entries }) => [to, entries.length]),
    [
      ['n2', 1],
      ['n3', 1],
    ],
  );
});

test('leaders: success moves nextIndex and matchIndex of that follower (Figure 2, §5.3)', (t) => {
  const node = leader({ terms: [1, 1] });

  node.step(appended({ term: 2, matchIndex: 3 }));

  const { n2, n3 } = node.raft.status().progress ?? {};
  t.deepEqual([n2?.matchIndex, n2?.nextIndex], [3, 4]);
  t.is(n3?.matchIndex, 0);
});

test('leaders: after an inconsistency nextIndex goes back and it retries (Figure 2, §5.3)', (t) => {
  const node = leader({ terms: [1, 1] });

  node.step(appended({ term: 2, success: false, prevLogIndex: 2 }));

  const [retry] = only(node.sent(), 'append-entries');
  t.deepEqual([retry?.prevLogIndex, retry?.entries.length], [1, 2]);
});

test('leaders: commit what a majority has, if it is of this term (Figure 2, §5.3, §5.4)', (t) => {
  const node = leader({ terms: [1, 1], voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });

  node.step(appended({ term: 2, matchIndex: 3, from: 'n2' }));
  t.is(node.raft.commitIndex, 0);
  node.step(appended({ term: 2, matchIndex: 2, from: 'n3' }));
  t.is(node.raft.commitIndex, 0);
  node.step(appended({ term: 2, matchIndex: 3, from: 'n3' }));

  t.is(node.raft.commitIndex, 3);
});

test('leaders: only the leader takes commands, others name it (§5.1, §8)', (t) => {
  const node = follower();

  t.deepEqual(node.propose('x'), { accepted: false, reason: 'not-leader' });
  node.step(append({ term: 1 }));

  t.deepEqual(node.propose('x'), { accepted: false, reason: 'not-leader', leaderId: 'n2' });
});

test('a vote is kept by a leader as well as by a candidate (Figure 2)', (t) => {
  t.is(storedVote(leader()), 'n1');
});
