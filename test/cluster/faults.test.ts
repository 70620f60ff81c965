import test from 'ava';
import { type Cluster, createCluster, type RaftError } from '../../src/index.js';

const quick = { electionTimeout: { minMs: 100, maxMs: 200 }, heartbeatMs: 30 };

/** Counts up under one key by cas: each success is exactly one step, or the sum shows it. */
class Counter {
  acknowledged = 0;
  unknown = 0;
  #isStopped = false;
  readonly #cluster: Cluster;
  readonly #key: string;

  constructor(cluster: Cluster, key: string) {
    this.#cluster = cluster;
    this.#key = key;
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      const found = (await this.#cluster.get(this.#key).catch(() => -1)) as number | undefined;
      if (found === -1) continue;
      try {
        const { succeeded } = await this.#cluster.cas(this.#key, found, (found ?? 0) + 1);
        if (succeeded) this.acknowledged += 1;
      } catch (error) {
        if ((error as RaftError).details.outcome === 'unknown') this.unknown += 1;
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}

/** Writes serial numbers to keys of its own, and knows which were acknowledged. */
class Writer {
  readonly acknowledged = new Map<string, number>();
  readonly #cluster: Cluster;
  readonly #name: string;
  #isStopped = false;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  async run(): Promise<void> {
    for (let serial = 1; !this.#isStopped; serial += 1) {
      const key = `${this.#name} ${serial % 16}`;
      await this.#cluster.set(key, serial).then(
        () => this.acknowledged.set(key, serial),
        () => {},
      );
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Acknowledged writes that are gone: a key is written by this writer only, in ascending order.
   */
  async lost(): Promise<string[]> {
    const lost: string[] = [];
    for (const [key, serial] of this.acknowledged) {
      const found = (await this.#cluster.get(key)) as number;
      if (!(found >= serial)) lost.push(`${key}: acknowledged ${serial}, found ${found}`);
    }
    return lost;
  }
}

test.serial(
  'each node is killed in turn under load, a hundred times in all, and nothing is lost',
  async (t) => {
    const patient = { timeoutMs: 100_000 };
    await using cluster = await createCluster(quick);
    const writers = Array.from({ length: 8 }, (_, at) => new Writer(cluster, `w${at}`));
    const counter = new Counter(cluster, 'counter');
    const running = [...writers.map((writer) => writer.run()), counter.run()];

    for (let kill = 0; kill < 100; kill += 1) {
      // A limit for each kill: a busy machine is slow, and only what does not go on at all fails.
      t.timeout(120_000);
      const node = cluster.nodes[kill % cluster.nodes.length] as string;
      const back = cluster.once('node-started', { when: ({ nodeId }) => nodeId === node });
      await cluster.crash(node);
      t.is((await back).nodeId, node);
      t.truthy(await cluster.waitForLeader(patient));
    }
    for (const worker of [...writers, counter]) worker.stop();
    await Promise.all(running);

    for (const writer of writers) {
      t.true(writer.acknowledged.size > 0);
      t.deepEqual(await writer.lost(), []);
    }
    const counted = (await cluster.get('counter')) as number;
    t.true(counted >= counter.acknowledged, 'no acknowledged step is lost');
    t.true(counted <= counter.acknowledged + counter.unknown, 'no step is taken twice');
    await cluster.waitForConverged(patient);
    t.is((await cluster.metrics()).restarts, 100);
  },
);

test.serial(
  'C14, C16: a deposed leader rejoins, and what it took alone never shows (MIT TestRejoin3B)',
  async (t) => {
    await using cluster = await createCluster(quick);
    const old = await cluster.waitForLeader();
    await cluster.set('k', 'before');
    const cut = cluster.isolate(old);

    const alone = Array.from({ length: 3 }, (_, at) =>
      cluster.set('k', `alone ${at}`, { node: old, timeoutMs: 400 }),
    );
    const next = await cluster.waitForLeader({ among: cluster.nodes.filter((id) => id !== old) });
    await cluster.set('k', 'majority');
    for (const result of await Promise.allSettled(alone)) t.is(result.status, 'rejected');
    cut[Symbol.dispose]();
    await cluster.waitForConverged();

    t.not(next, old);
    t.is(await cluster.get('k', { node: old }), 'majority');
  },
);

test.serial(
  'C62: a cut-off leader gives no linearizable answer, and an old one only when asked for',
  async (t) => {
    await using cluster = await createCluster(quick);
    const old = await cluster.waitForLeader();
    await cluster.set('k', 'old');
    using cut = cluster.isolate(old);
    await cluster.waitForLeader({ among: cluster.nodes.filter((id) => id !== old) });
    await cluster.set('k', 'new');

    await t.throwsAsync(cluster.get('k', { node: old, timeoutMs: 400 }));
    await t.throwsAsync(cluster.get('k', { node: old, timeoutMs: 400, consistency: 'lease' }));
    t.is(await cluster.get('k', { node: old, consistency: 'stale' }), 'old');

    const late = cluster.get('k', { node: old });
    cut[Symbol.dispose]();
    t.is(await late, 'new');
  },
);

test.serial('C38: restarting a follower disturbs nobody (openraft t50)', async (t) => {
  // Long enough that no busy machine makes the others miss their leader by itself.
  const electionTimeout = { minMs: 1000, maxMs: 2000 };
  await using cluster = await createCluster({ ...quick, electionTimeout });
  const leader = await cluster.waitForLeader();
  const { currentTerm } = cluster.status();
  const follower = cluster.nodes.find((id) => id !== leader) as string;
  const writer = new Writer(cluster, 'w');
  const running = writer.run();

  for (let round = 0; round < 10; round += 1) {
    const back = cluster.once('node-started', { when: ({ nodeId }) => nodeId === follower });
    await cluster.crash(follower);
    await back;
  }
  writer.stop();
  await running;
  await cluster.waitForConverged();

  t.is(cluster.leaderId, leader);
  t.is(cluster.status().currentTerm, currentTerm);
  t.deepEqual(await writer.lost(), []);
});

test.serial('C21: agreement on lossy links (MIT TestUnreliableAgree3C)', async (t) => {
  await using cluster = await createCluster({ ...quick, size: 5 });
  await cluster.waitForLeader();
  using storm = cluster.link({ lossRate: 0.1, delayMs: { kind: 'uniform', minMs: 0, maxMs: 26 } });

  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      Array.from({ length: 5 }, (_, at) =>
        cluster.set(`r${round} ${at}`, at, { timeoutMs: 10_000 }),
      ),
    );
  }
  storm[Symbol.dispose]();
  await cluster.waitForConverged();

  t.true(((await cluster.metrics()).network['dropped'] as number) > 0);
  const seen = await cluster.inspect('n1');
  t.is(seen.keys, 50);
});

test.serial('corrupt, duplicated and reordered frames change nothing but the pace', async (t) => {
  await using cluster = await createCluster(quick);
  await cluster.waitForLeader();
  using storm = cluster.link({
    corruptRate: 0.05,
    duplicateRate: 0.2,
    reorderRate: 0.2,
    reorderWithinMs: 5,
  });
  const writer = new Writer(cluster, 'w');
  const running = writer.run();
  await cluster.waitForApplied(150, { timeoutMs: 20_000 });
  writer.stop();
  await running;

  storm[Symbol.dispose]();
  await cluster.waitForConverged();
  t.deepEqual(await writer.lost(), []);
  const { network } = await cluster.metrics();
  t.true((network['corrupted'] ?? 0) > 0 && (network['duplicated'] ?? 0) > 0);
});

test.serial('links go back to express once the weather is fair', async (t) => {
  await using cluster = await createCluster(quick);
  await cluster.waitForLeader();
  const slow = cluster.link({ delayMs: 5 });
  await cluster.set('k', 1);
  slow[Symbol.dispose]();
  await cluster.set('k', 2);
  await cluster.waitForConverged();

  const submitted = async (): Promise<number | undefined> =>
    (await cluster.metrics()).network['submitted'];
  // What is on its detour has to settle first: a round of writes comes that has none.
  for (let before: number | undefined; before !== (await submitted()); ) {
    before = await submitted();
    for (let at = 0; at < 50; at += 1) await cluster.set('k', at);
  }

  t.pass();
});

test.serial('every shape of partition heals into one digest', async (t) => {
  await using cluster = await createCluster({ ...quick, size: 5 });
  await cluster.waitForLeader();
  const shapes = [
    { kind: 'halves' },
    { kind: 'majority-minority', minority: 'minority with the leader' },
    { kind: 'bridge' },
    { kind: 'majorities-ring' },
    { kind: 'one-way', from: 'leader' },
    { kind: 'isolate', nodes: 'random' },
  ] as const;

  for (const [at, shape] of shapes.entries()) {
    await cluster.waitForLeader();
    using _ = cluster.partition(shape);
    await cluster.set('k', at, { timeoutMs: 10_000 });
  }
  await cluster.waitForConverged();

  t.is(await cluster.get('k'), shapes.length - 1);
});

test.serial('weather between roles is that between the nodes that have them then', async (t) => {
  await using cluster = await createCluster(quick);
  const leader = await cluster.waitForLeader();
  await cluster.set('k', 1);

  using _ = cluster.link({ between: { from: 'leader', to: 'followers' }, lossRate: 1 });
  const next = await cluster.waitForLeader({
    among: cluster.nodes.filter((id) => id !== leader),
  });
  for (let at = 0; at < 50; at += 1) await cluster.set('k', at, { node: next });

  // Lost is what the node says that led then, not what the leader of now says.
  t.is(cluster.leaderId, next);
  t.is(await cluster.get('k', { node: next }), 49);
});

test.serial('what a node forwards counts after a redirectSet by hand in its name', async (t) => {
  await using cluster = await createCluster(quick);
  const leader = await cluster.waitForLeader();
  const follower = cluster.nodes.find((id) => id !== leader) as string;
  const byHand = {
    type: 'redirectSet',
    source: follower,
    destination: leader,
    fields: { id: 2 ** 30, key: 'by hand', value: 1 },
  };

  t.true(cluster.inject(byHand));
  await cluster.set('forwarded', 2, { node: follower });

  t.is(await cluster.get('by hand'), 1);
  t.is(await cluster.get('forwarded'), 2);
  t.is(cluster.leaderId, leader);
});
