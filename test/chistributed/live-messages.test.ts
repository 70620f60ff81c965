/** Held messages and messages by hand on real nodes: what is held is what the links hold. */
import test from 'ava';
import { type ClusterTarget, createClusterTarget } from '../../src/chistributed/cluster-target.js';
import type { HeldMessage } from '../../src/chistributed/index.js';

const nodes = ['a', 'b', 'c'];

async function running(): Promise<ClusterTarget> {
  const target = createClusterTarget(nodes, { seed: 1 });
  await Promise.all(nodes.map((node) => target.start(node)));
  await until(() => target.leader());
  return target;
}

/** Looks until there is something; the test's own time limit ends it. */
async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function heldBetween(held: readonly HeldMessage[], ...ends: readonly string[]): HeldMessage[] {
  return held.filter(({ source, destination }) => {
    return ends.includes(source) && ends.includes(destination);
  });
}

function isHeartbeat({ type, fields }: HeldMessage): boolean {
  return type === 'appendEntries' && !Object.hasOwn(fields, 'prevLogIndex');
}

test('a message that two partitions separate goes with the one that is removed (§6.2)', async (t) => {
  await using target = await running();
  const first = await target.createPartition({ name: 'p', side1: ['a'], side2: ['b', 'c'] });
  const other = await target.createPartition({ name: 'q', side1: ['a'], side2: ['b'] });
  const find = async (...ends: string[]): Promise<HeldMessage[] | undefined> => {
    const found = heldBetween(await target.heldMessages(), ...ends);
    return found.length > 0 ? found : undefined;
  };
  await until(() => find('a', 'b'));
  await until(() => find('a', 'c'));

  await first.remove({ deliver: false });

  // Not a turn of the event loop has gone by: these would be the ones from before.
  t.deepEqual(heldBetween(await target.heldMessages(), 'a', 'b'), []);
  t.deepEqual(heldBetween(await target.heldMessages(), 'a', 'c'), []);
  // The other partition is still in force, for what comes.
  await until(() => find('a', 'b'));
  await other.remove({ deliver: true });
  t.deepEqual(await target.heldMessages(), []);
});

test('what is held stays in the order in which it was sent, and reads as it was said', async (t) => {
  await using target = await running();
  const leader = target.leader()?.nodeId ?? '';
  const follower = nodes.find((node) => node !== leader) ?? '';
  await target.set(leader, 'A', 'before');
  const partition = await target.createPartition({
    name: 'p',
    side1: [follower],
    side2: nodes.filter((node) => node !== follower),
  });
  await target.set(leader, 'A', 'missed');

  const held = await until(async () => {
    const messages = await target.heldMessages();
    return messages.filter(isHeartbeat).length > 3 ? messages : undefined;
  });

  const beats = held.filter(isHeartbeat).map(({ fields }) => Number(fields['sentAt']));
  t.deepEqual(
    beats,
    beats.toSorted((one, next) => one - next),
  );
  t.true(beats[0] !== beats.at(-1));
  const commands = held.flatMap(({ fields }) => fields['entries'] ?? []) as {
    commands?: object[];
  }[];
  t.deepEqual(commands.at(0)?.commands?.at(-1), { op: 'set', key: 'A', value: 'missed' });
  for (const { source, fields } of held) t.is(fields['source'], source);
  await partition.remove({ deliver: true });
  t.deepEqual(await target.get(follower, 'A'), { kind: 'ok', key: 'A', value: 'missed' });
});

test('a vote that is asked for by hand moves the term; what the leader says moves the follower', async (t) => {
  await using target = await running();
  const leader = target.leader()?.nodeId ?? '';
  const [follower = ''] = nodes.filter((node) => node !== leader);
  const vote = { type: 'requestVote', lastLogIndex: 0, lastLogTerm: 0, isTransfer: true };

  await target.deliver(follower, { ...vote, destination: follower, source: leader, term: 500 });

  const termOf = (node: string): number =>
    target.status().find(({ nodeId }) => nodeId === node)?.term ?? 0;
  await until(() => (termOf(follower) >= 500 ? true : undefined));
  // A new term means a new leader: everybody follows into it.
  await until(() => ((target.leader()?.term ?? 0) >= 500 ? true : undefined));
  t.deepEqual(await target.set(follower, 'A', '1'), { kind: 'ok', key: 'A', value: '1' });
});

test('no message reaches a node that is down, nor wakes it', async (t) => {
  await using target = await running();
  const message = { type: 'timeoutNow', destination: 'c', source: 'a', term: 900 };
  await target.crash('c');

  await target.deliver('c', message);

  t.false(target.isAlive('c'));
  t.is(target.status().find(({ nodeId }) => nodeId === 'c')?.state, 'down');
  t.deepEqual(await target.get('c', 'A'), { kind: 'lost' });
});

test('nodes are down until they are started, and a request then finds them (§4)', async (t) => {
  await using target = createClusterTarget(nodes);
  t.deepEqual(await target.get('a', 'A'), { kind: 'lost' });
  await target.start('a');

  const states = target.status().map(({ nodeId, state }) => [nodeId, state]);

  t.deepEqual(states, [
    ['a', 'running'],
    ['b', 'down'],
    ['c', 'down'],
  ]);
  t.deepEqual(await target.get('a', 'A'), { kind: 'no-quorum' });
  t.is(target.elections, 0);
});

test('a node may be called as a client would be', async (t) => {
  const names = ['c1', 'c2', 'c3', 'c4', 'c5'];
  await using target = createClusterTarget(names.slice(1));
  await Promise.all(names.slice(1).map((node) => target.start(node)));
  await until(() => target.leader());

  t.deepEqual(await target.set('c5', 'A', '1'), { kind: 'ok', key: 'A', value: '1' });
});
