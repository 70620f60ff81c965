/**
 * Commits: rows C17, C18, C23 of the conformance list, pitfalls 11, 14, 15, 16, 18.
 */
import test from 'ava';
import { append, appended, heartbeat, only, readIndexAnswer } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { TestNode } from './harness/node.js';
import { follower, leader, progressOf } from './harness/roles.js';

const basic = { preVote: false, checkQuorum: false };
const votersOf = (size: number): string[] => Array.from({ length: size }, (_, i) => `n${i + 1}`);

for (const size of [1, 3, 5]) {
  for (let acceptors = 1; acceptors <= size; acceptors += 1) {
    const isCommitted = acceptors * 2 > size;
    const title = `${acceptors} of ${size} have it: ${isCommitted ? 'committed' : 'not committed'}`;
    test(`C17: ${title} (etcd TestLeaderAcknowledgeCommit)`, (t) => {
      const node = leader({ voters: votersOf(size) });
      node.propose('x');

      for (const from of votersOf(acceptors).slice(1)) {
        node.step(appended({ term: 1, matchIndex: 2, from }));
      }

      t.is(node.raft.commitIndex, isCommitted ? 2 : 0);
    });
  }
}

for (const { matchIndex, expected } of [
  { matchIndex: 1, expected: 0 },
  { matchIndex: 2, expected: 0 },
  { matchIndex: 3, expected: 3 },
]) {
  const title = `entries of terms 1 2 3, ${matchIndex} acknowledged, ${expected} committed`;
  test(`C18a: ${title} (etcd TestLeaderOnlyCommitsLogFromCurrentTerm)`, (t) => {
    const node = leader({ terms: [1, 2], term: 3 });

    node.step(appended({ term: 3, matchIndex, from: 'n2' }));
    node.step(appended({ term: 3, matchIndex, from: 'n3' }));

    t.is(node.raft.commitIndex, expected);
  });
}

for (const isDropped of [true, false]) {
  const source = isDropped
    ? 'TestCannotCommitWithoutNewTermEntry'
    : 'TestCommitWithoutNewTermEntry';
  const title = isDropped ? 'b: without an entry of its term' : 'c: by its empty entry';
  test(`C18${title} a new leader ${isDropped ? 'never commits' : 'commits'} old ones (etcd ${source})`, (t) => {
    const net = new TestNetwork({ ...basic, size: 5 });
    net.elect('n1');
    net.tick();
    net.partition('n1', 'n2');
    net.propose('n1', 'a');
    net.propose('n1', 'b');
    net.heal();

    net.drop = ({ kind }) => isDropped && kind === 'append-entries';
    net.elect('n2');
    net.tick(5);

    t.is(net.node('n2').raft.commitIndex, isDropped ? 1 : 4);
    if (!isDropped) t.deepEqual(net.node('n5').texts, ['a', 'b']);
  });
}

test('C23: paged apply hands out each entry once, in order, and loses no tail (etcd TestCommitPagination)', (t) => {
  const node = leader({ voters: ['n1'] });
  node.applyMax = 3;
  for (let i = 0; i < 20; i += 1) node.propose(`c${i}`);
  for (let i = 0; i < 10; i += 1) node.apply();

  t.deepEqual(
    node.applied.map(({ index }) => index),
    Array.from({ length: 21 }, (_, i) => i + 1),
  );
  t.is(node.raft.status().lastApplied, 21);
});

test('C23: right after a restart with commit 10 of 11 nothing is skipped (etcd …AfterRestart)', (t) => {
  const terms = Array.from({ length: 11 }, () => 1);
  const node = new TestNode({ terms, voters: ['n1', 'n2', 'n3'], applied: 0 });
  node.applyMax = 4;

  node.step(append({ term: 1, prev: [10, 1], leaderCommit: 10 }));
  for (let i = 0; i < 3; i += 1) node.apply();
  t.is(node.applied.length, 10);
  node.step(append({ term: 1, prev: [11, 1], leaderCommit: 11 }));

  t.deepEqual(
    node.applied.map(({ index }) => index),
    Array.from({ length: 11 }, (_, i) => i + 1),
  );
});

test('pitfall 11: figure 8 with lossy links commits no entry that is replaced later', (t) => {
  for (let seed = 0; seed < 20; seed += 1) {
    const net = new TestNetwork({ ...basic, size: 5, seed });
    for (let round = 0; round < 40; round += 1) {
      net.weather = { loss: 0.2, duplication: 0.1, reorder: 0.2 };
      net.tick(net.prng.int(1, 12));
      const head = net.leader;
      if (head !== undefined) {
        net.propose(head.id, `${seed}/${round}`);
        if (net.prng.next() < 0.7) head.crash();
      }
      const down = [...net.nodes.values()].filter((node) => !node.isRunning);
      if (down.length > 2) net.prng.pick(down).restart();
    }
  }
  t.pass('the invariants saw every commit');
});

test('pitfall 14: a follower commits the last verified entry, not its own last one', (t) => {
  const node = follower({ terms: [1, 1, 1, 1], hardState: { currentTerm: 2 } });

  node.step(append({ term: 2, prev: [2, 1], leaderCommit: 4 }));
  t.is(node.raft.commitIndex, 2);
  node.step(heartbeat({ term: 2, leaderCommit: 4 }));

  t.is(node.raft.commitIndex, 2);
});

