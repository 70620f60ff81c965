/** Copies of snapshots for files outside: disks that fail, snapshots that come to nothing. */
import test from 'ava';
import { SnapshotOrder } from '../../src/replica/snapshot-order.js';
import { BackupReader } from '../../src/storage/backup-file.js';
import { FaultyFileSystem } from '../../src/storage/faulty.js';
import type { FileSystem } from '../../src/storage/file-system.js';
import { SimulatedDisk } from '../../src/storage/simulated-disk.js';

const options = { path: '/out/backup', partPath: '/out/backup.part', minIndex: 1 };
const words = { machine: 'store' } as const;

function diskWithDirectory(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.makeDirectory('/out');
  return disk;
}

/** Writes what stays the same under every name. */
function write(order: SnapshotOrder, fill: number, pieces = 3): void {
  for (let piece = 0; piece < pieces; piece += 1) order.write(new Uint8Array(2 ** 20).fill(fill));
}

function read(fs: FileSystem): Buffer {
  using reader = new BackupReader(fs, options.path);
  return reader.read(0, reader.byteLength);
}

test('a snapshot that came to nothing is begun anew, and only the later one is in the file', async (t) => {
  const disk = diskWithDirectory();
  const order = new SnapshotOrder(disk, words, options);

  order.begin({ index: 5, term: 1 });
  write(order, 1);
  order.begin({ index: 9, term: 2 });
  write(order, 2, 2);
  order.finish({ index: 9, term: 2 });

  t.deepEqual(await order.done, { index: 9, byteLength: 2 ** 21 });
  t.true(read(disk).every((byte) => byte === 2));
  t.deepEqual(disk.list('/out'), ['backup']);
});

test('a full disk leaves nothing behind, and what was there before', async (t) => {
  const disk = diskWithDirectory();
  const before = new SnapshotOrder(disk, words, options);
  before.begin({ index: 1, term: 1 });
  write(before, 7, 1);
  before.finish({ index: 1, term: 1 });
  const faulty = new FaultyFileSystem(disk, () => {});
  const order = new SnapshotOrder(faulty, words, options);

  order.begin({ index: 5, term: 1 });
  write(order, 1);
  faulty.faults = { fullChance: 1 };
  write(order, 1);
  faulty.faults = {};
  write(order, 1);
  order.finish({ index: 5, term: 1 });

  await t.throwsAsync(order.done, { code: 'RAFT_STORAGE_FAILED', message: /ENOSPC|space/ });
  t.deepEqual(disk.list('/out'), ['backup']);
  t.true(read(disk).every((byte) => byte === 7));
});

test('an order that is cancelled leaves nothing behind, and ends once', async (t) => {
  const disk = diskWithDirectory();
  const order = new SnapshotOrder(disk, words, options);
  order.begin({ index: 5, term: 1 });
  write(order, 1);

  order.fail(new Error('enough'));
  order.fail(new Error('more than enough'));
  write(order, 1);
  order.finish({ index: 5, term: 1 });

  await t.throwsAsync(order.done, { message: 'enough' });
  t.deepEqual(disk.list('/out'), []);
});
