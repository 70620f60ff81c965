import test from 'ava';
import { Prng } from '../../src/prng.js';
import { type LoadOptions, type LoadReport, runLoad } from '../../src/store/load.js';
import {
  countLatency,
  emptyLatencies,
  type LatencyCounts,
  summarizeLatencies,
} from '../../src/store/load-latency.js';
import { acknowledge, emptyLedger, verifyLoad } from '../../src/store/load-ledger.js';
import { FakeCluster } from './fake-cluster.js';
import { type Watched, watch } from './watch.js';

type Options = Partial<Omit<LoadOptions, 'store' | 'clock'>>;

function start(cluster: FakeCluster, options: Options): Watched<LoadReport> {
  const { client: store, clock } = cluster;
  return watch(
    runLoad({ store, clock, prng: new Prng(1), seconds: 0.1, warmupSeconds: 0.05, ...options }),
  );
}

/** A millisecond a round: a call takes one. */
async function pass(cluster: FakeCluster, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1) {
    cluster.clock.advance(1);
    await cluster.round();
  }
}

async function finish(cluster: FakeCluster, load: Watched<LoadReport>): Promise<LoadReport> {
  for (let rounds = 0; load.value === undefined && rounds < 2_000; rounds += 1) {
    await pass(cluster, 1);
  }
  if (load.value === undefined) throw new Error('the load does not end', { cause: load.error });
  return load.value;
}

function total({ fine, coarse }: LatencyCounts): number {
  return [...fine, ...coarse].reduce((sum, count) => sum + count, 0);
}

async function verify(cluster: FakeCluster, ...reports: readonly LoadReport[]): Promise<unknown> {
  const verification = watch(
    verifyLoad(
      cluster.client,
      reports.map(({ ledger }) => ledger),
    ),
  );
  await cluster.settle();
  return verification.value;
}

test('a closed loop keeps so many calls under way, and counts those within its time', async (t) => {
  await using cluster = new FakeCluster();
  const pending = new Set<number>();
  const load = start(cluster, { outstanding: 8, keys: 20 });

  await pass(cluster, 10);
  for (let round = 0; round < 100; round += 1) {
    await pass(cluster, 1);
    pending.add(cluster.client.counters.pendingCalls);
  }
  const report = await finish(cluster, load);

  t.deepEqual([...pending], [8]);
  // A round, and so a call, takes a millisecond; the warm-up is not counted.
  t.is(report.operations, 800);
  t.is(report.writes, report.operations);
  t.is(total(report.latencies), report.operations);
  t.is(report.seconds, 0.1);
  t.true(report.ledger.acknowledged > report.operations);
  t.is(cluster.client.counters.pendingCalls, 0);
});

test('reads and writes are mixed as asked', async (t) => {
  await using cluster = new FakeCluster();

  const { reads, writes } = await finish(
    cluster,
    start(cluster, { outstanding: 64, readRatio: 0.25 }),
  );

  const share = reads / (reads + writes);
  t.true(share > 0.22 && share < 0.28, `${share} of reads`);
});

test('every key gets its share of writes, and every value has its length', async (t) => {
  await using cluster = new FakeCluster();

  const load = start(cluster, { outstanding: 64, keys: 50, valueBytes: 33, keyPrefix: 'k/' });
  const { ledger } = await finish(cluster, load);
  const value = watch(cluster.client.get('k/49'));
  await cluster.settle();

  t.true(ledger.indexes.every((index) => index > 0));
  t.is((value.value as Uint8Array).length, 33);
});

test('a closed loop counts a stall once for each call that it held up', async (t) => {
  await using cluster = new FakeCluster();
  const load = start(cluster, { outstanding: 4, warmupSeconds: 0 });
  await pass(cluster, 10);

  for (const node of cluster.nodes) node.isPaused = true;
  await pass(cluster, 50);
  for (const node of cluster.nodes) node.isPaused = false;
  const { latencies } = await finish(cluster, load);

  t.is(
    latencies.fine.slice(40_000).reduce((sum, count) => sum + count, 0),
    4,
  );
});

