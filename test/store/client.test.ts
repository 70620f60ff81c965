import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { ClientOptions } from '../../src/store/client-options.js';
import { FakeCluster, serialsOf } from './fake-cluster.js';
import { watch } from './watch.js';

test('each kind of call resolves to its own result', async (t) => {
  await using cluster = new FakeCluster();
  const { client } = cluster;

  const writes = [
    client.set('a', 1),
    client.cas('a', 1, 2),
    client.cas('a', 1, 3),
    client.cas('b', undefined, 'new'),
    client.cas('b', undefined, 'newer'),
    client.delete('a'),
    client.delete('a'),
  ];
  await cluster.settle();
  const reads = [client.get('a'), client.get('b')];
  await cluster.settle();

  const index = 2;
  t.deepEqual(await Promise.all([...writes, ...reads]), [
    { index },
    { index, succeeded: true },
    { index, succeeded: false },
    { index, succeeded: true },
    { index, succeeded: false },
    { index, existed: true },
    { index, existed: false },
    undefined,
    'new',
  ]);
});

test('values come back as they were when the call was made', async (t) => {
  await using cluster = new FakeCluster();
  const { client } = cluster;
  const bytes = new Uint8Array([1, 2, 3]);
  const object = { list: [1, { deep: new Date(5) }], text: 'é', big: 2n ** 70n };

  void client.set('bytes', bytes);
  void client.set('object', object);
  bytes.fill(9);
  object.list.length = 0;
  await cluster.settle();
  const values = client.getMany(['bytes', 'object', 'missing']);
  await cluster.settle();

  t.deepEqual(await values, [
    new Uint8Array([1, 2, 3]),
    { list: [1, { deep: new Date(5) }], text: 'é', big: 2n ** 70n },
    undefined,
  ]);
});

test('the calls of one tick travel in one batch, also those that its answers set off', async (t) => {
  await using cluster = new FakeCluster();
  const { client } = cluster;
  let calls = 0;
  const again = (): void => {
    calls += 1;
    if (calls < 300) void client.set(`k${calls}`, calls).then(again);
  };

  for (let call = 0; call < 100; call += 1) void client.set(`s${call}`, call).then(again);
  await cluster.settle();

  const [registration, ...batches] = cluster.requests.map(serialsOf);
  t.is(registration?.clientId, 0);
  t.deepEqual(
    batches.map(({ count }) => count),
    [100, 100, 100, 99],
  );
});

test('a batch leaves early when it holds batchMax calls', async (t) => {
  await using cluster = new FakeCluster({ client: { batchMax: 4 } });

  const calls = Array.from({ length: 10 }, (_, at) => cluster.client.set(`k${at}`, at));
  await cluster.settle();
  await Promise.all(calls);

  t.deepEqual(
    cluster.requests.slice(1).map((request) => serialsOf(request).count),
    [4, 4, 2],
  );
  t.is(cluster.machine.size, 10);
});

test('one result serves all sets of a batch, and nobody can change it for the others', async (t) => {
  await using cluster = new FakeCluster();

  const first = cluster.client.set('a', 1);
  const second = cluster.client.set('b', 2);
  await cluster.settle();

  t.not(first, second);
  t.is(await first, await second);
  t.true(Object.isFrozen(await first));
});

test('calls with other options make a batch of their own, in the order of the calls', async (t) => {
  await using cluster = new FakeCluster();
  const { client } = cluster;
  const { signal } = new AbortController();

  void client.set('k', 'first');
  void client.set('k', 'second', { timeoutMs: 100 });
  void client.set('k', 'third', { timeoutMs: 100, signal });
  void client.set('k', 'fourth', { timeoutMs: 100, signal });
  void client.set('k', 'fifth');
  await cluster.settle();
  const value = client.get('k');
  await cluster.settle();

  t.deepEqual(
    cluster.requests.slice(1, -1).map((request) => serialsOf(request).count),
    [1, 1, 2, 1],
  );
  t.is(await value, 'fifth');
});

test('setMany is one batch and one index, whatever is called around it', async (t) => {
  await using cluster = new FakeCluster({ client: { batchMax: 2 } });
  const { client } = cluster;

  const before = client.set('x', 0);
  const many = client.setMany(
    new Map([
      ['x', 1],
      ['y', 2],
      ['z', 3],
      ['x2', 4],
      ['x3', 5],
    ]),
  );
  const after = client.set('x', 6);
  await cluster.settle();

  t.deepEqual(
    cluster.requests.slice(1).map((request) => serialsOf(request).count),
    [1, 5, 1],
  );
  t.deepEqual(
    (await Promise.all([before, many, after])).map(({ index }) => index),
    [2, 3, 4],
  );
  const values = client.getMany(['x', 'x3']);
  await cluster.settle();
  t.deepEqual(await values, [6, 5]);
});

