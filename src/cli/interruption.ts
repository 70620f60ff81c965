/**
 * Ends a command from outside: Ctrl-C, SIGTERM, or nobody reading what it writes.
 *
 * The first time is a request: the signal aborts, the command closes its cluster. The second time,
 * or when closing takes too long, the process ends at once, and its threads with it.
 */
import { type Clock, systemClock } from '../clock.js';
import { exitCode } from './exit-code.js';

/** Closing a cluster ends its threads one after the other; it has never needed a second. */
const closeLimitMs = 5_000;

const signals: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGINT', exitCode.interrupted],
  ['SIGTERM', exitCode.terminated],
];

export class Interruption implements Disposable {
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  readonly #listeners: Disposable[] = [];
  #exitCode: number | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    for (const [name, code] of signals) {
      const listener = (): void => this.#onSignal(name, code);
      process.on(name, listener);
      this.#listeners.push({ [Symbol.dispose]: () => process.off(name, listener) });
    }
    for (const stream of [process.stdout, process.stderr]) {
      // Stays: a write may fail after the command has ended, too.
      stream.on('error', (error: NodeJS.ErrnoException) => this.#onStreamError(error));
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The exit code of the first interruption; `undefined` while there was none. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) listener[Symbol.dispose]();
  }

  #onSignal(name: string, code: number): void {
    if (this.#exitCode !== undefined) process.exit(code);
    this.#interrupt(code, `ended by ${name}`);
  }

  #onStreamError(error: NodeJS.ErrnoException): void {
    // `balsa … | head` has read what it wanted: that is no failure.
    const code = error.code === 'EPIPE' ? exitCode.ok : exitCode.failed;
    if (this.#exitCode === undefined) this.#interrupt(code, `cannot write: ${error.message}`);
  }

  #interrupt(code: number, why: string): void {
    this.#exitCode = code;
    this.#clock.setTimer(closeLimitMs, () => process.exit(code), { keepsAlive: false });
    this.#abort.abort(new Error(why));
  }
}
