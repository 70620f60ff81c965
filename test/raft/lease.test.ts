/**
 * Leases: row C63 of the conformance list and pitfall 31.
 */
import test from 'ava';
import { appended, heartbeatAnswer, only, requestVote } from './harness/messages.js';
import { TestNetwork } from './harness/network.js';
import type { TestNode } from './harness/node.js';
import { follower, leader, storedVote } from './harness/roles.js';

/** A leader of three with CheckQuorum whose noop is committed. Its lease clock is at 10. */
function settled(options: Parameters<typeof leader>[0] = {}): TestNode {
  const node = leader({ checkQuorum: true, leaseDriftTicks: 0, ...options });
  const { currentTerm: term, lastLogIndex: matchIndex } = node.raft;
  for (const from of ['n2', 'n3']) node.step(appended({ term, matchIndex, from }));
  node.sent();
  return node;
}

/** The leader sends a heartbeat now; returns when, on its lease clock. */
function beat(node: TestNode): number {
  node.sent();
  for (let i = 0; i < 2; i += 1) {
    node.tick();
    const sentAt = only(node.sent(), 'heartbeat').at(-1)?.sentAt;
    if (sentAt !== undefined) return sentAt;
  }
  throw new Error('no heartbeat');
}

test('C63: no lease before a quorum has answered a heartbeat', (t) => {
  const node = settled();
  t.is(node.raft.leaseReadIndex(), undefined);
  const sentAt = beat(node);
  t.is(node.raft.leaseReadIndex(), undefined);

  node.step(heartbeatAnswer({ term: 1, sentAt }));

  t.is(node.raft.leaseReadIndex(), 1);
});

test('C63, pitfall 31: the lease runs from sending, not from the answer', (t) => {
  const early = settled();
  const late = settled();
  const sentAt = beat(early);
  beat(late);
  early.step(heartbeatAnswer({ term: 1, sentAt }));

  early.tick(8);
  late.tick(8);
  late.step(heartbeatAnswer({ term: 1, sentAt }));
  t.is(early.raft.leaseReadIndex(), 1);
  t.is(late.raft.leaseReadIndex(), 1);
  early.tick();
  late.tick();

  t.is(early.raft.leaseReadIndex(), undefined, 'ten ticks less two of rounding');
  t.is(late.raft.leaseReadIndex(), undefined);
});

for (const [mayHavePromised, votedFor] of [
  [undefined, undefined],
  [true, undefined],
  [false, 'n2'],
] as const) {
  const title = `a node that starts in term 3 votes for ${votedFor ?? 'nobody'} yet`;
  test(`${title} if it may have promised a leader: ${mayHavePromised ?? 'by default'}`, (t) => {
    const node = follower({
      hardState: { currentTerm: 3 },
      checkQuorum: true,
      ...(mayHavePromised === undefined ? {} : { mayHavePromised }),
    });

    node.step(requestVote({ term: 4, from: 'n2' }));

    t.is(storedVote(node), votedFor);
  });
}

test('C63: the drift allowed is taken off the lease', (t) => {
  const node = settled({ leaseDriftTicks: 3 });
  const sentAt = beat(node);
  node.step(heartbeatAnswer({ term: 1, sentAt }));

  node.tick(5);
  t.is(node.raft.leaseReadIndex(), 1);
  node.tick();

  t.is(node.raft.leaseReadIndex(), undefined);
});

test('C63: the lease is that of the slowest node of the fastest quorum', (t) => {
  const node = settled({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });
  const first = beat(node);
  node.step(heartbeatAnswer({ term: 1, sentAt: first, from: 'n2' }));
  t.is(node.raft.leaseReadIndex(), undefined);
  const second = beat(node);
  node.step(heartbeatAnswer({ term: 1, sentAt: second, from: 'n2' }));
  node.step(heartbeatAnswer({ term: 1, sentAt: first, from: 'n3' }));
  t.is(node.raft.leaseReadIndex(), 1);

  for (const from of ['n4', 'n5']) node.step(heartbeatAnswer({ term: 1, sentAt: -99, from }));
  node.tick(first + 9 - second);

  t.is(node.raft.leaseReadIndex(), undefined);
});

test('C63: a stalled thread that wakes up has lost its lease', (t) => {
  const node = settled();
  const sentAt = beat(node);
  node.step(heartbeatAnswer({ term: 1, sentAt }));
  t.is(node.raft.leaseReadIndex(), 1);

  node.tick(1, 50);

  t.is(node.raft.role, 'leader', 'its timers did not jump');
  t.is(node.raft.leaseReadIndex(), undefined);
});

test('C63: no lease without CheckQuorum (raft-rs …without_check_quorum)', (t) => {
  const node = settled({ checkQuorum: false });
  const sentAt = beat(node);

  for (const from of ['n2', 'n3']) node.step(heartbeatAnswer({ term: 1, sentAt, from }));

  t.is(node.raft.leaseReadIndex(), undefined);
});

test('C63: no lease at a follower, and none before the own first commit', (t) => {
  t.is(follower({ checkQuorum: true }).raft.leaseReadIndex(), undefined);

  const node = leader({ checkQuorum: true, terms: [1, 1] });
  const sentAt = beat(node);
  for (const from of ['n2', 'n3']) node.step(heartbeatAnswer({ term: 2, sentAt, from }));

  t.is(node.raft.leaseReadIndex(), undefined);
});

