/** Scenarios in which disks say no, or the power goes at a bad moment. */
import type { PlannedFault } from '../../src/chaos/fault.js';
import type { Scenario } from '../../src/sim/scenario.js';
import { base, writes } from './plan.js';

/** Disks that say no now and then, and the power goes soon after: what was not synced is gone. */
export const failedBeforePowerLoss: Scenario = {
  ...base,
  seed: 4,
  options: { ...base.options, disk: { segmentBytes: 2 ** 14 } },
  faults: Array.from({ length: 8 }, (_, round): PlannedFault[] => {
    const at = 1_000 + 700 * round;
    const faults = { seed: 10 * round, errorChance: 0.2 };
    return [
      { at, until: at + 10, fault: { kind: 'disk', nodes: 'all', faults } },
      { at: at + 9, until: at + 20, fault: { kind: 'power-loss', nodes: 'all', changes: 0 } },
    ];
  }).flat(),
  operations: Array.from({ length: 3_000 }, (_, place) => {
    return { process: place % 16, at: 800 + 2 * place, op: 'set', key: 'x', value: place };
  }),
  safetyMs: 7_000,
};

/** The power goes again and again, in the middle of records that are all of one size. */
export const powerAgainAndAgain: Scenario = {
  ...base,
  options: { ...base.options, disk: { segmentBytes: 2 ** 16 } },
  faults: Array.from({ length: 40 }, (_, round): PlannedFault => {
    const at = 500 + 300 * round;
    const changes = 1 + (round % 5);
    return { at, until: at + 40, fault: { kind: 'power-loss', nodes: 'all', changes } };
  }),
  operations: Array.from({ length: 2_400 }, (_, place) => {
    const value = `${1_000 + place} ${'x'.repeat(200)}`;
    return { process: place % 8, at: 400 + 5 * place, op: 'set', key: 'x', value };
  }),
  safetyMs: 12_500,
};

/** Bits of a node's disk change, one at a time, in the middle of a log that others hold, too. */
export const rotInTheMiddle: Scenario = {
  ...base,
  seed: 2,
  options: { ...base.options, checkpointBytes: 2 ** 18, disk: { segmentBytes: 2 ** 16 } },
  faults: Array.from({ length: 8 }, (_, round): PlannedFault => {
    const at = 1_600 + 100 * round;
    return { at, until: at + 50, fault: { kind: 'rot', nodes: ['n1'], loses: 'bit' } };
  }),
  operations: writes({ at: 500, count: 300, everyMs: 3, bytes: 150 }),
  safetyMs: 2_500,
};
