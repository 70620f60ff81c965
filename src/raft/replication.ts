/**
 * Replication, the leader's half: sends appends, takes their answers, moves the commit index.
 */
import { assert } from './assert.js';
import { headersFrom, type Log, lastIndex, lastNotAbove, type Position, termAt } from './log.js';
import type { AppendEntriesResponse, NodeId } from './message.js';
import { send } from './outbox.js';
import { becomeProbe, becomeReplicate, isSendDue, lastToSend, type Progress } from './progress.js';
import { quorumValue } from './quorum.js';
import { offerSnapshot, resendLostPart, sendSnapshotPart } from './snapshot.js';
import type { LeaderState, RaftState } from './state.js';

/** True when an AppendEntries could leave now. */
export function areAppendsDue(state: RaftState, { progress }: LeaderState): boolean {
  for (const peer of progress.values()) {
    if (isSendDue(peer, state.log, state.options)) return true;
  }
  return false;
}

/**
 * Sends every peer what its window allows. Called once per `ready()`, so all proposals of one drain
 * travel in one message.
 */
export function sendAppends(state: RaftState, { progress }: LeaderState): void {
  const { log, options } = state;
  for (const peer of progress.values()) {
    startWithinLog(state, peer);
    while (isSendDue(peer, log, options)) {
      if (peer.state === 'snapshot') sendSnapshotPart(state, peer);
      else sendAppend(state, peer);
    }
  }
}

function sendAppend(state: RaftState, peer: Progress): void {
  const { log, commitIndex } = state;
  const prevLogIndex = peer.nextIndex - 1;
  const prevLogTerm = termAt(log, prevLogIndex);
  assert(prevLogTerm !== undefined, 'nextIndex lies within the log or right after it');
  const last = lastToSend(peer, log, state.options);
  send(state, {
    kind: 'append-entries',
    from: state.id,
    to: peer.id,
    term: state.currentTerm,
    prevLogIndex,
    prevLogTerm,
    entries: headersFrom(log, peer.nextIndex, last),
    leaderCommit: commitIndex,
    replicatedByAll: state.replicatedByAll,
  });
  peer.emptyDue = false;
  peer.commitSent = Math.max(peer.commitSent, Math.min(commitIndex, last));
  if (peer.state === 'probe') peer.probeSent = true;
  else peer.nextIndex = last + 1;
}

/** Sends a heartbeat, and with it the news of the commit and the round of reads under way. */
export function sendHeartbeat(state: RaftState, leadership: LeaderState, peer: Progress): void {
  // Never beyond matchIndex: a heartbeat proves nothing about what follows there.
  const leaderCommit = Math.min(peer.matchIndex, state.commitIndex);
  peer.commitSent = Math.max(peer.commitSent, leaderCommit);
  send(state, {
    kind: 'heartbeat',
    from: state.id,
    to: peer.id,
    term: state.currentTerm,
    leaderCommit,
    replicatedByAll: state.replicatedByAll,
    readId: leadership.reads.round?.id ?? 0,
    sentAt: state.timers.leaseNow,
  });
}

/** A follower answered an append. */
export function handleAppendResponse(
  state: RaftState,
  leadership: LeaderState,
  message: AppendEntriesResponse,
): void {
  const peer = leadership.progress.get(message.from);
  if (peer === undefined) return;
  peer.heardAt = state.timers.now;
  if (message.success) accept(state, leadership, { peer, matchIndex: message.matchIndex });
  else backtrack(state, peer, message);
}

/** A follower answered a heartbeat: it lives, so a lost tail can be found out. */
export function handlePeerAlive(state: RaftState, peer: Progress): void {
  if (!peer.probeCredit) return;
  peer.probeCredit = false;
  nudge(state, peer);
}

/** Lets one append through that may be empty: it finds out what the peer lacks. */
export function nudge(state: RaftState, peer: Progress): void {
  if (peer.state === 'probe') peer.probeSent = false;
  else if (peer.state === 'snapshot') resendLostPart(state, peer);
  else if (peer.matchIndex < lastIndex(state.log)) peer.emptyDue = true;
}

