/**
 * Messages: everything that one core says to another, as readonly unions tagged by `kind`.
 *
 * The core speaks about entries by their headers only; payload bytes live in storage. A message
 * that leaves the core (`OutboundMessage`) names the entries it carries, the caller adds the bytes
 * when it encodes the frame; a message that arrives (`Message`) has them.
 *
 * All indexes, terms and ids of reads are whole numbers from 0 to 2^53 - 1.
 */

/** Name of a node: `n1`, `n2`, … Unique in a cluster. */
export type NodeId = string;

/**
 * What an entry is for: `command` is client data, `noop` opens a term (§8), `configuration` changes
 * the membership. The core treats all of them alike when it replicates.
 */
export type EntryKind = 'command' | 'noop' | 'configuration';

/**
 * An entry without its bytes.
 *
 * Invariant: (index, term) names one entry, with one payload and one prefix, in the whole cluster
 * and for ever (Log Matching, §5.3).
 */
export interface EntryHeader {
  /** Position in the log; the first entry has index 1, 0 is "before the log". */
  readonly index: number;
  /** Term of the leader that created the entry. */
  readonly term: number;
  readonly kind: EntryKind;
  /** Size of the payload; 0 for a noop. */
  readonly byteLength: number;
}

/**
 * An entry with its bytes. The payload may be a view that is valid only until the next `ready()`
 * was handled.
 */
export interface Entry extends EntryHeader {
  readonly payload: Uint8Array;
}

/** What a node must find again after a crash (Figure 2, "persistent state"), besides its log. */
export interface HardState {
  /** Latest term the node has seen; never decreases. */
  readonly currentTerm: number;
  /**
   * Who got the node's vote in `currentTerm`; absent when nobody did. Changes at most once a term.
   */
  readonly votedFor?: NodeId;
}

interface Addressed {
  readonly from: NodeId;
  readonly to: NodeId;
  /**
   * The sender's current term. Two exceptions, both of the pre-vote, which must not move anybody's
   * term: PreVote carries the term that the sender would campaign in, and so does its granted
   * answer.
   */
  readonly term: number;
}

/** Leader to follower: entries, and the proof of where they belong (§5.3). Empty ones probe. */
export interface AppendEntries<E extends EntryHeader = Entry> extends Addressed {
  readonly kind: 'append-entries';
  /** Index and term of the entry just before `entries`; 0 and 0 at the start of the log. */
  readonly prevLogIndex: number;
  readonly prevLogTerm: number;
  /** Consecutive, the first has index `prevLogIndex + 1`. */
  readonly entries: readonly E[];
  /** The leader's commitIndex; the follower takes no more of it than this leader has verified. */
  readonly leaderCommit: number;
  /** Every member has stored the log up to here; nobody will be asked for it again. */
  readonly replicatedByAll: number;
}

/** Answer to AppendEntries; a success leaves only after the entries are durable. */
export interface AppendEntriesResponse extends Addressed {
  readonly kind: 'append-entries-response';
  readonly success: boolean;
  /**
   * On success the last index that is known to equal the leader's log, never the raw log length.
   */
  readonly matchIndex: number;
  /** Echo of the request, by which the leader tells a stale refusal from a fresh one. */
  readonly prevLogIndex: number;
  /**
   * On refusal: the follower's last index that is not above `prevLogIndex` and whose term is not
   * above `prevLogTerm`, and that term. All entries between there and `prevLogIndex` are sure to
   * differ, so the leader skips whole terms at a time (§5.3, dissertation 3.5).
   */
  readonly conflictIndex?: number;
  readonly conflictTerm?: number;
  readonly lastLogIndex: number;
}

/** Leader to follower: the next part of a snapshot (§7). The caller adds the bytes. */
export interface InstallSnapshot extends Addressed {
  readonly kind: 'install-snapshot';
  /** The last entry that the snapshot covers, and its term. */
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /** Where the bytes of this part stand in the snapshot. */
  readonly offset: number;
}

