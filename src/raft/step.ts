/**
 * Step: what every node does with a message whatever its role (Figure 2, "Rules for Servers"), and
 * the way from there to the role.
 */
import { stepCandidate } from './candidate.js';
import { isMember } from './configuration.js';
import { answerPreVote, answerRequestVote, isLeaderProtected, refuseVote } from './election.js';
import { stepFollower } from './follower.js';
import { stepLeader } from './leader.js';
import { lastIndex } from './log.js';
import { isResponse, type Message } from './message.js';
import { send, sendAfterDurable } from './outbox.js';
import { refuseRead } from './read-index.js';
import type { RaftState } from './state.js';
import { becomeFollower, followLeader } from './transition.js';

export function step(state: RaftState, message: Message): void {
  if (message.to !== state.id || message.from === state.id) return;
  // Who does not belong to the cluster counts for nothing and moves no term. Requests of unknown
  // nodes are answered all the same: they may belong to a configuration that this node has yet to
  // learn (§6).
  if (isResponse(message) && !isMember(state.configuration, message.from)) return;
  if (message.kind === 'pre-vote') {
    answerPreVote(state, message);
    return;
  }
  if (message.kind === 'request-vote' && isLeaderProtected(state, message)) {
    refuseVote(state, message);
    return;
  }
  if (message.term > state.currentTerm && !isConsentToPreVote(message)) {
    // §5.1: whoever sees a higher term adopts it and follows.
    becomeFollower(state, message.term);
  }
  if (message.term < state.currentTerm) answerStale(state, message);
  else stepRole(state, message);
}

function stepRole(state: RaftState, message: Message): void {
  switch (message.kind) {
    case 'request-vote':
      answerRequestVote(state, message);
      return;
    case 'append-entries':
    case 'install-snapshot':
    case 'heartbeat':
    case 'timeout-now':
      // §5.2: only the leader of the term says so; candidates give way, their vote stays spent.
      followLeader(state, message.from);
      stepFollower(state, message);
      return;
    default:
  }
  if (state.leadership !== undefined) stepLeader(state, state.leadership, message);
  else if (state.role === 'follower') stepFollower(state, message);
  else stepCandidate(state, message);
}

/** Granted pre-votes name the term of a campaign to come; nobody has entered that term. */
function isConsentToPreVote(message: Message): boolean {
  return message.kind === 'pre-vote-response' && message.granted;
}

/** §5.1: requests of an older term are refused; the answer brings the sender up to date. */
function answerStale(state: RaftState, message: Message): void {
  const { id, currentTerm } = state;
  switch (message.kind) {
    case 'append-entries':
      sendAfterDurable(state, {
        kind: 'append-entries-response',
        from: id,
        to: message.from,
        term: currentTerm,
        success: false,
        matchIndex: 0,
        prevLogIndex: message.prevLogIndex,
        lastLogIndex: lastIndex(state.log),
      });
      return;
    case 'install-snapshot':
      sendAfterDurable(state, {
        kind: 'install-snapshot-response',
        from: id,
        to: message.from,
        term: currentTerm,
        snapshotIndex: message.snapshotIndex,
        snapshotTerm: message.snapshotTerm,
        nextOffset: 0,
      });
      return;
    case 'heartbeat':
      send(state, {
        kind: 'heartbeat-response',
        from: id,
        to: message.from,
        term: currentTerm,
        readId: message.readId,
        sentAt: message.sentAt,
      });
      return;
    case 'request-vote':
      refuseVote(state, message);
      return;
    case 'read-index':
      refuseRead(state, message);
      return;
    default:
      // Answers to something that is over.
      return;
  }
}
