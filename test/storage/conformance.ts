/**
 * What every storage must do, as tests: a storage passes when `testConformance` does.
 *
 * "Restart" opens what an earlier storage left without closing it, as a node does after a crash.
 */

import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Storage } from '../../src/storage/index.js';
import { makeEntry, observe, perform, StorageModel, steps } from './model.js';

/** The least that the place under test must hold. It may hold more. */
export interface Limits {
  readonly logBytes: number;
  readonly entries: number;
  readonly snapshotBytes: number;
}

/** One place that outlives the storages opened on it. */
export interface Place {
  /** Opens it: at first new, later as the last storage left it. */
  open(): Storage;
}

/** Makes an empty place. */
export type CreatePlace = (limits: Limits) => Place;

const roomy: Limits = { logBytes: 65_536, entries: 1_024, snapshotBytes: 65_536 };
const tight: Limits = { logBytes: 512, entries: 16, snapshotBytes: 32 };

/** Index 2^31 and 2^32 break 32-bit views; up to 2^53 a double still counts. */
const farStarts = [2 ** 31 - 3, 2 ** 32 - 3, 2 ** 53 - 10];

export function testConformance(name: string, create: CreatePlace): void {
  const fact = (title: string, check: (t: ExecutionContext, place: Place) => void): void => {
    test(`${name}: ${title}`, (t) => check(t, create(roomy)));
  };
  testHardState(fact);
  testLog(fact);
  testFarIndexes(fact);
  testRefusals(fact);
  testSnapshots(fact);
  testSnapshotParts(fact);
  testOldSnapshots(fact);
  testLife(fact);
  testLimits(name, create);
  testAgainstModel(name, create);
}

type Fact = (title: string, check: (t: ExecutionContext, place: Place) => void) => void;

function testHardState(fact: Fact): void {
  fact('a new one has term 0, no vote, and an empty log that begins at 1', (t, place) => {
    const storage = place.open();

    t.deepEqual(observe(storage), new StorageModel().observe());
    t.is(storage.termAt(1), undefined);
    t.is(storage.loadSnapshot(), undefined);
  });

  fact('term and vote survive a restart (Figure 2; pitfall 1)', (t, place) => {
    place.open().saveHardState({ currentTerm: 7, votedFor: 'n2' });

    t.deepEqual(place.open().hardState, { currentTerm: 7, votedFor: 'n2' });
  });

  fact('a later term begins without the vote of the earlier one (§5.1)', (t, place) => {
    const storage = place.open();
    storage.saveHardState({ currentTerm: 7, votedFor: 'a-candidate' });

    storage.saveHardState({ currentTerm: 8 });

    t.deepEqual(storage.hardState, { currentTerm: 8 });
    t.deepEqual(place.open().hardState, { currentTerm: 8 });
  });

  fact('a term, or the vote in it, is never taken back (§5.2; pitfall 3)', (t, place) => {
    const storage = place.open();
    storage.saveHardState({ currentTerm: 7, votedFor: 'n2' });

    for (const broken of [
      { currentTerm: 6 },
      { currentTerm: 7 },
      { currentTerm: 7, votedFor: 'n3' },
      { currentTerm: Number.NaN },
      { currentTerm: 7.5 },
      { currentTerm: 8, votedFor: '' },
    ]) {
      t.throws(() => storage.saveHardState(broken), { code: 'RAFT_BROKEN_INVARIANT' });
    }
    storage.saveHardState({ currentTerm: 7, votedFor: 'n2' });

    t.deepEqual(place.open().hardState, { currentTerm: 7, votedFor: 'n2' });
  });
}

function testLog(fact: Fact): void {
  fact('entries come back as they were appended, also after a restart', (t, place) => {
    const model = new StorageModel();
    const entries = [makeEntry(1, 1, 0), makeEntry(2, 1, 5), makeEntry(3, 4, 1_000)];
    const configuration = { ...makeEntry(4, 4, 9), kind: 'configuration' as const };
    const storage = place.open();

    t.is(storage.append(entries), 'ok');
    t.is(storage.append([configuration]), 'ok');
    model.append([...entries, configuration]);

    t.deepEqual(observe(storage), model.observe());
    t.deepEqual(observe(place.open()), model.observe());
  });

  fact('the storage keeps its own copy of a payload', (t, place) => {
    const storage = place.open();
    const entry = makeEntry(1, 1, 64);
    const before = Buffer.from(entry.payload).toString('hex');
    storage.append([entry]);

    entry.payload.fill(0);

    const { bytes, start, end } = storage.payload(1);
    t.is(bytes.toString('hex', start, end), before);
  });

  fact('every payload starts at a multiple of 8', (t, place) => {
    const storage = place.open();
    storage.append([0, 1, 7, 8, 9, 63].map((size, at) => makeEntry(at + 1, 1, size)));
    storage.append([makeEntry(4, 2, 3), makeEntry(5, 2, 11)]);

    for (const { index } of storage.headers()) t.is(storage.payload(index).start % 8, 0);
  });

  fact('an append at a held index replaces the log from there on (§5.3)', (t, place) => {
    const storage = place.open();
    const model = new StorageModel();
    storage.append([makeEntry(1, 1), makeEntry(2, 1, 100), makeEntry(3, 1, 30)]);

    storage.append([makeEntry(2, 2, 8)]);

    model.append([makeEntry(1, 1), makeEntry(2, 2, 8)]);
    t.deepEqual(observe(storage), model.observe());
    t.deepEqual(observe(place.open()), model.observe());
  });

  fact('an append of nothing changes nothing', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1)]);

    t.is(storage.append([]), 'ok');
    t.is(storage.lastIndex, 1);
  });
}

