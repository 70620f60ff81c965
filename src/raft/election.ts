/**
 * The voter's half of an election: answers PreVote and RequestVote, in any role.
 */
import { lastIndex, lastTerm } from './log.js';
import type { PreVote, RequestVote } from './message.js';
import { send, sendAfterDurable } from './outbox.js';
import { hearsLeader, type RaftState } from './state.js';

/**
 * §5.4.1: "up-to-date" compares the term of the last entry first and the length second.
 */
function isUpToDate(
  { log }: RaftState,
  { lastLogIndex, lastLogTerm }: RequestVote | PreVote,
): boolean {
  if (lastLogTerm !== lastTerm(log)) return lastLogTerm > lastTerm(log);
  return lastLogIndex >= lastIndex(log);
}

/** True when a leader is protected from this request: it is heard, and did not order it. */
export function isLeaderProtected(state: RaftState, { isTransfer }: RequestVote): boolean {
  return state.options.checkQuorum && !isTransfer && hearsLeader(state);
}

/** Answers a request for a vote in the current term. */
export function answerRequestVote(state: RaftState, message: RequestVote): void {
  const { votedFor, leaderId } = state;
  const isFree = votedFor === undefined && leaderId === undefined;
  const granted = (isFree || votedFor === message.from) && isUpToDate(state, message);
  if (granted) {
    state.votedFor = message.from;
    // Only a granted vote gives the candidate time; a refused one must not silence this node
    // (§5.2).
    state.timers.electionResetAt = state.timers.now;
  }
  respondToVote(state, message, granted);
}

/** Refuses a vote whatever the terms are; the answer carries this node's own. */
export function refuseVote(state: RaftState, message: RequestVote): void {
  respondToVote(state, message, false);
}

/** Answers a pre-vote without touching anything: no term, no vote, no timer (dissertation 9.6). */
export function answerPreVote(state: RaftState, message: PreVote): void {
  const granted =
    message.term > state.currentTerm && isUpToDate(state, message) && !hearsLeader(state);
  send(state, {
    kind: 'pre-vote-response',
    from: state.id,
    to: message.from,
    // A refusal tells the own term, or an asker with an older one could ask in vain for ever.
    term: granted ? message.term : state.currentTerm,
    granted,
  });
}

function respondToVote(state: RaftState, { from }: RequestVote, granted: boolean): void {
  sendAfterDurable(state, {
    kind: 'request-vote-response',
    from: state.id,
    to: from,
    term: state.currentTerm,
    granted,
  });
}
