/**
 * Follower: obeys the leader of the term, and campaigns when none is heard.
 */
import { assert, assertNever } from './assert.js';
import { campaign, campaignForTransfer } from './candidate.js';
import { isVoter } from './configuration.js';
import { append, lastIndex, lastNotAbove, termAt, truncateFrom } from './log.js';
import type { AppendEntries, Heartbeat, Message } from './message.js';
import { acknowledge, send, sendAfterDurable } from './outbox.js';
import { refuseRead, retryOverdue, settleForwarded } from './read-index.js';
import { handleInstallSnapshot } from './snapshot.js';
import { type RaftState, verifiedThrough } from './state.js';
import { loseLeader, resetElectionTimer } from './transition.js';

/** Time passes for a follower, a pre-candidate or a candidate. */
export function tickElection(state: RaftState): void {
  const { now, electionResetAt, electionTicks } = state.timers;
  if (now - electionResetAt < electionTicks) {
    retryOverdue(state);
  } else if (isVoter(state.configuration, state.id)) {
    campaign(state);
  } else {
    // A learner does not campaign, but it knows that nobody leads it.
    resetElectionTimer(state);
    loseLeader(state);
  }
}

/** Handles a message that a voter's duty has not claimed; its leader is noted already. */
export function stepFollower(state: RaftState, message: Message): void {
  switch (message.kind) {
    case 'append-entries':
      handleAppendEntries(state, message);
      return;
    case 'install-snapshot':
      handleInstallSnapshot(state, message);
      return;
    case 'heartbeat':
      handleHeartbeat(state, message);
      return;
    case 'timeout-now':
      campaignForTransfer(state);
      return;
    case 'read-index-response':
      if (settleForwarded(state, message)) advanceCommitTo(state, message.leaderCommit);
      return;
    case 'read-index':
      refuseRead(state, message);
      return;
    case 'request-vote-response': // To a campaign or a leadership that is over.
    case 'pre-vote-response':
    case 'append-entries-response':
    case 'install-snapshot-response':
    case 'heartbeat-response':
    case 'request-vote': // Answered before the roles.
    case 'pre-vote':
      return;
    default:
      assertNever(message);
  }
}

function handleAppendEntries(state: RaftState, message: AppendEntries): void {
  const { log } = state;
  const { prevLogIndex, entries } = message;
  // Before the base everything is committed and so the same everywhere (Leader Completeness).
  const isVerified =
    prevLogIndex < log.baseIndex || termAt(log, prevLogIndex) === message.prevLogTerm;
  if (!isVerified) {
    refuseAppend(state, message);
    return;
  }
  appendMissing(state, message);
  const last = prevLogIndex + entries.length;
  state.verifiedIndex = Math.max(verifiedThrough(state), last);
  state.replicatedByAll = Math.max(state.replicatedByAll, message.replicatedByAll);
  advanceCommitTo(state, message.leaderCommit);
  acknowledge(state, {
    kind: 'append-entries-response',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    success: true,
    // Never the length of the log: a tail that this message does not cover may be wrong.
    matchIndex: Math.max(last, state.commitIndex),
    prevLogIndex,
    lastLogIndex: lastIndex(log),
  });
}

/** Takes what is new, and only from the first real conflict on gives up what is here (§5.3). */
function appendMissing(state: RaftState, { prevLogIndex, entries }: AppendEntries): void {
  const { log } = state;
  let index = prevLogIndex;
  for (const { term, kind, byteLength, payload, index: claimed } of entries) {
    index += 1;
    assert(claimed === index && term <= state.currentTerm, 'the entries of an append follow prev');
    const ownTerm = termAt(log, index);
    if (index < log.baseIndex || ownTerm === term) continue;
    if (ownTerm !== undefined) {
      assert(index > state.commitIndex, 'a committed entry never changes (State Machine Safety)');
      truncateFrom(log, index);
    }
    append(log, { index, term, kind, byteLength }, payload);
  }
}

function refuseAppend(state: RaftState, { from, prevLogIndex, prevLogTerm }: AppendEntries): void {
  const { log, commitIndex } = state;
  const hint = lastNotAbove(log, { index: prevLogIndex, term: prevLogTerm });
  // What is committed is the same at the leader: no need to look further back.
  const conflictIndex = Math.max(hint.index, commitIndex);
  sendAfterDurable(state, {
    kind: 'append-entries-response',
    from: state.id,
    to: from,
    term: state.currentTerm,
    success: false,
    matchIndex: 0,
    prevLogIndex,
    conflictIndex,
    conflictTerm: termAt(log, conflictIndex) ?? log.baseTerm,
    lastLogIndex: lastIndex(log),
  });
}

function handleHeartbeat(state: RaftState, message: Heartbeat): void {
  state.replicatedByAll = Math.max(state.replicatedByAll, message.replicatedByAll);
  advanceCommitTo(state, message.leaderCommit);
  send(state, {
    kind: 'heartbeat-response',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    readId: message.readId,
    sentAt: message.sentAt,
  });
}

/** Follows the leader's commit index, but never into a tail that this leader has not verified. */
function advanceCommitTo(state: RaftState, leaderCommit: number): void {
  const index = Math.min(leaderCommit, verifiedThrough(state));
  state.commitIndex = Math.max(state.commitIndex, index);
}
