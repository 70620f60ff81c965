/**
 * Sections 5.3, 5.4.2, 6, 7 and 8 of the Raft paper: one test a sentence that binds a server.
 */
import test from 'ava';
import { append, appended, only, requestVote } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { follower, leader, progressOf } from './harness/roles.js';

const basic = { preVote: false, checkQuorum: false };

test('§5.3: a command goes to each server in parallel, and is applied once replicated', (t) => {
  const net = new TestNetwork({ ...basic, size: 5 });
  net.elect('n1');

  net.propose('n1', 'x');
  net.tick();

  for (const node of net.nodes.values()) t.deepEqual(node.texts, ['x']);
});

test('§5.3: entries have the term in which the leader received them, and consecutive indexes', (t) => {
  const node = leader({ hardState: { currentTerm: 6 } });

  t.deepEqual(node.propose('x'), { accepted: true, index: 2, term: 7 });
  t.deepEqual(node.propose('y'), { accepted: true, index: 3, term: 7 });
});

test('§5.3: an entry is committed once the leader has replicated it on a majority', (t) => {
  const node = leader({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });
  node.propose('x');

  node.step(appended({ term: 1, matchIndex: 2, from: 'n2' }));
  t.deepEqual(node.texts, []);
  node.step(appended({ term: 1, matchIndex: 2, from: 'n3' }));

  t.deepEqual(node.texts, ['x']);
});

test('§5.3: a commit takes all preceding entries with it, those of earlier leaders included', (t) => {
  const node = leader({ terms: [1, 2, 2] });

  node.step(appended({ term: 3, matchIndex: 4 }));

  t.is(node.raft.commitIndex, 4);
});

test('§5.3: later AppendEntries, heartbeats included, tell the commit index', (t) => {
  const net = new TestNetwork({ ...basic, size: 3 });
  net.elect('n1');
  net.propose('n1', 'x');
  t.is(net.node('n2').raft.commitIndex, 1);

  net.propose('n1', 'y');
  t.is(net.node('n2').raft.commitIndex, 2);
  net.tick();

  t.is(net.node('n2').raft.commitIndex, 3);
});

test('§5.3: a leader never overwrites or deletes entries in its own log (Leader Append-Only)', (t) => {
  const node = leader({ terms: [1, 1] });

  node.step(appended({ term: 2, success: false, prevLogIndex: 2, conflictIndex: 0 }));
  node.propose('x');

  t.deepEqual(node.terms, [1, 1, 2, 2]);
});

