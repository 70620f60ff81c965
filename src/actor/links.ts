/**
 * The supervisor's table of links: one record for each ordered pair of actors that may talk.
 */
import type { LinkReport } from './counters.js';
import { allocateLink, type LinkBuffers, LinkMemory, type LinkOptions } from './link.js';
import type { ActorId } from './space.js';

interface LinkRecord {
  readonly buffers: LinkBuffers;
  readonly memory: LinkMemory;
}

export class LinkTable {
  readonly #options: LinkOptions;
  readonly #records = new Map<number, LinkRecord>();

  constructor(options: LinkOptions = {}) {
    this.#options = options;
  }

  /** The two links of a pair, made if there are none yet. */
  connect(a: ActorId, b: ActorId, options: LinkOptions = {}): LinkBuffers[] {
    return [this.#ensure(a, b, options), this.#ensure(b, a, options)];
  }

  disconnect(a: ActorId, b: ActorId): void {
    this.#records.delete(key(a, b));
    this.#records.delete(key(b, a));
  }

  has(source: ActorId, destination: ActorId): boolean {
    return this.#records.has(key(source, destination));
  }

  memory(source: ActorId, destination: ActorId): LinkMemory | undefined {
    return this.#records.get(key(source, destination))?.memory;
  }

  /** All links that start or end at an actor. */
  of(actor: ActorId): LinkBuffers[] {
    return this.all().filter(
      ({ source, destination }) => source === actor || destination === actor,
    );
  }

  /** Who has a link to an actor. */
  peersOf(actor: ActorId): ActorId[] {
    return this.all()
      .filter(({ destination }) => destination === actor)
      .map(({ source }) => source);
  }

  all(): LinkBuffers[] {
    return [...this.#records.values()].map(({ buffers }) => buffers);
  }

  report(): LinkReport[] {
    return [...this.#records.values()].map(({ buffers, memory }) => ({
      source: buffers.source,
      destination: buffers.destination,
      isRouted: memory.isRouted,
      ...memory.counters,
    }));
  }

  /** An end has died: what was under way on a detour from or to it does not count any more. */
  resetRoutes(actor: ActorId): void {
    for (const { buffers, memory } of this.#records.values()) {
      if (buffers.source === actor || buffers.destination === actor) memory.resetRoute();
    }
  }

  #ensure(source: ActorId, destination: ActorId, options: LinkOptions): LinkBuffers {
    const found = this.#records.get(key(source, destination));
    if (found) return found.buffers;
    const buffers = allocateLink(source, destination, { ...this.#options, ...options });
    this.#records.set(key(source, destination), { buffers, memory: new LinkMemory(buffers) });
    return buffers;
  }
}

function key(source: ActorId, destination: ActorId): number {
  return source * 0x10000 + destination;
}