test('setMany takes what only the largest batch can hold, and no more', async (t) => {
  await using cluster = new FakeCluster();
  const { client } = cluster;
  const value = 'v'.repeat(100_000);
  const entries = (count: number): [string, string][] =>
    Array.from({ length: count }, (_, at) => [`k${at}`, value]);

  const fits = client.setMany(entries(10));
  const tooMany = watch(client.setMany(entries(11)));
  await cluster.settle();

  t.is((await fits).index, 2);
  t.is(tooMany.summary, 'RAFT_VALUE_TOO_LARGE rejected');
  t.is(cluster.machine.size, 10);
});

test('no batch is longer than the nodes take', async (t) => {
  await using cluster = new FakeCluster({ client: { batchBytesMax: 4_096 } });

  const calls = Array.from({ length: 100 }, (_, at) =>
    cluster.client.set(`k${at}`, 'v'.repeat(500)),
  );
  await cluster.settle();
  await Promise.all(calls);

  const lengths = cluster.requests.map(({ body }) => body.length);
  t.true(Math.max(...lengths) <= 4_096, lengths.join(' '));
  t.true(Math.max(...lengths) > 3_500, lengths.join(' '));
  t.is(cluster.machine.size, 100);
});

test('nothing to set and nothing to get is answered without a message', async (t) => {
  await using cluster = new FakeCluster();

  t.deepEqual(await cluster.client.setMany([]), { index: 0 });
  t.deepEqual(await cluster.client.getMany([]), []);
  t.is(cluster.requests.length, 0);
});

test('a value larger than a pooled batch travels alone, between its neighbours', async (t) => {
  await using cluster = new FakeCluster();
  const { client } = cluster;
  const large = 'l'.repeat(400_000);

  void client.set('a', 'small');
  void client.set('b', large);
  void client.set('c', 'small');
  void client.cas('d', undefined, large);
  await cluster.settle();
  const values = client.getMany(['a', 'b', 'c', 'd']);
  await cluster.settle();

  t.true(isDeepStrictEqual(await values, ['small', large, 'small', large]));
  t.is(client.counters.pendingCalls, 0);
});

test('a full store refuses new keys, one call at a time', async (t) => {
  await using cluster = new FakeCluster({ store: { keysMax: 2 } });
  const { client } = cluster;

  const calls = ['a', 'b', 'c', 'a'].map((key) => watch(client.set(key, 1)));
  const many = watch(
    client.setMany([
      ['b', 2],
      ['d', 2],
    ]),
  );
  const none = watch(client.setMany([['e', 2]]));
  await cluster.settle();

  t.deepEqual(
    calls.map(({ summary }) => summary),
    ['done', 'done', 'RAFT_OVERLOADED rejected', 'done'],
  );
  t.is(many.summary, 'RAFT_OVERLOADED unknown');
  t.is(none.summary, 'RAFT_OVERLOADED rejected');
});

const circular: unknown[] = [];
circular.push(() => 'no clone');
const badCalls: Record<
  string,
  readonly [call: (cluster: FakeCluster) => Promise<unknown>, code: string]
