/**
 * The invocations and returns of operations in their order, as a linked list from which an
 * operation is lifted when it has been placed (Lowe, "Testing for linearizability", 2017).
 *
 *     call 0   call 1   return 0   call 2   return 1   return 2
 *     `-------------'
 *      these may be placed next: none of them has to wait for the return of another
 */
import type { Nanoseconds } from './event.js';
import { compare } from './operation.js';

/** When something began and ended; an end of `undefined` is after everything. */
export interface Span {
  readonly invokedAt: Nanoseconds;
  readonly returnedAt: Nanoseconds | undefined;
}

/** Where each operation begins and ends in the order of all events. */
export interface Positions {
  readonly calls: Int32Array;
  /** `2^31 - 1` for what never returns. */
  readonly returns: Int32Array;
}

export const never: number = 2 ** 31 - 1;

/** Orders events by time. At equal times calls come first: such operations are concurrent. */
export function positionsOf(spans: readonly Span[]): Positions {
  const times: Nanoseconds[] = [];
  // Numbers of events: twice the operation, and one more for its return.
  const events: number[] = [];
  for (const [at, { invokedAt, returnedAt }] of spans.entries()) {
    times.push(invokedAt, returnedAt ?? invokedAt);
    events.push(2 * at);
    if (returnedAt !== undefined) events.push(2 * at + 1);
  }
  events.sort((a, b) => {
    const order = compare(times[a] as Nanoseconds, times[b] as Nanoseconds);
    return order || (a & 1) - (b & 1) || a - b;
  });
  const calls = new Int32Array(spans.length);
  const returns = new Int32Array(spans.length).fill(never);
  for (const [position, event] of events.entries()) {
    (event & 1 ? returns : calls)[event >> 1] = position;
  }
  return { calls, returns };
}

/** The list of the first `count` operations. */
export class EntryList {
  /** What `gather` found: operations that may be placed next, by invocation. */
  readonly open: number[] = [];
  readonly #calls: Int32Array;
  readonly #returns: Int32Array;
  readonly #count: number;
  // Entries are positions plus one; 0 stands before the first, and also after the last.
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #operations: Int32Array;

  /** Positions need not be dense. */
  constructor({ calls, returns }: Positions, count: number) {
    this.#calls = calls;
    this.#returns = returns;
    this.#count = count;
    const size = lastOf(calls, returns) + 2;
    this.#next = new Int32Array(size);
    this.#previous = new Int32Array(size);
    this.#operations = new Int32Array(size).fill(-1);
    this.#fill();
  }

  /**
   * Fills `open`, and gives the position of the first return: what is called after it has to wait
   * for it. `never` if nothing has to return.
   */
  gather(): number {
    this.open.length = 0;
    for (let entry = this.#at(0); entry !== 0; entry = this.#at(entry)) {
      const operation = this.#operations[entry] as number;
      if (this.#returns[operation] === entry - 1) return entry - 1;
      this.open.push(operation);
    }
    return never;
  }

  /** The operation whose return stands at a position. */
  operationAt(position: number): number {
    return this.#operations[position + 1] as number;
  }

  lift(operation: number): void {
    this.#unlink((this.#calls[operation] as number) + 1);
    const end = this.#returns[operation] as number;
    if (end !== never) this.#unlink(end + 1);
  }

  /** Undoes `lift`, the last one first. */
  unlift(operation: number): void {
    const end = this.#returns[operation] as number;
    if (end !== never) this.#link(end + 1);
    this.#link((this.#calls[operation] as number) + 1);
  }

  #at(entry: number): number {
    return this.#next[entry] as number;
  }

  #unlink(entry: number): void {
    const next = this.#next[entry] as number;
    const previous = this.#previous[entry] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #link(entry: number): void {
    this.#next[this.#previous[entry] as number] = entry;
    this.#previous[this.#next[entry] as number] = entry;
  }

  #fill(): void {
    for (let operation = 0; operation < this.#count; operation++) {
      this.#operations[(this.#calls[operation] as number) + 1] = operation;
      const end = this.#returns[operation] as number;
      if (end !== never) this.#operations[end + 1] = operation;
    }
    let last = 0;
    for (let entry = 1; entry < this.#operations.length; entry++) {
      if (this.#operations[entry] === -1) continue;
      this.#next[last] = entry;
      this.#previous[entry] = last;
      last = entry;
    }
    this.#next[last] = 0;
    this.#previous[0] = last;
  }
}

function lastOf(calls: Int32Array, returns: Int32Array): number {
  let last = 0;
  for (const position of calls) last = Math.max(last, position);
  for (const position of returns) if (position !== never) last = Math.max(last, position);
  return last;
}
