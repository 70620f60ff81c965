/**
 * How many operations a second, how late, and what does consensus cost?
 *
 * Load on a cluster, alternated in the same run with the same load on the same store on one thread
 * without consensus, so that both meet the same machine in the same mood.
 *
 *     machine │ warm-up │ warm-up │ cluster  one │ cluster  one │ … │ read back, compare
 */
import { createBaseline } from '../src/cluster/baseline.js';
import type { Cluster } from '../src/cluster/cluster.js';
import type { LatencyMicros } from '../src/store/load-latency.js';
import { verifyLoad } from '../src/store/load-ledger.js';
import type { Store } from '../src/store/store.js';
import { type Clients, clientHere, clientsOnThreads, type Workload } from './clients.js';
import type { DiskFigures } from './disk.js';
import { counted } from './figures.js';
import { fill } from './filling.js';
import { measureRing, measureRoundTrip } from './mailbox.js';
import { type OnPhase, Phases } from './phases.js';
import { type DurableOptions, Subject } from './subject.js';
import { judge, type Verdict } from './verdict.js';
import { Windows, type WindowsSummary } from './windows.js';

export interface ThroughputOptions extends Workload {
  /** Nodes, 1 to 9. */
  readonly nodes: number;
  /** Time that is measured, over all windows. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** 1: on this thread. More: each on a thread of its own. */
  readonly clients: number;
  /** Whether to measure the same without consensus, too. */
  readonly baseline: boolean;
  /** Whether to measure what threads and rings can do. */
  readonly machine: boolean;
  /** Default: in memory. */
  readonly durable?: DurableOptions | undefined;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  /** Called several times a second with the share of the time that has gone by. */
  readonly onPhase?: OnPhase;
}

export interface MachineFigures {
  readonly roundTripMicros: number;
  readonly ringMessagesPerSecond: number;
}

export interface BaselineFigures {
  readonly opsPerSecond: number;
  /** Of the cluster's speed to this one. */
  readonly ratio: number;
  readonly latencyMicros: LatencyMicros;
  readonly windows: readonly number[];
}

export interface ThroughputResult extends WindowsSummary {
  readonly baseline?: BaselineFigures;
  readonly machine?: MachineFigures;
  /** Of the disk that the cluster was on. */
  readonly disk?: DiskFigures;
  readonly verified: Verdict;
  /** Elections won, the first one included. */
  readonly elections: number;
  readonly seed: number;
}

/** The windows without consensus are shorter: they only give the measure. */
const baselineShare = 0.5;
/** Alternating more often measures the change more than the thing. */
const windowSecondsMin = 2;
const windowsMax = 4;

/** Measures on a cluster made for it. Rejects with the signal's reason when aborted. */
export async function measureThroughput(options: ThroughputOptions): Promise<ThroughputResult> {
  const plan = planOf(options);
  using phases = new Phases(plan.totalSeconds, options.onPhase ?? (() => {}));
  phases.begin('what threads and rings can do');
  const machine = options.machine ? await measureMachine(plan.machineSeconds) : undefined;
  options.signal.throwIfAborted();

  await using subject = await Subject.open({ ...options, size: options.nodes });
  const { cluster, disk, signal } = subject;
  const { seed } = cluster.options;
  await using clients = openClients(cluster, options);
  await using solo = options.baseline ? await createBaseline({ seed }) : undefined;
  const measured = new Windows(clients);
  const without = solo === undefined ? undefined : new Windows(clientHere(solo.client, options));
  await fillToRead(cluster, options);
  if (solo !== undefined) await fillToRead(solo.client, options);

  const window = (seconds: number): { seconds: number; seed: number; signal: AbortSignal } => ({
    seconds,
    seed,
    signal,
  });
  phases.begin('warming up');
  await measured.warmUp(window(options.warmupSeconds));
  await without?.warmUp(window(options.warmupSeconds * baselineShare));
  for (let at = 0; at < plan.windows; at += 1) {
    phases.begin(`measuring, ${counted(options.nodes, 'node')}`);
    await measured.measure(window(plan.windowSeconds));
    if (without === undefined) continue;
    phases.begin('measuring without consensus');
    await without.measure(window(plan.windowSeconds * baselineShare));
  }
  phases.begin('reading everything back');
  if (solo !== undefined) await assertKept(solo.client, without?.ledgers ?? [], signal);
  const verified = await judge(cluster, measured.ledgers, signal);
  const summary = measured.summary();
  return {
    ...summary,
    ...(without === undefined ? {} : { baseline: baselineOf(summary, without.summary()) }),
    ...(machine === undefined ? {} : { machine }),
    ...(disk === undefined ? {} : { disk }),
    verified,
    elections: (await cluster.metrics()).elections,
    seed,
  };
}

