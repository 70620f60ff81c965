import test from 'ava';
import {
  type ClientPort,
  type ClusterOptions,
  connect,
  createCluster,
  type DiskFaults,
  type PartitionShape,
  RaftError,
  type Rule,
} from '../../src/index.js';

const quick = { electionTimeout: { minMs: 100, maxMs: 200 }, heartbeatMs: 30 };

const nothing = undefined as never;

const badOptions: readonly (readonly [string, ClusterOptions])[] = [
  ['size', { size: 0 }],
  ['size', { size: 10 }],
  ['size', { size: 2.5 }],
  ['size', { size: Number.NaN }],
  ['size', { size: 3, nodes: ['a', 'b'] }],
  ['nodes', { nodes: ['a', 'a'] }],
  ['nodes', { nodes: [''] }],
  ['nodes', { nodes: 'n1' as unknown as string[] }],
  ['electionTimeout.minMs', { electionTimeout: { minMs: 50 }, heartbeatMs: 50 }],
  ['electionTimeout.maxMs', { electionTimeout: { minMs: 200, maxMs: 100 } }],
  ['heartbeatMs', { heartbeatMs: 0 }],
  ['tickMs', { tickMs: -1 }],
  ['preVote', { preVote: 'yes' as unknown as boolean }],
  ['requestTimeoutMs', { requestTimeoutMs: 0 }],
  ['outstandingMax', { outstandingMax: 0 }],
  ['valueBytesMax', { valueBytesMax: 2 ** 30 }],
  ['entryBytesMax', { entryBytesMax: 1 }],
  ['logBytesMax', { logBytesMax: 1000 }],
  ['checkpointBytes', { checkpointBytes: 1 }],
  ['snapshotBytesMax', { snapshotBytesMax: 0 }],
  ['seed', { seed: -1 }],
  ['restart.intensity', { restart: { intensity: -1 } }],
  ['startTimeoutMs', { startTimeoutMs: 0 }],
  ['stateMachine', { stateMachine: './machine.js' as unknown as URL }],
  ['recordTo', { recordTo: 'tapes', stateMachine: new URL('file:///machine.js') }],
  ['recordTo', { recordTo: '' }],
  ['recordTo', { recordTo: 'tapes', dataDir: 'data' }],
  ['sise', { sise: 3 } as ClusterOptions],
  ['restart.intensty', { restart: { intensty: 3 } as object }],
  ['electionTimeout.min', { electionTimeout: { min: 3 } as object }],
  ['electionTimeout', { electionTimeout: 300 as unknown as object }],
  ['options', null as unknown as ClusterOptions],
  ['options', 3 as unknown as ClusterOptions],
];

const badFaults: readonly (readonly [string, DiskFaults])[] = [
  ['faults', nothing],
  ['faults.erorChance', { erorChance: 1 } as object],
  ['faults.errorChance', { errorChance: 2 }],
  ['faults.flipChance', { flipChance: '1' as unknown as number }],
  ['faults.seed', { seed: -1 }],
  ['faults.silentMax', { silentMax: Number.NaN }],
  ['faults.stallMs', { stallMs: -1 }],
];

test.serial('faults that no disk can have are refused by name', async (t) => {
  await using cluster = await createCluster({ ...quick, size: 1 });

  for (const [option, faults] of badFaults) {
    const error = await t.throwsAsync(cluster.disk('n1', faults), { code: 'RAFT_INVALID_OPTION' });
    t.is((error as RaftError).details.option, option);
  }
});

for (const [option, options] of badOptions) {
  test.serial(`createCluster(${JSON.stringify(options)}) is refused by name`, async (t) => {
    const error = await t.throwsAsync(createCluster(options), { instanceOf: RaftError });

    t.is((error as RaftError).code, 'RAFT_INVALID_OPTION');
    t.is((error as RaftError).details.option, option);
    t.regex(error?.message ?? '', /expected/);
  });
}