function testFarIndexes(fact: Fact): void {
  for (const start of farStarts) {
    fact(`a log that begins at ${start} is like any other (pitfall 44)`, (t, place) => {
      const storage = place.open();
      const model = new StorageModel();
      const snapshot = { index: start, term: 2 ** 33, bytes: new Uint8Array() };
      const entries = [1, 2, 3, 4, 5, 6].map((at) => makeEntry(start + at, 2 ** 33 + at));
      storage.saveSnapshot(snapshot);
      model.saveSnapshot(snapshot);

      storage.append(entries);
      storage.append([makeEntry(start + 5, 2 ** 33 + 9)]);
      storage.saveSnapshot({ ...snapshot, index: start + 3, term: 2 ** 33 + 3 });
      storage.trim(start + 2);

      model.append([...entries.slice(0, 4), makeEntry(start + 5, 2 ** 33 + 9)]);
      model.saveSnapshot({ ...snapshot, index: start + 3, term: 2 ** 33 + 3 });
      model.trim(start + 2);
      t.deepEqual(observe(storage), model.observe());
      t.deepEqual(observe(place.open()), model.observe());
    });
  }
}

function testRefusals(fact: Fact): void {
  fact('what breaks the order of the log is refused and changes nothing', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 3), makeEntry(2, 3)]);
    const before = observe(storage);

    for (const broken of [
      [makeEntry(4, 3)],
      [makeEntry(0, 3)],
      [makeEntry(2.5, 1_000)],
      [makeEntry(Number.NaN, 3)],
      [makeEntry(3, 2)],
      [makeEntry(3, Number.NaN)],
      [makeEntry(3, 3), makeEntry(5, 3)],
      [makeEntry(2, 5), makeEntry(3, 4)],
      [{ ...makeEntry(3, 3, 16), byteLength: 15 }],
    ]) {
      t.throws(() => storage.append(broken), { code: 'RAFT_BROKEN_INVARIANT' });
    }

    t.deepEqual(observe(storage), before);
    t.deepEqual(observe(place.open()), before);
  });

  fact('an entry that a snapshot covers is never truncated (pitfall 13)', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1), makeEntry(3, 1)]);
    storage.saveSnapshot({ index: 2, term: 1, bytes: new Uint8Array(4) });

    t.throws(() => storage.append([makeEntry(2, 5)]), { code: 'RAFT_BROKEN_INVARIANT' });
    t.is(storage.append([makeEntry(3, 5)]), 'ok');

    t.is(storage.termAt(2), 1);
    t.is(storage.termAt(3), 5);
  });

  fact('a payload that is not held is refused', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1)]);
    storage.saveSnapshot({ index: 1, term: 1, bytes: new Uint8Array() });
    storage.trim(1);

    for (const index of [0, 1, 3, Number.NaN]) {
      t.throws(() => storage.payload(index), { code: 'RAFT_BROKEN_INVARIANT' });
    }
  });
}

