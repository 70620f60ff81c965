import test from 'ava';
import fc from 'fast-check';
import { Prng } from '../../src/prng.js';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { SimulatedDisk } from '../../src/storage/simulated-disk.js';
import {
  type RecordPlace,
  recordHeaderBytes,
  recordType,
  scanRecords,
  sealRecord,
} from '../../src/storage/wal-record.js';
import { segmentHeaderBytes } from '../../src/storage/wal-segment.js';
import { makeEntry, observe } from './model.js';

const options = {
  directory: '/node',
  directoryId: 0xfedc_ba98,
  logBytesMax: 65_536,
  entryBytesMax: 256,
  entriesMax: 1_024,
  snapshotBytesMax: 4_096,
  segmentBytes: 2_048,
};

function open(fileSystem: SimulatedDisk): Storage {
  return openFileStorage({ ...options, fileSystem });
}

/** A log of several segments, closed: all of it is durable and says so. */
function closedLog(): { disk: SimulatedDisk; state: string; paths: string[] } {
  const disk = new SimulatedDisk();
  const storage = open(disk);
  for (let index = 1; index <= 40; index++) {
    storage.saveHardState({ currentTerm: index, votedFor: `n${index % 3}` });
    storage.append([makeEntry(index, index, (index * 37) % 200)]);
    storage.sync(() => {});
  }
  const state = JSON.stringify(observe(storage));
  storage.close();
  const paths = disk.list('/node').map((name) => `/node/${name}`);
  return { disk, state, paths: paths.filter((path) => path.endsWith('.wal')).sort() };
}

/** What opening gives: a state, or the error that says what was lost. */
function outcomeOf(disk: SimulatedDisk): string {
  try {
    return JSON.stringify(observe(open(disk)));
  } catch (error) {
    const { code, details } = error as { code: string; details?: { file?: string } };
    return `${code} ${details?.file === undefined ? '' : 'in a file'}`;
  }
}

interface Flip {
  /** Its place among the segments. */
  readonly file: number;
  readonly at: number;
  readonly mask: number;
}

/**
 * Whether flips look like a torn tail: those that spoil a record of the newest segment and, behind
 * it, every one that says that it had been durable.
 */
function areLikeTorn(bytes: Buffer, sequence: number, flips: readonly Flip[]): boolean {
  const damaged = Buffer.from(bytes);
  for (const { file, at, mask } of flips) {
    if (file === sequence - 1) damaged.writeUInt8(damaged.readUInt8(at) ^ mask, at);
  }
  const records: RecordPlace[] = [];
  const segment = { sequence, directoryId: options.directoryId };
  scanRecords(bytes, segmentHeaderBytes, segment, (place) => records.push(place));
  const isSound = ({ offset, bodyEnd }: RecordPlace): boolean =>
    damaged.compare(bytes, offset, bodyEnd, offset, bodyEnd) === 0;
  const first = records.find((place) => !isSound(place))?.offset;
  if (first === undefined) return false;
  return !records.some((place) => isSound(place) && place.durableOffset > first);
}

test('any flipped bits of a durable log are found, and named with file and offset', (t) => {
  const { disk, state, paths } = closedLog();
  const newest = Buffer.alloc(options.segmentBytes);
  disk.open(paths.at(-1) ?? '', 'existing').read(newest, 0);
  t.true(paths.length > 4);
  let found = 0;
  const flip: fc.Arbitrary<Flip> = fc.record({
    file: fc.nat(paths.length - 1),
    at: fc.nat(2_047),
    mask: fc.integer({ min: 1, max: 255 }),
  });
  const property = fc.property(fc.array(flip, { minLength: 1, maxLength: 3 }), (flips) => {
    const damaged = disk.clone();
    for (const { file, at, mask } of flips) damaged.damage(paths[file] ?? '', at, mask);
    const outcome = outcomeOf(damaged);
    // Bits between the records mean nothing: the state is then the same.
    if (outcome === state) return;
    found += 1;
    if (outcome === 'RAFT_STORAGE_CORRUPT in a file') return;
    const isShorter = outcome.startsWith('{') && flips.length > 1;
    if (!isShorter || !areLikeTorn(newest, paths.length, flips)) throw new Error(outcome);
  });
  // Seed 532465235: the last entry, and the mark behind it that is all that tells of it.
  const torn = [4, 4].map((file, at) => ({ file, at: [264, 432][at] ?? 0, mask: 1 }));

  t.notThrows(() => fc.assert(property, { numRuns: 1_500, examples: [[torn]] }));
  t.true(found > 300, `${found} found`);
});

test('a file that was cut short anywhere, or is gone, is found', (t) => {
  const { disk, paths } = closedLog();
  const property = fc.property(fc.nat(paths.length - 1), fc.nat(2_047), (file, size) => {
    const damaged = disk.clone();
    damaged.truncate(paths[file] ?? '', size);
    t.is(outcomeOf(damaged), 'RAFT_STORAGE_CORRUPT in a file');
  });
  t.notThrows(() => fc.assert(property, { numRuns: 200 }));

  for (const path of paths.slice(1)) {
    const damaged = disk.clone();
    damaged.remove(path);
    t.is(outcomeOf(damaged), 'RAFT_STORAGE_CORRUPT in a file', path);
  }
});

