/**
 * Progress: a leader's view of one peer's log, and how much it may send to it.
 *
 *     probe       the place where the logs meet is unknown: one message at a time, and back we go
 *     replicate   the place is known: a stream of messages, as many as the window allows
 *     snapshot    the log here begins after what the peer needs: it gets a snapshot, part by part
 *
 * What is under way to a replicating peer is exactly the range between matchIndex and nextIndex. So
 * the window is computed from the log and not counted: an acknowledgement frees what it covers, a
 * stale one nothing, and no counter can leak.
 *
 *        acknowledged        in flight         not sent
 *     ├──────────────────┼──────────────────┼─────────────┤
 *                    matchIndex        nextIndex - 1      last
 */
import { bytesBetween, type Log, lastIndex } from './log.js';
import type { NodeId } from './message.js';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** Invariant: matchIndex < nextIndex; within a term matchIndex never decreases. */
export interface Progress {
  readonly id: NodeId;
  state: ProgressState;
  /** Highest index known to be durable at the peer and equal to the leader's log. */
  matchIndex: number;
  /** First index not sent yet (replicate), or the one tried next (probe). */
  nextIndex: number;
  /** The one message of a probe is under way; cleared by its answer or by a heartbeat's. */
  probeSent: boolean;
  /** An AppendEntries is due even if it must be empty: the tail may have been lost on the way. */
  emptyDue: boolean;
  /** One per heartbeat interval: the right to set `emptyDue` when the peer shows that it lives. */
  probeCredit: boolean;
  /** Highest commit index that the peer was told and could take. */
  commitSent: number;
  /** Set exactly while `state` is snapshot. */
  transfer: Transfer | undefined;
  /** Tick of the leader at which the peer was last heard, for CheckQuorum. */
  heardAt: number;
  /** Send time of the newest heartbeat that the peer has answered, on the leader's lease clock. */
  ackedSentAt: number;
}

/** A snapshot on its way to a peer. */
interface Transfer {
  readonly index: number;
  readonly term: number;
  /** Where the part begins that is under way, or is sent next. */
  offset: number;
  isSent: boolean;
  /** Tick of the leader at which it was sent. */
  sentAt: number;
}

/** Bounds of the window of one peer. */
export interface Window {
  readonly inflightEntriesMax: number;
  readonly inflightBytesMax: number;
  readonly appendBytesMax: number;
}

/** How a new leader sees a peer: it guesses that the peer has everything and probes (§5.3). */
export function createProgress(id: NodeId, { nextIndex, now }: ProgressStart): Progress {
  return {
    id,
    state: 'probe',
    matchIndex: 0,
    nextIndex,
    probeSent: false,
    emptyDue: false,
    probeCredit: false,
    commitSent: 0,
    transfer: undefined,
    heardAt: now,
    ackedSentAt: Number.NEGATIVE_INFINITY,
  };
}

export interface ProgressStart {
  readonly nextIndex: number;
  /** Tick of the leader. */
  readonly now: number;
}

/** From now on one message at a time, from the place that is verified. */
export function becomeProbe(progress: Progress): void {
  progress.state = 'probe';
  progress.transfer = undefined;
  progress.nextIndex = progress.matchIndex + 1;
  progress.probeSent = false;
  progress.emptyDue = false;
}

/** The logs meet at matchIndex: stream. */
export function becomeReplicate(progress: Progress): void {
  progress.state = 'replicate';
  progress.transfer = undefined;
  progress.nextIndex = progress.matchIndex + 1;
  progress.probeSent = false;
  progress.emptyDue = false;
}

/** True when a message can and should be sent to the peer now. */
export function isSendDue(progress: Progress, log: Log, window: Window): boolean {
  if (progress.state === 'probe') return !progress.probeSent;
  if (progress.state === 'snapshot') return progress.transfer?.isSent === false;
  if (progress.emptyDue) return true;
  return progress.nextIndex <= lastIndex(log) && fits(progress, log, window, progress.nextIndex);
}

/**
 * The last index that the next message to the peer may carry; nextIndex - 1 when it must be empty.
 */
export function lastToSend(progress: Progress, log: Log, window: Window): number {
  const before = progress.nextIndex - 1;
  const end = lastIndex(log);
  let last = before;
  while (last < end) {
    const index = last + 1;
    if (last > before && bytesBetween(log, before, index) > window.appendBytesMax) break;
    if (!fits(progress, log, window, index)) break;
    last = index;
  }
  return last;
}

/** Entries and payload bytes that were sent to the peer and not acknowledged. */
export function inflight(progress: Progress, log: Log): { entries: number; bytes: number } {
  if (progress.state !== 'replicate') return { entries: 0, bytes: 0 };
  const { matchIndex, nextIndex } = progress;
  return {
    entries: nextIndex - 1 - matchIndex,
    bytes: bytesBetween(log, matchIndex, nextIndex - 1),
  };
}

/**
 * True when the window still has room with everything up to the index under way; one entry always
 * fits.
 */
function fits(progress: Progress, log: Log, window: Window, index: number): boolean {
  // A probe is its own window: nothing else is under way.
  const from = progress.state === 'probe' ? progress.nextIndex - 1 : progress.matchIndex;
  if (index === from + 1) return true;
  return (
    index - from <= window.inflightEntriesMax &&
    bytesBetween(log, from, index) <= window.inflightBytesMax
  );
}
