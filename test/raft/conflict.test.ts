/**
 * Log conflicts: rows C25 to C28 and C30 of the conformance list, pitfalls 12, 13, 24.
 */
import test from 'ava';
import type { AppendEntriesResponse } from '../../src/raft/index.js';
import { append, appended, heartbeat, heartbeatAnswer, only } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import type { TestNode } from './harness/node.js';
import { follower, leader, progressOf } from './harness/roles.js';

const basic = { preVote: false, checkQuorum: false };

/** The answer to the one append that was sent. */
function answerOf(node: TestNode): AppendEntriesResponse {
  const [answer] = only(node.sent(), 'append-entries-response');
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

test('C25a: the leader of figure 7 makes all logs equal (etcd TestLeaderSyncFollowerLog)', (t) => {
  const logs: Record<string, number[]> = {
    n1: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
    n2: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    n3: [1, 1, 1, 4],
    n4: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    n5: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    n6: [1, 1, 1, 4, 4, 4, 4],
    n7: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  };
  const each = (id: string) => ({ terms: logs[id] ?? [], hardState: { currentTerm: 8 } });
  const net = new TestNetwork({ ...basic, size: 7, each });

  // The invariants check after each delivery that matchIndex was verified.
  net.elect('n1');
  net.propose('n1', 'x');
  net.tick();

  for (const node of net.nodes.values()) {
    t.deepEqual(node.terms, [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 9, 9]);
  }
});

test('C25b: an entry of an older term wins (etcd TestLeaderElectionOverwriteNewerLogs)', (t) => {
  const states: Record<string, [number[], number]> = {
    n1: [[1], 1],
    n2: [[1], 1],
    n3: [[2], 2],
    n4: [[], 2],
    n5: [[], 2],
  };
  const each = (id: string) => {
    const [terms = [], currentTerm = 0] = states[id] ?? [];
    return { terms, hardState: { currentTerm, ...(id > 'n2' ? { votedFor: 'n3' } : {}) } };
  };
  const net = new TestNetwork({ ...basic, size: 5, each });

  net.at('n1', (node) => node.campaign());
  net.settle();
  t.not(net.node('n1').raft.role, 'leader');
  t.is(net.node('n1').raft.currentTerm, 2);
  net.elect('n1');

  t.is(net.node('n1').raft.currentTerm, 3);
  for (const node of net.nodes.values()) t.deepEqual(node.terms, [1, 3]);
});

for (const { what, prev, terms, expected } of [
  { what: 'empty, at the end', prev: [2, 2], terms: [], expected: [1, 2] },
  { what: 'empty, in the middle', prev: [1, 1], terms: [], expected: [1, 2] },
  { what: 'empty, at the start', prev: [0, 0], terms: [], expected: [1, 2] },
  { what: 'new at the end', prev: [2, 2], terms: [3], expected: [1, 2, 3] },
  { what: 'identical', prev: [0, 0], terms: [1, 2], expected: [1, 2] },
  { what: 'a known prefix', prev: [0, 0], terms: [1], expected: [1, 2] },
  { what: 'partly known', prev: [0, 0], terms: [1, 2, 3], expected: [1, 2, 3] },
  { what: 'conflict at the last', prev: [1, 1], terms: [3], expected: [1, 3] },
  { what: 'conflict at the first', prev: [0, 0], terms: [3, 3], expected: [3, 3] },
  { what: 'conflict, shorter', prev: [0, 0], terms: [3], expected: [3] },
] as const) {
  test(`C26: ${what}: only from the first real conflict on is deleted (etcd TestFollowerAppendEntries)`, (t) => {
    const node = follower({ terms: [1, 2], hardState: { currentTerm: 3 } });

    node.step(append({ term: 3, prev, terms }));

    t.deepEqual(node.terms, [...expected]);
    t.deepEqual(answerOf(node).matchIndex, prev[0] + terms.length);
  });
}

test('C26: a heartbeat leaves the tail alone (willemt …_heartbeat_does_not_overwrite_logs)', (t) => {
  const node = follower({ terms: [1, 2] });

  node.step(heartbeat({ term: 3 }), append({ term: 3, prev: [1, 1] }));

  t.deepEqual(node.terms, [1, 2]);
});

test('C26, pitfall 13: a conflict at or below commit breaks an invariant (willemt …_commited_entries)', (t) => {
  const node = follower({ terms: [1, 1, 1] });
  node.step(append({ term: 1, prev: [3, 1], leaderCommit: 2 }));

  const error = t.throws(() => node.step(append({ term: 2, prev: [1, 1], terms: [2] })));

  t.is(error?.name, 'InvariantError');
  t.deepEqual(node.terms, [1, 1, 1]);
});

for (let prevLogIndex = 0; prevLogIndex <= 6; prevLogIndex += 1) {
  for (const prevLogTerm of [0, 1, 2, 3]) {
    test(`pitfall 13: a corrupt prev of ${prevLogIndex}/${prevLogTerm} removes nothing committed`, (t) => {
      const node = follower({ terms: [1, 1, 2, 2], hardState: { currentTerm: 3 } });
      node.step(append({ term: 3, prev: [4, 2], leaderCommit: 3 }));

      try {
        node.step(append({ term: 3, prev: [prevLogIndex, prevLogTerm], terms: [3, 3] }));
      } catch (error) {
        t.is((error as Error).name, 'InvariantError');
      }

      t.deepEqual(node.terms.slice(0, 3), [1, 1, 2]);
    });
  }
}

test('pitfall 12: an append overtaken by its successor erases nothing (openraft 9540c904)', (t) => {
  const node = follower();

  node.step(append({ term: 1, terms: [1, 1, 1] }));
  node.step(append({ term: 1, terms: [1] }), append({ term: 1, prev: [1, 1] }));

  t.deepEqual(node.terms, [1, 1, 1]);
  node.crash();
  node.restart();
  t.deepEqual(node.terms, [1, 1, 1]);
});

/** Rows of etcd's table: two logs, and where the probes land until the logs meet. */
for (const { what, mine, theirs, probes } of [
  {
    what: 'long conflicting run at the follower',
    mine: [1, 2, 2, 4, 4, 4, 4],
    theirs: [1, 2, 2, 3, 3, 3, 3, 3],
    probes: [7, 3],
  },
  {
    what: 'long conflicting run at the leader',
    mine: [1, 2, 2, 3, 4, 4, 4, 5],
    theirs: [1, 2, 2, 3, 3, 3, 3, 3, 3, 3],
    probes: [8, 4],
  },
  {
    what: 'the leader ends in a long run of its own',
    mine: [1, 1, 1, 5, 5, 5, 5, 5],
    theirs: [1, 1, 1, 1],
    probes: [8, 3],
  },
  {
    what: 'the follower has a longer tail of an old term',
    mine: [1, 3, 4],
    theirs: [1, 2, 2, 2, 2, 2],
    probes: [3, 1],
  },
  { what: 'the follower lags', mine: [1, 1, 1, 1], theirs: [1, 1], probes: [4, 2] },
  { what: 'the follower has nothing', mine: [1, 2, 3], theirs: [], probes: [3, 0] },
  {
    what: 'nothing in common',
    mine: [2, 2, 2, 2, 2],
    theirs: [1, 1, 1, 1, 1, 1],
    probes: [5, 0],
  },
  {
    what: 'runs that alternate',
    mine: [1, 1, 3, 3, 5, 5],
    theirs: [1, 1, 2, 2, 4, 4],
    probes: [6, 4, 2],
  },
  { what: 'the same log', mine: [1, 2, 3], theirs: [1, 2, 3], probes: [3] },
]) {
  test(`C27: ${what}: ${probes.length} probe(s) (etcd TestFastLogRejection)`, (t) => {
    const node = leader({ terms: mine, term: 9, voters: ['n1', 'n2'] });
    const other = follower({ id: 'n2', terms: theirs, hardState: { currentTerm: 8 } });
    const tried: number[] = [];
    let toOther = [
      append({ term: 9, from: 'n1', to: 'n2', prev: [mine.length, mine.at(-1) ?? 0] }),
    ];

    while (toOther.length > 0) {
      tried.push(...toOther.map(({ prevLogIndex }) => prevLogIndex));
      other.step(...toOther);
      const answers = only(other.sent(), 'append-entries-response');
      for (const { success, lastLogIndex, conflictIndex = 0, conflictTerm = 0 } of answers) {
        if (success) continue;
        t.is(lastLogIndex, other.raft.lastLogIndex);
        t.is(other.raft.termAt(conflictIndex), conflictTerm);
      }
      node.step(...answers);
      toOther = only(node.sent(), 'append-entries').filter(() => answers.some((a) => !a.success));
    }

    t.deepEqual(tried, probes);
    t.deepEqual(other.terms, node.terms.slice(0, other.terms.length));
  });
}

test('C27: a follower that compacted past prev is believed, not crashed (etcd TestFastLogRejection)', (t) => {
  const node = follower({ base: { index: 5, term: 3 }, terms: [3], hardState: { currentTerm: 4 } });

  node.step(append({ term: 4, prev: [3, 2], terms: [2, 3, 3, 4] }));

  t.deepEqual(node.terms, [3, 4]);
  t.is(answerOf(node).matchIndex, 7);
});

test('C28: swapped appends: a stale refusal never lowers nextIndex (etcd …ReorderedMessage)', (t) => {
  const node = leader({ voters: ['n1', 'n2'] });
  node.step(appended({ term: 1, matchIndex: 1 }));
  node.propose('x');
  node.propose('y');
  const other = follower({ id: 'n2', terms: [1] });
  const [first, second] = only(node.sent(), 'append-entries');
  if (first === undefined || second === undefined) throw new Error('two appends are expected');

  other.step(second, first);
  const [refusal, success] = only(other.sent(), 'append-entries-response');
  if (refusal === undefined || success === undefined) throw new Error('two answers are expected');
  t.deepEqual([refusal.success, success.success], [false, true]);
  node.step(success);
  node.raft.reportUnreachable('n2');
  node.step(refusal);

  const { matchIndex, nextIndex, state } = progressOf(node, 'n2');
  t.deepEqual([matchIndex, nextIndex, state], [2, 3, 'probe']);
  node.tick(2);
  node.step(heartbeatAnswer({ term: 1 }));
  t.is(only(node.sent(), 'append-entries')[0]?.prevLogIndex, 2);
});

test('C28: a refusal that arrives twice, or late, costs no second probe (etcd)', (t) => {
  const node = leader({ terms: [1, 1, 1, 1, 1, 1], term: 2, voters: ['n1', 'n2'] });
  const refusal = { term: 2, success: false, conflictTerm: 1 };

  node.step(appended({ ...refusal, prevLogIndex: 6, conflictIndex: 4 }));
  t.is(only(node.sent(), 'append-entries')[0]?.prevLogIndex, 4);
  node.step(appended({ ...refusal, prevLogIndex: 6, conflictIndex: 2 }));

  t.deepEqual(only(node.sent(), 'append-entries'), []);
  t.is(progressOf(node, 'n2').nextIndex, 5);
});

test('C28: a refusal of what was verified since is ignored (openraft t99_issue_1500)', (t) => {
  const node = leader({ terms: [1, 1] });
  node.step(appended({ term: 2, matchIndex: 3 }));

  node.step(appended({ term: 2, success: false, prevLogIndex: 2, conflictIndex: 0 }));

  const { nextIndex, state } = progressOf(node, 'n2');
  t.deepEqual([nextIndex, state], [4, 'replicate']);
});

for (const [what, message] of [
  ['an empty append', append({ term: 3, prev: [1, 1], leaderCommit: 9 })],
  ['a heartbeat', heartbeat({ term: 3, leaderCommit: 9 })],
] as const) {
  test(`C30: ${what} with a high commit never reaches into an unverified tail (etcd TestHandleMsgApp)`, (t) => {
    const node = follower({ terms: [1, 2, 2, 2] });
    node.step(append({ term: 3, prev: [1, 1] }));

    node.step(message);

    t.is(node.raft.commitIndex, 1);
    t.deepEqual(node.terms, [1, 2, 2, 2]);
  });
}

test('C30: the tail of the term before is unverified for the leader of the next (ra follower_aer)', (t) => {
  const node = follower();
  node.step(append({ term: 1, from: 'n3', terms: [1, 1, 1] }));

  node.step(heartbeat({ term: 2, leaderCommit: 3 }));

  t.is(node.raft.commitIndex, 0);
});

for (const { prev, terms, expected, success } of [
  { prev: [4, 2], terms: [2, 3], expected: [3, 3], success: true },
  { prev: [5, 2], terms: [3, 3, 3], expected: [3, 3, 3], success: true },
  { prev: [5, 1], terms: [3], expected: [3, 3], success: false },
  { prev: [6, 3], terms: [3, 4], expected: [3, 3, 4], success: true },
  { prev: [2, 1], terms: [1, 2], expected: [3, 3], success: true },
] as const) {
  test(`pitfall 24, C46: prev ${prev.join('/')} around a base of 5/2: ${success}`, (t) => {
    const node = follower({
      base: { index: 5, term: 2 },
      terms: [3, 3],
      hardState: { currentTerm: 4 },
    });

    node.step(append({ term: 4, prev, terms }));

    t.deepEqual(node.terms, [...expected]);
    t.is(answerOf(node).success, success);
  });
}