test('pitfall 31: no lease during a transfer, nor after one whose order may still arrive (etcd-io/raft#99)', (t) => {
  const node = settled();
  const answer = () => {
    const sentAt = beat(node);
    for (const from of ['n2', 'n3']) node.step(heartbeatAnswer({ term: 1, sentAt, from }));
  };
  answer();
  t.is(node.raft.leaseReadIndex(), 1);
  node.transfer('n2');
  t.is(only(node.sent(), 'timeout-now').length, 1);
  t.is(node.raft.leaseReadIndex(), undefined);
  for (let i = 0; i < 6; i += 1) answer();
  t.is(node.raft.status().transferee, undefined, 'given up');

  t.is(node.raft.leaseReadIndex(), undefined, 'the order is still out there');
});

test('pitfall 31: a transfer that never got to its order gives the lease back', (t) => {
  const node = settled();
  node.propose('x');
  const answer = () => {
    const sentAt = beat(node);
    for (const from of ['n2', 'n3']) node.step(heartbeatAnswer({ term: 1, sentAt, from }));
  };
  answer();
  node.transfer('n2');
  t.is(node.raft.leaseReadIndex(), undefined);
  for (let i = 0; i < 6; i += 1) answer();

  t.is(node.raft.status().transferee, undefined);
  t.is(node.raft.leaseReadIndex(), 1);
});

test('a single voter always holds its lease', (t) => {
  const node = leader({ voters: ['n1'], checkQuorum: true });

  node.tick(100);

  t.is(node.raft.leaseReadIndex(), 1);
});

/**
 * Three nodes whose clocks run at different rates: out of a hundred steps node i ticks in
 * `rates[i]`. Links come and go, leaders hand over, nodes restart. Counts lease reads that were
 * older than what was committed somewhere when they were served.
 */
function staleLeaseReads(seed: number, rates: readonly number[], drift: number): number[] {
  const net = new TestNetwork({ size: 3, seed, leaseDriftTicks: drift });
  const ids = [...net.nodes.keys()];
  const phase = rates.map(() => 0);
  let served = 0;
  let stale = 0;
  for (let step = 0; step < 1500; step += 1) {
    for (const [i, id] of ids.entries()) {
      phase[i] = (phase[i] ?? 0) + (rates[i] ?? 100);
      if ((phase[i] ?? 0) < 100) continue;
      phase[i] = (phase[i] ?? 0) - 100;
      net.at(id, (node) => node.tick());
    }
    // A message is under way for up to a few steps.
    for (let i = net.queue.length; i > 0; i -= 1) if (net.prng.next() < 0.7) net.deliver();
    const chance = net.prng.next();
    const someone = net.prng.pick(ids);
    if (chance < 0.02) net.isolate(someone);
    else if (chance < 0.05) net.heal();
    else if (chance < 0.06) net.at(someone, (node) => node.transfer(net.prng.pick(ids)));
    else if (chance < 0.07) net.at(someone, restart);
    for (const { id, raft } of net.nodes.values()) {
      if (raft.role === 'leader') net.at(id, (node) => node.propose(`${step}`));
      const index = raft.leaseReadIndex();
      if (index === undefined) continue;
      served += 1;
      if (index < net.invariants.commitIndex) stale += 1;
    }
  }
  return [served, stale];
}

function restart(node: TestNode): void {
  node.crash();
  node.restart();
}

test('C63: within the drift allowed no lease read is stale, with skewed clocks, cuts and transfers', (t) => {
  let reads = 0;
  for (let seed = 0; seed < 12; seed += 1) {
    // The slowest clock loses two ticks in ten against the fastest.
    const rates = [80, 100, 90].map((_, i, all) => all[(i + seed) % 3] ?? 100);
    const [served = 0, stale = 0] = staleLeaseReads(seed, rates, 2);
    t.is(stale, 0, `seed ${seed}`);
    reads += served;
  }
  t.true(reads > 1000, `${reads} reads were served`);
});

for (const { ticks, drift, isStale } of [
  { ticks: 0.3, drift: 2, isStale: true },
  { ticks: 0.3, drift: 7, isStale: false },
  { ticks: 0.8, drift: 2, isStale: false },
]) {
  const outcome = isStale ? 'a stale read happens, so these tests can fail' : 'no read is stale';
  test(`C63: a cut-off leader at ${ticks} of the speed, drift of ${drift} allowed: ${outcome}`, (t) => {
    const net = new TestNetwork({ size: 3, leaseDriftTicks: drift });
    net.elect('n1');
    net.tick(2);
    net.isolate('n1');
    let owed = 0;
    let stale = 0;

    for (let step = 0; step < 60; step += 1) {
      net.tick(1, ['n2', 'n3']);
      owed += ticks;
      if (owed >= 1) net.tick(1, ['n1']);
      if (owed >= 1) owed -= 1;
      const index = net.node('n1').raft.leaseReadIndex();
      if (index !== undefined && index < net.invariants.commitIndex) stale += 1;
    }

    t.is(stale > 0, isStale);
    t.true(net.invariants.commitIndex > 1, 'the others went on');
  });
}
