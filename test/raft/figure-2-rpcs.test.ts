/**
 * Figure 2, the two boxes of RPCs and the box of state: one test a sentence.
 */
import test from 'ava';
import { append, appended, only, requestVote } from './harness/messages.js';
import { candidate, follower, leader, progressOf, storedVote } from './harness/roles.js';

test('currentTerm is 0 on first boot (Figure 2, State)', (t) => {
  t.is(follower().raft.currentTerm, 0);
});

test('votedFor is nobody on first boot, and stored with the term (Figure 2, State)', (t) => {
  const node = follower();

  t.is(storedVote(node), undefined);
  node.step(requestVote({ term: 3 }));
  t.deepEqual(node.disk.hardState, { currentTerm: 3, votedFor: 'n2' });
});

test('the first index of the log is 1 (Figure 2, State)', (t) => {
  const node = leader();

  t.is(node.disk.entries[0]?.index, 1);
});

test('commitIndex and lastApplied are 0 on first boot (Figure 2, State)', (t) => {
  const { commitIndex, lastApplied } = follower().raft.status();

  t.deepEqual({ commitIndex, lastApplied }, { commitIndex: 0, lastApplied: 0 });
});

test('nextIndex starts right after the leader log, matchIndex at 0 (Figure 2, State)', (t) => {
  const node = leader({ terms: [1, 1] });

  // The noop, index 3, is on its way already; the probe does not move nextIndex.
  const { matchIndex, nextIndex } = progressOf(node, 'n2');
  t.deepEqual({ matchIndex, nextIndex }, { matchIndex: 0, nextIndex: 3 });
});

test('matchIndex increases monotonically (Figure 2, State)', (t) => {
  const node = leader({ terms: [1, 1] });

  node.step(appended({ term: 2, matchIndex: 3 }), appended({ term: 2, matchIndex: 1 }));

  t.is(progressOf(node, 'n2').matchIndex, 3);
});

test('persistent state is updated on stable storage before responding (Figure 2, State)', (t) => {
  const node = follower({ terms: [1] });
  node.isDiskSlow = true;

  node.step(requestVote({ term: 2, lastLogIndex: 1, lastLogTerm: 1 }));
  t.deepEqual(node.sent(), []);
  node.flush();
  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, true);
  node.step(append({ term: 2, prev: [1, 1], terms: [2] }));
  t.deepEqual(node.sent(), []);
  node.flush();
  t.is(only(node.sent(), 'append-entries-response')[0]?.matchIndex, 2);
});

test('AppendEntries 1: reply false if term < currentTerm (Figure 2, §5.1)', (t) => {
  const node = follower({ hardState: { currentTerm: 2 } });

  node.step(append({ term: 1, terms: [1] }));

  const [answer] = only(node.sent(), 'append-entries-response');
  t.is(answer?.success, false);
  t.is(answer?.term, 2);
  t.deepEqual(node.terms, []);
});

for (const { what, prev } of [
  { what: 'is missing', prev: [3, 2] as const },
  { what: 'has another term', prev: [2, 2] as const },
]) {
  test(`AppendEntries 2: reply false if the entry at prevLogIndex ${what} (Figure 2, §5.3)`, (t) => {
    const node = follower({ terms: [1, 1] });

    node.step(append({ term: 2, prev, terms: [2] }));

    t.is(only(node.sent(), 'append-entries-response')[0]?.success, false);
    t.deepEqual(node.terms, [1, 1]);
  });
}

test('AppendEntries 3: an entry that conflicts goes, and all that follow it (Figure 2, §5.3)', (t) => {
  const node = follower({ terms: [1, 1, 1, 1] });

  node.step(append({ term: 2, prev: [1, 1], terms: [2] }));

  t.deepEqual(node.terms, [1, 2]);
  t.deepEqual(
    node.disk.entries.map(({ term }) => term),
    [1, 2],
  );
});

