/**
 * Cores in a given role, as the paper has it: without PreVote and CheckQuorum unless asked for.
 */
import type { NodeId, ProgressStatus } from '../../../src/raft/index.js';
import { vote } from './messages.js';
import { type NodeOptions, TestNode } from './node.js';

const plain = { preVote: false, checkQuorum: false };

export function follower(options: NodeOptions = {}): TestNode {
  return new TestNode({ ...plain, ...options });
}

/** A candidate of the term after its last one; what it sent so far is forgotten. */
export function candidate(options: NodeOptions = {}): TestNode {
  const node = follower(options);
  node.tick(node.options.electionTicksMin ?? 10);
  node.sent();
  return node;
}

/**
 * A leader elected by all voters, its noop appended and sent; what it sent so far is forgotten.
 * With `term` it leads that term.
 */
export function leader({ term, ...options }: NodeOptions & { term?: number } = {}): TestNode {
  const currentTerm = term === undefined ? undefined : { hardState: { currentTerm: term - 1 } };
  const node = new TestNode({ ...plain, ...options, ...currentTerm });
  // Past the time for which a node that restarts protects a leader it may have heard.
  node.tick(node.options.electionTicksMin ?? 10);
  if (node.raft.role === 'follower') node.campaign();
  const campaign = node.sent();
  for (const { to, kind, term } of campaign) {
    const from = { from: to, to: node.id };
    if (kind === 'request-vote') node.step(vote({ term, ...from }));
    if (kind === 'pre-vote') {
      node.step({ kind: 'pre-vote-response', granted: true, term, ...from });
      for (const request of node.sent()) {
        if (request.kind === 'request-vote') {
          node.step(vote({ term: request.term, from: request.to, to: node.id }));
        }
      }
    }
  }
  if (node.raft.role !== 'leader') throw new Error(`${node.id} did not win`);
  node.sent();
  return node;
}

/** Who got the vote of a node, as stored. */
export function storedVote(node: TestNode): NodeId | undefined {
  return node.disk.hardState.votedFor;
}

/** How a leader sees a peer. */
export function progressOf(node: TestNode, peer: NodeId): ProgressStatus {
  const progress = node.raft.status().progress?.[peer];
  if (progress === undefined) throw new Error(`${node.id} has no progress of ${peer}`);
  return progress;
}
