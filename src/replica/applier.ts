/**
 * From committed to applied: entries go to the state machine in order, outcomes to who asked, and
 * from time to time the state is saved so that the log may forget its beginning.
 */
import type { Raft } from '../raft/index.js';
import type { Storage } from '../storage/storage.js';
import type { StateMachine } from '../store/state-machine.js';
import { Checkpoint } from './checkpoint.js';
import type { Proposals } from './proposals.js';
import type { Replies } from './replies.js';
import { ReplySink } from './reply-sink.js';

export interface ApplierOptions {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly limits: {
    readonly entryBytesMax: number;
    readonly applyBytesMax: number;
    readonly checkpointBytes: number;
  };
}

/**
 * What is kept free in the log, in largest entries and in rows. A leader that proposes leaves more
 * than a follower that stores: logs that are equal may lie in memory differently, and what was
 * proposed must fit everywhere; and the no-op of a new leader must always fit.
 */
const reserves = {
  propose: { entryBytes: 8, entries: 2048 },
  store: { entryBytes: 3, entries: 1024 },
} as const;

export class Applier {
  readonly #options: ApplierOptions;
  readonly #proposals: Proposals;
  readonly #replies: Replies;
  readonly #sink: ReplySink;
  readonly #checkpoint: Checkpoint;
  #lastApplied: number;
  #commandsApplied = 0;

  constructor(options: ApplierOptions, proposals: Proposals, replies: Replies) {
    this.#options = options;
    this.#proposals = proposals;
    this.#replies = replies;
    this.#sink = new ReplySink(replies);
    const { raft, storage, machine, limits } = options;
    const { checkpointBytes, entryBytesMax } = limits;
    const { logBytesMax, entriesMax } = storage.usage;
    const reserve = reserves.propose;
    const room = {
      bytes: Math.max(entryBytesMax, logBytesMax - reserve.entryBytes * entryBytesMax),
      entries: Math.max(1, entriesMax - reserve.entries),
    };
    this.#checkpoint = new Checkpoint({ raft, storage, machine, checkpointBytes, room });
    this.#lastApplied = options.storage.snapshotIndex;
  }

  get lastApplied(): number {
    return this.#lastApplied;
  }

  get commandsApplied(): number {
    return this.#commandsApplied;
  }

  /** Whether the log can take `byteLength` more and still has the reserve for this purpose. */
  hasRoomFor(byteLength: number, purpose: keyof typeof reserves): boolean {
    const { storage, limits } = this.#options;
    const { logBytes, logBytesMax, entries, entriesMax } = storage.usage;
    const reserve = reserves[purpose];
    const bytesWanted = logBytes + byteLength + reserve.entryBytes * limits.entryBytesMax;
    return bytesWanted <= logBytesMax && entries + reserve.entries <= entriesMax;
  }

  /**
   * Applies what is committed, within the budget of one flush, and does a piece of saving the
   * state; true when there is more of either.
   */
  apply(): boolean {
    const hasMore = this.#applyCommitted();
    return this.#checkpoint.step(this.#lastApplied) || hasMore;
  }

  #applyCommitted(): boolean {
    const { raft, storage, machine, limits } = this.#options;
    const { commitIndex } = raft;
    if (this.#lastApplied >= commitIndex) return false;
    let bytesLeft = limits.applyBytesMax;
    while (this.#lastApplied < commitIndex && bytesLeft > 0) {
      const index = this.#lastApplied + 1;
      const { waiting, lost } = this.#proposals.takeCommitted(index, storage.termAt(index) ?? 0);
      if (lost) for (const origin of lost) this.#replies.refuse(origin, 'not-leader', undefined);
      const payload = storage.payload(index);
      const byteLength = payload.end - payload.start;
      if (byteLength > 0) {
        machine.apply(payload, index, this.#sink.for(waiting));
        this.#commandsApplied += this.#sink.commands;
      }
      this.#lastApplied = index;
      bytesLeft -= byteLength;
      this.#checkpoint.note(byteLength);
    }
    raft.applied(this.#lastApplied);
    return this.#lastApplied < commitIndex;
  }

  /** Does a piece of saving the state before the node closes; true when there is more. */
  save(): boolean {
    return this.#checkpoint.hasten(this.#lastApplied);
  }

  /** Forgets what of the log is of no more use. */
  trim(): void {
    this.#checkpoint.trim();
  }

  /** See `Checkpoint`: copies of snapshots. */
  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** The state came with a snapshot of everything up to `index`. */
  restored(index: number): void {
    this.#lastApplied = index;
    this.#checkpoint.forget();
  }
}
