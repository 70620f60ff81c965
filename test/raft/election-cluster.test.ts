/**
 * Elections among several nodes: rows C2, C3, C8 to C12 of the conformance list, pitfalls 7 to 9,
 * 32.
 */
import test from 'ava';
import type { Message } from '../../src/raft/index.js';
import { only, preVote, preVoteAnswer, vote } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { follower } from './harness/roles.js';

const basic = { preVote: false, checkQuorum: false };

function leaderOf(net: TestNetwork, ticksMax = 60): string {
  net.until(() => net.leader !== undefined && net.isConverged, ticksMax);
  return net.leader?.id ?? '';
}

test('C2: leader lost, back, quorum lost, quorum back (MIT raft TestReElection3A)', (t) => {
  const net = new TestNetwork({ size: 3, seed: 2 });
  const first = leaderOf(net);
  const others = [...net.nodes.keys()].filter((id) => id !== first);

  net.isolate(first);
  net.until(() => net.leader !== undefined && net.leader.id !== first, 60);
  const second = net.leader?.id ?? '';
  net.heal();
  net.tick(20);
  t.is(net.leader?.id, second);
  t.is(net.node(first).raft.role, 'follower');

  net.partition(...[first, ...others].filter((id) => id !== second).slice(0, 1));
  net.isolate(second);
  net.tick(20);
  t.is(net.leader, undefined, 'nobody has a quorum');
  net.heal();
  t.true(['n1', 'n2', 'n3'].includes(leaderOf(net)));
});

test('C3: nine rounds of three random isolations of seven (MIT raft TestManyElections3A)', (t) => {
  const net = new TestNetwork({ size: 7, seed: 3 });
  leaderOf(net);
  for (let round = 0; round < 9; round += 1) {
    const away = Array.from({ length: 3 }, () => `n${net.prng.int(1, 7)}`);
    net.isolate(...away);
    net.until(() => net.leader !== undefined && !away.includes(net.leader.id), 100);
    net.heal();
    leaderOf(net);
  }
  t.pass('the invariants saw one leader a term');
});

for (const preVoteOn of [true, false]) {
  const effect = preVoteOn ? 'does not raise' : 'raises (so the test can fail)';
  test(`C8: isolation with pre-vote ${preVoteOn} ${effect} the term (openraft t12_pre_vote)`, (t) => {
    const net = new TestNetwork({ size: 3, preVote: preVoteOn });
    const head = leaderOf(net);
    const lonely = head === 'n3' ? 'n2' : 'n3';
    const { currentTerm } = net.node(head).raft;

    net.isolate(lonely);
    net.tick(200);
    const isKept = net.node(lonely).raft.currentTerm === currentTerm;
    net.heal();
    net.tick(50);

    t.is(isKept, preVoteOn);
    t.is(net.node(head).raft.currentTerm === currentTerm, preVoteOn);
    if (preVoteOn) t.is(net.leader?.id, head);
  });
}

for (const preVoteOn of [true, false]) {
  test(`C9: two candidates, a cut between them, pre-vote ${preVoteOn} (etcd TestDuelingCandidates)`, (t) => {
    const net = new TestNetwork({ size: 3, preVote: preVoteOn, checkQuorum: false });
    net.cut('n1-n3');

    net.elect('n1');
    net.at('n3', (node) => node.campaign());
    net.settle();
    t.is(net.node('n1').raft.role, 'leader');
    net.heal();
    net.at('n3', (node) => node.campaign());
    net.settle();

    const n1 = net.node('n1').raft;
    if (preVoteOn) {
      t.deepEqual([n1.role, n1.currentTerm], ['leader', 1]);
      t.is(net.node('n3').raft.role, 'follower');
    } else {
      const states = [...net.nodes.values()].map(({ raft }) => `${raft.role} ${raft.currentTerm}`);
      t.deepEqual(states, ['follower 2', 'follower 2', 'follower 2']);
    }
  });
}

test('C10a: a leader of three that hears nobody resigns (etcd TestLeaderStepdownWhenQuorumLost)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.isolate('n1');

  net.tick(11, ['n1']);

  t.is(net.node('n1').raft.role, 'follower');
  t.is(net.node('n1').raft.leaderId, undefined);
});

