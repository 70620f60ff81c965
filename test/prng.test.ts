import test from 'ava';
import fc from 'fast-check';
import { Prng } from '../src/prng.js';

const take = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);

const seeds = fc.oneof(fc.maxSafeInteger(), fc.string());

test('the generator is xoshiro128** 1.1 (vectors of the reference implementation)', (t) => {
  const prng = Prng.fromState([1, 2, 3, 4]);

  const drawn = take(10, () => prng.uint32());

  t.deepEqual(
    drawn,
    [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
      4258142804,
    ],
  );
});

test('a state of zeros is left', (t) => {
  const prng = Prng.fromState([0, 0, 0, 0]);

  t.true(take(20, () => prng.uint32()).some((word) => word !== 0));
});

test('a seed means the same draws in every release', (t) => {
  const draws = (seed: number | string) => {
    const prng = new Prng(seed);
    return take(3, () => prng.uint32());
  };

  t.deepEqual(draws(1), [1727217638, 612601969, 2814530566]);
  t.deepEqual(draws('one'), [2386123285, 617406142, 3988148738]);
  t.deepEqual(draws(-1), [3125995348, 1856614001, 2387089929]);
  t.deepEqual(draws(2 ** 53 - 1), [3388011945, 2962657608, 2482607304]);
  t.is(new Prng(1).fork('n1').uint32(), 172934575);
  t.is(new Prng(1).fork(7).uint32(), 3299525345);
});

test('the same seed gives the same draws', (t) => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const [first, second] = [new Prng(seed), new Prng(seed)];
      t.deepEqual(
        take(5, () => first.next()),
        take(5, () => second.next()),
      );
    }),
  );
  t.pass();
});

test('different seeds give different draws', (t) => {
  const near = [0, 1, -1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 52, '', '0', '1', '\u0000', '01', '10'];

  const first = near.map((seed) => new Prng(seed).next());

  t.is(new Set(first).size, near.length);
});

