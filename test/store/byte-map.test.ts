import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { ByteMap, type ByteSource } from '../../src/store/byte-map.js';
import { viewOf } from '../../src/store/command.js';
import { hashOf } from '../../src/store/hash-part.js';
import { MapCut } from '../../src/store/map-cut.js';
import { PieceBuffer } from '../../src/store/state-image.js';

interface Command extends ByteSource {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueEnd: number;
}

/** A command as it stands in a batch: at any offset, with other bytes around it. */
function command(key: string, value = '', before = 3): Command {
  const bytes = Buffer.from(`${'#'.repeat(before)}${key}${value}#`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const keyEnd = before + Buffer.byteLength(key);
  return { bytes, view, keyStart: before, keyEnd, valueEnd: bytes.length - 1 };
}

function set(map: ByteMap, key: string, value: string, before?: number): void {
  const it = command(key, value, before);
  map.set(it, it.keyStart, it.keyEnd, it.valueEnd);
}

function get(map: ByteMap, key: string): string | undefined {
  const it = command(key);
  const record = map.find(it, it.keyStart, it.keyEnd);
  return record?.bytes.toString('utf8', record.valueStart, record.valueEnd);
}

function remove(map: ByteMap, key: string): boolean {
  const it = command(key);
  return map.delete(it, it.keyStart, it.keyEnd);
}

function contents(map: ByteMap): Map<string, string> {
  const found = new Map<string, string>();
  map.forEach(({ bytes, keyStart, keyEnd, valueStart, valueEnd }) => {
    const key = bytes.toString('utf8', keyStart, keyEnd);
    assert(!found.has(key), `'${key}' is there twice`);
    found.set(key, bytes.toString('utf8', valueStart, valueEnd));
  });
  return found;
}

/** All records of a cut, as they stand in an image. */
function readAll(cut: MapCut, pieceBytes = 1 << 20): Buffer {
  const piece = new PieceBuffer(pieceBytes);
  const pieces: Buffer[] = [];
  for (let isLast = false; !isLast; ) {
    isLast = cut.read(piece);
    pieces.push(Buffer.from(piece.take()));
  }
  return Buffer.concat(pieces);
}

function parse(bytes: Buffer): ByteMap {
  const source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  const copy = new ByteMap();
  let at = 0;
  while (at < bytes.length) at = copy.addRecord(source, at, bytes.length);
  assert.equal(at, bytes.length);
  return copy;
}

const keys = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'abcd', 'abce', 'é', '日本語', 'x'.repeat(65_535)),
  fc.nat({ max: 300 }).map((number) => `key${number}`),
  fc.string({ maxLength: 20 }),
);
/** Lengths around the borders of size classes, word copies and pages of their own. */
const values = fc
  .oneof(
    fc.nat({ max: 40 }),
    fc.constantFrom(100, 119, 120, 121, 383, 384, 385, 388, 1000, 8183, 8184, 8185, 70_000),
  )
  .chain((length) => fc.nat({ max: 25 }).map((at) => String.fromCharCode(97 + at).repeat(length)));

test('a byte map holds what a Map holds, whatever is set and deleted in which order', (t) => {
  const step = fc.record({
    kind: fc.constantFrom('set', 'set', 'set', 'delete', 'get'),
    key: keys,
    value: values,
    before: fc.nat({ max: 7 }),
  });
  const property = fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const map = new ByteMap();
    const model = new Map<string, string>();
    for (const { kind, key, value, before } of steps) {
      if (kind === 'set') {
        set(map, key, value, before);
        model.set(key, value);
      } else if (kind === 'delete') {
        assert.equal(remove(map, key), model.delete(key));
      }
      assert.equal(get(map, key), model.get(key));
      assert.equal(map.size, model.size);
    }
    assert.deepEqual(contents(map), model);
    const image = readAll(new MapCut(map));
    assert.equal(image.length, map.recordBytes);
    assert.deepEqual(contents(parse(image)), model);
  });

  t.notThrows(() => fc.assert(property, { numRuns: 150 }));
});

