import test from 'ava';
import { Piscina } from 'piscina';
import { applyEdits, copyWith } from './copy.js';
import { exhibits } from './exhibits.js';
import { hunt, runPinned } from './hunt.js';
import { pitfalls } from './pitfalls.js';

/** Found by one of the first seeds, one of each kind; `npm run museum` looks for all. */
const quick = [
  'vote-before-disk',
  'one-node-too-few',
  'truncate-always',
  'acknowledged-before-disk',
  'leader-counts-unstored',
  'no-noop',
];
const seedsMax = 32;

const pool = new Piscina({
  minThreads: 1,
  maxThreads: 1,
  resourceLimits: { maxOldGenerationSizeMb: 1024 },
});
test.after.always(() => pool.destroy());

test('there are at least thirty bugs, each with a name of its own', (t) => {
  t.true(exhibits.length >= 30);
  t.is(new Set(exhibits.map(({ id }) => id)).size, exhibits.length);
});

test('a pitfall has an exhibit, or a reason why there is none', (t) => {
  const shown = new Set(exhibits.map(({ pitfall }) => pitfall));

  for (const [place, { title, absent }] of pitfalls.entries()) {
    t.is(shown.has(place + 1), absent === undefined, title);
  }
  t.true(pitfalls.filter(({ absent }) => absent === undefined).length >= 30);
});

test.serial('every bug can be brought back: its places are in the sources, once', async (t) => {
  for (const exhibit of exhibits) {
    await using copy = await copyWith({ ...exhibit, id: `${exhibit.id}-check`, edits: [] });

    await t.notThrowsAsync(applyEdits(exhibit, copy.root));
  }
});

for (const id of quick) {
  test.serial(`the swarm finds ${id} within ${seedsMax} seeds`, async (t) => {
    const exhibit = exhibits.find((one) => one.id === id);
    t.truthy(exhibit);
    if (exhibit === undefined) return;

    const { seed, invariant } = await hunt(pool, exhibit, seedsMax);

    t.log(`seed ${seed}: ${invariant}`);
    t.true(seed !== undefined);
  });
}

for (const exhibit of exhibits.filter(({ scenario }) => scenario !== undefined)) {
  test.serial(
    `the scenario of ${exhibit.id} breaks something, and nothing without it`,
    async (t) => {
      const pinned = await runPinned(pool, exhibit);
      const without = { ...exhibit, id: `${exhibit.id}-without`, edits: [] };

      t.log(pinned?.invariant);
      t.not(pinned?.invariant, undefined);
      t.deepEqual(await runPinned(pool, without), { invariant: undefined });
    },
  );
}

test.serial('without a bug the same seeds break nothing', async (t) => {
  const none = { id: 'no-bug', title: '', seen: '', edits: [] };

  t.is((await hunt(pool, none, 12)).seed, undefined);
});
