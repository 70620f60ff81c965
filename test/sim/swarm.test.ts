import test from 'ava';
import type { Scenario } from '../../src/sim/scenario.js';
import { runScenario } from '../../src/sim/simulation.js';
import { drawScenario } from '../../src/sim/swarm.js';
import { runSeeds } from '../../src/sim/task.js';

test('nothing breaks in the first seeds', async (t) => {
  const reports = await runSeeds({ firstSeed: 1, count: 24 });

  t.deepEqual(
    reports.filter(({ violation }) => violation !== undefined),
    [],
  );
  t.is(reports.length, 24);
  for (const { seed, counts, verdict } of reports) {
    t.is(verdict, 'linearizable', `seed ${seed}`);
    t.true(counts.ok > 0 && counts.elections > 0 && counts.committed > 0, `seed ${seed}`);
  }
});

test('the swarm draws every kind of fault, size and option', (t) => {
  const scenarios = Array.from({ length: 400 }, (_, seed) => drawScenario(seed));
  const distinct = (of: (scenario: Scenario) => readonly unknown[]): unknown[] =>
    [...new Set(scenarios.flatMap(of))].sort();

  t.deepEqual(
    distinct(({ faults }) => faults.map(({ fault }) => fault.kind)),
    [
      'campaign',
      'clock-jump',
      'crash',
      'disk',
      'link',
      'partition',
      'pause',
      'power-loss',
      'rot',
      'slow-disk',
      'stall',
      'transfer',
    ],
  );
  t.deepEqual(
    distinct(({ faults }) =>
      faults.flatMap(({ fault }) => (fault.kind === 'partition' ? [fault.shape.kind] : [])),
    ),
    ['bridge', 'halves', 'isolate', 'majorities-ring', 'majority-minority', 'one-way', 'symmetric'],
  );
  t.deepEqual(
    distinct(({ nodes }) => [nodes]),
    [1, 2, 3, 4, 5, 7],
  );
  t.deepEqual(
    distinct(({ operations }) => operations.map(({ op }) => op)),
    ['cas', 'delete', 'get', 'set'],
  );
  t.is(distinct(({ options }) => [`${options.preVote} ${options.checkQuorum}`]).length, 4);
  t.true(scenarios.some(({ faults }) => faults.length === 0));
  t.true(scenarios.some(({ clockRates }) => clockRates.some((rate) => rate !== 1)));
});

test('seeds come to snapshots, power losses, refusals and jumping clocks', async (t) => {
  const reached: Record<string, number> = {};

  for (const { counts, violation } of await runSeeds({ firstSeed: 1, count: 60 })) {
    t.is(violation, undefined);
    for (const [what, times] of Object.entries(counts.reached)) {
      reached[what] = (reached[what] ?? 0) + times;
    }
  }

  for (const what of [
    'fault: clock-jump',
    'fault: disk',
    'log trimmed',
    'power lost',
    'refused: RAFT_STORAGE_CORRUPT',
    'refused: RAFT_STORAGE_FAILED',
    'refused: RAFT_STORAGE_LOST',
    'snapshot installed',
    'snapshot taken',
  ]) {
    t.true((reached[what] ?? 0) > 0, what);
  }
});

for (const [seed, why] of [
  [100_523, 'what was never synced is not the last sync that may be lost'],
  [200_057, 'an older snapshot will do where the newest cannot be read'],
  [400_034, 'an entry of an older leader that comes late replaces what was committed since'],
  [402_478, 'of two copies of a write one was refused, and the other one done'],
  [401_011, 'a disk that stalled keeps its node waiting after the fault'],
  [400_509, 'entries are under way to a node whose directory is gone'],
  [701_263, 'the last part of a snapshot and what commits more than it come at once'],
] as const) {
  test(`seed ${seed}: ${why}`, async (t) => {
    t.is((await runScenario(drawScenario(seed))).violation, undefined);
  });
}

test('disks that lie or are lost belong to a minority, and no other one is missed', (t) => {
  let seen = 0;
  for (let seed = 0; seed < 600; seed += 1) {
    const { nodes, absent, faults } = drawScenario(seed);
    const harmed = faults.flatMap(({ fault }) => {
      const isSilent = fault.kind === 'disk' && fault.faults.silentMax !== undefined;
      return fault.kind === 'rot' || isSilent ? fault.nodes : [];
    });
    if (harmed.length === 0) continue;
    seen += 1;

    t.true(2 * new Set(harmed).size < nodes, `seed ${seed}`);
    t.deepEqual(absent, [], `seed ${seed}`);
  }
  t.true(seen > 30);
});

test('values of one scenario are all different, so that a read tells who wrote it', (t) => {
  for (let seed = 0; seed < 50; seed += 1) {
    const values = drawScenario(seed).operations.flatMap(({ value }) => value ?? []);

    t.is(new Set(values).size, values.length);
  }
});

test('clocks of a run with lease reads differ by less than the options allow', (t) => {
  for (let seed = 0; seed < 300; seed += 1) {
    const { operations, clockRates, options, faults } = drawScenario(seed);
    if (!operations.some(({ consistency }) => consistency === 'lease')) continue;
    const fastest = Math.max(...clockRates);
    const slowest = Math.min(...clockRates);
    const ticksApart = options.electionTicksMin * (fastest / slowest - 1);

    t.true(ticksApart <= options.leaseDriftTicks, `seed ${seed}`);
    const jumps = faults.map(({ fault }) => (fault.kind === 'clock-jump' ? fault.byMs : 0));
    t.true(Math.min(0, ...jumps) === 0, `seed ${seed}`);
  }
});

test('a cluster that does not come to rest in time is a violation, and says why', async (t) => {
  const drawn = drawScenario(1);
  const crash = { at: 0, until: drawn.safetyMs, fault: { kind: 'crash', nodes: 'all' } } as const;

  const { violation } = await runScenario({ ...drawn, faults: [crash], livenessMs: 10 });

  t.is(violation?.invariant, 'the cluster comes to rest after the faults');
  t.regex(violation?.text ?? '', /ms after the last fault: nobody leads/);
});

test('a fault that has nobody to act on is passed over', async (t) => {
  const lines: string[] = [];
  const transfer = { at: 0, until: 1, fault: { kind: 'crash', nodes: 'leader' } } as const;

  const { violation } = await runScenario(
    { ...drawScenario(2), faults: [transfer] },
    { trace: (line) => lines.push(line) },
  );

  t.is(violation, undefined);
  t.true(lines.some((line) => line.includes('has nobody')));
});
