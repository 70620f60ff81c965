/** Whether a cluster has kept its word: every acknowledged write is there, all nodes agree. */
import type { Cluster } from '../src/cluster/cluster.js';
import { isRaftError } from '../src/errors.js';
import { type Ledger, verifyLoad } from '../src/store/load-ledger.js';

export interface Verdict {
  readonly acknowledged: number;
  /** Keys whose last acknowledged write is not there. */
  readonly lost: number;
  /** Keys with a write that was rejected. */
  readonly ghosts: number;
  readonly digestsEqual: boolean;
  /** Present if something is wrong: what. */
  readonly problem?: string;
}

/** Reads everything back and compares all nodes. The load must have ended. */
export async function judge(
  cluster: Cluster,
  ledgers: readonly Ledger[],
  signal: AbortSignal,
): Promise<Verdict> {
  const { acknowledged, lost, ghosts, samples } = await verifyLoad(cluster, ledgers, { signal });
  const disagreement = await findDisagreement(cluster, signal);
  const problems = [
    ...(samples.length > 0 ? [`wrong values at ${samples.join(', ')}`] : []),
    ...(disagreement === undefined ? [] : [disagreement]),
  ];
  return {
    acknowledged,
    lost,
    ghosts,
    digestsEqual: disagreement === undefined,
    ...(problems.length > 0 ? { problem: problems.join('; ') } : {}),
  };
}

export function isWell({ lost, ghosts, digestsEqual }: Verdict): boolean {
  return lost === 0 && ghosts === 0 && digestsEqual;
}

/** How the nodes differ, or why that cannot be told; `undefined` if they are equal. */
async function findDisagreement(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await cluster.waitForConverged({ signal });
    return undefined;
  } catch (error) {
    if (isRaftError(error, 'RAFT_BROKEN_INVARIANT') || isRaftError(error, 'RAFT_TIMEOUT')) {
      return error.message;
    }
    throw error;
  }
}
