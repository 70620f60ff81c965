import test from 'ava';
import { outcome } from '../../src/store/outcome.js';
import { clientFrame } from '../../src/store/protocol.js';
import { WriteReplyWriter } from '../../src/store/reply.js';
import { fates, ready } from './conversation.js';
import { FakeCluster, type Fate } from './fake-cluster.js';
import { causeCode, messageOf, watch } from './watch.js';

test('a refused write is not tried again so late that it could only be in doubt', async (t) => {
  await using cluster = await ready();
  const at: number[] = [];
  cluster.fate = () => {
    at.push(cluster.clock.nowMs());
    return { refuse: 'overloaded' };
  };
  const deadlineMs = cluster.clock.nowMs() + 1_000;

  const calls = Array.from({ length: 20 }, (_, call) =>
    watch(cluster.client.set('k', 1, { timeoutMs: 1_000 + call })),
  );
  await cluster.advance(1_030);

  t.true(calls.every(({ summary }) => summary === 'RAFT_TIMEOUT rejected'));
  t.true(Math.max(...at) < deadlineMs, `${Math.max(...at)} ${deadlineMs}`);
  t.true(Math.max(...at) > deadlineMs - 200);
});

const ends: readonly [why: string, fate: Fate, summary: string, text: RegExp, cause: string][] = [
  [
    'no leader',
    { refuse: 'no-leader' },
    'RAFT_TIMEOUT rejected',
    /within 1000 ms; it was sent \d+ times and it was not done; n\d knows no leader: there/,
    'RAFT_NO_LEADER',
  ],
  [
    'an answer that never comes',
    'lose-answer',
    'RAFT_TIMEOUT unknown',
    /sent 3 times and it may have been done; n\d did not answer: it has no quorum/,
    'RAFT_NO_QUORUM',
  ],
  [
    'a leader that loses its quorum again and again',
    { refuse: 'in-doubt' },
    'RAFT_TIMEOUT unknown',
    /may have been done; n\d took it and could not tell whether a quorum has it/,
    'RAFT_NO_QUORUM',
  ],
  [
    'a log that stays full',
    { refuse: 'log-full' },
    'RAFT_LOG_FULL rejected',
    /it was not done; n\d has no room in its log/,
    'RAFT_LOG_FULL',
  ],
  [
    'too much to do',
    { refuse: 'overloaded' },
    'RAFT_TIMEOUT rejected',
    /n\d has too much to do/,
    'RAFT_OVERLOADED',
  ],
];
for (const [why, fate, summary, text, cause] of ends) {
  test(`at its deadline a write fails with ${summary}, and says why: ${why}`, async (t) => {
    await using cluster = await ready();
    cluster.fate = () => fate;

    const call = watch(cluster.client.set('k', 1, { timeoutMs: 1_000 }));
    await cluster.advance(990);
    t.is(call.summary, 'pending');
    await cluster.advance(15);

    t.is(call.summary, summary);
    t.regex(messageOf(call), text);
    t.is(causeCode(call), cause);
  });
}

test('an attempt that is under way at the deadline has been answered by nobody', async (t) => {
  await using cluster = await ready();
  cluster.fate = () => (cluster.clock.nowMs() < 1_900 ? { refuse: 'overloaded' } : 'lose');

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 1_000 }));
  await cluster.advance(1_010);

  t.is(call.summary, 'RAFT_TIMEOUT unknown');
  t.regex(messageOf(call), /n\d did not answer/);
});

test('a write that waits for its registration says why it was never sent', async (t) => {
  await using cluster = new FakeCluster();
  cluster.fate = () => ({ refuse: 'no-leader' });

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 300 }));
  await cluster.advance(310);

  t.is(call.summary, 'RAFT_TIMEOUT rejected');
  t.regex(messageOf(call), /it was never sent; n\d knows no leader: there is no quorum/);
});

test('a request that a node could not read fails at once', async (t) => {
  await using cluster = await ready();
  fates(cluster, { refuse: 'malformed' });

  const call = watch(cluster.client.set('k', 1));
  await cluster.settle();

  t.is(call.summary, 'RAFT_BROKEN_INVARIANT rejected');
});

test('nonsense in an answer fails its batch and not the client', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'lose');

  const call = watch(cluster.client.set('k', 1));
  await cluster.settle();
  const [request] = cluster.requests;
  cluster.node('n1').send(clientFrame.writeReply, Buffer.alloc(24, 0xff), request?.requestId ?? 0);
  await cluster.settle();

  t.is(call.summary, 'RAFT_BROKEN_INVARIANT unknown');
  fates(cluster, 'lose');
  const short = watch(cluster.client.set('k', 1));
  await cluster.settle();
  const requestId = cluster.requests.at(-1)?.requestId ?? 0;
  cluster.node('n1').send(clientFrame.writeReply, answerTo(2, requestId), requestId);
  await cluster.settle();
  t.is(short.summary, 'RAFT_BROKEN_INVARIANT unknown');

  const next = watch(cluster.client.set('k', 2));
  await cluster.settle();
  t.is(next.summary, 'done');
});

test('without a node that lives, a write waits for one, and says so when it may not', async (t) => {
  await using cluster = await ready();
  for (const node of cluster.nodes) node.die();

  const short = watch(cluster.client.set('k', 1, { timeoutMs: 50 }));
  const long = watch(cluster.client.set('k', 2));
  await cluster.advance(60);
  t.is(short.summary, 'RAFT_TIMEOUT rejected');
  t.regex(messageOf(short), /never sent; no node is alive/);
  cluster.node('n3').start();
  await cluster.advance(10);

  t.is(long.summary, 'done');
});

test('after a detour a refusal proves nothing: the network may have made a copy', async (t) => {
  await using cluster = await ready({ isRouted: true });
  cluster.fate = () => ({ refuse: 'overloaded' });

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 100 }));
  await cluster.advance(110);

  t.is(call.summary, 'RAFT_TIMEOUT unknown');
});

test('what came while the thread was busy counts, though its time is up', async (t) => {
  await using cluster = await ready();
  const call = watch(cluster.client.set('k', 1));
  await new Promise(setImmediate);
  cluster.node('n1').turn();

  cluster.clock.advance(60_000);
  await cluster.settle();

  t.is(call.summary, 'done');
});

/** An answer that says of `count` commands that all went well. */
function answerTo(count: number, requestId: number): Buffer {
  const bytes = Buffer.alloc(1_024);
  const writer = new WriteReplyWriter();
  writer.reset({ bytes, start: 0, end: bytes.length }, { count, requestId });
  for (let command = 0; command < count; command += 1) writer.push(outcome.ok, 1);
  return bytes.subarray(0, writer.finish());
}
