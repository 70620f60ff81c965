/**
 * How many terms does it take to have a leader again when nodes fail, the leader among them?
 *
 * The experiment of a course on distributed systems: eight nodes, of which one, two or three are
 * cut off from the others, the leader always among them. A term is lost whenever the votes split.
 */
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../src/clock.js';
import { type Cluster, createCluster } from '../src/cluster/cluster.js';
import { Prng } from '../src/prng.js';
import type { NodeId } from '../src/raft/index.js';
import { leaderOf, termOf } from './failover.js';
import { type Spread, spreadOf } from './spread.js';

/** `cut`: cut off from the other nodes, as `fail_node` does. `crash`: their threads are ended. */
export type ReelectionFault = 'cut' | 'crash';

export interface ReelectionOptions {
  /** Nodes, 3 to 9. */
  readonly size: number;
  /** How many fail, the leader among them; each less than half of the nodes. */
  readonly failed: readonly number[];
  /** How often each. */
  readonly trials: number;
  readonly fault: ReelectionFault;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  /** Called after each trial with the number of trials so far. */
  readonly onProgress?: (trials: number) => void;
}

export interface ReelectionCase {
  readonly failed: number;
  /** Terms from that of the leader that failed to that of the next one; one for each trial. */
  readonly terms: readonly number[];
  /** Ms from the failure until somebody else leads; one for each trial. */
  readonly ms: readonly number[];
  readonly termSpread: Spread;
  readonly msSpread: Spread;
}

export interface ReelectionResult {
  readonly cases: readonly ReelectionCase[];
  readonly electionTimeoutMs: { readonly minMs: number; readonly maxMs: number };
  readonly seed: number;
}

export async function measureReelection(options: ReelectionOptions): Promise<ReelectionResult> {
  const { size, failed, trials, fault, seed, signal, onProgress } = options;
  await using cluster = await createCluster({ size, ...(seed === undefined ? {} : { seed }) });
  const prng = new Prng(cluster.options.seed).fork('who fails beside the leader');
  const cases: ReelectionCase[] = [];
  let done = 0;
  for (const count of failed) {
    const terms: number[] = [];
    const ms: number[] = [];
    for (let trial = 0; trial < trials; trial += 1) {
      const elected = await fail(cluster, { count, fault, prng, signal });
      terms.push(elected.terms);
      ms.push(elected.ms);
      done += 1;
      onProgress?.(done);
    }
    const spreads = { termSpread: spreadOf(terms), msSpread: spreadOf(ms) };
    cases.push({ failed: count, terms, ms, ...spreads });
  }
  await settled(cluster, signal);
  const { electionTimeout, seed: drawn } = cluster.options;
  return { cases, electionTimeoutMs: electionTimeout, seed: drawn };
}

interface Trial {
  readonly count: number;
  readonly fault: ReelectionFault;
  readonly prng: Prng;
  readonly signal: AbortSignal;
}

/** One failure, from a whole cluster back to a whole cluster. */
async function fail(
  cluster: Cluster,
  { count, fault, prng, signal }: Trial,
): Promise<{ terms: number; ms: number }> {
  // Failures that always come right after a heartbeat would measure something else.
  const waitMs = prng.int(0, cluster.options.heartbeatMs);
  const { nodeId: leader, term } = await steadyLeader(cluster, { waitMs, signal });
  const others = prng.shuffle(cluster.nodes.filter((id) => id !== leader));
  const failed = [leader, ...others.slice(0, count - 1)];
  const elected = cluster.once('leader-elected', {
    signal,
    when: (event) => event.term > term && !failed.includes(event.nodeId),
  });
  const beganMs = systemClock.nowMs();
  const recover = await begin(cluster, failed, fault);
  const { term: newTerm, at } = await elected;
  await recover();
  return { terms: newTerm - term, ms: at - beganMs };
}

/** The leader of a whole cluster that has led it for so long. */
async function steadyLeader(
  cluster: Cluster,
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<{ readonly nodeId: NodeId; readonly term: number }> {
  for (;;) {
    const nodeId = await settled(cluster, signal);
    const term = termOf(cluster, nodeId);
    await setTimeout(waitMs, undefined, { signal });
    // On a busy machine it may have lost its leadership, and nobody would miss it.
    const now = await leaderOf(cluster, signal);
    if (now.nodeId === nodeId && now.term === term) return now;
  }
}

/** Resolves to the leader once all nodes run, follow it and have applied the same log. */
async function settled(cluster: Cluster, signal: AbortSignal): Promise<NodeId> {
  for (;;) {
    await cluster.waitForConverged({ signal, timeoutMs: 30_000 });
    const leader = await cluster.waitForLeader({ signal });
    if (cluster.status().nodes.every(({ leaderId }) => leaderId === leader)) return leader;
    await setTimeout(cluster.options.heartbeatMs, undefined, { signal });
  }
}

/** Lets nodes fail; gives what brings them back. */
async function begin(
  cluster: Cluster,
  failed: readonly NodeId[],
  fault: ReelectionFault,
): Promise<() => Promise<unknown>> {
  if (fault === 'crash') {
    await cluster.crash(failed, { restart: false });
    return () => cluster.restart(failed);
  }
  const cut = cluster.isolate(failed, { mode: 'hold' });
  return () => Promise.resolve(cut.release({ deliver: false }));
}
