/**
 * Pre-candidate and candidate: asks for votes and counts them.
 */
import { assertNever } from './assert.js';
import { isVoter, votersOf } from './configuration.js';
import { lastIndex, lastTerm } from './log.js';
import type { Message, NodeId } from './message.js';
import { send, sendAfterDurable } from './outbox.js';
import { voteResult } from './quorum.js';
import { refuseRead } from './read-index.js';
import type { RaftState } from './state.js';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './transition.js';

/** Campaigns as the election timer does; a learner cannot. */
export function campaign(state: RaftState): void {
  if (!isVoter(state.configuration, state.id)) return;
  if (state.options.preVote) startPreVote(state);
  else startVote(state, { isTransfer: false });
}

/** Campaigns because the leader said so: no pre-vote, and voters need not protect that leader. */
export function campaignForTransfer(state: RaftState): void {
  if (isVoter(state.configuration, state.id)) startVote(state, { isTransfer: true });
}

/** Handles a message that neither a leader nor a voter's duty has claimed. */
export function stepCandidate(state: RaftState, message: Message): void {
  switch (message.kind) {
    case 'pre-vote-response':
      handlePreVote(state, message);
      return;
    case 'request-vote-response':
      if (state.role === 'candidate') handleVote(state, message);
      return;
    case 'read-index':
      refuseRead(state, message);
      return;
    case 'install-snapshot-response':
    case 'append-entries-response': // Settled when this node began to campaign.
    case 'heartbeat-response':
    case 'read-index-response':
    case 'append-entries': // Handled before the roles.
    case 'install-snapshot':
    case 'heartbeat':
    case 'timeout-now':
    case 'request-vote':
    case 'pre-vote':
      return;
    default:
      assertNever(message);
  }
}

/** Counts the own vote; called once term and vote are on stable storage. */
export function recordOwnVote(state: RaftState): void {
  if (state.role === 'candidate') handleVote(state, { from: state.id, granted: true });
}

function startPreVote(state: RaftState): void {
  becomePreCandidate(state);
  const { id, log, currentTerm } = state;
  for (const to of votersOf(state.configuration)) {
    if (to === id) continue;
    send(state, {
      kind: 'pre-vote',
      from: id,
      to,
      term: currentTerm + 1,
      lastLogIndex: lastIndex(log),
      lastLogTerm: lastTerm(log),
    });
  }
  // The own consent to a pre-vote binds nobody, so it needs no disk.
  handlePreVote(state, { from: id, granted: true, term: currentTerm + 1 });
}

function startVote(state: RaftState, { isTransfer }: { isTransfer: boolean }): void {
  becomeCandidate(state);
  const { id, log, currentTerm } = state;
  for (const to of votersOf(state.configuration)) {
    if (to === id) continue;
    sendAfterDurable(state, {
      kind: 'request-vote',
      from: id,
      to,
      term: currentTerm,
      lastLogIndex: lastIndex(log),
      lastLogTerm: lastTerm(log),
      isTransfer,
    });
  }
}

interface Answer {
  readonly from: NodeId;
  readonly granted: boolean;
}

function handlePreVote(state: RaftState, answer: Answer & { readonly term: number }): void {
  // Only consent to the very campaign that is being prepared counts.
  if (state.role !== 'pre-candidate') return;
  if (answer.granted && answer.term !== state.currentTerm + 1) return;
  switch (tally(state, answer)) {
    case 'won':
      startVote(state, { isTransfer: false });
      return;
    case 'lost':
      becomeFollower(state, state.currentTerm);
      return;
    case 'pending':
  }
}

function handleVote(state: RaftState, answer: Answer): void {
  switch (tally(state, answer)) {
    case 'won':
      becomeLeader(state);
      return;
    case 'lost':
      becomeFollower(state, state.currentTerm);
      return;
    case 'pending':
  }
}

/** Adds an answer; the first of each node stands, so a doubled one counts once. */
function tally(state: RaftState, { from, granted }: Answer): ReturnType<typeof voteResult> {
  if (!state.votes.has(from)) state.votes.set(from, granted);
  return voteResult(state.configuration, state.votes);
}