test.serial('every bad call is one clear rejection and leaves no trace', async (t) => {
  await using cluster = await createCluster({ ...quick, valueBytesMax: 1000 });
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['RAFT_KEY_TOO_LONG', () => cluster.set('k'.repeat(1025), 1)],
    ['RAFT_VALUE_TOO_LARGE', () => cluster.set('k', 'x'.repeat(1001))],
    ['RAFT_VALUE_NOT_CLONEABLE', () => cluster.set('k', () => 1)],
    ['RAFT_VALUE_NOT_CLONEABLE', () => cluster.set('k', { deep: [Symbol('s')] })],
    ['RAFT_UNKNOWN_NODE', () => cluster.get('k', { node: 'n9' })],
    ['RAFT_INVALID_OPTION', () => cluster.get('k', { timeoutMs: 0 })],
    ['RAFT_INVALID_OPTION', () => cluster.get('k', { consistency: 'strong' as 'stale' })],
    ['RAFT_UNKNOWN_NODE', () => cluster.crash('n9')],
    ['RAFT_UNKNOWN_NODE', () => cluster.inspect('n9')],
    ['RAFT_UNKNOWN_NODE', async () => cluster.isolate('n9')],
    ['RAFT_INVALID_OPTION', async () => cluster.link({ lossRate: 2 })],
    ['RAFT_INVALID_OPTION', async () => cluster.link({ lossrate: 0.1 } as object)],
    ['RAFT_INVALID_OPTION', async () => cluster.rule(nothing)],
    [
      'RAFT_INVALID_OPTION',
      async () => cluster.rule({ effect: { kind: 'drop' }, limt: 1 } as Rule),
    ],
    ['RAFT_INVALID_OPTION', async () => cluster.partition(nothing)],
    ['RAFT_INVALID_OPTION', async () => cluster.partition({ kind: 'symmetric' } as PartitionShape)],
    ['RAFT_UNKNOWN_NODE', async () => cluster.link({ between: { from: 'n9' }, lossRate: 1 })],
    ['RAFT_INVALID_OPTION', () => cluster.waitForLeader({ timeoutMs: -1 })],
    ['RAFT_INVALID_OPTION', () => cluster.waitForConverged({ timeoutMs: Number.NaN })],
    ['RAFT_INVALID_OPTION', () => cluster.waitForApplied('x' as unknown as number)],
    ['RAFT_INVALID_OPTION', () => connect(nothing)],
    ['RAFT_INVALID_OPTION', () => connect({ guest: {} } as ClientPort)],
  ];
  t.deepEqual(
    cluster.status().nodes.map(({ state }) => state),
    ['running', 'running', 'running'],
  );

  for (const [code, call] of calls) await t.throwsAsync(call(), { code }, code);

  t.is(await cluster.get('k'), undefined);
});

test.serial('a port opens one client: the rings of two would be written over', async (t) => {
  await using cluster = await createCluster(quick);
  const port = await cluster.port();
  await using client = await connect(port);

  await t.throwsAsync(connect(port), { code: 'RAFT_INVALID_OPTION' });

  await client.set('k', 1);
  t.is(await cluster.get('k'), 1);
});

test.serial(
  'a thread that does not get ready in time fails the start, and nothing is left',
  async (t) => {
    await t.throwsAsync(createCluster({ startTimeoutMs: 1 }), { code: 'RAFT_WORKER_FAILED' });
  },
);

test.serial(
  'after close every call rejects, a second close does nothing, pending calls are settled',
  async (t) => {
    const cluster = await createCluster(quick);
    await cluster.waitForLeader();
    await cluster.set('k', 1);
    using _ = cluster.isolate('all');
    const pending = [cluster.set('k', 2), cluster.get('k'), cluster.waitForApplied(1e9)];
    const settled = Promise.allSettled(pending);

    await cluster.close();
    await cluster.close();

    for (const result of await settled) {
      t.is(result.status, 'rejected');
      t.is((result as PromiseRejectedResult).reason.code, 'RAFT_STOPPED');
    }
    await t.throwsAsync(cluster.set('k', 3), { code: 'RAFT_STOPPED' });
    await t.throwsAsync(cluster.get('k'), { code: 'RAFT_STOPPED' });
    await t.throwsAsync(cluster.port(), { code: 'RAFT_STOPPED' });
    await t.throwsAsync(cluster.crash('n1'), { code: 'RAFT_STOPPED' });
    await t.throwsAsync(cluster.inspect('n1'), { code: 'RAFT_STOPPED' });
  },
);

