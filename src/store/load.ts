/**
 * Load: sets and gets of a store, as fast as they are answered or at a given rate.
 *
 * *Closed loop*: so many calls are always outstanding; each is followed by the next when it ends.
 * *Open loop*: calls are made at a rate, whatever becomes of them, and the latency of a call counts
 * from when it should have been made, so a store that stalls cannot hide it by slowing us down.
 *
 * The generator shares its thread with the client, so it keeps to what a call must cost: no async
 * function and no closure a call, keys drawn in advance, one value that is stamped anew.
 */
import { type Clock, systemClock, type Timer } from '../clock.js';
import { isRaftError, RaftError } from '../errors.js';
import type { Prng } from '../prng.js';
import { countLatency, emptyLatencies, type LatencyCounts } from './load-latency.js';
import { acknowledge, emptyLedger, type Ledger, stampBytes, writeStamp } from './load-ledger.js';
import type { SetResult, Store } from './store.js';

/** What load is put on: all that it asks of a store. */
export type LoadTarget = Pick<Store, 'get' | 'set'>;

export interface LoadOptions {
  readonly store: LoadTarget;
  /** Time that is measured, in s > 0. */
  readonly seconds: number;
  /** Time before it, in s >= 0. Default 1. */
  readonly warmupSeconds?: number;
  /** Calls that are always under way; of an open loop, the most that are. Default 1,024. */
  readonly outstanding?: number;
  /** Calls a second. Default: a closed loop. */
  readonly rate?: number;
  /** Length of a value. Whole number >= 8, default 100. */
  readonly valueBytes?: number;
  /** Keys that are written and read, `<keyPrefix>0` and so on. Default 10,000. */
  readonly keys?: number;
  /** Default `key`. */
  readonly keyPrefix?: string;
  /** Share of reads among the calls, 0 to 1, default 0. A missing key is cheap: set them first. */
  readonly readRatio?: number;
  /** Different for each load that writes the same keys; 0 to 2^32 - 1, default 1. */
  readonly loadId?: number;
  /** Draws the keys, and which calls are reads. */
  readonly prng: Prng;
  /** Called for each call that is counted, with the ms of the clock at which it began and ended. */
  readonly onDone?: (startMs: number, endMs: number) => void;
  /** Called four times a second. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends the load early: no more calls are made, and the report is of what was measured. */
  readonly signal?: AbortSignal;
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
}

export interface LoadProgress {
  /** Since the warm-up ended; negative during it. */
  readonly elapsedSeconds: number;
  /** Calls that succeeded so far, the warm-up not counted. */
  readonly operations: number;
  readonly outstanding: number;
  readonly errors: number;
}

/** What came of it. Structured-cloneable. */
export interface LoadReport {
  /** Calls that succeeded within the time that was measured. */
  readonly operations: number;
  readonly reads: number;
  readonly writes: number;
  /** The time that was measured: less than asked for if the load was ended early. */
  readonly seconds: number;
  /** Of the calls that are counted in `operations`. */
  readonly latencies: LatencyCounts;
  /** Calls that failed, by code, in all of the run. */
  readonly errors: Readonly<Record<string, number>>;
  /** For `verifyLoad`: all writes of the run, the warm-up included. */
  readonly ledger: Ledger;
}

/**
 * Runs a load to its end and resolves to what came of it, once every call is settled.
 *
 * Failed calls are counted and followed by others, except after `RAFT_STOPPED`, which ends the run.
 * Rejects with `RAFT_INVALID_OPTION`.
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  return await new Load(options).run();
}

const progressMs = 250;
/** An open loop makes the calls of this time together. */
const paceMs = 1;
/** A timer that is this late is the generator's own doing; what is beyond counts as latency. */
const paceSlackMs = 2;
/** Drawn in advance, used in turn. */
const choicesCount = 2 ** 16;
const choiceIsRead = 2 ** 31;

