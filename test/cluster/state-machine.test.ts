// Threads are the subject here: every node imports the machine in its own.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import {
  type Cluster,
  type ClusterOptions,
  connect,
  createCluster,
  type RaftError,
} from '../../src/index.js';
import { commandsMaxOf, resultBytesMax } from '../../src/store/machine.js';

const run = promisify(execFile);
const ledger: ClusterOptions = {
  electionTimeout: { minMs: 100, maxMs: 200 },
  heartbeatMs: 30,
  requestTimeoutMs: 20_000,
  stateMachine: new URL('fixtures/ledger-machine.js', import.meta.url),
};
const add = { kind: 'add', by: 1 } as const;
const moduleOf = (source: string): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const summary = ({ code, details }: RaftError): string => `${code} ${details.outcome}`;
const failure = (call: Promise<unknown>): Promise<string> => call.then(() => 'no failure', summary);

test.serial('the example takes each job once although the leader dies', async (t) => {
  const url = new URL('../../examples/bring-your-own-state-machine.js', import.meta.url);

  const { stdout } = await run(process.execPath, [fileURLToPath(url)], { timeout: 40_000 });

  t.deepEqual(stdout.trimEnd().split('\n'), [
    'waiting: 60',
    'different jobs handed out: 60',
    'one more: null',
    'the machine remembers: 60',
    'a bad command: RAFT_MACHINE_FAILED',
    'all nodes have the same queue',
  ]);
});

test.serial('commands have results and questions answers, at every node and client', async (t) => {
  await using cluster = await createCluster(ledger);
  await using client = await connect(await cluster.port());

  const first = await cluster.submit(add);
  t.deepEqual(first, { index: first.index, result: { total: 1, at: first.index } });
  for (const [at, node] of cluster.nodes.entries()) {
    const { result } = await client.submit(add, { node });
    t.like(result, { total: at + 2 });
    for (const consistency of ['linearizable', 'lease'] as const) {
      t.like(await cluster.query('state', { node, consistency }), { total: at + 2 });
    }
  }
  await cluster.waitForConverged();
  t.like(await client.query('state', { node: 'n2', consistency: 'stale' }), { total: 4 });
  const value = new Map<unknown, unknown>([['a', [1n, undefined, new Date(0)]]]);
  t.deepEqual((await client.submit({ kind: 'echo', value })).result, value);
  t.is((await client.submit({ kind: 'echo', value: undefined })).result, undefined);
});

test.serial(
  'leaders that die have each command done once (§6.3 of the dissertation)',
  async (t) => {
    await using cluster = await createCluster({ ...ledger, seed: 3 });
    await using client = await connect(await cluster.port());
    using _loss = cluster.link({ between: 'everyone', lossRate: 0.05, duplicateRate: 0.2 });
    const results: { readonly total: number }[] = [];

    for (let round = 0; round < 3; round += 1) {
      const calls = Array.from({ length: 200 }, (_, at) =>
        (at % 2 === 0 ? cluster : client).submit(add),
      );
      await cluster.waitForLeader();
      await cluster.crash('leader');
      for (const { result } of await Promise.all(calls)) results.push(result as { total: number });
      // Linearizable: all that was acknowledged is seen, by another client too.
      t.like(await client.query('state'), { total: results.length });
    }

    const totals = results.map(({ total }) => total).sort((a, b) => a - b);
    t.deepEqual(
      totals,
      Array.from({ length: 600 }, (_, at) => at + 1),
    );
    cluster.heal();
    await cluster.waitForConverged();
  },
);

test.serial('a node comes back with its machine from the snapshot and the log', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'balsa-machine-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const small = { ...ledger, dataDir, entryBytesMax: 4096, checkpointBytes: 4096 };
  {
    await using cluster = await createCluster(small);
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(Array.from({ length: 20 }, () => cluster.submit(add)));
    }
    await cluster.waitForConverged();
    // Only what a snapshot has may be gone from the log.
    for (const { firstLogIndex } of cluster.status().nodes) t.true(firstLogIndex > 1);
    await cluster.restart('followers');
    t.like(await cluster.query('state'), { total: 800, entries: 800 });
    await cluster.waitForConverged();
  }

  await using again = await createCluster(small);

  t.like(await again.query('state'), { total: 800, entries: 800 });
  t.like((await again.submit(add)).result, { total: 801 });
  await again.waitForConverged();
});

