/** The check of one key: from its problem in numbers to a verdict in numbers. */
import { never } from './entry-list.js';
import { absent, knownAt, none, type RegisterProblem } from './register-problem.js';
import { RegisterSpace } from './register-space.js';
import {
  type Exhausted,
  type SearchLimits,
  type SearchResult,
  search,
  type Verdict,
} from './search.js';

/**
 * What came of it; operations are numbers in the history of the key, as `RegisterProblem.sources`
 * has them. Structured-cloneable.
 */
export interface RegisterResult {
  readonly verdict: Verdict;
  /** Which limit was met if the verdict is unknown. */
  readonly exhausted: Exhausted | undefined;
  /**
   * A linearization; of an illegal history, one of its longest beginning that has one; if that
   * takes too long, or the verdict is unknown, the longest partial one that was found.
   */
  readonly order: Int32Array;
  /**
   * Operations for which there is no place after it. The first one is where the history becomes
   * illegal: until it returned, everything could be explained.
   */
  readonly stuck: readonly number[];
}

/** Checks one key within limits. */
export function checkRegister(problem: RegisterProblem, limits: SearchLimits): RegisterResult {
  const { verdict, exhausted, order, stuck } = numbersOf(problem, limits);
  const sourceOf = (operation: number): number => problem.sources[operation] as number;
  return { verdict, exhausted, order: order.map(sourceOf), stuck: stuck.map(sourceOf) };
}

/** With operations as the problem numbers them. */
function numbersOf(problem: RegisterProblem, limits: SearchLimits): RegisterResult {
  const found = searchOrSee(problem, limits);
  if (found.verdict === 'linearizable') return { ...found, stuck: [] };
  if (found.verdict === 'illegal') {
    const explained = explain(problem, limits);
    if (explained !== undefined) return { ...found, ...explained };
  }
  return { ...found, stuck: new RegisterSpace(problem).stuckAfter(found.order) };
}

/** To say where a history went wrong may take as long as to say that it did, but not longer. */
const explainMs = 5_000;

/**
 * Looks for the return at which an illegal history became so, between those that are known, and
 * for a linearization of all before it. `undefined` if that takes too long.
 */
function explain(
  problem: RegisterProblem,
  limits: SearchLimits,
): Pick<RegisterResult, 'order' | 'stuck'> | undefined {
  const { required, returns, sources } = problem;
  const { clock, deadlineMs } = limits;
  const within = { ...limits, deadlineMs: Math.min(deadlineMs, clock.nowMs() + explainMs) };
  const byReturn = Array.from({ length: required }, (_, operation) => operation).sort(
    (a, b) => (returns[a] as number) - (returns[b] as number),
  );
  const numbers = new Map(Array.from(sources, (source, operation) => [source, operation]));
  let order = new Int32Array(0);
  // Until `legal` operations have returned all is well; once `illegal` have, it is not.
  let legal = 0;
  let illegal = required;
  while (illegal - legal > 1) {
    const middle = (legal + illegal) >> 1;
    const beginning = knownAt(problem, returns[byReturn[middle - 1] as number] as number);
    const found = searchOrSee(beginning, within);
    if (found.verdict === 'unknown') return undefined;
    if (found.verdict === 'illegal') {
      illegal = middle;
    } else {
      legal = middle;
      const sourceOf = (operation: number): number => beginning.sources[operation] as number;
      order = found.order.map((operation) => numbers.get(sourceOf(operation)) as number);
    }
  }
  return { order, stuck: [byReturn[illegal - 1] as number] };
}

function searchOrSee(problem: RegisterProblem, limits: SearchLimits): SearchResult {
  if (!isAnyTooEarly(problem)) return search(new RegisterSpace(problem), limits);
  return { verdict: 'illegal', exhausted: undefined, order: new Int32Array(0) };
}

/**
 * Whether an operation needs what nobody had begun to write when it returned: no search is needed
 * to tell that there is no place for it.
 */
function isAnyTooEarly(problem: RegisterProblem): boolean {
  const { calls, returns, required, values, needs, writes } = problem;
  const firstCalls = new Int32Array(values).fill(never);
  firstCalls[absent] = -1;
  for (const [operation, value] of writes.entries()) {
    if (value === none) continue;
    firstCalls[value] = Math.min(firstCalls[value] as number, calls[operation] as number);
  }
  for (let operation = 0; operation < required; operation++) {
    const value = needs[operation] as number;
    if (value === none) continue;
    if ((firstCalls[value] as number) > (returns[operation] as number)) return true;
  }
  return false;
}
