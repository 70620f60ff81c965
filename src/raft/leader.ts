/**
 * Leader: takes proposals, replicates, confirms reads, hands over, and resigns when its quorum is
 * gone.
 */
import { assertNever } from './assert.js';
import { isMember, isVoter } from './configuration.js';
import { append, bytesBetween, lastIndex } from './log.js';
import type { HeartbeatResponse, Message, NodeId } from './message.js';
import { quorumValue } from './quorum.js';
import { confirmRound, enqueueRead } from './read-index.js';
import type { ProposeResult, TransferResult } from './ready.js';
import {
  handleAppendResponse,
  handlePeerAlive,
  nudge,
  orderTakeover,
  sendHeartbeat,
} from './replication.js';
import { handleSnapshotResponse } from './snapshot.js';
import type { LeaderState, RaftState } from './state.js';
import { becomeFollower } from './transition.js';

/** Time passes for a leader. */
export function tickLeader(state: RaftState, leadership: LeaderState): void {
  const { timers, options } = state;
  if (options.checkQuorum && !hearsQuorum(state, leadership)) {
    // Dissertation 6.2: clients of a leader without quorum would wait for nothing.
    becomeFollower(state, state.currentTerm);
    return;
  }
  if (timers.now - leadership.transferStartedAt >= options.electionTicksMin) {
    leadership.transferee = undefined;
  }
  const isHeartbeatDue = timers.now - timers.heartbeatSentAt >= options.heartbeatTicks;
  if (isHeartbeatDue) timers.heartbeatSentAt = timers.now;
  for (const peer of leadership.progress.values()) {
    if (isHeartbeatDue) peer.probeCredit = true;
    const isCommitNews = peer.commitSent < Math.min(peer.matchIndex, state.commitIndex);
    if (isHeartbeatDue || isCommitNews) sendHeartbeat(state, leadership, peer);
  }
}

/** Handles a message that a voter's duty has not claimed. */
export function stepLeader(state: RaftState, leadership: LeaderState, message: Message): void {
  switch (message.kind) {
    case 'append-entries-response':
      handleAppendResponse(state, leadership, message);
      return;
    case 'install-snapshot-response':
      handleSnapshotResponse(state, leadership, message);
      return;
    case 'heartbeat-response':
      handleHeartbeatResponse(state, leadership, message);
      return;
    case 'read-index':
      enqueueRead(state, leadership, message);
      return;
    case 'request-vote-response': // The election is won.
    case 'pre-vote-response':
    case 'read-index-response': // Asked as a follower, and aborted since.
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

/** Appends a command to the log of this leader. */
export function propose(state: RaftState, payload: Uint8Array): ProposeResult {
  const { leadership, leaderId, log, options, currentTerm } = state;
  if (leadership === undefined) {
    const refusal = { accepted: false, reason: 'not-leader' } as const;
    return leaderId === undefined ? refusal : { ...refusal, leaderId };
  }
  const { transferee } = leadership;
  if (transferee !== undefined) {
    return { accepted: false, reason: 'transferring', leaderId: transferee };
  }
  const byteLength = payload.byteLength;
  // A limit that nothing fits would block for ever, so with nothing uncommitted anything goes.
  const held = uncommittedBytes(state, leadership);
  if (held > 0 && byteLength > 0 && held + byteLength > options.uncommittedBytesMax) {
    return { accepted: false, reason: 'uncommitted-limit', leaderId: state.id };
  }
  const index = lastIndex(log) + 1;
  append(log, { index, term: currentTerm, kind: 'command', byteLength }, payload);
  return { accepted: true, index, term: currentTerm };
}

/** Hands the leadership over once the target has everything; gives up after electionTicksMin. */
export function transferLeadership(state: RaftState, to: NodeId): TransferResult {
  const { leadership, leaderId, configuration, timers } = state;
  if (leadership === undefined) {
    const refusal = { accepted: false, reason: 'not-leader' } as const;
    return leaderId === undefined ? refusal : { ...refusal, leaderId };
  }
  if (to === state.id) return { accepted: false, reason: 'already-leader', leaderId: state.id };
  if (!isMember(configuration, to)) return { accepted: false, reason: 'unknown-node' };
  if (!isVoter(configuration, to)) return { accepted: false, reason: 'learner' };
  // Asking again for the same target must not extend the time in which proposals are refused.
  if (leadership.transferee === to) return { accepted: true };
  leadership.transferee = to;
  leadership.transferStartedAt = timers.now;
  const peer = leadership.progress.get(to);
  if (peer !== undefined) {
    nudge(state, peer);
    orderTakeover(state, leadership, peer);
  }
  return { accepted: true };
}

/** Payload bytes of the entries that this leader appended and could not commit yet. */
function uncommittedBytes(
  { log, commitIndex }: RaftState,
  { termStartIndex }: LeaderState,
): number {
  return bytesBetween(log, Math.max(commitIndex, termStartIndex), lastIndex(log));
}

function handleHeartbeatResponse(
  state: RaftState,
  leadership: LeaderState,
  message: HeartbeatResponse,
): void {
  const peer = leadership.progress.get(message.from);
  if (peer === undefined) return;
  peer.heardAt = state.timers.now;
  peer.ackedSentAt = Math.max(peer.ackedSentAt, message.sentAt);
  handlePeerAlive(state, peer);
  confirmRound(state, leadership, message);
}

/** True when a quorum was heard within the shortest election timeout (CheckQuorum). */
function hearsQuorum(
  { id, configuration, timers, options }: RaftState,
  leadership: LeaderState,
): boolean {
  const heardAt = quorumValue(configuration, (voter) =>
    voter === id
      ? timers.now
      : (leadership.progress.get(voter)?.heardAt ?? Number.NEGATIVE_INFINITY),
  );
  return timers.now - heardAt < options.electionTicksMin;
}