test.serial('a node that was away for long gets the machine in a snapshot (§7)', async (t) => {
  await using cluster = await createCluster({
    ...ledger,
    entryBytesMax: 4096,
    logBytesMax: 2 ** 17,
    checkpointBytes: 4096,
  });
  await cluster.submit(add);
  await cluster.waitForConverged();
  await cluster.crash('n3', { restart: false });
  const value = 'x'.repeat(1000);

  for (let at = 0; at < 200; at += 1) await cluster.submit({ kind: 'echo', value });
  await cluster.submit(add);
  const { nodes } = cluster.status();
  const [lagging] = nodes.filter(({ id }) => id === 'n3').map(({ lastApplied }) => lastApplied);
  for (const { id, firstLogIndex } of nodes) {
    if (id !== 'n3') t.true(firstLogIndex > (lagging ?? 0) + 1, id);
  }
  await cluster.restart('n3');
  await cluster.waitForConverged();

  const state = { total: 2, entries: 2 };
  t.deepEqual(await cluster.query('state', { node: 'n3', consistency: 'stale' }), state);
  // The sessions and their results came with it: the replicas have one digest.
  t.like((await cluster.submit(add, { node: 'n3' })).result, { total: 3 });
  await cluster.waitForConverged();
});

test.serial(
  'a node that comes back to a module that was spoilt says so, and stays down',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'balsa-machine-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const module = join(directory, 'machine.mjs');
    writeFileSync(module, decodeURIComponent(counter('').href.replace(/^[^,]*,/, '')));
    await using cluster = await createCluster({ ...ledger, stateMachine: pathToFileURL(module) });
    t.is((await cluster.submit(0)).result, 1);

    writeFileSync(module, 'export const createStateMachine = 0;');
    const error = await t.throwsAsync(cluster.restart('n2'), { code: 'RAFT_MACHINE_FAILED' });

    t.regex(error?.message ?? '', /exports no function createStateMachine/);
    const n2 = cluster.status().nodes.find(({ id }) => id === 'n2');
    t.like(n2, { state: 'down', failure: { code: 'RAFT_MACHINE_FAILED' } });
    t.is((await cluster.submit(0)).result, 2);
  },
);

const counter = (name: string): URL =>
  moduleOf(`export function createStateMachine() {
    let sum = 0;
    return { ${name} apply: () => ++sum, query: () => sum, snapshot() {}, restore() {} };
  }`);

test.serial('a directory belongs to one machine, before there is a snapshot too', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'balsa-machine-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const open = (name: string): Promise<Cluster> =>
    createCluster({ ...ledger, dataDir, stateMachine: counter(name) });
  const wrong = 'RAFT_WRONG_MACHINE rejected';
  for (const name of ['', "name: 'counter 1',"]) {
    await using cluster = await open(name);
    await cluster.submit(add);
  }

  await t.throwsAsync(createCluster({ dataDir }), {
    message: /has the log of the state machine counter 1; expected that of the key-value store/,
  });
  t.is(await failure(createCluster({ dataDir })), wrong);
  t.is(await failure(open("name: 'counter 2',")), wrong);
  t.is(await failure(open('')), wrong);

  await using cluster = await open("name: 'counter 1',");
  t.is(await cluster.query('sum'), 2);
});

test.serial('the data of the key-value store are no data of a machine', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'balsa-machine-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  {
    await using cluster = await createCluster({ dataDir });
    await cluster.set('k', 1);
  }

  const found = await failure(createCluster({ ...ledger, dataDir }));

  t.is(found, 'RAFT_WRONG_MACHINE rejected');
  await using cluster = await createCluster({ dataDir });
  t.is(await cluster.get('k'), 1);
});

const badModules: readonly (readonly [string, URL, RegExp])[] = [
  ['is not there', new URL('fixtures/nothing.js', import.meta.url), /cannot be loaded.*nothing/],
  ['does not parse', moduleOf('export function {'), /cannot be loaded/],
  ['throws', moduleOf('throw new Error("not today")'), /cannot be loaded: not today/],
  ['has no factory', moduleOf('export default 1'), /exports no function createStateMachine/],
  [
    'has a factory that throws',
    moduleOf('export function createStateMachine() { throw new Error("broken") }'),
    /threw: broken/,
  ],
  [
    'makes no machine',
    moduleOf('export const createStateMachine = () => ({ apply() {}, query() {}, restore() {} })'),
    /has no snapshot/,
  ],
  ['makes one with a name that is none', counter("name: '',"), /is no name: /],
];

for (const [what, stateMachine, message] of badModules) {
  test.serial(`a module that ${what} is one clear error, and nothing is left behind`, async (t) => {
    const error = await t.throwsAsync(createCluster({ ...ledger, stateMachine }), { message });

    t.is((error as RaftError).code, 'RAFT_MACHINE_FAILED');
    t.deepEqual(
      process.getActiveResourcesInfo().filter((kind) => /Worker|MessagePort/.test(kind)),
      [],
    );
  });
}

