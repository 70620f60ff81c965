/**
 * Power loss at every write boundary: after each change of a simulated disk the power is cut, in
 * three ways, and what was synced before must be found again.
 */

import test from 'ava';
import fc from 'fast-check';
import { Prng } from '../../src/prng.js';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { SimulatedDisk, type Survival } from '../../src/storage/simulated-disk.js';
import { makeEntry, observe, perform, type Step, StorageModel, steps } from './model.js';

const options = {
  directory: '/node',
  directoryId: 41,
  logBytesMax: 512,
  entriesMax: 16,
  entryBytesMax: 64,
  snapshotBytesMax: 64,
  segmentBytes: 1_024,
};

function open(fileSystem: SimulatedDisk): Storage {
  return openFileStorage({ ...options, fileSystem });
}

/** States that may be found: everything since the last sync, in order, or the one of that sync. */
class Expected {
  allowed: string[] = [];

  durable(model: StorageModel): void {
    this.allowed = [JSON.stringify(model.observe())];
  }

  may(model: StorageModel): void {
    this.allowed.push(JSON.stringify(model.observe()));
  }
}

/** An append reaches the log entry by entry; each beginning of it is a state of its own. */
function allowPrefixes(expected: Expected, before: StorageModel, after: StorageModel): void {
  for (let index = before.firstIndex; index < after.lastIndex; index++) {
    const part = after.copy();
    if (index >= after.firstIndex) part.truncate(index);
    expected.may(part);
  }
  expected.may(after);
}

interface Cut {
  readonly disk: SimulatedDisk;
  readonly allowed: readonly string[];
}

/** Performs the steps with a sync after every `syncEvery`-th; films the disk at each change. */
function film(list: readonly Step[], syncEvery: number): Cut[] {
  const disk = new SimulatedDisk();
  let storage = open(disk);
  const model = new StorageModel();
  const expected = new Expected();
  expected.durable(model);
  const cuts: Cut[] = [];
  disk.onChange = () => cuts.push({ disk: disk.clone(), allowed: [...expected.allowed] });
  for (const [at, step] of list.entries()) {
    const after = model.copy();
    // What the step may leave is known before it begins: the disk changes in its middle.
    const rehearsal = rehearse(step, model);
    allowPrefixes(expected, model, rehearsal);
    perform(step, storage, after);
    Object.assign(model, after);
    expected.may(model);
    if (at % syncEvery === 0) {
      storage.sync(() => {});
      expected.durable(model);
      storage.maintain();
    }
    if (at % 7 === 6) {
      storage.close();
      expected.durable(model);
      storage = open(disk);
    }
  }
  return cuts;
}

/** The model after the step, had the storage room for it. */
function rehearse(step: Step, model: StorageModel): StorageModel {
  const copy = model.copy();
  perform(step, openFileStorageFor(copy), copy);
  return copy;
}

/** Says yes to everything: only the model is of interest. */
function openFileStorageFor(model: StorageModel): Storage {
  const yes = (): 'ok' => 'ok';
  return { ...model, append: yes, saveSnapshot: yes, trim: yes, saveHardState: yes } as never;
}

function assertFound({ disk, allowed }: Cut, survival: Survival, seed: number): void {
  disk.losePower(survival, new Prng(seed));
  const found = JSON.stringify(observe(open(disk)));
  if (allowed.includes(found)) return;
  throw new Error(`${survival}: found ${found}\nallowed ${allowed.join('\n')}`);
}

for (const survival of ['none', 'all', 'some'] as const) {
  test(`power lost at any write, ${survival} of the unsynced sectors kept: what was synced is there`, (t) => {
    let cutsSeen = 0;
    const property = fc.property(
      steps,
      fc.integer({ min: 1, max: 3 }),
      fc.nat(),
      (list, every, seed) => {
        for (const cut of film(list, every)) {
          assertFound({ ...cut, disk: cut.disk.clone() }, survival, seed);
          cutsSeen += 1;
        }
      },
    );

    t.notThrows(() => fc.assert(property, { numRuns: 60 }));
    t.true(cutsSeen > 1_000, `${cutsSeen} cuts`);
  });
}

