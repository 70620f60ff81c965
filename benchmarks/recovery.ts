/**
 * How long does a node take to come back from a long log, and what bounds it?
 *
 * One node writes until its directory has the size that is asked for, without ever saving its
 * state, and its thread is ended. Then the cluster is opened again, some times, until it answers a
 * linearizable read; its state must be the one from before. The same steps are done once more on
 * this thread, one after the other, to see what each of them costs. All of it twice: with the files
 * in the cache of the operating system, and, where that can be had, from the disk.
 */
import { execFile } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../src/clock.js';
import { type Cluster, createCluster } from '../src/cluster/cluster.js';
import { RaftError } from '../src/errors.js';
import { mebibytes } from './figures.js';
import { fill } from './filling.js';
import type { OnPhase } from './phases.js';
import { measureSteps, type RecoverySteps } from './recovery-steps.js';
import { ScratchDirectory } from './scratch-directory.js';
import { type Spread, spreadOf } from './spread.js';

export interface RecoveryOptions {
  /** Of all files of the node's log, at least; up to 1 GiB. */
  readonly bytes: number;
  readonly keys: number;
  readonly valueBytes: number;
  /** How often the cluster is opened, with and without a cache. */
  readonly recoveries: number;
  /** Where a new directory is made, and removed at the end. */
  readonly dataDir: string;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  readonly onPhase?: OnPhase;
}

/** `cold`: from the disk. `warm`: the operating system has the files in its cache. */
export type CacheState = 'cold' | 'warm';

export interface RecoveryCase {
  readonly cache: CacheState;
  /** Ms from the call of `createCluster` until a read is answered; one for each time. */
  readonly servedMs: readonly number[];
  readonly servedMsSpread: Spread;
  /** CPU time of the whole process in ms until then. */
  readonly cpuMs: readonly number[];
  /** What the same costs on one thread. */
  readonly steps: RecoverySteps;
}

export interface RecoveryResult {
  readonly fileSystem: string;
  /** Of the segments of the log. */
  readonly logBytes: number;
  readonly entries: number;
  /** Sets in these entries. */
  readonly writes: number;
  /** Without `cold` where the cache cannot be emptied. */
  readonly cases: readonly RecoveryCase[];
  readonly seed: number;
}

/** So much more than the log may be on the disk: the segment made in advance, and some. */
const spareBytes = 2 ** 26;
/**
 * A log of this length is never saved by itself: nothing is due below half of it. Small entries, or
 * the room that they leave at the ends of segments would count as much as another half.
 */
const longest = { logBytesMax: 2 ** 31, checkpointBytes: 2 ** 30, entryBytesMax: 2 ** 16 } as const;
const callBytes = 2 ** 15;
const nodeId = 'n1';
/** Of the log: not the segment that is made in advance, which comes and goes. */
const segmentName = /^\d+\.wal$/;

export async function measureRecovery(options: RecoveryOptions): Promise<RecoveryResult> {
  using directory = new ScratchDirectory(options.dataDir);
  assertRoom(directory.path, options);
  const run = new Run(options, directory.path);
  const written = await run.write();
  const states: readonly CacheState[] = (await run.forget()) ? ['cold', 'warm'] : ['warm'];
  const cases: RecoveryCase[] = [];
  for (const [at, cache] of states.entries()) {
    cases.push(await run.recover(cache, (share) => (at + share) / states.length));
  }
  const { fileSystem } = directory;
  return { fileSystem, ...written, logBytes: run.logBytes(), cases, seed: run.seed };
}

/** Throws `RAFT_INVALID_OPTION` if the disk has no room for the log. */
function assertRoom(path: string, { bytes, dataDir }: RecoveryOptions): void {
  const { bavail, bsize } = statfsSync(path);
  const needed = bytes + spareBytes;
  if (bavail * bsize >= needed) return;
  const found = `--data-dir is '${dataDir}', where ${mebibytes(bavail * bsize)} are free`;
  const text = `${found}; expected ${mebibytes(needed)} at least`;
  throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--data-dir' } });
}

class Run {
  readonly #options: RecoveryOptions;
  readonly #dataDir: string;
  #seed: number | undefined;
  /** Of the state when the log was written. */
  #digest = '';

  constructor(options: RecoveryOptions, dataDir: string) {
    this.#options = options;
    this.#dataDir = dataDir;
    this.#seed = options.seed;
  }

