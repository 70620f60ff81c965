/** A plan of faults for a live cluster, drawn from one seed. */
import { RaftError } from '../errors.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions } from '../network/rule.js';
import type { Role } from '../network/selector.js';
import { Prng } from '../prng.js';
import type { DiskFaults } from '../storage/faulty.js';
import type { Fault, PlannedFault } from './fault.js';

/** What a plan can be made of. */
export const nemesisNames = [
  'partition',
  'one-way',
  'loss',
  'delay',
  'duplication',
  'reordering',
  'corruption',
  'pause',
  'crash',
  'restart',
  'transfer',
  'disk-error',
  'disk-full',
  'disk-stall',
  'disk-flip',
  'disk-astray',
] as const;
export type NemesisName = (typeof nemesisNames)[number];

/** Those that need data directories; `disk` stands for all of them. */
export const diskNames: readonly NemesisName[] = nemesisNames.filter((name) => {
  return name.startsWith('disk-');
});

export interface PlanOptions {
  /** A safe integer: fixes the whole plan. */
  readonly seed: number;
  /** What to draw from. Empty: no faults. */
  readonly names: readonly NemesisName[];
  /** Everything has ended by then. ms > 0. */
  readonly durationMs: number;
  /** Nodes of the cluster: one or two have no minority, one has no follower. */
  readonly size: number;
}

/** Reads `all`, `none` or names with commas. Throws `RAFT_INVALID_OPTION`. */
export function parseNemesis(option: string, text: string): readonly NemesisName[] {
  if (text === 'all') return nemesisNames;
  if (text === 'none') return [];
  return text.split(',').flatMap((word) => {
    if (word.trim() === 'disk') return diskNames;
    const name = nemesisNames.find((known) => known === word.trim());
    if (name !== undefined) return name;
    const expected = `all, none, or a list of ${nemesisNames.join(', ')}, disk`;
    throw new RaftError('RAFT_INVALID_OPTION', `${option} has '${word}'; expected ${expected}`, {
      details: { option },
    });
  });
}

/** Long enough for an election, short enough for many. */
const lengths = { minMs: 200, maxMs: 1_800 };
const calm = { minMs: 50, maxMs: 500 };
/** A node that is only restarted is down for as long as that takes. */
const briefMs = 10;
/** How often a second fault begins during another one. */
const overlapRate = 0.4;

/** Draws a plan. By time; faults overlap now and then. */
export function drawPlan(options: PlanOptions): PlannedFault[] {
  const { seed, names, durationMs } = options;
  if (names.length === 0) return [];
  const prng = new Prng(seed).fork('faults');
  const plan: PlannedFault[] = [];
  let at = prng.int(calm.minMs, calm.maxMs);
  for (let place = 0; at < durationMs; place++) {
    const stream = prng.fork(place);
    const first = drawFault(stream, at, options);
    plan.push(first);
    if (stream.chance(overlapRate)) {
      const during = stream.int(at, Math.max(at, Math.floor(first.until) - 1));
      plan.push(drawFault(stream, during, options));
    }
    at = Math.ceil(first.until) + stream.int(calm.minMs, calm.maxMs);
  }
  return plan.sort((a, b) => a.at - b.at);
}

function drawFault(prng: Prng, at: number, { names, durationMs, size }: PlanOptions): PlannedFault {
  const name = prng.pick(names);
  const isBrief = name === 'restart' || name === 'transfer';
  const lengthMs = isBrief ? briefMs : prng.int(lengths.minMs, lengths.maxMs);
  return { at, until: Math.min(at + lengthMs, durationMs), fault: kinds[name](prng, size) };
}

const shapes: readonly PartitionShape[] = [
  { kind: 'halves' },
  { kind: 'majority-minority' },
  { kind: 'majority-minority', minority: 'minority with the leader' },
  { kind: 'bridge' },
  { kind: 'majorities-ring' },
  { kind: 'isolate', nodes: 'leader' },
  { kind: 'isolate', nodes: 'random' },
];

