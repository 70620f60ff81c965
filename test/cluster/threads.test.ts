import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { Piscina } from 'piscina';
import { connect, createCluster } from '../../src/index.js';

const quick = { electionTimeout: { minMs: 100, maxMs: 200 }, heartbeatMs: 30 };
const fixture = (name: string): URL => new URL(`fixtures/${name}`, import.meta.url);
const run = promisify(execFile);

test.serial('clients in the threads of a Piscina pool talk to the nodes directly', async (t) => {
  await using cluster = await createCluster(quick);
  const pool = new Piscina({
    filename: fileURLToPath(fixture('client-thread.js')),
    minThreads: 2,
    maxThreads: 2,
  });
  try {
    const jobs = ['a', 'b', 'c', 'd'].map(async (name) => {
      const port = await cluster.port();
      const transferList = [port.guest.control];
      return pool.run({ port, name, count: 300 }, { transferList });
    });

    t.deepEqual(await Promise.all(jobs), [300, 300, 300, 300]);
  } finally {
    await pool.destroy();
  }
  const { digest } = await cluster.waitForConverged();
  t.is(typeof digest, 'string');
  t.is((await cluster.inspect('n1')).keys, 1200);
});

test.serial('a client whose thread is killed leaves the cluster as it was', async (t) => {
  await using cluster = await createCluster(quick);
  await cluster.waitForLeader();
  for (let round = 0; round < 5; round += 1) {
    const port = await cluster.port();
    const worker = new Worker(fixture('dies-with-client.js'), {
      workerData: port,
      transferList: [port.guest.control],
    });
    t.deepEqual(await once(worker, 'message'), ['written']);
    await worker.terminate();
  }

  await cluster.set('k', 1);
  t.is(await cluster.get('from the thread'), 1);
  await cluster.waitForConverged();
});

test.serial('clients that come and go leave no memory behind', async (t) => {
  await using cluster = await createCluster(quick);
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 100; round += 1) {
    const client = await connect(await cluster.port());
    await client.set('round', round);
    await client.close();
  }

  const grownMebibytes = (process.memoryUsage.rss() - before) / 2 ** 20;
  t.true(grownMebibytes < 200, `${grownMebibytes} MiB for 100 clients with 24 MiB of rings each`);
});

test.serial('a port of a cluster that was closed is refused at once', async (t) => {
  const cluster = await createCluster(quick);
  const port = await cluster.port();
  await cluster.close();

  const late = await t.throwsAsync(connect(port));

  t.like(late, { code: 'RAFT_STOPPED', details: { outcome: 'rejected' } });
});

test.serial('a port that is opened while its cluster closes never waits', async (t) => {
  const cluster = await createCluster(quick);
  const ports = await Promise.all(Array.from({ length: 8 }, () => cluster.port()));
  const closing = cluster.close();
  const codes: string[] = [];
  for (const port of ports) {
    // Threads that are slow to close may serve all others.
    if (port === ports.at(-1)) await closing;
    try {
      const client = await connect(port);
      await client.set('k', 1, { timeoutMs: 60_000 });
      codes.push('served');
    } catch (error) {
      codes.push((error as { code: string }).code);
    }
    await new Promise(setImmediate);
  }

  t.is(codes.at(-1), 'RAFT_STOPPED');
  t.deepEqual(
    [...new Set(codes)].filter((code) => code !== 'served'),
    ['RAFT_STOPPED'],
  );
});

test.serial('a process that embeds a cluster exits when it closes it', async (t) => {
  const { stdout } = await run(process.execPath, [
    fileURLToPath(fixture('embedding.js')),
    'closes',
  ]);

  t.is(stdout, 'closed\n');
});

test.serial('a process that embeds a cluster does not exit before its work is done', async (t) => {
  const { stdout } = await run(process.execPath, [
    fileURLToPath(fixture('embedding.js')),
    'works-on',
  ]);

  t.is(stdout, 'read 1\n');
});

test.serial('a process that fails with a cluster open ends, and its threads with it', async (t) => {
  const failed = await t.throwsAsync(
    run(process.execPath, [fileURLToPath(fixture('embedding.js')), 'throws']),
  );

  t.regex(failed?.message ?? '', /the program failed/);
});