test('AppendEntries 4: append what is not already in the log (Figure 2)', (t) => {
  const node = follower({ terms: [1, 1] });

  node.step(append({ term: 1, prev: [1, 1], terms: [1, 1, 1] }));

  t.deepEqual(node.terms, [1, 1, 1, 1]);
  t.is(only(node.sent(), 'append-entries-response')[0]?.matchIndex, 4);
});

for (const { leaderCommit, expected } of [
  { leaderCommit: 1, expected: 1 },
  { leaderCommit: 2, expected: 2 },
  { leaderCommit: 9, expected: 2 },
]) {
  const title = `leaderCommit ${leaderCommit}, last new entry 2: commitIndex is ${expected}`;
  test(`AppendEntries 5: ${title} (Figure 2)`, (t) => {
    const node = follower({ terms: [1, 1, 1] });

    node.step(append({ term: 2, prev: [1, 1], terms: [1], leaderCommit }));

    t.is(node.raft.commitIndex, expected);
  });
}

test('commitIndex increases monotonically (Figure 2, State)', (t) => {
  const node = follower({ terms: [1, 1] });

  node.step(append({ term: 1, prev: [2, 1], leaderCommit: 2 }));
  node.step(append({ term: 1, prev: [2, 1], leaderCommit: 1 }));

  t.is(node.raft.commitIndex, 2);
});

test('RequestVote 1: reply false if term < currentTerm (Figure 2, §5.1)', (t) => {
  const node = follower({ hardState: { currentTerm: 2 } });

  node.step(requestVote({ term: 1 }));

  const [answer] = only(node.sent(), 'request-vote-response');
  t.deepEqual([answer?.granted, answer?.term], [false, 2]);
});

for (const { votedFor, from, granted } of [
  { votedFor: undefined, from: 'n2', granted: true },
  { votedFor: 'n2', from: 'n2', granted: true },
  { votedFor: 'n3', from: 'n2', granted: false },
]) {
  const title = `voted for ${votedFor ?? 'nobody'}, ${from} asks: ${granted ? 'yes' : 'no'}`;
  test(`RequestVote 2: ${title} (Figure 2, §5.2)`, (t) => {
    const hardState = { currentTerm: 1, ...(votedFor === undefined ? {} : { votedFor }) };
    const node = follower({ hardState });

    node.step(requestVote({ term: 1, from }));

    t.is(only(node.sent(), 'request-vote-response')[0]?.granted, granted);
  });
}

test('RequestVote 2: a log that is not up to date gets no vote (Figure 2, §5.4)', (t) => {
  const node = follower({ terms: [1, 2] });

  node.step(requestVote({ term: 3, lastLogIndex: 1, lastLogTerm: 1 }));

  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
  t.is(storedVote(node), undefined);
});

test('RequestVote carries term, candidate and the end of the log (Figure 2)', (t) => {
  const node = follower({ terms: [1, 2] });

  node.campaign();

  const common = { kind: 'request-vote', from: 'n1', term: 3, isTransfer: false } as const;
  t.deepEqual(node.sent(), [
    { ...common, to: 'n2', lastLogIndex: 2, lastLogTerm: 2 },
    { ...common, to: 'n3', lastLogIndex: 2, lastLogTerm: 2 },
  ]);
});

test('AppendEntries carries leader, previous entry, entries and leaderCommit (Figure 2)', (t) => {
  const node = leader({ terms: [1] });
  node.step(appended({ term: 2, matchIndex: 2 }));
  node.sent();

  node.propose('x');

  const [message] = only(node.sent(), 'append-entries').filter(({ to }) => to === 'n2');
  t.is(message?.from, 'n1');
  t.deepEqual([message?.prevLogIndex, message?.prevLogTerm], [2, 2]);
  t.deepEqual(
    message?.entries.map(({ index, term, byteLength }) => ({ index, term, byteLength })),
    [{ index: 3, term: 2, byteLength: 1 }],
  );
  t.is(message?.leaderCommit, 2);
});

test('a candidate that hears of no winner keeps its term and its vote (Figure 2)', (t) => {
  const node = candidate();

  t.is(node.raft.currentTerm, 1);
  t.is(storedVote(node), 'n1');
});
