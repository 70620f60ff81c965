import test from 'ava';
import { Prng } from '../../src/prng.js';
import { FileDisk } from '../../src/sim/file-disk.js';
import { Shadow, Trail } from '../../src/sim/shadow.js';
import type { Storage } from '../../src/storage/index.js';
import { testConformance } from '../storage/conformance.js';
import { makeEntry } from '../storage/model.js';

interface Created {
  readonly disk: FileDisk;
  readonly reports: string[];
  readonly reached: string[];
}

function createDisk(seed = 1): Created {
  const reports: string[] = [];
  const reached: string[] = [];
  const disk = new FileDisk({
    nodeId: 'n1',
    sizes: { logBytesMax: 2 ** 16, entryBytesMax: 512, entriesMax: 256, snapshotBytesMax: 4096 },
    segmentBytes: 4096,
    watch: {
      append: () => {},
      recovered: () => {},
      reached: (what) => reached.push(what),
    },
    prng: new Prng(seed),
    report: (invariant, text) => reports.push(`${invariant}: ${text}`),
  });
  return { disk, reports, reached };
}

function write(storage: Storage, from: number, through: number, term = 1): void {
  for (let index = from; index <= through; index += 1) {
    storage.append([makeEntry(index, term, 16)]);
    storage.sync(() => {});
  }
}

testConformance('a simulated directory', (limits) => {
  const disk = new FileDisk({
    nodeId: 'n1',
    sizes: {
      logBytesMax: limits.logBytes,
      entryBytesMax: limits.logBytes / 8,
      entriesMax: limits.entries,
      snapshotBytesMax: limits.snapshotBytes,
    },
    segmentBytes: 4096,
    watch: { append: () => {}, recovered: () => {}, reached: () => {} },
    prng: new Prng(1),
    report: (_invariant, text) => {
      throw new Error(text);
    },
  });
  let last: Storage | undefined;
  return {
    open: () => {
      // The suite restarts without a sync and expects to find all.
      last?.sync(() => {});
      disk.crash();
      last = disk.open();
      return last;
    },
  };
});

test('what was synced survives a loss of power at any change of the disk', (t) => {
  for (let changes = 1; changes < 60; changes += 1) {
    const { disk, reports } = createDisk(changes);
    const storage = disk.open();
    write(storage, 1, 5);
    disk.armPowerLoss(changes);
    let acknowledged = 5;

    t.throws(
      () => {
        for (let index = 6; ; index += 1) {
          storage.append([makeEntry(index, 1, 16)]);
          storage.sync(() => {
            acknowledged = index;
          });
        }
      },
      { code: 'RAFT_STORAGE_FAILED' },
    );
    t.true(disk.isPowerless);
    disk.crash();

    t.true(disk.open().lastIndex >= acknowledged);
    t.deepEqual(reports, []);
  }
});

test('a directory that is gone is refused', (t) => {
  const { disk } = createDisk();
  write(disk.open(), 1, 3);
  disk.crash();
  disk.lose();

  const error = t.throws(() => disk.open(), { code: 'RAFT_STORAGE_LOST' });
  t.true(disk.mayRefuse(error));
});

test('a log that has lost something in its middle is refused, and that is no violation', (t) => {
  let refused = 0;
  for (let seed = 0; seed < 40; seed += 1) {
    const { disk, reports } = createDisk(seed);
    write(disk.open(), 1, 30);
    disk.crash();
    t.true(disk.rot(new Prng(seed)));
    try {
      t.is(disk.open().lastIndex, 30);
    } catch (error) {
      t.true(disk.mayRefuse(error));
      refused += 1;
    }
    t.deepEqual(reports, []);
  }
  t.true(refused > 20, `${refused}`);
});

test('a sound disk may not refuse, and one that fails may', (t) => {
  const { disk } = createDisk();
  const storage = disk.open();
  const error = Object.assign(new Error('any'), { code: 'RAFT_STORAGE_FAILED' });
  t.false(disk.mayRefuse(error));

  disk.fail({ errorChance: 1 });
  storage.append([makeEntry(1, 1, 16)]);
  t.throws(() => storage.sync(() => t.fail()), { code: 'RAFT_STORAGE_FAILED' });

  t.true(disk.mayRefuse(error));
});

test('a stall is told once', (t) => {
  const { disk } = createDisk();
  const storage = disk.open();
  disk.fail({ stallChance: 1, stallMs: 7 });

  write(storage, 1, 1);

  t.true(disk.takeStalledMs() >= 7);
  t.is(disk.takeStalledMs(), 0);
});

test('the trail knows how the log was a few syncs ago, and not what it was before', (t) => {
  const trail = new Trail();
  for (let index = 1; index <= 9; index += 1) {
    trail.append([makeEntry(index, 1, 8)]);
    trail.endSync();
  }
  const upTo = (lastIndex: number): Shadow => {
    const shadow = new Shadow();
    for (let index = 1; index <= lastIndex; index += 1) shadow.append([makeEntry(index, 1, 8)]);
    return shadow;
  };

  t.true(trail.wasLately(upTo(8), 1));
  t.false(trail.wasLately(upTo(7), 1));
  t.true(trail.wasLately(upTo(6), 3));
  t.false(trail.wasLately(upTo(3), 9));
});

test('a shadow says how another one departs', (t) => {
  const shadow = new Shadow();
  shadow.saveHardState({ currentTerm: 2, votedFor: 'n1' });
  shadow.append([makeEntry(1, 1, 8), makeEntry(2, 2, 8)]);
  const other = shadow.copy();
  t.is(shadow.departureOf(other, false), undefined);

  other.append([makeEntry(2, 1, 8)]);
  t.is(shadow.departureOf(other, false), 'term 1 for entry 2, not 2');
  other.saveHardState({ currentTerm: 2, votedFor: 'n2' });
  t.regex(shadow.departureOf(other, false) ?? '', /a vote for n2, not 2, n1/);

  shadow.saveSnapshot({ index: 2, term: 2 });
  t.regex(shadow.departureOf(shadow.copy(), false) ?? 'none', /none/);
});
