/**
 * ReadIndex: rows C60, C61, C64 and C95 of the conformance list, pitfalls 29 and 30.
 */
import test from 'ava';
import {
  append,
  appended,
  heartbeatAnswer,
  only,
  readIndex,
  readIndexAnswer,
} from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import type { TestNode } from './harness/node.js';
import { candidate, follower, leader } from './harness/roles.js';

/** A leader that has committed the noop of its term. */
function settled(options: Parameters<typeof leader>[0] = {}): TestNode {
  const node = leader(options);
  const { currentTerm: term, lastLogIndex: matchIndex } = node.raft;
  for (const from of ['n2', 'n3']) node.step(appended({ term, matchIndex, from }));
  node.sent();
  return node;
}

const roundsOf = (node: TestNode): number[] => [
  ...new Set(
    only(node.sent(), 'heartbeat')
      .map(({ readId }) => readId)
      .filter((id) => id > 0),
  ),
];

test('C60: reads at every node return the commit index of the moment (etcd TestReadOnlyOptionSafe)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');

  for (const [i, id] of ['n1', 'n2', 'n3', 'n1', 'n2', 'n3'].entries()) {
    for (let j = 0; j < 10; j += 1) net.propose('n1', `${i}.${j}`);
    const readId = net.at(id, (node) => node.read());
    net.settle();
    t.is(net.node(id).reads.get(readId), 11 + 10 * i, `read ${i} at ${id}`);
  }
});

test('C60: learners ask, and do not count for the confirmation (etcd TestReadOnlyWithLearner)', (t) => {
  const net = new TestNetwork({ voters: ['n1'], learners: ['n2'] });
  net.elect('n1');
  for (let i = 0; i < 10; i += 1) net.propose('n1', `${i}`);

  const asked = net.at('n2', (node) => node.read());
  net.settle();
  t.is(net.node('n2').reads.get(asked), 11);

  const node = settled({ voters: ['n1', 'n2', 'n3'], learners: ['n4', 'n5'] });
  const readId = node.read();
  const [round = 0] = roundsOf(node);
  for (const from of ['n4', 'n5']) node.step(heartbeatAnswer({ term: 1, readId: round, from }));
  t.is(node.reads.get(readId), undefined);
});

test('C61, pitfall 29: a new leader reads only after its own first commit (etcd TestReadOnlyForNewLeader)', (t) => {
  const net = new TestNetwork({ size: 3, each: () => ({ terms: [1, 1] }) });
  net.drop = ({ kind }) => kind === 'append-entries';
  net.tick(10);
  net.until(() => net.leader !== undefined, 30);
  const head = net.leader;
  if (head === undefined) return t.fail();

  const readId = net.at(head.id, (node) => node.read());
  net.tick(3);
  t.is(head.reads.get(readId), undefined);
  t.is(head.raft.leaseReadIndex(), undefined, 'nor by lease');
  net.heal();
  net.tick(3);

  t.is(head.reads.get(readId), 3);
});

test('pitfall 29: a single node waits for its own commit too, also after a restart', (t) => {
  const node = follower({ voters: ['n1'], terms: [1, 1] });
  node.isDiskSlow = true;
  node.tick(10);
  node.flush(1);
  t.is(node.raft.role, 'leader');

  const readId = node.read();
  t.is(node.reads.get(readId), undefined);
  node.flush();

  t.is(node.reads.get(readId), 3);
});

test('pitfall 30: who asks during a round waits for the next (etcd-io/raft#397)', (t) => {
  const node = settled();
  const first = node.read();
  const [round = 0] = roundsOf(node);
  const second = node.read();
  t.deepEqual(roundsOf(node), [], 'one round at a time');

  node.step(heartbeatAnswer({ term: 1, readId: round }));
  t.is(node.reads.get(first), 1);
  t.is(node.reads.get(second), undefined);
  const [next = 0] = roundsOf(node);
  node.step(heartbeatAnswer({ term: 1, readId: round, from: 'n3' }));
  t.is(node.reads.get(second), undefined, 'answers to the old round count for nothing');
  node.step(heartbeatAnswer({ term: 1, readId: next, from: 'n3' }));

  t.is(node.reads.get(second), 1);
});

