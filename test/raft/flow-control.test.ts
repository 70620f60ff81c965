/**
 * Flow control: rows C69, C70 and C89 of the conformance list, pitfalls 20 and 21.
 */
import test from 'ava';
import { appended, heartbeatAnswer, only } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { encode, type TestNode } from './harness/node.js';
import { follower, leader, progressOf } from './harness/roles.js';

const two = { voters: ['n1', 'n2'] };
const text = (bytes: number): string => 'x'.repeat(bytes);

/** A leader whose only follower has its noop and is being streamed to. */
function streaming(options: Parameters<typeof leader>[0] = {}): TestNode {
  const node = leader({ ...two, ...options });
  node.step(appended({ term: node.raft.currentTerm, matchIndex: node.raft.lastLogIndex }));
  node.sent();
  return node;
}

const sentIndexes = (node: TestNode): number[][] =>
  only(node.sent(), 'append-entries').map(({ entries }) => entries.map(({ index }) => index));

test('C69: nothing is sent beyond the window of entries (etcd raft_flow_control_test.go)', (t) => {
  const node = streaming({ inflightEntriesMax: 3 });

  for (let i = 0; i < 6; i += 1) node.propose('x');

  t.deepEqual(sentIndexes(node), [[2], [3], [4]]);
  t.is(progressOf(node, 'n2').inflightEntries, 3);
});

test('C69: an acknowledgement frees exactly what it covers (etcd TestMsgAppFlowControlMoveForward)', (t) => {
  const node = streaming({ inflightEntriesMax: 3 });
  for (let i = 0; i < 9; i += 1) node.propose('x');
  node.sent();

  node.step(appended({ term: 1, matchIndex: 2 }));
  t.deepEqual(sentIndexes(node), [[5]]);
  node.step(appended({ term: 1, matchIndex: 2 }), appended({ term: 1, matchIndex: 1 }));
  t.deepEqual(sentIndexes(node), [], 'stale ones free nothing');
  node.step(appended({ term: 1, matchIndex: 4 }));

  t.deepEqual(sentIndexes(node), [[6, 7]]);
});

test('C69: nothing is sent beyond the window of bytes, 1 kB and 5 kB mixed', (t) => {
  const node = streaming({ inflightBytesMax: 8000 });

  for (const bytes of [1000, 5000, 1000, 5000, 1000]) node.propose(text(bytes));
  t.deepEqual(sentIndexes(node), [[2], [3], [4]]);
  t.is(progressOf(node, 'n2').inflightBytes, 7000);
  node.step(appended({ term: 1, matchIndex: 3 }));

  t.deepEqual(sentIndexes(node), [[5, 6]]);
  t.is(progressOf(node, 'n2').inflightBytes, 7000);
});

test('C69: an entry larger than the window travels alone', (t) => {
  const node = streaming({ inflightBytesMax: 100, appendBytesMax: 100 });

  node.propose(text(1000));
  node.propose(text(1000));
  t.deepEqual(sentIndexes(node), [[2]]);
  node.step(appended({ term: 1, matchIndex: 2 }));

  t.deepEqual(sentIndexes(node), [[3]]);
});

test('C69: an answered heartbeat with a full window lets one empty probe through (etcd)', (t) => {
  const node = streaming({ inflightEntriesMax: 2 });
  for (let i = 0; i < 4; i += 1) node.propose('x');
  node.tick(2);
  node.sent();

  node.step(heartbeatAnswer({ term: 1 }), heartbeatAnswer({ term: 1 }));

  const probes = only(node.sent(), 'append-entries');
  t.deepEqual(
    probes.map(({ prevLogIndex, entries }) => [prevLogIndex, entries.length]),
    [[3, 0]],
    'one an interval, however many answers come',
  );
});

test('C69: counters are zero once all is acknowledged, whatever was lost', (t) => {
  const node = streaming({ inflightEntriesMax: 4 });
  for (let i = 0; i < 10; i += 1) node.propose('xyz');

  node.step(
    appended({ term: 1, success: false, prevLogIndex: 5, conflictIndex: 1, conflictTerm: 1 }),
  );
  t.is(progressOf(node, 'n2').state, 'probe');
  node.step(appended({ term: 1, matchIndex: 5 }), appended({ term: 1, matchIndex: 9 }));
  node.step(appended({ term: 1, matchIndex: 11 }));

  const { inflightEntries, inflightBytes, nextIndex } = progressOf(node, 'n2');
  t.deepEqual([inflightEntries, inflightBytes, nextIndex], [0, 0, 12]);
});

