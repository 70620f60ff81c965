/**
 * ReadIndex (dissertation 6.4): linearizable reads without a log entry.
 *
 * At the leader reads wait in `waiting`. A round takes all of them, notes the commit index and
 * sends a heartbeat with a fresh id; when a quorum has answered that id, nobody else can have led
 * meanwhile, and the reads may be served at the noted index. Who asks while a round is under way
 * waits for the next: an answer to a heartbeat that left before the question proves nothing.
 *
 * A follower forwards its reads in the same manner, one request under way with a fresh id per
 * attempt.
 */
import { assert } from './assert.js';
import { votersOf } from './configuration.js';
import { lastIndex } from './log.js';
import type { NodeId, ReadIndexRequest, ReadIndexResponse } from './message.js';
import { send } from './outbox.js';
import { hasQuorum } from './quorum.js';
import type { ReadIndexResult } from './ready.js';
import { sendHeartbeat } from './replication.js';
import type { LeaderState, RaftState } from './state.js';

/** A read at the leader. */
interface PendingRead {
  readonly readId: number;
  /** The follower that asked; absent for the leader's own. */
  readonly from: NodeId | undefined;
}

interface Round {
  readonly id: number;
  /** commitIndex when the round began. */
  readonly index: number;
  readonly reads: readonly PendingRead[];
  readonly confirmedBy: Set<NodeId>;
}

export interface ReadRounds {
  /** Asked since the last round began. */
  waiting: PendingRead[];
  round: Round | undefined;
}

/** Reads of a follower's own clients. */
export interface ForwardedReads {
  waiting: number[];
  attempt: Attempt | undefined;
}

interface Attempt {
  /**
   * Ids of the first and the newest request for these reads, all of which came after the reads. An
   * answer to any of them counts: else an answer that takes longer than a retry would never count.
   */
  readonly firstId: number;
  readonly id: number;
  readonly reads: readonly number[];
  /** Tick of this node. */
  readonly sentAt: number;
}

export function createReadRounds(): ReadRounds {
  return { waiting: [], round: undefined };
}

export function createForwardedReads(): ForwardedReads {
  return { waiting: [], attempt: undefined };
}

/** How many reads wait at this node. */
export function readsWaiting({ leadership, forwarded }: RaftState): number {
  const rounds = leadership?.reads;
  return (
    (rounds?.waiting.length ?? 0) +
    (rounds?.round?.reads.length ?? 0) +
    forwarded.waiting.length +
    (forwarded.attempt?.reads.length ?? 0)
  );
}

/** Registers a read of this node's own client. */
export function askReadIndex(state: RaftState): ReadIndexResult {
  if (state.leaderId === undefined) return { accepted: false, reason: 'no-leader' };
  if (readsWaiting(state) >= state.options.readsMax) {
    return { accepted: false, reason: 'reads-limit' };
  }
  const readId = drawReadId(state);
  if (state.leadership === undefined) state.forwarded.waiting.push(readId);
  else state.leadership.reads.waiting.push({ readId, from: undefined });
  return { accepted: true, readId };
}

/** Leader: a follower asks. */
export function enqueueRead(
  state: RaftState,
  { reads }: LeaderState,
  { from, readId }: ReadIndexRequest,
): void {
  // What a follower still wants of an older request, its newer one asks for as well.
  const older = reads.waiting.findIndex((read) => read.from === from);
  if (older >= 0) {
    reads.waiting[older] = { readId, from };
  } else if (readsWaiting(state) >= state.options.readsMax) {
    refuseRead(state, { readId, from });
  } else {
    reads.waiting.push({ readId, from });
  }
}

/** Tells an asker that nothing will come of its request here. */
export function refuseRead(state: RaftState, { readId, from }: Asker): void {
  send(state, {
    kind: 'read-index-response',
    from: state.id,
    to: from,
    term: state.currentTerm,
    readId,
    readIndex: 0,
    leaderCommit: 0,
    refused: true,
  });
}

interface Asker {
  readonly readId: number;
  readonly from: NodeId;
}

/** True when a round could begin now. */
export function isRoundDue(state: RaftState, { reads, termStartIndex }: LeaderState): boolean {
  // §8: before an entry of its own term is committed a leader does not know what is committed.
  return (
    reads.round === undefined && reads.waiting.length > 0 && state.commitIndex >= termStartIndex
  );
}

