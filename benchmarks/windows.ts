/** Measures windows of load, and what they cost the process. */
import { systemClock } from '../src/clock.js';
import type { LoadReport } from '../src/store/load.js';
import {
  type LatencyCounts,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import type { Ledger } from '../src/store/load-ledger.js';
import type { Clients, Window } from './clients.js';

/** What several windows of the same load came to. */
export interface WindowsSummary {
  readonly opsPerSecond: number;
  readonly latencyMicros: LatencyMicros;
  /** CPU time of the whole process, user and system, within the windows. */
  readonly cpuSeconds: number;
  /** Wall-clock time of the windows. */
  readonly seconds: number;
  /** The most memory that was resident, sampled. */
  readonly rssBytes: number;
  /** Resident when the first window began. */
  readonly rssBytesAtStart: number;
  /** Operations a second in each window. */
  readonly windows: readonly number[];
  /** Calls that failed, by code, warm-up included. */
  readonly errors: Readonly<Record<string, number>>;
}

const sampleEveryMs = 100;

/** Collects window after window of one kind of load. */
export class Windows {
  /** What every write came to, warm-up included. */
  readonly ledgers: Ledger[] = [];
  readonly #clients: Clients;
  readonly #latencies: LatencyCounts[] = [];
  readonly #perWindow: number[] = [];
  readonly #errors: Record<string, number> = {};
  #seconds = 0;
  #cpuMicros = 0;
  #rssBytes = 0;
  #rssBytesAtStart = 0;

  constructor(clients: Clients) {
    this.#clients = clients;
  }

  /** Runs a window whose speed does not count; what it wrote does. */
  async warmUp(window: Window): Promise<void> {
    if (window.seconds > 0) this.#note(await this.#clients.run(window));
  }

  async measure(window: Window): Promise<void> {
    if (this.#perWindow.length === 0) this.#rssBytesAtStart = process.memoryUsage.rss();
    const cpuBefore = process.cpuUsage();
    const beganMs = systemClock.nowMs();
    using _sampling = this.#sampleMemory();
    const reports = await this.#clients.run(window);
    const { user, system } = process.cpuUsage(cpuBefore);
    this.#cpuMicros += user + system;
    this.#seconds += (systemClock.nowMs() - beganMs) / 1_000;
    this.#note(reports);
    this.#latencies.push(...reports.map(({ latencies }) => latencies));
    const speeds = reports.map(({ operations, seconds }) => operations / seconds);
    this.#perWindow.push(sum(speeds));
  }

  summary(): WindowsSummary {
    return {
      opsPerSecond: Math.round(sum(this.#perWindow) / this.#perWindow.length),
      latencyMicros: summarizeLatencies(this.#latencies),
      cpuSeconds: rounded(this.#cpuMicros / 1e6),
      seconds: rounded(this.#seconds),
      rssBytes: this.#rssBytes,
      rssBytesAtStart: this.#rssBytesAtStart,
      windows: this.#perWindow.map(Math.round),
      errors: this.#errors,
    };
  }

  #note(reports: readonly LoadReport[]): void {
    for (const { ledger, errors } of reports) {
      this.ledgers.push(ledger);
      for (const [code, count] of Object.entries(errors)) {
        this.#errors[code] = (this.#errors[code] ?? 0) + count;
      }
    }
  }

  #sampleMemory(): Disposable {
    const sample = (): void => {
      this.#rssBytes = Math.max(this.#rssBytes, process.memoryUsage.rss());
    };
    const timer = setInterval(sample, sampleEveryMs);
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
        sample();
      },
    };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
