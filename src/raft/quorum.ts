/**
 * Quorum arithmetic: the one place where nodes are counted.
 *
 * Every question takes the configuration, and a joint configuration needs a majority of both voter
 * lists (§6). Learners never count. The lists are at most a handful long, so a sort is the fast way
 * and the obviously right one.
 */
import type { Configuration } from './configuration.js';
import type { NodeId } from './message.js';

export type VoteResult = 'won' | 'lost' | 'pending';

/** How many of n nodes are a majority: 1 of 1, 2 of 2, 2 of 3, 3 of 4, 3 of 5. */
function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The highest value that a quorum has reached, where `reachedBy` tells it of each voter: with
 * match indexes, what is stored on a quorum; with times, since when a quorum has been heard.
 */
export function quorumValue(
  configuration: Configuration,
  reachedBy: (id: NodeId) => number,
): number {
  const incoming = majorityValue(configuration.voters, reachedBy);
  const { outgoing } = configuration;
  return outgoing === undefined ? incoming : Math.min(incoming, majorityValue(outgoing, reachedBy));
}

/** True when the nodes for which `has` answers true form a quorum. */
export function hasQuorum(configuration: Configuration, has: (id: NodeId) => boolean): boolean {
  return quorumValue(configuration, (id) => (has(id) ? 1 : 0)) === 1;
}

/** Where an election stands. `votes` holds one answer per node; who is missing has not answered. */
export function voteResult(
  configuration: Configuration,
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  if (hasQuorum(configuration, (id) => votes.get(id) === true)) return 'won';
  return hasQuorum(configuration, (id) => votes.get(id) !== false) ? 'pending' : 'lost';
}

function majorityValue(voters: readonly NodeId[], reachedBy: (id: NodeId) => number): number {
  const values = voters.map((id) => reachedBy(id)).sort((a, b) => b - a);
  // The m-th largest of n values is reached by m nodes, and m is a majority.
  return values[majorityOf(voters.length) - 1] ?? 0;
}