/** Leader: begins a round with all reads that wait, if one is due. */
export function startRound(state: RaftState, leadership: LeaderState): void {
  if (!isRoundDue(state, leadership)) return;
  const { reads, progress } = leadership;
  reads.round = {
    id: drawReadId(state),
    index: state.commitIndex,
    reads: reads.waiting,
    confirmedBy: new Set([state.id]),
  };
  reads.waiting = [];
  for (const id of votersOf(state.configuration)) {
    const peer = progress.get(id);
    if (peer !== undefined) sendHeartbeat(state, leadership, peer);
  }
  finishRound(state, leadership);
}

/** Leader: a peer answered a heartbeat of the round with this id. */
export function confirmRound(
  state: RaftState,
  leadership: LeaderState,
  { from, readId }: Asker,
): void {
  const { round } = leadership.reads;
  if (round === undefined || round.id !== readId) return;
  round.confirmedBy.add(from);
  finishRound(state, leadership);
}

/** Follower: sends what waits to the leader, one attempt at a time. */
export function forwardReads(state: RaftState): void {
  if (!isForwardDue(state)) return;
  const { forwarded } = state;
  sendAttempt(state, { reads: forwarded.waiting, firstId: state.nextReadId });
  forwarded.waiting = [];
}

export function isForwardDue({ forwarded, leaderId, role }: RaftState): boolean {
  return (
    role === 'follower' &&
    leaderId !== undefined &&
    forwarded.attempt === undefined &&
    forwarded.waiting.length > 0
  );
}

/** Follower: the leader answered. Returns true when the answer was to the reads under way. */
export function settleForwarded(state: RaftState, message: ReadIndexResponse): boolean {
  const { attempt } = state.forwarded;
  if (attempt === undefined) return false;
  if (message.readId < attempt.firstId || message.readId > attempt.id) return false;
  state.forwarded.attempt = undefined;
  const { reads, readsAborted } = state.outbox;
  for (const readId of attempt.reads) {
    if (message.refused === true) readsAborted.push(readId);
    else reads.push({ readId, index: message.readIndex });
  }
  return true;
}

/** Follower: gives up the attempt under way; its reads wait for the next `ready()`. */
export function retryForwarded({ forwarded }: RaftState): void {
  if (forwarded.attempt === undefined) return;
  forwarded.waiting = [...forwarded.attempt.reads, ...forwarded.waiting];
  forwarded.attempt = undefined;
}

/** Follower: asks again, with a fresh id, when the answer is overdue. */
export function retryOverdue(state: RaftState): void {
  const { attempt } = state.forwarded;
  if (attempt === undefined) return;
  if (state.timers.now - attempt.sentAt >= state.options.heartbeatTicks) {
    sendAttempt(state, attempt);
  }
}

/** No leader is in sight: ends all reads of this node's own clients that were forwarded. */
export function abortForwarded(state: RaftState): void {
  retryForwarded(state);
  state.outbox.readsAborted.push(...state.forwarded.waiting);
  state.forwarded.waiting = [];
}

/** The leader steps down: nothing that waits here will be confirmed. */
export function abortRounds(state: RaftState, { reads }: LeaderState): void {
  for (const { readId, from } of [...(reads.round?.reads ?? []), ...reads.waiting]) {
    if (from === undefined) state.outbox.readsAborted.push(readId);
    else refuseRead(state, { readId, from });
  }
  reads.round = undefined;
  reads.waiting = [];
}

function sendAttempt(
  state: RaftState,
  { reads, firstId }: Pick<Attempt, 'reads' | 'firstId'>,
): void {
  const { id: from, leaderId, currentTerm: term, timers } = state;
  assert(leaderId !== undefined, 'reads are forwarded to a leader');
  const readId = drawReadId(state);
  state.forwarded.attempt = { firstId, id: readId, reads, sentAt: timers.now };
  send(state, { kind: 'read-index', from, to: leaderId, term, readId });
}

function finishRound(state: RaftState, leadership: LeaderState): void {
  const { round } = leadership.reads;
  if (round === undefined) return;
  if (!hasQuorum(state.configuration, (id) => round.confirmedBy.has(id))) return;
  assert(round.index <= lastIndex(state.log), 'a read index lies within the log');
  leadership.reads.round = undefined;
  for (const { readId, from } of round.reads) {
    if (from === undefined) {
      state.outbox.reads.push({ readId, index: round.index });
    } else {
      const matchIndex = leadership.progress.get(from)?.matchIndex ?? 0;
      send(state, {
        kind: 'read-index-response',
        from: state.id,
        to: from,
        term: state.currentTerm,
        readId,
        readIndex: round.index,
        leaderCommit: Math.min(matchIndex, state.commitIndex),
      });
    }
  }
}

function drawReadId(state: RaftState): number {
  const readId = state.nextReadId;
  state.nextReadId += 1;
  return readId;
}
