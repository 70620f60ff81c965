/** InstallSnapshot (§7): parts, resume, loss, conflicts; rows 22 to 24 and 26 of the pitfalls. */
import test from 'ava';
import fc from 'fast-check';
import { InvariantError } from '../../src/raft/index.js';
import {
  append,
  appended,
  heartbeatAnswer,
  installAnswer,
  installSnapshot,
  only,
} from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import { encode, type TestNode } from './harness/node.js';
import { follower, leader, progressOf } from './harness/roles.js';
import { requireConvergence, runTurmoil } from './harness/turmoil.js';

const two = { voters: ['n1', 'n2'] };
const compacted = { ...two, base: { index: 5, term: 1 }, terms: [1] };
const refusal = { term: 2, success: false, conflictIndex: 1, conflictTerm: 1, prevLogIndex: 6 };

function partsOf(node: TestNode): [number, number][] {
  return only(node.sent(), 'install-snapshot').map((m) => [m.snapshotIndex, m.offset]);
}

test('§7: a follower that lacks what was compacted is sent the snapshot, one part at a time', (t) => {
  const node = leader(compacted);

  node.step(appended(refusal));

  t.deepEqual(partsOf(node), [[5, 0]]);
  t.is(progressOf(node, 'n2').state, 'snapshot');
  node.step(installAnswer({ term: 2, snapshotIndex: 5, nextOffset: 40 }));
  t.deepEqual(partsOf(node), [[5, 40]]);
  t.deepEqual(progressOf(node, 'n2').snapshot, { index: 5, offset: 40 });
  node.tick(2);
  t.deepEqual(partsOf(node), [], 'heartbeats go on, the next part waits for its answer');
});

test('§7: once it is installed, entries follow', (t) => {
  const node = leader(compacted);
  node.step(appended(refusal));
  node.sent();

  node.step(appended({ term: 2, matchIndex: 5, prevLogIndex: 5 }));

  t.is(progressOf(node, 'n2').state, 'replicate');
  const [first] = only(node.sent(), 'append-entries');
  t.deepEqual([first?.prevLogIndex, first?.entries.map(({ index }) => index)], [5, [6, 7]]);
});

test('pitfall 26: a part that was lost is sent again, and not before its time', (t) => {
  const node = leader(compacted);
  node.step(appended(refusal));
  t.deepEqual(partsOf(node), [[5, 0]]);

  node.tick(4);
  node.step(heartbeatAnswer({ term: 2 }));
  t.deepEqual(partsOf(node), [], 'it may still be on its way');
  for (let i = 0; i < 4; i += 1) {
    node.tick(2);
    node.step(heartbeatAnswer({ term: 2 }));
  }
  t.deepEqual(partsOf(node), [[5, 0]]);
});

test('pitfall 26: a doubled answer starts no second stream, one for another snapshot does nothing', (t) => {
  const node = leader(compacted);
  node.step(appended(refusal));
  node.sent();

  node.step(installAnswer({ term: 2, snapshotIndex: 5, nextOffset: 40 }));
  node.step(installAnswer({ term: 2, snapshotIndex: 5, nextOffset: 40 }));
  node.step(installAnswer({ term: 2, snapshotIndex: 4, nextOffset: 9 }));

  t.deepEqual(partsOf(node), [[5, 40]]);
});

test('pitfall 26: a snapshot that is there no more is replaced by the newest', (t) => {
  const node = leader(compacted);
  node.step(appended(refusal));
  node.sent();
  node.step(appended({ term: 2, matchIndex: 0, from: 'n2' }));
  t.is(progressOf(node, 'n2').state, 'snapshot', 'an old acknowledgement gives nothing up');
  const cluster = leader({ base: { index: 5, term: 1 }, terms: [1] });
  cluster.step(appended({ term: 2, matchIndex: 7, from: 'n3' }));
  cluster.step(appended({ ...refusal, from: 'n2' }));
  cluster.sent();

  cluster.compact(7);
  cluster.raft.snapshotGone('n2');
  cluster.run();

  t.deepEqual(partsOf(cluster), [[7, 0]]);
});

