import test from 'ava';
import { MemoryDisk as Disk } from '../../src/sim/disk.js';
import { VirtualTime } from '../../src/sim/virtual-time.js';
import { testConformance } from '../storage/conformance.js';
import { makeEntry } from '../storage/model.js';

const sizes = { logBytesMax: 8192, entryBytesMax: 512, entriesMax: 64, snapshotBytesMax: 256 };

function createDisk(options: { isDelayed?: boolean; syncMs?: number[]; kept?: number } = {}): {
  disk: Disk;
  time: VirtualTime;
} {
  const time = new VirtualTime();
  const syncMs = [...(options.syncMs ?? [])];
  const disk = new Disk({
    sizes,
    time,
    watch: { append: () => {}, recovered: () => {}, reached: () => {} },
    isDelayed: options.isDelayed ?? true,
    drawSyncMs: () => syncMs.shift() ?? 5,
    drawKept: (writes) => Math.min(writes, options.kept ?? 0),
  });
  return { disk, time };
}

function run(time: VirtualTime, ms: number): void {
  while (time.nextMs <= ms) time.runNext();
  time.advanceTo(ms);
}

for (const isDelayed of [false, true]) {
  testConformance(`a simulated disk, ${isDelayed ? 'delayed' : 'at once'}`, (limits) => {
    const time = new VirtualTime();
    const disk = new Disk({
      sizes: {
        logBytesMax: limits.logBytes,
        entryBytesMax: limits.logBytes / 8,
        entriesMax: limits.entries,
        snapshotBytesMax: limits.snapshotBytes,
      },
      time,
      watch: { append: () => {}, recovered: () => {}, reached: () => {} },
      isDelayed,
      drawSyncMs: () => 0,
      // The suite restarts without a sync and expects to find all: nothing is lost here.
      drawKept: (writes) => writes,
    });
    return {
      open: () => {
        disk.crash();
        return disk.open();
      },
    };
  });
}

test('what was not synced is gone after a crash, and what was is there', (t) => {
  const { disk, time } = createDisk();
  const storage = disk.open();
  storage.saveHardState({ currentTerm: 1, votedFor: 'n1' });
  storage.append([makeEntry(1, 1, 8)]);
  storage.sync(() => {});
  run(time, 5);
  storage.saveHardState({ currentTerm: 2, votedFor: 'n2' });
  storage.append([makeEntry(2, 2, 8)]);

  disk.crash();
  const found = disk.open();

  t.deepEqual(found.hardState, { currentTerm: 1, votedFor: 'n1' });
  t.is(found.lastIndex, 1);
});

test('a crash may leave the beginning of what was not synced, and never the end alone', (t) => {
  for (const kept of [0, 1, 2, 3]) {
    const { disk } = createDisk({ kept });
    const storage = disk.open();
    for (const index of [1, 2, 3]) storage.append([makeEntry(index, 1, 8)]);

    disk.crash();

    t.is(disk.open().lastIndex, kept);
  }
});

test('a sync says that it is done when it is, and not before', (t) => {
  const { disk, time } = createDisk({ syncMs: [20] });
  const storage = disk.open();
  storage.append([makeEntry(1, 1, 8)]);
  let isDone = false;
  storage.sync(() => {
    isDone = true;
  });

  run(time, 19);
  t.false(isDone);
  t.is(disk.durable.lastIndex, 0);
  t.is(disk.pending, 1);
  run(time, 20);

  t.true(isDone);
  t.is(disk.durable.lastIndex, 1);
  t.is(disk.pending, 0);
});

test('a later sync that is quicker stores what came before it, too', (t) => {
  const { disk, time } = createDisk({ syncMs: [20, 1] });
  const storage = disk.open();
  const done: number[] = [];
  storage.append([makeEntry(1, 1, 8)]);
  storage.sync(() => done.push(1));
  storage.append([makeEntry(2, 1, 8)]);
  storage.sync(() => done.push(2));

  run(time, 1);
  t.is(disk.durable.lastIndex, 2);
  run(time, 20);

  t.deepEqual(done, [2, 1]);
  t.is(disk.durable.lastIndex, 2);
});

test('a dead node is not told of a sync, and nothing of it is written any more', (t) => {
  const { disk, time } = createDisk();
  const storage = disk.open();
  storage.append([makeEntry(1, 1, 8)]);
  storage.sync(() => t.fail());

  disk.crash();
  run(time, 100);

  t.is(disk.durable.lastIndex, 0);
});

test('the disk keeps bytes of its own: what the caller does with its memory changes nothing', (t) => {
  const { disk, time } = createDisk();
  const storage = disk.open();
  const payload = Buffer.from('before');
  storage.append([{ index: 1, term: 1, kind: 'command', byteLength: 6, payload }]);
  storage.sync(() => {});
  payload.write('afters');

  run(time, 5);
  disk.crash();
  const { bytes, start, end } = disk.open().payload(1);

  t.is(bytes.toString('latin1', start, end), 'before');
});