/** Measures on a cluster that is there, from this thread, in one window. */
export async function measureHere(
  cluster: Cluster,
  options: Workload & { seconds: number; warmupSeconds: number; signal: AbortSignal },
): Promise<WindowsSummary & { readonly verified: Verdict }> {
  const { seconds, warmupSeconds, signal } = options;
  const measured = new Windows(clientHere(cluster, options));
  const { seed } = cluster.options;
  await measured.warmUp({ seconds: warmupSeconds, seed, signal });
  await measured.measure({ seconds, seed, signal });
  const verified = await judge(cluster, measured.ledgers, signal);
  return { ...measured.summary(), verified };
}

interface Plan {
  readonly machineSeconds: number;
  readonly windows: number;
  readonly windowSeconds: number;
  /** What all of it takes. */
  readonly totalSeconds: number;
}

function planOf({ seconds, warmupSeconds, baseline, machine }: ThroughputOptions): Plan {
  const count = Math.floor(seconds / windowSecondsMin);
  const windows = baseline ? Math.min(windowsMax, Math.max(1, count)) : 1;
  const machineSeconds = Math.min(0.5, seconds / 4);
  const share = baseline ? 1 + baselineShare : 1;
  const aroundSeconds = machine ? 1 + 2.5 * machineSeconds : 1;
  return {
    machineSeconds,
    windows,
    windowSeconds: seconds / windows,
    totalSeconds: aroundSeconds + (warmupSeconds + seconds) * share,
  };
}

async function measureMachine(seconds: number): Promise<MachineFigures> {
  const { p50Micros } = await measureRoundTrip({ seconds });
  const { messagesPerSecond } = await measureRing({ seconds });
  return { roundTripMicros: p50Micros, ringMessagesPerSecond: messagesPerSecond };
}

function openClients(cluster: Cluster, options: ThroughputOptions): Clients {
  const { clients } = options;
  return clients === 1 ? clientHere(cluster, options) : clientsOnThreads(cluster, options, clients);
}

/** What is read has to be there: a missing key costs less to read. */
async function fillToRead(store: Store, workload: Workload): Promise<void> {
  const { keys, valueBytes, readRatio } = workload;
  if (readRatio === 0) return;
  await fill(store, { keys, valueBytes, isEnough: (writes) => writes >= keys });
}

/** A measure that loses writes is none. */
async function assertKept(
  store: Store,
  ledgers: Windows['ledgers'],
  signal: AbortSignal,
): Promise<void> {
  const { lost, ghosts, samples } = await verifyLoad(store, ledgers, { signal });
  if (lost + ghosts === 0) return;
  throw new Error(`the store without consensus has wrong values at ${samples.join(', ')}`);
}

function baselineOf(measured: WindowsSummary, without: WindowsSummary): BaselineFigures {
  const { opsPerSecond, latencyMicros, windows } = without;
  const ratio = Math.round((measured.opsPerSecond / Math.max(1, opsPerSecond)) * 1_000) / 1_000;
  return { opsPerSecond, ratio, latencyMicros, windows };
}
