/** Lets the swarm look for a bug that is surely there. */
import type { Piscina } from 'piscina';
import type { RunResult } from '../../src/sim/simulation.js';
import type { SeedReport, SeedsTask } from '../../src/sim/task.js';
import { copyWith } from './copy.js';
import type { Exhibit } from './exhibit.js';

export interface Hunt {
  /** The first seed that broke something; `undefined` if none did. */
  readonly seed: number | undefined;
  readonly invariant: string | undefined;
  /** How many seeds were run, that one included. */
  readonly seeds: number;
  readonly simulatedHours: number;
}

/** Runs seeds 1, 2, … up to `seedsMax` until one breaks something. */
export async function hunt(pool: Piscina, exhibit: Exhibit, seedsMax: number): Promise<Hunt> {
  await using copy = await copyWith(exhibit);
  const filename = new URL('sim/task.js', copy.root).href;
  let simulatedMs = 0;
  let seeds = 0;
  for (let firstSeed = 1; firstSeed <= seedsMax; ) {
    // Most are found at once; for the others a task should be worth its journey.
    const count = Math.min(seedsMax - firstSeed + 1, firstSeed < 16 ? 4 : 32);
    const task: SeedsTask = { firstSeed, count };
    const reports: SeedReport[] = await pool.run(task, { filename, name: 'runSeeds' });
    firstSeed += count;
    seeds += reports.length;
    for (const { counts } of reports) simulatedMs += counts.simulatedMs;
    const last = reports.at(-1);
    if (last?.violation === undefined) continue;
    const { invariant } = last.violation;
    return { seed: last.seed, invariant, seeds, simulatedHours: simulatedMs / 3_600_000 };
  }
  return { seed: undefined, invariant: undefined, seeds, simulatedHours: simulatedMs / 3_600_000 };
}

/** What came of the scenario that is kept for a bug. */
export interface Pinned {
  /** `undefined` if it broke nothing. */
  readonly invariant: string | undefined;
}

/** Runs the scenario that is kept for a bug; `undefined` if none is. */
export async function runPinned(pool: Piscina, exhibit: Exhibit): Promise<Pinned | undefined> {
  if (exhibit.scenario === undefined) return undefined;
  await using copy = await copyWith(exhibit);
  const filename = new URL('sim/simulation.js', copy.root).href;
  const { violation }: RunResult = await pool.run(exhibit.scenario, {
    filename,
    name: 'runScenario',
  });
  return { invariant: violation?.invariant };
}
