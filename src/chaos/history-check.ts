/**
 * The check of a whole history: key by key, since a history is linearizable if and only if that
 * of each key is (Herlihy and Wing, "Linearizability", 1990, theorem 1).
 */
import { Piscina } from 'piscina';
import { type Clock, systemClock } from '../clock.js';
import { boundsOf, type CheckOptions } from './call-check.js';
import type { CheckTask } from './check-task.js';
import type { Operation } from './operation.js';
import { checkRegister, type RegisterResult } from './register-check.js';
import { registerProblem } from './register-problem.js';
import type { Exhausted, Verdict } from './search.js';

/** How to check a history. */
export interface HistoryCheckOptions extends Omit<CheckOptions, 'clock'> {
  /** Threads for the keys that take long. Whole number >= 1, default: as Piscina thinks best. */
  readonly threads?: number;
  /** Rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What came of one key. */
export interface KeyResult {
  readonly key: string;
  readonly verdict: Verdict;
  /** Which limit was met if the verdict is unknown. */
  readonly exhausted: Exhausted | undefined;
  /** All of the key, by invocation, failed ones and others that say nothing included. */
  readonly operations: readonly Operation[];
  /**
   * A linearization; of an illegal key, one of its longest beginning that has one; if unknown, the
   * longest partial one that was found.
   */
  readonly linearization: readonly Operation[];
  /**
   * Empty if linearizable. Operations for which there is no place after it; the first one is where
   * the history goes wrong: until it returned, everything could be explained.
   */
  readonly stuck: readonly Operation[];
}

/** What came of a history. */
export interface HistoryResult {
  /** `illegal` if any key is; else `unknown` if any key is. */
  readonly verdict: Verdict;
  /** In the order of their first invocations. */
  readonly keys: readonly KeyResult[];
}

/** What most keys need is far less; more goes to a thread, where keys are checked in parallel. */
const stepsHereMax = 20_000;

/**
 * Checks every key of a history as a register with get, set, cas and delete, absent at first.
 *
 * Rejects with `RAFT_INVALID_HISTORY` for a value that is nested too deeply, with
 * `RAFT_INVALID_OPTION` for an option out of its range.
 */
export async function checkHistory(
  operations: readonly Operation[],
  options: HistoryCheckOptions = {},
): Promise<HistoryResult> {
  const { timeoutMs, cacheMax } = boundsOf(options);
  const clock: Clock = systemClock;
  const deadlineMs = clock.nowMs() + timeoutMs;
  const keys: (KeyResult | undefined)[] = [];
  const hard: (CheckTask & { readonly at: number })[] = [];
  const groups = [...byKey(operations)];
  for (const [at, [key, group]] of groups.entries()) {
    options.signal?.throwIfAborted();
    const problem = registerProblem(group);
    const limits = { clock, deadlineMs, cacheMax, stepsMax: stepsHereMax + 2 * problem.required };
    const result = checkRegister(problem, limits);
    if (result.exhausted === 'steps') hard.push({ at, problem, deadlineMs, cacheMax });
    else keys[at] = keyResult(key, group, result);
  }
  for (const { at, result } of await inParallel(hard, options)) {
    const [key, group] = groups[at] as [string, Operation[]];
    keys[at] = keyResult(key, group, result);
  }
  const results = keys as KeyResult[];
  return { verdict: worst(results.map(({ verdict }) => verdict)), keys: results };
}

/** `illegal` if any is, else `unknown` if any is. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('illegal')) return 'illegal';
  return verdicts.includes('unknown') ? 'unknown' : 'linearizable';
}

function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const group = groups.get(operation.key);
    if (group === undefined) groups.set(operation.key, [operation]);
    else group.push(operation);
  }
  return groups;
}

function keyResult(
  key: string,
  operations: readonly Operation[],
  result: RegisterResult,
): KeyResult {
  const operationAt = (source: number): Operation => operations[source] as Operation;
  return {
    key,
    verdict: result.verdict,
    exhausted: result.exhausted,
    operations,
    linearization: Array.from(result.order, operationAt),
    stuck: result.stuck.map(operationAt),
  };
}

/** This file is dist/src/chaos/history-check.js. */
const worker = new URL('../../workers/check-history.js', import.meta.url);

async function inParallel(
  tasks: readonly (CheckTask & { readonly at: number })[],
  { threads, signal }: HistoryCheckOptions,
): Promise<{ readonly at: number; readonly result: RegisterResult }[]> {
  if (tasks.length === 0) return [];
  const pool = new Piscina<CheckTask, RegisterResult>({
    filename: worker.href,
    minThreads: 1,
    ...(threads === undefined ? {} : { maxThreads: threads }),
  });
  try {
    const runs = tasks.map(async ({ at, ...task }) => {
      const result = await pool.run(task, signal === undefined ? {} : { signal });
      return { at, result };
    });
    return await Promise.all(runs);
  } finally {
    await pool.destroy();
  }
}
