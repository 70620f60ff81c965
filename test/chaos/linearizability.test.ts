import test from 'ava';
import type { Verdict } from '../../src/chaos/search.js';
import { Prng } from '../../src/prng.js';
import { Recorder } from './recorder.js';

interface Case {
  readonly title: string;
  readonly verdict: Verdict;
  readonly write: (recorder: Recorder) => Recorder;
}

const legal: readonly (readonly [string, Case['write']])[] = [
  ['nothing', (r) => r],
  ['a key is absent at first', (r) => r.get([0, 1], null).mismatch([2, 3], 1, 2)],
  ['a read of what was written', (r) => r.set([0, 1], 'a').get([2, 3], 'a')],
  ['a read during a write, of the old', (r) => r.set([0, 1], 1).set([2, 9], 2).get([3, 4], 1)],
  ['a read during a write, of the new', (r) => r.set([0, 1], 1).set([2, 9], 2).get([3, 4], 2)],
  ['equal times are concurrent', (r) => r.set([0, 5], 1).get([5, 6], null)],
  ['equal times are concurrent, the other way round', (r) => r.get([0, 5], 1).set([5, 6], 1)],
  ['a write without completion that is seen later', (r) => r.set([0, undefined], 1).get([8, 9], 1)],
  ['one that is never seen', (r) => r.set([0, undefined], 1).get([8, 9], null)],
  [
    'one that is seen after it was not',
    (r) => r.set([0, undefined], 1).get([3, 4], null).get([8, 9], 1),
  ],
  ['one with info', (r) => r.set([0, 2], 1).ending('info', 'timeout').get([8, 9], 1)],
  [
    'a cas of unknown outcome upon a set of unknown outcome',
    (r) => r.cas([0, undefined], 1, 2).set([1, undefined], 1).get([8, 9], 2),
  ],
  [
    'a way of two cas must be used while there is one, and a set can wait',
    (r) => {
      r.set([0, 1], 1).cas([0, undefined], 1, 2).cas([0, undefined], 2, 3).set([0, undefined], 3);
      return r.get([2, 3], 1).get([4, 5], 3).set([6, 7], 5).get([8, 9], 5).get([10, 11], 3);
    },
  ],
  [
    'a write that only a cas of unknown outcome has seen',
    (r) => r.set([0, 100], 5).set([0, 100], 7).cas([1, undefined], 5, 6).get([50, 60], 6),
  ],
  ['cas of absent', (r) => r.cas([0, 1], null, 1).get([2, 3], 1)],
  [
    'a failed write is nothing',
    (r) => r.set([0, 1], 1).ending('fail', 'refused').get([2, 3], null),
  ],
  [
    'a failed cas without precondition says nothing',
    (r) => r.set([0, 1], 1).cas([2, 3], 1, 2).ending('fail', 'overloaded').get([4, 5], 1),
  ],
  ['a read of unknown outcome says nothing', (r) => r.get([0, 1], 7).ending('info', 'timeout')],
  ['a failed read says nothing', (r) => r.get([0, 1], 7).ending('fail', 'timeout')],
  ['deletes', (r) => r.delete([0, 1], false).set([2, 3], 1).delete([4, 5], true).get([6, 7], null)],
  ['a delete that does not say', (r) => r.set([0, 1], 1).delete([2, 3]).get([4, 5], null)],
  ['equal values of two writes', (r) => r.set([0, 1], 1).set([2, 3], 1).get([4, 5], 1)],
  [
    'objects are equal whatever the order of their fields',
    (r) => r.set([0, 1], { a: 1, b: [2] }).cas([2, 3], { b: [2], a: 1 }, 3),
  ],
  ['numbers are equal by value', (r) => r.set([0, 1], 1.0).get([2, 3], 1).set([4, 5], 0)],
  ['0 and -0', (r) => r.set([0, 1], 0).get([2, 3], -0)],
];

