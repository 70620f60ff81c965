/**
 * The story that `balsa start` tells: a cluster elects, serves, loses its leader, is cut in two,
 * heals, and has lost nothing. Everything told was measured; nothing is played back.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { endLeader, leaderOf, termOf } from '../../benchmarks/failover.js';
import { SteadyWriter, type Verified } from '../../benchmarks/steady-writer.js';
import { measureHere } from '../../benchmarks/throughput.js';
import { type Clock, systemClock } from '../clock.js';
import { type Cluster, createCluster } from '../cluster/cluster.js';
import { type FailedOutcome, isRaftError, RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import type { DemonstrationSummary, Tell } from './demonstration-event.js';

export interface DemonstrationOptions {
  /** Nodes, 3 to 9. */
  readonly size: number;
  /** Default: a random one. */
  readonly seed?: number | undefined;
  /** Length of the benchmark at the end. */
  readonly benchSeconds: number;
  readonly signal: AbortSignal;
  readonly tell: Tell;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** Writes a second while the leader is lost: enough to catch whatever a fault could lose. */
const writesPerSecond = 5_000;
/** How long the load runs before and after a fault. */
const loadMs = 500;
/** Time limit of the write that cannot succeed. */
const isolatedTimeoutMs = 1_000;
const ghostKey = 'ghost';

/** Plays the story once. Rejects with the signal's reason when aborted, its cluster closed. */
export async function demonstrate(options: DemonstrationOptions): Promise<DemonstrationSummary> {
  const { size, seed, signal, tell } = options;
  const clock = options.clock ?? systemClock;
  const beganMs = clock.nowMs();
  await using cluster = await createCluster({ size, ...(seed === undefined ? {} : { seed }) });
  signal.throwIfAborted();
  const startedMs = clock.nowMs();
  const tookMs = startedMs - beganMs;
  tell({ event: 'cluster-started', nodes: cluster.nodes, seed: cluster.options.seed, tookMs });

  const story = new Story(cluster, { signal, tell, clock });
  await story.elect(startedMs);
  await story.serve();
  const writer = new SteadyWriter(cluster, { prefix: 'story', rate: writesPerSecond, clock });
  try {
    await story.loseLeader(writer);
    await story.isolateLeader(writer);
  } finally {
    writer.stop();
  }
  await writer.settled();
  await story.converge();
  const checked = await story.check(writer);
  const measured = await story.measure(options.benchSeconds);
  const summary = {
    acknowledged: checked.acknowledged + measured.acknowledged,
    lost: checked.lost + measured.lost,
    undead: checked.undead,
    elections: (await cluster.metrics()).elections,
    tookMs: clock.nowMs() - beganMs,
  };
  tell({ event: 'summary', ...summary });
  return summary;
}

interface Surroundings {
  readonly signal: AbortSignal;
  readonly tell: Tell;
  readonly clock: Clock;
}

/** The chapters. Each can be told once, in this order. */
class Story {
  readonly #cluster: Cluster;
  readonly #signal: AbortSignal;
  readonly #tell: Tell;
  readonly #clock: Clock;
  /** What the first readers of the story wrote by hand; it has to be there at the end. */
  readonly #written: Map<string, string> = new Map();
  #ghost: FailedOutcome | undefined;
  #chapter = 0;

  constructor(cluster: Cluster, { signal, tell, clock }: Surroundings) {
    this.#cluster = cluster;
    this.#signal = signal;
    this.#tell = tell;
    this.#clock = clock;
  }

  async elect(startedMs: number): Promise<void> {
    this.#open('An election');
    const leaderId = await this.#cluster.waitForLeader({ signal: this.#signal });
    this.#tellLeader(leaderId, startedMs);
  }

  async serve(): Promise<void> {
    this.#open('Any node takes writes and reads');
    const { nodes } = this.#cluster;
    for (const [at, word] of ['pear', 'plum'].entries()) {
      await this.#set(nodeAt(nodes, at), `fruit-${at + 1}`, word);
      await this.#get(nodeAt(nodes, at + 1), `fruit-${at + 1}`);
      await this.#get(nodeAt(nodes, at + 2), `fruit-${at + 1}`);
    }
  }

