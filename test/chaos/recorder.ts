/** Writes histories by hand: each operation is a process of its own unless told otherwise. */
import type { HistoryEvent, OperationName } from '../../src/chaos/event.js';
import { checkHistory, type HistoryResult } from '../../src/chaos/history-check.js';
import type { Json } from '../../src/chaos/json.js';
import { operationsOf } from '../../src/chaos/operation.js';

/** From when to when; an end of `undefined` is no completion. */
export type Time = readonly [invokedAt: number, completedAt: number | undefined];

export class Recorder {
  readonly events: HistoryEvent[] = [];
  readonly #key: string;
  #process = 0;

  constructor(key = 'x') {
    this.#key = key;
  }

  set(time: Time, value: Json): this {
    return this.#add('set', time, { value }, { type: 'ok' });
  }

  get(time: Time, value: Json): this {
    return this.#add('get', time, {}, { type: 'ok', value });
  }

  cas(time: Time, expected: Json, value: Json): this {
    return this.#add('cas', time, { expected, value }, { type: 'ok' });
  }

  /** A cas that compared and did not match. */
  mismatch(time: Time, expected: Json, value: Json): this {
    const end = { type: 'fail', error: 'precondition' } as const;
    return this.#add('cas', time, { expected, value }, end);
  }

  delete(time: Time, existed?: boolean): this {
    const value = existed === undefined ? {} : { value: existed };
    return this.#add('delete', time, {}, { type: 'ok', ...value });
  }

  /** The last operation ends like this instead. */
  ending(type: 'fail' | 'info', error: string): this {
    const last = this.events.pop();
    if (last === undefined) throw new Error('nothing to end');
    const { value: _, ...rest } = last;
    this.events.push({ ...rest, type, error });
    return this;
  }

  check(timeoutMs = 20_000): Promise<HistoryResult> {
    return checkHistory(operationsOf(this.events), { timeoutMs });
  }

  #add(
    op: OperationName,
    [invokedAt, completedAt]: Time,
    input: Partial<HistoryEvent>,
    end: Partial<HistoryEvent> & Pick<HistoryEvent, 'type'>,
  ): this {
    const base = { process: this.#process, op, key: this.#key };
    this.#process += 1;
    this.events.push({ ...base, type: 'invoke', ...input, time: invokedAt });
    if (completedAt !== undefined) this.events.push({ ...base, ...end, time: completedAt });
    return this;
  }
}
