import test from 'ava';
import { outcome } from '../../src/store/outcome.js';
import { noActor } from '../../src/store/protocol.js';
import { type Answer, Fleet, type FleetNode } from './fleet.js';

function follower(fleet: Fleet): FleetNode {
  return fleet.nodes.find((node) => node !== fleet.leader && !node.isDown) as FleetNode;
}

function register(fleet: Fleet, id: string): number {
  const answer = fleet.answer(fleet.write(id, (batch) => batch.register()));
  return (answer as Extract<Answer, { kind: 'registered' }>).clientId;
}

test('a leader commits a write, applies it everywhere and answers who asked', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();

  const answer = fleet.answer(fleet.set(leader.id, 'a', 1));

  t.deepEqual(answer, { kind: 'ok', index: 2, outcomes: [outcome.ok] });
  fleet.until(() => fleet.nodes.every(({ machine }) => machine.size === 1));
  t.is(new Set(fleet.nodes.map(({ machine }) => machine.digest())).size, 1);
});

test('what one drain finds becomes one entry, and every batch gets its own answer', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();

  const first = fleet.set(leader.id, 'a', 1);
  const second = fleet.write(leader.id, (batch) => {
    batch.set('b', 2);
    batch.delete('nobody');
  });
  const third = fleet.set(leader.id, 'c', 3);

  t.deepEqual(fleet.answer(first), { kind: 'ok', index: 2, outcomes: [outcome.ok] });
  t.deepEqual(fleet.answers.get(second), {
    kind: 'ok',
    index: 2,
    outcomes: [outcome.ok, outcome.absent],
  });
  t.deepEqual(fleet.answers.get(third), { kind: 'ok', index: 2, outcomes: [outcome.ok] });
  t.is(leader.replica.gauges.entriesProposed, 1);
  t.is(leader.replica.gauges.commandsApplied, 4);
});

test('a drain that finds much becomes several entries, and no payload overwrites another', (t) => {
  const fleet = new Fleet({ entryBytesMax: 2 ** 20, logBytesMax: 2 ** 25 });
  const leader = fleet.elect();
  const kibis = [200, 100, 200, 150];

  const requests = kibis.map((kibi, at) =>
    fleet.set(leader.id, `k${at}`, `${at}`.repeat(kibi << 10)),
  );

  // An entry takes no more when it has 256 KiB: the third write begins the second one.
  const indexes = requests.map((request) => {
    const answer = fleet.answer(request);
    return answer.kind === 'ok' ? answer.index : 0;
  });
  t.deepEqual(indexes, [2, 2, 3, 3]);
  t.is(leader.replica.gauges.entriesProposed, 2);
  fleet.until(() => fleet.nodes.every(({ machine }) => machine.size === kibis.length));
  for (const { machine } of fleet.nodes) {
    const stored = new Map(machine.entries());
    for (const [at, kibi] of kibis.entries()) {
      t.true(stored.get(`k${at}`)?.endsWith(`${at}`.repeat(kibi << 10)), `k${at}`);
    }
  }
});

test('a drain that finds more than one entry may hold is stored in between', (t) => {
  const fleet = new Fleet({ entryBytesMax: 2 ** 19, logBytesMax: 2 ** 25 });
  const leader = fleet.elect();

  const requests = [0, 1, 2, 3, 4].map((at) =>
    fleet.set(leader.id, `k${at}`, `${at}`.repeat(150 << 10)),
  );

  for (const request of requests) t.is(fleet.answer(request).kind, 'ok');
  fleet.until(() => fleet.nodes.every(({ machine }) => machine.size === 5));
  t.is(new Set(fleet.nodes.map(({ machine }) => machine.digest())).size, 1);
});

test('what was proposed in a drain that deposes the leader is in doubt, and not done', (t) => {
  const fleet = new Fleet({ entryBytesMax: 2 ** 20, logBytesMax: 2 ** 25 });
  const leader = fleet.elect();
  const others = fleet.nodes.filter((node) => node !== leader);
  for (const { id } of others) fleet.cut.add(`${leader.actor}>${id}`);

  const requests = [0, 1, 2].map((at) => fleet.set(leader.id, `k${at}`, 'v'.repeat(200 << 10)));
  leader.mailbox.drain(leader.replica.receive);
  leader.raft.step({
    kind: 'append-entries',
    from: others[0]?.id ?? '',
    to: leader.id,
    term: leader.raft.currentTerm + 1,
    prevLogIndex: 1,
    prevLogTerm: leader.raft.currentTerm,
    entries: [],
    leaderCommit: 1,
    replicatedByAll: 0,
  });
  leader.replica.flush();
  leader.mailbox.release();

  t.is(leader.raft.role, 'follower');
  for (const request of requests) t.is(fleet.answer(request).kind, 'refused');
  t.is(leader.machine.size, 0);
});

