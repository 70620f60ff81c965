import test from 'ava';
import fc from 'fast-check';
import type { Frame } from '../../src/actor/mailbox.js';
import { FirstCopies } from '../../src/replica/first-copies.js';

function request(id: number, { source = 7, life = 1 } = {}): Frame {
  return {
    source,
    sourceIncarnation: life,
    destination: 1,
    kind: 0,
    lane: 'bulk',
    correlationId: id,
    bytes: Buffer.alloc(0),
    start: 0,
    end: 0,
  };
}

test('of any requests in nearly any order, each is taken in once', (t) => {
  const start = fc.constantFrom(1, 4_095, 4_096, 2 ** 31 - 20);
  const sent = fc.array(fc.nat({ max: 3_000 }), { minLength: 1, maxLength: 60 });
  t.notThrows(() =>
    fc.assert(
      fc.property(start, sent, (first, steps) => {
        const copies = new FirstCopies();
        const seen = new Set<number>();
        for (const step of steps) {
          const id = ((first + step - 1) % (2 ** 31 - 1)) + 1;
          if (copies.isFirst(request(id)) === seen.has(id)) throw new Error(`request ${id}`);
          seen.add(id);
        }
      }),
    ),
  );
});

test('what comes too late to tell is passed over', (t) => {
  const copies = new FirstCopies();

  t.true(copies.isFirst(request(1)));
  t.true(copies.isFirst(request(10_000)));

  t.false(copies.isFirst(request(2)));
  t.true(copies.isFirst(request(9_000)));
  t.false(copies.isFirst(request(9_000)));
});

test('senders, and the lives of one, count for themselves', (t) => {
  const copies = new FirstCopies();
  copies.isFirst(request(5));

  t.true(copies.isFirst(request(5, { source: 8 })));
  t.true(copies.isFirst(request(5, { life: 2 })));
  t.false(copies.isFirst(request(5, { life: 2 })));
  copies.forget(7);
  t.true(copies.isFirst(request(5, { life: 2 })));
});

test('requests without an id are all taken in', (t) => {
  const copies = new FirstCopies();

  t.true(copies.isFirst(request(0)));
  t.true(copies.isFirst(request(0)));
});
