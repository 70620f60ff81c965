/** How a disk is to fail, as a caller says it: checked here and nowhere else. */
import { checkNames, checkNumber } from '../network/option.js';
import type { DiskFaults } from '../storage/faulty.js';

export type { DiskFaults };

const chance = { min: 0, max: 1 };
const count = { min: 0, max: Number.MAX_SAFE_INTEGER, isInteger: true };

const ranges: Readonly<Record<keyof DiskFaults, Parameters<typeof checkNumber>[2]>> = {
  // Each disk has one of its own, counted from it.
  seed: { min: 0, max: 2 ** 32 - 1, isInteger: true },
  errorChance: chance,
  fullChance: chance,
  flipChance: chance,
  misdirectChance: chance,
  silentMax: count,
  stallChance: chance,
  stallMs: { min: 0, max: 86_400_000 },
};

/** Returns `faults` if a disk can fail like that. Throws `RAFT_INVALID_OPTION`. */
export function checkFaults(faults: DiskFaults): DiskFaults {
  checkNames('faults', faults, Object.keys(ranges));
  for (const [name, value] of Object.entries(faults)) {
    const range = ranges[name as keyof DiskFaults];
    if (value !== undefined) checkNumber(`faults.${name}`, value, range);
  }
  return faults;
}
