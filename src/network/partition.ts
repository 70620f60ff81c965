/**
 * Partitions: from a list of nodes to the links that are cut, as pure functions with Jepsen's
 * names.
 *
 * What a list of links does not name stays whole. Where a shape leaves something open, the order of
 * the nodes decides; shuffle them first, or give `cutLinks` a context, for a random one.
 */

import type { Link } from './link.js';
import { invalidOption, show, unknownKind, unknownNode } from './option.js';
import type { Selector, SelectorContext } from './selector.js';
import { majoritySize, minoritySize, resolve } from './selector.js';

/** A partition by shape and role, as a script or a nemesis says it. */
export type PartitionShape =
  /** Groups that hear nothing of each other. One group alone is cut off from all other nodes. */
  | { readonly kind: 'symmetric'; readonly groups: readonly Selector[] }
  /** `to` hears nothing from `from`. Left out, either of them is all other nodes. */
  | { readonly kind: 'one-way'; readonly from?: Selector; readonly to?: Selector }
  /** Each of these nodes is alone. */
  | { readonly kind: 'isolate'; readonly nodes: Selector }
  /** Two random halves, the smaller one first; of an even number of nodes none has a majority. */
  | { readonly kind: 'halves' }
  /** A minority is cut off: this one, or a random one. */
  | { readonly kind: 'majority-minority'; readonly minority?: Selector }
  /** Two random halves and one node, this or a random one, that hears both. */
  | { readonly kind: 'bridge'; readonly bridge?: Selector }
  /** Every node hears a majority, and no two nodes the same one. */
  | { readonly kind: 'majorities-ring' };

/**
 * The links that a shape cuts right now.
 *
 * Throws what `resolve` throws, and `RAFT_INVALID_OPTION` for a shape that so few nodes cannot
 * have.
 */
export function cutLinks(shape: PartitionShape, context: SelectorContext): Link[] {
  const { nodes, prng } = context;
  if (typeof shape !== 'object' || shape === null) {
    throw invalidOption('partition', `is ${show(shape)}; expected an object with a kind`);
  }
  switch (shape.kind) {
    case 'symmetric': {
      if (!Array.isArray(shape.groups)) {
        throw invalidOption('partition.groups', `is ${show(shape.groups)}; expected a list`);
      }
      const groups = shape.groups.map((group) => resolve(group, context));
      const [only] = groups;
      return symmetric(groups.length === 1 && only ? [only, without(nodes, only)] : groups);
    }
    case 'one-way': {
      const from = shape.from === undefined ? undefined : resolve(shape.from, context);
      const to = shape.to === undefined ? undefined : resolve(shape.to, context);
      if (from === undefined && to === undefined) {
        throw invalidOption('partition', 'one-way names neither from nor to');
      }
      return oneWay({ from: from ?? without(nodes, to), to: to ?? without(nodes, from) });
    }
    case 'isolate':
      return isolate(nodes, resolve(shape.nodes, context));
    case 'halves':
      return halves(prng.shuffle(nodes));
    case 'majority-minority': {
      const minority = resolve(shape.minority ?? 'minority', context);
      return majorityMinority(nodes, minority);
    }
    case 'bridge': {
      const [first, ...more] = resolve(shape.bridge ?? 'random', context);
      if (more.length > 0) throw invalidOption('partition.bridge', 'names more than one node');
      return bridge(prng.shuffle(nodes), first);
    }
    case 'majorities-ring':
      return majoritiesRing(prng.shuffle(nodes));
    default:
      throw unknownKind('partition', shape);
  }
}

/**
 * Cuts every link between two groups, both ways. Nodes in no group keep all their links; a node in
 * two groups is cut off from the other members of both.
 */
export function symmetric(groups: readonly (readonly string[])[]): Link[] {
  const cut = new LinkSet();
  for (const [place, group] of groups.entries()) {
    for (const other of groups.slice(place + 1)) {
      cut.addBoth(group, other);
    }
  }
  return cut.links;
}

/** Cuts the links that lead from one group to the other; those back stay. */
export function oneWay(groups: {
  readonly from: readonly string[];
  readonly to: readonly string[];
}): Link[] {
  const cut = new LinkSet();
  cut.add(groups.from, groups.to);
  return cut.links;
}

/** Cuts all links of each node in `lonely`, also those among them. */
export function isolate(nodes: readonly string[], lonely: readonly string[]): Link[] {
  checkKnown(nodes, lonely);
  const cut = new LinkSet();
  cut.addBoth(lonely, nodes);
  return cut.links;
}

