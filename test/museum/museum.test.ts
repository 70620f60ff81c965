import test from 'ava';
import { Piscina } from 'piscina';
import { applyEdits, copyWith } from './copy.js';
import { exhibits } from './exhibits.js';
import { hunt, runPinned } from './hunt.js';

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

test.serial('what random search does not reach soon has a scenario that shows it', async (t) => {
  for (const exhibit of exhibits) {
    const pinned = await runPinned(pool, exhibit);
    if (pinned === undefined) continue;

    t.true(pinned.invariant !== undefined, exhibit.id);
  }
  t.pass();
});

test.serial('without a bug the same seeds break nothing', async (t) => {
  const none = { id: 'no-bug', title: '', seen: '', edits: [] };

  t.is((await hunt(pool, none, 12)).seed, undefined);
});
