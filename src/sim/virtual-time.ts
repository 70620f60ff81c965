/**
 * Virtual time: it stands still while something happens and jumps to what comes next.
 *
 * What is due at the same moment comes in the order in which it was asked for. There is no other
 * clock in the simulator: whoever waits, waits here.
 */
import type { Clock, Timer } from '../clock.js';
import { DueHeap } from '../network/due-heap.js';

class Appointment implements Disposable {
  readonly dueMs: number;
  readonly sequence: number;
  run: (() => void) | undefined;

  constructor(dueMs: number, sequence: number, run: () => void) {
    this.dueMs = dueMs;
    this.sequence = sequence;
    this.run = run;
  }

  [Symbol.dispose](): void {
    this.run = undefined;
  }
}

export class VirtualTime implements Clock {
  readonly #heap = new DueHeap<Appointment>();
  #nowMs = 0;
  #sequence = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer of ${delayMs} ms; expected ms >= 0`);
    const appointment = new Appointment(this.#nowMs + delayMs, this.#sequence, callback);
    this.#sequence += 1;
    this.#heap.push(appointment);
    return appointment;
  }

  /** When something is due next; `Infinity` if nothing is. */
  get nextMs(): number {
    for (;;) {
      const first = this.#heap.first;
      if (first === undefined) return Number.POSITIVE_INFINITY;
      if (first.run !== undefined) return first.dueMs;
      this.#heap.pop();
    }
  }

  /** Lets time pass up to `ms`, but not beyond what is due next. */
  advanceTo(ms: number): void {
    if (ms > this.#nowMs) this.#nowMs = ms;
  }

  /** Does the one thing that is due next, at its time. False if nothing is set. */
  runNext(): boolean {
    if (this.nextMs === Number.POSITIVE_INFINITY) return false;
    const next = this.#heap.pop();
    if (next === undefined) return false;
    this.advanceTo(next.dueMs);
    const { run } = next;
    next.run = undefined;
    run?.();
    return true;
  }
}
