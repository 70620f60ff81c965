/**
 * Client batches that a follower passed on to the leader (the course project's `redirectSet`).
 * The follower that received a request answers it: with the leader's answer when that comes, and
 * with "in doubt" when it can no longer come.
 */
import type { ActorId } from '../actor/space.js';
import type { Origin } from './replies.js';

interface Forward extends Origin {
  readonly leader: ActorId;
  readonly sinceTick: number;
}

export class Forwards {
  readonly #pending = new Map<number, Forward>();
  readonly #forwardsMax: number;
  #nextId = 1;

  constructor(forwardsMax: number) {
    this.#forwardsMax = forwardsMax;
  }

  get size(): number {
    return this.#pending.size;
  }

  get isFull(): boolean {
    return this.#pending.size >= this.#forwardsMax;
  }

  /** The id under which the leader is asked. */
  add(origin: Origin, leader: ActorId, sinceTick: number): number {
    const id = this.#nextId;
    this.#nextId = id >= 0x7fffffff ? 1 : id + 1;
    this.#pending.set(id, { ...origin, leader, sinceTick });
    return id;
  }

  /** The origin of an answered forward; `undefined` when it was given up before. */
  take(id: number, leader: ActorId): Origin | undefined {
    const forward = this.#pending.get(id);
    if (forward === undefined || forward.leader !== leader) return undefined;
    this.#pending.delete(id);
    return forward;
  }

  /** Gives up what went to somebody else than the leader of now. */
  takeLost(leader: ActorId | undefined): Origin[] {
    return this.#takeWhere((forward) => forward.leader !== leader);
  }

  /** Gives up what has waited since before `tick`: the question or its answer was lost. */
  takeOlderThan(tick: number): Origin[] {
    return this.#takeWhere((forward) => forward.sinceTick < tick);
  }

  #takeWhere(isLost: (forward: Forward) => boolean): Origin[] {
    const lost: Origin[] = [];
    for (const [id, forward] of this.#pending) {
      if (!isLost(forward)) continue;
      this.#pending.delete(id);
      lost.push(forward);
    }
    return lost;
  }
}
