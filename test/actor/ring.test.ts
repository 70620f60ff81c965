import test from 'ava';
import fc from 'fast-check';
import { type RingPlace, RingReader, RingWriter } from '../../src/actor/ring.js';

const dataStart = 64;

interface Ring {
  readonly writer: RingWriter;
  readonly reader: RingReader;
  readonly memory: { readonly bytes: Buffer; readonly words: Int32Array };
  readonly place: RingPlace;
}

/** A ring whose positions start where they would be after so many bytes. */
function ring(capacity: number, start = 0): Ring {
  const shared = new SharedArrayBuffer(dataStart + capacity);
  const memory = { bytes: Buffer.from(shared), words: new Int32Array(shared) };
  const place = { headWord: 0, tailWord: 1, dataStart, capacity };
  memory.words[0] = start | 0;
  memory.words[1] = start | 0;
  return {
    writer: new RingWriter(memory, place),
    reader: new RingReader(memory, place),
    memory,
    place,
  };
}

/** Writes a frame of so many bytes, all of them `fill` behind the length; false when full. */
function push({ writer, memory }: Ring, byteLength: number, fill: number): boolean {
  const at = writer.reserve(byteLength);
  if (at < 0) return false;
  memory.bytes.fill(fill, at + 4, at + byteLength);
  writer.publish(at, byteLength);
  return true;
}

/** The next frame as [length, fill], or `undefined`. Throws if its bytes are not all the same. */
function pull({ reader, memory }: Ring): [number, number] | undefined {
  const at = reader.take();
  if (at < 0) return undefined;
  const byteLength = reader.byteLengthAt(at);
  const body = memory.bytes.subarray(at + 4, at + byteLength);
  const fill = body[0] ?? 0;
  if (body.some((byte) => byte !== fill)) throw new Error('torn frame');
  return [byteLength, fill];
}

/** Interleaves pushes, pulls and releases; checks against a plain queue. */
function behavesAsQueue(subject: Ring, steps: readonly { size: number; pulls: number }[]): boolean {
  const expected: [number, number][] = [];
  const isNextRight = (): boolean => {
    const [found, wanted] = [pull(subject), expected.shift()];
    return found?.[0] === wanted?.[0] && found?.[1] === wanted?.[1];
  };
  for (const [number, { size, pulls }] of steps.entries()) {
    const fill = number & 0xff;
    const isEmpty = expected.length === 0;
    if (push(subject, size, fill)) expected.push([size, fill]);
    else if (isEmpty) return false;
    for (let count = 0; count < pulls; count += 1) if (!isNextRight()) return false;
    subject.reader.release();
  }
  while (expected.length > 0) if (!isNextRight()) return false;
  return pull(subject) === undefined && subject.reader.isEmpty;
}

const steps = fc.array(
  fc.record({ size: fc.integer({ min: 8, max: 128 }), pulls: fc.integer({ min: 0, max: 3 }) }),
  { maxLength: 300 },
);

for (const [name, start] of [
  ['0', 0],
  ['2^31', 2 ** 31 - 600],
  ['2^32', 2 ** 32 - 600],
] as const) {
  test(`any sequence of frames arrives intact and in order, positions near ${name} (pitfall 44)`, (t) => {
    t.notThrows(() =>
      fc.assert(fc.property(steps, (sequence) => behavesAsQueue(ring(256, start), sequence))),
    );
  });
}

test('a full ring refuses, and takes frames again once room was released', (t) => {
  const subject = ring(256);
  let pushed = 0;
  while (push(subject, 32, pushed)) pushed += 1;

  t.is(pushed, 8);
  t.deepEqual(pull(subject), [32, 0]);
  t.false(push(subject, 32, 9), 'what was taken is not free before it is released');
  t.true(subject.reader.release());
  t.true(push(subject, 32, 9));
  t.false(push(subject, 32, 10));
});

test('release says whether there was anything to give back', (t) => {
  const subject = ring(256);
  push(subject, 32, 1);

  t.false(subject.reader.release());
  pull(subject);
  t.true(subject.reader.release());
  t.false(subject.reader.release());
});

test('a frame that does not fit before the end starts at the beginning', (t) => {
  const subject = ring(256);
  for (let fill = 0; fill < 5; fill += 1) push(subject, 40, fill);
  for (let fill = 0; fill < 5; fill += 1) pull(subject);
  subject.reader.release();

  t.true(push(subject, 80, 9), '200 of 256 bytes are behind it, and 80 do not fit');

  t.is(subject.memory.words[dataStart >> 2], 80);
  t.deepEqual(pull(subject), [80, 9]);
});

test('the largest frame fits an empty ring wherever its head stands', (t) => {
  for (let start = 0; start < 256; start += 8) {
    const subject = ring(256, start);
    t.true(push(subject, subject.writer.frameBytesMax, 7), `head at ${start}`);
    t.deepEqual(pull(subject), [128, 7]);
  }
});

test('a writer that died before it published leaves nothing behind', (t) => {
  const subject = ring(256);
  push(subject, 200, 1);
  pull(subject);
  subject.reader.release();
  subject.writer.reserve(100); // Wraps, and never publishes.

  const successor = { ...subject, writer: new RingWriter(subject.memory, subject.place) };

  t.is(pull(successor), undefined);
  t.true(push(successor, 100, 2));
  t.deepEqual(pull(successor), [100, 2]);
});

test('a reader that died before it released leaves its frames to the next one', (t) => {
  const subject = ring(256);
  push(subject, 32, 1);
  push(subject, 32, 2);
  pull(subject);

  const successor = { ...subject, reader: new RingReader(subject.memory, subject.place) };

  t.deepEqual(pull(successor), [32, 1]);
  t.deepEqual(pull(successor), [32, 2]);
});

test('a ring that is emptied stays in the first 128 KiB and a frame of them, one that is not goes on', (t) => {
  const capacity = 2 ** 20;
  const subject = ring(capacity);
  const size = 24_000;
  const reached = { drained: 0, behind: 0 };
  for (let i = 0; i < 500; i += 1) {
    t.true(push(subject, size, i % 256));
    reached.drained = Math.max(reached.drained, subject.reader.take() - dataStart);
    subject.reader.release();
  }
  t.true(push(subject, size, 1));
  for (let i = 0; i < 500; i += 1) {
    t.true(push(subject, size, 2));
    reached.behind = Math.max(reached.behind, subject.reader.take() - dataStart);
    subject.reader.release();
  }

  t.true(reached.drained < 2 ** 17 + size, `${reached.drained}`);
  t.true(reached.behind > capacity - 2 * size, `${reached.behind}`);
});

test('an empty ring takes its largest frame wherever it stands', (t) => {
  for (let start = 0; start < 2 ** 19; start += 2 ** 14) {
    const subject = ring(2 ** 19, start);
    t.true(push(subject, subject.writer.frameBytesMax, 7), `at ${start}`);
    t.deepEqual(pull(subject), [subject.writer.frameBytesMax, 7]);
  }
});

test('frames around the place where an emptied ring begins anew come out whole and in order', (t) => {
  const step = fc.record({ size: fc.integer({ min: 8, max: 60_000 }), pulls: fc.nat({ max: 3 }) });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) =>
    behavesAsQueue(ring(2 ** 18, -(2 ** 17)), steps),
  );
  t.notThrows(() => fc.assert(property, { numRuns: 100 }));
});