test('pitfall 15: a stale acknowledgement never lowers matchIndex or nextIndex', (t) => {
  const node = leader({ terms: [1, 1, 1] });
  node.step(appended({ term: 2, matchIndex: 4 }));

  node.step(appended({ term: 2, matchIndex: 2 }), appended({ term: 1, matchIndex: 9 }));

  const { matchIndex, nextIndex } = progressOf(node, 'n2');
  t.deepEqual([matchIndex, nextIndex], [4, 5]);
});

test('pitfall 15: an acknowledgement of an earlier term moves nothing', (t) => {
  const node = leader({ terms: [1, 1], term: 3 });

  node.step(appended({ term: 2, matchIndex: 3 }), appended({ term: 1, matchIndex: 2 }));

  t.is(progressOf(node, 'n2').matchIndex, 0);
  t.is(node.raft.commitIndex, 0);
});

test('pitfall 15: the answer covers what the message covers, not the length of the log', (t) => {
  const node = follower({ terms: [1, 1, 1, 1, 1], hardState: { currentTerm: 2 } });

  node.step(append({ term: 2, prev: [1, 1], terms: [1] }));

  t.is(only(node.sent(), 'append-entries-response')[0]?.matchIndex, 2);
});

test('pitfall 15: an acknowledgement beyond the leader log breaks an invariant', (t) => {
  const node = leader();

  const error = t.throws(() => node.step(appended({ term: 1, matchIndex: 5 })));

  t.is(error?.name, 'InvariantError');
});

test('pitfall 18: disks that complete at any pace lose no progress', (t) => {
  const net = new TestNetwork({ size: 3, seed: 18 });
  net.elect('n1');
  for (const node of net.nodes.values()) node.isDiskSlow = true;
  for (let i = 0; i < 30; i += 1) {
    net.propose('n1', `c${i}`);
    const node = net.node(`n${net.prng.int(1, 3)}`);
    net.at(node.id, () => node.flush(net.prng.int(0, 3)));
    net.settle();
  }
  for (let i = 0; i < 5; i += 1) {
    for (const node of net.nodes.values()) net.at(node.id, () => node.flush());
    net.settle();
  }
  net.tick();

  for (const { raft } of net.nodes.values()) t.is(raft.commitIndex, 31);
});

test('acknowledgements of one drain melt into the newest, other messages stay apart', (t) => {
  const node = follower();
  node.raft.step(append({ term: 1, terms: [1] }));
  node.raft.step(append({ term: 1, prev: [1, 1], terms: [1] }));
  node.raft.step(append({ term: 1, prev: [9, 1], terms: [1] }));
  node.raft.step(append({ term: 1, prev: [2, 1], terms: [1] }));

  node.run();

  t.deepEqual(
    only(node.sent(), 'append-entries-response').map(({ success, matchIndex }) =>
      success ? matchIndex : 'refused',
    ),
    [2, 'refused', 3],
  );
});

test('an acknowledgement never melts into a lesser one, nor into one of another term', (t) => {
  const node = follower();
  node.raft.step(append({ term: 1, terms: [1, 1, 1] }));
  node.raft.step(append({ term: 1, terms: [1] }));
  node.raft.step(append({ term: 2, prev: [3, 1], terms: [2] }));

  node.run();

  t.deepEqual(
    only(node.sent(), 'append-entries-response').map(({ term, matchIndex }) => [term, matchIndex]),
    [
      [1, 3],
      [1, 1],
      [2, 4],
    ],
  );
});

test('a heartbeat tells a follower no commit beyond what that follower acknowledged', (t) => {
  const node = leader();
  node.propose('x');
  node.step(appended({ term: 1, matchIndex: 2, from: 'n2' }));

  node.tick(2);

  t.deepEqual(
    new Set(only(node.sent(), 'heartbeat').map(({ to, leaderCommit }) => `${to} ${leaderCommit}`)),
    new Set(['n2 2', 'n3 0']),
  );
});

test('the answer to a read brings the commit index along, within what is verified', (t) => {
  const node = follower();
  node.step(append({ term: 1, terms: [1, 1] }));
  node.read();
  const [request] = only(node.sent(), 'read-index');

  node.step(
    readIndexAnswer({ term: 1, readId: request?.readId ?? 0, readIndex: 2, leaderCommit: 9 }),
  );

  t.is(node.raft.commitIndex, 2);
});

test('replicatedByAll is the least that any member has stored, learners included', (t) => {
  const node = leader({ voters: ['n1', 'n2'], learners: ['n3'] });
  node.propose('x');

  node.step(appended({ term: 1, matchIndex: 2, from: 'n2' }));
  t.is(node.raft.replicatedByAll, 0);
  node.step(appended({ term: 1, matchIndex: 1, from: 'n3' }));
  t.is(node.raft.replicatedByAll, 1);
  node.propose('y');

  t.is(only(node.sent(), 'append-entries').at(-1)?.replicatedByAll, 1);
});

test('a node that restarts within a term takes the commit index from a mere heartbeat', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.propose('n1', 'a');
  net.tick(2);
  net.node('n3').crash();
  net.node('n3').restart();
  t.is(net.node('n3').raft.commitIndex, 0);

  net.tick(2);

  t.deepEqual(net.node('n3').texts, ['a']);
});
