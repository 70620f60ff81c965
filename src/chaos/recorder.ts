/** Runs the processes of a workload against stores, and records what they asked and were told. */
import type { Clock } from '../clock.js';
import { isRaftError } from '../errors.js';
import { Prng } from '../prng.js';
import type { Store } from '../store/store.js';
import { type HistoryEvent, precondition } from './event.js';
import type { Json } from './json.js';
import { type Answer, Commons, type Request, type WorkloadName, workloads } from './workload.js';

export interface RecordOptions {
  /** A process for each, at first. */
  readonly stores: readonly Store[];
  readonly workload: WorkloadName;
  /** Draws what the processes do. */
  readonly seed: number;
  readonly clock: Clock;
  /** When the processes end, on the clock. */
  readonly endMs: number;
  /** Ends them early. */
  readonly signal: AbortSignal;
  /** Time limit of a request in ms. Default 700: more than an election takes. */
  readonly timeoutMs?: number;
  /** Hears every event when it happens, so in the order of their times. */
  readonly onEvent: (event: HistoryEvent) => void;
}

/** Time between two requests of a process, drawn anew each time. */
const thinkMsMax = 6;

const standardTimeoutMs = 700;

/** The keys that are read at the end, by every process: losses show there, if not before. */
const lastKeysMax = 12;

export class HistoryRecorder {
  readonly #options: RecordOptions;
  readonly #startMs: number;
  readonly #commons = new Commons();
  readonly #lastKeys = new Set<string>();
  #processes: number;
  #latest = 0;

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#startMs = options.clock.nowMs();
    this.#processes = options.stores.length;
  }

  /** A time of the clock in the whole nanoseconds of the history. */
  nanoseconds(atMs: number): number {
    return Math.round((atMs - this.#startMs) * 1e6);
  }

  /** Resolves when every process has ended, with nothing under way. */
  async run(): Promise<void> {
    const { stores } = this.#options;
    await Promise.all(stores.map((store, process) => this.#live(store, process)));
  }

  /** Every process reads the keys that were used last. */
  async readAll(): Promise<void> {
    const { stores, signal } = this.#options;
    const keys = [...this.#lastKeys];
    const read = async (store: Store, process: number): Promise<void> => {
      for (const key of keys) {
        if (!signal.aborted) await this.#ask(store, process, { op: 'get', key });
      }
    };
    const first = this.#processes;
    this.#processes += stores.length;
    await Promise.all(stores.map((store, place) => read(store, first + place)));
  }

  async #live(store: Store, firstProcess: number): Promise<void> {
    const { workload, seed, clock, endMs, signal } = this.#options;
    const prng = new Prng(seed).fork(`client ${firstProcess}`);
    const doing = workloads[workload](prng.fork('workload'), this.#commons);
    let process = firstProcess;
    let answer: Answer = { type: 'ok' };
    while (clock.nowMs() < endMs && !signal.aborted) {
      const { value: request } = doing.next(answer);
      answer = await this.#ask(store, process, request);
      // Nobody knows when such an operation ends: whoever goes on is somebody else.
      if (answer.type === 'info') {
        process = this.#processes;
        this.#processes += 1;
      }
      await after(clock, prng.next() * thinkMsMax);
    }
  }

  async #ask(store: Store, process: number, request: Request): Promise<Answer> {
    const { onEvent } = this.#options;
    const { op, key } = request;
    this.#use(key);
    const base = { process, op, key };
    onEvent({ ...base, type: 'invoke', ...inputOf(request), time: this.#time(Math.floor) });
    const answer = await this.#call(store, request);
    const time = this.#time(Math.ceil);
    const { type, error, value } = answer;
    const output = value === undefined ? {} : { value };
    onEvent({ ...base, type, ...output, ...(error === undefined ? {} : { error }), time });
    return answer;
  }

  /** Rounded so that an operation never seems shorter than it was; events stay in their order. */
  #time(round: (time: number) => number): number {
    const time = round((this.#options.clock.nowMs() - this.#startMs) * 1e6);
    this.#latest = Math.max(this.#latest, time);
    return this.#latest;
  }

  async #call(store: Store, request: Request): Promise<Answer> {
    const options = { timeoutMs: this.#options.timeoutMs ?? standardTimeoutMs };
    const { op, key } = request;
    try {
      switch (op) {
        case 'get':
          return { type: 'ok', value: ((await store.get(key, options)) ?? null) as Json };
        case 'set':
          await store.set(key, request.value, options);
          return { type: 'ok' };
        case 'delete':
          return { type: 'ok', value: (await store.delete(key, options)).existed };
        case 'cas': {
          const { expected, value } = request;
          const { succeeded } = await store.cas(key, expected ?? undefined, value, options);
          return succeeded ? { type: 'ok' } : { type: 'fail', error: precondition };
        }
      }
    } catch (error) {
      return failureOf(error, op === 'get');
    }
  }

  #use(key: string): void {
    this.#lastKeys.delete(key);
    this.#lastKeys.add(key);
    const [oldest] = this.#lastKeys;
    if (this.#lastKeys.size > lastKeysMax && oldest !== undefined) this.#lastKeys.delete(oldest);
  }
}

function after(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}

function inputOf(request: Request): { readonly value?: Json; readonly expected?: Json } {
  if (request.op === 'set') return { value: request.value };
  if (request.op === 'cas') return { expected: request.expected, value: request.value };
  return {};
}

/** A read that failed has done nothing; a write has, unless the store is sure that it has not. */
function failureOf(error: unknown, isRead: boolean): Answer {
  if (!isRaftError(error)) throw error;
  const isSure = isRead || error.details.outcome === 'rejected';
  return { type: isSure ? 'fail' : 'info', error: error.code };
}