test('pitfall 26: a follower that has all of it says so, and gets entries', (t) => {
  const node = follower({ terms: [1, 1, 1], hardState: { currentTerm: 2 } });
  node.step(append({ term: 2, prev: [3, 1], leaderCommit: 3 }));
  node.sent();

  node.step(installSnapshot({ term: 2, snapshotIndex: 2, bytes: encode('[]') }));

  const [answer] = only(node.sent(), 'append-entries-response');
  t.like(answer, { success: true, matchIndex: 3 });
  t.is(node.installs, 0);
});

test('pitfall 22: a tail that conflicts at the snapshot index goes with the snapshot', (t) => {
  const node = follower({ terms: [1, 1, 1, 1], hardState: { currentTerm: 4 } });

  node.step(installSnapshot({ term: 4, snapshotIndex: 3, snapshotTerm: 3 }));

  const { commitIndex, lastLogIndex, lastLogTerm, firstLogIndex } = node.raft.status();
  t.deepEqual([commitIndex, lastLogIndex, lastLogTerm, firstLogIndex], [3, 3, 3, 4]);
  t.like(only(node.sent(), 'append-entries-response')[0], { success: true, matchIndex: 3 });
  node.step(append({ term: 4, prev: [3, 3], terms: [4] }));
  t.deepEqual(node.terms, [4]);
});

test('pitfall 22: a tail that goes on behind the snapshot stays (§7)', (t) => {
  const node = follower({ terms: [1, 1, 2, 2], hardState: { currentTerm: 4 } });

  node.step(installSnapshot({ term: 4, snapshotIndex: 3, snapshotTerm: 2 }));

  t.deepEqual([node.raft.commitIndex, node.raft.lastLogIndex], [3, 4]);
  t.deepEqual(node.terms, [2]);
});

test('pitfall 23: an older snapshot never takes the place of newer state', (t) => {
  const node = follower({ base: { index: 5, term: 2 }, terms: [], hardState: { currentTerm: 4 } });

  node.step(installSnapshot({ term: 4, snapshotIndex: 4, snapshotTerm: 2 }));

  t.is(node.installs, 0);
  t.is(node.raft.commitIndex, 5);
  t.throws(() => node.raft.installed(4, 2), { instanceOf: InvariantError });
});

test('pitfall 23: entries that arrive beside the last part, and reach further, make it void', (t) => {
  const node = follower({ terms: [1, 1], hardState: { currentTerm: 2 } });
  const entries = append({ term: 2, prev: [2, 1], terms: [1, 1, 1, 1], leaderCommit: 6 });
  const snapshot = installSnapshot({ term: 2, snapshotIndex: 5, snapshotTerm: 1 });

  // One drain has both: what the network delayed, and the snapshot that was sent instead.
  node.raft.step(snapshot);
  node.step(entries);

  t.deepEqual([node.raft.commitIndex, node.installs], [6, 0]);
  t.like(only(node.sent(), 'append-entries-response')[0], { success: true, matchIndex: 6 });
  node.step(snapshot);
  t.like(only(node.sent(), 'append-entries-response')[0], { success: true, matchIndex: 6 });
});

test('a transfer goes on where it was, or from the start for a node that knows nothing of it', (t) => {
  const node = follower({ terms: [1], hardState: { currentTerm: 4 } });
  const part = { term: 4, snapshotIndex: 9, snapshotTerm: 3, isLast: false };
  const wanted = () => only(node.sent(), 'install-snapshot-response').map((m) => m.nextOffset);

  node.step(installSnapshot({ ...part, offset: 30, bytes: encode('later') }));
  t.deepEqual(wanted(), [0]);
  node.step(installSnapshot({ ...part, bytes: encode('[') }));
  t.deepEqual(wanted(), [1]);
  node.step(installSnapshot({ ...part, bytes: encode('[') }));
  t.deepEqual(wanted(), [1], 'a repeated part is not stored twice');
  node.step(installSnapshot({ ...part, offset: 1, bytes: encode(']'), isLast: true }));
  t.is(node.raft.commitIndex, 9);
  t.is(node.installs, 1);
});

test('pitfall 26: parts of two leaders are never put together, though they name the same snapshot', (t) => {
  const node = follower({ terms: [1], hardState: { currentTerm: 4 } });
  const part = { term: 4, snapshotIndex: 9, snapshotTerm: 3 };
  const rest = { ...part, term: 5, from: 'n3' };
  node.step(installSnapshot({ ...part, bytes: encode('[{'), isLast: false }));
  node.sent();

  node.step(installSnapshot({ ...rest, offset: 2, bytes: encode('}]') }));

  t.deepEqual(
    only(node.sent(), 'install-snapshot-response').map((m) => m.nextOffset),
    [0],
  );
  t.is(node.installs, 0);
  node.step(installSnapshot(rest));
  t.is(node.raft.commitIndex, 9);
});