test.serial('without a quorum a request fails within its time limit, and says so', async (t) => {
  await using cluster = await createCluster(quick);
  await cluster.set('k', 1);
  await cluster.crash(['n1', 'n2'], { restart: false });

  const write = await t.throwsAsync(cluster.set('k', 2, { timeoutMs: 600 }));
  const read = await t.throwsAsync(cluster.get('k', { timeoutMs: 600 }));

  for (const error of [write, read]) {
    t.true(
      ['RAFT_TIMEOUT', 'RAFT_NO_QUORUM', 'RAFT_NO_LEADER'].includes((error as RaftError).code),
    );
    t.regex(error?.message ?? '', /no leader|no quorum|quorum/);
  }
  t.is((read as RaftError).details.outcome, 'rejected');
  await cluster.restart(['n1', 'n2']);
  t.true([1, 2].includes((await cluster.get('k')) as number));
});

test.serial(
  'a state too large to be saved fills the log, which refuses writes and goes on serving reads',
  async (t) => {
    await using cluster = await createCluster({
      ...quick,
      entryBytesMax: 64 * 1024,
      logBytesMax: 2 ** 21,
      checkpointBytes: 64 * 1024,
      snapshotBytesMax: 4096,
    });
    const value = new Uint8Array(8000);
    let refused: RaftError | undefined;
    // A leader that is lost meanwhile makes a write late, or its outcome unknown.
    for (let at = 0; refused?.details.outcome !== 'rejected'; at += 1) {
      refused = await cluster.set(`k${at % 10}`, value, { timeoutMs: 500 }).then(
        () => undefined,
        (error: RaftError) => (error.code === 'RAFT_TIMEOUT' ? undefined : error),
      );
    }

    t.is(refused.code, 'RAFT_LOG_FULL');
    t.deepEqual(await cluster.get('k0'), value);
  },
);

test.serial(
  'one call more than may be under way is refused at once, the others are done',
  async (t) => {
    await using cluster = await createCluster({ ...quick, outstandingMax: 10 });

    const calls = Array.from({ length: 11 }, (_, at) => cluster.set(`k${at}`, at));
    const [error] = await Promise.all([
      t.throwsAsync(calls.pop() as Promise<unknown>, { code: 'RAFT_OVERLOADED' }),
      ...calls,
    ]);

    t.is((error as RaftError).details.outcome, 'rejected');
    t.is(await cluster.get('k10'), undefined);
  },
);

test.serial('the full ring to a node that does not read pushes back, and says so', async (t) => {
  await using cluster = await createCluster({ ...quick, entryBytesMax: 2 ** 14 });
  const leader = await cluster.waitForLeader();
  const node = cluster.nodes.find((id) => id !== leader) as string;
  await cluster.pause(node);

  // 1,000 reads of a key of 1,000 bytes do not fit into a ring of 64 KiB.
  const asked = Array.from({ length: 1000 }, () =>
    cluster.get('k'.repeat(1000), { node, consistency: 'stale', timeoutMs: 500 }),
  );
  const results = await Promise.allSettled(asked);

  const errors = results.map((result) => (result as PromiseRejectedResult).reason as RaftError);
  t.deepEqual([...new Set(errors.map(({ code }) => code))], ['RAFT_TIMEOUT']);
  const causes = new Set(errors.map(({ cause }) => (cause as RaftError | undefined)?.code));
  t.true(causes.has('RAFT_OVERLOADED'), [...causes].join());
  cluster.resume(node);
  t.is(await cluster.get('k', { node }), undefined);
});
