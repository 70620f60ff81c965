/**
 * Time, as something that is handed in.
 *
 * Whoever waits or measures takes a `Clock`. On threads that is `systemClock`; under virtual time
 * it is one that moves only when told to, which is what makes a run repeatable.
 */

/** A source of time and of calls that come later. */
export interface Clock {
  /**
   * Monotonic time in ms, with a fraction. Its zero means nothing, but all threads of one process
   * share it, so times of different threads compare. It never follows a change of the wall clock.
   */
  nowMs(): number;

  /**
   * Calls `callback` once, after at least `delayMs` (ms >= 0, fractions allowed, no upper limit).
   *
   * A pending timer keeps the process alive unless `keepsAlive` is false. Disposing it, also after
   * it fired, means that `callback` is not called any more. Throws a `RangeError` for a delay that
   * is negative or not a number.
   */
  setTimer(delayMs: number, callback: () => void, options?: TimerOptions): Timer;
}

/** How a timer behaves. */
export interface TimerOptions {
  /** Whether the process stays alive to let the timer fire. Default: true. */
  readonly keepsAlive?: boolean;
}

/** A timer that was set. Disposing it twice is allowed. */
export type Timer = Disposable;

/** The longest delay that `setTimeout` honours; above it, it fires at once (24.8 days). */
const timeoutMsMax = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs(): number {
    // Not performance.now(): by its standard every worker has a zero of its own.
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1_000_000;
  },

  setTimer(delayMs: number, callback: () => void, options: TimerOptions = {}): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer of ${delayMs} ms; expected ms >= 0`);
    return new SystemTimer(delayMs, callback, options.keepsAlive ?? true);
  },
};

class SystemTimer implements Disposable {
  readonly #callback: () => void;
  readonly #keepsAlive: boolean;
  readonly #dueMs: number;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delayMs: number, callback: () => void, keepsAlive: boolean) {
    this.#callback = callback;
    this.#keepsAlive = keepsAlive;
    this.#dueMs = systemClock.nowMs() + delayMs;
    this.#arm(delayMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }

  #arm(delayMs: number): void {
    // setTimeout drops the fraction of a delay.
    const timeoutMs = Math.min(Math.ceil(delayMs), timeoutMsMax);
    this.#timeout = setTimeout(() => this.#fire(), timeoutMs);
    if (!this.#keepsAlive) this.#timeout.unref();
  }

  #fire(): void {
    // setTimeout counts in whole ms from the last whole ms, so it may be early by almost one.
    const leftMs = this.#dueMs - systemClock.nowMs();
    if (leftMs > 0) this.#arm(leftMs);
    else this.#callback();
  }
}