for (const isCompacted of [false, true]) {
  const what = isCompacted ? ', the log compacted meanwhile' : '';
  test(`C69: a starved follower catches up without a further write${what} (etcd replicate_pause)`, (t) => {
    const net = new TestNetwork({ size: 3, inflightEntriesMax: 3 });
    net.elect('n1');
    net.propose('n1', 'first');
    net.tick(2);
    net.drop = ({ kind, to }) => kind === 'append-entries' && to === 'n3';
    for (let i = 0; i < 10; i += 1) net.propose('n1', `c${i}`);
    t.is(progressOf(net.node('n1'), 'n3').inflightEntries, 3);
    if (isCompacted) net.at('n1', (node) => node.compact(node.raft.replicatedByAll));

    net.drop = () => false;
    net.tick(3);

    t.is(net.node('n3').texts.length, 11);
    t.is(progressOf(net.node('n1'), 'n3').inflightEntries, 0);
  });
}

test('many proposals travel in one message, cut at appendBytesMax', (t) => {
  const node = streaming({ appendBytesMax: 250 });
  for (let i = 0; i < 5; i += 1) node.raft.propose(encode(text(100)));

  node.run();

  t.deepEqual(sentIndexes(node), [[2, 3], [4, 5], [6]]);
});

test('a probe is one message, however much there is to send', (t) => {
  const node = leader({ ...two, terms: [1, 1, 1] });
  for (let i = 0; i < 5; i += 1) node.propose('x');

  t.deepEqual(sentIndexes(node), []);
  t.is(progressOf(node, 'n2').state, 'probe');
});

test('C70: the limit of uncommitted bytes refuses one more, not the noop (etcd TestUncommittedEntryLimit)', (t) => {
  const node = streaming({ uncommittedBytesMax: 1024 });
  for (let i = 0; i < 1024; i += 1) t.true(node.propose('x').accepted);

  const refusal = { accepted: false, reason: 'uncommitted-limit', leaderId: 'n1' };
  t.deepEqual(node.propose('x'), refusal);
  t.true(node.propose('').accepted, 'empty entries always pass');
  node.step(appended({ term: 1, matchIndex: 1025 }));

  t.true(node.propose('x').accepted);
});

test('C70: a batch above the limit is taken when nothing is uncommitted (etcd)', (t) => {
  const node = streaming({ uncommittedBytesMax: 1024 });

  t.true(node.propose(text(2048)).accepted);
  t.false(node.propose('x').accepted);
  node.step(appended({ term: 1, matchIndex: 2 }));

  t.true(node.propose('x').accepted);
});

test('C70: entries of earlier leaders do not use up the limit (raft-rs …after_leader_election)', (t) => {
  const node = leader({ ...two, terms: [1, 1, 1, 1], uncommittedBytesMax: 10 });

  t.true(node.propose(text(9)).accepted);
  t.false(node.propose(text(9)).accepted);
});

test('C70: the limit is free again for the next leader after a change of leader (etcd)', (t) => {
  const net = new TestNetwork({
    size: 3,
    uncommittedBytesMax: 10,
    preVote: false,
    checkQuorum: false,
  });
  net.elect('n1');
  net.isolate('n1');
  net.propose('n1', text(10));
  t.false(net.propose('n1', 'x').accepted);

  net.elect('n2');
  net.heal();
  net.tick(3);
  net.elect('n1');

  t.true(net.propose('n1', text(10)).accepted);
});

test('C89: a follower marked unreachable streams again after one heartbeat (etcd …recovers_from_probing)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.tick(2);

  net.at('n1', (node) => node.raft.reportUnreachable('n3'));
  t.is(progressOf(net.node('n1'), 'n3').state, 'probe');
  net.tick(2);

  t.is(progressOf(net.node('n1'), 'n3').state, 'replicate');
});

test('a send that keeps failing costs one message a heartbeat, not a storm', (t) => {
  const node = streaming();
  node.propose('x');
  node.sent();

  node.raft.reportUnreachable('n2');
  for (let i = 0; i < 5; i += 1) node.propose('x');
  t.deepEqual(sentIndexes(node), []);
  node.tick(2);
  t.deepEqual(only(node.sent(), 'append-entries'), []);
  node.step(heartbeatAnswer({ term: 1 }));

  t.deepEqual(sentIndexes(node), [[2, 3, 4, 5, 6, 7]]);
});