test('a write that went to the wrong place is found: a record is valid in one place only', (t) => {
  const { disk, paths } = closedLog();
  const [from = '', to = ''] = paths;
  const read = (path: string): Buffer => {
    const bytes = Buffer.alloc(2_048);
    disk.open(path, 'existing').read(bytes, 0);
    return bytes;
  };
  for (const [source, target, at] of [
    [from, to, 512],
    [to, from, 512],
    [from, from, 1_024],
  ] as const) {
    const damaged = disk.clone();
    const file = damaged.open(target, 'existing');
    file.write(read(source).subarray(512, 1_024), at);
    file.sync();
    t.is(outcomeOf(damaged), 'RAFT_STORAGE_CORRUPT in a file');
  }
});

test('a segment of another directory is no part of this log', (t) => {
  const { disk, paths } = closedLog();
  const other = new SimulatedDisk();
  const storage = openFileStorage({ ...options, directoryId: 1, fileSystem: other });
  for (let index = 1; index <= 40; index++) storage.append([makeEntry(index, index, 100)]);
  storage.close();
  const bytes = Buffer.alloc(2_048);
  other.open(paths[1] ?? '', 'existing').read(bytes, 0);

  const file = disk.open(paths[1] ?? '', 'existing');
  file.write(bytes, 0);

  t.is(outcomeOf(disk), 'RAFT_STORAGE_CORRUPT in a file');
});

test('a tail that was on its way is cut; the same damage is corruption once it was durable', (t) => {
  const torn = new SimulatedDisk();
  const storage = open(torn);
  storage.append([makeEntry(1, 1)]);
  storage.sync(() => {});
  storage.append([makeEntry(2, 1, 200)]);
  const film: SimulatedDisk[] = [];
  torn.onChange = () => film.push(torn.clone());
  storage.sync(() => {});
  const [written] = film;
  const at = recordOf(written as SimulatedDisk, 2);

  const wasOnItsWay = written?.clone() as SimulatedDisk;
  wasOnItsWay.damage('/node/0000000001.wal', at, 1);
  t.is(open(wasOnItsWay).lastIndex, 1);

  storage.append([makeEntry(3, 1)]);
  storage.sync(() => {});
  torn.damage('/node/0000000001.wal', at, 1);
  const error = t.throws(() => open(torn), { code: 'RAFT_STORAGE_CORRUPT' });
  t.like(error, { details: { file: '/node/0000000001.wal', offset: at - 40 } });
});

test('a tick after the last write even its damage is told from a torn tail', (t) => {
  const disk = new SimulatedDisk();
  const storage = open(disk);
  storage.append([makeEntry(1, 1)]);
  storage.sync(() => {});
  storage.maintain();

  disk.damage('/node/0000000001.wal', recordOf(disk, 1), 1);

  t.throws(() => open(disk), { code: 'RAFT_STORAGE_CORRUPT' });
});

/** The offset of a byte in the payload of entry `index`. */
function recordOf(disk: SimulatedDisk, index: number): number {
  const bytes = Buffer.alloc(2_048);
  disk.open('/node/0000000001.wal', 'existing').read(bytes, 0);
  const segment = { sequence: 1, directoryId: options.directoryId };
  let at = 0;
  scanRecords(bytes, 32, segment, (place) => {
    const isEntry = place.type === recordType.entry;
    if (isEntry && bytes.readDoubleLE(place.bodyStart) === index) at = place.bodyStart + 16;
  });
  return at;
}

test('records of any lengths are read as they were written, up to any damage', (t) => {
  const segment = { sequence: 3, directoryId: 99 };
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 12 }),
    fc.nat(),
    (bodies, seed) => {
      const bytes = Buffer.alloc(4_096);
      const places: number[] = [];
      let at = 32;
      for (const body of bodies) {
        bytes.set(body, at + recordHeaderBytes);
        const record = {
          type: recordType.entry,
          bodyBytes: body.length,
          offset: at,
          durableOffset: 0,
        };
        sealRecord(bytes, at, record, segment);
        places.push(at);
        at += recordHeaderBytes + ((body.length + 7) & ~7);
      }
      const read = (): string[] => {
        const found: string[] = [];
        scanRecords(bytes, 32, segment, (place) => {
          found.push(bytes.toString('hex', place.bodyStart, place.bodyEnd));
        });
        return found;
      };
      const written = bodies.map((body) => Buffer.from(body).toString('hex'));
      t.deepEqual(read(), written);

      const flipped = new Prng(seed).int(32, at - 1);
      bytes[flipped] = (bytes[flipped] ?? 0) ^ 0x10;
      const intact = read();
      t.deepEqual(intact, written.slice(0, intact.length));
      t.true(intact.length >= places.filter((start) => start <= flipped).length - 1);
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 200 }));
});
