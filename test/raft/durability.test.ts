/**
 * What counts only once the disk has it: rows C22, C31, C35, pitfalls 17 and 19.
 */
import test from 'ava';
import { append, appended, only, requestVote, vote } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { candidate, follower, leader, storedVote } from './harness/roles.js';

test('C22a: the own write of a leader deposed since changes nothing (etcd …SelfAckAfterTermChange)', (t) => {
  const node = leader({ voters: ['n1', 'n2', 'n3'] });
  node.isDiskSlow = true;
  node.propose('x');

  node.step(append({ term: 2, prev: [1, 1], terms: [2] }));
  node.flush(1);

  t.is(node.raft.commitIndex, 0);
  t.is(node.raft.status().stableIndex, 1);
});

test('C22b: one node crashes between append and fsync: nobody was told ok (etcd Issue14370)', (t) => {
  const node = leader({ voters: ['n1'] });
  node.isDiskSlow = true;

  node.propose('x');
  t.deepEqual(node.texts, []);
  node.crash();
  node.restart();

  t.is(node.raft.lastLogIndex, 1);
});

test('C22b: one node commits as soon as its disk has it', (t) => {
  const node = leader({ voters: ['n1'] });
  node.isDiskSlow = true;
  node.propose('x');

  node.flush();

  t.deepEqual(node.texts, ['x']);
});

test('C22c: a late own vote does not count after a lost election (etcd …SelfVoteAfterLostElection)', (t) => {
  const node = follower();
  node.isDiskSlow = true;
  node.campaign();

  node.step(append({ term: 1, from: 'n2' }));
  node.flush();
  node.step(vote({ term: 1, from: 'n3' }));

  t.is(node.raft.role, 'follower');
  t.is(node.raft.leaderId, 'n2');
});

test('pitfall 17: a candidate asks for votes only once its own is stored', (t) => {
  const node = follower();
  node.isDiskSlow = true;

  node.campaign();
  t.deepEqual(node.sent(), []);
  node.flush();

  t.is(only(node.sent(), 'request-vote').length, 2);
});

test('pitfall 17: two votes of five and an unstored own one make no leader', (t) => {
  const node = follower({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });
  node.isDiskSlow = true;
  node.campaign();

  node.step(vote({ term: 1, from: 'n2' }), vote({ term: 1, from: 'n3' }));
  t.is(node.raft.role, 'candidate');
  node.flush();

  t.is(node.raft.role, 'leader');
});

test('pitfall 17: a vote stored for an earlier campaign does not count for this one', (t) => {
  const node = follower();
  node.isDiskSlow = true;
  node.campaign();
  node.tick(10);
  t.is(node.raft.currentTerm, 2);

  node.flush(1);
  node.step(vote({ term: 2 }));
  t.is(node.raft.role, 'candidate');
  node.flush();

  t.is(node.raft.role, 'leader');
});

test('pitfall 17: a leader of two commits with both disks only, whichever comes last', (t) => {
  const node = leader({ voters: ['n1', 'n2'] });
  node.isDiskSlow = true;
  node.propose('x');

  node.step(appended({ term: 1, matchIndex: 2 }));
  t.is(node.raft.commitIndex, 1);
  node.flush();

  t.is(node.raft.commitIndex, 2);
});

test('pitfall 17: others may commit before the own disk has it', (t) => {
  const node = leader({ voters: ['n1', 'n2', 'n3'] });
  node.isDiskSlow = true;
  node.propose('x');

  for (const from of ['n2', 'n3']) node.step(appended({ term: 1, matchIndex: 2, from }));

  t.is(node.raft.commitIndex, 2);
  t.is(node.raft.status().stableIndex, 1);
});

test('C31, pitfall 17: an index written three times while the disk is slow (etcd …append_aba_race)', (t) => {
  const node = follower();
  node.isDiskSlow = true;
  node.step(append({ term: 1, from: 'n2', terms: [1] }));
  node.step(append({ term: 2, from: 'n3', terms: [2] }));
  // The leader of term 3 has the entry of term 1: it comes back at the same place.
  node.step(append({ term: 3, from: 'n2', terms: [1] }));
  t.deepEqual(node.terms, [1]);
  const acknowledged = () =>
    only(node.sent(), 'append-entries-response').map(({ term, matchIndex }) => [term, matchIndex]);

  node.flush(1);
  t.is(node.raft.status().stableIndex, 0, 'the second write will replace it');
  t.deepEqual(acknowledged(), [[1, 1]]);
  node.flush(1);
  t.is(node.raft.status().stableIndex, 0);
  t.deepEqual(acknowledged(), [[2, 1]]);
  node.flush(1);

  t.is(node.raft.status().stableIndex, 1);
  t.deepEqual(acknowledged(), [[3, 1]]);
});

