/**
 * How long do writes stand still when the leader dies?
 *
 * Under a steady load the thread of the leader is ended, again and again. Measured is the time from
 * that moment to the next acknowledgement of a write that was sent after it.
 */
import { type Clock, systemClock } from '../src/clock.js';
import { type Cluster, createCluster } from '../src/cluster/cluster.js';
import type { NodeId } from '../src/raft/index.js';
import { type Spread, spreadOf } from './spread.js';
import { SteadyWriter, type Verified } from './steady-writer.js';

export interface FailoverOptions {
  /** Nodes, 3 to 9. */
  readonly size: number;
  /** How often the leader is killed. */
  readonly kills: number;
  /** Writes a second meanwhile. */
  readonly rate: number;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  /** Called after each kill with the number of kills so far. */
  readonly onProgress?: (kills: number) => void;
}

export interface FailoverResult {
  /** Ms from the kill to the next acknowledged write; one for each kill, in order. */
  readonly resumedAfterMs: readonly number[];
  readonly spread: Spread;
  /** The longest that a follower waits before it campaigns. */
  readonly electionTimeoutMs: number;
  /** The median in units of it. */
  readonly electionTimeouts: number;
  /** Elections won, the first one included. */
  readonly elections: number;
  readonly verified: Verified & { readonly digestsEqual: boolean };
  readonly seed: number;
}

export async function measureFailover(options: FailoverOptions): Promise<FailoverResult> {
  const { size, kills, rate, seed, signal, onProgress } = options;
  await using cluster = await createCluster({ size, ...(seed === undefined ? {} : { seed }) });
  await cluster.waitForLeader({ signal });
  const writer = new SteadyWriter(cluster, { prefix: 'failover', rate });
  const resumedAfterMs: number[] = [];
  try {
    await writer.nextAcknowledged(signal);
    for (let kill = 1; kill <= kills; kill += 1) {
      const ended = await endLeader(cluster, writer, { signal });
      resumedAfterMs.push(ended.resumedAfterMs);
      // The next kill meets a whole cluster: it is the loss of one node that is measured.
      await cluster.waitForApplied(cluster.status().nodes[0]?.commitIndex ?? 0, { signal });
      onProgress?.(kill);
    }
  } finally {
    writer.stop();
  }
  await writer.settled();
  await cluster.waitForConverged({ signal });
  const spread = spreadOf(resumedAfterMs);
  const { maxMs: electionTimeoutMs } = cluster.options.electionTimeout;
  return {
    resumedAfterMs,
    spread,
    electionTimeoutMs,
    electionTimeouts: spread.median / electionTimeoutMs,
    elections: (await cluster.metrics()).elections,
    // waitForConverged has compared them; it rejects if they differ.
    verified: { ...(await writer.verify()), digestsEqual: true },
    seed: cluster.options.seed,
  };
}

/** The end of one leader. Times are in ms since its thread was told to end. */
export interface EndedLeader {
  readonly nodeId: NodeId;
  readonly successor: { readonly nodeId: NodeId; readonly term: number; readonly afterMs: number };
  /** A write that was sent after the leader's thread had ended was acknowledged. */
  readonly resumedAfterMs: number;
}

export interface EndLeaderOptions {
  readonly signal: AbortSignal;
  readonly onDown?: (nodeId: NodeId) => void;
  /** The thread of the old leader runs again. */
  readonly onRestarted?: (nodeId: NodeId, afterMs: number) => void;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** Ends the thread of the leader and waits until the cluster is whole and serves again. */
export async function endLeader(
  cluster: Cluster,
  writer: SteadyWriter,
  { signal, onDown, onRestarted, clock = systemClock }: EndLeaderOptions,
): Promise<EndedLeader> {
  const { nodeId, term: afterTerm } = await leaderOf(cluster, signal);
  const isThisNode = (event: { readonly nodeId: NodeId }): boolean => event.nodeId === nodeId;
  const beganMs = clock.nowMs();
  const sinceMs = (): number => clock.nowMs() - beganMs;
  const down = cluster.once('node-down', { signal, when: isThisNode });
  const [resumedAtMs, successor] = await Promise.all([
    down.then(() => {
      onDown?.(nodeId);
      return writer.nextAcknowledged(signal);
    }),
    cluster.waitForLeader({ signal, afterTerm }).then((leaderId) => ({
      nodeId: leaderId,
      term: termOf(cluster, leaderId),
      afterMs: sinceMs(),
    })),
    cluster.once('node-started', { signal, when: isThisNode }).then(() => {
      onRestarted?.(nodeId, sinceMs());
    }),
    cluster.crash([nodeId]),
  ]);
  return { nodeId, successor, resumedAfterMs: resumedAtMs - beganMs };
}

/** The leader with the term that it leads; whoever leads after it does so in a later one. */
export async function leaderOf(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<{ readonly nodeId: NodeId; readonly term: number }> {
  for (;;) {
    await cluster.waitForLeader({ signal });
    // One look gives both: in the next one it may follow already, in the term of its successor.
    const { leaderId, nodes } = cluster.status();
    const leader = nodes.find(({ id }) => id === leaderId);
    if (leader !== undefined) return { nodeId: leader.id, term: leader.currentTerm };
  }
}

/** The term that a node is in. That of the cluster may be newer: somebody else may campaign. */
export function termOf(cluster: Cluster, nodeId: NodeId): number {
  return cluster.status().nodes.find(({ id }) => id === nodeId)?.currentTerm ?? 0;
}
