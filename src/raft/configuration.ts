/**
 * The configuration: who belongs to the cluster, and who counts.
 */
import type { NodeId } from './message.js';

/**
 * A simple or a joint configuration.
 *
 * Invariant: no id stands twice in `voters`, twice in `outgoing`, or in `learners` and a voter
 * list.
 */
export interface Configuration {
  /** The nodes whose majority elects and commits; at least one. */
  readonly voters: readonly NodeId[];
  /** Set while a joint configuration is in force (§6): a majority of these is needed as well. */
  readonly outgoing?: readonly NodeId[];
  /** Nodes that receive the log and count for nothing. */
  readonly learners: readonly NodeId[];
}

/** What a caller writes; absent lists are empty. */
export interface ConfigurationOptions {
  readonly voters: readonly NodeId[];
  readonly outgoing?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
}

/** Checks and completes a configuration. Throws TypeError or RangeError saying what is wrong. */
export function createConfiguration(options: ConfigurationOptions): Configuration {
  const { voters, outgoing, learners = [] } = options;
  checkIds(voters, 'voters');
  checkIds(learners, 'learners');
  if (voters.length === 0) throw new RangeError('configuration.voters must name at least one node');
  if (outgoing !== undefined) checkIds(outgoing, 'outgoing');
  for (const id of learners) {
    if (voters.includes(id) || outgoing?.includes(id)) {
      throw new RangeError(`configuration: ${id} cannot be voter and learner at once`);
    }
  }
  if (outgoing === undefined || outgoing.length === 0) return { voters, learners };
  return { voters, outgoing, learners };
}

/** True when the node's vote counts. */
export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return configuration.voters.includes(id) || (configuration.outgoing?.includes(id) ?? false);
}

/** True when the node belongs to the cluster, as voter or learner. */
export function isMember(configuration: Configuration, id: NodeId): boolean {
  return isVoter(configuration, id) || configuration.learners.includes(id);
}

/** All nodes whose votes count, each once, in a fixed order. */
export function votersOf(configuration: Configuration): NodeId[] {
  return [...new Set([...configuration.voters, ...(configuration.outgoing ?? [])])];
}

/** All nodes, each once, in a fixed order: voters first. */
export function membersOf(configuration: Configuration): NodeId[] {
  return [...votersOf(configuration), ...configuration.learners];
}

function checkIds(ids: readonly NodeId[], name: string): void {
  if (!Array.isArray(ids) || ids.some((id) => typeof id !== 'string' || id === '')) {
    throw new TypeError(`configuration.${name} must be a list of node ids such as 'n1'`);
  }
  if (new Set(ids).size !== ids.length) {
    throw new RangeError(`configuration.${name} names a node twice: ${ids.join(', ')}`);
  }
}
