/**
 * Transitions between the roles, and the only place where term, role and leader change.
 *
 *                 timeout                majority would           majority votes
 *     follower ────────────> pre-candidate ────────────> candidate ────────────> leader
 *        ^                        │                          │                     │
 *        └────────────────────────┴──────────────────────────┴─────────────────────┘
 *            a leader is heard, a higher term is seen, a majority refuses, the quorum is lost
 */
import { assert } from './assert.js';
import { membersOf } from './configuration.js';
import { append, lastIndex } from './log.js';
import type { NodeId } from './message.js';
import { createProgress, type Progress } from './progress.js';
import { abortForwarded, abortRounds, createReadRounds, retryForwarded } from './read-index.js';
import type { RaftState } from './state.js';

const noPayload = new Uint8Array(0);

/**
 * Follows in the given term, under the given leader if one is known. The vote stays within a term.
 */
export function becomeFollower(state: RaftState, term: number, leaderId?: NodeId): void {
  assert(term >= state.currentTerm, 'the current term never decreases');
  if (state.leadership !== undefined) abortRounds(state, state.leadership);
  state.leadership = undefined;
  if (term > state.currentTerm) raiseTerm(state, term);
  if (state.role !== 'follower') resetElectionTimer(state);
  state.role = 'follower';
  state.votes.clear();
  // Reads that were forwarded go on to the next leader, once it is known.
  if (state.leaderId !== leaderId) retryForwarded(state);
  state.leaderId = leaderId;
}

/**
 * Notes a sign of life of the leader of the current term; any other role gives way to it (§5.2).
 */
export function followLeader(state: RaftState, leaderId: NodeId): void {
  assert(
    state.role !== 'leader' && (state.leaderId ?? leaderId) === leaderId,
    'at most one leader can be elected in a given term (Election Safety, Figure 3)',
  );
  if (state.role !== 'follower' || state.leaderId !== leaderId) {
    becomeFollower(state, state.currentTerm, leaderId);
  }
  state.timers.electionResetAt = state.timers.now;
  state.timers.leaderHeardAt = state.timers.now;
}

/** Asks whether a campaign could be won. Neither term nor vote change (dissertation 9.6). */
export function becomePreCandidate(state: RaftState): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  loseLeader(state);
  state.role = 'pre-candidate';
  state.votes.clear();
  resetElectionTimer(state);
}

/** Starts a campaign: a new term, the own vote. The vote counts once it is durable. */
export function becomeCandidate(state: RaftState): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  loseLeader(state);
  raiseTerm(state, state.currentTerm + 1);
  state.votedFor = state.id;
  state.role = 'candidate';
  state.votes.clear();
  resetElectionTimer(state);
}

/**
 * Leads, and opens the term with an entry of its own, which commits what earlier terms left (§8).
 */
export function becomeLeader(state: RaftState): void {
  assert(state.role === 'candidate', 'only a candidate becomes leader');
  const { id, configuration, log, timers, currentTerm } = state;
  const termStartIndex = lastIndex(log) + 1;
  const progress = new Map<NodeId, Progress>();
  for (const peer of membersOf(configuration)) {
    if (peer === id) continue;
    progress.set(peer, createProgress(peer, { nextIndex: termStartIndex, now: timers.now }));
  }
  state.role = 'leader';
  state.leaderId = id;
  state.votes.clear();
  state.leadership = {
    progress,
    termStartIndex,
    transferee: undefined,
    transferStartedAt: 0,
    isLeaseForfeited: false,
    reads: createReadRounds(),
  };
  timers.heartbeatSentAt = timers.now;
  append(log, { index: termStartIndex, term: currentTerm, kind: 'noop', byteLength: 0 }, noPayload);
}

/** No leader is in sight; reads that wait for one end. */
export function loseLeader(state: RaftState): void {
  state.leaderId = undefined;
  abortForwarded(state);
}

/** Starts the election timer afresh with a new random timeout (§5.2). */
export function resetElectionTimer({ timers, options }: RaftState): void {
  timers.electionResetAt = timers.now;
  timers.electionTicks = options.drawElectionTicks(
    options.electionTicksMin,
    options.electionTicksMax,
  );
}

function raiseTerm(state: RaftState, term: number): void {
  state.currentTerm = term;
  // A vote belongs to its term, so it goes with the term and in no other way.
  state.votedFor = undefined;
  state.verifiedIndex = state.commitIndex;
}