test('C10b: a leader of three that hears one stays (etcd TestLeaderStepdownWhenQuorumActive)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.isolate('n3');

  net.tick(50);

  t.is(net.leader?.id, 'n1');
});

test('C10c: two nodes apart know no leader (hashicorp TestRaft_LeaderLeaseExpire)', (t) => {
  const net = new TestNetwork({ size: 2 });
  leaderOf(net);
  net.isolate('n1');

  net.tick(20);

  for (const { raft } of net.nodes.values()) t.is(raft.leaderId, undefined);
});

test('C11a: the others replace a leader that cannot speak (tigerbeetle, receive-only)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');

  net.cut('n1>n2', 'n1>n3');
  net.tick(40);

  t.not(net.leader?.id, 'n1');
  t.is(net.node('n1').raft.role, 'follower');
});

test('C11b: a follower that cannot speak but hears never campaigns (tigerbeetle, asymmetric)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');

  net.cut('n3>n1', 'n3>n2');
  for (let i = 0; i < 60; i += 1) {
    net.tick();
    t.is(net.node('n3').raft.role, 'follower');
  }
  net.heal();
  net.tick(20);

  t.is(net.node('n3').raft.role, 'follower');
  t.is(net.node('n1').raft.currentTerm, 1);
});

test('C11c: a follower that cannot hear asks in vain (openraft t14_one_way_isolation)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');

  net.cut('n1>n3', 'n2>n3');
  net.tick(60);

  t.is(net.node('n3').raft.role, 'pre-candidate');
  t.is(net.leader?.id, 'n1');
  t.is(net.node('n1').raft.currentTerm, 1);
});

test('pitfall 8: a node that sends but cannot hear raises no term, costs no leader time', (t) => {
  const net = new TestNetwork({ size: 5, seed: 8 });
  net.elect('n1');
  net.cut('n1>n5', 'n2>n5', 'n3>n5', 'n4>n5');

  let leaderTicks = 0;
  for (let i = 0; i < 300; i += 1) {
    net.tick();
    if (net.node('n1').raft.role === 'leader') leaderTicks += 1;
  }

  t.is(leaderTicks, 300);
  t.deepEqual(
    [...net.nodes.values()].map(({ raft }) => raft.currentTerm),
    [1, 1, 1, 1, 1],
  );
});

for (const preVoteOn of [true, false]) {
  test(`C12: a stuck candidate is freed, pre-vote ${preVoteOn} (etcd TestFreeStuckCandidateWithCheckQuorum)`, (t) => {
    const each = (id: string) => ({
      terms: id === 'n3' ? [1] : [1, 1],
      hardState: { currentTerm: id === 'n3' ? 3 : 1 },
    });
    const net = new TestNetwork({ size: 3, preVote: preVoteOn, each });
    net.isolate('n3');
    net.tick(10, ['n1', 'n2']);
    net.until(() => net.leader !== undefined, 40);
    const leads = new Map([[net.leader?.id, true]]);
    let deposed = 0;
    net.onReady = ({ id }, { leadership }) => {
      if (leadership === undefined) return;
      if (leads.get(id) && leadership.role === 'follower') deposed += 1;
      leads.set(id, leadership.role === 'leader');
    };

    net.heal();
    net.until(() => net.isConverged, 80);

    t.is(deposed, 1, 'the leader learns the higher term once');
    t.is(net.node('n3').raft.role, 'follower');
    t.true(net.node('n3').raft.currentTerm >= 3);
    t.deepEqual(net.node('n3').terms.slice(0, 2), [1, 1]);
  });
}

test('pitfall 7: a pre-vote changes neither term nor vote nor timer of the voter', (t) => {
  const node = follower({ hardState: { currentTerm: 1, votedFor: 'n3' }, preVote: true });
  node.tick(12 - 3);

  node.step(preVote({ term: 7 }));
  t.deepEqual(node.disk.hardState, { currentTerm: 1, votedFor: 'n3' });
  node.tick();

  t.is(node.raft.role, 'pre-candidate');
});

