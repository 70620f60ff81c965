/**
 * Leadership transfer: rows C65 to C67 of the conformance list and pitfall 10.
 */
import test from 'ava';
import {
  append,
  appended,
  heartbeatAnswer,
  only,
  requestVote,
  timeoutNow,
} from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { follower, leader, progressOf } from './harness/roles.js';

const basic = { preVote: false, checkQuorum: false };

for (const protects of [false, true]) {
  const mode = protects ? 'with pre-vote and CheckQuorum' : 'without';
  const options = { size: 3, preVote: protects, checkQuorum: protects };

  test(`C65: to an equal follower, ${mode} (etcd TestLeaderTransferToUpToDateNode)`, (t) => {
    const net = new TestNetwork(options);
    net.elect('n1');

    t.deepEqual(
      net.at('n1', (node) => node.transfer('n2')),
      { accepted: true },
    );
    net.settle();

    t.is(net.leader?.id, 'n2');
    t.is(net.node('n2').raft.currentTerm, 2);
    t.is(net.node('n1').raft.leaderId, 'n2');
    t.true(net.propose('n2', 'x').accepted);
  });

  test(`C65: to one that lacks entries, which gets them first, ${mode} (etcd …ToSlowFollower)`, (t) => {
    const net = new TestNetwork(options);
    net.elect('n1');
    net.isolate('n3');
    for (const text of ['a', 'b', 'c']) net.propose('n1', text);
    net.heal();

    net.at('n1', (node) => node.transfer('n3'));
    net.settle();

    t.is(net.leader?.id, 'n3');
    t.deepEqual(net.node('n3').texts, ['a', 'b', 'c']);
  });
}

test('C65: asked at a follower it names the leader (etcd …ToUpToDateNodeFromFollower)', (t) => {
  const node = follower();

  t.deepEqual(node.transfer('n2'), { accepted: false, reason: 'not-leader' });
  node.step(append({ term: 1 }));

  t.deepEqual(node.transfer('n3'), { accepted: false, reason: 'not-leader', leaderId: 'n2' });
});

test('C65: the order leaves only when the target has the last entry', (t) => {
  const node = leader();
  node.step(appended({ term: 1, matchIndex: 1 }));
  node.propose('x');
  node.transfer('n2');
  t.deepEqual(only(node.sent(), 'timeout-now'), []);

  node.step(appended({ term: 1, matchIndex: 2, from: 'n3' }));
  t.deepEqual(only(node.sent(), 'timeout-now'), []);
  node.step(appended({ term: 1, matchIndex: 2 }));

  t.deepEqual(
    only(node.sent(), 'timeout-now').map(({ to }) => to),
    ['n2'],
  );
});

for (const { to, reason } of [
  { to: 'n1', reason: 'already-leader' },
  { to: 'n9', reason: 'unknown-node' },
  { to: 'n4', reason: 'learner' },
] as const) {
  test(`C66: ${to} cannot take over: ${reason} (etcd TestLeaderTransferToSelf, …NonExistingNode)`, (t) => {
    const node = leader({ learners: ['n4'] });

    const result = node.transfer(to);

    t.false(result.accepted);
    t.is(result.accepted ? '' : result.reason, reason);
    t.is(node.raft.status().transferee, undefined);
    t.true(node.propose('x').accepted);
  });
}

test('C66, pitfall 10: the order to take over does nothing at a learner (raft-rs …_to_learner)', (t) => {
  const learner = follower({ voters: ['n2', 'n3'], learners: ['n1'] });

  learner.step(timeoutNow({ term: 1 }));
  learner.campaign();
  learner.tick(50);

  t.is(learner.raft.role, 'follower');
  t.is(learner.raft.currentTerm, 1);
});

test('C66: nor at a node that is no member (etcd TestTransferNonMember)', (t) => {
  const outsider = follower({ voters: ['n2', 'n3', 'n4'] });

  outsider.step(timeoutNow({ term: 1 }));

  t.is(outsider.raft.role, 'follower');
});

test('C66: the same target again does not extend the time limit (etcd …SecondTransferToSameNode)', (t) => {
  const node = leader();
  node.transfer('n2');

  node.tick(6);
  t.true(node.transfer('n2').accepted);
  node.tick(3);
  t.is(node.raft.status().transferee, 'n2');
  node.tick();

  t.is(node.raft.status().transferee, undefined);
});

