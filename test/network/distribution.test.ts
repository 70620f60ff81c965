import test from 'ava';
import fc from 'fast-check';
import { checkDistribution, type Distribution, drawMs } from '../../src/network/distribution.js';
import { Prng } from '../../src/prng.js';

const draws = (distribution: number | Distribution, count = 20_000): number[] => {
  const checked = checkDistribution('delay', distribution);
  const prng = new Prng('distribution');
  return Array.from({ length: count }, () => drawMs(checked, prng));
};

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const shareAbove = (values: readonly number[], ms: number): number =>
  values.filter((value) => value > ms).length / values.length;

test('a plain number is a fixed delay', (t) => {
  t.deepEqual(new Set(draws(12.5, 10)), new Set([12.5]));
  t.deepEqual(new Set(draws({ kind: 'fixed', ms: 12.5 }, 10)), new Set([12.5]));
});

test('uniform delays fill their range evenly', (t) => {
  const values = draws({ kind: 'uniform', minMs: 10, maxMs: 30 });

  t.true(values.every((ms) => ms >= 10 && ms <= 30));
  t.true(Math.abs(meanOf(values) - 20) < 0.2);
  t.true(Math.abs(shareAbove(values, 25) - 0.25) < 0.015);
});

test('exponential delays have the mean asked for and the tail of e^-x', (t) => {
  const values = draws({ kind: 'exponential', meanMs: 20 });

  t.true(Math.abs(meanOf(values) - 20) < 0.6);
  t.true(Math.abs(shareAbove(values, 40) - Math.exp(-2)) < 0.012);
});

test('exponential delays above a minimum keep the mean asked for', (t) => {
  const values = draws({ kind: 'exponential', meanMs: 20, minMs: 15 });

  t.true(values.every((ms) => ms >= 15));
  t.true(Math.abs(meanOf(values) - 20) < 0.2);
});

test('pareto delays have the tail (min / x) ^ shape', (t) => {
  const values = draws({ kind: 'pareto', minMs: 10, shape: 3 });

  t.true(values.every((ms) => ms >= 10));
  t.true(Math.abs(meanOf(values) - 15) < 0.5);
  t.true(Math.abs(shareAbove(values, 20) - 1 / 8) < 0.012);
  t.true(Math.abs(shareAbove(values, 50) - 1 / 125) < 0.004);
});

test('a tail is cut at its maximum, a minute if nothing is said', (t) => {
  t.is(Math.max(...draws({ kind: 'exponential', meanMs: 20, maxMs: 25 })), 25);
  t.is(Math.max(...draws({ kind: 'pareto', minMs: 1, shape: 0.5, maxMs: 100 })), 100);
  t.is(Math.max(...draws({ kind: 'exponential', meanMs: 50_000 })), 60_000);
  t.is(Math.max(...draws({ kind: 'pareto', minMs: 1, shape: 0.1 })), 60_000);
});

test('no draw is negative, infinite or not a number', (t) => {
  const ms = fc.double({ min: 0.001, max: 3_600_000, noNaN: true });
  const shape = fc.double({ min: 0.1, max: 100, noNaN: true });
  const distributions = fc.oneof(
    fc.tuple(ms, ms).map(([some, other]): Distribution => {
      return { kind: 'uniform', minMs: Math.min(some, other), maxMs: Math.max(some, other) };
    }),
    ms.map((meanMs): Distribution => ({ kind: 'exponential', meanMs })),
    fc.tuple(ms, shape).map(([minMs, shape]): Distribution => ({ kind: 'pareto', minMs, shape })),
  );
  fc.assert(
    fc.property(distributions, (distribution) => {
      return draws(distribution, 20).every((drawn) => drawn >= 0 && drawn <= 3_600_000);
    }),
  );
  t.pass();
});

const invalid: [string, unknown, string][] = [
  ['a negative delay', -1, 'delay'],
  ['no number', Number.NaN, 'delay'],
  ['more than an hour', 3_600_001, 'delay'],
  ['a string', '10', 'delay'],
  ['nothing', undefined, 'delay'],
  ['a kind that does not exist', { kind: 'normal', meanMs: 1 }, 'delay.kind'],
  ['a fixed delay without ms', { kind: 'fixed' }, 'delay.ms'],
  ['a range upside down', { kind: 'uniform', minMs: 2, maxMs: 1 }, 'delay.maxMs'],
  ['a mean below the minimum', { kind: 'exponential', meanMs: 1, minMs: 2 }, 'delay.meanMs'],
  ['a maximum below the mean', { kind: 'exponential', meanMs: 2, maxMs: 1 }, 'delay.maxMs'],
  ['a pareto minimum of 0', { kind: 'pareto', minMs: 0, shape: 2 }, 'delay.minMs'],
  ['a shape of 0', { kind: 'pareto', minMs: 1, shape: 0 }, 'delay.shape'],
  ['a maximum below the minimum', { kind: 'pareto', minMs: 2, shape: 2, maxMs: 1 }, 'delay.maxMs'],
];

for (const [what, delay, option] of invalid) {
  test(`a distribution with ${what} is refused, and ${option} is named`, (t) => {
    const error = t.throws(() => checkDistribution('delay', delay as Distribution));

    t.like(error, { code: 'RAFT_INVALID_OPTION', details: { option } });
    t.true(error?.message.startsWith(`${option} `));
  });
}