for (const { letter, terms } of [
  { letter: 'a', terms: [1, 1, 1, 4, 4, 5, 5, 6, 6] },
  { letter: 'b', terms: [1, 1, 1, 4] },
  { letter: 'c', terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6] },
  { letter: 'd', terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7] },
  { letter: 'e', terms: [1, 1, 1, 4, 4, 4, 4] },
  { letter: 'f', terms: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3] },
]) {
  test(`§5.3, figure 7 (${letter}): the leader forces its log upon the follower`, (t) => {
    const each = (id: string) => ({
      terms: id === 'n2' ? terms : [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      hardState: { currentTerm: 7 },
    });
    const net = new TestNetwork({ ...basic, size: 3, each });

    net.elect('n1');

    t.deepEqual(net.node('n2').terms, [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8]);
    t.is(progressOf(net.node('n1'), 'n2').matchIndex, 11);
  });
}

test('§5.3: a rejection names the conflicting term, one round passes over the whole term', (t) => {
  const node = follower({ terms: [1, 2, 2, 2, 2] });

  node.step(append({ term: 9, prev: [5, 8], terms: [9] }));

  const [answer] = only(node.sent(), 'append-entries-response');
  t.deepEqual([answer?.conflictIndex, answer?.conflictTerm], [5, 2]);
  const other = leader({ terms: [1, 1, 1, 1, 8], hardState: { currentTerm: 8 } });
  other.step(
    appended({ term: 9, success: false, prevLogIndex: 5, conflictIndex: 5, conflictTerm: 2 }),
  );
  t.is(only(other.sent(), 'append-entries')[0]?.prevLogIndex, 4);
});

test('§5.3: one slow follower does not hold up a commit', (t) => {
  const net = new TestNetwork({ ...basic, size: 3 });
  net.elect('n1');
  net.isolate('n3');

  net.propose('n1', 'x');

  t.deepEqual(net.node('n1').texts, ['x']);
});

test('§5.4.2: an entry of an older term is never committed by counting replicas', (t) => {
  const node = leader({ terms: [1, 2, 2] });

  node.step(appended({ term: 3, matchIndex: 3, from: 'n2' }));
  node.step(appended({ term: 3, matchIndex: 3, from: 'n3' }));
  t.is(node.raft.commitIndex, 0);
  node.step(appended({ term: 3, matchIndex: 4, from: 'n2' }));

  t.is(node.raft.commitIndex, 4);
});

test('§6: in a joint configuration elections need majorities of both', (t) => {
  const joint = { voters: ['n1', 'n2', 'n3'], outgoing: ['n1', 'n4', 'n5'] };
  const node = follower(joint);
  node.campaign();
  const grant = { kind: 'request-vote-response', to: 'n1', term: 1, granted: true } as const;

  node.step({ ...grant, from: 'n2' }, { ...grant, from: 'n3' });
  t.is(node.raft.role, 'candidate');
  node.step({ ...grant, from: 'n4' });

  t.is(node.raft.role, 'leader');
});

test('§6: in a joint configuration a commit needs majorities of both', (t) => {
  const node = leader({ voters: ['n1', 'n2', 'n3'], outgoing: ['n1', 'n4', 'n5'] });

  for (const from of ['n2', 'n3']) node.step(appended({ term: 1, matchIndex: 1, from }));
  t.is(node.raft.commitIndex, 0);
  node.step(appended({ term: 1, matchIndex: 1, from: 'n5' }));

  t.is(node.raft.commitIndex, 1);
});

test('§6: servers disregard RequestVote within the minimum election timeout of a leader', (t) => {
  const node = follower({ checkQuorum: true });
  node.step(append({ term: 1 }));
  node.sent();

  node.tick(9);
  node.step(requestVote({ term: 5, from: 'n3' }));
  t.is(node.raft.currentTerm, 1);
  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
  node.tick();
  node.step(requestVote({ term: 5, from: 'n3', lastLogTerm: 1, lastLogIndex: 1 }));

  t.is(node.raft.currentTerm, 5);
});

test('§6: learners receive entries and do not count for majorities', (t) => {
  const node = leader({ voters: ['n1', 'n2', 'n3'], learners: ['n4', 'n5'] });

  for (const from of ['n4', 'n5']) node.step(appended({ term: 1, matchIndex: 1, from }));

  t.is(progressOf(node, 'n4').matchIndex, 1);
  t.is(node.raft.commitIndex, 0);
});

test('§6: a server accepts entries of a leader outside its configuration', (t) => {
  const node = follower();

  node.step(append({ term: 1, from: 'n9', terms: [1] }));

  t.is(node.raft.leaderId, 'n9');
  t.deepEqual(node.terms, [1]);
});

test('§7: the consistency check works at the first index after compaction', (t) => {
  const node = follower({ base: { index: 5, term: 2 }, terms: [2] });

  node.step(append({ term: 3, prev: [5, 2], terms: [3] }));
  t.deepEqual(node.terms, [3]);
  node.step(append({ term: 3, prev: [5, 1], terms: [3] }));

  t.deepEqual(
    only(node.sent(), 'append-entries-response').map(({ success }) => success),
    [true, false],
  );
});

test('§8: a leader opens its term with a no-op and so learns what is committed', (t) => {
  const net = new TestNetwork({ ...basic, size: 3, each: () => ({ terms: [1, 1] }) });

  net.elect('n1');

  t.is(net.node('n1').log.at(-1)?.kind, 'noop');
  t.is(net.node('n1').raft.commitIndex, 3);
});

test('§8: a leader checks with a majority before it answers a read', (t) => {
  const net = new TestNetwork({ ...basic, size: 3 });
  net.elect('n1');
  net.isolate('n1');
  const lonely = net.at('n1', (node) => node.read());

  net.tick(6);
  t.is(net.node('n1').reads.get(lonely), undefined);
  net.heal();
  net.tick(2);

  t.is(net.node('n1').reads.get(lonely), 1);
});
