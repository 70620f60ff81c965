/**
 * For how long does a snapshot hold up a node that serves, and what do its clients notice?
 *
 * A cluster on threads has many keys and a steady load. Its nodes save their states when that is
 * due, and look meanwhile at how long each of their turns takes. Calls that met a node that was
 * saving are told apart from those that met none.
 */
import { setTimeout } from 'node:timers/promises';
import type { Cluster } from '../src/cluster/cluster.js';
import { RaftError } from '../src/errors.js';
import { Prng } from '../src/prng.js';
import type { Longest, SavedStretch, TurnReport, TurnTimes } from '../src/replica/turn-watch.js';
import { runLoad } from '../src/store/load.js';
import {
  countLatency,
  emptyLatencies,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import type { DiskFigures } from './disk.js';
import { counted } from './figures.js';
import { fill } from './filling.js';
import { Phases } from './phases.js';
import { type SteadyOptions, Subject } from './subject.js';
import { judge, type Verdict } from './verdict.js';

/** One kind of time: while a state is saved, or otherwise. */
export interface SnapshotSide extends TurnTimes {
  /** Writes that were answered, and what they took. */
  readonly writes: number;
  readonly latencyMicros: LatencyMicros;
}

export interface LiveSnapshotResult {
  /** States that were saved, over all nodes, and the mean time that one took if one was. */
  readonly snapshots: number;
  readonly snapshotMs?: number;
  /** Of the nodes' turns, the longest counts. */
  readonly saving: SnapshotSide;
  readonly otherwise: SnapshotSide;
  readonly disk?: DiskFigures;
  readonly verified: Verdict;
  readonly elections: number;
  readonly seed: number;
}

/** A node saves a large state when a quarter of its log is new: with this one, twice as often. */
const logBytesMax = 2 ** 27;
/** And a small one soon, too. */
const checkpointBytes = 2 ** 20;
const outstandingMax = 16_384;
const warmupSeconds = 2;

export async function measureLiveSnapshot(options: SteadyOptions): Promise<LiveSnapshotResult> {
  const { keys, valueBytes, rate, seconds, onPhase = () => {} } = options;
  using phases = new Phases(seconds + warmupSeconds + keys / 50_000, onPhase);
  const size = options.nodes;
  await using subject = await Subject.open({
    ...options,
    size,
    cluster: { logBytesMax, checkpointBytes },
  });
  const { cluster, disk, signal } = subject;
  const { seed } = cluster.options;
  phases.begin(`writing ${counted(keys, 'key')}`);
  await fill(cluster, { keys, valueBytes, signal, isEnough: (writes) => writes >= keys });
  phases.begin('saving states under load');
  const calls = new Calls();
  const load = runLoad({
    ...{ store: cluster, keys, valueBytes, rate, seconds, warmupSeconds, signal },
    outstanding: outstandingMax,
    prng: new Prng(seed).fork('load'),
    onDone: (startMs, endMs) => calls.note(startMs, endMs),
  });
  const warm = setTimeout(warmupSeconds * 1_000, undefined, { signal });
  await Promise.race([warm, load]).catch(() => signal.throwIfAborted());
  await reportsOf(cluster);
  const { ledger } = await load;
  signal.throwIfAborted();
  const reports = await reportsOf(cluster);
  phases.begin('reading everything back');
  const verified = await judge(cluster, [ledger], signal);
  const saved = reports.flatMap((report) => report.saved);
  const ongoing = reports.flatMap(({ savingSinceMs: beganMs }) =>
    beganMs === undefined ? [] : { beganMs, endedMs: Number.POSITIVE_INFINITY },
  );
  if (saved.length + ongoing.length === 0) throw noSnapshot(seconds);
  const sides = calls.apart([...saved, ...ongoing]);
  return {
    snapshots: saved.length,
    ...(saved.length === 0 ? {} : { snapshotMs: meanMs(saved) }),
    saving: { ...join(reports.map(({ saving }) => saving)), ...sides.saving },
    otherwise: { ...join(reports.map(({ otherwise }) => otherwise)), ...sides.otherwise },
    ...(disk === undefined ? {} : { disk }),
    verified,
    elections: (await cluster.metrics()).elections,
    seed,
  };
}

function meanMs(stretches: readonly SavedStretch[]): number {
  return stretches.reduce((sum, one) => sum + one.endedMs - one.beganMs, 0) / stretches.length;
}

/** What each node was busy with since the last call. */
function reportsOf(cluster: Cluster): Promise<TurnReport[]> {
  return Promise.all(cluster.nodes.map((node) => cluster.turns(node)));
}

function noSnapshot(seconds: number): RaftError {
  const text = `--seconds is '${seconds}'; no state was saved in that time, expected more`;
  return new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--seconds' } });
}

/** That of all nodes: the longest of any of them. */
function join(all: readonly TurnTimes[]): TurnTimes {
  const most = (of: (times: TurnTimes) => number): number => Math.max(...all.map(of));
  const sum = (of: (times: TurnTimes) => number): number =>
    all.reduce((total, times) => total + of(times), 0);
  const own = all.flatMap((times) => times.own ?? []);
  return {
    turns: sum(({ turns }) => turns),
    ...longestOf(all),
    ...(own.length === 0 ? {} : { own: longestOf(own) }),
    loopDelayMs: {
      p99: most(({ loopDelayMs }) => loopDelayMs.p99),
      p999: most(({ loopDelayMs }) => loopDelayMs.p999),
      max: most(({ loopDelayMs }) => loopDelayMs.max),
    },
  };
}

function longestOf(all: readonly Longest[]): Longest {
  return {
    longestMs: Math.max(...all.map(({ longestMs }) => longestMs)),
    longTurns: all.reduce((total, { longTurns }) => total + longTurns, 0),
  };
}

/** When each call began and ended. */
class Calls {
  readonly #startMs: number[] = [];
  readonly #endMs: number[] = [];

  note(startMs: number, endMs: number): void {
    this.#startMs.push(startMs);
    this.#endMs.push(endMs);
  }

  /** Those that were under way at some time within one of the stretches, and the others. */
  apart(stretches: readonly SavedStretch[]): {
    readonly saving: Pick<SnapshotSide, 'writes' | 'latencyMicros'>;
    readonly otherwise: Pick<SnapshotSide, 'writes' | 'latencyMicros'>;
  } {
    const counts = { saving: emptyLatencies(), otherwise: emptyLatencies() };
    const writes = { saving: 0, otherwise: 0 };
    for (const [at, startMs] of this.#startMs.entries()) {
      const endMs = this.#endMs[at] ?? startMs;
      const met = stretches.some((one) => startMs <= one.endedMs && endMs >= one.beganMs);
      const side = met ? 'saving' : 'otherwise';
      writes[side] += 1;
      countLatency(counts[side], endMs - startMs);
    }
    const sideOf = (side: 'saving' | 'otherwise') => ({
      writes: writes[side],
      latencyMicros: summarizeLatencies([counts[side]]),
    });
    return { saving: sideOf('saving'), otherwise: sideOf('otherwise') };
  }
}
