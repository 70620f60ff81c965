import test from 'ava';
import { createCluster } from '../../src/index.js';

const quick = { electionTimeout: { minMs: 100, maxMs: 200 }, heartbeatMs: 30 };

test.serial('three nodes elect a leader and serve set and get at each of them', async (t) => {
  await using cluster = await createCluster(quick);
  const leader = await cluster.waitForLeader();

  t.true(cluster.nodes.includes(leader));
  for (const node of cluster.nodes) {
    const { index } = await cluster.set(`at ${node}`, { by: node }, { node });
    t.true(index > 0);
  }
  for (const node of cluster.nodes) {
    for (const other of cluster.nodes) {
      t.deepEqual(await cluster.get(`at ${other}`, { node }), { by: other });
    }
  }
  t.is(await cluster.get('nobody wrote this'), undefined);
});

test.serial('delete, cas, setMany and getMany say what they did', async (t) => {
  await using cluster = await createCluster(quick);

  t.true((await cluster.cas('k', undefined, 1)).succeeded);
  t.false((await cluster.cas('k', undefined, 2)).succeeded);
  t.true((await cluster.cas('k', 1, 2)).succeeded);
  t.is(await cluster.get('k'), 2);
  t.true((await cluster.delete('k')).existed);
  t.false((await cluster.delete('k')).existed);

  const first = await cluster.setMany([
    ['a', 'one'],
    ['b', new Map([['x', 1n]])],
    ['c', new Uint8Array([1, 2, 3])],
  ]);
  t.true(first.index > 0);
  t.deepEqual(await cluster.getMany(['a', 'b', 'c', 'd']), [
    'one',
    new Map([['x', 1n]]),
    new Uint8Array([1, 2, 3]),
    undefined,
  ]);
});

for (const size of [1, 2, 5, 7]) {
  test.serial(`a cluster of ${size} serves, and all replicas end with one digest`, async (t) => {
    await using cluster = await createCluster({ ...quick, size });

    await Promise.all(Array.from({ length: 200 }, (_, at) => cluster.set(`k${at % 50}`, at)));
    const { lastApplied, digest } = await cluster.waitForConverged();

    t.true(lastApplied > 0);
    const inspections = await Promise.all(cluster.nodes.map((node) => cluster.inspect(node)));
    t.deepEqual(new Set(inspections.map((seen) => seen.digest)), new Set([digest]));
    t.deepEqual(new Set(inspections.map(({ keys }) => keys)), new Set([50]));
  });
}

test.serial('weaker reads are served when asked for by name', async (t) => {
  await using cluster = await createCluster(quick);
  const { index } = await cluster.set('k', 'v');
  await cluster.waitForApplied(index);
  const leader = await cluster.waitForLeader();

  t.is(await cluster.get('k', { consistency: 'lease', node: leader }), 'v');
  for (const node of cluster.nodes) {
    t.is(await cluster.get('k', { consistency: 'stale', node }), 'v');
  }
});

test.serial('leadership goes where it is sent (dissertation §3.10)', async (t) => {
  await using cluster = await createCluster(quick);
  const leader = await cluster.waitForLeader();
  await cluster.set('k', 1);
  const target = cluster.nodes.find((node) => node !== leader) as string;

  await cluster.transferLeadership(target);

  t.is(cluster.leaderId, target);
  await cluster.set('k', 2);
  t.is(await cluster.get('k'), 2);
  await t.throwsAsync(cluster.transferLeadership('n9'), { code: 'RAFT_UNKNOWN_NODE' });
});