test('a seed that is no safe integer is refused', (t) => {
  for (const seed of [0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    t.throws(() => new Prng(seed), { instanceOf: RangeError });
    t.throws(() => new Prng(1).fork(seed), { instanceOf: RangeError });
  }
});

test('next is uniform over 0 (inclusive) to 1 (exclusive)', (t) => {
  const prng = new Prng(7);
  const count = 50_000;
  const drawn = take(count, () => prng.next());
  const buckets = new Array<number>(20).fill(0);
  for (const value of drawn)
    buckets[Math.floor(value * 20)] = (buckets[Math.floor(value * 20)] ?? 0) + 1;

  t.true(drawn.every((value) => value >= 0 && value < 1));
  t.true(chiSquare(buckets, count / 20) < 43.8, 'p > 0.001 for 19 degrees of freedom');
  t.true(
    drawn.some((value) => (value * 2 ** 32) % 1 !== 0),
    'more than 32 bits',
  );
});

test('int gives every number from min to max equally often', (t) => {
  const prng = new Prng(8);
  const counts = new Array<number>(7).fill(0);

  for (let draw = 0; draw < 35_000; draw++) {
    const value = prng.int(-3, 3);
    counts[value + 3] = (counts[value + 3] ?? 0) + 1;
  }

  t.is(counts.length, 7);
  t.true(chiSquare(counts, 5_000) < 22.5, 'p > 0.001 for 6 degrees of freedom');
});

test('int is not biased where the span does not divide 2^32', (t) => {
  // Of 3 * 2^30 values a plain remainder would draw the first third twice as often as the others.
  const prng = new Prng(9);
  const third = 2 ** 30;
  const counts = [0, 0, 0];

  for (let draw = 0; draw < 9_000; draw++) {
    const place = Math.floor(prng.int(0, 3 * third - 1) / third);
    counts[place] = (counts[place] ?? 0) + 1;
  }

  t.true(chiSquare(counts, 3_000) < 13.8, 'p > 0.001 for 2 degrees of freedom');
});

test('int stays between its bounds, whatever they are', (t) => {
  const bound = fc.maxSafeInteger();
  fc.assert(
    fc.property(bound, bound, seeds, (some, other, seed) => {
      const [min, max] = [Math.min(some, other), Math.max(some, other)];
      fc.pre(Number.isSafeInteger(max - min + 1));
      const value = new Prng(seed).int(min, max);
      return Number.isSafeInteger(value) && value >= min && value <= max;
    }),
  );
  t.is(new Prng(1).int(5, 5), 5);
});

test('what cannot be drawn is refused', (t) => {
  const prng = new Prng(1);

  t.throws(() => prng.int(2, 1), { instanceOf: RangeError });
  t.throws(() => prng.int(0, 0.5), { instanceOf: RangeError });
  t.throws(() => prng.int(-(2 ** 52), 2 ** 53 - 1), { instanceOf: RangeError });
  t.throws(() => prng.pick([]), { instanceOf: RangeError });
  t.throws(() => prng.chance(1.1), { instanceOf: RangeError });
  t.throws(() => prng.chance(Number.NaN), { instanceOf: RangeError });
});

test('chance is true as often as it says, never for 0 and always for 1', (t) => {
  const prng = new Prng(10);
  const share = (probability: number) =>
    take(10_000, () => prng.chance(probability)).filter(Boolean).length / 10_000;

  t.is(share(0), 0);
  t.is(share(1), 1);
  t.true(Math.abs(share(0.1) - 0.1) < 0.012);
});

test('chance draws equally much whatever the probability is', (t) => {
  const after = (probability: number) => {
    const prng = new Prng(11);
    prng.chance(probability);
    return prng.uint32();
  };

  t.is(after(0), after(1));
  t.is(after(0), after(0.5));
});

test('shuffle keeps the elements, leaves the list alone and reaches every order equally', (t) => {
  const prng = new Prng(12);
  const list = ['a', 'b', 'c'];
  const counts = new Map<string, number>();

  for (let draw = 0; draw < 6_000; draw++) {
    const order = prng.shuffle(list).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }

  t.deepEqual(list, ['a', 'b', 'c']);
  t.deepEqual([...counts.keys()].sort(), ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  t.true(chiSquare([...counts.values()], 1_000) < 20.6, 'p > 0.001 for 5 degrees of freedom');
});

test('pick takes every element equally often', (t) => {
  const prng = new Prng(13);
  const counts = [0, 0, 0, 0];

  for (let draw = 0; draw < 8_000; draw++) {
    const picked = prng.pick([0, 1, 2, 3]);
    counts[picked] = (counts[picked] ?? 0) + 1;
  }

  t.true(chiSquare(counts, 2_000) < 16.3, 'p > 0.001 for 3 degrees of freedom');
});

test('a fork depends on seed and label alone, not on what was drawn', (t) => {
  fc.assert(
    fc.property(seeds, seeds, fc.nat(20), (seed, label, draws) => {
      const [untouched, used] = [new Prng(seed), new Prng(seed)];
      take(draws, () => used.next());
      used.fork('another');
      t.is(used.fork(label).next(), untouched.fork(label).next());
    }),
  );
  t.pass();
});

test('a fork leaves its parent where it was', (t) => {
  const [forked, plain] = [new Prng(3), new Prng(3)];

  forked.fork('child').next();

  t.is(forked.next(), plain.next());
});

test('forks differ by label, by the kind of label, by parent and from their parent', (t) => {
  const prng = new Prng(4);
  const family = [
    prng,
    prng.fork(0),
    prng.fork('0'),
    prng.fork(1),
    prng.fork('a').fork('b'),
    prng.fork('ab'),
    prng.fork('b').fork('a'),
    new Prng(5).fork(0),
  ];

  t.is(new Set(family.map((one) => one.next())).size, family.length);
});

test('the first draws of neighbouring forks are uniform and independent of each other', (t) => {
  const prng = new Prng(14);
  const count = 20_000;
  const first = Array.from({ length: count }, (_, label) => prng.fork(label).next());
  const buckets = new Array<number>(16).fill(0);
  const pairs = new Array<number>(16).fill(0);
  for (const [place, value] of first.entries()) {
    const bucket = Math.floor(value * 16);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    const next = first[(place + 1) % count] ?? 0;
    const pair = 4 * Math.floor(value * 4) + Math.floor(next * 4);
    pairs[pair] = (pairs[pair] ?? 0) + 1;
  }

  t.true(chiSquare(buckets, count / 16) < 37.7, 'p > 0.001 for 15 degrees of freedom');
  t.true(chiSquare(pairs, count / 16) < 37.7, 'p > 0.001 for 15 degrees of freedom');
});

function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
