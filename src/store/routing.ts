/**
 * Where to send: who is believed to lead, who lives, and who has not answered lately.
 *
 * Any node takes any request, so a wrong belief costs a hop and never an answer. What this file
 * prevents is being led in circles, or waiting again and again for a node that cannot be heard.
 */
import type { ActorId, Space } from '../actor/space.js';
import type { ClientNode } from './client-options.js';
import { noActor } from './protocol.js';

/** A node that did not answer is passed over for this long; then one batch tries it again. */
const suspectMs = 1_000;

interface Place extends ClientNode {
  isSuspect: boolean;
  probeAtMs: number;
}

/** Nodes are named by their place in the list of the port; -1 is nobody. */
export class Routing {
  readonly #space: Pick<Space, 'incarnation'>;
  readonly #isLinked: (actor: ActorId) => boolean;
  readonly #places: readonly Place[];
  readonly #slots: ReadonlyMap<ActorId, number>;
  #leader = -1;
  #leaderTerm = 0;
  /** Who is asked while no leader is known: the same one, until it fails. */
  #other = 0;

  constructor(
    nodes: readonly ClientNode[],
    space: Pick<Space, 'incarnation'>,
    isLinked: (actor: ActorId) => boolean,
  ) {
    this.#space = space;
    this.#isLinked = isLinked;
    this.#places = nodes.map((node) => ({ ...node, isSuspect: false, probeAtMs: 0 }));
    this.#slots = new Map(nodes.map(({ actor }, slot) => [actor, slot]));
  }

  get ids(): readonly string[] {
    return this.#places.map(({ id }) => id);
  }

  /** Who is believed to lead, for the next request. */
  get leaderId(): string | undefined {
    return this.#places[this.#leader]?.id;
  }

  node(slot: number): ClientNode {
    const place = this.#places[slot];
    if (place === undefined) throw new RangeError(`no node stands at place ${slot}`);
    return place;
  }

  slotOf(actor: ActorId): number {
    return this.#slots.get(actor) ?? -1;
  }

  slotOfId(id: string): number {
    return this.#places.findIndex((place) => place.id === id);
  }

  incarnation(slot: number): number {
    return this.#space.incarnation(this.node(slot).actor);
  }

  isAlive(slot: number): boolean {
    const { actor } = this.node(slot);
    return this.#space.incarnation(actor) !== 0 && this.#isLinked(actor);
  }

  /** The node for the next attempt: the leader, else one that answers, else one that lives. */
  pick(nowMs: number): number {
    if (this.#leader >= 0 && this.isAlive(this.#leader) && this.#mayTry(this.#leader, nowMs)) {
      return this.#leader;
    }
    const slot = this.#otherWhere((place) => !place.isSuspect);
    return slot >= 0 ? slot : this.#otherWhere(() => true);
  }

  /** An answer came from it. */
  heard(slot: number): void {
    const place = this.#places[slot];
    if (place) place.isSuspect = false;
  }

  /** It did not answer in time, or said that it will not. */
  suspect(slot: number, nowMs: number): void {
    const place = this.#places[slot];
    if (place === undefined) return;
    place.isSuspect = true;
    place.probeAtMs = nowMs + suspectMs;
    this.#leave(slot);
  }

  /** It died, and leads no more. */
  died(slot: number): void {
    if (this.#leader === slot) this.#leader = -1;
    this.#leave(slot);
  }

  /**
   * A node says who leads in its term. That nobody does is believed from the leader alone: a node
   * that is cut off raises its term and knows nothing. True if there is a new leader.
   */
  hint(from: number, leader: ActorId, term: number): boolean {
    if (term < this.#leaderTerm) return false;
    const slot = leader === noActor ? -1 : this.slotOf(leader);
    if (slot < 0 && this.#leader >= 0 && this.#leader !== from) return false;
    const isNew = slot >= 0 && (slot !== this.#leader || term > this.#leaderTerm);
    this.#leaderTerm = term;
    this.#leader = slot;
    return isNew;
  }

  /**
   * A node that refused says who leads, without a term: believed if it was asked as the leader, or
   * if nobody else is known. True if there is somebody else to ask now.
   */
  refused(from: number, leader: ActorId): boolean {
    this.#leave(from);
    if (this.#leader >= 0 && this.#leader !== from) return this.isAlive(this.#leader);
    this.#leader = leader === noActor ? -1 : this.slotOf(leader);
    return this.#leader >= 0 && this.#leader !== from && this.isAlive(this.#leader);
  }

  /** Half open: one batch finds out whether a suspect answers again, the others go elsewhere. */
  #mayTry(slot: number, nowMs: number): boolean {
    const place = this.#places[slot];
    if (place === undefined) return false;
    if (!place.isSuspect) return true;
    if (nowMs < place.probeAtMs) return false;
    place.probeAtMs = nowMs + suspectMs;
    return true;
  }

  #otherWhere(isWanted: (place: Place) => boolean): number {
    const count = this.#places.length;
    for (let step = 0; step < count; step += 1) {
      const slot = (this.#other + step) % count;
      const place = this.#places[slot];
      if (place === undefined || !isWanted(place) || !this.isAlive(slot)) continue;
      this.#other = slot;
      return slot;
    }
    return -1;
  }

  #leave(slot: number): void {
    if (this.#other === slot) this.#other = (slot + 1) % this.#places.length;
  }
}