test('pitfall 30: ids of rounds and attempts are never used twice, restarts included', (t) => {
  const node = settled();
  const seen = new Set<number>();
  for (let i = 0; i < 20; i += 1) {
    seen.add(node.read());
    const [round = 0] = roundsOf(node);
    seen.add(round);
    node.step(heartbeatAnswer({ term: 1, readId: round }));
  }
  t.is(seen.size, 40);

  const other = follower();
  const ask = (): number => {
    other.step(append({ term: 1 }));
    const readId = other.read();
    const [request] = only(other.sent(), 'read-index');
    return request?.readId ?? readId;
  };
  const before = ask();
  other.crash();
  other.restart();
  t.true(ask() > before);
});

test('pitfall 30: an answer to a request of before the read settles nothing', (t) => {
  const node = follower();
  node.step(append({ term: 1 }));
  const first = node.read();
  const [request] = only(node.sent(), 'read-index');
  const second = node.read();

  const answer = readIndexAnswer({ term: 1, readId: request?.readId ?? 0, readIndex: 3 });
  node.step(answer, answer);

  t.is(node.reads.get(first), 3);
  t.is(node.reads.get(second), undefined);
  t.is(only(node.sent(), 'read-index').length, 1, 'the second is asked for now');
});

test('a request whose answer is overdue is repeated with a fresh id, and either answer counts', (t) => {
  const node = follower();
  node.step(append({ term: 1 }));
  const first = node.read();
  const second = node.read();
  node.tick(4);
  const ids = only(node.sent(), 'read-index').map(({ readId }) => readId);
  t.is(new Set(ids).size, 3);

  // The leader is slow: its answers always come after the next repetition.
  node.step(readIndexAnswer({ term: 1, readId: ids[0] ?? 0, readIndex: 3 }));
  t.is(node.reads.get(first), 3);
  t.is(node.reads.get(second), undefined);
  node.step(readIndexAnswer({ term: 1, readId: ids[2] ?? 0, readIndex: 4 }));

  t.is(node.reads.get(second), undefined, 'that was asked for before the second read was sent');
});

test('pitfall 30: answers to heartbeats of before the round confirm nothing', (t) => {
  const node = settled();
  node.tick(2);
  const readId = node.read();

  for (const from of ['n2', 'n3']) node.step(heartbeatAnswer({ term: 1, readId: 0, from }));

  t.is(node.reads.get(readId), undefined);
});

test('a lost round is repeated by the next heartbeats', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.drop = ({ kind }) => kind === 'heartbeat';
  const readId = net.at('n1', (node) => node.read());
  net.settle();

  net.drop = () => false;
  net.tick(2);

  t.is(net.node('n1').reads.get(readId), 1);
});

test('C64: reads of a leader that steps down end, its own and those of followers (MicroRaft)', (t) => {
  const node = settled();
  const own = node.read();
  const waiting = node.read();
  node.step(readIndex({ term: 1, readId: 77, from: 'n3' }));
  node.sent();

  node.step(append({ term: 2 }));

  t.deepEqual([...node.readsAborted], [own, waiting]);
  const [answer] = only(node.sent(), 'read-index-response');
  t.deepEqual([answer?.to, answer?.readId, answer?.refused], ['n3', 77, true]);
  t.is(node.raft.status().readsWaiting, 0);
});

test('C64: reads end when CheckQuorum makes the leader resign', (t) => {
  const node = settled({ checkQuorum: true });
  const readId = node.read();

  node.tick(10);

  t.true(node.readsAborted.has(readId));
});

test('C64: a read forwarded to an old leader goes on to the new one (etcd …ReadIndexToOldLeader)', (t) => {
  const node = follower();
  node.step(append({ term: 1, from: 'n2' }));
  const readId = node.read();
  const [first] = only(node.sent(), 'read-index');
  t.is(first?.to, 'n2');

  node.step(append({ term: 2, from: 'n3' }));
  const [second] = only(node.sent(), 'read-index');
  t.is(second?.to, 'n3');
  node.step(readIndexAnswer({ term: 2, from: 'n3', readId: second?.readId ?? 0, readIndex: 1 }));

  t.is(node.reads.get(readId), 1);
});