test('C31: the completion of an entry replaced since confirms nothing, a change of leader included', (t) => {
  const node = follower();
  node.isDiskSlow = true;
  node.step(append({ term: 1, from: 'n2', terms: [1, 1] }));
  node.step(append({ term: 2, from: 'n3', terms: [2] }));
  node.tick(10);
  t.is(node.raft.role, 'candidate');

  node.raft.durable(2, 1, 1);
  t.is(node.raft.status().stableIndex, 0);
  node.raft.durable(1, 2, 2);

  t.is(node.raft.status().stableIndex, 1);
  t.is(node.raft.role, 'candidate', 'the own vote is in a later batch');
});

test('a report without a batch speaks of all that was handed out', (t) => {
  const node = follower({ voters: ['n1'] });
  node.raft.tick();
  for (let i = 0; i < 9; i += 1) node.raft.tick();
  const { hardState } = node.raft.ready();
  t.deepEqual(hardState, { currentTerm: 1, votedFor: 'n1' });

  node.raft.durable(0, 0);
  t.is(node.raft.role, 'leader');
  node.raft.ready();
  node.raft.durable(1, 1);

  t.is(node.raft.commitIndex, 1);
});

test('a late report about an entry replaced since confirms nothing of the log', (t) => {
  const { raft } = follower();
  raft.step(append({ term: 1, from: 'n2', terms: [1, 1] }));
  raft.ready();
  raft.step(append({ term: 2, from: 'n3', terms: [2, 2] }));
  raft.ready();

  raft.durable(2, 1);
  t.is(raft.status().stableIndex, 0);
  raft.durable(2, 2);

  t.is(raft.status().stableIndex, 2);
});

test('a report never confirms entries that were not handed out', (t) => {
  const node = leader({ voters: ['n1'] });
  node.raft.propose(new Uint8Array(1));

  node.raft.durable(2, 1);

  t.is(node.raft.status().stableIndex, 1);
  t.is(node.raft.commitIndex, 1);
});

for (const point of ['before saving', 'between saving and replying', 'after the reply'] as const) {
  test(`C35: a voter that crashes ${point} never votes twice in a term (etcd RaftBeforeSave)`, (t) => {
    const node = follower();
    node.isDiskSlow = true;
    node.step(requestVote({ term: 1, from: 'n2' }));
    if (point !== 'before saving') node.flush();
    const replies = point === 'after the reply' ? node.sent() : [];

    node.crash();
    node.sent();
    node.isDiskSlow = false;
    node.restart();
    node.step(requestVote({ term: 1, from: 'n3' }));

    const [second] = only(node.sent(), 'request-vote-response');
    t.is(second?.granted, point === 'before saving');
    t.is(storedVote(node), point === 'before saving' ? 'n3' : 'n2');
    t.is(replies.length, point === 'after the reply' ? 1 : 0);
  });
}

test('C35, pitfall 19: a node that applied what its disk had not yet restarts (ra …with_unwritten)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.node('n1').isDiskSlow = true;
  net.propose('n1', 'x');
  t.deepEqual(net.node('n1').texts, ['x'], 'the two others have it');

  net.node('n1').crash();
  net.node('n1').isDiskSlow = false;
  net.node('n1').restart();
  t.is(net.node('n1').raft.lastLogIndex, 1);
  net.until(() => net.isConverged, 60);

  t.deepEqual(net.node('n1').texts, ['x']);
});

test('an entry that was acknowledged survives the crash of everybody', (t) => {
  const net = new TestNetwork({ size: 3, seed: 9 });
  net.elect('n1');
  net.propose('n1', 'x');

  for (const node of net.nodes.values()) node.crash();
  for (const node of net.nodes.values()) node.restart();
  net.until(() => net.isConverged, 100);

  for (const node of net.nodes.values()) t.deepEqual(node.texts, ['x']);
});

test('a candidate that restarts asks again in a new term, its old vote is spent', (t) => {
  const node = candidate();

  node.crash();
  node.restart();
  node.step(requestVote({ term: 1, from: 'n2' }));
  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
  node.tick(10);

  t.is(node.raft.currentTerm, 2);
});