test('keys that differ in one bit, in their length or in their last byte are different keys', (t) => {
  const map = new ByteMap();
  const names = ['', '\0', '\0\0', '\0\0\0\0', 'aaaa', 'aaaaa', 'aaaab', 'baaaa', 'aaab', 'key1'];
  for (const name of names) set(map, name, `<${name}>`);

  t.is(map.size, names.length);
  for (const name of names) t.is(get(map, name), `<${name}>`);
  t.is(get(map, 'key2'), undefined);
  t.is(get(map, '\0\0\0'), undefined);
});

test('100,000 keys are found while the table grows, and half of them after the others are gone', (t) => {
  const map = new ByteMap();
  const count = 100_000;
  for (let i = 0; i < count; i += 1) set(map, `key${i}`, `${i}`);
  for (let i = 0; i < count; i += 2) assert(remove(map, `key${i}`));

  t.is(map.size, count / 2);
  for (let i = 0; i < count; i += 1) {
    assert.equal(get(map, `key${i}`), i % 2 === 0 ? undefined : `${i}`);
  }
  t.is(contents(map).size, count / 2);
});

test('a value of the same length is written where the old one stood: memory does not grow', (t) => {
  const map = new ByteMap();
  for (let i = 0; i < 1000; i += 1) set(map, `key${i}`, 'a'.repeat(100));
  const before = map.reservedBytes;

  for (let i = 0; i < 50_000; i += 1) set(map, `key${i % 1000}`, 'b'.repeat(100));

  t.is(map.reservedBytes, before);
  t.is(get(map, 'key999'), 'b'.repeat(100));
});

test('the memory of records that are gone is used by records of any other length', (t) => {
  const map = new ByteMap();
  const keysCount = 5_000;
  const peaks: number[] = [];
  for (const length of [20, 100, 300, 1500, 10_000, 300, 20]) {
    for (let i = 0; i < keysCount; i += 1) set(map, `key${i}`, 'v'.repeat(length));
    peaks.push(map.reservedBytes / (keysCount * (length + 16)));
  }

  for (const peak of peaks) t.true(peak < 2, `${peak} times what is held`);
  for (let i = 0; i < keysCount; i += 1) assert.equal(get(map, `key${i}`), 'v'.repeat(20));
});

test('when most records of all pages go, the others move together and the pages are given back', (t) => {
  const map = new ByteMap();
  const count = 60_000;
  for (let i = 0; i < count; i += 1) set(map, `key${i}`, `value ${i}`.padEnd(100, '.'));
  const full = map.reservedBytes;

  for (let i = 0; i < count; i += 1) if (i % 10 !== 0) assert(remove(map, `key${i}`));

  const ratio = map.reservedBytes / full;
  t.true(ratio < 0.25, `${ratio} of the memory is kept for a tenth of the records`);
  for (let i = 0; i < count; i += 10) {
    assert.equal(get(map, `key${i}`), `value ${i}`.padEnd(100, '.'));
  }
  t.is(contents(map).size, count / 10);

  for (let i = 0; i < count; i += 10) remove(map, `key${i}`);
  t.deepEqual([map.size, map.reservedBytes], [0, 0]);
});

const change = fc.record({
  isDelete: fc.boolean(),
  key: keys,
  value: values,
  /** A piece is taken after it. */
  takesPiece: fc.boolean(),
});

function make(map: ByteMap, { isDelete, key, value }: { isDelete: boolean } & KeyValue): void {
  if (isDelete) remove(map, key);
  else set(map, key, value);
}

interface KeyValue {
  readonly key: string;
  readonly value: string;
}

