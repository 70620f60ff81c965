import test from 'ava';
import { outcome } from '../../src/store/outcome.js';
import { clientFrame, type RefusalReason, refusalCode } from '../../src/store/protocol.js';
import { WriteReplyWriter } from '../../src/store/reply.js';
import { FakeCluster, type Fate, type Request, serialsOf } from './fake-cluster.js';
import { causeCode, messageOf, watch } from './watch.js';

/** The first writes meet these fates, in order; then all is well. Registrations always are. */
function fates(cluster: FakeCluster, ...first: readonly Fate[]): void {
  const left = [...first];
  cluster.fate = (request) => (isRegistration(request) ? 'answer' : (left.shift() ?? 'answer'));
}

function isRegistration(request: Request): boolean {
  return request.kind === 'write' && serialsOf(request).clientId === 0;
}

/** Writes that arrived, as `node firstSerial+count`. */
function writes(cluster: FakeCluster): string[] {
  return cluster.requests
    .filter((request) => request.kind === 'write' && !isRegistration(request))
    .map((request) => {
      const { firstSerial, count } = serialsOf(request);
      return `${request.node} ${firstSerial}+${count}`;
    });
}

/** The session is open and n1 leads. */
async function ready(options?: ConstructorParameters<typeof FakeCluster>[0]): Promise<FakeCluster> {
  const cluster = new FakeCluster(options);
  cluster.node('n1').hint('n1', 1);
  await cluster.settle();
  void cluster.client.set('first', 0);
  await cluster.settle();
  cluster.requests.length = 0;
  return cluster;
}

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

test('a refusal that names the leader is followed at once', async (t) => {
  await using cluster = await ready();
  fates(cluster, { refuse: 'not-leader', leader: 'n3' });

  const call = watch(cluster.client.set('k', 1));
  await cluster.settle();

  t.is(call.summary, 'done');
  t.deepEqual(writes(cluster), ['n1 2+1', 'n3 2+1']);
  t.is(cluster.client.leaderId, 'n3');
});