function testSnapshots(fact: Fact): void {
  const bytes = Uint8Array.of(1, 2, 3);

  fact('a snapshot inside the log leaves the log as it is', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1), makeEntry(3, 2)]);

    t.is(storage.saveSnapshot({ index: 2, term: 1, bytes }), 'ok');

    const reopened = place.open();
    t.deepEqual([reopened.snapshotIndex, reopened.snapshotTerm], [2, 1]);
    t.deepEqual([reopened.firstIndex, reopened.lastIndex], [1, 3]);
    t.deepEqual(Uint8Array.from(reopened.loadSnapshot()?.bytes ?? []), bytes);
  });

  fact('a snapshot in conflict with the log replaces it (§7; pitfall 22)', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1), makeEntry(3, 1)]);

    storage.saveSnapshot({ index: 2, term: 4, bytes });

    t.deepEqual([storage.firstIndex, storage.lastIndex, storage.termAt(2)], [3, 2, 4]);
    t.is(storage.append([makeEntry(3, 4)]), 'ok');
    t.deepEqual(place.open().termAt(3), 4);
  });

  fact('a snapshot beyond the log replaces it, and the log goes on behind (§7)', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1)]);

    storage.saveSnapshot({ index: 100, term: 3, bytes });
    storage.append([makeEntry(101, 3)]);

    const reopened = place.open();
    t.deepEqual([reopened.firstIndex, reopened.lastIndex], [101, 101]);
    t.deepEqual([reopened.termAt(100), reopened.termAt(99)], [3, undefined]);
  });
}

function testSnapshotParts(fact: Fact): void {
  fact('a snapshot in pieces counts once it is finished, and is read in parts', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1)]);
    const name = { index: 2, term: 1 };
    const sink = storage.beginSnapshot(name);
    for (const byte of [1, 2, 3, 4]) t.is(sink.write(new Uint8Array(1_000).fill(byte)), 'ok');

    t.is(storage.snapshotIndex, 0);
    t.is(storage.snapshotPart(name, 0, 10), undefined);
    t.is(sink.finish(), 'ok');

    t.is(storage.snapshotIndex, 2);
    const first = storage.snapshotPart(name, 0, 1_500);
    t.deepEqual([first?.bytes.byteLength, first?.bytes[1_499], first?.isLast], [1_500, 2, false]);
    const last = storage.snapshotPart(name, 1_500, 1_000_000);
    t.deepEqual([last?.bytes.byteLength, last?.bytes[0], last?.isLast], [2_500, 2, true]);
    t.is(storage.snapshotPart({ index: 2, term: 7 }, 0, 10), undefined);
    t.is(place.open().loadSnapshot()?.bytes.byteLength, 4_000);
  });

  fact('a snapshot that was begun is abandoned by the next one (pitfall 23)', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1)]);
    const first = storage.beginSnapshot({ index: 1, term: 1 });
    first.write(Uint8Array.of(1));
    const second = storage.beginSnapshot({ index: 2, term: 1 });
    second.write(Uint8Array.of(2));

    t.true(first.isAbandoned);
    t.is(first.write(Uint8Array.of(1)), 'full');
    t.is(first.finish(), 'full');
    t.is(second.finish(), 'ok');
    t.deepEqual([...(place.open().loadSnapshot()?.bytes ?? [])], [2]);
  });
}

function testOldSnapshots(fact: Fact): void {
  const bytes = Uint8Array.of(1, 2, 3);

  fact('a snapshot that is not newer is ignored (pitfall 23)', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1), makeEntry(3, 1)]);
    storage.saveSnapshot({ index: 3, term: 1, bytes });

    t.is(storage.saveSnapshot({ index: 2, term: 1, bytes: new Uint8Array() }), 'ok');
    t.is(storage.saveSnapshot({ index: 3, term: 1, bytes: new Uint8Array() }), 'ok');

    t.is(storage.snapshotIndex, 3);
    t.deepEqual(Uint8Array.from(storage.loadSnapshot()?.bytes ?? []), bytes);
  });

  fact('a snapshot that is kept stays readable beside newer ones (pitfall 26)', (t, place) => {
    const storage = place.open();
    const save = (index: number): void => {
      storage.saveSnapshot({ index, term: 1, bytes: bytes.map((byte) => byte * index) });
      storage.sync(() => {});
    };
    const read = (index: number): number[] | undefined => {
      const part = storage.snapshotPart({ index, term: 1 }, 1, 9);
      return part && [...part.bytes];
    };

    save(1);
    storage.keepSnapshot({ index: 1, term: 1 });
    for (const index of [2, 3, 4, 5]) {
      save(index);
      t.deepEqual(
        [read(1), read(index)],
        [
          [2, 3],
          [2 * index, 3 * index],
        ],
      );
    }
    storage.keepSnapshot(undefined);
    save(6);
    storage.keepSnapshot({ index: 2, term: 1 });

    t.deepEqual([read(1), read(2), read(6)], [undefined, undefined, [12, 18]]);
    t.is(place.open().snapshotIndex, 6);
  });

  fact('a later snapshot of an earlier term is refused', (t, place) => {
    const storage = place.open();
    storage.saveSnapshot({ index: 3, term: 5, bytes });

    t.throws(() => storage.saveSnapshot({ index: 4, term: 4, bytes }), {
      code: 'RAFT_BROKEN_INVARIANT',
    });
    t.is(place.open().snapshotIndex, 3);
  });

  fact('entries above the snapshot are not trimmed', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1), makeEntry(2, 1), makeEntry(3, 2)]);

    storage.trim(3);
    t.is(storage.firstIndex, 1);
    storage.saveSnapshot({ index: 2, term: 1, bytes });
    storage.trim(3);

    t.deepEqual([storage.firstIndex, storage.termAt(2), storage.termAt(1)], [3, 1, undefined]);
    t.deepEqual(observe(place.open()), observe(storage));
  });
}