const illegal: readonly (readonly [string, Case['write']])[] = [
  ['a read of what nobody wrote', (r) => r.get([0, 1], 1)],
  ['a stale read', (r) => r.set([0, 1], 1).set([2, 3], 2).get([4, 5], 1)],
  ['a read before the write', (r) => r.get([0, 1], 1).set([2, 3], 1)],
  ['a lost update', (r) => r.set([0, 1], 1).get([2, 3], null)],
  ['time that runs backwards', (r) => r.set([0, 9], 1).get([1, 2], 1).get([3, 4], null)],
  ['two cas from one value', (r) => r.set([0, 1], 0).cas([2, 9], 0, 1).cas([2, 9], 0, 2)],
  ['a dirty cas', (r) => r.set([0, 1], 0).cas([2, 3], 1, 2)],
  ['a cas that had to match', (r) => r.set([0, 1], 1).mismatch([2, 3], 1, 2)],
  ['a cas of absent that had to match', (r) => r.mismatch([0, 1], null, 2)],
  [
    'a write that was applied twice',
    (r) => r.set([0, undefined], 1).get([1, 2], 1).set([3, 4], 2).get([5, 6], 2).get([7, 8], 1),
  ],
  ['a failed write that is seen', (r) => r.set([0, 1], 1).ending('fail', 'no').get([2, 3], 1)],
  ['a delete that missed', (r) => r.set([0, 1], 1).delete([2, 3], false)],
  ['a delete that found nothing there', (r) => r.delete([0, 1], true)],
  ['a deleted value', (r) => r.set([0, 1], 1).delete([2, 3], true).get([4, 5], 1)],
  ['1 is not "1"', (r) => r.set([0, 1], 1).get([2, 3], '1')],
  ['null is not false', (r) => r.get([0, 1], false)],
  [
    'whole numbers that a double cannot tell apart',
    (r) => r.set([0, 1], 9007199254740993n).get([2, 3], 9007199254740992n),
  ],
  [
    'a stale read among writes that nobody read',
    (r) => r.set([0, 1], 1).set([2, 3], 2).set([2, 3], 3).get([4, 5], 1),
  ],
];

const cases: readonly Case[] = [
  ...legal.map(([title, write]): Case => ({ title, verdict: 'linearizable', write })),
  ...illegal.map(([title, write]): Case => ({ title, verdict: 'illegal', write })),
];

for (const { title, verdict, write } of cases) {
  test(`${verdict}: ${title}`, async (t) => {
    const result = await write(new Recorder()).check();

    t.is(result.verdict, verdict);
    if (verdict === 'illegal') t.is(result.keys[0]?.stuck.length, 1);
  });
}

test('the operation at which a history goes wrong is named, and all before it is placed', async (t) => {
  const recorder = new Recorder().set([0, 1], 1).set([2, 3], 2).get([4, 5], 1);
  for (let at = 0; at < 20; at++) recorder.get([10 + 2 * at, 11 + 2 * at], 2);

  const { keys } = await recorder.check();

  t.is(keys[0]?.stuck[0]?.line, 5);
  t.deepEqual(
    keys[0]?.linearization.map(({ line }) => line),
    [1, 3],
  );
});

test('keys are independent of each other', async (t) => {
  const good = new Recorder('good').set([0, 1], 1);
  const bad = new Recorder('bad').get([0, 1], 1);
  good.events.push(...bad.events.map((event) => ({ ...event, process: 10 })));

  const { verdict, keys } = await good.check();

  t.is(verdict, 'illegal');
  t.deepEqual(
    keys.map((key) => [key.key, key.verdict]),
    [
      ['good', 'linearizable'],
      ['bad', 'illegal'],
    ],
  );
});

/** Every subset of so many concurrent operations would be more than any memory holds. */
const many = 50;
const repeat = (write: (at: number) => void): void => {
  for (let at = 0; at < many; at++) write(at);
};

