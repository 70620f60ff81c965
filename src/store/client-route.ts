/**
 * A way that batches go: to the leader, wherever it is, or to one node and nowhere else.
 *
 * Each route has a session of its own, so that writes which are stuck at one node do not use up
 * the serial window of the others.
 */
import type { Prng } from '../prng.js';
import type { Batch, LastWord } from './client-batch.js';
import { ClientSession } from './client-session.js';

export class ClientRoute {
  /** The node that the calls were made for; `undefined` for the leader. */
  readonly pin: number | undefined;
  readonly writes: Outbox = new Outbox();
  readonly reads: Outbox = new Outbox();
  session: ClientSession;
  readonly #serialWindowMax: number;

  constructor(pin: number | undefined, serialWindowMax: number) {
    this.pin = pin;
    this.#serialWindowMax = serialWindowMax;
    this.session = new ClientSession(serialWindowMax);
  }

  outboxOf(batch: Batch): Outbox {
    return batch.terms.isRead ? this.reads : this.writes;
  }

  /** The nodes have forgotten this client: it registers anew with its next write. */
  renewSession(expired: ClientSession): void {
    if (this.session === expired) this.session = new ClientSession(this.#serialWindowMax);
  }
}

/** The first wait after a refusal, doubled with each that follows, in ms. */
const backOffMs = 5;
const backOffMsMax = 100;

/** Batches that wait to be sent. Bounded by the calls that a client may have under way. */
export class Outbox {
  /** Sent before, or to be sent before all others. */
  readonly repeats: BatchQueue = new BatchQueue();
  readonly fresh: BatchQueue = new BatchQueue();
  /** Nothing is sent before this time. */
  notBeforeMs = 0;
  /** What the last node that refused had to say, until one accepts. */
  lastWord: LastWord | undefined;
  #backOffs = 0;

  get isEmpty(): boolean {
    return this.repeats.isEmpty && this.fresh.isEmpty;
  }

  /** Waits before the next attempt; many refusals at once make one wait. */
  backOff(nowMs: number, prng: Prng): void {
    if (this.notBeforeMs > nowMs) return;
    const delayMs = Math.min(backOffMsMax, backOffMs * 2 ** this.#backOffs);
    if (delayMs < backOffMsMax) this.#backOffs += 1;
    // Half of it is jitter: clients that were refused together should not come back together.
    this.notBeforeMs = nowMs + delayMs * (0.5 + prng.next() / 2);
  }

  endBackOff(): void {
    this.notBeforeMs = 0;
    this.#backOffs = 0;
  }

  accepted(): void {
    this.endBackOff();
    this.lastWord = undefined;
  }
}

/** A queue moves up when it has so many empty places at its front. */
const emptyMax = 1_024;

/** A queue that skips what was settled while it waited. */
export class BatchQueue {
  /** What was taken is left empty until the next cut: it must not be kept alive. */
  #batches: (Batch | undefined)[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.peek() === undefined;
  }

  push(batch: Batch): void {
    this.#batches.push(batch);
  }

  peek(): Batch | undefined {
    let batch = this.#batches[this.#first];
    while (batch?.state === 'settled') {
      this.shift();
      batch = this.#batches[this.#first];
    }
    return batch;
  }

  shift(): void {
    this.#batches[this.#first] = undefined;
    this.#first += 1;
    if (this.#first < this.#batches.length && this.#first < emptyMax) return;
    this.#batches.splice(0, this.#first);
    this.#first = 0;
  }
}