  async loseLeader(writer: SteadyWriter): Promise<void> {
    this.#open('The leader dies under load');
    this.#tell({ event: 'load-started', writesPerSecond });
    await pause(loadMs, undefined, { signal: this.#signal });
    const ended = await endLeader(this.#cluster, writer, {
      signal: this.#signal,
      clock: this.#clock,
      onDown: (nodeId) => {
        const { acknowledged } = writer;
        this.#tell({ event: 'leader-killed', nodeId, acknowledged });
      },
      onRestarted: (nodeId, afterMs) => this.#tell({ event: 'node-restarted', nodeId, afterMs }),
    });
    this.#tell({ event: 'leader-elected', ...ended.successor });
    this.#tell({ event: 'writes-resumed', afterMs: ended.resumedAfterMs });
    await pause(loadMs, undefined, { signal: this.#signal });
  }

  async isolateLeader(writer: SteadyWriter): Promise<void> {
    this.#open('The leader is cut off');
    const signal = this.#signal;
    const { nodeId, term: afterTerm } = await leaderOf(this.#cluster, signal);
    const others = this.#cluster.nodes.filter((id) => id !== nodeId);
    const cutMs = this.#clock.nowMs();
    {
      using _cut = this.#cluster.isolate([nodeId]);
      this.#tell({ event: 'leader-isolated', nodeId, acknowledged: writer.acknowledged });
      const succeeded = Promise.all([
        writer.nextAcknowledged(signal),
        this.#cluster.waitForLeader({ signal, among: others, afterTerm }).then((leaderId) => {
          this.#tellLeader(leaderId, cutMs);
        }),
      ]).then(([atMs]) => this.#tell({ event: 'writes-resumed', afterMs: atMs - cutMs }));
      await Promise.all([this.#refusedSet(nodeId), succeeded]);
    }
    this.#tell({ event: 'healed' });
    await pause(loadMs, undefined, { signal });
  }

  async converge(): Promise<void> {
    this.#open('All nodes agree again');
    const beganMs = this.#clock.nowMs();
    const { lastApplied, digest } = await this.#cluster.waitForConverged({ signal: this.#signal });
    const tookMs = this.#clock.nowMs() - beganMs;
    const { nodes } = this.#cluster;
    this.#tell({ event: 'converged', nodes, lastApplied, digest, tookMs });
  }

  async check(writer: SteadyWriter): Promise<Verified> {
    this.#open('Every acknowledged write is read back');
    const byHand = await this.#cluster.getMany(this.#written.keys());
    const expected = [...this.#written.values()];
    const lost = expected.filter((value, at) => byHand[at] !== value).length;
    const isGhostThere = (await this.#cluster.get(ghostKey)) !== undefined;
    const rejected = this.#ghost === 'rejected' ? 1 : 0;
    const unknown = this.#ghost === 'unknown' ? 1 : 0;
    const load = await writer.verify();
    const verified = {
      acknowledged: load.acknowledged + expected.length,
      lost: load.lost + lost,
      rejected: load.rejected + rejected,
      undead: load.undead + (isGhostThere ? rejected : 0),
      unknown: load.unknown + unknown,
      unknownDone: load.unknownDone + (isGhostThere ? unknown : 0),
    };
    this.#tell({ event: 'checked', ...verified });
    return verified;
  }

  async measure(seconds: number): Promise<{ acknowledged: number; lost: number }> {
    this.#open('A benchmark');
    const outstanding = 1_024;
    const valueBytes = 100;
    const measured = await measureHere(this.#cluster, {
      outstanding,
      valueBytes,
      keys: 10_000,
      readRatio: 0,
      seconds,
      warmupSeconds: seconds / 3,
      signal: this.#signal,
    });
    const { p50: p50Micros, p99: p99Micros } = measured.latencyMicros;
    const { opsPerSecond, verified } = measured;
    this.#tell({
      event: 'benchmark',
      ...{ opsPerSecond, seconds, outstanding, valueBytes, p50Micros, p99Micros },
    });
    return verified;
  }

  #open(title: string): void {
    this.#signal.throwIfAborted();
    this.#chapter += 1;
    this.#tell({ event: 'chapter', number: this.#chapter, title });
  }

  #tellLeader(nodeId: NodeId, sinceMs: number): void {
    const term = termOf(this.#cluster, nodeId);
    const afterMs = this.#clock.nowMs() - sinceMs;
    this.#tell({ event: 'leader-elected', nodeId, term, afterMs });
  }

  async #set(nodeId: NodeId, key: string, value: string): Promise<void> {
    const beganMs = this.#clock.nowMs();
    await this.#cluster.set(key, value, { node: nodeId, signal: this.#signal });
    this.#written.set(key, value);
    const tookMs = this.#clock.nowMs() - beganMs;
    this.#tell({ event: 'written', nodeId, key, value, tookMs });
  }

  async #get(nodeId: NodeId, key: string): Promise<void> {
    const beganMs = this.#clock.nowMs();
    const value = await this.#cluster.get(key, { node: nodeId, signal: this.#signal });
    const tookMs = this.#clock.nowMs() - beganMs;
    this.#tell({ event: 'read', nodeId, key, value, tookMs });
  }

  /** A write at a node that reaches no quorum: all that may come of it is an error. */
  async #refusedSet(nodeId: NodeId): Promise<void> {
    const beganMs = this.#clock.nowMs();
    const options = { node: nodeId, timeoutMs: isolatedTimeoutMs, signal: this.#signal };
    const error = await this.#cluster.set(ghostKey, 'boo', options).then(
      () => undefined,
      (refused: unknown) => refused,
    );
    this.#signal.throwIfAborted();
    if (error === undefined) {
      throw new RaftError('RAFT_BROKEN_INVARIANT', `${nodeId} wrote without a quorum`);
    }
    if (!isRaftError(error)) throw error;
    const { code, details } = error;
    const tookMs = this.#clock.nowMs() - beganMs;
    const outcome = details.outcome ?? 'unknown';
    this.#ghost = outcome;
    this.#tell({ event: 'write-refused', nodeId, code, outcome, tookMs });
  }
}

function nodeAt(nodes: readonly NodeId[], place: number): NodeId {
  return nodes[place % nodes.length] as NodeId;
}
