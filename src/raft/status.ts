/**
 * Status: the state of a node copied out as plain data.
 */
import { lastIndex, lastTerm } from './log.js';
import { inflight } from './progress.js';
import { readsWaiting } from './read-index.js';
import type { ProgressStatus, RaftStatus } from './ready.js';
import type { LeaderState, RaftState } from './state.js';

export function statusOf(state: RaftState): RaftStatus {
  const { log, votedFor, leaderId, leadership } = state;
  const transferee = leadership?.transferee;
  return {
    id: state.id,
    role: state.role,
    currentTerm: state.currentTerm,
    ...(votedFor === undefined ? undefined : { votedFor }),
    ...(leaderId === undefined ? undefined : { leaderId }),
    commitIndex: state.commitIndex,
    lastApplied: state.lastApplied,
    lastLogIndex: lastIndex(log),
    lastLogTerm: lastTerm(log),
    firstLogIndex: log.baseIndex + 1,
    stableIndex: log.stableIndex,
    replicatedByAll: state.replicatedByAll,
    ...(transferee === undefined ? undefined : { transferee }),
    readsWaiting: readsWaiting(state),
    ...(leadership === undefined ? undefined : { progress: progressOf(state, leadership) }),
  };
}

function progressOf(state: RaftState, leadership: LeaderState): Record<string, ProgressStatus> {
  const result: Record<string, ProgressStatus> = {};
  for (const [id, peer] of leadership.progress) {
    const { entries, bytes } = inflight(peer, state.log);
    result[id] = {
      state: peer.state,
      isLearner: state.configuration.learners.includes(id),
      matchIndex: peer.matchIndex,
      nextIndex: peer.nextIndex,
      inflightEntries: entries,
      inflightBytes: bytes,
      ...(peer.transfer === undefined
        ? undefined
        : { snapshot: { index: peer.transfer.index, offset: peer.transfer.offset } }),
    };
  }
  return result;
}
