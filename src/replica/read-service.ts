/**
 * Serves reads: asks the core for leave where the consistency wants it, and writes the answers.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Raft } from '../raft/index.js';
import type { RefusalReason } from '../store/protocol.js';
import { clientFrame, consistencyCode, readHeaderBytes } from '../store/protocol.js';
import type { StateMachine } from '../store/state-machine.js';
import { type Read, Reads } from './reads.js';
import type { Origin, Replies } from './replies.js';

/** The longest piece of an answer in one frame. */
const fragmentBytesMax = 2 ** 18;
/** An answer that needs more than this is refused: its client asked for too much at once. */
const answerBytesMax = 2 ** 28;

export class ReadService {
  readonly #raft: Raft;
  readonly #machine: StateMachine;
  readonly #replies: Replies;
  readonly #reads = new Reads();
  #answer: Buffer = Buffer.alloc(fragmentBytesMax);
  #served = 0;

  constructor(raft: Raft, machine: StateMachine, replies: Replies) {
    this.#raft = raft;
    this.#machine = machine;
    this.#replies = replies;
  }

  get pending(): number {
    return this.#reads.pending;
  }

  /** Read frames answered. */
  get served(): number {
    return this.#served;
  }

  receive(frame: Frame, { actor, requestId }: Origin): void {
    const consistency = frame.bytes.readUInt32LE(frame.start);
    const batch = Buffer.from(frame.bytes.subarray(frame.start + readHeaderBytes, frame.end));
    this.#reads.ask({ actor, requestId, consistency, batch });
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
    const total = this.#query(read, index);
    this.#served += 1;
    if (total < 0) {
      this.#replies.refuse(read, 'malformed', undefined);
      return;
    }
    for (let offset = 0; offset < total; offset += fragmentBytesMax) {
      const end = Math.min(total, offset + fragmentBytesMax);
      // The header of a fragment goes before its bytes, so each is put together anew.
      const body = Buffer.allocUnsafe(readHeaderBytes + end - offset);
      body.writeUInt32LE(offset, 0);
      body.writeUInt32LE(total, 4);
      this.#answer.copy(body, readHeaderBytes, offset, end);
      this.#replies.send(read, 'bulk', clientFrame.readReply, body);
    }
  }

  /** Writes the whole answer, in as much room as it needs; -1 if it is beyond all bounds. */
  #query({ batch }: Read, index: number): number {
    const request = { bytes: batch, start: 0, end: batch.length };
    for (;;) {
      const region = { bytes: this.#answer, start: 0, end: this.#answer.length };
      const end = this.#machine.query(request, index, region);
      if (end >= 0 || this.#answer.length >= answerBytesMax) return end;
      this.#answer = Buffer.alloc(2 * this.#answer.length);
    }
  }
}
