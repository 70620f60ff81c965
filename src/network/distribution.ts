/**
 * How long a frame is under way, as a distribution to draw from.
 *
 * Fixed and uniform are for tests that want to know the answer. Exponential is what independent
 * small causes add up to; pareto has the heavy tail of real networks, where the mean says little
 * and the worst of a thousand frames is very late.
 */

import { assertNever } from '../errors.js';
import type { Prng } from '../prng.js';
import { checkNumber, invalidOption, show, unknownKind } from './option.js';

/** A distribution of delays. All times are ms from 0 to 3,600,000, fractions allowed. */
export type Distribution =
  | FixedDistribution
  | UniformDistribution
  | ExponentialDistribution
  | ParetoDistribution;

/** Always the same delay. */
export interface FixedDistribution {
  readonly kind: 'fixed';
  readonly ms: number;
}

/** Every delay from `minMs` to `maxMs` is as likely as the other. */
export interface UniformDistribution {
  readonly kind: 'uniform';
  readonly minMs: number;
  readonly maxMs: number;
}

/** Never below `minMs`, `meanMs` on average, often short and seldom long. */
export interface ExponentialDistribution {
  readonly kind: 'exponential';
  /** The mean before `maxMs` cuts the tail; at least `minMs`. */
  readonly meanMs: number;
  /** Default: 0. */
  readonly minMs?: number;
  /** A longer draw becomes this one; at least `meanMs`. Default: 60,000. */
  readonly maxMs?: number;
}

/** Never below `minMs`; P(delay > x) = (minMs / x) ^ shape. */
export interface ParetoDistribution {
  readonly kind: 'pareto';
  /** At least 0.001. */
  readonly minMs: number;
  /** From 0.1 to 100: the smaller, the heavier the tail; no mean at 1 or below. 3 is a fair LAN. */
  readonly shape: number;
  /** A longer draw becomes this one; at least `minMs`. Default: 60,000. */
  readonly maxMs?: number;
}

/** No delay is longer: an hour. */
export const delayMsMax = 3_600_000;

/** Where a tail without an end is cut unless the distribution says otherwise: a minute. */
export const tailMsMax = 60_000;

/** A distribution with every default filled in. */
export type CheckedDistribution =
  | FixedDistribution
  | UniformDistribution
  | Required<ExponentialDistribution>
  | Required<ParetoDistribution>;

/**
 * Checks a distribution, or a plain number of ms, which is a fixed delay, and fills in its
 * defaults.
 *
 * `option` is what the error calls it. Throws `RAFT_INVALID_OPTION`.
 */
export function checkDistribution(
  option: string,
  delay: number | Distribution,
): CheckedDistribution {
  if (typeof delay === 'number') return { kind: 'fixed', ms: checkMs(option, delay) };
  if (typeof delay !== 'object' || delay === null) {
    throw invalidOption(option, `is ${show(delay)}; expected ms or a distribution`);
  }
  switch (delay.kind) {
    case 'fixed':
      return { kind: 'fixed', ms: checkMs(`${option}.ms`, delay.ms) };
    case 'uniform': {
      const minMs = checkMs(`${option}.minMs`, delay.minMs);
      return { kind: 'uniform', minMs, maxMs: checkMs(`${option}.maxMs`, delay.maxMs, minMs) };
    }
    case 'exponential': {
      const minMs = checkMs(`${option}.minMs`, delay.minMs ?? 0);
      const meanMs = checkMs(`${option}.meanMs`, delay.meanMs, minMs);
      const maxMs = checkMs(`${option}.maxMs`, delay.maxMs ?? Math.max(tailMsMax, meanMs), meanMs);
      return { kind: 'exponential', meanMs, minMs, maxMs };
    }
    case 'pareto': {
      const minMs = checkMs(`${option}.minMs`, delay.minMs, 0.001);
      const shape = checkNumber(`${option}.shape`, delay.shape, { min: 0.1, max: 100 });
      const maxMs = checkMs(`${option}.maxMs`, delay.maxMs ?? Math.max(tailMsMax, minMs), minMs);
      return { kind: 'pareto', minMs, shape, maxMs };
    }
    default:
      throw unknownKind(option, delay);
  }
}

/** Draws one delay in ms. Every kind but `fixed` draws exactly once. */
export function drawMs(distribution: CheckedDistribution, prng: Prng): number {
  switch (distribution.kind) {
    case 'fixed':
      return distribution.ms;
    case 'uniform':
      return distribution.minMs + (distribution.maxMs - distribution.minMs) * prng.next();
    case 'exponential': {
      // 1 - next() is never 0, whose logarithm would be infinite.
      const tailMs = -Math.log(1 - prng.next()) * (distribution.meanMs - distribution.minMs);
      return Math.min(distribution.minMs + tailMs, distribution.maxMs);
    }
    case 'pareto': {
      const stretch = (1 - prng.next()) ** (-1 / distribution.shape);
      return Math.min(distribution.minMs * stretch, distribution.maxMs);
    }
    default:
      return assertNever(distribution);
  }
}

function checkMs(option: string, ms: number, minMs = 0): number {
  return checkNumber(option, ms, { min: minMs, max: delayMsMax });
}
