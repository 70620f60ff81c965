/** A clock for tests: when nothing is left to do at once, it jumps to the next timer. */
import type { Clock, Timer } from '../../src/clock.js';

interface Entry {
  readonly dueMs: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #entries: Set<Entry> = new Set();
  #isPumping = false;

  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.#entries.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry = { dueMs: this.#nowMs + delayMs, callback };
    this.#entries.add(entry);
    this.#pump();
    return { [Symbol.dispose]: () => void this.#entries.delete(entry) };
  }

  /** Resolves when this much virtual time has gone by. */
  after(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(delayMs, resolve);
    });
  }

  /** One timer a turn of the event loop: whatever a timer sets off goes before the next one. */
  #pump(): void {
    if (this.#isPumping || this.#entries.size === 0) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      const next = this.#first();
      if (next === undefined) return;
      this.#entries.delete(next);
      this.#nowMs = next.dueMs;
      next.callback();
      this.#pump();
    });
  }

  #first(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (first === undefined || entry.dueMs < first.dueMs) first = entry;
    }
    return first;
  }
}
