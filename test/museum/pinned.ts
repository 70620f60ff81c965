/** Scenarios for bugs that take more coincidences than random search has in its budget. */
import type { PlannedFault } from '../../src/chaos/fault.js';
import type { PlannedOperation, Scenario } from '../../src/sim/scenario.js';
import { base } from './plan.js';

/** From `from` to `to` some processes write and others read by lease, at every node. */
function watched(from: number, to: number): PlannedOperation[] {
  const operations: PlannedOperation[] = [];
  for (let at = from; at < to; at += 2) {
    const writer = { process: at % 48, node: `n${1 + ((at / 2) % 3)}` };
    operations.push({ ...writer, at, op: 'set', key: 'x', value: at });
    for (const place of [1, 2, 3]) {
      const reader = { process: 48 + 16 * place + (at % 16), node: `n${place}` };
      operations.push({ ...reader, at, op: 'get', key: 'x', consistency: 'lease' });
    }
  }
  return operations;
}

function partition(at: number, until: number, who: 'isolate' | 'deaf'): PlannedFault {
  const shape =
    who === 'isolate'
      ? ({ kind: 'isolate', nodes: 'leader' } as const)
      : ({ kind: 'one-way', from: 'leader', to: 'random follower' } as const);
  return { at, until, fault: { kind: 'partition', shape, mode: 'drop' } };
}

/** A follower that does not hear the leader campaigns just after the leader was cut off. */
export const deposedWithinLease: Scenario = {
  ...base,
  faults: [partition(1_000, 1_190, 'deaf'), partition(1_190, 1_600, 'isolate')],
  operations: watched(1_192, 1_500),
};

/** The order to take over is under way when the leader is cut off. */
export const handedOverWithinLease: Scenario = {
  ...base,
  faults: [
    { at: 1_000, until: 1_001, fault: { kind: 'transfer', to: 'random follower' } },
    partition(1_000.4, 1_600, 'isolate'),
  ],
  operations: watched(1_002, 1_300),
};

/** Answers to heartbeats come late, and the last of them when others may lead already. */
export const answeredLate: Scenario = {
  ...base,
  faults: [
    {
      at: 500,
      until: 1_165,
      fault: { kind: 'link', options: { delayMs: 150, kinds: ['heartbeat-response'] } },
    },
    {
      at: 1_000,
      until: 1_600,
      fault: { kind: 'partition', shape: { kind: 'one-way', from: 'leader' }, mode: 'drop' },
    },
    partition(1_160, 1_600, 'isolate'),
  ],
  operations: watched(900, 1_400),
};

/** A leader gets its office back, and after that the acknowledgements of its first time. */
export const acknowledgedBefore: Scenario = {
  ...base,
  nodes: 5,
  clockRates: [1, 1, 1, 1, 1],
  options: { ...base.options, checkQuorum: false },
  faults: [
    { at: 500, until: 501, fault: { kind: 'transfer', to: 'n1' } },
    {
      at: 1_000,
      until: 3_500,
      fault: {
        kind: 'link',
        options: { delayMs: 1_500, between: [{ source: 'n2', destination: 'n1' }] },
      },
    },
    {
      at: 1_000,
      until: 1_600,
      fault: {
        kind: 'partition',
        shape: { kind: 'symmetric', groups: [['n1', 'n2']] },
        mode: 'drop',
      },
    },
    { at: 1_900, until: 1_901, fault: { kind: 'transfer', to: 'n1' } },
    { at: 2_100, until: 2_101, fault: { kind: 'transfer', to: 'n1' } },
  ],
  operations: Array.from({ length: 60 }, (_, place) => {
    return { process: place, at: 1_010 + 3 * place, op: 'set', key: 'x', value: place, node: 'n1' };
  }),
  safetyMs: 3_500,
};

/** A leader that is cut off, and whose thread gets to run now and then only. */
export const stalledWithinLease: Scenario = {
  ...base,
  faults: [
    { at: 500, until: 501, fault: { kind: 'transfer', to: 'n1' } },
    {
      at: 1_000,
      until: 1_600,
      fault: { kind: 'partition', shape: { kind: 'isolate', nodes: 'n1' }, mode: 'drop' },
    },
    ...Array.from({ length: 12 }, (_, place): PlannedFault => {
      const at = 1_000 + 45 * place;
      return { at, until: at + 40, fault: { kind: 'pause', nodes: 'n1' } };
    }),
  ],
  operations: watched(1_150, 1_500),
};