function testLife(fact: Fact): void {
  fact('sync calls back, once', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1)]);
    t.plan(1);

    storage.sync(() => t.pass());
  });

  fact('after close nothing can be changed, and opening again finds all', (t, place) => {
    const storage = place.open();
    storage.append([makeEntry(1, 1)]);
    storage.close();
    storage.close();

    const stopped = { code: 'RAFT_STOPPED' };
    t.throws(() => storage.append([makeEntry(2, 1)]), stopped);
    t.throws(() => storage.saveHardState({ currentTerm: 1 }), stopped);
    t.throws(() => storage.trim(1), stopped);
    const snapshot = { index: 1, term: 1, bytes: new Uint8Array() };
    t.throws(() => storage.saveSnapshot(snapshot), stopped);

    t.is(place.open().lastIndex, 1);
  });
}

function testLimits(name: string, create: CreatePlace): void {
  test(`${name}: a full log refuses the whole append, and trimming makes room`, (t) => {
    const place = create(tight);
    const storage = place.open();
    let last = 0;
    while (storage.append([makeEntry(last + 1, 1, 40)]) === 'ok') last++;
    const before = observe(storage);

    const two = [makeEntry(last, 2, 0), makeEntry(last + 1, 2, 40), makeEntry(last + 2, 2, 40)];
    t.is(storage.append(two), 'full');
    t.deepEqual(observe(storage), before);
    t.true(storage.usage.logBytes <= storage.usage.logBytesMax);

    storage.saveSnapshot({ index: last, term: 1, bytes: new Uint8Array() });
    storage.trim(last);
    t.is(storage.usage.entries, 0);
    t.is(storage.append([makeEntry(last + 1, 1, 40)]), 'ok');
    t.is(place.open().lastIndex, last + 1);
  });

  test(`${name}: what an append replaces makes room for it`, (t) => {
    const storage = create(tight).open();
    let last = 0;
    while (storage.append([makeEntry(last + 1, 1, 40)]) === 'ok') last++;

    const replacement = [2, 3, 4].map((index) => makeEntry(index, 2, 40));
    t.true(last >= 4);
    t.is(storage.append(replacement), 'ok');
    t.deepEqual([storage.lastIndex, storage.termAt(1), storage.termAt(4)], [4, 1, 2]);
  });

  test(`${name}: a log holds a limited number of entries, however small`, (t) => {
    const storage = create(tight).open();
    let last = 0;
    while (storage.append([makeEntry(last + 1, 1, 0)]) === 'ok') last++;

    t.true(last >= tight.entries && last <= storage.usage.entriesMax);
    t.is(storage.usage.entries, last);
    t.is(storage.append([makeEntry(last, 2, 0)]), 'ok');
    t.is(storage.append([makeEntry(last, 3, 0), makeEntry(last + 1, 3, 0)]), 'full');
    t.is(storage.termAt(last), 2);
  });

  test(`${name}: a snapshot that is too large is refused, and the old one stays`, (t) => {
    const place = create(tight);
    const storage = place.open();
    storage.saveSnapshot({ index: 1, term: 1, bytes: Uint8Array.of(9) });
    const bytes = new Uint8Array(storage.usage.snapshotBytesMax + 1);

    t.is(storage.saveSnapshot({ index: 2, term: 1, bytes }), 'full');

    t.is(place.open().snapshotIndex, 1);
    t.deepEqual([...(storage.loadSnapshot()?.bytes ?? [])], [9]);
    t.is(storage.usage.snapshotBytes, 1);
  });
}

function testAgainstModel(name: string, create: CreatePlace): void {
  test(`${name}: any steps and restarts leave what a plain array would hold`, (t) => {
    const property = fc.property(steps, fc.nat(7), (list, restartEvery) => {
      const place = create(tight);
      const model = new StorageModel();
      let storage = place.open();
      for (const [at, step] of list.entries()) {
        perform(step, storage, model);
        t.deepEqual(observe(storage), model.observe());
        if (at % (restartEvery + 1) === 0) storage = place.open();
      }
      t.deepEqual(observe(place.open()), model.observe());
    });
    t.notThrows(() => fc.assert(property, { numRuns: 300 }));
  });
}