test('C89: news of a commit that got lost comes with the next heartbeat (etcd lagging_commit)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.tick(2);
  net.propose('n1', 'x');
  net.drop = ({ kind, to }) => kind === 'heartbeat' && to === 'n3';
  net.tick();
  t.is(net.node('n3').raft.commitIndex, 1);

  net.drop = () => false;
  net.tick(2);

  t.is(net.node('n3').raft.commitIndex, 2);
});

test('a commit is told within a tick, and only to those that do not know', (t) => {
  const node = leader();
  node.step(appended({ term: 1, matchIndex: 1, from: 'n2' }));

  node.tick();

  t.deepEqual(
    only(node.sent(), 'heartbeat').map(({ to, leaderCommit }) => [to, leaderCommit]),
    [['n2', 1]],
  );
});

test('pitfall 20: tiny limits, a slow follower, compaction and loss: windows end empty', (t) => {
  for (let seed = 0; seed < 10; seed += 1) {
    const net = new TestNetwork({
      size: 3,
      seed,
      inflightEntriesMax: 2,
      inflightBytesMax: 20,
      appendBytesMax: 10,
    });
    net.elect('n1');
    net.weather = { loss: 0.2, duplication: 0.2, reorder: 0.3 };
    for (let i = 0; i < 60; i += 1) {
      const head = net.leader;
      if (head !== undefined) net.propose(head.id, text(net.prng.int(1, 12)));
      net.tick();
      for (const node of net.nodes.values()) {
        const { lastApplied, replicatedByAll } = node.raft.status();
        net.at(node.id, () => node.compact(Math.min(lastApplied, replicatedByAll)));
      }
    }
    net.heal();
    net.until(() => net.isConverged, 200);
    net.tick(5);

    const head = net.leader;
    for (const { id } of net.nodes.values()) {
      if (head === undefined || id === head.id) continue;
      const { inflightEntries, inflightBytes, state } = progressOf(head, id);
      t.deepEqual([inflightEntries, inflightBytes, state], [0, 0, 'replicate'], `seed ${seed}`);
    }
  }
});

test('pitfall 20: an acknowledgement of 0 after compaction is no match (etcd e419ba5)', (t) => {
  const node = leader({ ...two, base: { index: 5, term: 1 }, terms: [1] });

  node.step(appended({ term: 2, matchIndex: 0 }));
  t.notThrows(() => node.tick(2));
  node.step(heartbeatAnswer({ term: 2 }));

  t.is(progressOf(node, 'n2').matchIndex, 0);
  t.is(progressOf(node, 'n2').state, 'snapshot');
});

test('pitfall 21: a tail of many terms is passed in few rounds, then caught up without writes', (t) => {
  const tail = Array.from({ length: 120 }, (_, i) => 2 + i);
  const each = (id: string) => ({
    terms: id === 'n3' ? [1, ...tail] : [1, ...Array.from({ length: 60 }, () => 200)],
    hardState: { currentTerm: 200 },
  });
  const net = new TestNetwork({ size: 3, each, seed: 21, appendBytesMax: 30 });
  let refusals = 0;
  net.onArrival = (message) => {
    if (message.kind === 'append-entries-response' && !message.success) refusals += 1;
  };

  net.until(() => net.isConverged, 100);

  t.true(refusals <= 4, `${refusals} refusals`);
  t.deepEqual(net.node('n3').terms, net.node('n1').terms);
});

test('pitfall 21: a node without any log catches up to a leader that has all of it', (t) => {
  const each = (id: string) => ({ terms: id === 'n3' ? [] : Array.from({ length: 300 }, () => 1) });
  const net = new TestNetwork({ size: 3, each, seed: 22, inflightEntriesMax: 7 });

  net.until(() => net.isConverged, 100);

  t.is(net.node('n3').applied.length, 301);
});

test('a follower answers and a leader streams: windows of several followers are independent', (t) => {
  const node = leader({ inflightEntriesMax: 2 });
  const other = follower({ id: 'n2' });
  other.raft.tick();
  node.step(appended({ term: 1, matchIndex: 1, from: 'n2' }));
  node.step(appended({ term: 1, matchIndex: 1, from: 'n3' }));
  for (let i = 0; i < 4; i += 1) node.propose('x');
  node.sent();

  node.step(appended({ term: 1, matchIndex: 3, from: 'n2' }));

  t.deepEqual(
    only(node.sent(), 'append-entries').map(({ to }) => to),
    ['n2'],
  );
  t.deepEqual(
    [2, 2],
    [progressOf(node, 'n2').inflightEntries, progressOf(node, 'n3').inflightEntries],
  );
});
