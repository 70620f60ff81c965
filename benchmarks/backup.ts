/**
 * How long do an export and an import of a whole cluster take, and who waits for them?
 *
 *     fill the keys │ for each round: write alone │ export, writing │ change keys │ import, writing
 *
 * One client writes all the time, one write after the other, so that the longest of them tells for
 * how long the cluster stood still. After each import the keys have the values that they had when
 * the file was made.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../src/clock.js';
import type { Cluster } from '../src/cluster/cluster.js';
import { RaftError } from '../src/errors.js';
import {
  countLatency,
  emptyLatencies,
  type LatencyCounts,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import { counted } from './figures.js';
import { fill } from './filling.js';
import { type OnPhase, Phases } from './phases.js';
import { ScratchDirectory } from './scratch-directory.js';
import { type Spread, spreadOf } from './spread.js';
import { type SteadyOptions, Subject } from './subject.js';

export interface BackupOptions extends Pick<SteadyOptions, 'nodes' | 'keys' | 'valueBytes'> {
  /** How often there is an export and an import. */
  readonly rounds: number;
  /** Where a new directory is made for the file, and removed at the end. */
  readonly dataDir: string;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  readonly onPhase?: OnPhase;
}

export interface BackupResult {
  readonly fileBytes: number;
  readonly fileSystem: string;
  readonly exportedMs: Spread;
  readonly importedMs: Spread;
  /** Latencies of the writes meanwhile, over all rounds, and of those with nothing beside them. */
  readonly writes: {
    readonly alone: LatencyMicros;
    readonly exporting: LatencyMicros;
    readonly importing: LatencyMicros;
  };
  readonly seed: number;
}

/** For how long there are only writes, in each round. */
const aloneMs = 1_000;
/** Keys that are read back in one call. */
const readMax = 1_000;
/** Keys that are changed before each import. */
const changedMax = 1_000;
/** The state that is and the one that comes have to have room in it. */
const snapshotBytesMax = 2 ** 30;
/** Longer than any of the two takes. */
const timeoutMs = 600_000;
/** What the writes go to meanwhile. */
const meanwhileKeys = 100;

export async function measureBackup(options: BackupOptions): Promise<BackupResult> {
  const { nodes, rounds, keys, onPhase = () => {} } = options;
  // As far as one can know: 10 us a key for either of the two.
  using phases = new Phases(1 + rounds * (aloneMs / 1_000 + keys * 2e-5), onPhase);
  phases.begin('starting a cluster');
  using directory = new ScratchDirectory(options.dataDir);
  await using subject = await Subject.open({
    ...options,
    size: nodes,
    cluster: { snapshotBytesMax },
  });
  const run = new Run(options, subject.cluster, join(directory.path, 'backup'));
  phases.begin(`writing ${counted(keys, 'key')}`);
  const { valueBytes, signal } = options;
  await fill(subject.cluster, {
    ...{ keys, valueBytes, signal },
    isEnough: (writes) => writes >= keys,
  });
  for (let round = 0; round < rounds; round += 1) await run.measure(phases);
  return { ...run.result(), fileSystem: directory.fileSystem };
}

class Run {
  readonly #options: BackupOptions;
  readonly #cluster: Cluster;
  readonly #file: string;
  readonly #exportedMs: number[] = [];
  readonly #importedMs: number[] = [];
  readonly #alone = emptyLatencies();
  readonly #exporting = emptyLatencies();
  readonly #importing = emptyLatencies();

  constructor(options: BackupOptions, cluster: Cluster, file: string) {
    this.#options = options;
    this.#cluster = cluster;
    this.#file = file;
  }

  async measure(phases: Phases): Promise<void> {
    const { signal, keys } = this.#options;
    phases.begin('writing alone');
    await this.#writeDuring(wait(aloneMs, undefined, { signal }), this.#alone);
    phases.begin('exporting');
    this.#exportedMs.push(
      await this.#writeDuring(
        this.#cluster.exportSnapshot(this.#file, { timeoutMs, signal }),
        this.#exporting,
      ),
    );
    const changed = namesFrom(0, Math.min(keys, changedMax));
    await this.#cluster.setMany(changed.map((name) => [name, 'changed']));
    phases.begin('importing');
    this.#importedMs.push(
      await this.#writeDuring(
        this.#cluster.importSnapshot(this.#file, { timeoutMs, signal }),
        this.#importing,
      ),
    );
    await this.#check();
  }

  result(): Omit<BackupResult, 'fileSystem'> {
    return {
      fileBytes: statSync(this.#file).size,
      exportedMs: spreadOf(this.#exportedMs),
      importedMs: spreadOf(this.#importedMs),
      writes: {
        alone: summarizeLatencies([this.#alone]),
        exporting: summarizeLatencies([this.#exporting]),
        importing: summarizeLatencies([this.#importing]),
      },
      seed: this.#cluster.options.seed,
    };
  }

  /** Writes until the work is done; gives how long that took, in ms. */
  async #writeDuring(work: Promise<unknown>, counts: LatencyCounts): Promise<number> {
    const beganMs = systemClock.nowMs();
    let isDone = false;
    const writing = async (): Promise<void> => {
      for (let number = 0; !isDone; number += 1) {
        this.#options.signal.throwIfAborted();
        const sentMs = systemClock.nowMs();
        await this.#cluster.set(`meanwhile ${number % meanwhileKeys}`, number);
        countLatency(counts, systemClock.nowMs() - sentMs);
      }
    };
    const working = async (): Promise<number> => {
      try {
        await work;
        return systemClock.nowMs() - beganMs;
      } finally {
        isDone = true;
      }
    };
    const [tookMs] = await Promise.all([working(), writing()]);
    return tookMs;
  }

  /** Every key has the value that it had when the file was made. */
  async #check(): Promise<void> {
    const { keys, valueBytes, signal } = this.#options;
    for (let first = 0; first < keys; first += readMax) {
      signal.throwIfAborted();
      const names = namesFrom(first, Math.min(readMax, keys - first));
      const values = await this.#cluster.getMany(names);
      const isWhole = (value: unknown): boolean =>
        value instanceof Uint8Array && value.length === valueBytes;
      const wrong = names.find((_, at) => !isWhole(values[at]));
      if (wrong === undefined) continue;
      throw new RaftError('RAFT_BROKEN_INVARIANT', `'${wrong}' is not what was exported`);
    }
  }
}

function namesFrom(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `key${first + at}`);
}