/** Cuts between the first half of the nodes, the smaller one, and the second. */
export function halves(nodes: readonly string[]): Link[] {
  return symmetric(bisect(nodes));
}

/**
 * Cuts a minority off from the majority. Default: the first nodes, as many as a minority can have
 * (1 of 3 and of 4, 2 of 5). Throws `RAFT_INVALID_OPTION` if the rest has no majority.
 */
export function majorityMinority(nodes: readonly string[], minority?: readonly string[]): Link[] {
  const sizeMax = minoritySize(nodes.length);
  const small = new Set(minority ?? nodes.slice(0, sizeMax));
  checkKnown(nodes, [...small]);
  if (small.size === 0 || small.size > sizeMax) {
    const found = `${small.size} of ${nodes.length} nodes`;
    throw invalidOption('partition.minority', `is ${found}; expected 1 to ${sizeMax}`);
  }
  return symmetric([[...small], without(nodes, [...small])]);
}

/**
 * Cuts the network in half but for one node in the middle, which keeps all its links. Default: the
 * first node of the second half. For 3 nodes or more; fewer have nothing to cut.
 */
export function bridge(nodes: readonly string[], middle?: string): Link[] {
  if (middle !== undefined) checkKnown(nodes, [middle]);
  const centre = middle ?? bisect(nodes)[1][0];
  const others = nodes.filter((id) => id !== centre);
  return halves(others);
}

/**
 * Cuts as many links as it takes so that every node hears, both ways, only a bare majority (itself
 * counted), and no two nodes the same one. One node hears one more where the numbers do not come
 * out even: if both the number of nodes and that of its neighbours are odd, as for 3 and 7 nodes.
 *
 * Jepsen's ring cuts one way only where a majority is even; this one is the Harary graph H(m-1, n),
 * whose links work in both directions: neighbours on the ring, and spokes across where the majority
 * is even. Two nodes or fewer stay whole.
 *
 *       n1            5 nodes: each hears its two neighbours
 *      /  \
 *    n5    n2
 *     |     |
 *    n4 -- n3
 */
export function majoritiesRing(nodes: readonly string[]): Link[] {
  const count = nodes.length;
  const neighbours = majoritySize(count) - 1;
  const reach = Math.floor(neighbours / 2);
  const kept = new LinkSet();
  const keep = (place: number, distance: number): void => {
    kept.addBoth([at(nodes, place)], [at(nodes, place + distance)]);
  };
  for (let place = 0; place < count; place++) {
    for (let distance = 1; distance <= reach; distance++) keep(place, distance);
  }
  if (neighbours % 2 === 1) {
    // An even count has count / 2 spokes; an odd one needs half a spoke more, so one node gets two.
    const across = Math.floor(count / 2);
    for (let place = 0; place < Math.ceil(count / 2); place++) keep(place, across);
  }
  return allLinks(nodes).filter((link) => !kept.has(link));
}

/** Every link between two different nodes of a list. */
export function allLinks(nodes: readonly string[]): Link[] {
  const all = new LinkSet();
  all.add(nodes, nodes);
  return all.links;
}

/** A set of links in the order in which they were added, without links from a node to itself. */
class LinkSet {
  readonly links: Link[] = [];
  readonly #destinations = new Map<string, Set<string>>();

  add(sources: readonly string[], destinations: readonly string[]): void {
    for (const source of sources) {
      for (const destination of destinations) this.#addOne({ source, destination });
    }
  }

  addBoth(some: readonly string[], others: readonly string[]): void {
    this.add(some, others);
    this.add(others, some);
  }

  has({ source, destination }: Link): boolean {
    return this.#destinations.get(source)?.has(destination) === true;
  }

  #addOne(link: Link): void {
    if (link.source === link.destination || this.has(link)) return;
    const known = this.#destinations.get(link.source) ?? new Set<string>();
    this.#destinations.set(link.source, known.add(link.destination));
    this.links.push(link);
  }
}

function bisect(nodes: readonly string[]): [string[], string[]] {
  const middle = Math.floor(nodes.length / 2);
  return [nodes.slice(0, middle), nodes.slice(middle)];
}

function without(nodes: readonly string[], some: readonly string[] = []): string[] {
  return nodes.filter((id) => !some.includes(id));
}

function at(nodes: readonly string[], place: number): string {
  return nodes[place % nodes.length] as string;
}

function checkKnown(nodes: readonly string[], ids: readonly string[]): void {
  for (const id of ids) {
    if (!nodes.includes(id)) throw unknownNode(id, nodes);
  }
}