test('§5.1: a part of an older term is refused', (t) => {
  const node = follower({ terms: [1], hardState: { currentTerm: 4 } });

  node.step(installSnapshot({ term: 3, snapshotIndex: 9 }));

  t.is(node.installs, 0);
  t.like(node.sent()[0], { kind: 'install-snapshot-response', term: 4, nextOffset: 0 });
});

test('pitfall 24: appends at, below and above the snapshot index after an install', (t) => {
  for (const [prev, isTaken] of [
    [[3, 3], true],
    [[1, 1], true],
    [[4, 3], false],
  ] as const) {
    const node = follower({ terms: [1], hardState: { currentTerm: 4 } });
    node.step(installSnapshot({ term: 4, snapshotIndex: 3, snapshotTerm: 3 }));
    node.sent();

    node.step(append({ term: 4, prev: [...prev], terms: [3, 3, 4] }));

    const [answer] = only(node.sent(), 'append-entries-response');
    t.is(answer?.success, isTaken, `${prev}`);
  }
});

test('the vote for a snapshot is the disk’s: it is acknowledged once it is durable (pitfall 17)', (t) => {
  const node = follower({ terms: [1], hardState: { currentTerm: 4 } });
  node.isDiskSlow = true;

  const bytes = encode(JSON.stringify([{ index: 3, term: 3, text: '' }]));

  node.step(installSnapshot({ term: 4, snapshotIndex: 3, snapshotTerm: 3, bytes }));
  t.deepEqual(node.sent(), []);
  node.flush();

  t.like(node.sent()[0], { kind: 'append-entries-response', matchIndex: 3 });
});

test('of two snapshots that come before one is handed out the later is installed', (t) => {
  const node = follower({ terms: [1], hardState: { currentTerm: 4 } });
  const bytes = encode(JSON.stringify([]));

  node.raft.step(installSnapshot({ term: 4, snapshotIndex: 5, snapshotTerm: 4, bytes }));
  node.raft.step(
    installSnapshot({ from: 'n3', term: 5, snapshotIndex: 3, snapshotTerm: 3, bytes }),
  );
  node.run();

  t.is(node.installs, 1);
  t.is(node.raft.commitIndex, 3);
  t.like(node.sent().at(-1), { to: 'n3', kind: 'append-entries-response', matchIndex: 3 });
});

test('C88: any history in which logs are compacted before everybody has them', (t) => {
  let installs = 0;
  const rate = (max: number): fc.Arbitrary<number> =>
    fc.integer({ min: 0, max: 100 }).map((percent) => (percent * max) / 100);
  const options = fc.record({
    seed: fc.integer(),
    size: fc.constantFrom(2, 3, 5),
    steps: fc.constant(200),
    weather: fc.record({ loss: rate(0.3), duplication: rate(0.5), reorder: rate(0.5) }),
    hasSlowDisks: fc.boolean(),
    preVote: fc.boolean(),
    checkQuorum: fc.boolean(),
    crash: rate(0.05),
    cut: rate(0.2),
    compact: fc.constant(0.3),
    gathering: rate(0.5),
    isCompactionFree: fc.constant(true),
  });

  fc.assert(
    fc.property(options, (one) => {
      const outcome = runTurmoil(one);
      requireConvergence(outcome, 600);
      for (const node of outcome.net.nodes.values()) installs += node.installs;
    }),
    { numRuns: 60 },
  );
  t.true(installs > 20, `${installs} installs`);
});

test('a node that was away while everything was compacted catches up without a write', (t) => {
  const each = (id: string) =>
    id === 'n3'
      ? { terms: [] }
      : { base: { index: 50, term: 1 }, terms: Array.from({ length: 20 }, () => 1) };
  const net = new TestNetwork({ size: 3, each, seed: 26 });

  net.until(() => net.node('n3').raft.lastLogIndex >= 70, 200);

  t.is(net.node('n3').installs, 1);
});
