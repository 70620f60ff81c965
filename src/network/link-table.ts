/**
 * Who is there, and what is known of each link between them.
 *
 * Which rules act on a link, and whether it is cut, is worked out when it is first asked for after
 * a change; so a frame costs two look-ups, however many rules there are elsewhere.
 */

import type { ActivePartition, PartitionMode } from './installed.js';
import type { Link, LinkCounters } from './link.js';
import { addCounters, createCounters } from './link.js';
import { invalidOption } from './option.js';
import type { LinkOrder } from './pending.js';
import type { Roster } from './rule.js';
import { type ActiveRule, createLane, isSpent, type Lane } from './verdict.js';

/** A rule that acts on a link, and what it remembers of it. */
export interface LinkRule {
  readonly rule: ActiveRule;
  readonly lane: Lane;
}

/** One link, up to date. */
export interface LinkState extends LinkOrder {
  /** In order of installation. */
  rules: readonly LinkRule[];
  cut: PartitionMode | undefined;
  readonly lanes: WeakMap<ActiveRule, Lane>;
  /** When `rules` and `cut` were worked out. */
  revision: number;
}

/** What is installed. */
export interface Faults {
  readonly rules: ReadonlyMap<ActiveRule, unknown>;
  readonly partitions: ReadonlyMap<ActivePartition, unknown>;
}

/** The ends of a network and the links between them. */
export class LinkTable implements Roster {
  readonly nodes: Set<string> = new Set();
  readonly clients: Set<string> = new Set();
  /** What happened on links whose ends are gone. */
  readonly retired: LinkCounters = createCounters();
  readonly #faults: Faults;
  readonly #links = new Map<string, Map<string, LinkState>>();
  #revision = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Adds a node or a client. Throws `RAFT_INVALID_OPTION` if the id is taken or empty. */
  addEnd(id: string, group: 'nodes' | 'clients'): void {
    if (typeof id !== 'string' || id === '') {
      throw invalidOption(`network.${group}`, 'has an id that is no string, or an empty one');
    }
    if (this.nodes.has(id) || this.clients.has(id)) {
      throw invalidOption(`network.${group}`, `names '${id}', which is there already`);
    }
    this[group].add(id);
  }

  /** Forgets an end and its links, but for what was counted. False if it is not there. */
  removeEnd(id: string): boolean {
    if (!this.nodes.delete(id) && !this.clients.delete(id)) return false;
    for (const link of this.known()) {
      if (link.source !== id && link.destination !== id) continue;
      addCounters(this.retired, link.counters);
      this.#links.get(link.source)?.delete(link.destination);
    }
    this.#links.delete(id);
    return true;
  }

  /** One link; `undefined` if one of its ends is not there. */
  of(source: string, destination: string): LinkState | undefined {
    const link = this.#links.get(source)?.get(destination) ?? this.#create(source, destination);
    if (link !== undefined && link.revision !== this.#revision) this.#refresh(link);
    return link;
  }

  /** The links that were asked for so far. */
  *known(): Generator<LinkState> {
    for (const links of this.#links.values()) yield* links.values();
  }

  /** Every link between two nodes, or between a node and a client. */
  *all(): Generator<Link> {
    const ends = [...this.nodes, ...this.clients];
    for (const source of ends) {
      for (const destination of this.nodes.has(source) ? ends : this.nodes) {
        if (source !== destination) yield { source, destination };
      }
    }
  }

  /** To be called when rules or partitions came, went, or were spent. */
  invalidate(): void {
    this.#revision += 1;
  }

  #create(source: string, destination: string): LinkState | undefined {
    if (!this.#has(source) || !this.#has(destination)) return undefined;
    const link: LinkState = {
      source,
      destination,
      counters: createCounters(),
      tailMs: Number.NEGATIVE_INFINITY,
      scheduled: 0,
      held: 0,
      rules: [],
      cut: undefined,
      lanes: new WeakMap(),
      revision: -1,
    };
    const links = this.#links.get(source);
    if (links === undefined) this.#links.set(source, new Map([[destination, link]]));
    else links.set(destination, link);
    return link;
  }

  #refresh(link: LinkState): void {
    const { source, destination } = link;
    link.revision = this.#revision;
    // What a node sends to itself does not touch the network.
    if (source === destination) return;
    const rules = [...this.#faults.rules.keys()].filter((rule) => {
      return !isSpent(rule) && rule.covers(source, destination);
    });
    link.rules = rules.map((rule) => ({ rule, lane: laneOf(link, rule) }));
    link.cut = undefined;
    for (const partition of this.#faults.partitions.keys()) {
      // A frame that one partition would hold and another drops is dropped.
      if (link.cut !== 'drop' && partition.covers(source, destination)) link.cut = partition.mode;
    }
  }

  #has(id: string): boolean {
    return this.nodes.has(id) || this.clients.has(id);
  }
}

function laneOf(link: LinkState, rule: ActiveRule): Lane {
  const known = link.lanes.get(rule);
  if (known !== undefined) return known;
  const lane = createLane(rule, link.source, link.destination);
  link.lanes.set(rule, lane);
  return lane;
}
