import test from 'ava';
import fc from 'fast-check';
import { footprint } from '../../src/storage/layout.js';
import { Segments } from '../../src/storage/segments.js';

const segmentBytes = 64;
const logBytes = 6 * segmentBytes;

interface Held {
  readonly index: number;
  readonly start: number;
  readonly byteLength: number;
}

/** The segments that hold something, by looking at everything. */
function usedSegments(held: readonly Held[]): Set<number> {
  return new Set(held.map(({ start }) => Math.floor(start / segmentBytes)));
}

function keptTail(
  held: readonly Held[],
  count: number,
): { index: number; end: number } | undefined {
  const tail = held[count - 1];
  return tail && { index: tail.index, end: tail.start + footprint(tail.byteLength) };
}

/** Checks a new place against all that is held, and against the rule "lowest free one first". */
function assertPlaced(held: readonly Held[], { index, start, byteLength }: Held): void {
  const end = start + footprint(byteLength);
  const segment = Math.floor(start / segmentBytes);
  const used = usedSegments(held);
  let lowestFree = 0;
  while (used.has(lowestFree)) lowestFree++;
  const isInOneSegment = Math.floor((end - 1) / segmentBytes) === segment && end <= logBytes;
  const isNew = !used.has(segment);
  const overlaps = held.some(
    (other) => start < other.start + footprint(other.byteLength) && other.start < end,
  );
  if (!isInOneSegment || overlaps || start % 8 !== 0 || (isNew && segment !== lowestFree)) {
    throw new Error(`entry ${index} at ${start} to ${end}, used ${[...used]}`);
  }
}

const operations = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('place'), size: fc.nat(segmentBytes) }) },
    fc.record({ kind: fc.constant('truncate'), size: fc.nat(9) }),
    fc.record({ kind: fc.constant('trim'), size: fc.nat(9) }),
    fc.record({ kind: fc.constant('restore'), size: fc.constant(0) }),
  ),
  { maxLength: 60, size: 'max' },
);

test('payloads never overlap, cross a segment, or keep a segment that holds nothing', (t) => {
  const property = fc.property(operations, (list) => {
    let segments = new Segments({ logBytes, segmentBytes });
    let held: Held[] = [];
    let lastIndex = 0;
    for (const { kind, size } of list) {
      const count = Math.max(0, held.length - size);
      if (kind === 'place') {
        if (!segments.fits([{ byteLength: size }], keptTail(held, held.length))) continue;
        lastIndex++;
        const next = { index: lastIndex, start: segments.place(lastIndex, size), byteLength: size };
        assertPlaced(held, next);
        held.push(next);
      } else if (kind === 'truncate') {
        segments.truncate(keptTail(held, count));
        held = held.slice(0, count);
      } else if (kind === 'trim') {
        segments.trim(held[count - 1]?.index ?? 0);
        held = held.slice(count);
      } else {
        segments = new Segments({ logBytes, segmentBytes });
        for (const { index, start, byteLength } of held) segments.restore(index, start, byteLength);
      }
      t.is(segments.usedBytes, usedSegments(held).size * segmentBytes);
    }
  });

  t.notThrows(() => fc.assert(property, { numRuns: 400 }));
});

test('payloads fit as long as there are segments for them, and only then', (t) => {
  const segments = new Segments({ logBytes, segmentBytes });
  const payloads = (count: number): { byteLength: number }[] =>
    new Array(count).fill({ byteLength: 33 });

  t.true(segments.fits(payloads(6), undefined));
  t.false(segments.fits(payloads(7), undefined));
  for (let index = 1; index <= 6; index++) segments.place(index, 33);

  t.false(segments.fits(payloads(1), { index: 6, end: 5 * segmentBytes + 40 }));
  t.true(segments.fits([{ byteLength: 24 }], { index: 6, end: 5 * segmentBytes + 40 }));
  t.true(segments.fits(payloads(3), { index: 3, end: 2 * segmentBytes + 40 }));
  t.false(segments.fits(payloads(4), { index: 3, end: 2 * segmentBytes + 40 }));
  t.true(segments.fits(payloads(6), undefined));
});

test('an empty payload has a place of its own', (t) => {
  const segments = new Segments({ logBytes, segmentBytes });

  t.not(segments.place(1, 0), segments.place(2, 0));
});

test('a segment is free once what it still holds after a truncation is trimmed', (t) => {
  const segments = new Segments({ logBytes, segmentBytes });
  const start = segments.place(1, 8);
  segments.place(2, 8);

  segments.truncate({ index: 1, end: start + 8 });
  segments.trim(1);

  t.is(segments.usedBytes, 0);
});
