/** A stretch of seeds, run one after the other: what one thread of the swarm does. */
import { type RunResult, runScenario } from './simulation.js';
import { drawScenario } from './swarm.js';

/** Structured-cloneable. */
export interface SeedsTask {
  readonly firstSeed: number;
  readonly count: number;
}

/** What came of a seed, without its history. */
export type SeedReport = Omit<RunResult, 'history'>;

/** Runs the seeds up to the first violation. */
export async function runSeeds({ firstSeed, count }: SeedsTask): Promise<SeedReport[]> {
  const reports: SeedReport[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const { history: _history, ...report } = await runScenario(drawScenario(seed));
    reports.push(report);
    if (report.violation !== undefined) break;
  }
  return reports;
}
