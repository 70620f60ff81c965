/** A disk that fails while it has power: never a wrong answer, and never again an answer. */

import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { isRaftError } from '../../src/errors.js';
import { Prng } from '../../src/prng.js';
import { type DiskFaults, FaultyFileSystem } from '../../src/storage/faulty.js';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { SimulatedDisk } from '../../src/storage/simulated-disk.js';
import { testConformance } from './conformance.js';
import {
  makeEntry,
  type Observation,
  observe,
  perform,
  type Step,
  StorageModel,
  steps,
} from './model.js';

const options = {
  directory: '/node',
  directoryId: 3,
  logBytesMax: 512,
  entriesMax: 16,
  entryBytesMax: 64,
  snapshotBytesMax: 64,
  segmentBytes: 1_024,
};

function faultyOver(disk: SimulatedDisk, faults: DiskFaults): FaultyFileSystem {
  const fileSystem = new FaultyFileSystem(disk, () => {});
  fileSystem.faults = faults;
  return fileSystem;
}

testConformance('faulty', (limits) => {
  const fileSystem = faultyOver(new SimulatedDisk(), { seed: 5, stallChance: 0.2, stallMs: 1 });
  let last: Storage | undefined;
  return {
    open: () => {
      last?.sync(() => {});
      last = openFileStorage({
        ...options,
        logBytesMax: limits.logBytes,
        entriesMax: limits.entries,
        snapshotBytesMax: limits.snapshotBytes,
        entryBytesMax: Math.min(1_024, limits.logBytes / 8),
        fileSystem,
      });
      return last;
    },
  };
});

interface Run {
  /** What had been acknowledged when the disk failed, and what may have been written since. */
  readonly allowed: readonly string[];
  readonly failure: unknown;
}

/** Steps with a sync and a tick after each, until the disk fails or there are no more. */
function runUntilFailure(storage: Storage, list: readonly Step[]): Run {
  const model = new StorageModel();
  let allowed = [JSON.stringify(model.observe())];
  for (const step of list) {
    const before = model.copy();
    try {
      perform(step, storage, model);
      allowed.push(JSON.stringify(model.observe()));
      let isDurable = false;
      storage.sync(() => {
        isDurable = true;
      });
      if (isDurable) allowed = [JSON.stringify(model.observe())];
      storage.maintain();
    } catch (failure) {
      return { allowed: [...allowed, ...whatMayBe(step, before)], failure };
    }
  }
  return { allowed, failure: undefined };
}

/** Every state that an interrupted step may leave. */
function whatMayBe(step: Step, before: StorageModel): string[] {
  const yes = (): 'ok' => 'ok';
  const after = before.copy();
  const storage = { append: yes, saveSnapshot: yes, trim: yes, saveHardState: yes };
  perform(step, storage as never, after);
  const states = [after];
  for (let index = before.firstIndex - 1; index < after.lastIndex; index++) {
    if (index < after.firstIndex - 1) continue;
    const part = after.copy();
    part.truncate(index);
    states.push(part);
  }
  return states.map((state) => JSON.stringify(state.observe()));
}

/**
 * One write at most is spoiled without a word: if the last write and the mark behind it are both,
 * no log can tell them from a tail that was on its way.
 */
const kinds: readonly [string, DiskFaults][] = [
  ['EIO', { errorChance: 0.03 }],
  ['ENOSPC', { fullChance: 0.03 }],
  ['flipped bits', { flipChance: 0.05, silentMax: 1 }],
  ['misdirected writes', { misdirectChance: 0.05, silentMax: 1 }],
  ['all that is loud', { errorChance: 0.01, fullChance: 0.01, stallChance: 0.1 }],
];

