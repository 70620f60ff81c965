/**
 * Whom a fault is for, said by role: it is resolved when the fault happens, not when it is written.
 */

import { assertNever, RaftError } from '../errors.js';
import type { Prng } from '../prng.js';
import { invalidOption, show, unknownNode } from './option.js';

/**
 * Nodes by role, by id, or a list that mixes both. A node that is called like a role is itself.
 *
 * A majority is the smallest one, a minority the largest that is none: 3 and 2 of 5 nodes, 3 and 1
 * of 4. Their members are drawn. 'followers' are all nodes but the leader: all, while none is
 * known.
 */
export type Selector = Role | (string & {}) | readonly (Role | (string & {}))[];

/** Everything that can be said by role. */
export const roles = [
  'all',
  'leader',
  'followers',
  'random',
  'random follower',
  'majority',
  'minority',
  'majority with the leader',
  'majority without the leader',
  'minority with the leader',
  'minority without the leader',
] as const;

export type Role = (typeof roles)[number];

/** The moment in which a selector is resolved. */
export interface SelectorContext {
  /** All nodes, in their order. */
  readonly nodes: readonly string[];
  /** The leader, if one is known. */
  readonly leaderId?: string | undefined;
  /** Draws what is random. */
  readonly prng: Prng;
}

/**
 * The nodes that a selector means right now, each once, in the order of `nodes`.
 *
 * Throws `RAFT_UNKNOWN_NODE` for what is neither a role nor a node, `RAFT_NO_LEADER` if the leader
 * is meant and none is known, and `RAFT_INVALID_OPTION` for what so few nodes cannot give, such as
 * the minority of two nodes.
 */
export function resolve(selector: Selector, context: SelectorContext): string[] {
  const list = typeof selector === 'string' ? [selector] : selector;
  if (!Array.isArray(list)) {
    throw invalidOption('selector', `is ${show(selector)}; expected a role, an id or a list`);
  }
  const selected = new Set<string>();
  for (const one of list) {
    for (const id of resolveOne(one, context)) selected.add(id);
  }
  return context.nodes.filter((id) => selected.has(id));
}

/** The size of the smallest majority of `size` nodes. */
export function majoritySize(size: number): number {
  return Math.floor(size / 2) + 1;
}

/** The size of the largest set of `size` nodes whose complement has a majority. */
export function minoritySize(size: number): number {
  return Math.max(size - majoritySize(size), 0);
}

function resolveOne(one: string, context: SelectorContext): readonly string[] {
  const { nodes, prng } = context;
  if (nodes.includes(one)) return [one];
  if (!isRole(one)) throw unknownNode(one, [...nodes, ...roles.map((role) => `'${role}'`)]);
  switch (one) {
    case 'all':
      return nodes;
    case 'leader':
      return [leaderOf(context, one)];
    case 'followers':
      return followersOf(context);
    case 'random':
      return draw(nodes, 1, one, prng);
    case 'random follower':
      return draw(followersOf(context), 1, one, prng);
    case 'majority':
      return draw(nodes, majoritySize(nodes.length), one, prng);
    case 'minority':
      return draw(nodes, minoritySize(nodes.length), one, prng);
    case 'majority with the leader':
      return drawWithLeader(majoritySize(nodes.length), one, context);
    case 'minority with the leader':
      return drawWithLeader(minoritySize(nodes.length), one, context);
    case 'majority without the leader':
      return drawWithoutLeader(majoritySize(nodes.length), one, context);
    case 'minority without the leader':
      return drawWithoutLeader(minoritySize(nodes.length), one, context);
    default:
      return assertNever(one);
  }
}

function drawWithLeader(count: number, role: Role, context: SelectorContext): string[] {
  const leaderId = leaderOf(context, role);
  if (count === 0) throw tooFew(role, context.nodes.length);
  return [leaderId, ...context.prng.shuffle(followersOf(context)).slice(0, count - 1)];
}

function drawWithoutLeader(count: number, role: Role, context: SelectorContext): string[] {
  leaderOf(context, role);
  return draw(followersOf(context), count, role, context.prng);
}

function draw(nodes: readonly string[], count: number, role: Role, prng: Prng): string[] {
  if (count === 0 || count > nodes.length) throw tooFew(role, nodes.length);
  return prng.shuffle(nodes).slice(0, count);
}

function leaderOf(context: SelectorContext, role: Role): string {
  const { leaderId, nodes } = context;
  if (leaderId === undefined) {
    throw new RaftError('RAFT_NO_LEADER', `'${role}' was asked for while no leader is known`);
  }
  if (!nodes.includes(leaderId)) throw unknownNode(leaderId, nodes);
  return leaderId;
}

function followersOf(context: SelectorContext): string[] {
  return context.nodes.filter((id) => id !== context.leaderId);
}

function tooFew(role: Role, count: number): RaftError {
  return invalidOption('selector', `'${role}' cannot be drawn from ${count} nodes`);
}

/** Whether a word is a role. A node may be called like one. */
export function isRole(word: string): word is Role {
  return roles.some((role) => role === word);
}