test('pitfall 7: a granted pre-vote names the term asked for, a refused one the own', (t) => {
  const node = follower({ terms: [1, 5], hardState: { currentTerm: 5 } });
  node.tick(9);
  node.step(preVote({ term: 9, lastLogIndex: 9, lastLogTerm: 5 }));
  const [early] = only(node.sent(), 'pre-vote-response');
  node.step({ ...preVote({ term: 9 }), lastLogIndex: 1, lastLogTerm: 1 });
  const [stale] = only(node.sent(), 'pre-vote-response');
  const fresh = follower();
  fresh.step(preVote({ term: 9 }));

  t.deepEqual([early?.granted, early?.term], [false, 5], 'it may have heard a leader before');
  t.deepEqual([stale?.granted, stale?.term], [false, 5]);
  const [yes] = only(fresh.sent(), 'pre-vote-response');
  t.deepEqual([yes?.granted, yes?.term], [true, 9]);
});

test('pitfall 7: stale consent starts no second campaign', (t) => {
  const node = follower({ preVote: true });
  node.tick(10);
  const consent = preVoteAnswer({ term: 1 });
  node.step(consent);
  t.is(node.raft.role, 'candidate');

  node.step(consent, preVoteAnswer({ term: 1, from: 'n3' }));
  t.deepEqual([node.raft.role, node.raft.currentTerm], ['candidate', 1]);
  node.tick(10);
  t.is(node.raft.role, 'pre-candidate');
  node.step(consent);

  t.deepEqual([node.raft.role, node.raft.currentTerm], ['pre-candidate', 1]);
});

test('C22d: consent to a pre-vote is no vote (etcd TestCandidateDeliversPreCandidateSelfVote…)', (t) => {
  const node = follower({ preVote: true });
  node.isDiskSlow = true;
  node.tick(10);

  node.step(preVoteAnswer({ term: 1 }), preVoteAnswer({ term: 1, from: 'n3' }));
  t.is(node.raft.role, 'candidate');
  node.step(vote({ term: 1 }));
  t.is(node.raft.role, 'candidate', 'the own vote is not stored yet');
  node.flush();

  t.is(node.raft.role, 'leader');
});

test('pitfall 7: a stale node that returns as the leader goes does not block the election', (t) => {
  const net = new TestNetwork({ size: 3, seed: 5 });
  net.elect('n1');
  net.isolate('n3');
  net.propose('n1', 'a');
  net.tick(40);

  net.heal();
  net.isolate('n1');
  net.until(() => net.leader?.id === 'n2', 60);

  t.is(net.leader?.id, 'n2');
});

test('pitfall 7: a node of higher term and older log does not freeze the cluster', (t) => {
  const each = (id: string) => ({
    terms: id === 'n3' ? [1] : [1, 1],
    hardState: { currentTerm: id === 'n3' ? 9 : 1 },
  });
  const net = new TestNetwork({ size: 3, each, seed: 4 });

  net.until(() => net.isConverged, 100);

  t.not(net.leader?.id, 'n3');
});

test('pitfall 32: with independent generators few of 1,000 elections are split', (t) => {
  const net = new TestNetwork({ ...basic, size: 5, seed: 32 });
  const elections = 1000;
  let terms = 0;
  for (let i = 0; i < elections; i += 1) {
    net.until(() => net.leader !== undefined, 100);
    const { leader } = net;
    if (leader === undefined) break;
    terms = leader.raft.currentTerm;
    leader.crash();
    net.until(() => net.leader !== undefined, 100);
    leader.restart();
  }

  // Five nodes and ten ticks to choose from: now and then two fire in the same tick.
  t.true(terms <= elections * 1.5, `${terms} terms for ${elections} leaders`);
});

test('a restarted voter protects the leader that it may have heard just before (§6)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.node('n2').crash();
  net.node('n2').restart();

  const answers: Message[] = [];
  net.onArrival = (message) => answers.push(message);
  net.cut('n1>n2', 'n1-n3');
  net.at('n2', (node) =>
    node.step(preVote({ term: 2, from: 'n3', to: 'n2', lastLogIndex: 9, lastLogTerm: 1 })),
  );
  net.settle();

  t.is(only(answers, 'pre-vote-response')[0]?.granted, false);
});
