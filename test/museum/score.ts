/**
 * The score of the museum: after how many seeds the swarm finds each bug.
 *
 *     node dist/test/museum/score.js [--seeds 60] [--threads 2] [--only ID,…]
 *
 * Writes docs/museum.md, unless `--only` asks for some exhibits. Exits with 1 if a bug was found by
 * neither the swarm nor a pinned scenario, and has no safeguard that would explain it.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Piscina } from 'piscina';
import { describeCommit, describeMachine } from '../../benchmarks/machine.js';
import type { Exhibit } from './exhibit.js';
import { exhibits } from './exhibits.js';
import { type Hunt, hunt, type Pinned, runPinned } from './hunt.js';
import { pageOf } from './page.js';

export interface Score extends Hunt {
  readonly exhibit: Exhibit;
  /** What the scenario that is kept for this bug breaks. */
  readonly pinned: Pinned | undefined;
}

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '60' },
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string' },
  },
});
const wanted = options.only?.split(',');
const stranger = wanted?.find((id) => !exhibits.some((exhibit) => exhibit.id === id));
if (stranger !== undefined) throw new RangeError(`no exhibit is called '${stranger}'`);
const queue = exhibits.filter(({ id }) => wanted === undefined || wanted.includes(id));
const scores: Score[] = [];
const startMs = performance.now();

const threads = Number(options.threads);
const pool = new Piscina({
  minThreads: threads,
  maxThreads: threads,
  // A bug may fill the memory; then its thread dies, and not this process.
  resourceLimits: { maxOldGenerationSizeMb: 1024 },
});
const work = async (): Promise<void> => {
  for (let exhibit = queue.shift(); exhibit !== undefined; exhibit = queue.shift()) {
    const found = await hunt(pool, exhibit, Number(options.seeds));
    const pinned = await runPinned(pool, exhibit);
    scores.push({ ...found, exhibit, pinned });
    const seed = found.seed === undefined ? 'no seed' : `seed ${found.seed}`;
    console.log(`${exhibit.id}: ${seed}, ${found.invariant ?? pinned?.invariant ?? 'not found'}`);
  }
};
await Promise.all(Array.from({ length: threads }, work));
await pool.destroy();

if (wanted === undefined) {
  scores.sort((one, other) => exhibits.indexOf(one.exhibit) - exhibits.indexOf(other.exhibit));
  const page = pageOf(scores, {
    seeds: Number(options.seeds),
    threads,
    minutes: (performance.now() - startMs) / 60_000,
    commit: await describeCommit(),
    machine: describeMachine(),
  });
  await writeFile(new URL('../../../docs/museum.md', import.meta.url), page);
}
const missed = scores.filter(({ seed, pinned, exhibit: { safeguard } }) => {
  return seed === undefined && pinned?.invariant === undefined && safeguard === undefined;
});
for (const { exhibit } of missed) console.log(`not found: ${exhibit.id}`);
process.exitCode = missed.length === 0 ? 0 : 1;
