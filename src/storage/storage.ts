/**
 * What survives: the interface that every kind of storage has.
 *
 * A node keeps four things where its own death does not reach them: its term and vote, its log, the
 * start of what the log still holds, and its newest snapshot. The caller is the loop of a replica,
 * on one thread, so every call is synchronous; only durability may come later (`sync`).
 *
 *        trimmed                 held entries
 *     ┌ ─ ─ ─ ─ ─ ─ ┬───────────────────┬──────────────────┐
 *       1, 2, …     │ firstIndex   …    │ …      lastIndex │
 *     └ ─ ─ ─ ─ ─ ─ ┴───────────────────┴──────────────────┘
 *     ◄──── the newest snapshot ───────►
 *                              snapshotIndex
 *
 * `test/storage/conformance.ts` says the rules below as tests; every implementation passes it.
 */

import type { Entry, EntryHeader, HardState } from '../raft/index.js';

/** A state of the state machine that stands for all entries up to `index`. */
export interface Snapshot {
  /** The last entry that the snapshot covers. */
  readonly index: number;
  /** The term of that entry. */
  readonly term: number;
  readonly bytes: Uint8Array;
}

/**
 * Where the payload of an entry lies: `bytes[start]` up to, not including, `bytes[end]`.
 *
 * One cursor is reused by all calls. `start` is a multiple of 8: aligned views can be laid over it.
 */
export interface StoredPayload {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** How full a storage is. */
export interface StorageUsage {
  /** Bytes that the held entries keep from being used again, in whole segments. */
  readonly logBytes: number;
  readonly logBytesMax: number;
  /** Entries held. */
  readonly entries: number;
  readonly entriesMax: number;
  /** The longest payload that `append` takes. */
  readonly entryBytesMax: number;
  readonly snapshotBytes: number;
  readonly snapshotBytesMax: number;
}

/** Which snapshot: the last entry that it covers, and its term. */
export type SnapshotName = Pick<Snapshot, 'index' | 'term'>;

/** A snapshot on its way into a storage. It counts for nothing until `finish`. */
export interface SnapshotSink {
  /** True once another snapshot was begun: this one will not be. */
  readonly isAbandoned: boolean;
  /** Adds bytes at the end. `full`: it is too large, and given up. */
  write(bytes: Uint8Array): StorageResult;
  /** Makes it the newest one, as `saveSnapshot` does. */
  finish(): StorageResult;
  /** Gives it up. May be repeated. */
  abandon(): void;
}

/** `full`: nothing was changed; there is room again after `trim`, or there never will be. */
export type StorageResult = 'ok' | 'full';

/**
 * Term, vote, log and snapshot of one node.
 *
 * Invariants, also after a crash between any two instructions:
 *
 * - `firstIndex - 1 <= snapshotIndex <= lastIndex`, and 0 is the snapshot "before the log".
 * - Indexes are contiguous; terms never decrease along the log.
 * - `currentTerm` never decreases, and within one term the vote, once given, never changes.
 * - `snapshotIndex` and `firstIndex` never decrease.
 *
 * A call that would break one throws `RAFT_BROKEN_INVARIANT` and changes nothing: better that the
 * node dies than that it votes twice. After `close` every change throws `RAFT_STOPPED`.
 */
export interface Storage {
  readonly hardState: HardState;
  /** The last entry covered by the newest snapshot; 0 if there is none. */
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /** The first entry that is held; `lastIndex + 1` if none is. At most `snapshotIndex + 1`. */
  readonly firstIndex: number;
  /** The last entry of the log; `snapshotIndex` if none is held after it. */
  readonly lastIndex: number;
  readonly usage: StorageUsage;

  /** The metadata of all held entries, in order: what a core that starts again needs. */
  headers(): EntryHeader[];

  /** The term of an entry from `firstIndex - 1` to `lastIndex`, else `undefined`. */
  termAt(index: number): number | undefined;

  /** Replaces term and vote, both or neither. */
  saveHardState(hardState: HardState): void;

  /**
   * Copies `entries` to the end of the log, all of them or, when `full`, none.
   *
   * When `entries[0].index` is at or below `lastIndex`, the entries from there on are forgotten
   * first: they conflict, and the caller knows that they are not committed. A crash in between
   * leaves a log without the old entries and without the new ones. What a snapshot covers is
   * committed; forgetting it is refused.
   */
  append(entries: readonly Entry[]): StorageResult;

  /** The payload of a held entry. Valid until the next `append`, `trim` or `saveSnapshot`. */
  payload(index: number): StoredPayload;

  /**
   * Forgets the entries up to `index`, but none above `snapshotIndex`: those exist nowhere else.
   * The caller also keeps what its followers still need.
   */
  trim(index: number): void;

  /**
   * Makes `snapshot` the newest one, whole or not at all. One that is not newer is ignored.
   *
   * If the log holds the entry `snapshot.index` with the same term, the log stays as it is;
   * otherwise the log is not a continuation of the snapshot and is forgotten (§7).
   */
  saveSnapshot(snapshot: Snapshot): StorageResult;

  /** Begins a snapshot that comes piece by piece; one that was begun before is abandoned. */
  beginSnapshot(name: SnapshotName): SnapshotSink;

  /**
   * Keeps this snapshot readable for `snapshotPart` although newer ones come, until the next call;
   * one at a time, none for `undefined`. Does nothing if it is there no more.
   */
  keepSnapshot(name: SnapshotName | undefined): void;

  /**
   * Bytes of a snapshot from `offset` on, at most `byteLengthMax`; `undefined` if it is there no
   * more. Valid until the next call.
   */
  snapshotPart(
    name: SnapshotName,
    offset: number,
    byteLengthMax: number,
  ): { readonly bytes: Uint8Array; readonly isLast: boolean } | undefined;

  /**
   * The newest snapshot. Its bytes may be a view, which is valid until it was replaced and another
   * one is begun.
   */
  loadSnapshot(): Snapshot | undefined;

  /** Calls `done` once everything that was handed over before is durable; maybe at once. */
  sync(done: () => void): void;

  /** Does a little of what may be done in advance. Called with every tick of a node. */
  maintain(): void;

  /** Lets go of what this object holds, not of what is stored. May be repeated. */
  close(): void;
}
