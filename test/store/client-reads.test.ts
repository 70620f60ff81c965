import test from 'ava';
import { clientFrame, consistencyCode } from '../../src/store/protocol.js';
import { FakeCluster, type FakeClusterOptions, type Request } from './fake-cluster.js';
import { messageOf, watch } from './watch.js';

/** n1 leads, and `k0` to `k9` are set. */
async function ready(options?: FakeClusterOptions): Promise<FakeCluster> {
  const cluster = new FakeCluster(options);
  cluster.node('n1').hint('n1', 1);
  await cluster.settle();
  void cluster.client.setMany(Array.from({ length: 10 }, (_, at) => [`k${at}`, at]));
  await cluster.settle();
  cluster.requests.length = 0;
  return cluster;
}

function consistencyOf({ body }: { body: Buffer }): number {
  return body.readUInt32LE(0);
}

test('reads say how consistent they want to be, and travel with their like', async (t) => {
  await using cluster = await ready();
  const { client } = cluster;

  const reads = [
    client.get('k1'),
    client.get('k2'),
    client.get('k3', { consistency: 'lease' }),
    client.get('k4', { consistency: 'stale' }),
    client.get('k5', { consistency: 'stale' }),
    client.getMany(['k6', 'none', 'k7'], { consistency: 'stale' }),
  ];
  await cluster.settle();

  t.deepEqual(await Promise.all(reads), [1, 2, 3, 4, 5, [6, undefined, 7]]);
  t.deepEqual(cluster.requests.map(consistencyOf), [
    consistencyCode.linearizable,
    consistencyCode.lease,
    consistencyCode.stale,
    consistencyCode.stale,
  ]);
});

test('reads go to the believed leader, and to the node that was asked for', async (t) => {
  await using cluster = await ready();

  const reads = [
    cluster.client.get('k1'),
    cluster.client.get('k1', { node: 'n3', consistency: 'stale' }),
  ];
  await cluster.settle();

  t.deepEqual(await Promise.all(reads), [1, 1]);
  t.deepEqual(
    cluster.requests.map(({ node }) => node),
    ['n1', 'n3'],
  );
});

test('an answer in many parts is put together', async (t) => {
  await using cluster = await ready({ fragmentBytesMax: 64 });
  void cluster.client.set('text', 'abc'.repeat(1_000));
  await cluster.settle();

  const reads = Promise.all([cluster.client.get('text'), cluster.client.get('k7')]);
  await cluster.settle();

  t.deepEqual(await reads, ['abc'.repeat(1_000), 7]);
});

test('parts may come twice and in any order; parts of another attempt do not mix in', async (t) => {
  await using cluster = await ready({ fragmentBytesMax: 64 });
  void cluster.client.set('text', 'abc'.repeat(100));
  await cluster.settle();
  cluster.fate = ({ kind }) => (kind === 'read' ? 'lose' : 'answer');
  const read = watch(cluster.client.get('text', { timeoutMs: 3_000 }));
  await cluster.settle();
  const reads = (): Request[] => cluster.requests.filter(({ kind }) => kind === 'read');
  const send = (at: number, parts: readonly Buffer[]): void => {
    const { node = '', requestId = 0 } = reads()[at] ?? {};
    for (const part of parts) cluster.node(node).send(clientFrame.readReply, part, requestId);
  };
  const partsOf = (at: number): Buffer[] =>
    cluster.node('n1').parts(cluster.query(reads()[at]?.body ?? Buffer.alloc(0)));
  const old = partsOf(0);
  send(0, old.slice(0, 2));
  await cluster.advance(510);
  void cluster.client.set('text', 'xyz'.repeat(100));
  await cluster.settle();
  const parts = partsOf(1).reverse();

  send(1, parts.slice(0, 3));
  send(0, old.slice(1));
  send(1, parts);
  await cluster.settle();

  t.is(reads().length, 2);
  t.is(read.value, 'xyz'.repeat(100));
});

test('a part that is missing makes the client ask again', async (t) => {
  await using cluster = await ready({ fragmentBytesMax: 64 });
  void cluster.client.set('text', 'abc'.repeat(100));
  await cluster.settle();
  cluster.fate = () => 'lose';
  const read = watch(cluster.client.get('text'));
  await cluster.settle();
  const [request] = cluster.requests.filter(({ kind }) => kind === 'read');
  if (request === undefined) return t.fail('there was no read');
  const [, ...parts] = cluster.node('n1').parts(cluster.query(request.body));
  for (const part of parts) cluster.node('n1').send(clientFrame.readReply, part, request.requestId);
  cluster.fate = () => 'answer';

  await cluster.settle();
  t.is(read.summary, 'pending');
  await cluster.advance(510);

  t.is(read.value, 'abc'.repeat(100));
  return undefined;
});

test('a read that was aborted by a change of leader is asked again', async (t) => {
  await using cluster = await ready();
  let refusals = 3;
  cluster.fate = () => (refusals-- > 0 ? { refuse: 'read-aborted', leader: 'n2' } : 'answer');

  const read = watch(cluster.client.get('k3'));
  await cluster.advance(60);

  t.is(read.value, 3);
});

test('a read that fails had no effect, whatever became of it', async (t) => {
  await using cluster = await ready();
  cluster.fate = () => 'lose-answer';

  const read = watch(cluster.client.get('k3', { timeoutMs: 100 }));
  await cluster.advance(110);

  t.is(read.summary, 'RAFT_TIMEOUT rejected');
  t.regex(messageOf(read), /no answer within 100 ms; it was sent \d times; n\d did not answer/);
});

test('a read whose answer no node can write is told to ask for less', async (t) => {
  await using cluster = await ready();
  cluster.fate = () => ({ refuse: 'answer-too-large' });

  const read = watch(cluster.client.getMany(['k1', 'k2']));
  await cluster.settle();

  t.is(read.summary, 'RAFT_VALUE_TOO_LARGE rejected');
  t.regex(messageOf(read), /the values of these 2 keys are more than one answer can hold/);
});

test('a read that a node cannot make out is no matter of size', async (t) => {
  await using cluster = await ready();
  cluster.fate = () => ({ refuse: 'malformed' });

  const read = watch(cluster.client.get('k1'));
  await cluster.settle();

  t.is(read.summary, 'RAFT_BROKEN_INVARIANT rejected');
  t.regex(messageOf(read), /do not understand each other/);
});

test('an answer that is on its way is not asked for again, however long it takes', async (t) => {
  await using cluster = await ready({ fragmentBytesMax: 64 });
  const text = 'abc'.repeat(100);
  void cluster.client.set('text', text);
  await cluster.settle();
  cluster.fate = () => 'lose';
  const read = watch(cluster.client.get('text'));
  await cluster.settle();
  const [request] = cluster.requests.filter(({ kind }) => kind === 'read');
  if (request === undefined) return t.fail('there was no read');

  for (const part of cluster.node('n1').parts(cluster.query(request.body))) {
    await cluster.advance(400);
    cluster.node('n1').send(clientFrame.readReply, part, request.requestId);
    await cluster.settle();
  }

  t.is(read.value, text);
  t.is(cluster.requests.filter(({ kind }) => kind === 'read').length, 1);
  return undefined;
});

test('a stale read is answered where no leader is known', async (t) => {
  await using cluster = await ready();
  cluster.node('n1').hint(undefined, 2);
  await cluster.settle();
  t.is(cluster.client.leaderId, undefined);

  const read = watch(cluster.client.get('k3', { consistency: 'stale' }));
  await cluster.settle();

  t.is(read.value, 3);
});
