/**
 * Sections 5.1, 5.2, 5.4.1 and 5.6 of the Raft paper: one test a sentence that binds a server.
 */
import test from 'ava';
import { append, only, requestVote, vote } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { candidate, follower, leader, storedVote } from './harness/roles.js';

const basic = { preVote: false, checkQuorum: false };

test('§5.1: in normal operation there is exactly one leader and all others follow', (t) => {
  const net = new TestNetwork({ size: 5 });

  net.until(() => net.leader !== undefined, 40);
  net.tick(50);

  const roles = [...net.nodes.values()].map(({ raft }) => raft.role).sort();
  t.deepEqual(roles, ['follower', 'follower', 'follower', 'follower', 'leader']);
});

test('§5.1: a term with a split vote ends with no leader, and a new term begins', (t) => {
  const net = new TestNetwork({ ...basic, size: 2, drawElectionTicks: (min) => min });

  net.tick(10);
  t.is(net.leader, undefined);
  t.is(net.node('n1').raft.currentTerm, 1);
  net.tick(10);

  t.is(net.node('n1').raft.currentTerm, 2);
});

test('§5.1: current terms are exchanged whenever servers communicate', (t) => {
  const node = follower({ hardState: { currentTerm: 5 } });

  node.step(append({ term: 3 }), requestVote({ term: 3 }));

  t.deepEqual(
    node.sent().map(({ term }) => term),
    [5, 5],
  );
});

test('§5.1: the smaller term gives way to the larger', (t) => {
  const node = follower({ hardState: { currentTerm: 5 } });

  node.step(append({ term: 8 }));

  t.is(node.raft.currentTerm, 8);
});

test('§5.1: a leader whose term is out of date reverts to follower at once', (t) => {
  const node = leader();

  node.step(requestVote({ term: 2, lastLogTerm: 1, lastLogIndex: 9 }));

  t.is(node.raft.role, 'follower');
});

test('§5.1: a request with a stale term number is rejected', (t) => {
  const node = leader({ hardState: { currentTerm: 4 } });

  node.step(requestVote({ term: 3 }));

  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
  t.is(node.raft.role, 'leader');
});

test('§5.2: servers start up as followers, whatever they were', (t) => {
  t.is(follower().raft.role, 'follower');
  t.is(follower({ hardState: { currentTerm: 3, votedFor: 'n1' } }).raft.role, 'follower');
});

test('§5.2: a server remains follower as long as it hears valid RPCs', (t) => {
  const node = follower();

  for (let i = 0; i < 20; i += 1) {
    node.tick(9);
    node.step(append({ term: 1 }));
  }

  t.is(node.raft.role, 'follower');
});

test('§5.2: a candidate votes for itself and asks all others in parallel', (t) => {
  const node = follower({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });

  node.campaign();

  t.is(storedVote(node), 'n1');
  t.deepEqual(
    only(node.sent(), 'request-vote').map(({ to }) => to),
    ['n2', 'n3', 'n4', 'n5'],
  );
});

test('§5.2: a candidate stays one until it wins, another wins, or time passes', (t) => {
  const node = candidate({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });

  node.tick(9);

  t.is(node.raft.role, 'candidate');
  t.is(node.raft.currentTerm, 1);
});

test('§5.2: each server votes for at most one candidate in a term, first come first served', (t) => {
  const node = follower();

  node.step(requestVote({ term: 1, from: 'n2' }), requestVote({ term: 1, from: 'n3' }));

  t.deepEqual(
    only(node.sent(), 'request-vote-response').map(({ to, granted }) => [to, granted]),
    [
      ['n2', true],
      ['n3', false],
    ],
  );
});

test('§5.2: a winner sends heartbeats to establish its authority', (t) => {
  const net = new TestNetwork({ ...basic, size: 3 });

  net.elect('n2');

  for (const { raft } of net.nodes.values()) t.is(raft.leaderId, 'n2');
});

test('§5.2: a candidate recognises a leader with a term at least as large as its own', (t) => {
  const equal = candidate();
  const larger = candidate();

  equal.step(append({ term: 1 }));
  larger.step(append({ term: 2 }));

  t.is(equal.raft.role, 'follower');
  t.is(larger.raft.role, 'follower');
});

