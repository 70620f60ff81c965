/** A disk without room for one more segment: the log goes on in the one that it has. */

import test from 'ava';
import { Prng } from '../../src/prng.js';
import type { FileSystem, OpenFile } from '../../src/storage/file-system.js';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { SimulatedDisk } from '../../src/storage/simulated-disk.js';
import { makeEntry } from './model.js';

const segmentBytes = 4_096;
const nextPath = '/node/next.wal';

/** A disk of a size: only a write that makes a file longer needs room. */
class SmallDisk implements FileSystem {
  readonly disk = new SimulatedDisk();
  bytesMax = Number.POSITIVE_INFINITY;
  /** Times that there was no room. */
  refusals = 0;
  readonly #sizes = new Map<string, number>();
  readonly exists = this.disk.exists.bind(this.disk);
  readonly list = this.disk.list.bind(this.disk);
  readonly makeDirectory = this.disk.makeDirectory.bind(this.disk);
  readonly syncDirectory = this.disk.syncDirectory.bind(this.disk);

  open(path: string, mode: 'existing' | 'create'): OpenFile {
    const file = this.disk.open(path, mode);
    this.#sizes.set(path, file.size());
    return { ...file, write: (bytes, at) => this.#write(file, bytes, at) };
  }

  rename(from: string, to: string): void {
    this.disk.rename(from, to);
    this.#sizes.set(to, this.#sizes.get(from) ?? 0);
    this.#sizes.delete(from);
  }

  remove(path: string): void {
    this.disk.remove(path);
    this.#sizes.delete(path);
  }

  #write(file: OpenFile, bytes: Uint8Array, at: number): void {
    const taken = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    const more = Math.max(0, at + bytes.byteLength - file.size());
    if (taken + more > this.bytesMax) {
      this.refusals += 1;
      // As an operating system does, which writes what it can.
      file.write(bytes.subarray(0, 512), at);
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    }
    file.write(bytes, at);
    this.#sizes.set(file.path, file.size());
  }
}

function open(fileSystem: FileSystem): Storage {
  return openFileStorage({
    directory: '/node',
    directoryId: 7,
    logBytesMax: 65_536,
    entryBytesMax: 256,
    entriesMax: 1_024,
    snapshotBytesMax: 4_096,
    segmentBytes,
    fileSystem,
  });
}

/** Durable entries, with a tick after each; up to what was acknowledged. */
function fill(storage: Storage, count: number): number {
  let acknowledged = storage.lastIndex;
  for (let done = 0; done < count; done++) {
    storage.append([makeEntry(storage.lastIndex + 1, 1, 100)]);
    storage.sync(() => {
      acknowledged = storage.lastIndex;
    });
    storage.maintain();
  }
  return acknowledged;
}

/** How many go into the first segment where the disk has room for all. */
function entriesOfOneSegment(): number {
  const small = new SmallDisk();
  const storage = open(small);
  while (!small.exists('/node/0000000002.wal')) fill(storage, 1);
  return storage.lastIndex - 1;
}

test('a disk without room for the next segment ends a log only when it needs that room', (t) => {
  const small = new SmallDisk();
  const storage = open(small);
  small.bytesMax = 1.5 * segmentBytes;
  let acknowledged = 0;

  const error = t.throws(
    () => {
      for (;;) acknowledged = fill(storage, 1);
    },
    { code: 'RAFT_STORAGE_FAILED' },
  );

  t.like(error, { details: { code: 'ENOSPC' } });
  t.is(acknowledged, entriesOfOneSegment());
  t.is(small.refusals, 2, 'in advance, and when it was needed');
  small.disk.losePower('none', new Prng(1));
  t.is(open(small.disk).lastIndex, acknowledged);
});

test('a part of a segment that found no room takes none, and is made when there is some', (t) => {
  const small = new SmallDisk();
  const storage = open(small);
  small.bytesMax = 1.5 * segmentBytes;
  fill(storage, 10);
  t.is(small.refusals, 1);
  t.false(small.exists(nextPath));

  small.bytesMax = 4 * segmentBytes;
  for (let tick = 0; tick < 200; tick++) storage.maintain();
  t.true(small.exists(nextPath));

  const acknowledged = fill(storage, 60);
  t.is(acknowledged, 70);
  t.is(small.refusals, 1);
  storage.close();
  t.is(open(small.disk).lastIndex, 70);
});

test('a torn part of the next segment is no part of the log, however much of it is there', (t) => {
  const small = new SmallDisk();
  const storage = open(small);
  small.bytesMax = 1.5 * segmentBytes;
  const films: SimulatedDisk[] = [];
  small.disk.onChange = () => films.push(small.disk.clone());
  const acknowledged = fill(storage, 10);

  const torn = films.filter((film) => film.exists(nextPath));
  t.true(torn.length > 0);
  for (const [at, film] of torn.entries()) {
    film.losePower('some', new Prng(at));
    const again = open(film);
    t.true(again.lastIndex <= acknowledged);
    t.is(fill(again, 60), again.lastIndex);
  }
});