const wide: readonly Case[] = [
  {
    title: 'concurrent writes and a read of any of them',
    verdict: 'linearizable',
    write: (r) => {
      repeat((at) => r.set([0, 100], at));
      return r.get([101, 102], 0);
    },
  },
  {
    title: 'concurrent writes and reads of two of them',
    verdict: 'illegal',
    write: (r) => {
      repeat((at) => r.set([0, 100], at).get([0, 100], at));
      return r.get([101, 102], 0).get([103, 104], 1);
    },
  },
  {
    title: 'the same, and a cas that did not match',
    verdict: 'illegal',
    write: (r) => {
      repeat((at) => r.set([0, 100], at).get([0, 100], at));
      return r.get([101, 102], 0).get([103, 104], 1).mismatch([200, 201], 0, 3);
    },
  },
  {
    title: 'writes of unknown outcome that show up one after the other',
    verdict: 'linearizable',
    write: (r) => {
      repeat((at) => r.set([0, undefined], at));
      repeat((at) => r.get([200 + 2 * at, 201 + 2 * at], at));
      return r;
    },
  },
  {
    title: 'one of them shows up twice',
    verdict: 'illegal',
    write: (r) => {
      repeat((at) => r.set([0, undefined], at));
      repeat((at) => r.get([200 + 2 * at, 201 + 2 * at], at));
      return r.get([500, 501], 3);
    },
  },
  {
    title: 'writes of unknown outcome that nobody saw, among cas that did not match',
    verdict: 'illegal',
    write: (r) => {
      repeat((at) => r.set([0, undefined], at).mismatch([0, 50], -1, at));
      return r.get([200, 201], -2);
    },
  },
  {
    title: 'a chain of cas, all at once',
    verdict: 'illegal',
    write: (r) => {
      repeat((at) => r.cas([0, 100], at === 0 ? null : at, at + 1));
      return r.get([101, 102], many - 1);
    },
  },
  {
    title: 'as many deletes that found something as there are writes and one more',
    verdict: 'illegal',
    write: (r) => {
      repeat((at) => r.set([0, 100], at).delete([0, 100], true));
      return r.delete([0, 100], true);
    },
  },
];

for (const { title, verdict, write } of wide) {
  test(`${many} at once, ${verdict}: ${title}`, async (t) => {
    t.is((await write(new Recorder()).check()).verdict, verdict);
  });
}

for (const [title, isWalk] of [
  ['linearizable: cas between five values', true],
  ['illegal: cas of which more leave a value than come to it', false],
] as const) {
  test(`${many} at once, ${title}, and sets`, async (t) => {
    for (let seed = 0; seed < 10; seed++) {
      const prng = new Prng(seed);
      const recorder = new Recorder().set([0, 1], 0);
      let value = 0;
      for (let at = 0; at < many; at++) {
        const next = prng.int(0, 4);
        if (prng.chance(0.3)) recorder.set([2, 100], next);
        else recorder.cas([2, 100], value, next);
        value = next;
      }
      if (!isWalk) repeat(() => recorder.cas([2, 100], 4, 0));
      const { verdict } = await recorder.check();

      t.is(verdict, isWalk ? 'linearizable' : 'illegal', `seed ${seed}`);
    }
  });
}

test('a search that takes too long is given up, and the verdict is unknown', async (t) => {
  const prng = new Prng(1);
  const recorder = new Recorder().set([0, 1], 0);
  let value = 0;
  for (let at = 0; at < many; at++) {
    const next = (value + prng.int(1, 4)) % 5;
    recorder.cas([2, 100], value, next);
    value = next;
  }
  // As many come as leave, but there is no way from the others to these.
  recorder.cas([2, 100], 10, 11).cas([2, 100], 11, 10);

  const { verdict, keys } = await recorder.check(50);

  t.is(verdict, 'unknown');
  t.is(keys[0]?.exhausted, 'time');
});
