/**
 * Writes at a steady rate, through every fault, and remembers what became of each write.
 *
 * Every write has a key of its own, so whether it is there can be answered exactly at the end:
 * what was acknowledged must be, what was rejected must not, what ended as unknown may.
 */
import { type Clock, systemClock } from '../src/clock.js';
import { isRaftError } from '../src/errors.js';
import type { Store } from '../src/store/store.js';

export interface SteadyWriterOptions {
  /** Keys are `PREFIX:1`, `PREFIX:2`, …; the values are the numbers. */
  readonly prefix: string;
  /** Writes a second. */
  readonly rate: number;
  /** Above this many without an answer the writer pauses. Default: 4,096. */
  readonly outstandingMax?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** What reading everything back came to. */
export interface Verified {
  readonly acknowledged: number;
  /** Acknowledged, and not there. */
  readonly lost: number;
  readonly rejected: number;
  /** Rejected, and there all the same. */
  readonly undead: number;
  readonly unknown: number;
  /** Of the unknown ones, those that are there. */
  readonly unknownDone: number;
}

type Fate = 'pending' | 'acknowledged' | 'rejected' | 'unknown';

interface Waiting {
  /** Only the answer to a write that was sent after this number counts. */
  readonly after: number;
  resolve(atMs: number): void;
  reject(reason: unknown): void;
}

const tickMs = 1;
const readBatch = 1_000;

export class SteadyWriter {
  readonly #store: Store;
  readonly #options: Required<SteadyWriterOptions>;
  /** The fate of each write, at its number less one. */
  readonly #fates: Fate[] = [];
  readonly #settled: Promise<void>[] = [];
  readonly #waiting: Set<Waiting> = new Set();
  #acknowledged = 0;
  #outstanding = 0;
  #timer: Disposable | undefined;
  #lastTickMs: number;
  #owed = 0;

  constructor(store: Store, options: SteadyWriterOptions) {
    this.#store = store;
    this.#options = { outstandingMax: 4_096, clock: systemClock, ...options };
    this.#lastTickMs = this.#options.clock.nowMs();
    this.#arm();
  }

  /** Writes acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Resolves, with the time, when a write is acknowledged that was sent after this call. */
  nextAcknowledged(signal?: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const abort = (): void => waiting.reject(signal?.reason);
      const leave = (): void => {
        this.#waiting.delete(waiting);
        signal?.removeEventListener('abort', abort);
      };
      const waiting: Waiting = {
        after: this.#fates.length,
        resolve: (atMs) => {
          leave();
          resolve(atMs);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      this.#waiting.add(waiting);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort);
    });
  }

  /** Writes nothing more. A second time does nothing. */
  stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** Resolves once every write has its answer. Call it after `stop`. */
  async settled(): Promise<void> {
    await Promise.all(this.#settled);
  }

  /** Reads every write back, linearizably, and compares. Call it after `settled`. */
  async verify(): Promise<Verified> {
    const found = await this.#readBack();
    const numbers = (fate: Fate): number => this.#fates.filter((one) => one === fate).length;
    const there = (fate: Fate): number =>
      this.#fates.filter((one, at) => one === fate && found[at] === true).length;
    const acknowledged = numbers('acknowledged');
    return {
      acknowledged,
      lost: acknowledged - there('acknowledged'),
      rejected: numbers('rejected'),
      undead: there('rejected'),
      unknown: numbers('unknown'),
      unknownDone: there('unknown'),
    };
  }

  async #readBack(): Promise<boolean[]> {
    const found: boolean[] = [];
    while (found.length < this.#fates.length) {
      const first = found.length + 1;
      const count = Math.min(readBatch, this.#fates.length - found.length);
      const numbers = Array.from({ length: count }, (_, at) => first + at);
      const values = await this.#store.getMany(numbers.map((number) => this.#keyOf(number)));
      for (const [at, number] of numbers.entries()) found.push(values[at] === number);
    }
    return found;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimer(tickMs, () => this.#tick());
  }

  #tick(): void {
    const { clock, rate, outstandingMax } = this.#options;
    const nowMs = clock.nowMs();
    this.#owed += ((nowMs - this.#lastTickMs) / 1_000) * rate;
    this.#lastTickMs = nowMs;
    const room = outstandingMax - this.#outstanding;
    for (let left = Math.min(Math.floor(this.#owed), room); left > 0; left -= 1) this.#write();
    // What could not be sent for lack of answers is not made up for later.
    this.#owed %= 1;
    this.#arm();
  }

  #write(): void {
    this.#fates.push('pending');
    const number = this.#fates.length;
    this.#outstanding += 1;
    const settled = this.#store.set(this.#keyOf(number), number).then(
      () => this.#onAcknowledged(number),
      (error: unknown) => {
        const isRejected = isRaftError(error) && error.details.outcome === 'rejected';
        this.#settle(number, isRejected ? 'rejected' : 'unknown');
      },
    );
    this.#settled.push(settled);
  }

  #onAcknowledged(number: number): void {
    this.#settle(number, 'acknowledged');
    this.#acknowledged += 1;
    if (this.#waiting.size === 0) return;
    const nowMs = this.#options.clock.nowMs();
    for (const waiting of [...this.#waiting]) {
      if (number > waiting.after) waiting.resolve(nowMs);
    }
  }

  #settle(number: number, fate: Fate): void {
    this.#fates[number - 1] = fate;
    this.#outstanding -= 1;
  }

  #keyOf(number: number): string {
    return `${this.#options.prefix}:${number}`;
  }
}