test('C64: reads of a follower end when it gives up its leader', (t) => {
  const node = follower();
  node.step(append({ term: 1 }));
  const forwarded = node.read();
  const waiting = node.read();

  node.tick(10);

  t.deepEqual([...node.readsAborted].sort(), [forwarded, waiting]);
});

test('C64: reads of a learner end when no leader is heard', (t) => {
  const node = follower({ voters: ['n2'], learners: ['n1'] });
  node.step(append({ term: 1 }));
  const readId = node.read();

  node.tick(10);

  t.true(node.readsAborted.has(readId));
  t.is(node.raft.leaderId, undefined);
  t.deepEqual(node.raft.readIndex(), { accepted: false, reason: 'no-leader' });
});

test('an answer of the term before settles nothing', (t) => {
  const node = follower();
  node.step(append({ term: 1 }));
  const readId = node.read();
  const [request] = only(node.sent(), 'read-index');

  node.step(append({ term: 2, from: 'n3' }));
  node.step(readIndexAnswer({ term: 1, readId: request?.readId ?? 0, readIndex: 3 }));

  t.is(node.reads.get(readId), undefined);
});

test('C64: a refused answer ends the read', (t) => {
  const node = follower();
  node.step(append({ term: 1 }));
  const readId = node.read();
  const [request] = only(node.sent(), 'read-index');

  node.step(readIndexAnswer({ term: 1, readId: request?.readId ?? 0, refused: true }));

  t.true(node.readsAborted.has(readId));
});

test('C64: beyond readsMax reads are refused, at the leader and for followers', (t) => {
  const node = settled({ readsMax: 2 });
  node.read();
  node.read();

  t.deepEqual(node.raft.readIndex(), { accepted: false, reason: 'reads-limit' });
  node.sent();
  node.step(readIndex({ term: 1, readId: 5, from: 'n3' }));

  t.is(only(node.sent(), 'read-index-response')[0]?.refused, true);
});

test('a follower that asks again replaces its older request at the leader', (t) => {
  const node = leader();
  for (const readId of [1, 2, 3]) node.step(readIndex({ term: 1, readId, from: 'n2' }));

  t.is(node.raft.status().readsWaiting, 1);
});

test('only leaders answer reads: others refuse, an older term included', (t) => {
  for (const node of [follower(), candidate(), follower({ hardState: { currentTerm: 5 } })]) {
    node.step(readIndex({ term: 1, readId: 9 }));
    const [answer] = only(node.sent(), 'read-index-response');
    t.deepEqual([answer?.readId, answer?.refused], [9, true]);
  }
});

test('without a leader in sight a read is refused at once', (t) => {
  t.deepEqual(follower().raft.readIndex(), { accepted: false, reason: 'no-leader' });
  t.deepEqual(candidate().raft.readIndex(), { accepted: false, reason: 'no-leader' });
});

test('C95: a thousand reads share a handful of rounds (MicroRaft LinearizableQueryTest)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  const rounds = new Set<number>();
  net.onArrival = (message) => {
    if (message.kind === 'heartbeat' && message.readId > 0) rounds.add(message.readId);
  };
  const { raft } = net.node('n1');
  for (let i = 0; i < 1000; i += 1) raft.readIndex();

  net.at('n1', (node) => node.run());
  net.settle();

  t.is(net.node('n1').reads.size, 1000);
  t.is(rounds.size, 1);
});

test('C95: reads of a follower share one request', (t) => {
  const node = follower();
  node.step(append({ term: 1 }));
  for (let i = 0; i < 10; i += 1) node.raft.readIndex();

  node.run();

  t.is(only(node.sent(), 'read-index').length, 1);
});

test('a cut-off leader never confirms a read, a new one reads what it committed (C62)', (t) => {
  const net = new TestNetwork({ size: 3 });
  net.elect('n1');
  net.isolate('n1');
  const stale = net.at('n1', (node) => node.read());
  net.until(() => net.leader !== undefined && net.leader.id !== 'n1', 60);
  const head = net.leader;
  if (head === undefined) return t.fail();
  net.propose(head.id, 'new');
  const fresh = net.at(head.id, (node) => node.read());
  net.settle();

  t.is(net.node('n1').reads.get(stale), undefined);
  t.true(net.node('n1').readsAborted.has(stale));
  t.is(head.reads.get(fresh), head.raft.commitIndex);
});