  get seed(): number {
    return this.#seed ?? 0;
  }

  /** Writes the log, and ends the node before it can save its state. */
  async write(): Promise<{ entries: number; writes: number }> {
    const { bytes, keys, valueBytes, signal, onPhase } = this.#options;
    await using cluster = await this.#open();
    const share = (): number => this.logBytes() / bytes;
    const writes = await fill(cluster, {
      ...{ keys, valueBytes, callBytes, signal },
      isEnough: () => share() >= 1,
      onWritten: () => onPhase?.(0.3 * share(), 'writing the log'),
    });
    const { lastApplied, digest } = await cluster.inspect(nodeId);
    this.#assertNothingSaved();
    this.#digest = digest;
    await cluster.crash(nodeId, { restart: false });
    return { entries: lastApplied, writes };
  }

  async recover(cache: CacheState, shareOf: (done: number) => number): Promise<RecoveryCase> {
    const { recoveries, signal, onPhase } = this.#options;
    const servedMs: number[] = [];
    const cpuMs: number[] = [];
    const tell = (done: number): void =>
      onPhase?.(0.3 + 0.7 * shareOf(done / (recoveries + 1)), `recovering, ${cache} cache`);
    for (let at = 0; at < recoveries; at += 1) {
      tell(at);
      if (cache === 'cold') await this.forget();
      const recovered = await this.#recoverOnce();
      servedMs.push(recovered.servedMs);
      cpuMs.push(recovered.cpuMs);
    }
    tell(recoveries);
    if (cache === 'cold') await this.forget();
    const steps = await measureSteps(join(this.#dataDir, nodeId), {
      logBytesMax: longest.logBytesMax,
      signal,
    });
    return { cache, servedMs, servedMsSpread: spreadOf(servedMs), cpuMs, steps };
  }

  /** Has the operating system forget what it has of the files; false where that cannot be had. */
  async forget(): Promise<boolean> {
    for (const name of this.#files()) {
      const path = join(this.#dataDir, nodeId, name);
      // Only what is on the disk can be forgotten.
      const file = openSync(path, 'r+');
      fsyncSync(file);
      closeSync(file);
      try {
        await promisify(execFile)('dd', [`if=${path}`, 'iflag=nocache', 'count=0']);
      } catch {
        return false;
      }
    }
    return true;
  }

  logBytes(): number {
    return this.#files().reduce((sum, name) => {
      const file = statSync(join(this.#dataDir, nodeId, name), { throwIfNoEntry: false });
      return sum + (file?.size ?? 0);
    }, 0);
  }

  async #recoverOnce(): Promise<{ servedMs: number; cpuMs: number }> {
    const beganMs = systemClock.nowMs();
    const cpuAtStart = process.cpuUsage();
    await using cluster = await this.#open();
    await cluster.get('key0');
    const servedMs = Math.round(systemClock.nowMs() - beganMs);
    const { user, system } = process.cpuUsage(cpuAtStart);
    const { digest } = await cluster.inspect(nodeId);
    if (digest !== this.#digest) {
      throw new RaftError('RAFT_BROKEN_INVARIANT', 'the state that came back is another one');
    }
    // A node that closes saves its state, and the next start would have nothing to apply.
    await cluster.crash(nodeId, { restart: false });
    this.#assertNothingSaved();
    this.#options.signal.throwIfAborted();
    return { servedMs, cpuMs: Math.round((user + system) / 1_000) };
  }

  /** Or it would be something else that is measured. */
  #assertNothingSaved(): void {
    const names = readdirSync(join(this.#dataDir, nodeId));
    if (!names.some((name) => name.includes('.snapshot'))) return;
    throw new RaftError('RAFT_BROKEN_INVARIANT', 'the node has saved its state by itself');
  }

  #files(): string[] {
    return readdirSync(join(this.#dataDir, nodeId)).filter((name) => segmentName.test(name));
  }

  async #open(): Promise<Cluster> {
    const patience = { requestTimeoutMs: 600_000, startTimeoutMs: 600_000 };
    const cluster = await createCluster({
      ...{ nodes: [nodeId], dataDir: this.#dataDir, syncPolicy: 'none', ...longest, ...patience },
      ...(this.#seed === undefined ? {} : { seed: this.#seed }),
    });
    this.#seed = cluster.options.seed;
    return cluster;
  }
}
