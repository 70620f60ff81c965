/** What a seed draws about storage: how small logs are, what they lie on, and how disks fail. */
import type { PlannedFault } from '../chaos/fault.js';
import type { Role } from '../network/selector.js';
import type { Prng } from '../prng.js';
import type { DiskFaults } from '../storage/faulty.js';
import type { ScenarioOptions } from './scenario.js';

/** As small as a log may be that has its reserves. */
const smallLogBytes = 2 ** 16;

export function hasSmallLog({ logBytesMax }: ScenarioOptions): boolean {
  return logBytesMax < 2 * smallLogBytes;
}

/** Followers that are away for so long that the log they would need is gone. */
export function drawAbsences(prng: Prng, safetyMs: number): PlannedFault[] {
  return Array.from({ length: prng.int(1, 4) }, (): PlannedFault => {
    const at = prng.int(0, safetyMs);
    const until = at + prng.int(300, safetyMs);
    const nodes = prng.pick(['random follower', 'random follower', 'minority'] as const);
    if (prng.chance(0.5)) return { at, until, fault: { kind: 'crash', nodes } };
    return {
      at,
      until,
      fault: { kind: 'partition', shape: { kind: 'isolate', nodes }, mode: 'drop' },
    };
  });
}

/** Half of all logs are so small that who lags needs a snapshot; two of five are on disks. */
export function drawStorage(prng: Prng, options: ScenarioOptions): ScenarioOptions {
  const isSmall = prng.chance(0.5);
  const isOnDisk = prng.chance(0.4);
  const segmentBytes = prng.pick([2 ** 13, 2 ** 14, 2 ** 16]);
  const small = {
    logBytesMax: prng.pick([smallLogBytes, 1.5 * smallLogBytes]),
    checkpointBytes: prng.pick([512, 2048]),
  };
  const sized = isSmall ? { ...options, ...small } : options;
  if (!isOnDisk) return sized;
  const { syncMs: _none, ...rest } = sized;
  return { ...rest, disk: { segmentBytes } };
}

export interface DiskDraft {
  readonly nodes: number;
  readonly safetyMs: number;
}

export interface DiskPlan {
  readonly faults: readonly PlannedFault[];
  /** A minority whose disks lie or are lost: they may never come back. */
  readonly doomed: readonly string[];
}

/** How the disks of a run fail: by kinds, as all faults are. */
export function drawDiskFaults(prng: Prng, draft: DiskDraft): DiskPlan {
  const faults: PlannedFault[] = [];
  const doomed = drawDoomed(prng.fork('doomed'), draft.nodes);
  const add = (name: string, countMax: number, draw: (stream: Prng) => PlannedFault[]): void => {
    const stream = prng.fork(name);
    const count = stream.int(1, countMax);
    for (let place = 0; place < count; place += 1) faults.push(...draw(stream.fork(place)));
  };
  const [power, loud, slow] = [prng.chance(0.6), prng.chance(0.4), prng.chance(0.25)];
  if (power) add('power', 6, (stream) => [drawPowerLoss(stream, draft)]);
  if (loud) add('loud', 3, (stream) => [drawWindow(stream, draft, drawLoud(stream))]);
  if (slow) add('slow', 3, (stream) => [drawWindow(stream, draft, drawStall(stream))]);
  if (doomed.length > 0) add('silent', 2, (stream) => drawSilent(stream, draft, doomed));
  return { faults, doomed };
}

function drawDoomed(prng: Prng, nodes: number): string[] {
  const minority = Math.ceil(nodes / 2) - 1;
  if (minority < 1 || !prng.chance(0.4)) return [];
  const all = Array.from({ length: nodes }, (_, place) => `n${place + 1}`);
  return prng.shuffle(all).slice(0, prng.int(1, minority));
}

const victims: readonly Role[] = ['leader', 'random', 'random follower', 'minority'];

function drawPowerLoss(prng: Prng, { safetyMs }: DiskDraft): PlannedFault {
  const at = prng.int(0, safetyMs);
  const changes = prng.chance(0.2) ? 0 : prng.int(1, prng.pick([4, 40]));
  const nodes = prng.pick([...victims, 'majority', 'all', 'all'] as const);
  return { at, until: at + prng.int(20, 800), fault: { kind: 'power-loss', nodes, changes } };
}

function drawWindow(prng: Prng, { safetyMs }: DiskDraft, faults: DiskFaults): PlannedFault {
  const at = prng.int(0, safetyMs);
  const nodes = prng.pick(victims);
  return { at, until: at + prng.int(50, 1_500), fault: { kind: 'disk', nodes, faults } };
}

function drawLoud(prng: Prng): DiskFaults {
  const seed = prng.int(0, 2 ** 31);
  if (prng.chance(0.3)) return { seed, fullChance: prng.pick([0.05, 1]) };
  return { seed, errorChance: prng.pick([0.01, 0.1, 1]) };
}

function drawStall(prng: Prng): DiskFaults {
  const stallMs = prng.pick([5, 50, 400]);
  return { seed: prng.int(0, 2 ** 31), stallChance: prng.pick([0.05, 0.5, 1]), stallMs };
}

/** A disk that lies is found out when its node starts again, so it does soon. */
function drawSilent(
  prng: Prng,
  { safetyMs }: DiskDraft,
  doomed: readonly string[],
): PlannedFault[] {
  const at = prng.int(0, safetyMs);
  const until = at + prng.int(50, 1_500);
  const nodes = [prng.pick(doomed)];
  const kind = prng.pick(['flip', 'misdirect', 'bit', 'bit', 'all'] as const);
  if (kind === 'bit' || kind === 'all') {
    return [{ at, until, fault: { kind: 'rot', nodes, loses: kind } }];
  }
  const chance = prng.pick([0.02, 0.3]);
  const faults = {
    seed: prng.int(0, 2 ** 31),
    silentMax: prng.int(1, 3),
    ...(kind === 'flip' ? { flipChance: chance } : { misdirectChance: chance }),
  };
  const crashMs = until + prng.int(-40, 400);
  return [
    { at, until, fault: { kind: 'disk', nodes, faults } },
    { at: crashMs, until: crashMs + prng.int(20, 400), fault: { kind: 'crash', nodes } },
  ];
}
