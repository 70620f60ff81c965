/**
 * A rule: which frames, and what happens to them.
 *
 * Rules are plain data (but for a `content` predicate that is a function), so they can be written
 * in a script, sent to another thread and printed. What a rule does to a frame is in `verdict.ts`.
 */

import { assertNever } from '../errors.js';
import { type CheckedDistribution, checkDistribution, type Distribution } from './distribution.js';
import type { Link } from './link.js';
import {
  checkNames,
  checkNumber,
  checkSeed,
  invalidOption,
  rateRange,
  show,
  unknownKind,
  unknownNode,
} from './option.js';

/** Which frames a rule takes, and the one thing that it does to them. */
export interface Rule {
  readonly effect: Effect;
  /** On which links. Default: 'nodes'. */
  readonly between?: Between;
  /** Only messages of these kinds. Default: all. */
  readonly kinds?: readonly string[];
  /** Only messages with this content. Default: all. Without `Frame.content` none matches. */
  readonly content?: ContentPredicate;
  /** Leaves this many of the frames that would match alone, then begins. Default: 0. */
  readonly skip?: number;
  /** Takes this many frames, then never again; `Infinity` for no end. Default: `Infinity`. */
  readonly limit?: number;
  /**
   * Fixes the rule's own draws whatever the seed of the network is. Default: derived from the seed
   * of the network and the number of the rule.
   */
  readonly seed?: number | string;
  /** What the rule is called in lists and traces. Default: the kind of its effect. */
  readonly name?: string;
}

/** What a rule does. Rates are probabilities from 0 to 1 for each frame, 1 by default. */
export type Effect =
  | { readonly kind: 'drop'; readonly rate?: number }
  /** Adds to the time under way; a number is a fixed one in ms. The order of the link is kept. */
  | { readonly kind: 'delay'; readonly delay: number | Distribution }
  /** `copies` (1 to 100, default 1) more of the same frame follow it. */
  | { readonly kind: 'duplicate'; readonly rate?: number; readonly copies?: number }
  /**
   * Releases a frame from the order of its link and adds a uniform delay from 0 to `withinMs` (up
   * to 3,600,000): it overtakes what is delayed, and is overtaken while it waits.
   */
  | { readonly kind: 'reorder'; readonly rate?: number; readonly withinMs: number }
  /** Flips one bit. A frame without bytes stays whole. */
  | { readonly kind: 'corrupt'; readonly rate?: number }
  /**
   * Each link carries `bytesPerSecond` (1 to 1e12). What has to wait queues up, `queueBytesMax` (1
   * to 2^30, default 2^20) at most: a frame that does not fit is dropped, unless none waits.
   */
  | {
      readonly kind: 'throttle';
      readonly bytesPerSecond: number;
      readonly queueBytesMax?: number;
    }
  /** Keeps frames aside until the rule is released or disposed. */
  | { readonly kind: 'hold' };

/**
 * On which links a rule acts. 'nodes': between nodes, so that clients are not affected; 'everyone':
 * on all links; a list: on exactly these links; or all links that lead `from` some ends `to`
 * others.
 */
export type Between = 'nodes' | 'everyone' | Direction | readonly Link[];

/** Links by their ends. */
export interface Direction {
  /** Default: 'nodes'. */
  readonly from?: Ends;
  /** Default: 'nodes'. */
  readonly to?: Ends;
  /** Also the links of the opposite direction. Default: false. */
  readonly bothWays?: boolean;
}

/**
 * Some ends: a group, an id, or a list of ids. An end that is called like a group goes in a list.
 */
export type Ends = 'nodes' | 'clients' | 'everyone' | (string & {}) | readonly string[];

/** A function, or the fields that the content must have, compared by `Object.is`. */
export type ContentPredicate =
  | ((content: unknown) => boolean)
  | Readonly<Record<string, string | number | boolean>>;

/** An effect with every default filled in. */
export type CheckedEffect =
  | { readonly kind: 'drop'; readonly rate: number }
  | { readonly kind: 'delay'; readonly delay: CheckedDistribution }
  | { readonly kind: 'duplicate'; readonly rate: number; readonly copies: number }
  | { readonly kind: 'reorder'; readonly rate: number; readonly withinMs: number }
  | { readonly kind: 'corrupt'; readonly rate: number }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number; readonly queueBytesMax: number }
  | { readonly kind: 'hold' };

/**
 * Who is there: what 'nodes', 'clients' and an id mean. It may change while a rule is installed.
 */
export interface Roster {
  readonly nodes: ReadonlySet<string>;
  readonly clients: ReadonlySet<string>;
}

/** A rule that was checked, ready to be asked. */
export interface CheckedRule {
  readonly name: string;
  readonly effect: CheckedEffect;
  readonly skip: number;
  readonly limit: number;
  readonly seed: number | string | undefined;
  covers(source: string, destination: string): boolean;
  /** Whether kind and content are what the rule asks for. */
  matches(frame: { readonly kind: string; readonly content?: unknown }): boolean;
}