test('C24: a follower passes a write on, and answers it itself (etcd TestProposalByProxy)', (t) => {
  const fleet = new Fleet();
  fleet.elect();
  const node = follower(fleet);

  t.is(fleet.answer(fleet.set(node.id, 'a', 1)).kind, 'ok');
  t.is(node.replica.gauges.forwarded, 1);
  t.is(node.replica.gauges.pending, 0);
});

test('a node that knows no leader refuses at once, and says that there is none', (t) => {
  const fleet = new Fleet();

  const answer = fleet.answer(fleet.set('n1', 'a', 1), 2);

  t.deepEqual(answer, { kind: 'refused', reason: 'no-leader', leader: noActor });
});

test('clients are told who leads, again at each change', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();

  t.is(fleet.hints.at(-1), leader.actor);
  fleet.crash(leader.id);
  fleet.until(() => fleet.leader !== undefined && fleet.hints.at(-1) === fleet.leader.actor);
  t.not(fleet.leader, leader);
});

test('pitfall 35: a leader that loses its office answers "in doubt", never ok', (t) => {
  const fleet = new Fleet();
  const old = fleet.elect();
  fleet.isolate(old.id);

  const lost = fleet.set(old.id, 'a', 'lost');
  const answer = fleet.answer(lost);
  fleet.until(() => fleet.leader !== undefined && fleet.leader !== old);
  const kept = fleet.answer(fleet.set((fleet.leader as FleetNode).id, 'a', 'kept'));
  fleet.heal();
  fleet.until(() => fleet.nodes.every(({ replica }) => replica.gauges.commandsApplied === 1));

  t.is(answer.kind === 'refused' && answer.reason, 'in-doubt');
  t.is(kept.kind, 'ok');
  t.is(old.replica.gauges.pending, 0);
  t.deepEqual(fleet.answers.get(lost), answer, 'no second answer came');
});

for (const { patienceTicks, cause } of [
  { patienceTicks: 1e6, cause: 'another leader' },
  { patienceTicks: 5, cause: 'no word for too long' },
]) {
  test(`pitfall 36: a forwarded write is in doubt at the follower, not lost: ${cause}`, (t) => {
    const fleet = new Fleet({ patienceTicks });
    const leader = fleet.elect();
    const node = follower(fleet);
    fleet.isolate(leader.id);

    const answer = fleet.answer(fleet.set(node.id, 'a', 1));

    t.is(answer.kind === 'refused' && answer.reason, 'in-doubt');
    t.is(node.replica.gauges.pending, 0);
    t.is(node.raft.leaderId === leader.id, cause !== 'another leader');
  });
}

test('pitfall 32: every node, and every life of a node, draws timeouts of its own', (t) => {
  const roundsToCampaign = (fleet: Fleet, { id, replica }: FleetNode): number => {
    let rounds = 0;
    fleet.isolate(id);
    fleet.until(() => {
      rounds += 1;
      return replica.gauges.campaigns > 0;
    });
    return rounds;
  };
  const alone = new Fleet({ size: 1 });
  const lives = Array.from({ length: 8 }, () => {
    alone.crash('n1');
    alone.restart('n1');
    return roundsToCampaign(alone, alone.node('n1'));
  });
  const nodes = Array.from({ length: 9 }, (_, at) => {
    const fleet = new Fleet({ size: 9 });
    return roundsToCampaign(fleet, fleet.nodes[at] as FleetNode);
  });

  t.true(new Set(lives).size > 2, `${lives}`);
  t.true(new Set(nodes).size > 2, `${nodes}`);
});

test('pitfall 33: a write that is sent again is applied once, and answered as the first time', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  const clientId = register(fleet, leader.id);
  const stamp = { clientId, firstSerial: 1 };

  const first = fleet.answer(
    fleet.write(leader.id, (b) => b.cas('a', { expected: 0, value: 1 }), stamp),
  );
  fleet.answer(fleet.set(leader.id, 'a', 0));
  const again = fleet.answer(
    fleet.write(leader.id, (b) => b.cas('a', { expected: 0, value: 1 }), stamp),
  );

  t.deepEqual(again, first);
  t.deepEqual(again.kind === 'ok' && again.outcomes, [outcome.absent]);
  const read = fleet.answer(fleet.get(leader.id, ['a']));
  t.deepEqual(read.kind === 'values' && read.values, [0]);
});

for (const role of ['leader', 'follower'] as const) {
  test(`C60: a ${role} serves a linearizable read at its own state (etcd TestReadOnlyOptionSafe)`, (t) => {
    const fleet = new Fleet();
    const leader = fleet.elect();
    const node = role === 'leader' ? leader : follower(fleet);
    const write = fleet.answer(fleet.set(leader.id, 'a', 'new'));

    const read = fleet.answer(fleet.get(node.id, ['a', 'b']));

    t.true(read.kind === 'values' && write.kind === 'ok' && read.index >= write.index);
    t.deepEqual(read.kind === 'values' && read.values, ['new', undefined]);
    t.is(node.replica.gauges.readsServed, 1);
  });
}