const oneWayShapes: readonly PartitionShape[] = [
  { kind: 'one-way', from: 'leader' },
  { kind: 'one-way', to: 'leader' },
  { kind: 'one-way', from: 'random' },
  { kind: 'one-way', to: 'random follower' },
];

const victims: readonly Role[] = ['leader', 'leader', 'random', 'minority', 'majority', 'all'];

/** Whether so many nodes have whom a part of a fault means, a kind of partition included. */
function canBe(who: unknown, size: number): boolean {
  if (size === 1 && who === 'random follower') return false;
  return size > 2 || typeof who !== 'string' || !who.includes('minority');
}

/** One of those that so many nodes can have. */
function pick<T extends string>(prng: Prng, list: readonly T[], size: number): T {
  return prng.pick(list.filter((who) => canBe(who, size)));
}

const kinds: Readonly<Record<NemesisName, (prng: Prng, size: number) => Fault>> = {
  partition: (prng, size) => partition(prng, shapes, size),
  'one-way': (prng, size) => partition(prng, oneWayShapes, size),
  loss: (prng) => link(prng, { lossRate: prng.pick([0.02, 0.1, 0.4]) }),
  delay: (prng) =>
    link(prng, { delayMs: { kind: 'exponential', meanMs: prng.pick([2, 10, 50]), maxMs: 500 } }),
  duplication: (prng) => link(prng, { duplicateRate: prng.pick([0.1, 0.5]) }),
  reordering: (prng) =>
    link(prng, { reorderRate: prng.pick([0.1, 0.5]), reorderWithinMs: prng.pick([2, 20, 100]) }),
  corruption: (prng) => link(prng, { corruptRate: prng.pick([0.02, 0.2]) }),
  pause: (prng, size) => ({ kind: 'pause', nodes: pick(prng, victims, size) }),
  crash: (prng, size) => ({ kind: 'crash', nodes: pick(prng, victims, size) }),
  restart: (prng, size) => ({ kind: 'crash', nodes: pick(prng, victims, size) }),
  transfer: () => ({ kind: 'transfer', to: 'random follower' }),
  'disk-error': (prng, size) => disk(prng, size, { errorChance: prng.pick([0.02, 0.2, 1]) }),
  'disk-full': (prng, size) => disk(prng, size, { fullChance: prng.pick([0.1, 1]) }),
  'disk-stall': (prng, size) =>
    disk(prng, size, { stallChance: prng.pick([0.05, 0.5]), stallMs: prng.pick([5, 50, 200]) }),
  'disk-flip': (prng, size) =>
    disk(prng, size, { flipChance: prng.pick([0.05, 0.5]), silentMax: 1 }),
  'disk-astray': (prng, size) =>
    disk(prng, size, { misdirectChance: prng.pick([0.05, 0.5]), silentMax: 1 }),
};

const diskVictims = ['leader', 'random', 'random follower', 'minority'] as const;

function disk(prng: Prng, size: number, faults: DiskFaults): Fault {
  const nodes = pick(prng, diskVictims, size);
  return { kind: 'disk', nodes, faults: { seed: prng.int(0, 2 ** 31), ...faults } };
}

function partition(prng: Prng, list: readonly PartitionShape[], size: number): Fault {
  const mode = prng.chance(0.25) ? 'hold' : 'drop';
  const possible = list.filter((shape) => Object.values(shape).every((who) => canBe(who, size)));
  return { kind: 'partition', shape: prng.pick(possible), mode };
}

/** Clients are hurt, too, now and then: what they are told gets lost, late or doubled. */
function link(prng: Prng, options: LinkOptions): Fault {
  const isEverywhere = prng.chance(0.4);
  return { kind: 'link', options: isEverywhere ? { ...options, between: 'everyone' } : options };
}
