/**
 * What a replicated map does for its users, whoever replicates it.
 *
 * The cluster of this package and its clients implement `Store`, and so can an engine that lives
 * elsewhere. Every call settles: with its result, or with an error that has a code and, if it is
 * the failure of a request, `details.outcome`:
 *
 *     rejected   it was not done and never will be; it may be called again
 *     unknown    it may have been done, or may still be; look before calling it again
 *
 * A read that fails is always `rejected`.
 */
import type { NodeId } from '../raft/index.js';
import type { Consistency } from './protocol.js';
import type { Value } from './value.js';

export type { Consistency, Value };

/** What every call takes. Calls that are made together share their journey if these are equal. */
export interface CallOptions {
  /** The call settles within this time. Whole ms > 0, default 5,000 (an option of the cluster). */
  readonly timeoutMs?: number;
  /**
   * Rejects the call with the signal's reason when aborted. A write that was not sent yet is not
   * done; one that was may have been: after an abort, its outcome is unknown.
   */
  readonly signal?: AbortSignal;
  /**
   * The node that is asked, and no other. It passes a write or a linearizable read on to the
   * leader, so any node will do; the call fails if this one does not answer.
   * Default: the leader, as far as it is known, and others when it does not answer.
   */
  readonly node?: NodeId;
}

/** How a read is taken. */
export interface ReadOptions extends CallOptions {
  /**
   * - `linearizable` (default): everything that was acknowledged before the call is seen; the
   *   leader confirms its leadership with a quorum first (ReadIndex, dissertation §6.4).
   * - `lease`: the same, without the round of messages, as long as no two clocks drift apart by
   *   more than the cluster's `leaseDriftMs` within an election timeout (§6.4.1).
   * - `stale`: what the node that is asked has applied, which may be old without bound if it is cut
   *   off; two reads of one node that does not restart never go back in time.
   */
  readonly consistency?: Consistency;
}

/** A write was committed. */
export interface SetResult {
  /** Where it stands in the log, from 1. Of two writes of a key, the later one's is not lower. */
  readonly index: number;
}

/** A delete was committed. */
export interface DeleteResult {
  readonly index: number;
  /** Whether there was something to delete. */
  readonly existed: boolean;
}

/** A compare-and-set was committed and compared. */
export interface CasResult {
  readonly index: number;
  /** Whether the key had the expected value, and has the new one now. */
  readonly succeeded: boolean;
}

/** A command was committed and applied by the state machine of the user's. */
export interface SubmitResult {
  readonly index: number;
  /** What the machine gave, the same on every node. */
  readonly result: Value;
}

/**
 * A replicated map from strings to values.
 *
 * Keys are well-formed strings of at most 1,024 bytes in UTF-8. Values are whatever
 * `structuredClone` takes, in 1,000 levels and `valueBytesMax` encoded bytes at most. They are
 * encoded within the call: what happens to them afterwards does not matter. A `Buffer` comes back
 * as a `Uint8Array`.
 *
 * Every call can reject with these codes; the ones of its arguments leave no trace:
 *
 * - `RAFT_INVALID_OPTION`, `RAFT_UNKNOWN_NODE`, `RAFT_KEY_TOO_LONG`, `RAFT_VALUE_TOO_LARGE`,
 *   `RAFT_VALUE_NOT_CLONEABLE`: the call itself is wrong;
 * - `RAFT_OVERLOADED`: too many calls are under way (`outstandingMax`), or too many keys stored;
 * - `RAFT_TIMEOUT`: not answered within `timeoutMs`; the message tells what was tried, and the
 *   cause what the last node said (`RAFT_NO_LEADER` when there is no leader or no quorum);
 * - `RAFT_LOG_FULL`: the leader's log had no room for it within `timeoutMs`;
 * - `RAFT_NO_QUORUM`: so many nodes have failed for good that no majority comes back by itself;
 * - `RAFT_NODE_DOWN`: the node that the call was for is down, or died with it;
 * - `RAFT_SESSION_EXPIRED`: a write was under way when the cluster forgot its client;
 * - `RAFT_WRONG_MACHINE`: the cluster replicates a state machine of the user's, not a store;
 * - `RAFT_STOPPED`: the store is closed.
 *
 * Calls of one tick travel together, so many calls at once cost little more than one. Two calls
 * that are under way at the same time may take effect in either order.
 */
export interface Store extends AsyncDisposable {
  /**
   * Sets a key to a value.
   *
   * Linearizable and exactly once: whatever is repeated on the way is applied once.
   *
   * @example
   * const { index } = await store.set('greeting', { text: 'hello' });
   */
  set(key: string, value: Value, options?: CallOptions): Promise<SetResult>;

  /** Removes a key. Removing one that is not there is no error. */
  delete(key: string, options?: CallOptions): Promise<DeleteResult>;

  /**
   * Sets a key if it has the `expected` value; `undefined` expects that it is not there.
   *
   * Values are compared as encoded; see `value.ts` on what is equal. A mismatch is a result, not an
   * error.
   *
   * @example
   * const { succeeded } = await store.cas('lock', undefined, 'mine');
   */
  cas(key: string, expected: Value, value: Value, options?: CallOptions): Promise<CasResult>;

  /** Reads a key; resolves to `undefined` if it is not there. Linearizable by default. */
  get(key: string, options?: ReadOptions): Promise<Value | undefined>;

  /** Reads keys at one point of the log; resolves to their values, in the order of the keys. */
  getMany(keys: Iterable<string>, options?: ReadOptions): Promise<(Value | undefined)[]>;

  /**
   * Sets keys at once: no read sees some of them and not the others. Of entries with the same key
   * the last one counts. All together have room in one log entry (`RAFT_VALUE_TOO_LARGE`).
   * Resolves to index 0 if there are no entries.
   */
  setMany(
    entries: Iterable<readonly [key: string, value: Value]>,
    options?: CallOptions,
  ): Promise<SetResult>;

  /**
   * Ends the store. Calls under way, and calls made later, reject with `RAFT_STOPPED`. Closing
   * twice is allowed.
   */
  close(): Promise<void>;
}