/** Sending failed: what is under way may be lost. Pauses until the peer answers a heartbeat. */
export function handleUnreachable(leadership: LeaderState, id: NodeId): void {
  const peer = leadership.progress.get(id);
  if (peer === undefined) return;
  // A part of a snapshot that was not sent counts as lost.
  if (peer.state === 'snapshot') return;
  if (peer.state === 'replicate') becomeProbe(peer);
  peer.probeSent = true;
}

/** Moves the commit index to what a quorum stores durably. */
export function advanceCommit(state: RaftState, { progress }: LeaderState): void {
  const { log, configuration, id } = state;
  const index = quorumValue(configuration, (voter) =>
    // The own entries count once they are durable, like everybody's.
    voter === id ? log.stableIndex : (progress.get(voter)?.matchIndex ?? 0),
  );
  // §5.4.2: an entry of an older term is never committed by counting replicas.
  if (index > state.commitIndex && termAt(log, index) === state.currentTerm) {
    state.commitIndex = index;
  }
  let stored = log.stableIndex;
  for (const { matchIndex } of progress.values()) stored = Math.min(stored, matchIndex);
  state.replicatedByAll = Math.max(state.replicatedByAll, stored);
}

function accept(
  state: RaftState,
  leadership: LeaderState,
  { peer, matchIndex }: { peer: Progress; matchIndex: number },
): void {
  assert(matchIndex <= lastIndex(state.log), 'a follower acknowledges only what this leader sent');
  const isNews = matchIndex > peer.matchIndex;
  // A stale acknowledgement, delayed or doubled, changes nothing.
  if (matchIndex < peer.matchIndex) return;
  peer.matchIndex = matchIndex;
  peer.nextIndex = Math.max(peer.nextIndex, matchIndex + 1);
  // An old acknowledgement is no reason to give a transfer up. If the log was compacted beyond the
  // snapshot meanwhile, the next thing that the peer gets is a newer one.
  const isInstalled = matchIndex >= (peer.transfer?.index ?? Number.POSITIVE_INFINITY);
  if (peer.state === 'probe' || isInstalled) becomeReplicate(peer);
  if (!isNews) return;
  advanceCommit(state, leadership);
  orderTakeover(state, leadership, peer);
}

/** The peer's log differs at prevLogIndex: goes back by whole terms (§5.3). */
function backtrack(state: RaftState, peer: Progress, message: AppendEntriesResponse): void {
  const { log } = state;
  if (peer.state === 'snapshot') return;
  if (peer.state === 'replicate') {
    // At or below matchIndex the logs are equal: a refusal of that was overtaken by its remedy.
    if (message.prevLogIndex > peer.matchIndex) becomeProbe(peer);
    return;
  }
  // Only the answer to the probe under way counts.
  if (message.prevLogIndex !== peer.nextIndex - 1) return;
  const { conflictIndex, conflictTerm = Number.POSITIVE_INFINITY, prevLogIndex } = message;
  const hint = agreementHint(log, { index: conflictIndex ?? prevLogIndex - 1, term: conflictTerm });
  // However strange the hint: at least one step back, and never below what is verified.
  peer.nextIndex = Math.max(Math.min(hint + 1, prevLogIndex), peer.matchIndex + 1);
  peer.probeSent = false;
  startWithinLog(state, peer);
}

/** Where the logs may agree as far as the own one tells; before its start the peer is believed. */
function agreementHint(log: Log, conflict: Position): number {
  return conflict.index < log.baseIndex ? conflict.index : lastNotAbove(log, conflict).index;
}

/** The log begins after what the peer needs: it gets the snapshot that stands for the rest (§7). */
function startWithinLog({ log, snapshot }: RaftState, peer: Progress): void {
  if (peer.state === 'snapshot' || peer.nextIndex > log.baseIndex) return;
  offerSnapshot(peer, snapshot);
}

/** The chosen successor has everything: tells it to campaign (dissertation 3.10). */
export function orderTakeover(state: RaftState, leadership: LeaderState, peer: Progress): void {
  if (leadership.transferee !== peer.id || peer.matchIndex !== lastIndex(state.log)) return;
  leadership.isLeaseForfeited = true;
  send(state, {
    kind: 'timeout-now',
    from: state.id,
    to: peer.id,
    term: state.currentTerm,
  });
}
