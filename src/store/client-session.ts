/**
 * The client's side of exactly-once: serial numbers, and how many of them may be under way.
 *
 *         lowest                      next
 *     ------|---------------------------|------------------->  serial
 *    settled  sent, or waits for a repeat   not given yet
 *           |<------- serialWindowMax ------->|
 *
 * The nodes remember the outcomes of the last `serialWindowMax` numbers only; a batch that would
 * go beyond that waits, or a repeat of the oldest could no longer be told from a new command.
 */
import type { Batch } from './client-batch.js';

/** The list moves up when it has so many empty places at its front. */
const emptyMax = 256;

export class ClientSession {
  readonly #serialWindowMax: number;
  /** 0 until the nodes have registered the client. */
  clientId = 0;
  /** The registration that is under way. */
  registration: Batch | undefined;

  #next = 1;
  /** Numbered batches, oldest first; settled ones at the front make empty places. */
  readonly #numbered: (Batch | undefined)[] = [];
  #first = 0;

  constructor(serialWindowMax: number) {
    this.#serialWindowMax = serialWindowMax;
  }

  /** The lowest serial number that an answer is awaited for. */
  get lowestSerial(): number {
    let batch = this.#numbered[this.#first];
    while (batch?.state === 'settled') {
      this.#numbered[this.#first] = undefined;
      this.#first += 1;
      batch = this.#numbered[this.#first];
    }
    if (batch === undefined || this.#first >= emptyMax) this.#cut();
    return batch?.firstSerial ?? this.#next;
  }

  /** Whether so many commands more may be under way. Alone, a batch may be of any length. */
  admits(commands: number): boolean {
    const underWay = this.#next - this.lowestSerial;
    return underWay === 0 || underWay + commands <= this.#serialWindowMax;
  }

  /** Gives a batch its serial numbers: once, whatever becomes of its attempts. */
  number(batch: Batch): void {
    batch.session = this;
    batch.firstSerial = this.#next;
    this.#next += batch.commands;
    this.#numbered.push(batch);
  }

  #cut(): void {
    this.#numbered.splice(0, this.#first);
    this.#first = 0;
  }
}