test('two nodes that name each other do not lead the client in circles (C76)', async (t) => {
  await using cluster = await ready();
  cluster.fate = ({ node }) => ({ refuse: 'not-leader', leader: node === 'n1' ? 'n2' : 'n1' });

  const call = watch(cluster.client.set('k', 1));
  await cluster.advance(1_000);

  const rounds = cluster.requests.length;
  t.true(rounds > 5 && rounds < 40, `${rounds} attempts in a second`);
  cluster.fate = () => 'answer';
  await cluster.advance(200);
  t.is(call.summary, 'done');
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

const ends: readonly [why: string, fate: Fate, summary: string, text: RegExp, cause: string][] = [
  [
    'no leader',
    { refuse: 'no-leader' },
    'RAFT_TIMEOUT rejected',
    /no answer within 1000 ms; it was sent \d+ times and it was not done; n\d knows no leader: there is no quorum/,
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

test('a client that is cut from the leader is served by the others, without waiting each time (C76)', async (t) => {
  await using cluster = await ready();
  cluster.fate = ({ node }) => (node === 'n1' ? 'lose' : 'answer');

  const first = watch(cluster.client.set('k', 1));
  await cluster.advance(495);
  t.is(first.summary, 'pending');
  await cluster.advance(10);
  t.is(first.summary, 'done');
  const second = watch(cluster.client.set('k', 2));
  await cluster.settle();
  t.is(second.summary, 'done');
});

test('a node that answers again is asked again as the leader, and one batch finds that out', async (t) => {
  await using cluster = await ready();
  cluster.fate = ({ node }) => (node === 'n1' ? 'lose' : 'answer');
  void cluster.client.set('k', 1);
  await cluster.advance(1_600);
  cluster.requests.length = 0;

  const probe = watch(cluster.client.set('probe', 1));
  await cluster.settle();
  const other = watch(cluster.client.set('other', 1));
  await cluster.settle();
  t.deepEqual([probe.summary, other.summary], ['pending', 'done']);
  await cluster.advance(510);
  t.is(probe.summary, 'done');
  await cluster.advance(1_000);
  cluster.fate = () => 'answer';
  void cluster.client.set('again', 1);
  await cluster.settle();
  void cluster.client.set('again', 2);
  await cluster.settle();

  t.deepEqual(
    cluster.requests.map(({ node }) => node),
    ['n1', 'n2', 'n2', 'n1', 'n1'],
  );
});

test('a cut-off node with a higher term does not lock the client out (C76)', async (t) => {
  await using cluster = await ready();

  cluster.node('n3').hint(undefined, 99);
  await cluster.settle();

  t.is(cluster.client.leaderId, 'n1');
  cluster.node('n2').hint('n2', 2);
  await cluster.settle();
  t.is(cluster.client.leaderId, 'n2');
  cluster.node('n1').hint('n1', 1);
  await cluster.settle();
  t.is(cluster.client.leaderId, 'n2');
});

test('a pinned write goes to its node only', async (t) => {
  await using cluster = await ready();
  cluster.fate = (request) =>
    isRegistration(request) ? 'answer' : { refuse: 'not-leader', leader: 'n1' };

  const call = watch(cluster.client.set('k', 1, { node: 'n2', timeoutMs: 400 }));
  await cluster.advance(410);

  t.is(call.summary, 'RAFT_TIMEOUT rejected');
  t.true(cluster.requests.length > 3);
  t.deepEqual(new Set(cluster.requests.map(({ node }) => node)), new Set(['n2']));
});

test('a pinned write fails at once when its node is down, or dies with it', async (t) => {
  await using cluster = await ready();
  cluster.node('n3').die();
  fates(cluster, 'lose-answer');

  const down = watch(cluster.client.set('k', 1, { node: 'n3' }));
  const dies = watch(cluster.client.set('k', 1, { node: 'n2' }));
  await cluster.settle();
  t.is(down.summary, 'RAFT_NODE_DOWN rejected');
  t.is(dies.summary, 'pending');
  cluster.node('n2').die();
  cluster.client.peerDown();
  await cluster.settle();

  t.is(dies.summary, 'RAFT_NODE_DOWN unknown');
  t.regex(messageOf(dies), /n2 died before it answered/);
});

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

test('after a detour a refusal proves nothing: the network may have made a copy', async (t) => {
  await using cluster = await ready({ isRouted: true });
  cluster.fate = () => ({ refuse: 'overloaded' });

  const call = watch(cluster.client.set('k', 1, { timeoutMs: 100 }));
  await cluster.advance(110);

  t.is(call.summary, 'RAFT_TIMEOUT unknown');
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

test('a node that is stopping is left alone, also if it still names itself', async (t) => {
  await using cluster = await ready();
  fates(cluster, { refuse: 'stopping', leader: 'n1' });

  void cluster.client.set('k', 1);
  await cluster.advance(20);

  t.deepEqual(writes(cluster), ['n1 2+1', 'n2 2+1']);
});

test('what a follower says of the leader does not count against the leader itself', async (t) => {
  await using cluster = await ready();
  fates(cluster, { refuse: 'not-leader', leader: 'n3' });

  void cluster.client.set('k', 1, { node: 'n2' });
  await cluster.advance(20);

  t.is(cluster.client.leaderId, 'n1');
});

test('a pinned write waits before it asks its node again, whoever leads', async (t) => {
  await using cluster = await ready();
  fates(cluster, { refuse: 'not-leader', leader: 'n1' });

  const call = watch(cluster.client.set('k', 1, { node: 'n2' }));
  await cluster.settle();
  t.deepEqual(writes(cluster), ['n2 1+1']);
  await cluster.advance(10);

  t.is(call.summary, 'done');
});

test('a pinned write does not go to the next incarnation of its node', async (t) => {
  await using cluster = await ready();
  fates(cluster, 'lose');
  const call = watch(cluster.client.set('k', 1, { node: 'n2' }));
  await cluster.settle();

  cluster.node('n2').die();
  cluster.node('n2').start();
  await cluster.advance(10);

  t.is(call.summary, 'RAFT_NODE_DOWN unknown');
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

/** An answer that says of `count` commands that all went well. */
function answerTo(count: number, requestId: number): Buffer {
  const bytes = Buffer.alloc(1_024);
  const writer = new WriteReplyWriter();
  writer.reset({ bytes, start: 0, end: bytes.length }, { count, requestId });
  for (let command = 0; command < count; command += 1) writer.push(outcome.ok, 1);
  return bytes.subarray(0, writer.finish());
}

function registration(): Buffer {
  const body = Buffer.alloc(48);
  body.writeUInt32LE(48, 0);
  body.writeUInt32LE(1, 4);
  body[40] = 4;
  return body;
}

test('every reason to refuse is known by its code', (t) => {
  t.is(new Set(Object.values(refusalCode)).size, Object.keys(refusalCode).length);
});
