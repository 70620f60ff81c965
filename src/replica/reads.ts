/**
 * Reads on their way to an answer: waiting for the leader's word (ReadIndex, dissertation §6.4),
 * then for this replica to have applied that far.
 *
 *     asked ──readIndex()──> waiting for confirmation ──> waiting for apply ──> served
 *        └── lease, stale ─────────────────────────────────────────────────────────┘
 */
import type { Origin } from './replies.js';

/** One read frame of a client: a get batch, copied out of the mailbox. */
export interface Read extends Origin {
  /** One of `consistencyCode`. */
  readonly consistency: number;
  readonly batch: Buffer;
}

interface Round {
  readonly reads: readonly Read[];
  readonly sinceTick: number;
}

export class Reads {
  /** Asked in this drain; they will share one ReadIndex. */
  #asked: Read[] = [];
  readonly #unconfirmed = new Map<number, Round>();
  #confirmed: { readonly index: number; readonly reads: readonly Read[] }[] = [];

  get pending(): number {
    let count = this.#asked.length;
    for (const { reads } of this.#unconfirmed.values()) count += reads.length;
    for (const { reads } of this.#confirmed) count += reads.length;
    return count;
  }

  ask(read: Read): void {
    this.#asked.push(read);
  }

  takeAsked(): readonly Read[] {
    const asked = this.#asked;
    if (asked.length > 0) this.#asked = [];
    return asked;
  }

  wait(readId: number, reads: readonly Read[], sinceTick: number): void {
    this.#unconfirmed.set(readId, { reads, sinceTick });
  }

  confirm(readId: number, index: number): void {
    const round = this.#unconfirmed.get(readId);
    if (round === undefined) return;
    this.#unconfirmed.delete(readId);
    this.allow(round.reads, index);
  }

  /** These reads may be served once `index` is applied. */
  allow(reads: readonly Read[], index: number): void {
    this.#confirmed.push({ index, reads });
  }

  takeAll(): Read[] {
    const all = [...this.#asked, ...this.#confirmed.flatMap(({ reads }) => reads)];
    this.#asked = [];
    this.#confirmed = [];
    return all.concat(this.takeAborted([...this.#unconfirmed.keys()]));
  }

  takeAborted(readIds: readonly number[]): Read[] {
    return readIds.flatMap((readId) => this.#takeRound(readId));
  }

  /** Gives up what has waited since before `tick`: the question or its answer was lost. */
  takeOlderThan(tick: number): Read[] {
    const old: Read[] = [];
    for (const [readId, round] of this.#unconfirmed) {
      if (round.sinceTick < tick) old.push(...this.#takeRound(readId));
    }
    return old;
  }

  /** The confirmed reads that a state machine which has applied `lastApplied` may serve. */
  takeServable(lastApplied: number): Read[] {
    if (this.#confirmed.length === 0) return [];
    const servable = this.#confirmed.filter(({ index }) => index <= lastApplied);
    if (servable.length === 0) return [];
    this.#confirmed = this.#confirmed.filter(({ index }) => index > lastApplied);
    return servable.flatMap(({ reads }) => reads);
  }

  #takeRound(readId: number): readonly Read[] {
    const round = this.#unconfirmed.get(readId);
    this.#unconfirmed.delete(readId);
    return round?.reads ?? [];
  }
}
