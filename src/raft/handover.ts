/**
 * Handover: gathers a `Ready`, and keeps account of what of it is on stable storage by now.
 */
import { recordOwnVote } from './candidate.js';
import { takeUntaken, termAt } from './log.js';
import { forwardReads, isForwardDue, isRoundDue, startRound } from './read-index.js';
import type { Leadership, Ready } from './ready.js';
import { advanceCommit, areAppendsDue, sendAppends } from './replication.js';
import { forgetOvertaken } from './snapshot.js';
import { createOutbox, hardStateOf, type RaftState } from './state.js';

/** True when a `Ready` taken now would ask for something. */
export function isReadyDue(state: RaftState): boolean {
  const { outbox, handed, log, leadership } = state;
  return (
    log.untaken.length > 0 ||
    outbox.messages.length > 0 ||
    outbox.messagesAfterDurable.length > 0 ||
    outbox.snapshotParts.length > 0 ||
    state.commitIndex > handed.commitIndex ||
    outbox.reads.length > 0 ||
    outbox.readsAborted.length > 0 ||
    isHardStateNew(state) ||
    isLeadershipNew(state) ||
    isForwardDue(state) ||
    (leadership !== undefined &&
      (areAppendsDue(state, leadership) || isRoundDue(state, leadership)))
  );
}

/** Takes everything that is to be done. */
export function takeReady(state: RaftState): Ready {
  if (state.leadership !== undefined) {
    startRound(state, state.leadership);
    sendAppends(state, state.leadership);
  } else {
    forwardReads(state);
  }
  forgetOvertaken(state);
  const { outbox, handed } = state;
  const hardState = isHardStateNew(state) ? hardStateOf(state) : undefined;
  const leadership = isLeadershipNew(state) ? leadershipOf(state) : undefined;
  const entries = takeUntaken(state.log);
  state.outbox = createOutbox();
  handed.batch += 1;
  handed.commitIndex = state.commitIndex;
  if (hardState !== undefined) handed.hardState = hardState;
  if (leadership !== undefined) handed.leadership = leadership;
  if (hardState !== undefined || entries.length > 0) {
    handed.writes.push({ batch: handed.batch, firstIndex: entries[0]?.index, hardState });
  }
  return {
    batch: handed.batch,
    entries,
    ...outbox,
    commitIndex: state.commitIndex,
    ...(hardState === undefined ? undefined : { hardState }),
    ...(leadership === undefined ? undefined : { leadership }),
  };
}

/** What the caller reports as stored. */
export interface DurableReport {
  readonly index: number;
  readonly term: number;
  readonly batch: number;
}

/** Notes what is on stable storage, and does what waited for it. */
export function confirmDurable(state: RaftState, { index, term, batch }: DurableReport): void {
  const { handed, log, leadership } = state;
  const { writes } = handed;
  while (writes[0] !== undefined && writes[0].batch <= batch) {
    handed.durableHardState = writes[0].hardState ?? handed.durableHardState;
    writes.shift();
  }
  // Another term at the index: what was written has been replaced since. Later batches, and entries
  // not even handed out, may replace the tail of it with the same term again (A, B, A).
  if (termAt(log, index) === term) {
    let stable = Math.min(index, log.untakenIndex - 1);
    for (const { firstIndex } of writes) {
      if (firstIndex !== undefined) stable = Math.min(stable, firstIndex - 1);
    }
    log.stableIndex = Math.max(log.stableIndex, stable);
  }
  const { durableHardState } = handed;
  if (
    durableHardState.currentTerm === state.currentTerm &&
    durableHardState.votedFor === state.id
  ) {
    recordOwnVote(state);
  }
  if (leadership !== undefined) advanceCommit(state, leadership);
}

function isHardStateNew({ handed, currentTerm, votedFor }: RaftState): boolean {
  return handed.hardState.currentTerm !== currentTerm || handed.hardState.votedFor !== votedFor;
}

function isLeadershipNew({ handed, role, leaderId, currentTerm }: RaftState): boolean {
  const { leadership } = handed;
  return (
    leadership.role !== role ||
    leadership.leaderId !== leaderId ||
    leadership.currentTerm !== currentTerm
  );
}

function leadershipOf({ role, leaderId, currentTerm }: RaftState): Leadership {
  return leaderId === undefined ? { role, currentTerm } : { role, leaderId, currentTerm };
}
