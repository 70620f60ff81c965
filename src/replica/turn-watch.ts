/**
 * How long a node does nothing else: the length of its turns and how late its event loop is, apart
 * for the time in which it saves its state.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

export interface Longest {
  readonly longestMs: number;
  /** Turns that took longer than 10 ms. */
  readonly longTurns: number;
}

/** What was seen of one kind of time. Times in ms. */
export interface TurnTimes extends Longest {
  readonly turns: number;
  /**
   * The same without the time in which the thread could have run, and others had the CPUs: what
   * another machine would not mend. Linux has it; elsewhere it is absent.
   */
  readonly own?: Longest;
  /**
   * How late a timer of 1 ms was, in the thread of the node: what else than a turn holds up the
   * loop is in it, the operating system too.
   */
  readonly loopDelayMs: { readonly p99: number; readonly p999: number; readonly max: number };
}

/** A stretch in which the state was saved. In ms of the clock of the process. */
export interface SavedStretch {
  readonly beganMs: number;
  readonly endedMs: number;
}

/** What a node was busy with since it was asked last. Structured-cloneable. */
export interface TurnReport {
  readonly saving: TurnTimes;
  readonly otherwise: TurnTimes;
  /** Those that have ended, oldest first. */
  readonly saved: readonly SavedStretch[];
  /** When that began which goes on, if one does. */
  readonly savingSinceMs?: number;
}

const longMs = 10;
/** Nobody who looks from time to time sees more. */
const stretchesMax = 1_000;
const resolutionMs = 1;
const nanosPerMs = 1e6;

class Maximum {
  longestMs = 0;
  longTurns = 0;

  note(ms: number): void {
    this.longestMs = Math.max(this.longestMs, ms);
    if (ms > longMs) this.longTurns += 1;
  }

  take(): Longest {
    const { longestMs, longTurns } = this;
    this.longestMs = 0;
    this.longTurns = 0;
    return { longestMs, longTurns };
  }
}

class Times {
  readonly delay: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #all = new Maximum();
  readonly #own = new Maximum();
  #turns = 0;
  #hasOwn = false;

  note(ms: number, waitedMs: number | undefined): void {
    this.#turns += 1;
    this.#all.note(ms);
    if (waitedMs === undefined) return;
    this.#hasOwn = true;
    this.#own.note(ms - waitedMs);
  }

  take(): TurnTimes {
    const { delay } = this;
    const turns = this.#turns;
    const late = (nanos: number): number => Math.max(0, nanos / nanosPerMs - resolutionMs);
    const isEmpty = delay.count === 0;
    const loopDelayMs = {
      p99: isEmpty ? 0 : late(delay.percentile(99)),
      p999: isEmpty ? 0 : late(delay.percentile(99.9)),
      max: isEmpty ? 0 : late(delay.max),
    };
    delay.reset();
    this.#turns = 0;
    const own = this.#own.take();
    return { turns, ...this.#all.take(), ...(this.#hasOwn ? { own } : {}), loopDelayMs };
  }
}

export class TurnWatch implements Disposable {
  readonly #saving = new Times();
  readonly #otherwise = new Times();
  #saved: SavedStretch[] = [];
  #savingSinceMs: number | undefined;
  readonly #cpuWait = new CpuWait();
  #waitedAtStart: number | undefined;

  constructor() {
    this.#otherwise.delay.enable();
  }

  /** A turn begins. */
  begin(): void {
    this.#waitedAtStart = this.#cpuWait.totalMs();
  }

  /** A turn has ended; `isSaving`: the state was being saved before it or is now. */
  note(turn: {
    readonly beganMs: number;
    readonly endedMs: number;
    readonly isSaving: boolean;
  }): void {
    const { beganMs, endedMs, isSaving } = turn;
    const start = this.#waitedAtStart;
    const waitedMs = start === undefined ? undefined : (this.#cpuWait.totalMs() ?? start) - start;
    (isSaving ? this.#saving : this.#otherwise).note(endedMs - beganMs, waitedMs);
    if (isSaving === (this.#savingSinceMs !== undefined)) return;
    if (isSaving) this.#begin(beganMs);
    else this.#end(beganMs);
  }

  /** What was seen since the last call. */
  take(): TurnReport {
    const saved = this.#saved;
    this.#saved = [];
    const since = this.#savingSinceMs;
    const ongoing = since === undefined ? {} : { savingSinceMs: since };
    return { saving: this.#saving.take(), otherwise: this.#otherwise.take(), saved, ...ongoing };
  }

  [Symbol.dispose](): void {
    this.#saving.delay.disable();
    this.#otherwise.delay.disable();
    this.#cpuWait[Symbol.dispose]();
  }

  #begin(beganMs: number): void {
    this.#savingSinceMs = beganMs;
    this.#otherwise.delay.disable();
    this.#saving.delay.enable();
  }

  #end(endedMs: number): void {
    const beganMs = this.#savingSinceMs ?? endedMs;
    this.#savingSinceMs = undefined;
    if (this.#saved.length < stretchesMax) this.#saved.push({ beganMs, endedMs });
    this.#saving.delay.disable();
    this.#otherwise.delay.enable();
  }
}

/** How long this thread has waited for a CPU in its life, as Linux counts it. */
class CpuWait implements Disposable {
  readonly #file: number | undefined = openOrNot('/proc/thread-self/schedstat');
  readonly #text = Buffer.alloc(128);

  /** In ms; `undefined` where nobody counts it. */
  totalMs(): number | undefined {
    if (this.#file === undefined) return undefined;
    const byteLength = readSync(this.#file, this.#text, 0, this.#text.length, 0);
    const [, waitedNanos] = this.#text.toString('latin1', 0, byteLength).split(' ');
    return Number(waitedNanos) / nanosPerMs;
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

function openOrNot(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