test.serial('what a machine throws fails its own call, and all nodes go on alike', async (t) => {
  await using cluster = await createCluster(ledger);
  const tooLong = new Uint8Array(resultBytesMax);

  const calls = await Promise.all([
    failure(cluster.submit(add)),
    failure(cluster.submit({ kind: 'throw' })),
    failure(cluster.submit({ kind: 'promise' })),
    failure(cluster.submit({ kind: 'echo', value: tooLong })),
    failure(cluster.query('throw')),
    failure(cluster.query('promise')),
    failure(cluster.query('state')),
  ]);

  t.deepEqual(calls, [
    'no failure',
    'RAFT_MACHINE_FAILED rejected',
    'RAFT_MACHINE_FAILED unknown',
    'RAFT_MACHINE_FAILED unknown',
    'RAFT_MACHINE_FAILED rejected',
    'RAFT_MACHINE_FAILED rejected',
    'no failure',
  ]);
  await t.throwsAsync(cluster.submit({ kind: 'throw' }), { message: /as it was told/ });
  await t.throwsAsync(cluster.query('throw'), { message: /no answer to that/ });
  await t.throwsAsync(cluster.submit({ kind: 'promise' }), { message: /Promise.*cloned/ });
  t.deepEqual(await cluster.query('state'), { total: 1, entries: 3 });
  await cluster.waitForConverged();
});

test.serial('each kind of cluster refuses the calls of the other, and nothing else', async (t) => {
  await using own = await createCluster(ledger);
  await using store = await createCluster({ size: 1 });
  const wrong = 'RAFT_WRONG_MACHINE rejected';

  const toOwn = await Promise.all([
    failure(own.set('k', 1)),
    failure(own.submit(add)),
    failure(own.delete('k')),
    failure(own.cas('k', undefined, 1)),
    failure(own.setMany([['k', 1]])),
    failure(own.get('k')),
    failure(own.getMany(['k'])),
    failure(own.query('state')),
  ]);
  const toStore = await Promise.all([
    failure(store.set('k', 1)),
    failure(store.submit(add)),
    failure(store.query('state')),
    failure(store.get('k')),
  ]);

  t.deepEqual(toOwn, [wrong, 'no failure', ...Array<string>(5).fill(wrong), 'no failure']);
  t.deepEqual(toStore, ['no failure', wrong, wrong, 'no failure']);
  t.is(await store.get('k'), 1);
});

for (const entryBytesMax of [4096, 2 ** 20]) {
  test.serial(`the largest results all arrive, with entries of ${entryBytesMax}`, async (t) => {
    await using cluster = await createCluster({ ...ledger, entryBytesMax });
    const count = Math.min(2 * commandsMaxOf(entryBytesMax), 600);
    const bytes = resultBytesMax - 1; // and one for the form of the value
    const [, follower = 'n1'] = [...cluster.nodes].sort((a) => (a === cluster.leaderId ? -1 : 1));

    const calls = Array.from({ length: count }, (_, at) =>
      cluster.submit({ kind: 'fill', bytes }, at % 2 === 0 ? {} : { node: follower }),
    );

    const results = await Promise.all(calls);
    for (const { result } of results) t.is((result as Uint8Array).length, bytes);
  });
}

test.serial('an answer may be longer than a frame, and no longer than 16 MiB', async (t) => {
  await using cluster = await createCluster({ ...ledger, size: 1 });

  t.is(((await cluster.query(3 * 2 ** 20)) as Uint8Array).length, 3 * 2 ** 20);
  await t.throwsAsync(cluster.query(2 ** 24), { code: 'RAFT_MACHINE_FAILED', message: /at most/ });
});

test.serial('a node whose machine gives no snapshot stops and says why', async (t) => {
  await using cluster = await createCluster({
    ...ledger,
    size: 1,
    entryBytesMax: 4096,
    checkpointBytes: 4096,
  });
  const failed = cluster.once('storage-failed');

  await cluster.submit({ kind: 'break-snapshot' });
  const filling = (async () => {
    for (;;) await cluster.submit(add, { timeoutMs: 86_400_000 });
  })();

  t.like(await failed, { nodeId: 'n1', code: 'RAFT_MACHINE_FAILED' });
  t.regex((await failed).message, /no picture of this/);
  await t.throwsAsync(filling);
});

test.serial(
  'a command that kills every node again and again ends in a clear refusal',
  async (t) => {
    const stateMachine = moduleOf(`
    export const createStateMachine = () => ({
      apply: (command) => (command === 'poison' ? process.exit(1) : command),
      query: () => null,
      snapshot: () => new Uint8Array(0),
      restore() {},
    });
  `);
    const restart = { intensity: 1, periodMs: 600_000 };
    await using cluster = await createCluster({ ...ledger, stateMachine, restart });
    const givenUp = cluster.nodes.map((id) =>
      cluster.once('node-given-up', { when: ({ nodeId }) => nodeId === id }),
    );

    const day = { timeoutMs: 86_400_000 };
    const poison = await t.throwsAsync(cluster.submit('poison', day), { code: 'RAFT_NO_QUORUM' });

    t.like(poison, { details: { outcome: 'unknown' }, cause: { code: 'RAFT_NODE_DOWN' } });
    await Promise.race(givenUp);
    const next = await t.throwsAsync(cluster.submit('harmless', day), { code: 'RAFT_NO_QUORUM' });
    t.like(next, { details: { outcome: 'rejected' } });
    t.regex(next?.message ?? '', /died too often and is not started again/);
  },
);
