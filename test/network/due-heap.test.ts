import test from 'ava';
import fc from 'fast-check';
import { type Due, DueHeap } from '../../src/network/due-heap.js';

type Command = { push: number } | 'pop' | { keepBelow: number };

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.nat(20).map((push) => ({ push })) },
    { weight: 3, arbitrary: fc.constant('pop' as const) },
    { weight: 1, arbitrary: fc.nat(20).map((keepBelow) => ({ keepBelow })) },
  ),
  { maxLength: 80 },
);

const sorted = (elements: readonly Due[]): Due[] =>
  [...elements].sort((some, other) => some.dueMs - other.dueMs || some.sequence - other.sequence);

test('the heap gives what a sorted list gives: earliest first, ties by sequence', (t) => {
  fc.assert(
    fc.property(commands, (run) => {
      const heap = new DueHeap<Due>();
      let model: Due[] = [];
      for (const [sequence, command] of run.entries()) {
        if (command === 'pop') {
          t.is(heap.pop(), model.shift());
        } else if ('push' in command) {
          const element = { dueMs: command.push, sequence };
          heap.push(element);
          model = sorted([...model, element]);
        } else {
          const isKept = ({ dueMs }: Due) => dueMs < command.keepBelow;
          const taken = heap.split(isKept);
          t.deepEqual(
            sorted(taken),
            model.filter((element) => !isKept(element)),
          );
          model = model.filter(isKept);
        }
        t.is(heap.first, model[0]);
        t.is(heap.size, model.length);
      }
      while (model.length > 0) t.is(heap.pop(), model.shift());
      t.is(heap.pop(), undefined);
    }),
  );
});

test('times that changed are in order again after restore', (t) => {
  const heap = new DueHeap<{ dueMs: number; sequence: number }>();
  for (let sequence = 0; sequence < 20; sequence++) heap.push({ dueMs: sequence, sequence });

  for (const element of heap.elements) element.dueMs = -element.dueMs;
  heap.restore();

  const popped = Array.from({ length: 20 }, () => heap.pop()?.sequence);
  t.deepEqual(
    popped,
    Array.from({ length: 20 }, (_, place) => 19 - place),
  );
});