test('§5.2: a candidate rejects the RPC of a leader with a smaller term and goes on', (t) => {
  const node = candidate({ hardState: { currentTerm: 3 } });

  node.step(append({ term: 3 }));

  t.is(node.raft.role, 'candidate');
  t.is(only(node.sent(), 'append-entries-response')[0]?.success, false);
});

test('§5.2: election timeouts are drawn anew for each election, within the bounds given', (t) => {
  const calls: [number, number][] = [];
  const node = follower({
    drawElectionTicks: (min, max) => {
      calls.push([min, max]);
      return min + calls.length;
    },
  });

  node.tick(11);
  node.tick(12);

  t.deepEqual(calls, [
    [10, 19],
    [10, 19],
    [10, 19],
  ]);
  t.is(node.raft.currentTerm, 2);
});

for (const { mine, theirs, granted, why } of [
  { mine: [1, 1], theirs: [2, 1], granted: true, why: 'equal logs' },
  { mine: [1, 1], theirs: [3, 1], granted: true, why: 'same term, longer' },
  { mine: [1, 1], theirs: [1, 1], granted: false, why: 'same term, shorter' },
  { mine: [1, 1], theirs: [2, 2], granted: true, why: 'later term, same length' },
  { mine: [1, 1], theirs: [1, 2], granted: true, why: 'later term, shorter' },
  { mine: [1, 1], theirs: [3, 2], granted: true, why: 'later term, longer' },
  { mine: [1, 2], theirs: [2, 1], granted: false, why: 'earlier term, same length' },
  { mine: [1, 2], theirs: [9, 1], granted: false, why: 'earlier term, longer' },
  { mine: [1, 2], theirs: [1, 1], granted: false, why: 'earlier term, shorter' },
  { mine: [], theirs: [0, 0], granted: true, why: 'both empty' },
]) {
  const title = `${why}: ${granted ? 'granted' : 'refused'}`;
  test(`§5.4.1 and C5b: ${title} (etcd TestVoter)`, (t) => {
    const node = follower({ terms: mine });
    const [lastLogIndex = 0, lastLogTerm = 0] = theirs;

    node.step(requestVote({ term: 3, lastLogIndex, lastLogTerm }));

    t.is(only(node.sent(), 'request-vote-response')[0]?.granted, granted);
  });
}

test('§5.4.1: a candidate wins only with the log of a majority behind it', (t) => {
  const each = (id: string) => ({ terms: id === 'n3' ? [1] : [1, 1] });
  const net = new TestNetwork({ ...basic, size: 3, each });

  net.at('n3', (node) => node.campaign());
  net.settle();

  t.not(net.node('n3').raft.role, 'leader');
});

test('§5.5: RPCs are idempotent: an append that arrives twice changes nothing', (t) => {
  const node = follower();
  const message = append({ term: 1, terms: [1, 1], leaderCommit: 1 });

  node.step(message);
  const [first] = node.sent();
  node.step(message);

  t.deepEqual(node.sent(), [first]);
  t.deepEqual(node.terms, [1, 1]);
});

test('§5.5: a vote that is asked for twice is answered twice, alike', (t) => {
  const node = follower();

  node.step(requestVote({ term: 1 }), requestVote({ term: 1 }));

  const [first, second] = node.sent();
  t.deepEqual(first, second);
});

test('§5.5: the leader retries until a crashed follower is back and has everything', (t) => {
  const net = new TestNetwork({ ...basic, size: 3 });
  net.elect('n1');
  net.node('n3').crash();
  for (const text of ['a', 'b', 'c']) net.propose('n1', text);

  net.node('n3').restart();
  net.tick(4);

  t.deepEqual(net.node('n3').texts, ['a', 'b', 'c']);
});

test('§5.6: safety does not depend on timing: a late vote of a won election is harmless', (t) => {
  const node = leader();

  node.step(vote({ term: 1, from: 'n3' }), vote({ term: 1, from: 'n2' }));

  t.is(node.raft.role, 'leader');
  t.is(node.raft.lastLogIndex, 1);
});
