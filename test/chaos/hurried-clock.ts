/** A clock that jumps to its next timer as soon as nothing else is to be done. */
import type { Clock, Timer } from '../../src/clock.js';

interface Due {
  readonly atMs: number;
  readonly callback: () => void;
}

export class HurriedClock implements Clock {
  #nowMs = 1_000;
  #due: Due[] = [];
  #isRunning = false;

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const due = { atMs: this.#nowMs + delayMs, callback };
    this.#due.push(due);
    this.#run();
    return {
      [Symbol.dispose]: () => {
        this.#due = this.#due.filter((other) => other !== due);
      },
    };
  }

  /** Resolves after so many ms. */
  after(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(delayMs, resolve);
    });
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => {
      this.#isRunning = false;
      const [next] = this.#due.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined) return;
      this.#due = this.#due.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      this.#run();
    });
  }
}
