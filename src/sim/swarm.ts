/**
 * The swarm: every seed draws a cluster, a load and a mix of faults of its own.
 *
 * A run in which everything goes wrong at once finds less than many in each of which a few things
 * do (swarm testing): so each seed first draws which kinds of faults it has, and then how many. A
 * part that is added to a scenario forks a stream of its own, and leaves those of all others alone.
 */

import type { Fault, PlannedFault } from '../chaos/fault.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions } from '../network/rule.js';
import type { Role } from '../network/selector.js';
import { Prng } from '../prng.js';
import { drawAbsences, drawDiskFaults, drawStorage, hasSmallLog } from './disk-swarm.js';
import type { PlannedOperation, Scenario, ScenarioOptions } from './scenario.js';

/** What a family of faults may look like; changes of members will be one more. */
type Family = (prng: Prng, draft: Draft) => Fault;

interface Draft {
  readonly nodes: number;
  readonly options: ScenarioOptions;
  readonly readsByLease: boolean;
}

const sizes = [1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 7];

/** The scenario of a seed, a safe integer. */
export function drawScenario(seed: number): Scenario {
  const prng = new Prng(seed).fork('scenario');
  const shape = prng.fork('shape');
  const nodes = shape.pick(sizes);
  const clients = shape.int(1, 3);
  const safetyMs = shape.int(1_500, 8_000);
  const options = drawStorage(prng.fork('storage'), drawOptions(prng.fork('options')));
  // Leases rest on clocks, so those of a run with lease reads keep to what the options allow.
  const readsByLease = options.checkQuorum && shape.chance(0.5);
  const draft: Draft = { nodes, options, readsByLease };
  const disks = options.disk
    ? drawDiskFaults(prng.fork('disks'), { nodes, safetyMs })
    : { faults: [], doomed: [] };
  const absences = hasSmallLog(options) ? drawAbsences(prng.fork('absences'), safetyMs) : [];
  const faults = [
    ...drawFaults(prng.fork('faults'), draft, safetyMs),
    ...disks.faults,
    ...absences,
  ];
  return {
    seed,
    nodes,
    clients,
    options,
    clockRates: drawClockRates(prng.fork('clocks'), draft),
    faults: faults.sort((one, other) => one.at - other.at),
    operations: drawOperations(prng.fork('operations'), { ...draft, clients, safetyMs }),
    safetyMs,
    // A minority may be lost for good; no other one can be missed then.
    absent: disks.doomed.length > 0 ? [] : drawAbsent(prng.fork('absent'), nodes),
    livenessMs: 20_000 + 4 * options.requestTimeoutMs,
  };
}

/** In one run of four the cluster has to come to rest without a minority first. */
function drawAbsent(prng: Prng, nodes: number): string[] {
  if (!prng.chance(0.25)) return [];
  const all = Array.from({ length: nodes }, (_, place) => `n${place + 1}`);
  return prng.shuffle(all).slice(0, prng.int(0, Math.ceil(nodes / 2) - 1));
}

function drawOptions(prng: Prng): ScenarioOptions {
  const tickMs = prng.pick([2, 5, 10, 20]);
  const heartbeatTicks = prng.int(2, 5);
  const electionTicksMin = heartbeatTicks * prng.int(2, 4);
  const entryBytesMax = 4096;
  const logBytesMax = prng.pick([2 ** 17, 2 ** 19]);
  const isDelayed = prng.chance(0.5);
  // §5.6: broadcast time is far below the election timeout, or no leader lasts; faults may break
  // that, a cluster at rest may not.
  const electionMs = electionTicksMin * tickMs;
  const latencyMaxMs = Math.min(prng.pick([0.1, 1, 5]), electionMs / 20);
  const syncMaxMs = Math.min(prng.pick([1, 5, 30]), electionMs / 10);
  return {
    tickMs,
    heartbeatTicks,
    electionTicksMin,
    electionTicksMax: Math.ceil(electionTicksMin * prng.pick([1.5, 2, 3])),
    preVote: prng.chance(0.7),
    checkQuorum: prng.chance(0.75),
    leaseDriftTicks: prng.int(0, 2),
    entryBytesMax,
    logBytesMax,
    checkpointBytes: prng.pick([512, 2048, 8192, logBytesMax / 4]),
    inflightEntriesMax: prng.pick([1, 2, 8, 1024]),
    sessionsMax: prng.pick([2, 4, 1000]),
    serialWindowMax: prng.pick([4, 16, 256]),
    forwardsMax: prng.pick([2, 1024]),
    requestTimeoutMs: prng.pick([100, 400, 1500, 3000]),
    controlBytes: prng.pick([256, 2 ** 10, 2 ** 16]),
    bulkBytes: prng.pick([2 ** 14, 2 ** 16]),
    answerBytes: prng.pick([64, 2 ** 16]),
    latencyMs: { minMs: 0.02, maxMs: Math.max(0.05, latencyMaxMs) },
    ...(isDelayed ? { syncMs: { minMs: 0, maxMs: syncMaxMs } } : {}),
  };
}

