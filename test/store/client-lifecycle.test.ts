import { getEventListeners } from 'node:events';
import test from 'ava';
import { FakeCluster, serialsOf } from './fake-cluster.js';
import { messageOf, watch } from './watch.js';

test('a call that is aborted before it left is not sent', async (t) => {
  await using cluster = new FakeCluster();
  const controller = new AbortController();
  const reason = new Error('changed my mind');

  const calls = [
    watch(cluster.client.set('k', 1, { signal: controller.signal })),
    watch(cluster.client.get('k', { signal: controller.signal })),
  ];
  controller.abort(reason);
  const late = watch(cluster.client.set('k', 2, { signal: controller.signal }));
  await cluster.settle();

  for (const call of [...calls, late]) t.is(call.error, reason);
  t.is(cluster.requests.length, 0);
});

test('a call that is aborted under way rejects with the reason; its answer is not missed', async (t) => {
  await using cluster = new FakeCluster();
  const controller = new AbortController();
  cluster.fate = (request) => (serialsOf(request).clientId === 0 ? 'answer' : 'hold');

  const aborted = watch(cluster.client.set('k', 1, { signal: controller.signal }));
  const neighbour = watch(cluster.client.set('l', 1));
  await cluster.settle();
  controller.abort('enough');
  await cluster.settle();
  t.is(aborted.error, 'enough');
  t.is(neighbour.summary, 'pending');
  cluster.node('n1').release();
  await cluster.settle();

  t.is(neighbour.summary, 'done');
  t.is(aborted.error, 'enough');
});

test('a signal ends all calls that hang on it, also after some of them have ended', async (t) => {
  await using cluster = new FakeCluster();
  const controller = new AbortController();
  const { signal } = controller;
  cluster.fate = ({ kind }) => (kind === 'read' ? 'lose' : 'answer');

  const write = watch(cluster.client.set('k', 1, { signal }));
  const read = watch(cluster.client.get('k', { signal }));
  await cluster.settle();
  controller.abort('enough');
  await cluster.settle();

  t.is(write.summary, 'done');
  t.is(read.error, 'enough');
});

test('a write that was given up does not keep the serial window', async (t) => {
  await using cluster = new FakeCluster({ client: { serialWindowMax: 2 } });
  const controller = new AbortController();
  cluster.fate = (request) => (serialsOf(request).clientId === 0 ? 'answer' : 'lose');
  void watch(cluster.client.set('k', 1, { signal: controller.signal }));
  void watch(cluster.client.set('k', 2, { signal: controller.signal, timeoutMs: 50 }));
  await cluster.settle();
  cluster.fate = () => 'answer';

  const waiting = watch(cluster.client.set('k', 3));
  await cluster.settle();
  t.is(waiting.summary, 'pending');
  controller.abort();
  await cluster.advance(5);

  t.is(waiting.summary, 'done');
});

