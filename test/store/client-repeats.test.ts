import test from 'ava';
import type { RefusalReason } from '../../src/store/protocol.js';
import { fates, ready, writes } from './conversation.js';
import type { Fate } from './fake-cluster.js';
import { watch } from './watch.js';

test('a write whose answer was lost is sent again and applied once (dissertation §6.3)', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'lose-answer');

  const swap = watch(cluster.client.cas('k', undefined, 'mine'));
  await cluster.advance(600);

  // Applied twice, the cas would have found its own value.
  t.deepEqual(swap.value, { index: 3, succeeded: true });
  t.deepEqual(writes(cluster), ['n1 2+1', 'n2 2+1']);
});

test('a copy of a write and a copy of its answer change nothing', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'copy', 'answer-twice');

  const copied = watch(cluster.client.cas('k', undefined, 1));
  await cluster.settle();
  const answeredTwice = watch(cluster.client.cas('k', 1, 2));
  await cluster.settle();

  t.deepEqual(copied.value, { index: 3, succeeded: true });
  t.deepEqual(answeredTwice.value, { index: 5, succeeded: true });
  t.is(cluster.client.counters.pendingCalls, 0);
});

test('a late answer to the first attempt settles a write that was sent again', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'hold', 'hold');

  const call = watch(cluster.client.set('k', 1));
  await cluster.advance(600);
  t.deepEqual(writes(cluster), ['n1 2+1', 'n2 2+1']);
  cluster.node('n1').release();
  await cluster.settle();

  t.is(call.summary, 'done');
  t.is(cluster.client.counters.awaited, 0);
  cluster.node('n2').release();
  await cluster.settle();
  t.is(cluster.client.counters.pendingCalls, 0);
});

const passing: readonly RefusalReason[] = [
  'no-leader',
  'overloaded',
  'log-full',
  'transferring',
  'stopping',
  'in-doubt',
];
for (const reason of passing) {
  test(`'${reason}' is waited out`, async (t) => {
    await using cluster = await ready();
    fates(cluster, { refuse: reason }, { refuse: reason }, { refuse: reason });

    const call = watch(cluster.client.cas('k', undefined, 1));
    await cluster.advance(100);

    t.deepEqual(call.value, { index: 3, succeeded: true });
    t.is(writes(cluster).length, 4);
  });
}

test('the wait between refusals grows to 100 ms, with jitter', async (t) => {
  await using cluster = await ready();
  const at: number[] = [];
  cluster.fate = () => {
    at.push(cluster.clock.nowMs());
    return { refuse: 'no-leader' };
  };

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 2_000 }));
  await cluster.advance(2_000);

  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  t.is(call.summary, 'RAFT_TIMEOUT rejected');
  t.true((waits[0] ?? 99) <= 10);
  t.true(
    waits.slice(5).every((wait) => wait >= 50 && wait <= 105),
    waits.join(' '),
  );
  t.true(new Set(waits.slice(5)).size > 2, waits.join(' '));
});

test('what a dead node had is sent elsewhere, and applied once (pitfall 33)', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'lose-answer');
  const call = watch(cluster.client.cas('k', undefined, 'mine'));
  await cluster.settle();

  cluster.node('n1').die();
  cluster.client.peerDown();
  await cluster.settle();

  t.deepEqual(call.value, { index: 3, succeeded: true });
  t.deepEqual(writes(cluster), ['n1 2+1', 'n2 2+1']);
});

test('a node that came back as another incarnation does not have what was sent to the last (pitfall 41)', async (t) => {
  await using cluster = await ready();
  cluster.node('n1').isPaused = true;
  const call = watch(cluster.client.set('k', 1));
  await cluster.settle();

  cluster.node('n1').die();
  cluster.node('n1').start();
  cluster.node('n1').isPaused = false;
  await cluster.advance(10);

  t.is(call.summary, 'done');
  t.deepEqual(writes(cluster), ['n2 2+1']);
});

test('a hint makes a client look for what died', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'lose');
  const call = watch(cluster.client.set('k', 1));
  await cluster.settle();

  cluster.node('n1').die();
  cluster.node('n2').hint('n2', 2);
  await cluster.settle();

  t.is(call.summary, 'done');
  t.deepEqual(writes(cluster), ['n1 2+1', 'n2 2+1']);
});

test('a new leader ends the wait for one (a leader killed under load)', async (t) => {
  await using cluster = await ready();
  cluster.fate = () => ({ refuse: 'no-leader' });
  const call = watch(cluster.client.set('k', 1));
  await cluster.advance(1_000);
  cluster.fate = () => 'answer';
  cluster.requests.length = 0;

  cluster.node('n3').hint('n3', 2);
  await cluster.settle();

  t.is(call.summary, 'done');
  t.deepEqual(writes(cluster), ['n3 2+1']);
});

test('many refusals at once make one wait', async (t) => {
  await using cluster = await ready({ client: { batchMax: 1 } });
  fates(cluster, ...Array.from({ length: 20 }, (): Fate => ({ refuse: 'overloaded' })));

  const calls = Array.from({ length: 20 }, (_, at) => watch(cluster.client.set(`k${at}`, at)));
  await cluster.advance(10);

  t.true(calls.every(({ summary }) => summary === 'done'));
});

test('an answer ends the wait of those that were refused', async (t) => {
  await using cluster = await ready({ client: { batchMax: 1 } });
  fates(cluster, 'hold', ...Array.from({ length: 8 }, (): Fate => ({ refuse: 'overloaded' })));
  void cluster.client.set('a', 1);
  const refused = watch(cluster.client.set('b', 1));
  await cluster.advance(300);
  const attempts = writes(cluster).length;
  t.is(refused.summary, 'pending');
  fates(cluster);

  cluster.node('n1').release();
  await cluster.settle();

  t.is(refused.summary, 'done');
  t.is(writes(cluster).length, attempts + 1);
});

test('the late refusal of an attempt that was given up starts no other one', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'hold', 'hold');
  const call = watch(cluster.client.set('k', 1, { timeoutMs: 1_200 }));
  await cluster.advance(450);
  t.deepEqual(writes(cluster), ['n1 2+1', 'n2 2+1']);

  cluster.node('n1').release({ refuse: 'overloaded' });
  await cluster.advance(50);
  t.is(writes(cluster).length, 2);
  cluster.fate = () => ({ refuse: 'overloaded' });
  cluster.node('n2').release({ refuse: 'overloaded' });
  await cluster.advance(800);

  // Every attempt was refused in the end.
  t.is(call.summary, 'RAFT_TIMEOUT rejected');
});

test('a call of another tick does not wait for the back-off of reads', async (t) => {
  await using cluster = await ready();
  cluster.fate = ({ kind }) => (kind === 'read' ? { refuse: 'read-aborted' } : 'answer');
  const read = watch(cluster.client.get('k'));
  await cluster.settle();

  const write = watch(cluster.client.set('k', 1));
  await cluster.settle();

  t.is(write.summary, 'done');
  t.is(read.summary, 'pending');
});
