/** The disks of a whole cluster, under virtual time. */
import test from 'ava';
import type { Fault } from '../../src/chaos/fault.js';
import type { Scenario } from '../../src/sim/scenario.js';
import { runScenario } from '../../src/sim/simulation.js';
import { drawScenario } from '../../src/sim/swarm.js';

/** A scenario of three nodes on disks, with this for all that goes wrong. */
function onDisks(seed: number, faultsOf: (at: number) => Fault): Scenario {
  const { options, ...scenario } = drawScenario(seed);
  const { syncMs: _none, ...rest } = options;
  return {
    ...scenario,
    nodes: 3,
    clockRates: [1, 1, 1],
    absent: [],
    options: { ...rest, disk: { segmentBytes: 2 ** 13 } },
    faults: [1, 2, 3, 4].map((round) => ({
      at: round * 250,
      until: round * 250 + 100,
      fault: faultsOf(round),
    })),
  };
}

test('power lost for all nodes at any change of their disks: no write is lost (pitfall 38)', async (t) => {
  let lost = 0;
  for (let seed = 0; seed < 12; seed += 1) {
    const scenario = onDisks(seed, (round) => ({
      kind: 'power-loss',
      nodes: 'all',
      changes: (seed * 7 + round * 3) % 24,
    }));

    const { violation, verdict, counts } = await runScenario(scenario);

    t.is(violation, undefined, `seed ${seed}`);
    t.is(verdict, 'linearizable', `seed ${seed}`);
    lost += counts.reached['power lost'] ?? 0;
  }
  t.true(lost > 60, `power was lost ${lost} times`);
});

test('bits that flip on a minority of the disks spread to nobody (pitfall 38)', async (t) => {
  let refused = 0;
  for (let seed = 0; seed < 10; seed += 1) {
    const scenario = onDisks(seed, () => ({ kind: 'rot', nodes: 'n2', loses: 'bit' }));
    const crash = { kind: 'crash', nodes: 'n2' } as const;
    const faults = [...scenario.faults, { at: 1_100, until: 1_200, fault: crash }];

    const { violation, verdict, counts } = await runScenario({ ...scenario, faults });

    t.is(violation, undefined, `seed ${seed}`);
    t.is(verdict, 'linearizable', `seed ${seed}`);
    refused += counts.reached['refused: RAFT_STORAGE_CORRUPT'] ?? 0;
  }
  t.true(refused > 2, `${refused} refused`);
});