/** A part of a snapshot as it arrives. */
export interface SnapshotPart extends InstallSnapshot {
  readonly bytes: Uint8Array;
  /** The snapshot ends with these bytes. */
  readonly isLast: boolean;
}

/**
 * Answer to a part that is not the last: where the next one is to begin. The last part is answered
 * like an append, once the snapshot is installed.
 */
export interface InstallSnapshotResponse extends Addressed {
  readonly kind: 'install-snapshot-response';
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  readonly nextOffset: number;
}

/** Leader to follower: "I am here". Carries no entry and proves nothing about the log. */
export interface Heartbeat extends Addressed {
  readonly kind: 'heartbeat';
  /** min(matchIndex of that follower, commitIndex): never beyond what the follower acknowledged. */
  readonly leaderCommit: number;
  readonly replicatedByAll: number;
  /** Round of ReadIndex that the answer confirms; 0 when none is under way. */
  readonly readId: number;
  /** The leader's lease clock, in ticks, when this was sent; a lease is counted from here. */
  readonly sentAt: number;
}

/** Answer to Heartbeat: echoes both numbers. */
export interface HeartbeatResponse extends Addressed {
  readonly kind: 'heartbeat-response';
  readonly readId: number;
  readonly sentAt: number;
}

/** Candidate to all: vote for me (§5.2, §5.4.1). */
export interface RequestVote extends Addressed {
  readonly kind: 'request-vote';
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
  /** The leader itself asked for this election, so the voters need not protect it. */
  readonly isTransfer: boolean;
}

export interface RequestVoteResponse extends Addressed {
  readonly kind: 'request-vote-response';
  readonly granted: boolean;
}

/**
 * Pre-candidate to all: would you vote for me in `term`? Changes nothing at the voter (dissertation
 * 9.6).
 */
export interface PreVote extends Addressed {
  readonly kind: 'pre-vote';
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
}

/**
 * Granted: `term` echoes the request. Refused: `term` is the voter's own, so that the asker catches
 * up.
 */
export interface PreVoteResponse extends Addressed {
  readonly kind: 'pre-vote-response';
  readonly granted: boolean;
}

/** Leader to the node that shall succeed it: campaign now (dissertation 3.10). */
export interface TimeoutNow extends Addressed {
  readonly kind: 'timeout-now';
}

/** Follower to leader: up to which index must I have applied to read? (dissertation 6.4) */
export interface ReadIndexRequest extends Addressed {
  readonly kind: 'read-index';
  /** The asker's id of this attempt; never used twice by one incarnation of a node. */
  readonly readId: number;
}

export interface ReadIndexResponse extends Addressed {
  readonly kind: 'read-index-response';
  readonly readId: number;
  /** Serve the read once this index is applied; 0 when refused. */
  readonly readIndex: number;
  /**
   * min(matchIndex of the asker, commitIndex): saves the asker from waiting for the next append.
   */
  readonly leaderCommit: number;
  /** The one asked is no leader, or has too many reads waiting: try again. */
  readonly refused?: boolean;
}

type MessageOf<E extends EntryHeader, P extends InstallSnapshot> =
  | AppendEntries<E>
  | P
  | InstallSnapshotResponse
  | AppendEntriesResponse
  | Heartbeat
  | HeartbeatResponse
  | RequestVote
  | RequestVoteResponse
  | PreVote
  | PreVoteResponse
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse;

/** A message as it arrives, entries with their bytes. */
export type Message = MessageOf<Entry, SnapshotPart>;

/** A message as it leaves the core; the caller fills in payloads from storage when it encodes. */
export type OutboundMessage = MessageOf<EntryHeader, InstallSnapshot>;

/** True for answers. An answer counts only when a member of the configuration gave it. */
export function isResponse(message: Message): boolean {
  switch (message.kind) {
    case 'append-entries-response':
    case 'install-snapshot-response':
    case 'heartbeat-response':
    case 'request-vote-response':
    case 'pre-vote-response':
    case 'read-index-response':
      return true;
    default:
      return false;
  }
}
