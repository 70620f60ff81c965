/** Scenarios in which logs differ, and it matters who is believed. */
import type { Scenario } from '../../src/sim/scenario.js';
import { apart, base, campaign, crash, small, stubborn, writes } from './plan.js';

/** n1 has the longest log, n2 and n3 the newer entries; then n2 dies and n3 alone knows them. */
export const longAgainstNew: Scenario = {
  ...base,
  options: stubborn,
  faults: [
    campaign(500, 'n1'),
    apart(1_000, 2_000, ['n1'], ['n2', 'n3']),
    campaign(1_200, 'n2'),
    crash(1_995, 3_500, 'n2'),
  ],
  operations: [
    ...writes({ at: 1_010, count: 30, everyMs: 2, node: 'n1' }),
    ...writes({ at: 1_400, count: 3, everyMs: 20, node: 'n2' }),
  ],
  safetyMs: 4_000,
};

/** All nodes begin at once, and nobody is faster than the others. */
export const begunAtOnce: Scenario = {
  ...base,
  options: { ...base.options, electionTicksMax: 60 },
  faults: [],
  operations: writes({ at: 500, count: 1 }),
};

/** The long tail of n1 gives way to a few entries of n3, and then n1 starts again. */
export const replacedBeforeRestart: Scenario = {
  ...base,
  options: stubborn,
  faults: [
    campaign(500, 'n1'),
    apart(1_000, 1_600, ['n1'], ['n2', 'n3']),
    campaign(1_200, 'n3'),
    crash(1_900, 2_000, 'n1'),
  ],
  operations: writes({ at: 1_010, count: 30, everyMs: 2, node: 'n1' }),
  safetyMs: 3_000,
};

/** The same, but n1 stays, and whoever waits there for entries of its tail. */
export const replacedUnderWaiters: Scenario = {
  ...replacedBeforeRestart,
  faults: replacedBeforeRestart.faults.filter(({ fault }) => fault.kind !== 'crash'),
};

/** n1 comes back with a tail that reaches beyond the snapshot it gets; then it starts again. */
const crossing: Scenario = {
  ...base,
  options: small,
  faults: [
    campaign(500, 'n1'),
    apart(1_000, 2_500, ['n1'], ['n2', 'n3']),
    campaign(1_200, 'n2'),
    crash(3_000, 3_100, 'n1'),
  ],
  operations: [
    ...writes({ at: 1_010, count: 300, everyMs: 2, node: 'n1' }),
    ...writes({ at: 1_700, count: 100, everyMs: 5, node: 'n2', bytes: 1_000 }),
  ],
  safetyMs: 4_000,
};
export const tailBeyondSnapshot: Scenario = crossing;
export const tailBeyondSnapshotOnDisk: Scenario = {
  ...crossing,
  options: { ...small, disk: { segmentBytes: 2 ** 14 } },
};
export const replacedBeforeRestartOnDisk: Scenario = {
  ...replacedBeforeRestart,
  options: { ...stubborn, disk: { segmentBytes: 2 ** 14 } },
};

/** The answers of the followers come in one moment, more than is applied at once. */
export const committedInOneMoment: Scenario = {
  ...base,
  options: { ...base.options, checkpointBytes: 2 ** 14, bulkBytes: 2 ** 18 },
  faults: [
    {
      at: 1_000,
      until: 1_100,
      fault: { kind: 'partition', shape: { kind: 'one-way', to: 'leader' }, mode: 'hold' },
    },
  ],
  operations: writes({ at: 1_010, count: 80, everyMs: 1, bytes: 1_000 }),
};

/** n3 gets every part of a snapshot twice. */
export const partsTwice: Scenario = {
  ...base,
  options: small,
  faults: [
    apart(1_000, 2_500, ['n3'], ['n1', 'n2']),
    {
      at: 2_000,
      until: 4_000,
      fault: {
        kind: 'link',
        options: {
          duplicateRate: 1,
          reorderRate: 1,
          reorderWithinMs: 20,
          kinds: ['install-snapshot'],
        },
      },
    },
  ],
  operations: writes({ at: 1_100, count: 200, everyMs: 5, node: 'n1', bytes: 1_000 }),
  safetyMs: 4_000,
};

/** A part of the snapshot that n3 needs is lost, and nothing new is written. */
export const partLost: Scenario = {
  ...base,
  options: small,
  faults: [
    apart(1_000, 2_500, ['n3'], ['n1', 'n2']),
    {
      at: 2_400,
      until: 2_600,
      fault: { kind: 'link', options: { lossRate: 1, kinds: ['install-snapshot'] } },
    },
  ],
  operations: writes({ at: 1_100, count: 200, everyMs: 5, node: 'n1', bytes: 1_000 }),
  safetyMs: 3_000,
};

/** n2, which leads, dies amid the parts of its snapshot; n1 goes on with one of its own. */
export const twoSenders: Scenario = {
  ...base,
  options: { ...small, preVote: true },
  faults: [
    campaign(500, 'n1'),
    apart(1_000, 2_500, ['n3'], ['n1', 'n2']),
    {
      at: 2_400,
      until: 4_000,
      fault: { kind: 'link', options: { delayMs: 20, kinds: ['install-snapshot'] } },
    },
    crash(2_560, 4_000, 'n2'),
  ],
  operations: [
    ...writes({ at: 1_100, count: 200, everyMs: 5, node: 'n1', bytes: 1_000, keys: 20 }),
    ...writes({ at: 2_525, count: 40, everyMs: 0.5, bytes: 1_000, keys: 20 }),
  ],
  safetyMs: 5_000,
};

const toOld = { from: ['n2', 'n3'], to: 'n1' };
const fromLeaders = ['request-vote', 'append-entries', 'heartbeat'];

/** Answers to heartbeats of its good times reach n1 when others lead already. */
export const confirmedLate: Scenario = {
  ...base,
  options: stubborn,
  faults: [
    campaign(500, 'n1'),
    {
      at: 900,
      until: 2_000,
      fault: {
        kind: 'link',
        options: { delayMs: 400, between: toOld, kinds: ['heartbeat-response'] },
      },
    },
    {
      at: 1_000,
      until: 1_800,
      fault: { kind: 'link', options: { lossRate: 1, between: { from: 'n1', to: ['n2', 'n3'] } } },
    },
    {
      at: 1_000,
      until: 1_800,
      fault: { kind: 'link', options: { lossRate: 1, between: toOld, kinds: fromLeaders } },
    },
    campaign(1_100, 'n2'),
  ],
  operations: [
    ...writes({ at: 1_200, count: 20, everyMs: 5, node: 'n2' }),
    ...Array.from({ length: 40 }, (_, place) => {
      const call = { process: 20_000 + place, at: 1_250 + 2 * place, node: 'n1' };
      return { ...call, op: 'get' as const, key: 'k0' };
    }),
  ],
};