> = {
  'a key that is no string': [({ client }) => client.set(5 as never, 1), 'RAFT_INVALID_OPTION'],
  'a key with half a character': [({ client }) => client.get('\ud800'), 'RAFT_INVALID_OPTION'],
  'a key that is too long': [({ client }) => client.delete('k'.repeat(1025)), 'RAFT_KEY_TOO_LONG'],
  'a long key in getMany': [
    ({ client }) => client.getMany(['a', 'é'.repeat(513)]),
    'RAFT_KEY_TOO_LONG',
  ],
  'a value that cannot be cloned': [
    ({ client }) => client.set('a', circular),
    'RAFT_VALUE_NOT_CLONEABLE',
  ],
  'an expected value that cannot be cloned': [
    ({ client }) => client.cas('a', circular, 1),
    'RAFT_VALUE_NOT_CLONEABLE',
  ],
  'a value that is too large': [
    ({ client }) => client.set('a', 'v'.repeat(2 ** 19)),
    'RAFT_VALUE_TOO_LARGE',
  ],
  'a time limit of 0': [
    ({ client }) => client.set('a', 1, { timeoutMs: 0 }),
    'RAFT_INVALID_OPTION',
  ],
  'a time limit that is no number': [
    ({ client }) => client.get('a', { timeoutMs: '5' as never }),
    'RAFT_INVALID_OPTION',
  ],
  'a signal that is none': [
    ({ client }) => client.get('a', { signal: {} as never }),
    'RAFT_INVALID_OPTION',
  ],
  'a node that there is not': [
    ({ client }) => client.get('a', { node: 'n9' }),
    'RAFT_UNKNOWN_NODE',
  ],
  'a node that is no name': [
    ({ client }) => client.get('a', { node: 1 as never }),
    'RAFT_INVALID_OPTION',
  ],
  'a consistency that there is not': [
    ({ client }) => client.get('a', { consistency: 'eventual' as never }),
    'RAFT_INVALID_OPTION',
  ],
  'a consistency for a write': [
    ({ client }) => client.set('a', 1, { consistency: 'stale' } as never),
    'RAFT_INVALID_OPTION',
  ],
  'options that are none': [
    ({ client }) => client.delete('a', null as never),
    'RAFT_INVALID_OPTION',
  ],
  'entries that are no list': [
    ({ client }) => client.setMany({ a: 1 } as never),
    'RAFT_INVALID_OPTION',
  ],
  'entries that are no pairs': [
    ({ client }) => client.setMany(['ab'] as never),
    'RAFT_INVALID_OPTION',
  ],
  'keys that are no list': [({ client }) => client.getMany('ab' as never), 'RAFT_INVALID_OPTION'],
};

for (const [what, [call, code]] of Object.entries(badCalls)) {
  test(`${what}: ${code}, and no trace among its neighbours`, async (t) => {
    await using cluster = new FakeCluster();

    const before = cluster.client.set('before', 1);
    const bad = watch(call(cluster));
    const after = cluster.client.set('after', 2);
    await cluster.settle();

    t.is(bad.summary, `${code} rejected`);
    t.deepEqual((await before).index, 2);
    t.is((await after).index, cluster.lastIndex);
    t.is(cluster.machine.size, 2);
    t.is(cluster.client.counters.pendingCalls, 0);
  });
}

const nestedCalls: Record<string, (cluster: FakeCluster) => Promise<unknown>> = {
  set: ({ client }) => client.set('nested', 1),
  setMany: ({ client }) => client.setMany([['nested', 1]]),
};
for (const [name, call] of Object.entries(nestedCalls)) {
  test(`a value that calls ${name} while it is read does no harm`, async (t) => {
    await using cluster = new FakeCluster();
    let nested = watch<unknown>(Promise.resolve());
    const value = {
      get sneaky(): number {
        nested = watch(call(cluster));
        return 7;
      },
    };

    const before = cluster.client.set('before', 1);
    const outer = cluster.client.set('outer', value);
    await cluster.settle();
    const read = cluster.client.getMany(['before', 'outer']);
    await cluster.settle();

    t.is((await before).index, 2);
    t.is((await outer).index, 2);
    t.deepEqual(await read, [1, { sneaky: 7 }]);
    t.is(nested.summary, 'RAFT_INVALID_OPTION rejected');
  });
}

test('a value that closes the client while it is read is not stored', async (t) => {
  await using cluster = new FakeCluster();
  const value = {
    get sneaky(): number {
      void cluster.client.close();
      return 7;
    },
  };

  const call = watch(cluster.client.set('k', value));
  await cluster.settle();

  t.is(call.summary, 'RAFT_STOPPED rejected');
  t.is(cluster.client.counters.pendingCalls, 0);
});

const badOptions: readonly ClientOptions[] = [
  { requestTimeoutMs: 0 },
  { outstandingMax: 1.5 },
  { batchMax: 0 },
  { batchBytesMax: 100 },
  { batchBytesMax: 4096, valueBytesMax: 4096 },
  { keyBytesMax: 70_000 },
  { serialWindowMax: 0 },
  { seed: -1 },
];

for (const options of badOptions) {
  test(`a client refuses ${JSON.stringify(options)}`, (t) => {
    const error = t.throws(() => new FakeCluster({ client: options }), {
      code: 'RAFT_INVALID_OPTION',
    });
    t.regex(error?.message ?? '', /expected a whole number/);
  });
}
