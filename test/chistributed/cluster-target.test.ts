import test from 'ava';
import { ClusterTarget } from '../../src/chistributed/cluster-target.js';
import type { ChiAnswer } from '../../src/chistributed/index.js';
import type { Cluster } from '../../src/cluster/cluster.js';
import { type ErrorCode, RaftError } from '../../src/errors.js';

/** A cluster of paper, on which node `a` runs: it notes the calls and answers as it is told. */
async function paperCluster(answers: { get?: unknown; error?: unknown } = {}): Promise<{
  readonly target: ClusterTarget;
  readonly calls: unknown[][];
  readonly tell: (event: unknown) => void;
}> {
  const calls: unknown[][] = [];
  let tell: (event: unknown) => void = () => {};
  const note =
    (name: string, result?: unknown) =>
    (...args: unknown[]): unknown => {
      calls.push([name, ...args]);
      return result;
    };
  const answer =
    (name: string, result?: unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      calls.push([name, ...args]);
      if (answers.error !== undefined) throw answers.error;
      return result;
    };
  const cluster = {
    nodes: ['a', 'b', 'c'],
    options: { seed: 42 },
    onAny: (listener: (event: unknown) => void) => {
      tell = listener;
    },
    restart: note('restart', Promise.resolve()),
    crash: note('crash', Promise.resolve()),
    pause: note('pause', Promise.resolve()),
    resume: note('resume'),
    get: answer('get', answers.get),
    set: answer('set', { index: 7 }),
    partition: note('partition', { release: note('release') }),
    link: note('link', { release: note('release link') }),
    inject: note('inject', true),
    close: note('close', Promise.resolve()),
  };
  const target = new ClusterTarget(async (seed) => {
    calls.push(['create', seed]);
    return cluster as unknown as Cluster;
  });
  await target.start('a');
  calls.length = 0;
  return { target, calls, tell: (event) => tell(event) };
}

test('a partition holds what it stops, and lets go of it as its remover says', async (t) => {
  const { target, calls } = await paperCluster();

  const sides = { name: 'p', side1: ['a'], side2: ['b', 'c'] };
  const dropped = await target.createPartition(sides);
  await dropped.remove({ deliver: false });
  const delivered = await target.createPartition({ ...sides, side2: [] });
  await delivered.remove({ deliver: true });

  const installed = (groups: string[][]): unknown[] => [
    'partition',
    { kind: 'symmetric', groups },
    { mode: 'hold', name: 'p' },
  ];
  t.deepEqual(calls, [
    installed([['a'], ['b', 'c']]),
    ['release', { deliver: false }],
    installed([['a'], []]),
    ['release', { deliver: true }],
  ]);
});

test('a request is for the node that was named, and for no other', async (t) => {
  const { target, calls } = await paperCluster({ get: '1' });

  t.deepEqual(await target.get('a', 'x'), { kind: 'ok', key: 'x', value: '1' });
  t.deepEqual(await target.set('a', 'x', '2'), { kind: 'ok', key: 'x', value: '2' });

  t.deepEqual(calls, [
    ['get', 'x', { node: 'a' }],
    ['set', 'x', '2', { node: 'a' }],
  ]);
});

test('a key that is not there is missing; null is a value', async (t) => {
  t.deepEqual(await (await paperCluster()).target.get('a', 'x'), { kind: 'missing' });
  const { target } = await paperCluster({ get: null });
  t.deepEqual(await target.get('a', 'x'), { kind: 'ok', key: 'x', value: null });
});

test('a node is alive from its start to its death, and then nobody answers', async (t) => {
  const { target, calls, tell } = await paperCluster();
  t.false(target.isAlive('b'));

  await target.start('b');
  t.true(target.isAlive('b'));
  tell({ kind: 'node-down', nodeId: 'b', at: 0, reason: 'crashed' });

  t.false(target.isAlive('b'));
  t.deepEqual(await target.get('b', 'x'), { kind: 'lost' });
  t.deepEqual(await target.set('b', 'x', '1'), { kind: 'lost' });
  t.deepEqual(calls, [['restart', ['b']]]);
});

const answers: readonly (readonly [ErrorCode, ChiAnswer['kind']])[] = [
  ['RAFT_TIMEOUT', 'no-quorum'],
  ['RAFT_NO_QUORUM', 'no-quorum'],
  ['RAFT_NO_LEADER', 'no-quorum'],
  ['RAFT_NODE_DOWN', 'lost'],
  ['RAFT_STOPPED', 'lost'],
  ['RAFT_LOG_FULL', 'failed'],
  ['RAFT_KEY_TOO_LONG', 'failed'],
];

for (const [code, kind] of answers) {
  test(`${code} is the answer '${kind}'`, async (t) => {
    const { target } = await paperCluster({ error: new RaftError(code, 'so it is') });

    const answer = await target.set('a', 'x', '1');

    t.deepEqual(answer, kind === 'failed' ? { kind, text: 'so it is' } : { kind });
  });
}

test('a defect is not an answer', async (t) => {
  const { target } = await paperCluster({ error: new TypeError('oh') });

  await t.throwsAsync(target.get('a', 'x'), { instanceOf: TypeError });
});

test('the cluster is made when something is asked of it, with the seed of that moment', async (t) => {
  const seeds: unknown[] = [];
  const target = new ClusterTarget(
    async (seed) => {
      seeds.push(seed);
      return { options: { seed }, onAny: () => {}, close: async () => {} } as unknown as Cluster;
    },
    { seed: 1 },
  );
  t.deepEqual(await target.heldMessages(), []);
  t.deepEqual(target.status(), []);
  t.is(target.leader(), undefined);

  t.true(target.reseed(7));
  t.deepEqual(seeds, []);
  t.is(await target.seed(), 7);

  t.false(target.reseed(8));
  t.is(await target.seed(), 7);
  t.deepEqual(seeds, [7]);
});

test('a run that asks nothing of the cluster makes none, and ends without one', async (t) => {
  const target = new ClusterTarget(() => Promise.reject(new Error('nobody asked for it')));

  await t.notThrowsAsync(target[Symbol.asyncDispose]());
});

test('a delay and a loss replace the ones before them, and 0 ends them', async (t) => {
  const { target, calls } = await paperCluster();

  await target.delay({ nodeId: 'b', ms: 20 });
  await target.delay({ nodeId: 'b', ms: 30 });
  await target.drop({ rate: 0.5 });
  await target.delay({ nodeId: 'b', ms: 0 });
  await target.drop({ rate: 0 });
  await target.drop({ rate: 0 });

  const between = { from: ['b'], to: 'nodes', bothWays: true };
  t.deepEqual(calls, [
    ['link', { delayMs: 20, between }],
    ['release link'],
    ['link', { delayMs: 30, between }],
    ['link', { lossRate: 0.5, between: 'nodes' }],
    ['release link'],
    ['release link'],
  ]);
});

test('a message needs a sender that is another node; its leader or candidate will do', async (t) => {
  const { target, calls } = await paperCluster();
  const senders = [{ source: 'b' }, { leaderId: 'c' }, { candidateId: 'b' }];
  const others = [{}, { source: 'a' }, { source: 'z' }, { source: 5 }];

  for (const sender of [...senders, ...others]) {
    await target.deliver('a', { type: 'appendEntries', destination: 'a', term: 1, ...sender });
  }

  t.deepEqual(
    calls.map(([name, message]) => [name, (message as { source: string }).source]),
    [
      ['inject', 'b'],
      ['inject', 'c'],
      ['inject', 'b'],
    ],
  );
});
