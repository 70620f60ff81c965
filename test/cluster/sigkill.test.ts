/**
 * A process with a whole cluster that is killed at any instruction, again and again: while it
 * starts, while it writes, takes snapshots and trims. `BALSA_CLUSTER_KILLS` says how often.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createCluster } from '../../src/index.js';
import { Prng } from '../../src/prng.js';
import { directoryOf } from '../directory.js';

const kills = Number(process.env['BALSA_CLUSTER_KILLS'] ?? 10);
const keys = 8;
const writer = fileURLToPath(new URL('./fixtures/write-cluster-until-killed.js', import.meta.url));

/** What the processes so far were told, by key. */
class Ledger {
  readonly acknowledged: number[] = new Array(keys).fill(0);
  reads = 0;
  total = 0;

  /** At most one write a key was under way: it may have been done. */
  take(line: string): void {
    const [word, ...numbers] = line.split(' ');
    const [at = 0, n = 0] = numbers.map(Number);
    const last = this.acknowledged[at] ?? 0;
    const isRight = word === 'found' ? n === last || n === last + 1 : n > last;
    if (!isRight) throw new Error(`${line} after ${last} had been acknowledged`);
    this.acknowledged[at] = n;
    if (word === 'acknowledged') this.total += 1;
    else this.reads += 1;
  }
}

/** Runs a process until it has said so much, or for so long, and kills it. */
async function runUntilKilled(dataDir: string, ledger: Ledger, prng: Prng): Promise<void> {
  const child = spawn(process.execPath, [writer, dataDir, String(keys)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  if (prng.chance(0.3)) {
    // Somewhere in its start.
    await Promise.race([setTimeout(prng.int(0, 1_200)), closed]);
    child.kill('SIGKILL');
  }
  let patience = keys + prng.int(1, 150);
  for await (const line of createInterface({ input: child.stdout })) {
    ledger.take(line);
    patience -= 1;
    if (patience === 0) child.kill('SIGKILL');
  }
  const [code, signal] = await closed;
  if (signal !== 'SIGKILL') throw new Error(`the cluster ended by itself, with code ${code}`);
}

test(`a cluster that is killed ${kills} times keeps every write that was acknowledged`, async (t) => {
  t.timeout(90_000 + kills * 10_000);
  const dataDir = directoryOf(t);
  const prng = new Prng(kills);
  const ledger = new Ledger();

  for (let round = 0; round < kills; round += 1) await runUntilKilled(dataDir, ledger, prng);

  await using cluster = await createCluster({ dataDir, startTimeoutMs: 60_000 });
  const names = Array.from({ length: keys }, (_, at) => `key ${at}`);
  const values = (await cluster.getMany(names, { timeoutMs: 60_000 })) as { n: number }[];
  for (const [at, value] of values.entries()) ledger.take(`found ${at} ${value?.n ?? 0}`);
  t.truthy((await cluster.waitForConverged({ timeoutMs: 60_000 })).digest);
  t.log(`${ledger.total} writes acknowledged, ${ledger.reads} values read back`);
  t.true(ledger.total > 0);
});