test('a second loss of power while the first is being recovered from loses nothing more', (t) => {
  const disk = new SimulatedDisk();
  const storage = open(disk);
  storage.saveHardState({ currentTerm: 3, votedFor: 'n2' });
  storage.append([makeEntry(1, 1), makeEntry(2, 2), makeEntry(3, 3)]);
  storage.sync(() => {});
  storage.append([makeEntry(4, 3, 64), makeEntry(5, 3, 64)]);
  storage.sync(() => {});
  const before = JSON.stringify(observe(storage));
  storage.append([makeEntry(6, 3, 64)]);
  storage.maintain();

  for (let seed = 0; seed < 40; seed++) {
    const first = disk.clone();
    first.losePower('some', new Prng(seed));
    const cuts: SimulatedDisk[] = [];
    first.onChange = () => cuts.push(first.clone());
    open(first);
    for (const cut of cuts) {
      cut.losePower('some', new Prng(seed + 1));
      t.is(JSON.stringify(observe(open(cut))), before);
    }
  }
});

test('what lay behind a torn tail never comes back, even where a later record would join it', (t) => {
  const large = { ...options, entryBytesMax: 1_024, logBytesMax: 16_384, segmentBytes: 16_384 };
  let torn = 0;
  for (let seed = 0; seed < 60; seed++) {
    const fileSystem = new SimulatedDisk();
    const storage = openFileStorage({ ...large, fileSystem, syncPolicy: 'none' });
    storage.append([makeEntry(1, 1)]);
    storage.saveHardState({ currentTerm: 1 });
    storage.sync(() => {});
    // Written together and never synced: the second may survive without the first.
    storage.append([makeEntry(2, 1, 600), makeEntry(3, 1, 600)]);
    storage.sync(() => {});
    fileSystem.losePower('some', new Prng(seed));
    const recovered = openFileStorage({ ...large, fileSystem });
    if (recovered.lastIndex !== 1) continue;
    torn += 1;
    recovered.append([makeEntry(2, 9, 600)]);
    recovered.sync(() => {});

    const again = openFileStorage({ ...large, fileSystem });
    t.deepEqual([again.lastIndex, again.termAt(2)], [2, 9]);
  }
  t.true(torn > 10, `${torn} torn tails`);
});

test('files go only once the record that makes them useless is durable (pitfall 19)', (t) => {
  const roomy = { ...options, logBytesMax: 16_384, entriesMax: 64 };
  const disk = new SimulatedDisk();
  const storage = openFileStorage({ ...roomy, fileSystem: disk });
  for (let index = 1; index <= 40; index++) storage.append([makeEntry(index, 1, 64)]);
  for (const index of [10, 20]) {
    storage.saveSnapshot({ index, term: 1, bytes: Uint8Array.of(index) });
    storage.sync(() => {});
  }
  const filesBefore = disk.list('/node').length;
  const cuts: SimulatedDisk[] = [];
  disk.onChange = () => cuts.push(disk.clone());

  storage.trim(20);
  storage.append([makeEntry(41, 1)]);
  storage.sync(() => {});
  storage.saveSnapshot({ index: 30, term: 1, bytes: Uint8Array.of(30) });
  storage.trim(30);
  storage.sync(() => {});

  t.true(disk.list('/node').length < filesBefore);
  t.is(storage.firstIndex, 31);
  for (const [at, cut] of cuts.entries()) {
    for (const survival of ['none', 'all', 'some'] as const) {
      const left = cut.clone();
      left.losePower(survival, new Prng(at));
      const found = openFileStorage({ ...roomy, fileSystem: left });
      t.true(found.lastIndex >= 40 && found.firstIndex - 1 <= found.snapshotIndex);
    }
  }
});

