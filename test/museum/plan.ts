/** What the scenarios of the museum are put together from. */
import type { PlannedFault } from '../../src/chaos/fault.js';
import type { PlannedOperation, Scenario } from '../../src/sim/scenario.js';

/** Leases of 180 ms, elections after 200 ms, and clocks that are right. */
export const base: Omit<Scenario, 'faults' | 'operations'> = {
  seed: 1,
  nodes: 3,
  clients: 2,
  clockRates: [1, 1, 1],
  options: {
    tickMs: 10,
    heartbeatTicks: 2,
    electionTicksMin: 20,
    electionTicksMax: 22,
    preVote: false,
    checkQuorum: true,
    leaseDriftTicks: 0,
    entryBytesMax: 4096,
    logBytesMax: 2 ** 19,
    checkpointBytes: 2 ** 14,
    inflightEntriesMax: 64,
    sessionsMax: 1000,
    serialWindowMax: 256,
    forwardsMax: 1024,
    requestTimeoutMs: 400,
    controlBytes: 2 ** 16,
    bulkBytes: 2 ** 16,
    answerBytes: 2 ** 16,
    latencyMs: { minMs: 0.5, maxMs: 1 },
  },
  safetyMs: 2_000,
  absent: [],
  livenessMs: 20_000,
};

/** Nobody steps down because others are silent, so who is cut off goes on and leads. */
export const stubborn: Scenario['options'] = { ...base.options, checkQuorum: false };

/** Logs so small that who was away gets a snapshot, in parts of 4 KiB. */
export const small: Scenario['options'] = {
  ...stubborn,
  logBytesMax: 2 ** 16,
  checkpointBytes: 512,
};

/** From `at` until `until` these groups hear nothing of each other. */
export function apart(at: number, until: number, ...groups: string[][]): PlannedFault {
  return {
    at,
    until,
    fault: { kind: 'partition', shape: { kind: 'symmetric', groups }, mode: 'drop' },
  };
}

export function crash(at: number, until: number, ...nodes: string[]): PlannedFault {
  return { at, until, fault: { kind: 'crash', nodes } };
}

export function campaign(at: number, node: string): PlannedFault {
  return { at, until: at + 1, fault: { kind: 'campaign', nodes: node } };
}

interface Writes {
  readonly at: number;
  readonly count: number;
  /** Default: all at once. */
  readonly everyMs?: number;
  /** Default: the leader. */
  readonly node?: string;
  /** Of a value. Default: a few. */
  readonly bytes?: number;
  /** How many keys take turns. Default: 1. */
  readonly keys?: number;
}

/** So many writes, each by a process of its own: nobody waits for another. */
export function writes({
  at,
  count,
  everyMs = 0,
  node,
  bytes = 0,
  keys = 1,
}: Writes): PlannedOperation[] {
  return Array.from({ length: count }, (_, place): PlannedOperation => {
    const value = `${at} ${place} ${'x'.repeat(bytes)}`;
    const key = `k${place % keys}`;
    const call = { process: 1_000 * Math.floor(at) + place, at: at + everyMs * place, key };
    return { ...call, op: 'set', value, ...(node === undefined ? {} : { node }) };
  });
}