test('an open loop makes calls at its rate', async (t) => {
  await using cluster = new FakeCluster();

  const report = await finish(cluster, start(cluster, { rate: 5_000, outstanding: 100 }));

  t.true(Math.abs(report.operations - 500) < 20, `${report.operations} operations`);
});

test('an open loop counts latency from when a call should have been made', async (t) => {
  await using cluster = new FakeCluster();
  const load = start(cluster, { rate: 1_000, outstanding: 4, warmupSeconds: 0 });
  await pass(cluster, 10);

  for (const node of cluster.nodes) node.isPaused = true;
  await pass(cluster, 50);
  for (const node of cluster.nodes) node.isPaused = false;
  const { latencies, operations } = await finish(cluster, load);

  // 50 calls were due during the stall, though only 4 could be made: they waited 1 to 50 ms.
  const slow = latencies.fine.slice(10_000).reduce((sum, count) => sum + count, 0);
  t.true(slow >= 35 && slow <= 56, `${slow} slow calls`);
  t.true(operations >= 95, `${operations} operations`);
});

test('failures are counted by code, and the load goes on', async (t) => {
  await using cluster = new FakeCluster({ client: { requestTimeoutMs: 20 } });
  let writes = 0;
  cluster.fate = () => {
    writes += 1;
    return writes % 3 === 2 ? 'lose-answer' : 'answer';
  };

  const report = await finish(cluster, start(cluster, { outstanding: 1, keys: 4 }));
  cluster.fate = () => 'answer';

  t.true(report.operations > 0);
  t.deepEqual(await verify(cluster, report), {
    acknowledged: report.ledger.acknowledged,
    lost: 0,
    ghosts: 0,
    samples: [],
  });
});

test('writes with an unknown outcome may be there or not', async (t) => {
  await using cluster = new FakeCluster({ client: { requestTimeoutMs: 20 } });
  let writes = 0;
  cluster.fate = () => {
    writes += 1;
    return writes > 10 ? 'lose-answer' : 'answer';
  };

  const report = await finish(cluster, start(cluster, { outstanding: 1, keys: 1 }));
  cluster.fate = () => 'answer';

  t.true((report.errors['RAFT_TIMEOUT'] ?? 0) > 0);
  t.true(report.ledger.unknown.length > 0);
  t.like(await verify(cluster, report), { lost: 0, ghosts: 0 });
});

test('a lost write is found', async (t) => {
  await using cluster = new FakeCluster();
  const report = await finish(cluster, start(cluster, { outstanding: 4, keys: 5 }));
  const old = watch(cluster.client.get('key3'));
  await cluster.settle();
  const again = await finish(cluster, start(cluster, { outstanding: 4, keys: 5, loadId: 2 }));
  t.like(await verify(cluster, report, again), { lost: 0 });

  void cluster.client.delete('key1');
  void cluster.client.set('key3', old.value);
  await cluster.settle();

  t.deepEqual(await verify(cluster, report, again), {
    acknowledged: report.ledger.acknowledged + again.ledger.acknowledged,
    lost: 2,
    ghosts: 0,
    samples: ['key1', 'key3'],
  });
});

test('acknowledgements may come in another order than the writes were applied in', (t) => {
  const ledger = emptyLedger(1, 'key', 1);

  acknowledge(ledger, 0, 3, 20);
  acknowledge(ledger, 0, 2, 20);
  acknowledge(ledger, 0, 4, 10);

  const { indexes, firstSerials, lastSerials, acknowledged } = ledger;
  t.deepEqual([indexes[0], firstSerials[0], lastSerials[0], acknowledged], [20, 2, 3, 3]);
});

test('a rejected write that is there is found', async (t) => {
  await using cluster = new FakeCluster();
  const report = await finish(cluster, start(cluster, { outstanding: 4, keys: 2 }));
  const [serial = 0] = report.ledger.lastSerials;

  report.ledger.rejected.push(0, serial);

  t.like(await verify(cluster, report), { ghosts: 1, lost: 0, samples: ['key0'] });
});