function drawClockRates(prng: Prng, { nodes, options, readsByLease }: Draft): number[] {
  const isSkewed = prng.chance(0.5);
  // Two clocks may differ by so much that an election timeout differs by the drift allowed.
  const driftMax = options.leaseDriftTicks / options.electionTicksMin / 2.5;
  const spread = readsByLease ? Math.min(driftMax, 0.2) : 0.3;
  return Array.from({ length: nodes }, () => {
    const share = 2 * prng.next() - 1;
    return isSkewed ? 1 + spread * share : 1;
  });
}

const shapes: ((prng: Prng) => PartitionShape)[] = [
  () => ({ kind: 'halves' }),
  () => ({ kind: 'majority-minority' }),
  () => ({ kind: 'majority-minority', minority: 'minority with the leader' }),
  () => ({ kind: 'bridge' }),
  () => ({ kind: 'majorities-ring' }),
  () => ({ kind: 'isolate', nodes: 'leader' }),
  () => ({ kind: 'isolate', nodes: 'leader' }),
  () => ({ kind: 'isolate', nodes: 'leader' }),
  () => ({ kind: 'symmetric', groups: ['minority with the leader'] }),
  () => ({ kind: 'isolate', nodes: 'random' }),
  () => ({ kind: 'isolate', nodes: 'random follower' }),
  () => ({ kind: 'one-way', from: 'leader' }),
  () => ({ kind: 'one-way', to: 'leader' }),
  () => ({ kind: 'one-way', from: 'random' }),
  () => ({ kind: 'one-way', to: 'random follower' }),
];

const victims: readonly Role[] = [
  'leader',
  'leader',
  'random',
  'random follower',
  'minority',
  'majority',
  'all',
];

const families: Readonly<Record<string, Family>> = {
  partition: (prng) => ({
    kind: 'partition',
    shape: prng.pick(shapes)(prng),
    mode: prng.pick(['drop', 'drop', 'hold']),
  }),
  loss: (prng) => link(prng, { lossRate: prng.pick([0.02, 0.1, 0.3, 0.6]) }),
  delay: (prng) =>
    link(prng, { delayMs: { kind: 'exponential', meanMs: prng.pick([2, 20, 100]), maxMs: 1000 } }),
  duplication: (prng) => link(prng, { duplicateRate: prng.pick([0.1, 0.5]) }),
  reordering: (prng) =>
    link(prng, { reorderRate: prng.pick([0.1, 0.5]), reorderWithinMs: prng.pick([2, 20, 200]) }),
  storm: (prng) =>
    link(prng, {
      lossRate: 0.1,
      duplicateRate: 0.2,
      reorderRate: 0.3,
      reorderWithinMs: prng.pick([5, 50, 400]),
      delayMs: { kind: 'uniform', minMs: 0, maxMs: prng.pick([5, 40]) },
    }),
  corruption: (prng) => link(prng, { corruptRate: prng.pick([0.02, 0.2]) }),
  bandwidth: (prng) => link(prng, { bytesPerSecond: prng.pick([5_000, 50_000]) }),
  pause: (prng) => ({ kind: 'pause', nodes: prng.pick(victims) }),
  crash: (prng) => ({ kind: 'crash', nodes: prng.pick(victims) }),
  stall: (prng) => ({ kind: 'stall', client: prng.int(0, 2) }),
  clock: (prng, { readsByLease }) => ({
    kind: 'clock-jump',
    nodes: prng.pick(['random', 'leader', 'all']),
    // A clock that goes back would give a lease more time than there is: none does on threads.
    byMs: prng.pick(readsByLease ? [50, 500, 60_000] : [-200, 50, 500, 60_000]),
  }),
  disk: (prng) => ({
    kind: 'slow-disk',
    nodes: prng.pick(['random', 'leader', 'minority', 'all']),
    byMs: prng.pick([10, 60, 300]),
  }),
  transfer: (prng) => ({ kind: 'transfer', to: prng.pick(['random follower', 'random']) }),
  campaign: (prng) => ({ kind: 'campaign', nodes: prng.pick(['random', 'followers']) }),
};

function link(prng: Prng, options: LinkOptions): Fault {
  const between = prng.pick([undefined, undefined, 'everyone' as const]);
  return { kind: 'link', options: between === undefined ? options : { ...options, between } };
}