test('C66: another target replaces the first (etcd …SecondTransferToAnotherNode)', (t) => {
  const net = new TestNetwork({ ...basic, size: 3 });
  net.elect('n1');
  net.isolate('n3');
  net.propose('n1', 'x');

  net.at('n1', (node) => node.transfer('n3'));
  net.settle();
  t.is(net.node('n1').raft.status().transferee, 'n3');
  net.at('n1', (node) => node.transfer('n2'));
  net.settle();

  t.is(net.leader?.id, 'n2');
});

test('C67: to an isolated node: refused meanwhile, over after an election timeout (etcd …Timeout)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.isolate('n3');
  const { raft } = net.node('n1');

  net.at('n1', (node) => node.transfer('n3'));
  net.settle();
  t.deepEqual(net.propose('n1', 'x'), { accepted: false, reason: 'transferring', leaderId: 'n3' });
  net.tick(9);
  t.false(net.propose('n1', 'x').accepted);
  net.tick();

  t.deepEqual([raft.role, raft.currentTerm], ['leader', 1]);
  t.true(net.propose('n1', 'x').accepted);
  t.deepEqual(net.node('n1').texts, ['x']);
});

test('C67: entries under way commit while a transfer is pending (etcd TestLeaderTransferIgnoreProposal)', (t) => {
  const node = leader();
  node.propose('x');

  node.transfer('n3');
  node.step(appended({ term: 1, matchIndex: 2, from: 'n2' }));

  t.deepEqual(node.texts, ['x']);
});

test('a deposed leader forgets its transfer', (t) => {
  const node = leader();
  node.transfer('n2');

  node.step(append({ term: 2, from: 'n3' }));

  t.is(node.raft.status().transferee, undefined);
  t.deepEqual(node.propose('x'), { accepted: false, reason: 'not-leader', leaderId: 'n3' });
});

test('a campaign by order of the leader says so, and voters that hear the leader agree', (t) => {
  const node = follower({ checkQuorum: true, preVote: true });
  node.step(append({ term: 1, terms: [1] }));
  node.sent();

  node.step(timeoutNow({ term: 1 }));
  const [request] = only(node.sent(), 'request-vote');
  t.true(request?.isTransfer);

  const voter = follower({ checkQuorum: true, preVote: true });
  voter.step(append({ term: 1, terms: [1] }));
  voter.sent();
  const log = { lastLogIndex: 1, lastLogTerm: 1, from: 'n3' };
  voter.step(requestVote({ term: 2, ...log }));
  t.is(only(voter.sent(), 'request-vote-response')[0]?.granted, false);
  voter.step(requestVote({ term: 2, ...log, isTransfer: true }));
  t.is(only(voter.sent(), 'request-vote-response')[0]?.granted, true);
});

test('a late order of a former term does nothing', (t) => {
  const node = follower();
  node.step(append({ term: 3 }));

  node.step(timeoutNow({ term: 2, from: 'n3' }));

  t.is(node.raft.role, 'follower');
  t.is(node.raft.currentTerm, 3);
});

test('pitfall 10: a node that was just promoted takes over, a learner never', (t) => {
  const before = leader({ voters: ['n1', 'n2'], learners: ['n3'] });
  const after = leader({ voters: ['n1', 'n2', 'n3'] });
  for (const node of [before, after]) node.step(appended({ term: 1, matchIndex: 1, from: 'n3' }));

  before.transfer('n3');
  after.transfer('n3');

  t.deepEqual(only(before.sent(), 'timeout-now'), []);
  t.is(only(after.sent(), 'timeout-now').length, 1);
});

test('a transfer while the tail was lost finds that out by itself', (t) => {
  const node = leader();
  node.step(appended({ term: 1, matchIndex: 1 }));
  node.propose('x');
  node.sent();

  node.transfer('n2');
  const [probe] = only(node.sent(), 'append-entries');
  t.deepEqual([probe?.prevLogIndex, probe?.entries.length], [2, 0]);
  node.step(appended({ term: 1, success: false, prevLogIndex: 2, conflictIndex: 1 }));
  t.is(only(node.sent(), 'append-entries')[0]?.entries.length, 1);
  node.step(appended({ term: 1, matchIndex: 2 }), heartbeatAnswer({ term: 1 }));

  t.is(progressOf(node, 'n2').matchIndex, 2);
  t.is(only(node.sent(), 'timeout-now').length, 1);
});
