/**
 * Ready: one batch of what the core wants done. `index.ts` tells in which order.
 */

import type { Entry, HardState, NodeId, OutboundMessage, SnapshotPart } from './message.js';
import type { ProgressState } from './progress.js';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** A read that may be served once `lastApplied >= index`. */
export interface ConfirmedRead {
  readonly readId: number;
  readonly index: number;
}

/** Who leads, as this node sees it. */
export interface Leadership {
  readonly role: Role;
  readonly leaderId?: NodeId;
  readonly currentTerm: number;
}

export interface Ready {
  /** Number of the batch, counted from 1; pass it to `durable()` when writes take time. */
  readonly batch: number;
  /**
   * To be stored together with `entries`, before `messagesAfterDurable` are sent. Absent:
   * unchanged.
   */
  readonly hardState?: HardState;
  /**
   * To be appended. If the first index is not beyond the end of storage, truncate from there first.
   */
  readonly entries: readonly Entry[];
  /** To be sent at once; a leader's appends overlap with its own write (dissertation 10.2.1). */
  readonly messages: readonly OutboundMessage[];
  /** To be sent once this batch and all earlier ones are on stable storage. */
  readonly messagesAfterDurable: readonly OutboundMessage[];
  /**
   * Parts of a snapshot to be stored, in order, after `entries`. When the last one is, the caller
   * puts the state in the place of its own and calls `installed()`.
   */
  readonly snapshotParts: readonly SnapshotPart[];
  /**
   * Apply up to here, in pages of any size. Never decreases, never beyond the entries handed out.
   */
  readonly commitIndex: number;
  /** Confirmed reads, each reported once. */
  readonly reads: readonly ConfirmedRead[];
  /** Reads that ended without an answer; asking again is safe. */
  readonly readsAborted: readonly number[];
  /** Present when role, leader or term differ from the batch before. */
  readonly leadership?: Leadership;
}

/** The answer to a proposal. Accepted means appended here, not committed. */
export type ProposeResult =
  | { readonly accepted: true; readonly index: number; readonly term: number }
  | {
      readonly accepted: false;
      readonly reason: 'not-leader' | 'transferring' | 'uncommitted-limit';
      readonly leaderId?: NodeId;
    };

export type TransferResult =
  | { readonly accepted: true }
  | {
      readonly accepted: false;
      readonly reason: 'not-leader' | 'unknown-node' | 'learner' | 'already-leader';
      readonly leaderId?: NodeId;
    };

export type ReadIndexResult =
  | { readonly accepted: true; readonly readId: number }
  | { readonly accepted: false; readonly reason: 'no-leader' | 'reads-limit' };

/** A leader's view of one peer, for people and tests. */
export interface ProgressStatus {
  readonly state: ProgressState;
  readonly isLearner: boolean;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly inflightEntries: number;
  readonly inflightBytes: number;
  /** While it gets a snapshot: which one, and how many bytes of it are there. */
  readonly snapshot?: { readonly index: number; readonly offset: number };
}

/** A snapshot of the core as plain data. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly currentTerm: number;
  readonly votedFor?: NodeId;
  readonly leaderId?: NodeId;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
  /** First index still held; lastLogIndex + 1 when none is. */
  readonly firstLogIndex: number;
  readonly stableIndex: number;
  readonly replicatedByAll: number;
  readonly transferee?: NodeId;
  /** Reads waiting at this node, for its own clients and for followers. */
  readonly readsWaiting: number;
  /** At a leader: every other member. */
  readonly progress?: Readonly<Record<NodeId, ProgressStatus>>;
}
