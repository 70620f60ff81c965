/**
 * What rules do to one frame, worked out from the frame, the rules of its link and their streams.
 *
 * All rules that match are asked, and what they say is combined, so their order rarely matters:
 * losses and holds of any of them count, delays and copies add up, and bandwidth is passed one rule
 * after the other. In the order of installation the first one to drop or hold gets the credit.
 *
 * The draws for a frame are a function of the rule's seed, the link and how many frames of that
 * link the rule took before. They do not depend on other rules or links: a rule that is added,
 * disposed or lossy leaves all others as they were, and traffic on one link does not disturb
 * another.
 */

import { assertNever } from '../errors.js';
import { Prng } from '../prng.js';
import { drawMs } from './distribution.js';
import type { Corruption, DropReason } from './link.js';
import type { CheckedEffect, CheckedRule } from './rule.js';

/** A rule while it is installed. */
export interface ActiveRule extends CheckedRule {
  /** 1, 2, …, by installation; never used again. */
  readonly number: number;
  /** Where the streams of its links fork from. */
  readonly prng: Prng;
  /** How many frames matched, those that `skip` and `limit` leave alone included. */
  matched: number;
}

/** What one rule remembers of one link. */
export interface Lane {
  readonly prng: Prng;
  /** Frames that the rule took on this link. */
  frames: number;
  /** When the bandwidth is free again. */
  freeAtMs: number;
}

/** A frame as the rules see it. */
interface Sight {
  readonly kind: string;
  readonly byteLength: number;
  readonly content?: unknown;
}

/** A rule that takes the frame in hand, with the stream for it. */
export interface Taker {
  readonly rule: ActiveRule;
  readonly lane: Lane;
  readonly draws: Prng;
}

/** What a rule added to the time under way; disposing the rule takes it back. */
export interface Delay {
  readonly rule: ActiveRule;
  readonly ms: number;
}

/** What happens to one frame, or to one copy of it. */
export interface Fate {
  readonly delays: readonly Delay[];
  readonly isReordered: boolean;
  readonly isThrottled: boolean;
  readonly corruption?: Corruption;
  readonly heldBy?: ActiveRule;
  /** Present if it did not fit into the queue of a bandwidth rule. */
  readonly throttledAwayBy?: ActiveRule;
}

/** What became of a frame that was submitted. */
export type Verdict = {
  /**
   * Extra copies that were made. Their fates may differ from this one; the counters have them all.
   */
  readonly copies: number;
  readonly isReordered: boolean;
  readonly isCorrupted: boolean;
} & (
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'delayed'; readonly dueMs: number }
  /** By the rule of this number; absent if a partition holds it. */
  | { readonly outcome: 'held'; readonly rule?: number }
  /** By the rule of this number; absent if the reason is not a rule. */
  | { readonly outcome: 'dropped'; readonly reason: DropReason; readonly rule?: number }
);

/** The fate of a frame that no rule takes. */
export const untouched: Fate = { delays: [], isReordered: false, isThrottled: false };

/** Whether the rule has done all that its `limit` allows. */
export function isSpent(rule: ActiveRule): boolean {
  return rule.matched >= rule.skip + rule.limit;
}

/** The lane of a link, for a rule that is new to it. */
export function createLane(rule: ActiveRule, source: string, destination: string): Lane {
  const prng = rule.prng.fork(source).fork(destination);
  return { prng, frames: 0, freeAtMs: Number.NEGATIVE_INFINITY };
}

/** The rules among `rules`, none of them spent, that take this frame, in their order. */
export function takersOf(
  frame: Sight,
  rules: readonly { readonly rule: ActiveRule; readonly lane: Lane }[],
): Taker[] {
  // First all questions, then all changes: a predicate that throws leaves nothing half done.
  const matching = rules.filter(({ rule }) => rule.matches(frame));
  const takers: Taker[] = [];
  for (const { rule, lane } of matching) {
    rule.matched += 1;
    if (rule.matched <= rule.skip) continue;
    takers.push({ rule, lane, draws: lane.prng.fork(lane.frames) });
    lane.frames += 1;
  }
  return takers;
}

/** The first rule that loses the frame, if one does. */
export function loserOf(takers: readonly Taker[]): ActiveRule | undefined {
  const loser = takers.find(({ rule: { effect }, draws }) => {
    return effect.kind === 'drop' && draws.chance(effect.rate);
  });
  return loser?.rule;
}

/** How many extra copies the rules make. */
export function copiesOf(takers: readonly Taker[]): number {
  let copies = 0;
  for (const { rule, draws } of takers) {
    const { effect } = rule;
    if (effect.kind === 'duplicate' && draws.chance(effect.rate)) copies += effect.copies;
  }
  return copies;
}

/** What happens to the frame. Asked once for the frame itself, then for each copy of it. */
export function fateOf(frame: Sight, takers: readonly Taker[], nowMs: number): Fate {
  const delays: Delay[] = [];
  let clearMs = nowMs;
  let isReordered = false;
  let corruption: Corruption | undefined;
  let heldBy: ActiveRule | undefined;
  for (const { rule, lane, draws } of takers) {
    const { effect } = rule;
    switch (effect.kind) {
      case 'drop':
      case 'duplicate':
        break;
      case 'delay':
        delays.push({ rule, ms: drawMs(effect.delay, draws) });
        break;
      case 'reorder':
        if (!draws.chance(effect.rate)) break;
        isReordered = true;
        delays.push({ rule, ms: effect.withinMs * draws.next() });
        break;
      case 'corrupt':
        corruption = drawCorruption(frame.byteLength, effect.rate, draws) ?? corruption;
        break;
      case 'throttle': {
        const exitMs = passThrottle(lane, effect, frame.byteLength, clearMs);
        if (exitMs === undefined) {
          return { delays, isReordered, isThrottled: true, throttledAwayBy: rule };
        }
        delays.push({ rule, ms: exitMs - clearMs });
        clearMs = exitMs;
        break;
      }
      case 'hold':
        heldBy ??= rule;
        break;
      default:
        assertNever(effect);
    }
  }
  return {
    delays,
    isReordered,
    isThrottled: clearMs > nowMs,
    ...(corruption === undefined ? {} : { corruption }),
    ...(heldBy === undefined ? {} : { heldBy }),
  };
}

/** A rule, installed. */
export function activate(rule: CheckedRule, number: number, prng: Prng): ActiveRule {
  const own = rule.seed === undefined ? prng.fork(number) : new Prng(rule.seed);
  return { ...rule, number, prng: own, matched: 0 };
}

function drawCorruption(byteLength: number, rate: number, draws: Prng): Corruption | undefined {
  if (!draws.chance(rate) || byteLength === 0) return undefined;
  return { byteOffset: draws.int(0, byteLength - 1), bit: draws.int(0, 7) };
}

/**
 * When the last byte has left a link of this bandwidth; `undefined` if the frame finds the queue
 * full. The frame that is being sent does not count as queued, so one larger than the queue passes
 * an idle link.
 */
function passThrottle(
  lane: Lane,
  effect: CheckedEffect & { readonly kind: 'throttle' },
  byteLength: number,
  nowMs: number,
): number | undefined {
  const bytesPerMs = effect.bytesPerSecond / 1_000;
  const startMs = Math.max(lane.freeAtMs, nowMs);
  const queuedBytes = (startMs - nowMs) * bytesPerMs;
  if (queuedBytes > 0 && queuedBytes + byteLength > effect.queueBytesMax) return undefined;
  lane.freeAtMs = startMs + byteLength / bytesPerMs;
  return lane.freeAtMs;
}