test('no listener stays on a signal, however its calls ended', async (t) => {
  await using cluster = new FakeCluster();
  const { signal } = new AbortController();
  cluster.fate = ({ kind }) => (kind === 'read' ? 'lose' : 'answer');

  const writes = Array.from({ length: 50 }, (_, at) =>
    watch(cluster.client.set('k', at, { signal, timeoutMs: 100 + (at % 2) })),
  );
  const onSignal: number[] = [];
  process.nextTick(() => onSignal.push(getEventListeners(signal, 'abort').length));
  const read = watch(cluster.client.get('k', { signal, timeoutMs: 20 }));
  await cluster.advance(30);

  t.true(writes.every(({ summary }) => summary === 'done'));
  t.is(read.summary, 'RAFT_TIMEOUT rejected');
  // Node.js takes more than ten listeners on a signal for a leak.
  t.deepEqual(onSignal, [1]);
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test('a timer is set while calls are pending, and only then', async (t) => {
  await using cluster = new FakeCluster();
  t.is(cluster.clock.timers, 0);
  cluster.fate = () => 'hold';

  const call = watch(cluster.client.set('k', 1));
  await cluster.advance(100);
  t.is(cluster.clock.timers, 1);
  cluster.fate = () => 'answer';
  for (const node of cluster.nodes) node.release();
  await cluster.advance(20);

  t.is(call.summary, 'done');
  t.is(cluster.clock.timers, 0);
  t.is(cluster.client.counters.pendingCalls, 0);
});

test('a registration that nobody waits for any more is dropped', async (t) => {
  await using cluster = new FakeCluster();
  const controller = new AbortController();
  cluster.fate = () => 'lose';
  const call = watch(cluster.client.set('k', 1, { signal: controller.signal }));
  await cluster.settle();

  controller.abort('enough');
  await cluster.advance(10);

  t.is(call.error, 'enough');
  t.is(cluster.clock.timers, 0);
  cluster.fate = () => 'answer';
  const next = watch(cluster.client.set('k', 2));
  await cluster.settle();
  t.is(next.summary, 'done');
});

test('close settles everything that is under way, and says what is known of it', async (t) => {
  await using cluster = new FakeCluster({ client: { serialWindowMax: 1 } });
  void cluster.client.set('first', 0);
  await cluster.settle();
  cluster.fate = () => 'hold';
  const sent = watch(cluster.client.set('k', 1));
  await cluster.settle();
  const queued = watch(cluster.client.set('k', 2));
  const read = watch(cluster.client.get('k'));
  await cluster.settle();
  const open = watch(cluster.client.set('k', 3, { timeoutMs: 50 }));
  const openRead = watch(cluster.client.get('l', { consistency: 'stale' }));

  await cluster.client.close();
  const after = watch(cluster.client.set('k', 4));
  const many = watch(cluster.client.getMany(['k']));
  await cluster.settle();

  t.is(sent.summary, 'RAFT_STOPPED unknown');
  for (const call of [queued, read, open, openRead, after, many]) {
    t.is(call.summary, 'RAFT_STOPPED rejected');
  }
  t.is(cluster.clock.timers, 0);
  t.is(cluster.client.counters.pendingCalls, 0);
});

test('closing gives the room back once, and may be repeated', async (t) => {
  const cluster = new FakeCluster();
  t.false(cluster.isRoomLeft);

  const first = cluster.client.close();
  t.is(cluster.client.close(), first);
  await first;
  await cluster.client[Symbol.asyncDispose]();

  t.true(cluster.isRoomLeft);
});

test('a client that is stopped from the other side settles its calls too', async (t) => {
  await using cluster = new FakeCluster();
  cluster.fate = () => 'hold';
  const call = watch(cluster.client.get('k'));
  await cluster.settle();

  cluster.client.stop();
  await cluster.settle();

  t.is(call.summary, 'RAFT_STOPPED rejected');
  t.false(cluster.isRoomLeft);
});

test('calls beyond outstandingMax are refused, and taken again when there is room', async (t) => {
  await using cluster = new FakeCluster({ client: { outstandingMax: 4 } });
  const { client } = cluster;

  const calls = [
    client.set('a', 1),
    client.get('a'),
    client.setMany([['b', 1]]),
    client.getMany(['b']),
    client.set('c', 1),
    client.getMany(['c']),
  ].map((call) => watch<unknown>(call));
  await cluster.settle();
  const later = watch(client.set('c', 1));
  await cluster.settle();

  t.deepEqual(
    calls.map(({ summary }) => summary),
    ['done', 'done', 'done', 'done', 'RAFT_OVERLOADED rejected', 'RAFT_OVERLOADED rejected'],
  );
  t.regex(messageOf(calls[4] ?? watch(Promise.resolve())), /4 calls are under way; await some/);
  t.is(later.summary, 'done');
});

test('a full ring makes the client wait, and nothing is lost or doubled', async (t) => {
  await using cluster = new FakeCluster({ link: { bulkBytes: 2 ** 12 }, client: { batchMax: 4 } });
  const node = cluster.node('n1');
  node.hint('n1', 1);
  await cluster.settle();
  void cluster.client.set('first', 0);
  await cluster.settle();
  node.isPaused = true;

  const calls = Array.from({ length: 100 }, (_, at) =>
    watch(cluster.client.cas(`k${at}`, undefined, 'x'.repeat(100))),
  );
  await cluster.settle();
  t.true(cluster.client.counters.blocked > 0);
  t.true(cluster.client.counters.attempts < 12);
  node.isPaused = false;
  await cluster.settle();

  t.true(calls.every(({ value }) => value?.succeeded === true));
  t.is(cluster.machine.size, 101);
  t.is(cluster.client.counters.silences, 0);
});

test('a ring that stays full ends in an error that says so', async (t) => {
  await using cluster = new FakeCluster({ nodes: ['n1'], link: { bulkBytes: 2 ** 12 } });
  void cluster.client.set('first', 0);
  await cluster.settle();
  cluster.node('n1').isPaused = true;
  // Longer than the time limit of the next call: what fills the ring is still there.
  const filling = Array.from({ length: 3 }, (_, at) =>
    watch(cluster.client.set(`k${at}`, 'x'.repeat(1_500), { timeoutMs: 60_000 + at })),
  );
  await cluster.settle();

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 100 }));
  await cluster.advance(110);

  t.is(call.summary, 'RAFT_TIMEOUT rejected');
  t.regex(messageOf(call), /never sent; n1 does not read its mailbox, which is full/);
  t.true(filling.every(({ summary }) => summary === 'pending'));
});

test('a request that no ring can hold is refused', async (t) => {
  await using cluster = new FakeCluster({ link: { bulkBytes: 2 ** 12 } });

  const call = watch(cluster.client.set('k', 'x'.repeat(3_000)));
  await cluster.settle();

  t.is(call.summary, 'RAFT_VALUE_TOO_LARGE rejected');
});

test('thousands of batches of one call wait in little memory', async (t) => {
  await using cluster = new FakeCluster();
  cluster.node('n1').isPaused = true;
  const before = process.memoryUsage().arrayBuffers;

  const calls = Array.from({ length: 2_000 }, (_, at) =>
    watch(cluster.client.set('k', at, { timeoutMs: 1_000 + at })),
  );
  const grown = process.memoryUsage().arrayBuffers - before;
  cluster.node('n1').isPaused = false;
  await cluster.settle();

  t.true(grown < 8 * 2 ** 20, `${grown} bytes`);
  t.true(calls.every(({ summary }) => summary === 'done'));
});