for (const [name, faults] of kinds) {
  test(`${name}: what was acknowledged is found again, or its loss is reported`, (t) => {
    const counts = { failed: 0, corrupt: 0, sound: 0 };
    const property = fc.property(steps, fc.nat(), (list, seed) => {
      const disk = new SimulatedDisk();
      openFileStorage({ ...options, fileSystem: disk }).close();
      const fileSystem = faultyOver(disk, {});
      const storage = openFileStorage({ ...options, fileSystem });
      fileSystem.faults = { ...faults, seed };
      const { allowed, failure } = runUntilFailure(storage, list);
      if (failure !== undefined) {
        counts.failed += 1;
        assertIsOver(storage, failure);
      }
      fileSystem.faults = {};
      try {
        const found = JSON.stringify(observe(openFileStorage({ ...options, fileSystem: disk })));
        if (!allowed.some((state) => isAsGood(found, state)))
          throw new Error(`found ${found}\nof ${allowed.join('\n')}`);
        counts.sound += 1;
      } catch (error) {
        if (!isRaftError(error, 'RAFT_STORAGE_CORRUPT')) throw error;
        counts.corrupt += 1;
      }
    });

    t.notThrows(() => fc.assert(property, { numRuns: 400 }));
    const isSilent = name === 'flipped bits' || name === 'misdirected writes';
    t.true(isSilent ? counts.corrupt > 20 : counts.failed > 20, JSON.stringify(counts));
    t.true(counts.sound > 20, JSON.stringify(counts));
  });
}

/** Equal, or the same log behind an older snapshot: the newer one turned out damaged. */
function isAsGood(found: string, wanted: string): boolean {
  const [a, b] = [JSON.parse(found), JSON.parse(wanted)] as Observation[];
  if (a === undefined || b === undefined) return false;
  const snapshotIndex = ({ snapshot }: Observation): number => Number.parseInt(snapshot, 10);
  const tail = b.entries.length === 0 ? [] : a.entries.slice(-b.entries.length);
  return (
    isDeepStrictEqual(a, b) ||
    (isDeepStrictEqual(a.hardState, b.hardState) &&
      a.lastIndex === b.lastIndex &&
      a.firstIndex <= b.firstIndex &&
      snapshotIndex(a) < snapshotIndex(b) &&
      isDeepStrictEqual(tail, b.entries))
  );
}

/** A failure has a code, and after it nothing is written and nothing acknowledged. */
function assertIsOver(storage: Storage, failure: unknown): void {
  const isTyped =
    isRaftError(failure, 'RAFT_STORAGE_FAILED') || isRaftError(failure, 'RAFT_STORAGE_CORRUPT');
  if (!isTyped) throw failure;
  const again = [
    () => storage.saveHardState({ currentTerm: 2 ** 40 }),
    () => storage.append([makeEntry(storage.lastIndex + 1, 2 ** 40)]),
    () =>
      storage.sync(() => {
        throw new Error('acknowledged');
      }),
    () => storage.maintain(),
  ];
  for (const call of again) {
    try {
      call();
    } catch (error) {
      if (error === failure) continue;
      throw error;
    }
    throw new Error('a storage that had failed went on');
  }
  storage.close();
}

test('a sync that failed is not believed by the next life: the data is written again', (t) => {
  const disk = new SimulatedDisk();
  const fileSystem = faultyOver(disk, {});
  const storage = openFileStorage({ ...options, fileSystem });
  storage.append([makeEntry(1, 1)]);
  fileSystem.faults = { errorChance: 1 };
  t.throws(() => storage.sync(() => t.fail()), { code: 'RAFT_STORAGE_FAILED' });
  fileSystem.faults = {};
  // The cache keeps what was written and counts it as clean, as Linux does after a failed fsync.
  const next = openFileStorage({ ...options, fileSystem });
  const { lastIndex } = next;

  disk.losePower('none', new Prng(1));

  t.is(openFileStorage({ ...options, fileSystem: disk }).lastIndex, lastIndex);
});

test('the disk is full when the next segment is made: a clear error, and the log stays whole', (t) => {
  const disk = new SimulatedDisk();
  const fileSystem = faultyOver(disk, {});
  const roomy = { ...options, logBytesMax: 65_536, entriesMax: 1_024 };
  const storage = openFileStorage({ ...roomy, fileSystem });
  fileSystem.faults = { fullChance: 1 };

  const error = t.throws(() => {
    for (let index = 1; ; index++) storage.append([makeEntry(index, 1)]);
  });

  t.like(error, { code: 'RAFT_STORAGE_FAILED', details: { code: 'ENOSPC', directory: '/node' } });
  t.regex(error?.message ?? '', /ENOSPC: no space left on device/);
  t.is(openFileStorage({ ...roomy, fileSystem: disk }).lastIndex, 0);
});