test('a cut is the map as it stood, whatever is set and deleted between its pieces', (t) => {
  const history = fc.array(change, { maxLength: 200 });
  const property = fc.property(history, history, fc.nat({ max: 400 }), (before, after, bytes) => {
    const map = new ByteMap();
    for (const each of before) make(map, each);
    const expected = contents(map);
    const image = readAll(new MapCut(map));

    const cut = new MapCut(map);
    const piece = new PieceBuffer(bytes);
    const pieces: Buffer[] = [];
    let isLast = false;
    for (const each of after) {
      make(map, each);
      if (!each.takesPiece || isLast) continue;
      isLast = cut.read(piece);
      pieces.push(Buffer.from(piece.take()));
    }
    if (!isLast) pieces.push(readAll(cut));

    assert.equal(cut.size, expected.size);
    assert.deepEqual(contents(parse(Buffer.concat(pieces))), expected);
    assert(Buffer.concat(pieces).equals(image), 'the bytes follow from the contents alone');
  });

  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('maps with the same contents give the same bytes, whatever their history was', (t) => {
  const count = 20_000;
  const one = new ByteMap();
  for (let i = 0; i < count; i += 1) set(one, `key${i}`, `value ${i}`);
  const other = new ByteMap();
  other.reserve(10 * count);
  for (let i = 3 * count; i >= 0; i -= 1) set(other, `key${i}`, 'x'.repeat(i % 200));
  for (let i = 3 * count; i >= count; i -= 1) remove(other, `key${i}`);
  for (let i = 0; i < count; i += 1) set(other, `key${i}`, `value ${i}`);

  const bytes = readAll(new MapCut(one), 4096);

  t.true(bytes.equals(readAll(new MapCut(other), 70_000)));
  t.true(bytes.equals(readAll(new MapCut(parse(bytes)))));
});

test('a cut keeps each key once at most, and lets the map go at its end', (t) => {
  const map = new ByteMap();
  for (let i = 0; i < 1000; i += 1) set(map, `key${i}`, 'a'.repeat(100));
  const cut = new MapCut(map);
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 1000; i += 1) set(map, `key${i}`, `${round}`.repeat(50));
  }

  t.true(cut.keptBytes <= 1000 * 120, `${cut.keptBytes} bytes are kept`);
  t.is(map.watcher, cut);
  readAll(cut);
  t.is(map.watcher, undefined);
});

test('keys with the same hash stand in the order of their bytes', (t) => {
  const seen = new Map<number, string>();
  const pairs: [string, string][] = [];
  for (let i = 0; pairs.length < 3; i += 1) {
    const key = `key${i}`;
    const it = command(key);
    const hash = hashOf(it, it.keyStart, it.keyEnd);
    const other = seen.get(hash);
    if (other !== undefined) pairs.push([other, key]);
    seen.set(hash, key);
  }

  for (const [a, b] of pairs) {
    const bytes = [
      [a, b],
      [b, a],
    ].map((order) => {
      const map = new ByteMap();
      for (const key of order) set(map, key, `<${key}>`);
      return readAll(new MapCut(map));
    });
    const changed = new ByteMap();
    for (const key of [a, b]) set(changed, key, `<${key}>`);
    const cut = new MapCut(changed);
    set(changed, a, 'later');
    t.deepEqual(bytes[0], bytes[1]);
    t.deepEqual(readAll(cut), bytes[0], 'also where one of them was kept');
  }
});

test('a record that says that it is longer than it can be is not read', (t) => {
  for (const [keyBytes, valueBytes] of [
    [0xffff_fff0, 4],
    [4, 0xffff_fff0],
    [0x8000_0000, 0x8000_0000],
    [100, 4],
  ] as const) {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32LE(keyBytes, 0);
    bytes.writeUInt32LE(valueBytes, 4);
    const map = new ByteMap();

    const end = map.addRecord({ bytes, view: viewOf(bytes) }, 0, bytes.length);

    t.is(end, -1, `${keyBytes}, ${valueBytes}`);
    t.is(map.size, 0);
  }
});
