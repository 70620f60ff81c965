import test from 'ava';
import type { ChiAnswer } from '../../src/chistributed/index.js';
import { ClusterTarget } from '../../src/cli/chi-target.js';
import type { Cluster } from '../../src/cluster/cluster.js';
import { type ErrorCode, RaftError } from '../../src/errors.js';

/** A cluster of paper, on which node `a` runs: it notes the calls and answers as it is told. */
function paperCluster(answers: { get?: unknown; error?: unknown } = {}): {
  readonly target: ClusterTarget;
  readonly calls: unknown[][];
  readonly tell: (kind: string, nodeId: string) => void;
} {
  const calls: unknown[][] = [];
  const listeners = new Map<string, (event: { nodeId: string }) => void>();
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
    on: (kind: string, listener: (event: { nodeId: string }) => void) => {
      listeners.set(kind, listener);
    },
    restart: answer('restart'),
    get: answer('get', answers.get),
    set: answer('set', { index: 7 }),
    partition: note('partition', { release: note('release') }),
    close: note('close', Promise.resolve()),
  };
  const target = new ClusterTarget(cluster as unknown as Cluster);
  const tell = (kind: string, nodeId: string): void => listeners.get(kind)?.({ nodeId });
  tell('node-started', 'a');
  return { target, calls, tell };
}

test('a partition holds what it stops, and lets go of it as its remover says', async (t) => {
  const { target, calls } = paperCluster();

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
  const { target, calls } = paperCluster({ get: '1' });

  t.deepEqual(await target.get('a', 'x'), { kind: 'ok', key: 'x', value: '1' });
  t.deepEqual(await target.set('a', 'x', '2'), { kind: 'ok', key: 'x', value: '2' });

  t.deepEqual(calls, [
    ['get', 'x', { node: 'a' }],
    ['set', 'x', '2', { node: 'a' }],
  ]);
});

test('a key that is not there is missing; null is a value', async (t) => {
  t.deepEqual(await paperCluster().target.get('a', 'x'), { kind: 'missing' });
  const { target } = paperCluster({ get: null });
  t.deepEqual(await target.get('a', 'x'), { kind: 'ok', key: 'x', value: null });
});

test('a node is alive from its start to its death, and then nobody answers', async (t) => {
  const { target, calls, tell } = paperCluster();
  t.false(target.isAlive('b'));

  await target.start('b');
  t.true(target.isAlive('b'));
  tell('node-down', 'b');

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
    const { target } = paperCluster({ error: new RaftError(code, 'so it is') });

    const answer = await target.set('a', 'x', '1');

    t.deepEqual(answer, kind === 'failed' ? { kind, text: 'so it is' } : { kind });
  });
}

test('a defect is not an answer', async (t) => {
  const { target } = paperCluster({ error: new TypeError('oh') });

  await t.throwsAsync(target.get('a', 'x'), { instanceOf: TypeError });
});