test('C64: a read at a node without a quorum ends with a word, and may be asked again', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  fleet.answer(fleet.set(leader.id, 'a', 1));
  fleet.isolate(leader.id);

  const answer = fleet.answer(fleet.get(leader.id, ['a']));

  t.is(answer.kind, 'refused');
  t.is(leader.replica.gauges.pending, 0);
  const stale = fleet.answer(fleet.get(leader.id, ['a'], 'stale'));
  t.deepEqual(stale.kind === 'values' && stale.values, [1]);
});

test('C63: a lease read is served at once while the lease holds, and waits when it does not', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  fleet.answer(fleet.set(leader.id, 'a', 1));
  for (let round = 0; round < 10; round += 1) fleet.round();

  const held = fleet.answer(fleet.get(leader.id, ['a'], 'lease'), 2);
  fleet.isolate(leader.id);
  for (let round = 0; round < 9; round += 1) fleet.round();
  const request = fleet.get(leader.id, ['a'], 'lease');
  fleet.round();

  t.is(held.kind, 'values');
  t.false(fleet.answers.get(request)?.kind === 'values');
});

test('an answer that is larger than a frame comes in pieces', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  const keys = Array.from({ length: 12 }, (_, at) => `k${at}`);
  for (const key of keys) fleet.answer(fleet.set(leader.id, key, key.repeat(20_000)));

  const read = fleet.answer(fleet.get(leader.id, keys));

  t.deepEqual(
    read.kind === 'values' && read.values,
    keys.map((key) => key.repeat(20_000)),
  );
});

test('a full ring holds answers back, in order, until the client reads', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  fleet.answer(fleet.set(leader.id, 'big', 'x'.repeat(60_000)));

  // 40 answers of 60 kB do not fit into the client's ring of 1 MiB.
  const requests = Array.from({ length: 40 }, () => fleet.get(leader.id, ['big']));
  for (const request of requests) {
    const answer = fleet.answer(request);
    t.is(answer.kind === 'values' && (answer.values[0] as string).length, 60_000);
  }
  t.is(leader.replica.gauges.pending, 0);
});

test('the log is trimmed to what is saved here and held everywhere', (t) => {
  const fleet = new Fleet({ checkpointBytes: 2 ** 16 });
  const leader = fleet.elect();
  const value = 'x'.repeat(1000);

  for (let at = 0; at < 300; at += 1) fleet.answer(fleet.set(leader.id, `k${at % 7}`, value));
  for (let round = 0; round < 20; round += 1) fleet.round();

  for (const { replica } of fleet.nodes) {
    const { firstLogIndex, lastLogIndex } = replica.gauges;
    t.true(firstLogIndex > 200, `from ${firstLogIndex}`);
    t.true(lastLogIndex >= 300);
  }
});

test('a member that is away keeps the log of the others, and catches up from it', (t) => {
  const fleet = new Fleet({ checkpointBytes: 2 ** 16 });
  const leader = fleet.elect();
  const away = follower(fleet);
  fleet.crash(away.id);
  const value = 'x'.repeat(1000);
  for (let at = 0; at < 300; at += 1) fleet.answer(fleet.set(leader.id, `k${at % 7}`, value));

  t.true(leader.replica.gauges.firstLogIndex < 5);
  fleet.restart(away.id);
  fleet.until(() => away.machine.digest() === leader.machine.digest());
  for (let round = 0; round < 20; round += 1) fleet.round();
  t.true(leader.replica.gauges.firstLogIndex > 200);
});

test('C33: a node that restarts has its state from snapshot and log, each command applied once', (t) => {
  const fleet = new Fleet({ checkpointBytes: 2 ** 16 });
  fleet.elect();
  const clientId = register(fleet, 'n1');
  for (let serial = 1; serial <= 200; serial += 1) {
    const stamp = { clientId, firstSerial: serial };
    const step = { expected: serial === 1 ? undefined : serial - 1, value: serial };
    const answer = fleet.answer(
      fleet.write(
        'n1',
        (b) => {
          b.set('pad', 'x'.repeat(1000));
          b.cas('n', serial === 1 ? { expected: null, value: 1 } : step);
          if (serial === 1) b.set('n', 1);
        },
        { ...stamp, firstSerial: serial * 3 },
      ),
    );
    t.is(answer.kind, 'ok');
  }
  for (const { id } of fleet.nodes) {
    fleet.crash(id);
    fleet.restart(id);
    fleet.elect();
  }
  fleet.answer(fleet.set('n1', 'last', 1));
  fleet.until(() => new Set(fleet.nodes.map(({ machine }) => machine.digest())).size === 1);

  const read = fleet.answer(fleet.get('n2', ['n', 'last']));
  t.deepEqual(read.kind === 'values' && read.values, [200, 1]);
});

test('pitfall 41: a node that restarts does not hear what was sent to the one before it', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  const node = follower(fleet);
  fleet.set(node.id, 'a', 1);

  fleet.crash(node.id);
  fleet.restart(node.id);
  for (let round = 0; round < 30; round += 1) fleet.round();

  t.is(leader.machine.size, 0);
});