test('a damaged snapshot is replaced by the one before it and the log behind', (t) => {
  const roomy = { ...options, logBytesMax: 16_384, entriesMax: 64 };
  const disk = new SimulatedDisk();
  const storage = openFileStorage({ ...roomy, fileSystem: disk });
  for (let index = 1; index <= 40; index++) storage.append([makeEntry(index, 1, 64)]);
  for (const index of [10, 20, 30]) {
    storage.saveSnapshot({ index, term: 1, bytes: new Uint8Array(60).fill(index) });
    storage.trim(index);
    storage.sync(() => {});
  }
  storage.close();
  const snapshots = disk
    .list('/node')
    .filter((name) => name.endsWith('.snapshot'))
    .sort();
  t.is(snapshots.length, 2);

  disk.damage(`/node/${snapshots[1]}`, 70, 4);

  for (let opened = 0; opened < 2; opened++) {
    const found = openFileStorage({ ...roomy, fileSystem: disk });
    t.deepEqual([found.snapshotIndex, found.firstIndex, found.lastIndex], [20, 21, 40]);
    t.deepEqual(found.loadSnapshot()?.bytes[0], 20);
    t.is(found.payload(21).end - found.payload(21).start, 64);
  }
  disk.damage(`/node/${snapshots[0]}`, 70, 4);
  const error = t.throws(() => openFileStorage({ ...roomy, fileSystem: disk }), {
    code: 'RAFT_STORAGE_CORRUPT',
  });
  t.regex(error?.message ?? '', /snapshot, offset \d+: this piece of the snapshot is damaged/);
});

test('power lost around a vote leaves the old pair or the new one, and what was told (pitfalls 1, 2)', (t) => {
  const disk = new SimulatedDisk();
  const storage = open(disk);
  storage.saveHardState({ currentTerm: 4, votedFor: 'n1' });
  storage.sync(() => {});
  let isTold = false;
  const cuts: { disk: SimulatedDisk; isTold: boolean }[] = [];
  disk.onChange = () => cuts.push({ disk: disk.clone(), isTold });

  for (const votedFor of [
    'n2',
    'n3',
    'a node with a name that takes more than one sector',
  ] as const) {
    storage.saveHardState({ currentTerm: storage.hardState.currentTerm + 1, votedFor });
  }
  storage.sync(() => {
    isTold = true;
    disk.onChange();
  });

  const found = new Set<string>();
  for (const [at, cut] of cuts.entries()) {
    for (const survival of ['none', 'all', 'some'] as const) {
      const left = cut.disk.clone();
      left.losePower(survival, new Prng(at));
      const { currentTerm, votedFor } = open(left).hardState;
      found.add(`${currentTerm} ${votedFor}`);
      if (cut.isTold) t.is(currentTerm, 7);
    }
  }
  const last = '7 a node with a name that takes more than one sector';
  t.true(found.has('4 n1') && found.has(last));
  for (const pair of found) t.true(['4 n1', '5 n2', '6 n3', last].includes(pair), pair);
});

for (const [syncPolicy, lostMsMax] of [
  ['always', 0],
  ['interval', 100 + 10],
  ['none', Number.POSITIVE_INFINITY],
] as const) {
  test(`under ${syncPolicy} the power takes at most what was written in ${lostMsMax} ms, and no vote`, (t) => {
    const disk = new SimulatedDisk();
    let nowMs = 0;
    const policy = { syncPolicy, intervalMs: 100, nowMs: () => nowMs };
    const roomy = { ...options, logBytesMax: 2 ** 20, entriesMax: 4_096, segmentBytes: 2 ** 16 };
    const storage = openFileStorage({ ...roomy, ...policy, fileSystem: disk });
    let lostMost = 0;
    for (let index = 1; nowMs < 1_500; index += 1) {
      if (index % 40 === 1) storage.saveHardState({ currentTerm: index, votedFor: 'n1' });
      storage.append([makeEntry(index, 1)]);
      let isAcknowledged = false;
      storage.sync(() => {
        isAcknowledged = true;
      });
      t.true(isAcknowledged);
      const left = disk.clone();
      left.losePower('none', new Prng(index));
      const found = openFileStorage({ ...roomy, fileSystem: left });
      t.deepEqual(found.hardState, storage.hardState);
      lostMost = Math.max(lostMost, (index - found.lastIndex) * 10);
      nowMs += 10;
      storage.maintain();
    }

    t.true(lostMost <= lostMsMax, `${lostMost} ms`);
    if (syncPolicy !== 'always') t.true(lostMost > 50, `${lostMost} ms`);
  });
}