class Load {
  readonly store: LoadTarget;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly value: Uint8Array;
  readonly keyNames: readonly string[];
  readonly #options: LoadOptions;
  readonly #latencies = emptyLatencies();
  readonly #choices: Uint32Array;
  readonly #stamp: Uint32Array;
  readonly #startMs: number;
  readonly #measureMs: number;
  readonly #errors: Record<string, number> = {};
  readonly #idle: Slot[] = [];
  #endMs: number;
  #nextChoice = 0;
  #lastSerial = 0;
  #made = 0;
  #outstanding = 0;
  #reads = 0;
  #writes = 0;
  #failures = 0;
  #isOver = false;
  #finish: () => void = () => {};
  #pace: Timer | undefined;
  #progress: Timer | undefined;

  constructor(options: LoadOptions) {
    check(options);
    const { keys = 10_000, keyPrefix = 'key', valueBytes = 100, loadId = 1 } = options;
    this.#options = options;
    this.store = options.store;
    this.clock = options.clock ?? systemClock;
    this.ledger = emptyLedger(loadId, keyPrefix, keys);
    this.keyNames = Array.from({ length: keys }, (_, key) => `${keyPrefix}${key}`);
    const memory = new ArrayBuffer(Math.ceil(valueBytes / 4) * 4);
    this.value = new Uint8Array(memory, 0, valueBytes).fill(0x61);
    this.#stamp = new Uint32Array(memory, 0, stampBytes / 4);
    this.#choices = draw(options.prng, keys, options.readRatio ?? 0);
    this.#startMs = this.clock.nowMs();
    this.#measureMs = this.#startMs + (options.warmupSeconds ?? 1) * 1_000;
    this.#endMs = this.#measureMs + options.seconds * 1_000;
  }