test.serial('events tell the life of a node in order', async (t) => {
  await using cluster = await createCluster(quick);
  const leader = await cluster.waitForLeader();
  const seen: string[] = [];
  using _ = cluster.onAny((event) => {
    seen.push('nodeId' in event ? `${event.kind} ${event.nodeId}` : event.kind);
  });

  const elected = cluster.once('leader-elected', { when: ({ nodeId }) => nodeId !== leader });
  const back = cluster.once('node-started', { when: ({ nodeId }) => nodeId === leader });
  await cluster.crash('leader');
  const { nodeId, term } = await elected;
  const { incarnation } = await back;

  t.not(nodeId, leader);
  t.true(term > 1);
  t.is(incarnation, 2);
  t.true(seen.includes(`node-down ${leader}`));
  t.true(seen.indexOf(`leader-elected ${nodeId}`) > seen.indexOf(`node-down ${leader}`));
  t.true(seen.indexOf(`node-started ${leader}`) > seen.indexOf(`node-down ${leader}`));
});

test.serial('status shows a paused node, and metrics count what happened', async (t) => {
  await using cluster = await createCluster(quick);
  const leader = await cluster.waitForLeader();
  await cluster.set('k', 1);

  await cluster.pause(leader);
  const next = await cluster.waitForLeader({ among: cluster.nodes.filter((id) => id !== leader) });
  t.is(cluster.status().nodes.find(({ id }) => id === leader)?.state, 'paused');
  await cluster.set('k', 2);
  cluster.resume(leader);

  await cluster.waitForConverged();
  t.is(cluster.status().nodes.find(({ id }) => id === leader)?.state, 'running');
  const metrics = await cluster.metrics();
  t.true(metrics.elections >= 2);
  t.true((metrics.nodes[next]?.commandsApplied ?? 0) >= 2);
  t.true(metrics.rssBytes > 0);
});

test.serial('a node that was started again does not pass for the leader that it was', async (t) => {
  // Longer than it takes to look: only a tick, or mail, makes a node show what it is.
  const slow = { tickMs: 200, heartbeatMs: 200, electionTimeout: { minMs: 400, maxMs: 600 } };
  await using cluster = await createCluster({ ...slow, size: 1 });
  await cluster.waitForLeader();
  const { currentTerm } = cluster.status();
  const back = cluster.once('node-started').then(() => cluster.status());

  await cluster.crash('leader');
  const { nodes } = await back;

  t.false(nodes[0]?.role === 'leader' && nodes[0].currentTerm === currentTerm);
});

test.serial(
  'waiting for what was applied wants a node that runs, and one that exists',
  async (t) => {
    await using cluster = await createCluster(quick);
    const { index } = await cluster.set('k', 1);

    await cluster.waitForApplied(index, { nodes: cluster.nodes });
    await t.throwsAsync(cluster.waitForApplied(index, { nodes: ['n9'] }), {
      code: 'RAFT_UNKNOWN_NODE',
    });
    await cluster.crash([...cluster.nodes], { restart: false });
    await t.throwsAsync(cluster.waitForApplied(index + 1, { timeoutMs: 20 }), {
      code: 'RAFT_TIMEOUT',
    });
  },
);

test.serial('a transfer ends in time although the leader stands still', async (t) => {
  const source = `export function createStateMachine() {
    return {
      apply() {},
      query(ms) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms); },
      snapshot: () => new Uint8Array(),
      restore() {},
    };
  }`;
  // Nobody else is elected while it stands still.
  const patient = { electionTimeout: { minMs: 2_000, maxMs: 3_000 } };
  const stateMachine = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  await using cluster = await createCluster({ ...patient, stateMachine });
  const leader = await cluster.waitForLeader();
  const target = cluster.nodes.find((id) => id !== leader) as string;

  let isStill = true;
  const still = cluster.query(1_500, { node: leader, consistency: 'stale' }).finally(() => {
    isStill = false;
  });
  await new Promise((resolve) => setImmediate(resolve));
  await t.throwsAsync(cluster.transferLeadership(target, { timeoutMs: 100 }), {
    code: 'RAFT_TIMEOUT',
  });

  t.true(isStill);
  t.is(cluster.leaderId, leader);
  await still;
});
