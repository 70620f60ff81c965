/**
 * InstallSnapshot (§7): how a follower catches up whose entries the leader no longer has.
 *
 *     leader                                   follower
 *       ── part, offset 0 ──────────────────>    stores it
 *       <──────────── next part from 262,144 ──
 *       ── part, offset 262,144, the last ──>    installs it: log, state, then
 *       <──────────── append success, matchIndex = snapshotIndex ──
 *
 * One part is under way at a time: a slow follower is not flooded, and heartbeats have a lane of
 * their own. The follower says where it wants to go on, so a transfer survives lost messages. From
 * another leader it begins anew: two nodes may write the same state in different bytes.
 */
import { assert } from './assert.js';
import { lastIndex, restoreLog } from './log.js';
import type { InstallSnapshot, InstallSnapshotResponse, SnapshotPart } from './message.js';
import { acknowledge, send, sendAfterDurable } from './outbox.js';
import { becomeProbe, type Progress } from './progress.js';
import type { LeaderState, RaftState, SnapshotPosition } from './state.js';

/** The leader has forgotten what the peer needs: it gets the snapshot instead. */
export function offerSnapshot(peer: Progress, { index, term }: SnapshotPosition): void {
  peer.state = 'snapshot';
  peer.emptyDue = false;
  peer.probeSent = false;
  peer.transfer = { index, term, offset: 0, isSent: false, sentAt: 0 };
}

/** Sends the part that the peer waits for; the caller puts the bytes in. */
export function sendSnapshotPart(state: RaftState, peer: Progress): void {
  const { transfer } = peer;
  assert(transfer !== undefined, 'a peer that gets a snapshot has a transfer');
  transfer.isSent = true;
  transfer.sentAt = state.timers.now;
  const part: InstallSnapshot = {
    kind: 'install-snapshot',
    from: state.id,
    to: peer.id,
    term: state.currentTerm,
    snapshotIndex: transfer.index,
    snapshotTerm: transfer.term,
    offset: transfer.offset,
  };
  send(state, part);
}

/** The follower says where it wants to go on. */
export function handleSnapshotResponse(
  state: RaftState,
  { progress }: LeaderState,
  message: InstallSnapshotResponse,
): void {
  const peer = progress.get(message.from);
  if (peer === undefined) return;
  peer.heardAt = state.timers.now;
  const { transfer } = peer;
  const { snapshotIndex, snapshotTerm, nextOffset } = message;
  if (transfer?.index !== snapshotIndex || transfer.term !== snapshotTerm) return;
  // A doubled answer must not start a second stream of parts beside the first.
  if (nextOffset === transfer.offset) return;
  transfer.offset = nextOffset;
  transfer.isSent = false;
}

/** The peer lives but does not answer: the part, or the answer to it, may be lost. */
export function resendLostPart({ timers, options }: RaftState, { transfer }: Progress): void {
  if (transfer === undefined || !transfer.isSent) return;
  if (timers.now - transfer.sentAt >= options.electionTicksMin) transfer.isSent = false;
}

/** The caller has this snapshot no longer: begins again with the newest. */
export function restartTransfer(state: RaftState, peer: Progress): void {
  if (peer.state !== 'snapshot') return;
  if (peer.transfer?.index === state.snapshot.index) {
    becomeProbe(peer);
    peer.probeSent = true;
    return;
  }
  offerSnapshot(peer, state.snapshot);
}

/**
 * The oldest snapshot under way to a peer that lives. One that is not heard of gets no part either,
 * and nothing is kept for it.
 */
export function oldestTransfer(state: RaftState): SnapshotPosition | undefined {
  const { leadership, timers, options } = state;
  let oldest: SnapshotPosition | undefined;
  for (const { transfer, heardAt } of leadership?.progress.values() ?? []) {
    if (transfer === undefined || timers.now - heardAt > options.electionTicksMax) continue;
    if (oldest === undefined || transfer.index < oldest.index) oldest = transfer;
  }
  return oldest;
}

/** The follower's side of a part. */
export function handleInstallSnapshot(state: RaftState, message: SnapshotPart): void {
  const { snapshotIndex, snapshotTerm, offset } = message;
  if (snapshotIndex <= state.commitIndex) {
    // All of it is here, whoever brought it: the leader goes on with entries.
    acknowledgeThrough(state, message.from, state.commitIndex);
    return;
  }
  const known = state.incoming;
  const isSame =
    known?.from === message.from && known.index === snapshotIndex && known.term === snapshotTerm;
  const nextOffset = isSame ? known.nextOffset : 0;
  if (offset !== nextOffset) {
    respond(state, message, nextOffset);
    return;
  }
  // Of two snapshots that come before the caller takes one, the later counts: it may be the older.
  if (!isSame) state.outbox.snapshotParts = [];
  const end = offset + message.bytes.byteLength;
  state.incoming = {
    index: snapshotIndex,
    term: snapshotTerm,
    from: message.from,
    nextOffset: end,
  };
  state.outbox.snapshotParts.push(message);
  if (!message.isLast) respond(state, message, end);
}

/**
 * Entries that were overtaken by the snapshot may arrive beside it, and be committed: it is of no
 * more use then, and to install it would lead back.
 */
export function forgetOvertaken(state: RaftState): void {
  const { incoming, outbox, commitIndex } = state;
  if (outbox.snapshotParts.length === 0) return;
  outbox.snapshotParts = outbox.snapshotParts.filter((part) => part.snapshotIndex > commitIndex);
  if (incoming !== undefined && incoming.index <= commitIndex) state.incoming = undefined;
}

/** The caller has stored the whole snapshot and put its state in the place of the old one. */
export function completeInstall(state: RaftState, { index, term }: SnapshotPosition): void {
  const { incoming } = state;
  assert(index > state.commitIndex, 'an installed snapshot is ahead of what is committed here');
  restoreLog(state.log, { index, term });
  state.commitIndex = index;
  state.lastApplied = index;
  state.handed.commitIndex = index;
  state.verifiedIndex = Math.max(state.verifiedIndex, index);
  state.snapshot = { index, term };
  state.incoming = undefined;
  if (incoming !== undefined && state.leadership === undefined) {
    acknowledgeThrough(state, incoming.from, index);
  }
}

/** What was received could not be installed: the transfer begins again when the leader asks. */
export function refuseInstall(state: RaftState): void {
  state.incoming = undefined;
}

function acknowledgeThrough(state: RaftState, to: string, matchIndex: number): void {
  acknowledge(state, {
    kind: 'append-entries-response',
    from: state.id,
    to,
    term: state.currentTerm,
    success: true,
    matchIndex,
    prevLogIndex: matchIndex,
    lastLogIndex: lastIndex(state.log),
  });
}

function respond(state: RaftState, message: InstallSnapshot, nextOffset: number): void {
  sendAfterDurable(state, {
    kind: 'install-snapshot-response',
    from: state.id,
    to: message.from,
    term: state.currentTerm,
    snapshotIndex: message.snapshotIndex,
    snapshotTerm: message.snapshotTerm,
    nextOffset,
  });
}