  async run(): Promise<LoadReport> {
    const { outstanding = 1_024, rate, signal } = this.#options;
    const stop = (): void => this.#stop();
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    signal?.addEventListener('abort', stop, { once: true });
    for (let count = 0; count < outstanding; count += 1) this.#idle.push(new Slot(this));
    if (signal?.aborted) this.#stop();
    this.#report();
    if (rate === undefined)
      for (const slot of this.#idle.splice(0)) this.#next(slot, this.#startMs);
    else this.#keepPace(rate);
    await finished;
    signal?.removeEventListener('abort', stop);
    return {
      operations: this.#reads + this.#writes,
      reads: this.#reads,
      writes: this.#writes,
      seconds: Math.max(0, this.#endMs - this.#measureMs) / 1_000,
      latencies: this.#latencies,
      errors: this.#errors,
      ledger: this.ledger,
    };
  }

  /** A call has succeeded. */
  done(slot: Slot, isRead: boolean): void {
    const nowMs = this.clock.nowMs();
    if (nowMs >= this.#measureMs && nowMs < this.#endMs) {
      countLatency(this.#latencies, nowMs - slot.startMs);
      this.#options.onDone?.(slot.startMs, nowMs);
      if (isRead) this.#reads += 1;
      else this.#writes += 1;
    }
    this.#outstanding -= 1;
    this.#goOn(slot, nowMs);
  }

  failed(slot: Slot, error: unknown): void {
    const code = isRaftError(error) ? error.code : 'unexpected';
    const outcome = isRaftError(error) ? (error.details.outcome ?? 'unknown') : 'unknown';
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
    this.#failures += 1;
    if (!slot.isRead) this.ledger[outcome].push(slot.key, slot.serial);
    if (code === 'RAFT_STOPPED') this.#stop();
    // A call that is refused at once must not keep the event loop from everything else.
    setImmediate(() => {
      this.#outstanding -= 1;
      this.#goOn(slot, this.clock.nowMs());
    });
  }

  #goOn(slot: Slot, nowMs: number): void {
    if (nowMs >= this.#endMs) this.#stop();
    if (this.#options.rate === undefined && !this.#isOver) {
      this.#next(slot, nowMs);
      return;
    }
    this.#idle.push(slot);
    if (this.#isOver && this.#outstanding === 0) this.#finish();
  }

  #next(slot: Slot, startMs: number): void {
    const choice = this.#choices[this.#nextChoice] ?? 0;
    this.#nextChoice = (this.#nextChoice + 1) & (choicesCount - 1);
    const key = choice & (choiceIsRead - 1);
    slot.startMs = startMs;
    slot.key = key;
    slot.isRead = choice >= choiceIsRead;
    this.#made += 1;
    this.#outstanding += 1;
    if (!slot.isRead) {
      this.#lastSerial += 1;
      slot.serial = this.#lastSerial;
      // The value is encoded within the call, so one is enough for all.
      writeStamp(this.#stamp, this.ledger.loadId, slot.serial);
    }
    slot.call();
  }

  /** Makes all calls that are due, as far as slots are free; the others are late then. */
  #keepPace(rate: number): void {
    if (this.#isOver) return;
    const nowMs = this.clock.nowMs();
    if (nowMs >= this.#endMs) {
      this.#stop();
      return;
    }
    const due = Math.floor(((nowMs - this.#startMs) * rate) / 1_000);
    while (this.#made < due) {
      const slot = this.#idle.pop();
      if (slot === undefined) break;
      const plannedMs = this.#startMs + (this.#made * 1_000) / rate;
      this.#next(slot, Math.min(nowMs, plannedMs + paceSlackMs));
    }
    this.#pace = this.clock.setTimer(paceMs, () => this.#keepPace(rate));
  }

  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endMs = Math.min(this.#endMs, this.clock.nowMs());
    this.#pace?.[Symbol.dispose]();
    this.#progress?.[Symbol.dispose]();
    if (this.#outstanding === 0) this.#finish();
  }

  #report(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined || this.#isOver) return;
    this.#progress = this.clock.setTimer(progressMs, () => {
      onProgress({
        elapsedSeconds: (this.clock.nowMs() - this.#measureMs) / 1_000,
        operations: this.#reads + this.#writes,
        outstanding: this.#outstanding,
        errors: this.#failures,
      });
      this.#report();
    });
  }
}

/** One call after another. Its callbacks are made once. */
class Slot {
  startMs = 0;
  key = 0;
  serial = 0;
  isRead = false;
  readonly #load: Load;
  readonly #written: (result: SetResult) => void;
  readonly #read: () => void;
  readonly #failed: (error: unknown) => void;

  constructor(load: Load) {
    this.#load = load;
    this.#written = ({ index }) => {
      acknowledge(load.ledger, this.key, this.serial, index);
      load.done(this, false);
    };
    this.#read = () => load.done(this, true);
    this.#failed = (error) => load.failed(this, error);
  }

  call(): void {
    const { store, keyNames, value } = this.#load;
    const name = keyNames[this.key] ?? '';
    if (this.isRead) store.get(name).then(this.#read, this.#failed);
    else store.set(name, value).then(this.#written, this.#failed);
  }
}

/** Keys, with the highest bit set where the call is a read. */
function draw(prng: Prng, keys: number, readRatio: number): Uint32Array {
  return Uint32Array.from({ length: choicesCount }, () => {
    const key = prng.int(0, keys - 1);
    return prng.chance(readRatio) ? key + choiceIsRead : key;
  });
}

function check(options: LoadOptions): void {
  const { seconds, warmupSeconds = 1, outstanding = 1_024, rate = 1 } = options;
  const { valueBytes = 100, keys = 10_000, readRatio = 0, loadId = 1 } = options;
  demand('seconds', seconds, seconds > 0 && seconds < Infinity, 'a number > 0');
  demand('warmupSeconds', warmupSeconds, warmupSeconds >= 0, 'a number >= 0');
  demand('rate', rate, rate > 0 && rate < Infinity, 'a number > 0');
  demand('readRatio', readRatio, readRatio >= 0 && readRatio <= 1, 'a number from 0 to 1');
  demandWhole('outstanding', outstanding, 1, 2 ** 20);
  demandWhole('valueBytes', valueBytes, stampBytes, 2 ** 24);
  demandWhole('keys', keys, 1, 2 ** 24);
  demandWhole('loadId', loadId, 0, 2 ** 32 - 1);
}

function demandWhole(option: string, value: number, min: number, max: number): void {
  const isValid = Number.isSafeInteger(value) && value >= min && value <= max;
  demand(option, value, isValid, `a whole number from ${min} to ${max}`);
}

function demand(option: string, value: number, isValid: boolean, expected: string): void {
  if (isValid) return;
  throw new RaftError('RAFT_INVALID_OPTION', `${option} is ${value}; expected ${expected}`, {
    details: { option },
  });
}
