/** The check of any object against any model: no rules but those of the model itself. */
import { type Clock, systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import { EntryList, type Positions, positionsOf } from './entry-list.js';
import type { Nanoseconds } from './event.js';
import type { Call, Model } from './model.js';
import { compare } from './operation.js';
import { type Exhausted, type SearchSpace, search, type Verdict } from './search.js';

/** How long to look. */
export interface CheckOptions {
  /** Gives up after this long, with the verdict `unknown`. ms > 0, default 60,000. */
  readonly timeoutMs?: number;
  /** Configurations that are remembered, of about 100 bytes each. >= 0, default 4,000,000. */
  readonly cacheMax?: number;
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
}

const standardTimeoutMs = 60_000;
const standardCacheMax = 4_000_000;

/** What came of a check; calls are numbers in the list that was given. */
export interface CallsResult {
  readonly verdict: Verdict;
  /** Which limit was met if the verdict is unknown. */
  readonly exhausted: Exhausted | undefined;
  /** A linearization, or the longest partial one that was found. */
  readonly order: readonly number[];
  /** Calls that could not be placed after it, the one that had to be first. */
  readonly stuck: readonly number[];
}

/**
 * Whether calls of one object are linearizable.
 *
 * Throws `RAFT_INVALID_HISTORY` for a call without an outcome or a time, and for one that returned
 * before it was invoked; `RAFT_INVALID_OPTION` for an option out of its range.
 *
 * @example
 * const { verdict } = checkCalls(appendModel, [
 *   { input: { kind: 'append', value: 1 }, outcome: 'ok', invokedAt: 0, completedAt: 1 },
 *   { input: { kind: 'read' }, output: [1], outcome: 'ok', invokedAt: 2, completedAt: 3 },
 * ]);
 */
export function checkCalls<State, Input, Output>(
  model: Model<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
  options: CheckOptions = {},
): CallsResult {
  const clock = options.clock ?? systemClock;
  const { timeoutMs, cacheMax } = boundsOf(options);
  for (const [number, call] of calls.entries()) checkCall(call, number);
  const numbered = calls.map((call, number) => ({ call, number }));
  const ordered = numbered.toSorted((a, b) => compare(a.call.invokedAt, b.call.invokedAt));
  const required = ordered.filter(({ call }) => call.outcome === 'ok');
  const optional = ordered.filter(({ call }) => call.outcome === 'info');
  const all = [...required, ...optional];
  const space = new ModelSpace(
    model,
    all.map(({ call }) => call),
    required.length,
  );
  const deadlineMs = clock.nowMs() + timeoutMs;
  const limits = { clock, deadlineMs, cacheMax, stepsMax: Number.POSITIVE_INFINITY };
  const { verdict, exhausted, order } = search(space, limits);
  const numberOf = (operation: number): number => all[operation]?.number ?? -1;
  const stuck = verdict === 'linearizable' ? [] : space.stuckAfter(order);
  return { verdict, exhausted, order: Array.from(order, numberOf), stuck: stuck.map(numberOf) };
}

/** The bounds of a check, with the defaults. Throws `RAFT_INVALID_OPTION`. */
export function boundsOf({ timeoutMs, cacheMax }: CheckOptions): {
  readonly timeoutMs: number;
  readonly cacheMax: number;
} {
  return {
    timeoutMs: atLeast('timeoutMs', timeoutMs ?? standardTimeoutMs, Number.MIN_VALUE),
    cacheMax: atLeast('cacheMax', cacheMax ?? standardCacheMax, 0),
  };
}

function atLeast(option: string, value: number, min: number): number {
  if (typeof value === 'number' && value >= min) return value;
  const text = `${option} is ${String(value)}; expected a number ${min > 0 ? '> 0' : '>= 0'}`;
  throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option } });
}

/** A call that is passed over by mistake would make a wrong history right. */
function checkCall({ outcome, invokedAt, completedAt }: Call<unknown, unknown>, at: number): void {
  const invalid = (problem: string): RaftError =>
    new RaftError('RAFT_INVALID_HISTORY', `calls[${at}] ${problem}`);
  if (outcome !== 'ok' && outcome !== 'fail' && outcome !== 'info') {
    throw invalid(`has the outcome ${String(outcome)}; expected ok, fail or info`);
  }
  if (!isTime(invokedAt)) throw invalid(`has invokedAt ${String(invokedAt)}; expected a time`);
  if (outcome !== 'ok') return;
  if (isTime(completedAt) && completedAt >= invokedAt) return;
  throw invalid(`is ok with completedAt ${String(completedAt)}; expected a time >= ${invokedAt}`);
}

function isTime(time: unknown): time is Nanoseconds {
  return typeof time === 'bigint' || Number.isFinite(time);
}

class ModelSpace<State, Input, Output> implements SearchSpace {
  readonly count: number;
  readonly required: number;
  readonly initial: number;
  readonly #model: Model<State, Input, Output>;
  readonly #calls: readonly Call<Input, Output>[];
  readonly #positions: Positions;
  readonly #numbers = new Map<string, number>();
  readonly #states: State[] = [];
  #list: EntryList;

  constructor(
    model: Model<State, Input, Output>,
    calls: readonly Call<Input, Output>[],
    required: number,
  ) {
    this.#model = model;
    this.#calls = calls;
    this.count = calls.length;
    this.required = required;
    this.#positions = positionsOf(
      calls.map(({ invokedAt, completedAt, outcome }) => ({
        invokedAt,
        returnedAt: outcome === 'ok' ? completedAt : undefined,
      })),
    );
    this.#list = new EntryList(this.#positions, this.count);
    this.initial = this.#numberOf(model.initial);
  }

  moves(): readonly number[] {
    this.#list.gather();
    return [...this.#list.open];
  }

  step(state: number, operation: number): number {
    const { input, output, outcome } = this.#calls[operation] as Call<Input, Output>;
    const seen = outcome === 'ok' ? output : undefined;
    const next = this.#model.step(this.#states[state] as State, input, seen);
    return next === undefined ? -1 : this.#numberOf(next);
  }

  lift(operation: number): void {
    this.#list.lift(operation);
  }

  unlift(operation: number): void {
    this.#list.unlift(operation);
  }

  /** The required calls that may come after these, from the start. */
  stuckAfter(order: Iterable<number>): number[] {
    this.#list = new EntryList(this.#positions, this.count);
    for (const operation of order) this.#list.lift(operation);
    const urgent = this.#list.operationAt(this.#list.gather());
    const open = this.#list.open.filter((operation) => operation < this.required);
    return [urgent, ...open.filter((operation) => operation !== urgent)];
  }

  #numberOf(state: State): number {
    const key = this.#model.keyOf(state);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#states.push(state);
    this.#numbers.set(key, this.#states.length - 1);
    return this.#states.length - 1;
  }
}
