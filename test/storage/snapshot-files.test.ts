/** Snapshot files that are not what they were: cut off, damaged, or of somebody else. */
import test from 'ava';
import fc from 'fast-check';
import { openFileStorage, type Storage, verifyLog } from '../../src/storage/index.js';
import { SimulatedDisk } from '../../src/storage/simulated-disk.js';
import { snapshotPath } from '../../src/storage/snapshot-files.js';
import { makeEntry } from './model.js';

const options = {
  directory: '/node',
  directoryId: 41,
  logBytesMax: 16_384,
  entriesMax: 64,
  entryBytesMax: 64,
  snapshotBytesMax: 64,
  segmentBytes: 1_024,
};
const older = snapshotPath('/node', { index: 20, term: 1 });
const newest = snapshotPath('/node', { index: 30, term: 1 });
/** Its header with the number of the directory, 60 bytes of the state, and their checksum. */
const fileBytes = 56 + 60 + 8;

function open(fileSystem: SimulatedDisk, directoryId: number = options.directoryId): Storage {
  return openFileStorage({ ...options, directoryId, fileSystem });
}

/** Forty entries and two snapshots. */
function write(directoryId: number = options.directoryId): SimulatedDisk {
  const disk = new SimulatedDisk();
  const storage = open(disk, directoryId);
  for (let index = 1; index <= 40; index += 1) storage.append([makeEntry(index, 1, 64)]);
  for (const index of [20, 30]) {
    storage.saveSnapshot({ index, term: 1, bytes: new Uint8Array(60).fill(index) });
    storage.trim(index);
    storage.sync(() => {});
  }
  storage.close();
  return disk;
}

/** What a node begins with, or why it does not. */
function beginning(disk: SimulatedDisk): string {
  try {
    const storage = open(disk.clone());
    return `${storage.snapshotIndex} with ${storage.loadSnapshot()?.bytes[0]}`;
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return `${code} ${/\/(\d+)-\d+\.snapshot, offset \d+/.exec(message)?.[1]}`;
  }
}

function verified(disk: SimulatedDisk): string {
  try {
    verifyLog('/node', disk);
    return 'sound';
  } catch (error) {
    return (error as Error).message;
  }
}

test('a snapshot that ends at any byte is not believed: the one before it is (pitfall 2)', (t) => {
  const disk = write();
  t.deepEqual([beginning(disk), verified(disk)], ['30 with 30', 'sound']);

  for (let size = 0; size < fileBytes - 4; size += 1) {
    const cut = disk.clone();
    cut.truncate(newest, size);
    t.is(beginning(cut), '20 with 20', `${size} bytes`);
    t.regex(verified(cut), /0030-0+1\.snapshot, offset \d+/);
    cut.truncate(older, size);
    t.regex(beginning(cut), /^RAFT_STORAGE_CORRUPT 0+30$/, `${size} bytes`);
  }
});

test('a snapshot with a bit flipped anywhere is not believed (pitfall 38)', (t) => {
  const disk = write();
  // Behind each checksum stand four bytes that say nothing.
  const isChecked = (at: number): boolean => at < 44 || (at >= 48 && at < fileBytes - 4);
  const property = fc.property(fc.nat(fileBytes - 5), fc.nat(7), (at, bit) => {
    const flipped = disk.clone();
    flipped.damage(newest, at, 1 << bit);
    return beginning(flipped) === (isChecked(at) ? '20 with 20' : '30 with 30');
  });
  t.notThrows(() => fc.assert(property, { numRuns: 1_000 }));
});

test('the snapshot of another directory is not believed, and is named', (t) => {
  const disk = write();
  const other = write(42);
  const file = other.open(newest, 'existing');
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  file.close();

  const target = disk.open(newest, 'create');
  target.write(bytes, 0);
  target.sync();
  target.close();

  t.is(beginning(disk), '20 with 20');
  t.regex(verified(disk), /0030-0+1\.snapshot, offset 0: this snapshot belongs to another direct/);
});