const ruleNames: readonly (keyof Rule)[] = [
  'effect',
  'between',
  'kinds',
  'content',
  'skip',
  'limit',
  'seed',
  'name',
];

/** Checks a rule. Throws `RAFT_INVALID_OPTION`, or `RAFT_UNKNOWN_NODE` for an end nobody knows. */
export function checkRule(rule: Rule, roster: Roster): CheckedRule {
  checkNames('rule', rule, ruleNames);
  const effect = checkEffect(rule.effect);
  const countMax = { min: 0, max: Number.MAX_SAFE_INTEGER, isInteger: true };
  const { limit = Number.POSITIVE_INFINITY, kinds, content, seed } = rule;
  if (kinds !== undefined && !Array.isArray(kinds)) {
    throw invalidOption('rule.kinds', `is ${show(kinds)}; expected a list of message kinds`);
  }
  return {
    name: rule.name ?? effect.kind,
    effect,
    skip: checkNumber('rule.skip', rule.skip ?? 0, countMax),
    limit: limit === Number.POSITIVE_INFINITY ? limit : checkNumber('rule.limit', limit, countMax),
    seed: seed === undefined ? undefined : checkSeed('rule.seed', seed),
    covers: checkBetween(rule.between ?? 'nodes', roster),
    matches: checkMatch(kinds, content),
  };
}

function checkEffect(effect: Effect): CheckedEffect {
  const option = 'rule.effect';
  if (typeof effect !== 'object' || effect === null) {
    throw invalidOption(option, `is ${show(effect)}; expected an object with a kind`);
  }
  switch (effect.kind) {
    case 'drop':
    case 'corrupt':
      return { kind: effect.kind, rate: checkRate(effect.rate) };
    case 'delay':
      return { kind: 'delay', delay: checkDistribution(`${option}.delay`, effect.delay) };
    case 'duplicate': {
      const range = { min: 1, max: 100, isInteger: true };
      const copies = checkNumber(`${option}.copies`, effect.copies ?? 1, range);
      return { kind: 'duplicate', rate: checkRate(effect.rate), copies };
    }
    case 'reorder': {
      const range = { min: 0, max: 3_600_000 };
      const withinMs = checkNumber(`${option}.withinMs`, effect.withinMs, range);
      return { kind: 'reorder', rate: checkRate(effect.rate), withinMs };
    }
    case 'throttle': {
      const rateMax = { min: 1, max: 1e12 };
      const queueMax = { min: 1, max: 2 ** 30 };
      const { bytesPerSecond, queueBytesMax = 2 ** 20 } = effect;
      return {
        kind: 'throttle',
        bytesPerSecond: checkNumber(`${option}.bytesPerSecond`, bytesPerSecond, rateMax),
        queueBytesMax: checkNumber(`${option}.queueBytesMax`, queueBytesMax, queueMax),
      };
    }
    case 'hold':
      return { kind: 'hold' };
    default:
      throw unknownKind(option, effect);
  }
}

function checkRate(rate = 1): number {
  return checkNumber('rule.effect.rate', rate, rateRange);
}

function checkBetween(between: Between, roster: Roster): CheckedRule['covers'] {
  if (between === 'nodes' || between === 'everyone') {
    return checkBetween({ from: between, to: between }, roster);
  }
  if (isLinkList(between)) return checkLinks('rule.between', between, roster);
  if (typeof between !== 'object' || between === null) {
    throw invalidOption('rule.between', `is ${show(between)}; expected 'nodes' or 'everyone'`);
  }
  const isFrom = checkEnds('rule.between.from', between.from ?? 'nodes', roster);
  const isTo = checkEnds('rule.between.to', between.to ?? 'nodes', roster);
  if (between.bothWays !== true) {
    return (source, destination) => isFrom(source) && isTo(destination);
  }
  return (source, destination) =>
    (isFrom(source) && isTo(destination)) || (isFrom(destination) && isTo(source));
}

/**
 * A test for membership in a list of links. Throws `RAFT_UNKNOWN_NODE` for an end that nobody knows
 * and `RAFT_INVALID_OPTION` for a link from an end to itself, which no network carries.
 */
export function checkLinks(
  option: string,
  links: readonly Link[],
  roster: Roster,
): CheckedRule['covers'] {
  const destinations = new Map<string, Set<string>>();
  for (const { source, destination } of links) {
    checkEnd(source, roster);
    checkEnd(destination, roster);
    if (source === destination) throw invalidOption(option, `has a link from ${source} to itself`);
    const known = destinations.get(source);
    if (known === undefined) destinations.set(source, new Set([destination]));
    else known.add(destination);
  }
  return (source, destination) => destinations.get(source)?.has(destination) === true;
}

