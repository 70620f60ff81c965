/**
 * How long does a follower that was away take to catch up, and what do clients notice meanwhile?
 *
 * The thread of a follower is ended, the others take so many writes, and go on taking some at a
 * steady rate. Then the follower is started again. It has caught up when it has applied all that
 * the leader had committed a moment before.
 *
 *     writes without it │ steady load: before │ during │ after
 *                                        restart    level
 */
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../src/clock.js';
import type { Cluster } from '../src/cluster/cluster.js';
import type { NodeStatus } from '../src/cluster/status.js';
import { RaftError } from '../src/errors.js';
import { Prng } from '../src/prng.js';
import type { NodeId } from '../src/raft/index.js';
import { type LoadReport, runLoad } from '../src/store/load.js';
import {
  countLatency,
  emptyLatencies,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import type { DiskFigures } from './disk.js';
import { count } from './figures.js';
import { fill } from './filling.js';
import type { OnPhase } from './phases.js';
import { type SteadyOptions, Subject } from './subject.js';
import { judge, type Verdict } from './verdict.js';

/** Of `seconds` there are as many before, and after. There are 3 nodes at least. */
export interface CatchUpOptions extends SteadyOptions {
  /** Writes while the follower is away. */
  readonly writes: number;
}

export interface StageFigures {
  readonly seconds: number;
  /** Writes that were acknowledged. */
  readonly writes: number;
  readonly latencyMicros: LatencyMicros;
}

const stages = ['before', 'during', 'after'] as const;
type Stage = (typeof stages)[number];

export interface CatchUpResult {
  readonly away: NodeId;
  /** Entries that it lacked when it was started again. */
  readonly entries: number;
  /** Whether the leader still had them all: otherwise the state came as a snapshot. */
  readonly by: 'log' | 'snapshot';
  /** Ms from the call that starts it again until its thread is ready, and until it is level. */
  readonly startedMs: number;
  readonly caughtUpMs: number;
  readonly stages: Readonly<Record<Stage, StageFigures>>;
  /** Writes that failed, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Elections won while it caught up. */
  readonly elections: number;
  readonly disk?: DiskFigures;
  readonly verified: Verdict;
  readonly seed: number;
}

const lookEveryMs = 5;
/** Longer than any run: the load is ended when it has seen enough. */
const endlessSeconds = 86_400;
const warmupMs = 1_000;
const outstandingMax = 16_384;
/** The share of the progress that the writes before are shown as. */
const fillShare = 0.6;

export async function measureCatchUp(options: CatchUpOptions): Promise<CatchUpResult> {
  const { nodes: size, keys, valueBytes, writes, onPhase = () => {} } = options;
  await using subject = await Subject.open({ ...options, size });
  const { cluster, disk, signal } = subject;
  await cluster.set('before', 0, { signal });
  await cluster.waitForConverged({ signal });
  const leader = await cluster.waitForLeader({ signal });
  const away = cluster.nodes.find((id) => id !== leader) ?? leader;
  await cluster.crash(away, { restart: false });
  const tellWritten = (done: number): void =>
    onPhase((fillShare * done) / writes, `${count(done)} writes without ${away}`);
  const isEnough = (done: number): boolean => done >= writes;
  await fill(cluster, { keys, valueBytes, signal, isEnough, onWritten: tellWritten });
  const load = new SteadyLoad(cluster, options, signal);
  try {
    const caughtUp = await catchUp(cluster, { ...options, signal, away, load, onPhase });
    const { ledger, errors } = await load.end();
    onPhase(1, 'reading everything back');
    const verified = await judge(cluster, [ledger], signal);
    const { seed } = cluster.options;
    const figures = { ...caughtUp, stages: load.figures(), errors };
    return { away, ...figures, ...(disk === undefined ? {} : { disk }), verified, seed };
  } finally {
    await load.end();
  }
}

interface CatchUp extends CatchUpOptions {
  readonly away: NodeId;
  readonly load: SteadyLoad;
  readonly onPhase: OnPhase;
}

async function catchUp(
  cluster: Cluster,
  { away, load, seconds, signal, onPhase }: CatchUp,
): Promise<Pick<CatchUpResult, 'entries' | 'by' | 'startedMs' | 'caughtUpMs' | 'elections'>> {
  const pass = (ms: number): Promise<void> => setTimeout(ms, undefined, { signal });
  await pass(warmupMs);
  onPhase(fillShare + 0.1, 'serving without it');
  load.begin('before');
  await pass(1_000 * seconds);
  const { elections: electionsBefore } = await cluster.metrics();
  const lacks = statusOf(cluster, away);
  const leads = statusOf(cluster, await cluster.waitForLeader({ signal }));
  onPhase(fillShare + 0.2, `${away} catches up`);
  load.begin('during');
  const beganMs = systemClock.nowMs();
  await cluster.restart(away);
  const startedMs = systemClock.nowMs() - beganMs;
  await level(cluster, away, signal);
  const caughtUpMs = systemClock.nowMs() - beganMs;
  load.begin('after');
  await pass(1_000 * seconds);
  return {
    entries: leads.commitIndex - lacks.lastLogIndex,
    by: leads.firstLogIndex > lacks.lastLogIndex + 1 ? 'snapshot' : 'log',
    startedMs: Math.round(startedMs),
    caughtUpMs: Math.round(caughtUpMs),
    elections: (await cluster.metrics()).elections - electionsBefore,
  };
}

/** Resolves when the node has applied what anybody had committed at the look before. */
async function level(cluster: Cluster, node: NodeId, signal: AbortSignal): Promise<void> {
  let committed = Number.POSITIVE_INFINITY;
  for (;;) {
    const { nodes } = cluster.status();
    if (statusOf(cluster, node).lastApplied >= committed) return;
    committed = Math.max(...nodes.map(({ commitIndex }) => commitIndex));
    await setTimeout(lookEveryMs, undefined, { signal });
  }
}

function statusOf(cluster: Cluster, id: NodeId): NodeStatus {
  const status = cluster.status().nodes.find((node) => node.id === id);
  if (status !== undefined) return status;
  throw new RaftError('RAFT_UNKNOWN_NODE', `${id} is no node of this cluster`);
}

/** Writes at a steady rate; what a write took belongs to the stage in which it was answered. */
class SteadyLoad {
  readonly #abort = new AbortController();
  readonly #running: Promise<LoadReport>;
  readonly #counts = {
    before: emptyLatencies(),
    during: emptyLatencies(),
    after: emptyLatencies(),
  };
  readonly #writes: Record<Stage, number> = { before: 0, during: 0, after: 0 };
  readonly #beganMs: Partial<Record<Stage | 'end', number>> = {};
  #stage: Stage | undefined;

  constructor(cluster: Cluster, { keys, valueBytes, rate }: CatchUpOptions, signal: AbortSignal) {
    this.#running = runLoad({
      ...{ store: cluster, keys, valueBytes, rate, outstanding: outstandingMax },
      ...{ seconds: endlessSeconds, warmupSeconds: 0 },
      prng: new Prng(cluster.options.seed).fork('load'),
      signal: AbortSignal.any([signal, this.#abort.signal]),
      onDone: (startMs, endMs) => this.#note(endMs - startMs),
    });
  }

  begin(stage: Stage): void {
    this.#stage = stage;
    this.#beganMs[stage] = systemClock.nowMs();
  }

  /** Ends it and resolves when all is answered. May be repeated. */
  async end(): Promise<LoadReport> {
    this.#beganMs['end'] ??= systemClock.nowMs();
    this.#stage = undefined;
    this.#abort.abort();
    return await this.#running;
  }

  figures(): Record<Stage, StageFigures> {
    const { before = 0, during = 0, after = 0, end = 0 } = this.#beganMs;
    const ms = { before: during - before, during: after - during, after: end - after };
    const of = (stage: Stage): StageFigures => ({
      seconds: Math.round(ms[stage]) / 1_000,
      writes: this.#writes[stage],
      latencyMicros: summarizeLatencies([this.#counts[stage]]),
    });
    return { before: of('before'), during: of('during'), after: of('after') };
  }

  #note(latencyMs: number): void {
    if (this.#stage === undefined) return;
    this.#writes[this.#stage] += 1;
    countLatency(this.#counts[this.#stage], latencyMs);
  }
}
