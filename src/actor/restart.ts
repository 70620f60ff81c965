/**
 * What a supervisor does about a death, as plain decisions.
 *
 * The words are OTP's. One thing differs: with `one-for-one` the intensity is counted for each
 * child and giving up leaves that child down, so that a child which cannot live does not take its
 * healthy siblings along. With `one-for-all` it is counted for the group, which stops as a whole.
 */
import type { DownReason } from './monitor.js';

/** `permanent`: always restarted; `transient`: unless it ended normally; `temporary`: never. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** `one-for-one`: the dead child alone; `one-for-all`: all of its siblings with it. */
export type Strategy = 'one-for-one' | 'one-for-all';

/**
 * How long a restart waits: `initialMs` after the first death, `factor` times as long each time.
 */
export interface Backoff {
  /** Ms >= 0. Default 50. */
  readonly initialMs: number;
  /** >= 1. Default 2. */
  readonly factor: number;
  /** Ms >= `initialMs`. Default 5,000. */
  readonly maxMs: number;
}

export interface RestartLimits {
  /** This many restarts within `periodMs` are allowed; a whole number >= 0. Default 5. */
  readonly intensity: number;
  /** Ms > 0. Default 10,000. */
  readonly periodMs: number;
  readonly backoff: Backoff;
}

export type RestartDecision =
  | { readonly kind: 'restart'; readonly afterMs: number }
  | { readonly kind: 'give-up' };

export const defaultRestartLimits: RestartLimits = {
  intensity: 5,
  periodMs: 10_000,
  backoff: { initialMs: 50, factor: 2, maxMs: 5_000 },
};

/** Whether a child of this type is wanted alive after it ended like that. */
export function isRestarted(type: RestartType, reason: DownReason): boolean {
  if (type === 'temporary') return false;
  return type === 'permanent' || reason !== 'normal';
}

/** The deaths that still count at `nowMs`. */
export function recentDeaths(
  deathsMs: readonly number[],
  nowMs: number,
  { periodMs }: RestartLimits,
): number[] {
  return deathsMs.filter((atMs) => nowMs - atMs < periodMs);
}

/** `deathsMs`: when the child or the group died, the death in question included. */
export function decideRestart(
  deathsMs: readonly number[],
  nowMs: number,
  limits: RestartLimits,
): RestartDecision {
  const deaths = recentDeaths(deathsMs, nowMs, limits).length;
  if (deaths > limits.intensity) return { kind: 'give-up' };
  return { kind: 'restart', afterMs: backoffMs(deaths, limits.backoff) };
}

/** How long to wait after the `deaths`-th death in a row; none counts as the first. */
export function backoffMs(deaths: number, { initialMs, factor, maxMs }: Backoff): number {
  return Math.min(maxMs, initialMs * factor ** Math.max(0, deaths - 1));
}

/** What `planRestart` has to know of a child. */
export interface Sibling {
  readonly id: string;
  readonly restart: RestartType;
  readonly isAlive: boolean;
}

export interface RestartPlan {
  /** Whom to stop first, in this order. */
  readonly stop: readonly string[];
  /** Whom to start then, in this order. */
  readonly start: readonly string[];
}

/**
 * Who is stopped and started because `deadId` died; `children` in the order of their start.
 *
 * As in OTP, a temporary sibling goes down with its group and does not come back. A sibling that
 * was down already stays down.
 */
export function planRestart(
  strategy: Strategy,
  children: readonly Sibling[],
  deadId: string,
): RestartPlan {
  if (strategy === 'one-for-one') return { stop: [], start: [deadId] };
  const alive = children.filter((child) => child.isAlive && child.id !== deadId);
  const back = children.filter(
    (child) => child.id === deadId || (child.isAlive && child.restart !== 'temporary'),
  );
  return {
    stop: alive.map((child) => child.id).reverse(),
    start: back.map((child) => child.id),
  };
}