function checkEnds(option: string, ends: Ends, roster: Roster): (end: string) => boolean {
  if (ends === 'everyone') return () => true;
  if (ends === 'nodes') return (end) => roster.nodes.has(end);
  if (ends === 'clients') return (end) => roster.clients.has(end);
  const list: unknown = typeof ends === 'string' ? [ends] : ends;
  if (!Array.isArray(list)) throw invalidOption(option, `is ${show(ends)}; expected ids`);
  const set = new Set<string>(list);
  for (const end of set) checkEnd(end, roster);
  return (end) => set.has(end);
}

function checkEnd(end: string, roster: Roster): void {
  if (roster.nodes.has(end) || roster.clients.has(end)) return;
  throw unknownNode(end, [...roster.nodes, ...roster.clients]);
}

function checkMatch(
  kinds: readonly string[] | undefined,
  content: ContentPredicate | undefined,
): CheckedRule['matches'] {
  const kindSet = kinds === undefined ? undefined : new Set(kinds);
  const hasContent = content === undefined ? undefined : checkContent(content);
  return (frame) => {
    if (kindSet !== undefined && !kindSet.has(frame.kind)) return false;
    if (hasContent === undefined) return true;
    const found = frame.content;
    return found !== undefined && hasContent(found);
  };
}

function checkContent(predicate: ContentPredicate): (content: unknown) => boolean {
  if (typeof predicate === 'function') return predicate;
  if (typeof predicate !== 'object' || predicate === null) {
    throw invalidOption('rule.content', `is ${show(predicate)}; expected fields or a function`);
  }
  const fields = Object.entries(predicate);
  return (content) => {
    if (typeof content !== 'object' || content === null) return false;
    const found = content as Readonly<Record<string, unknown>>;
    return fields.every(([name, value]) => Object.is(found[name], value));
  };
}

function isLinkList(between: Between): between is readonly Link[] {
  return Array.isArray(between);
}

/** Everything that can be wrong with links at once; see `linkRules`. */
export interface LinkOptions extends Pick<Rule, 'between' | 'kinds' | 'content'> {
  /** The share of frames that is lost. Default: 0. */
  readonly lossRate?: number;
  /** Time under way: ms, or a distribution. Default: 0. */
  readonly delayMs?: number | Distribution;
  /** The share of frames that arrives twice. Default: 0. */
  readonly duplicateRate?: number;
  /** The share of frames in which a bit flips. Default: 0. */
  readonly corruptRate?: number;
  /** The share of frames that leaves the order of its link. Default: 0. */
  readonly reorderRate?: number;
  /** How much later a reordered frame may be. Default: 10. */
  readonly reorderWithinMs?: number;
  /** Bandwidth of each link. Default: no limit. */
  readonly bytesPerSecond?: number;
}

const linkOptionNames: readonly (keyof LinkOptions)[] = [
  'between',
  'kinds',
  'content',
  'lossRate',
  'delayMs',
  'duplicateRate',
  'corruptRate',
  'reorderRate',
  'reorderWithinMs',
  'bytesPerSecond',
];

/** The rules that make links lossy, slow, … as asked for: one for each option that is given. */
export function linkRules(options: LinkOptions): Rule[] {
  checkNames('link', options, linkOptionNames);
  const { lossRate, delayMs, duplicateRate, corruptRate, reorderRate, bytesPerSecond } = options;
  const effects: Effect[] = [];
  if (lossRate !== undefined) effects.push({ kind: 'drop', rate: lossRate });
  if (delayMs !== undefined) effects.push({ kind: 'delay', delay: delayMs });
  if (duplicateRate !== undefined) effects.push({ kind: 'duplicate', rate: duplicateRate });
  if (reorderRate !== undefined) {
    const withinMs = options.reorderWithinMs ?? 10;
    effects.push({ kind: 'reorder', rate: reorderRate, withinMs });
  }
  if (corruptRate !== undefined) effects.push({ kind: 'corrupt', rate: corruptRate });
  if (bytesPerSecond !== undefined) effects.push({ kind: 'throttle', bytesPerSecond });
  const { between = 'nodes', kinds, content } = options;
  return effects.map((effect) => ({
    effect,
    between,
    ...(kinds === undefined ? {} : { kinds }),
    ...(content === undefined ? {} : { content }),
  }));
}

/** Whether disposing a rule with this effect shortens the time that frames are still under way. */
export function addsDelay(effect: CheckedEffect): boolean {
  switch (effect.kind) {
    case 'delay':
    case 'reorder':
    case 'throttle':
      return true;
    case 'drop':
    case 'duplicate':
    case 'corrupt':
    case 'hold':
      return false;
    default:
      return assertNever(effect);
  }
}
