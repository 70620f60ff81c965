/**
 * How long until a cluster that was closed serves again, and how much disk does a long run take?
 *
 * Keys are written over and over with everything durable; then the cluster is closed and opened
 * again, some times, until it answers a linearizable read. In the end each key must have the value
 * that was acknowledged last.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../src/clock.js';
import { type Cluster, createCluster } from '../src/cluster/cluster.js';
import { RaftError } from '../src/errors.js';
import { ScratchDirectory } from './scratch-directory.js';
import { type Spread, spreadOf } from './spread.js';

export interface RestartOptions {
  readonly keys: number;
  /** Writes in all, at least one for each key. */
  readonly writes: number;
  readonly valueBytes: number;
  readonly outstanding: number;
  /** How often the cluster is closed and opened again. */
  readonly restarts: number;
  /** Where a new directory is made, and removed at the end. */
  readonly dataDir: string;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

export interface RestartResult {
  readonly fileSystem: string;
  readonly writesPerSecond: number;
  /** Of the fullest directory of a node: the most that was seen, and after the first close. */
  readonly directoryBytesMost: number;
  readonly directoryBytes: number;
  /** Ms from the call of `createCluster` until it resolves, and until a read is answered. */
  readonly openedMs: readonly number[];
  readonly servedMs: readonly number[];
  readonly servedMsSpread: Spread;
  /** CPU time of the whole process in ms until then; it says more on a machine that is shared. */
  readonly cpuMs: readonly number[];
  readonly closedMs: readonly number[];
}

export async function measureRestart(options: RestartOptions): Promise<RestartResult> {
  using directory = new ScratchDirectory(options.dataDir);
  const run = new Run(options, directory.path);
  const { writesPerSecond, directoryBytesMost } = await run.write();
  const directoryBytes = run.directoryBytes();
  for (let restart = 0; restart < options.restarts; restart += 1) {
    await run.restart();
    options.signal.throwIfAborted();
  }
  const { openedMs, servedMs, cpuMs, closedMs } = run;
  return {
    fileSystem: directory.fileSystem,
    writesPerSecond,
    directoryBytesMost: Math.max(directoryBytesMost, directoryBytes),
    directoryBytes,
    openedMs,
    servedMs,
    servedMsSpread: spreadOf(servedMs),
    cpuMs,
    closedMs,
  };
}

/** How many writes may pass between two looks at the directories. */
const lookEvery = 10_000;
/** Keys that one read asks for. */
const readMax = 500;

class Run {
  readonly openedMs: number[] = [];
  readonly servedMs: number[] = [];
  readonly cpuMs: number[] = [];
  readonly closedMs: number[] = [];
  readonly #options: RestartOptions;
  readonly #dataDir: string;
  /** The number of the last write of each key. */
  readonly #last: Float64Array;

  constructor(options: RestartOptions, dataDir: string) {
    this.#options = options;
    this.#dataDir = dataDir;
    this.#last = new Float64Array(options.keys);
  }

  async write(): Promise<{ writesPerSecond: number; directoryBytesMost: number }> {
    const { keys, writes, outstanding, signal, onProgress } = this.#options;
    await using cluster = await this.#open();
    const beganMs = systemClock.nowMs();
    const writers = Math.min(outstanding, keys);
    let done = 0;
    let directoryBytesMost = 0;
    const set = async (number: number): Promise<void> => {
      await cluster.set(keyOf(number % keys), this.#valueOf(number));
      this.#last[number % keys] = number;
      done += 1;
      if (done % lookEvery !== 0 && done !== writes) return;
      directoryBytesMost = Math.max(directoryBytesMost, this.directoryBytes());
      onProgress?.(done);
    };
    // Each key has one writer, or two writes of it could overtake each other.
    const writer = async (_: unknown, own: number): Promise<void> => {
      for (let first = 0; first < writes; first += keys) {
        for (let place = own; place < keys && first + place < writes; place += writers) {
          if (signal.aborted) return;
          await set(first + place);
        }
      }
    };
    await Promise.all(Array.from({ length: writers }, writer));
    signal.throwIfAborted();
    const seconds = (systemClock.nowMs() - beganMs) / 1_000;
    return { writesPerSecond: Math.round(writes / seconds), directoryBytesMost };
  }

  /** Opens the cluster, waits until it serves, checks every key, and closes it. */
  async restart(): Promise<void> {
    const beganMs = systemClock.nowMs();
    const cpuAtStart = process.cpuUsage();
    const cluster = await this.#open();
    try {
      this.openedMs.push(since(beganMs));
      await cluster.get(keyOf(0));
      this.servedMs.push(since(beganMs));
      const { user, system } = process.cpuUsage(cpuAtStart);
      this.cpuMs.push(Math.round((user + system) / 1_000));
      await this.#check(cluster);
    } finally {
      const closingMs = systemClock.nowMs();
      await cluster.close();
      this.closedMs.push(since(closingMs));
    }
  }

  /** Of the fullest directory of a node. */
  directoryBytes(): number {
    const bytesOf = (node: string): number =>
      readdirSync(join(this.#dataDir, node)).reduce((sum, name) => {
        const file = statSync(join(this.#dataDir, node, name), { throwIfNoEntry: false });
        return sum + (file?.size ?? 0);
      }, 0);
    const nodes = readdirSync(this.#dataDir);
    return Math.max(...nodes.map(bytesOf));
  }

  #open(): Promise<Cluster> {
    const { seed } = this.#options;
    const requestTimeoutMs = 60_000;
    const options = { dataDir: this.#dataDir, requestTimeoutMs, startTimeoutMs: 60_000 };
    return createCluster({ ...options, ...(seed === undefined ? {} : { seed }) });
  }

  #valueOf(number: number): string {
    return String(number).padEnd(this.#options.valueBytes, '.');
  }

  async #check(cluster: Cluster): Promise<void> {
    const { keys } = this.#options;
    for (let from = 0; from < keys; from += readMax) {
      const places = Array.from({ length: Math.min(readMax, keys - from) }, (_, at) => from + at);
      const values = await cluster.getMany(places.map(keyOf));
      for (const [at, place] of places.entries()) {
        const number = this.#last[place] ?? 0;
        if (values[at] === this.#valueOf(number)) continue;
        throw new RaftError(
          'RAFT_BROKEN_INVARIANT',
          `write ${number} was acknowledged and is lost`,
        );
      }
    }
  }
}

function keyOf(place: number): string {
  return `key ${place}`;
}

function since(ms: number): number {
  return Math.round(10 * (systemClock.nowMs() - ms)) / 10;
}
