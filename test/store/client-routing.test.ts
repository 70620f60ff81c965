import test from 'ava';
import { fates, isRegistration, ready, writes } from './conversation.js';
import { messageOf, watch } from './watch.js';

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
