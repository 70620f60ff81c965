import test from 'ava';
import { allocateFailures, FailureBoard } from '../../src/store/failure-board.js';
import { fates, ready, writes } from './conversation.js';
import type { FakeCluster } from './fake-cluster.js';
import { causeCode, messageOf, watch } from './watch.js';

const full = { code: 'RAFT_STORAGE_FAILED', message: 'ENOSPC: no space left' };

/** Nodes die, as those do whose disks are full: nobody starts them again. */
function fail(cluster: FakeCluster, ...ids: readonly string[]): void {
  for (const nodeId of ids) {
    cluster.failures.set({ nodeId, ...full });
    cluster.node(nodeId).die();
  }
}

test('a board tells who is down for good, once that is too many to be a majority', (t) => {
  const ids = ['n1', 'n2', 'n3', 'n4'];
  const memory = allocateFailures(ids.length);
  const written = new FailureBoard(memory, ids);
  const read = new FailureBoard(memory, ids);

  written.set({ nodeId: 'n4', code: 'RAFT_STORAGE_LOST', message: 'gone' });
  t.is(read.lostMajority(), undefined);
  const long = {
    nodeId: 'n2',
    code: 'RAFT_STORAGE_FAILED',
    message: `two\nlines ${'é'.repeat(999)}`,
  };
  written.set(long);

  // Two of four are no majority (§5.1).
  const [second, fourth] = read.lostMajority() ?? [];
  t.deepEqual(fourth, { nodeId: 'n4', code: 'RAFT_STORAGE_LOST', message: 'gone' });
  t.is(second?.code, long.code);
  t.true((second?.message.length ?? 0) > 200);
  t.true(long.message.startsWith(second?.message ?? '?'));
  written.set({ nodeId: 'n2', code: 'RAFT_STORAGE_LOST', message: 'short' });
  t.is(read.lostMajority()?.[0]?.message, 'short');
  written.clear('n2');
  t.is(read.lostMajority(), undefined);
});

test('a call that no majority can ever answer is refused soon, unsent, with the cause', async (t) => {
  await using cluster = await ready();
  fail(cluster, 'n1', 'n2');

  const calls = [
    watch(cluster.client.set('k', 1)),
    watch(cluster.client.get('k')),
    watch(cluster.client.set('k', 1, { node: 'n3' })),
    watch(cluster.client.get('k', { consistency: 'lease' })),
  ];
  await cluster.settle();
  // Not at once: who tries again for ever would keep the thread from all else.
  t.deepEqual([...new Set(calls.map(({ summary }) => summary))], ['pending']);
  await cluster.advance(10);

  for (const call of calls) {
    t.is(call.summary, 'RAFT_NO_QUORUM rejected');
    t.is(causeCode(call), 'RAFT_STORAGE_FAILED');
    t.regex(messageOf(call), /^n1, n2 failed .* never sent; n1: ENOSPC/);
  }
  t.deepEqual(cluster.requests, []);
  t.is(cluster.client.counters.pendingCalls, 0);
});

test('what was under way when the majority was lost is unknown, or rejected if unsent', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'hold');
  const sent = watch(cluster.client.set('sent', 1));
  const read = watch(cluster.client.get('k'));
  await cluster.settle();
  t.is(sent.summary, 'pending');

  fail(cluster, 'n1', 'n2', 'n3');
  await cluster.advance(10);

  t.is(sent.summary, 'RAFT_NO_QUORUM unknown');
  t.true(['done', 'RAFT_NO_QUORUM rejected'].includes(read.summary));
});

test('a node that lives on answers stale reads without the majority', async (t) => {
  await using cluster = await ready();
  fail(cluster, 'n1', 'n2');

  const read = watch(cluster.client.get('first', { consistency: 'stale' }));
  await cluster.advance(20);

  t.is(read.summary, 'done');
  t.is(read.value, 0);
  fail(cluster, 'n3');
  const late = watch(cluster.client.get('first', { consistency: 'stale' }));
  await cluster.advance(20);
  t.is(late.summary, 'RAFT_NO_QUORUM rejected');
});

test('nodes that are started again serve, whoever was refused before', async (t) => {
  await using cluster = await ready();
  fail(cluster, 'n1', 'n2');
  const refused = watch(cluster.client.set('k', 1));
  await cluster.advance(10);
  t.is(refused.summary, 'RAFT_NO_QUORUM rejected');

  cluster.failures.clear('n1');
  cluster.node('n1').start();
  const served = watch(cluster.client.set('k', 2));
  await cluster.advance(50);

  t.is(served.summary, 'done');
  t.is(writes(cluster).length, 1);
});

test('nodes that only crashed come back: calls wait for them', async (t) => {
  await using cluster = await ready();
  for (const { id } of cluster.nodes) cluster.node(id).die();
  const call = watch(cluster.client.set('k', 1));
  await cluster.advance(1_000);
  t.is(call.summary, 'pending');

  for (const node of cluster.nodes) node.start();
  await cluster.advance(200);

  t.is(call.summary, 'done');
});
