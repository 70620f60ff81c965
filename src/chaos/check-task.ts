/** The check of some keys on a thread of a pool: plain data in, plain data out. */
import { systemClock } from '../clock.js';
import { checkRegister, type RegisterResult } from './register-check.js';
import type { RegisterProblem } from './register-problem.js';

export interface CheckTask {
  readonly problem: RegisterProblem;
  /** On the clock of the machine, which all threads share. */
  readonly deadlineMs: number;
  readonly cacheMax: number;
}

export function runCheckTask({ problem, deadlineMs, cacheMax }: CheckTask): RegisterResult {
  const stepsMax = Number.POSITIVE_INFINITY;
  return checkRegister(problem, { clock: systemClock, deadlineMs, cacheMax, stepsMax });
}
