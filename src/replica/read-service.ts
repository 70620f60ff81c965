/**
 * Serves reads: asks the core for leave where the consistency wants it, and writes the answers.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Raft } from '../raft/index.js';
import type { RefusalReason } from '../store/protocol.js';
import { consistencyCode, readHeaderBytes } from '../store/protocol.js';
import type { StateMachine } from '../store/state-machine.js';
import { answerRead, fragmentBytesMaxOf } from './read-answer.js';
import { type Read, Reads } from './reads.js';
import type { Origin, Replies } from './replies.js';

export interface ReadServiceOptions {
  readonly raft: Raft;
  readonly machine: StateMachine;
  readonly replies: Replies;
  /** The longest payload of an entry, for which every ring has room. */
  readonly entryBytesMax: number;
}

export class ReadService {
  readonly #raft: Raft;
  readonly #machine: StateMachine;
  readonly #replies: Replies;
  readonly #fragmentBytesMax: number;
  readonly #reads = new Reads();
  #served = 0;

  constructor({ raft, machine, replies, entryBytesMax }: ReadServiceOptions) {
    this.#raft = raft;
    this.#machine = machine;
    this.#replies = replies;
    this.#fragmentBytesMax = fragmentBytesMaxOf(entryBytesMax);
  }

  get pending(): number {
    return this.#reads.pending;
  }

  /** Read frames answered. */
  get served(): number {
    return this.#served;
  }

  receive(frame: Frame, origin: Origin): void {
    if (frame.end - frame.start < readHeaderBytes) {
      this.#replies.refuse(origin, 'malformed', undefined);
      return;
    }
    const consistency = frame.bytes.readUInt32LE(frame.start);
    const batch = Buffer.from(frame.bytes.subarray(frame.start + readHeaderBytes, frame.end));
    this.#reads.ask({ ...origin, consistency, batch });
  }

  /** Asks for all reads of a drain together, and serves at once those that need no asking. */
  askAll(tick: number, lastApplied: number, leader: ActorId | undefined): void {
    const asked = this.#reads.takeAsked();
    if (asked.length === 0) return;
    const careful: Read[] = [];
    const leaseIndex = this.#leaseIndex(asked);
    for (const read of asked) {
      if (read.consistency === consistencyCode.stale) this.#serve(read, lastApplied);
      else if (read.consistency === consistencyCode.lease && leaseIndex !== undefined) {
        this.#reads.allow([read], leaseIndex);
      } else careful.push(read);
    }
    if (careful.length === 0) return;
    const result = this.#raft.readIndex();
    if (result.accepted) this.#reads.wait(result.readId, careful, tick);
    else this.#refuse(careful, result.reason === 'no-leader' ? 'no-leader' : 'overloaded', leader);
  }

  confirm(readId: number, index: number): void {
    this.#reads.confirm(readId, index);
  }

  abort(readIds: readonly number[], leader: ActorId | undefined): void {
    this.#refuse(this.#reads.takeAborted(readIds), 'read-aborted', leader);
  }

  giveUpOlderThan(tick: number, leader: ActorId | undefined): void {
    this.#refuse(this.#reads.takeOlderThan(tick), 'read-aborted', leader);
  }

  abortAll(reason: RefusalReason): void {
    this.#refuse(this.#reads.takeAll(), reason, undefined);
  }

  /** Serves the reads whose index has been applied. */
  serve(lastApplied: number): void {
    for (const read of this.#reads.takeServable(lastApplied)) this.#serve(read, lastApplied);
  }

  #leaseIndex(asked: readonly Read[]): number | undefined {
    const wantsLease = asked.some(({ consistency }) => consistency === consistencyCode.lease);
    return wantsLease ? this.#raft.leaseReadIndex() : undefined;
  }

  #refuse(reads: readonly Read[], reason: RefusalReason, leader: ActorId | undefined): void {
    for (const read of reads) this.#replies.refuse(read, reason, leader);
  }

  #serve(read: Read, index: number): void {
    this.#served += 1;
    const batch = { bytes: read.batch, start: 0, end: read.batch.length };
    const options = { index, fragmentBytesMax: this.#fragmentBytesMax };
    answerRead(this.#machine, { ...read, batch }, options, this.#replies);
  }
}
