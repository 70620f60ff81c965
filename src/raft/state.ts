/**
 * The state of one node, as plain data, in the names of Figure 2.
 *
 * It is changed by `transition.ts` and by the handler that owns the field, nowhere else.
 */
import type { Configuration } from './configuration.js';
import { createLog, type Log, lastIndex, lastTerm } from './log.js';
import type { HardState, NodeId, OutboundMessage, SnapshotPart } from './message.js';
import type { ResolvedOptions } from './options.js';
import type { Progress } from './progress.js';
import { createForwardedReads, type ForwardedReads, type ReadRounds } from './read-index.js';
import type { ConfirmedRead, Leadership, Role } from './ready.js';

export interface RaftState {
  readonly id: NodeId;
  readonly options: ResolvedOptions;
  configuration: Configuration;

  /** Invariant: never decreases. Changed by `raiseTerm` only. */
  currentTerm: number;
  /** Invariant: set at most once a term, and cleared only when the term rises. */
  votedFor: NodeId | undefined;
  role: Role;
  /** The leader of `currentTerm`, once heard. Invariant: at most one per term. */
  leaderId: NodeId | undefined;

  readonly log: Log;
  /** Invariant: lastApplied <= commitIndex <= last index; neither decreases. */
  commitIndex: number;
  lastApplied: number;
  /** Follower: last index that the leader of this term has shown to equal its own log. */
  verifiedIndex: number;
  /** Every member has stored the log up to here. */
  replicatedByAll: number;
  /** The newest snapshot that the caller has; 0 and 0 if none. */
  snapshot: SnapshotPosition;
  /** Follower: the snapshot that is being received. */
  incoming: IncomingSnapshot | undefined;

  readonly timers: Timers;
  /** Candidate: the answers of this campaign; the first answer of a node stands. */
  readonly votes: Map<NodeId, boolean>;
  /** Set exactly while `role` is leader. */
  leadership: LeaderState | undefined;
  /** Reads of this node that wait for the leader's answer. */
  readonly forwarded: ForwardedReads;
  /** Ids of reads and of rounds are drawn from here; none is used twice. */
  nextReadId: number;

  outbox: Outbox;
  readonly handed: Handed;
}

/** What a snapshot stands for: all entries up to this one. */
export interface SnapshotPosition {
  readonly index: number;
  readonly term: number;
}

interface IncomingSnapshot extends SnapshotPosition {
  readonly from: NodeId;
  /** Bytes that are here. */
  readonly nextOffset: number;
}

/** All in ticks since the node was created. */
interface Timers {
  /** Calls of `tick()`. */
  now: number;
  /** Real ticks, those that a stalled thread missed included; leases are measured in these. */
  leaseNow: number;
  /** When the election timer was last reset, and when it fires after that. */
  electionResetAt: number;
  electionTicks: number;
  heartbeatSentAt: number;
  /**
   * When a leader was last heard; absent: never. A voter's promise to that leader runs from here.
   */
  leaderHeardAt: number | undefined;
}

/** Volatile state of a leader; begins afresh with each term. */
export interface LeaderState {
  /** All members but the leader itself. */
  readonly progress: Map<NodeId, Progress>;
  /**
   * Index of the noop that opened the term. Until it is committed the commit index may be stale.
   */
  readonly termStartIndex: number;
  /** Who shall take over; proposals are refused meanwhile. */
  transferee: NodeId | undefined;
  transferStartedAt: number;
  /**
   * TimeoutNow went out in this term. It may arrive at any later time and lets its receiver win an
   * election at once, so no lease holds for the rest of the term.
   */
  isLeaseForfeited: boolean;
  readonly reads: ReadRounds;
}

/** What the next `ready()` will hand out besides entries and hard state. */
export interface Outbox {
  messages: OutboundMessage[];
  messagesAfterDurable: OutboundMessage[];
  snapshotParts: SnapshotPart[];
  reads: ConfirmedRead[];
  readsAborted: number[];
}

/** What was handed out so far, and what of it is still on its way to stable storage. */
interface Handed {
  batch: number;
  hardState: HardState;
  commitIndex: number;
  leadership: Leadership;
  /** Oldest first; bounded by the batches that the caller has under way. */
  readonly writes: PendingWrite[];
  durableHardState: HardState;
}

interface PendingWrite {
  readonly batch: number;
  /** First index that the batch writes; absent when it has no entries. */
  readonly firstIndex: number | undefined;
  readonly hardState: HardState | undefined;
}

/** Room for the read ids of one incarnation. */
const readIdsPerIncarnation = 2 ** 32;

/** A node that has just started: a follower, whatever it was before (§5.2). */
export function createState(options: ResolvedOptions): RaftState {
  const { id, configuration, hardState, applied, electionTicksMin, electionTicksMax } = options;
  const log = createLog(options.log);
  const { currentTerm } = hardState;
  return {
    id,
    options,
    configuration,
    currentTerm,
    votedFor: hardState.votedFor,
    role: 'follower',
    leaderId: undefined,
    log,
    commitIndex: applied,
    lastApplied: applied,
    verifiedIndex: applied,
    replicatedByAll: 0,
    snapshot: { index: options.log.snapshotIndex, term: options.log.snapshotTerm },
    incoming: undefined,
    timers: {
      now: 0,
      leaseNow: 0,
      electionResetAt: 0,
      electionTicks: options.drawElectionTicks(electionTicksMin, electionTicksMax),
      heartbeatSentAt: 0,
      // A node that ran before may have promised a leader just before it crashed to depose nobody.
      leaderHeardAt: options.mayHavePromised ? 0 : undefined,
    },
    votes: new Map(),
    leadership: undefined,
    forwarded: createForwardedReads(),
    nextReadId: options.incarnation * readIdsPerIncarnation + 1,
    outbox: createOutbox(),
    handed: {
      batch: 0,
      hardState,
      commitIndex: applied,
      leadership: { role: 'follower', currentTerm },
      writes: [],
      durableHardState: hardState,
    },
  };
}

export function createOutbox(): Outbox {
  return { messages: [], messagesAfterDurable: [], snapshotParts: [], reads: [], readsAborted: [] };
}

/** Term and vote as they must be stored. */
export function hardStateOf({ currentTerm, votedFor }: RaftState): HardState {
  return votedFor === undefined ? { currentTerm } : { currentTerm, votedFor };
}

/**
 * True while this node hears a leader: it leads itself, or a leader spoke within the shortest
 * election timeout. A voter deposes no leader that it hears; leases rest on this promise
 * (dissertation 6.4.1).
 */
export function hearsLeader({ role, timers, options }: RaftState): boolean {
  if (role === 'leader') return true;
  const { leaderHeardAt, now } = timers;
  return leaderHeardAt !== undefined && now - leaderHeardAt < options.electionTicksMin;
}

/**
 * The last index up to which the leader of this term has shown its log to equal ours. An entry of
 * the current term can only have come from that leader, and Log Matching vouches for all before it:
 * by this a node that restarts in the middle of a term knows what is verified.
 */
export function verifiedThrough({
  log,
  currentTerm,
  verifiedIndex,
  commitIndex,
}: RaftState): number {
  if (lastTerm(log) === currentTerm) return lastIndex(log);
  return Math.max(verifiedIndex, commitIndex);
}