function drawFaults(prng: Prng, draft: Draft, safetyMs: number): PlannedFault[] {
  const names = Object.keys(families).filter((name) => name !== 'disk' || draft.options.syncMs);
  // What makes leaders come and go is in most runs: without it logs hardly ever differ.
  const usual = names.filter((name) => ['partition', 'crash', 'pause'].includes(name));
  // One run in sixteen has no fault at all: what breaks there breaks everywhere.
  if (prng.chance(1 / 16)) return [];
  const chosen = prng.shuffle(names).slice(0, prng.int(1, 5));
  if (prng.chance(0.8)) chosen.push(prng.pick(usual), prng.pick(usual));
  const count = prng.int(2, 4 + Math.ceil(safetyMs / 150));
  const longestMs = prng.pick([200, 1_000, 3_000]);
  const faults = Array.from({ length: count }, (_, place): PlannedFault => {
    const stream = prng.fork(place);
    const family = families[stream.pick(chosen)] as Family;
    const at = stream.int(0, safetyMs);
    return { at, until: at + stream.int(1, longestMs), fault: family(stream, draft) };
  });
  if (prng.chance(0.4)) faults.push(...drawSuccessions(prng.fork('successions'), safetyMs));
  return faults.sort((one, other) => one.at - other.at);
}

/**
 * A leader is cut off and goes on taking writes; as it comes back, the one that was elected in its
 * place dies. Whoever leads next decides between two histories.
 */
function drawSuccessions(prng: Prng, safetyMs: number): PlannedFault[] {
  return Array.from({ length: prng.int(1, 6) }, (): PlannedFault[] => {
    const at = prng.int(0, safetyMs);
    const backMs = at + prng.int(50, 1_200);
    const isolate = { kind: 'partition', shape: { kind: 'isolate', nodes: 'leader' } } as const;
    const crashMs = Math.max(at, backMs - prng.int(0, 40));
    const kind = prng.pick(['crash', 'pause'] as const);
    if (prng.chance(0.3)) {
      // A leader that is handing over is cut off before it can hear of its successor.
      const cutMs = at + prng.int(0, 6);
      return [
        { at, until: at + 1, fault: { kind: 'transfer', to: 'random follower' } },
        { at: cutMs, until: backMs, fault: { ...isolate, mode: 'drop' } },
      ];
    }
    return [
      { at, until: backMs, fault: { ...isolate, mode: prng.pick(['drop', 'hold']) } },
      { at: crashMs, until: crashMs + prng.int(50, 800), fault: { kind, nodes: 'leader' } },
    ];
  }).flat();
}

interface LoadDraft extends Draft {
  readonly clients: number;
  readonly safetyMs: number;
}

function drawOperations(prng: Prng, draft: LoadDraft): PlannedOperation[] {
  // One key that is read everywhere while it changes: what is stale shows within milliseconds.
  const isDense = prng.chance(0.25);
  const processes = (isDense ? 8 : prng.pick([1, 2, 4, 16])) * draft.clients;
  const count = isDense ? prng.int(500, 1_200) : prng.int(40, 600);
  const keyCount = isDense ? 1 : prng.int(1, 5);
  const keys = Array.from({ length: keyCount }, (_, place) => `k${place + 1}`);
  const mix = isDense ? 'watching' : prng.pick(['balanced', 'writes', 'reads', 'swaps'] as const);
  const paddings = hasSmallLog(draft.options) ? [0, 300, 900, 900, 900] : [0, 0, 0, 40, 900];
  const padding = isDense ? 0 : prng.pick(paddings);
  const pinnedRate = isDense ? 0.8 : prng.pick([0, 0.5, 0.5]);
  const operations = Array.from({ length: count }, (_, place): PlannedOperation => {
    const stream = prng.fork(place);
    const op = stream.pick(mixes[mix]);
    const value = padding === 0 ? place + 1 : `${place + 1} ${'x'.repeat(padding)}`;
    const wantsNode = stream.chance(isDense && op !== 'get' ? 0 : pinnedRate);
    const wantsLease = draft.readsByLease && stream.chance(isDense ? 0.8 : 0.5);
    return {
      process: stream.int(0, processes - 1),
      at: stream.int(0, draft.safetyMs),
      op,
      key: stream.pick(keys),
      ...(op === 'set' || op === 'cas' ? { value } : {}),
      ...(wantsNode ? { node: `n${stream.int(1, draft.nodes)}` } : {}),
      ...(op === 'get' && wantsLease ? { consistency: 'lease' as const } : {}),
    };
  });
  return operations.sort((one, other) => one.at - other.at);
}

const mixes = {
  balanced: ['get', 'get', 'set', 'cas', 'delete'],
  writes: ['set', 'set', 'set', 'get', 'delete'],
  reads: ['get', 'get', 'get', 'get', 'set'],
  swaps: ['cas', 'cas', 'cas', 'get', 'set'],
  watching: ['get', 'get', 'get', 'set'],
} as const satisfies Record<string, readonly PlannedOperation['op'][]>;
