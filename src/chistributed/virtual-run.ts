/**
 * Virtual time for a script: it passes only while the script waits, and then as fast as the
 * machine can simulate.
 *
 * The runner is ordinary code with promises, so after each thing that it may have waited for it
 * gets a turn of the event loop before anything else happens to the cluster. What it prints
 * follows from the script and the seed alone.
 */
import type { Clock, Timer } from '../clock.js';
import { Stage } from '../sim/stage.js';
import { VirtualTime } from '../sim/virtual-time.js';
import { VirtualTarget } from './virtual-target.js';

export interface VirtualRunOptions {
  /** A whole number from 0 to 2^32 - 1. */
  readonly seed: number;
}

export class VirtualRun {
  /** The clock that the runner waits by. */
  readonly clock: Clock;
  readonly #seed: number;
  readonly #time = new VirtualTime();
  #stage: Stage | undefined;
  #target: VirtualTarget | undefined;
  /** Timers of the runner that are set: it waits for one of them, or for what comes before. */
  #waits = 0;
  #isPumping = false;
  #hasTold = false;

  constructor({ seed }: VirtualRunOptions) {
    this.#seed = seed;
    this.clock = {
      nowMs: () => this.#time.nowMs(),
      setTimer: (delayMs, callback) => this.#wait(delayMs, callback),
    };
  }

  /** Elections won so far. */
  get elections(): number {
    return this.#stage?.invariants.ledger.elections ?? 0;
  }

  /** What broke, in a sentence; `undefined` when nothing did. */
  get violation(): string | undefined {
    const violation = this.#stage?.violation;
    return violation && `${violation.invariant}: ${violation.text}`;
  }

  /** The cluster, none of whose nodes runs yet. Called once. */
  createTarget(nodes: readonly string[]): VirtualTarget {
    const stage = new Stage({ seed: this.#seed, nodes, clients: 1, options, time: this.#time });
    this.#stage = stage;
    this.#target = new VirtualTarget(stage, this.#seed, () => {
      this.#hasTold = true;
    });
    return this.#target;
  }

  #wait(delayMs: number, callback: () => void): Timer {
    let isOver = false;
    const end = (): void => {
      if (!isOver) this.#waits -= 1;
      isOver = true;
    };
    const timer = this.#time.setTimer(delayMs, () => {
      end();
      this.#hasTold = true;
      callback();
    });
    this.#waits += 1;
    this.#wake();
    return {
      [Symbol.dispose]: () => {
        end();
        timer[Symbol.dispose]();
      },
    };
  }

  #wake(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    setImmediate(() => void this.#pump());
  }

  /** Lets time pass until the runner is told something. */
  async #pump(): Promise<void> {
    this.#hasTold = false;
    while (this.#waits > 0 && !this.#hasTold) {
      const isDone = (await this.#stage?.step()) === true;
      // A cluster that broke stands still; the waits of the script end all the same.
      if (!isDone && !this.#time.runNext()) break;
    }
    this.#isPumping = false;
    if (this.#waits > 0) this.#wake();
  }
}

const tickMs = 10;

/** As a script's cluster has them on threads. */
const options = {
  tickMs,
  heartbeatTicks: 50 / tickMs,
  electionTicksMin: 300 / tickMs,
  electionTicksMax: 600 / tickMs,
  preVote: true,
  checkQuorum: true,
  leaseDriftTicks: 2,
  entryBytesMax: 2 ** 18,
  logBytesMax: 2 ** 24,
  checkpointBytes: 2 ** 21,
  inflightEntriesMax: 1024,
  sessionsMax: 1000,
  serialWindowMax: 8192,
  forwardsMax: 65_536,
  requestTimeoutMs: 2_500,
  controlBytes: 2 ** 16,
  bulkBytes: 2 ** 21,
  answerBytes: 2 ** 16,
  latencyMs: { minMs: 0.02, maxMs: 0.1 },
} as const;
