/** The way back from the state machine: outcomes become one answer for each client batch. */
import type { Outcome } from '../store/outcome.js';
import { clientFrame } from '../store/protocol.js';
import { WriteReplyWriter, writeReplyBytesMax } from '../store/reply.js';
import type { BatchHeader, ResultSink } from '../store/state-machine.js';
import { laneOf, type Origin, type Replies } from './replies.js';

/**
 * The largest answers to one command in a reply: what `writeReplyBytesMax` leaves for current
 * values.
 */
const currentValuesBytes = 2 ** 16;

/** Answers the batches of an entry in the order of its origins. */
export class ReplySink implements ResultSink {
  readonly #replies: Replies;
  readonly #writer = new WriteReplyWriter();
  #bytes: Buffer = Buffer.alloc(writeReplyBytesMax(1024) + currentValuesBytes);
  #waiting: readonly Origin[] = [];
  #next = 0;
  #origin: Origin | undefined;
  commands = 0;

  constructor(replies: Replies) {
    this.#replies = replies;
  }

  /** The sink for an entry with these origins; without any, batches are only counted. */
  for(waiting: readonly Origin[] | undefined): this {
    this.#waiting = waiting ?? [];
    this.#next = 0;
    this.commands = 0;
    return this;
  }

  begin({ count, requestId, valueBytesMax = currentValuesBytes }: BatchHeader): boolean {
    this.commands += count;
    this.#origin = this.#waiting[this.#next];
    this.#next += 1;
    if (this.#origin === undefined) return false;
    const bytesMax = writeReplyBytesMax(count) + valueBytesMax;
    if (this.#bytes.length < bytesMax) this.#bytes = Buffer.alloc(bytesMax);
    this.#writer.reset({ bytes: this.#bytes, start: 0, end: bytesMax }, { count, requestId });
    return true;
  }

  push(code: Outcome, index: number, current?: string): void {
    this.#writer.push(code, index, current);
  }

  registered(clientId: number, index: number): void {
    this.#writer.registered(clientId, index);
  }

  end(): void {
    if (this.#origin === undefined) return;
    const body = this.#bytes.subarray(0, this.#writer.finish());
    this.#replies.send(this.#origin, laneOf(body.length), clientFrame.writeReply, body);
  }
}