test('loads that write the same keys at the same time are verified together', async (t) => {
  await using cluster = new FakeCluster();
  const loads = [1, 2].map((loadId) => start(cluster, { outstanding: 16, keys: 10, loadId }));

  const reports = [];
  for (const load of loads) reports.push(await finish(cluster, load));

  t.like(await verify(cluster, ...reports), { lost: 0, ghosts: 0 });
  // One of them alone does not know of the other's writes.
  const [first] = reports;
  const alone = (await verify(cluster, ...(first ? [first] : []))) as { lost: number };
  t.true(alone.lost > 0);
});

test('an abort ends the load early, and the report tells of the time until then', async (t) => {
  await using cluster = new FakeCluster();
  const controller = new AbortController();
  const load = start(cluster, {
    outstanding: 4,
    seconds: 60,
    warmupSeconds: 0,
    signal: controller.signal,
    onProgress: () => {},
  });
  await pass(cluster, 50);

  controller.abort();
  await pass(cluster, 10);

  t.is(load.value?.seconds, 0.05);
  t.true((load.value?.operations ?? 0) > 150);
  t.is(cluster.clock.timers, 0);
});

test('a store that is closed ends the load', async (t) => {
  await using cluster = new FakeCluster();
  const load = start(cluster, { outstanding: 4, seconds: 60, rate: 2_000 });
  await pass(cluster, 20);

  await cluster.client.close();
  await pass(cluster, 5);

  t.true((load.value?.errors['RAFT_STOPPED'] ?? 0) > 0);
  t.is(cluster.clock.timers, 0);
});

test('each call that is counted is told of, with its beginning and its end', async (t) => {
  await using cluster = new FakeCluster();
  const told: number[] = [];
  const load = start(cluster, {
    outstanding: 4,
    onDone: (startMs, endMs) => told.push(endMs - startMs),
  });

  const report = await finish(cluster, load);

  t.is(told.length, report.operations);
  const counts = emptyLatencies();
  for (const ms of told) countLatency(counts, ms);
  t.deepEqual(counts, report.latencies);
});

test('progress is told four times a second', async (t) => {
  await using cluster = new FakeCluster();
  const told: number[] = [];
  const load = start(cluster, {
    outstanding: 2,
    seconds: 1,
    onProgress: ({ elapsedSeconds }) => told.push(Math.round(elapsedSeconds * 100) / 100),
  });

  await finish(cluster, load);

  t.deepEqual(told, [0.2, 0.45, 0.7, 0.95]);
});

test('percentiles come from all counts together', (t) => {
  const [one, two] = [emptyLatencies(), emptyLatencies()];
  for (let micros = 1; micros <= 1_000; micros += 1) countLatency(one, micros / 1_000);
  for (let count = 0; count < 5; count += 1) countLatency(two, 250.5);
  countLatency(two, 10_000_000);

  const { p50, p90, p99, p999, max } = summarizeLatencies([one, two]);

  t.deepEqual([p50, p90, p99], [503, 906, 996]);
  t.true(Math.abs(p999 - 251_000) < 500);
  t.true(Math.abs(max - 120_000_000) < 100_000);
  t.deepEqual(summarizeLatencies([emptyLatencies()]), { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
});

const badOptions: readonly Options[] = [
  { seconds: 0 },
  { warmupSeconds: -1 },
  { outstanding: 0 },
  { rate: 0 },
  { valueBytes: 7 },
  { keys: 1.5 },
  { readRatio: 1.1 },
  { loadId: -1 },
];
for (const options of badOptions) {
  test(`a load refuses ${JSON.stringify(options)}`, async (t) => {
    await using cluster = new FakeCluster();

    const load = start(cluster, options);
    await cluster.settle();

    t.regex(load.summary, /^RAFT_INVALID_OPTION/);
  });
}
