/** Whether what the clients of a run saw is linearizable, decided within a number of steps. */
import type { HistoryEvent } from '../chaos/event.js';
import { type Operation, operationsOf } from '../chaos/operation.js';
import { checkRegister } from '../chaos/register-check.js';
import { registerProblem } from '../chaos/register-problem.js';
import type { Verdict } from '../chaos/search.js';

export interface HistoryVerdict {
  readonly verdict: Verdict;
  /** Of an illegal history: which key, and which operation has no place. */
  readonly text?: string;
}

/** The same history is given up after the same work on every machine: no clock decides. */
const stepsMax = 500_000;
const cacheMax = 500_000;
const stoppedClock = {
  nowMs: () => 0,
  setTimer: () => ({ [Symbol.dispose]: () => {} }),
};

/** Checks every key as a register that is absent at first. */
export function verdictOf(history: readonly HistoryEvent[]): HistoryVerdict {
  const limits = {
    clock: stoppedClock,
    deadlineMs: Number.POSITIVE_INFINITY,
    cacheMax,
    stepsMax,
  };
  let isDecided = true;
  const all = operationsOf(history);
  for (const key of new Set(all.map((operation) => operation.key))) {
    const operations = all.filter((operation) => operation.key === key);
    const { verdict, stuck } = checkRegister(registerProblem(operations), limits);
    if (verdict === 'illegal') {
      const [first] = stuck.map((at) => operations[at]);
      const text = `${key}: no place for ${first === undefined ? 'a call' : describe(first)}`;
      return { verdict, text };
    }
    if (verdict === 'unknown') isDecided = false;
  }
  return { verdict: isDecided ? 'linearizable' : 'unknown' };
}

function describe({ op, value, expected, result, process, invokedAt }: Operation): string {
  const asked = op === 'cas' ? ` ${JSON.stringify(expected)} to ${JSON.stringify(value)}` : '';
  const written = op === 'set' ? ` ${JSON.stringify(value)}` : '';
  const found = op === 'get' ? ` that gave ${JSON.stringify(result)}` : '';
  const atMs = (Number(invokedAt) / 1e6).toFixed(3);
  return `the ${op}${asked}${written}${found} of process ${process} at ${atMs} ms`;
}
