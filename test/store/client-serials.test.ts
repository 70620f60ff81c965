import test from 'ava';
import { fates, isRegistration, ready, registration, writes } from './conversation.js';
import { type Fate, serialsOf } from './fake-cluster.js';
import { watch } from './watch.js';

test('a pinned write that is stuck does not use up the serial window of the others', async (t) => {
  await using cluster = await ready({ client: { serialWindowMax: 4, batchMax: 4 } });
  cluster.fate = ({ node }) => (node === 'n2' ? 'lose' : 'answer');

  const stuck = Array.from({ length: 12 }, () => watch(cluster.client.set('k', 1, { node: 'n2' })));
  const others = Array.from({ length: 12 }, () => watch(cluster.client.set('k', 2)));
  await cluster.settle();

  t.true(others.every(({ summary }) => summary === 'done'));
  t.true(stuck.every(({ summary }) => summary === 'pending'));
});

test('no more serial numbers are under way than the nodes remember', async (t) => {
  await using cluster = await ready({
    client: { serialWindowMax: 8, batchMax: 4 },
    store: { serialWindowMax: 8 },
  });
  fates(cluster, 'hold');

  const calls = Array.from({ length: 20 }, (_, at) =>
    watch(cluster.client.cas(`k${at}`, undefined, at)),
  );
  await cluster.settle();
  // The oldest is still awaited: 2+4 and 6+4 fill the window.
  t.deepEqual(writes(cluster), ['n1 2+4', 'n1 6+4']);
  cluster.node('n1').release();
  await cluster.settle();

  t.deepEqual(writes(cluster), ['n1 2+4', 'n1 6+4', 'n1 10+4', 'n1 14+4', 'n1 18+4']);
  t.true(calls.every(({ value }) => value?.succeeded === true));
});

test('a batch that is longer than the window goes alone', async (t) => {
  await using cluster = await ready({
    client: { serialWindowMax: 4, batchMax: 4 },
    store: { serialWindowMax: 4 },
  });
  fates(cluster, 'hold');

  const before = watch(cluster.client.set('k', 0));
  const many = watch(cluster.client.setMany(Array.from({ length: 9 }, (_, at) => [`m${at}`, at])));
  const after = watch(cluster.client.set('k', 1));
  await cluster.settle();
  t.deepEqual(writes(cluster), ['n1 2+1']);
  cluster.node('n1').release();
  await cluster.settle();

  t.deepEqual(writes(cluster), ['n1 2+1', 'n1 3+9', 'n1 12+1']);
  t.deepEqual(
    [before, many, after].map(({ value }) => value?.index),
    [3, 4, 5],
  );
});

test('a session that the nodes forgot is opened anew, and what was surely not done is done in it', async (t) => {
  await using cluster = await ready({ store: { sessionsMax: 1 } });
  // Another client registers, and this one is the least recently used.
  cluster.apply(registration());

  const calls = [cluster.client.cas('k', undefined, 1), cluster.client.set('l', 1)].map(watch);
  await cluster.settle();

  t.deepEqual(
    calls.map(({ summary }) => summary),
    ['done', 'done'],
  );
  t.deepEqual(calls[0]?.value, { index: 6, succeeded: true });
  t.deepEqual(writes(cluster), ['n1 2+2', 'n1 1+2']);
});

test('one session follows one that expired, however many batches were under way', async (t) => {
  await using cluster = await ready({ client: { batchMax: 1 }, store: { sessionsMax: 1 } });
  cluster.apply(registration());

  const calls = ['a', 'b', 'c', 'd'].map((key) => watch(cluster.client.set(key, 1)));
  await cluster.settle();

  t.true(calls.every(({ summary }) => summary === 'done'));
  t.is(cluster.requests.filter(isRegistration).length, 1);
});

test('a write that was in doubt when its session expired is unknown, for ever', async (t) => {
  await using cluster = await ready({ store: { sessionsMax: 1 } });
  fates(cluster, 'lose-answer');

  const doubtful = watch(cluster.client.set('k', 1));
  await cluster.settle();
  cluster.apply(registration());
  await cluster.advance(600);

  t.is(doubtful.summary, 'RAFT_SESSION_EXPIRED unknown');
  const next = watch(cluster.client.set('k', 2));
  await cluster.settle();
  t.is(next.summary, 'done');
});

test('batches of an expired session that were refused go into the next one', async (t) => {
  await using cluster = await ready({ client: { batchMax: 1 }, store: { sessionsMax: 1 } });
  fates(cluster, 'answer', { refuse: 'overloaded' }, 'hold');
  cluster.apply(registration());

  const calls = ['a', 'b', 'c'].map((key) => watch(cluster.client.cas(key, undefined, 1)));
  await cluster.advance(50);
  t.deepEqual(
    calls.map(({ summary }) => summary),
    ['done', 'done', 'pending'],
  );
  // The held one arrives under the old session: surely not applied, so it is done in the new one.
  cluster.node('n1').release();
  await cluster.settle();

  t.true(calls.every(({ value }) => value?.succeeded === true));
  t.is(cluster.machine.size, 4);
  t.is(cluster.requests.filter(isRegistration).length, 1);
});

test('each write tells the nodes from which serial number on an answer is awaited', async (t) => {
  await using cluster = await ready({ client: { batchMax: 2 } });
  fates(cluster, 'answer', 'hold', 'answer', 'answer');

  for (let count = 0; count < 3; count += 1) {
    for (let call = 0; call < 2; call += 1) void cluster.client.set('k', 1);
    await cluster.settle();
  }
  cluster.node('n1').release();
  await cluster.settle();
  void cluster.client.set('k', 1);
  await cluster.settle();

  t.deepEqual(
    cluster.requests.map((request) => serialsOf(request).lowestSerial),
    [2, 4, 4, 8],
  );
});

test('a write that was moved to a new session is rejected if it is refused there', async (t) => {
  await using cluster = await ready({ store: { sessionsMax: 1 } });
  cluster.apply(registration());
  let arrived = 0;
  cluster.fate = (request) => {
    if (isRegistration(request)) return 'answer';
    arrived += 1;
    return arrived === 1 ? 'answer' : { refuse: 'overloaded' };
  };

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 100 }));
  await cluster.advance(110);

  t.is(call.summary, 'RAFT_TIMEOUT rejected');
});

test('a write that waits for its repeat when its session expires is sent once', async (t) => {
  await using cluster = await ready({
    nodes: ['n1'],
    client: { batchMax: 1 },
    store: { sessionsMax: 1 },
  });
  fates(cluster, 'hold', ...Array.from({ length: 20 }, (): Fate => ({ refuse: 'overloaded' })));
  const first = watch(cluster.client.cas('k', undefined, 1));
  const second = watch(cluster.client.set('l', 1));
  // The first is silent, and the second keeps it waiting.
  while (cluster.client.counters.silences === 0) await cluster.advance(5);
  t.is(writes(cluster).filter((write) => write === 'n1 2+1').length, 1);
  fates(cluster);
  cluster.requests.length = 0;

  cluster.apply(registration());
  cluster.node('n1').release();
  await cluster.settle();

  t.deepEqual([first.summary, second.summary], ['done', 'done']);
  t.deepEqual(first.value, { index: cluster.lastIndex - 1, succeeded: true });
  t.deepEqual(writes(cluster), ['n1 3+1', 'n1 1+1', 'n1 2+1']);
});
