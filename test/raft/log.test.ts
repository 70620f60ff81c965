/**
 * The log of headers against a plain list of entries.
 */
import test from 'ava';
import fc from 'fast-check';
import {
  append,
  bytesBetween,
  compactThrough,
  createLog,
  headersFrom,
  type Log,
  lastIndex,
  lastNotAbove,
  lastTerm,
  takeUntaken,
  termAt,
  truncateFrom,
} from '../../src/raft/log.js';
import { entryAt } from './harness/node.js';

const emptyLog = { snapshotIndex: 0, snapshotTerm: 0, entries: [] };
const logOf = (terms: readonly number[]): Log =>
  createLog({ ...emptyLog, entries: terms.map((term, i) => entryAt(i + 1, term)) });

/** Terms that never decrease, as in every log. */
const someTerms = fc
  .array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 })
  .map((terms) => terms.sort((a, b) => a - b));

test('the last position not above another: same as a search from the end', (t) => {
  const index = fc.integer({ min: 0, max: 25 });
  fc.assert(
    fc.property(someTerms, index, fc.integer({ min: 0, max: 40 }), (terms, limit, term) => {
      let expected = Math.min(limit, terms.length);
      while (expected > 0 && (terms[expected - 1] ?? 0) > term) expected -= 1;
      const found = lastNotAbove(logOf(terms), { index: limit, term });
      return found.index === expected && found.term === (terms[expected - 1] ?? 0);
    }),
    { numRuns: 500 },
  );
  t.pass();
});

/** What a log may go through, as commands for log and model. */
type Change =
  | { readonly kind: 'append'; readonly step: number; readonly bytes: number }
  | { readonly kind: 'truncate' | 'compact'; readonly at: number }
  | { readonly kind: 'take' };

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      step: fc.nat(1),
      bytes: fc.nat(9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: fc.nat(99) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), at: fc.nat(99) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
);

interface Model {
  base: number;
  /** All entries ever, those before the base included. */
  entries: { term: number; bytes: number }[];
  taken: number;
}

function apply(log: Log, model: Model, change: Change): void {
  const last = model.entries.length;
  switch (change.kind) {
    case 'append': {
      const term = (model.entries.at(-1)?.term ?? 1) + change.step;
      const header = { index: last + 1, term, kind: 'command', byteLength: change.bytes } as const;
      append(log, header, new Uint8Array(change.bytes));
      model.entries.push({ term, bytes: change.bytes });
      return;
    }
    case 'truncate': {
      const index = model.base + 1 + (change.at % (last - model.base + 1));
      if (index > last) return;
      truncateFrom(log, index);
      model.entries.length = index - 1;
      model.taken = Math.min(model.taken, index - 1);
      return;
    }
    case 'compact': {
      const index = model.base + (change.at % (model.taken - model.base + 1));
      log.stableIndex = Math.max(log.stableIndex, index);
      compactThrough(log, index);
      model.base = index;
      return;
    }
    case 'take': {
      const taken = takeUntaken(log);
      if (taken.length !== last - model.taken) throw new Error('wrong number of entries taken');
      if (taken.some(({ index }, i) => index !== model.taken + 1 + i))
        throw new Error('wrong index');
      model.taken = last;
      return;
    }
  }
}

function compare(log: Log, { base, entries }: Model): boolean {
  if (lastIndex(log) !== entries.length) return false;
  if (lastTerm(log) !== (entries.at(-1)?.term ?? 0)) return false;
  for (let index = base; index <= entries.length; index += 1) {
    if (termAt(log, index) !== (entries[index - 1]?.term ?? 0)) return false;
    const bytes = entries.slice(index).reduce((sum, entry) => sum + entry.bytes, 0);
    if (bytesBetween(log, index, entries.length) !== bytes) return false;
  }
  const held = headersFrom(log, base + 1, entries.length).map(({ index }) => index);
  return (
    termAt(log, base - 1) === undefined &&
    termAt(log, entries.length + 1) === undefined &&
    held.length === entries.length - base &&
    held.every((index, i) => index === base + 1 + i)
  );
}

test('appended, truncated, compacted, handed out: the log is the list it stands for', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const log = createLog(emptyLog);
      const model: Model = { base: 0, entries: [], taken: 0 };
      for (const step of changes) {
        apply(log, model, step);
        if (!compare(log, model)) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('what was compacted is cut off in bulk, and the rest stays as it is', (t) => {
  const log = logOf(Array.from({ length: 1000 }, () => 1));

  for (let index = 1; index <= 999; index += 1) compactThrough(log, index);

  t.true(log.headers.length < 600, `${log.headers.length} headers for one entry`);
  t.is(lastIndex(log), 1000);
  t.is(termAt(log, 1000), 1);
  t.is(bytesBetween(log, 999, 1000), '1000/1'.length);
});

test('a recovered log may begin before the snapshot, its base then needs a term', (t) => {
  const entries = [entryAt(4, 2), entryAt(5, 2), entryAt(6, 3)];
  const recovered = { snapshotIndex: 5, snapshotTerm: 2, entries };

  const withTerm = createLog({ ...recovered, baseTerm: 1 });
  const without = createLog(recovered);

  t.deepEqual([withTerm.baseIndex, termAt(withTerm, 3), termAt(withTerm, 4)], [3, 1, 2]);
  t.deepEqual([without.baseIndex, termAt(without, 3), termAt(without, 4)], [4, undefined, 2]);
  t.deepEqual([lastIndex(withTerm), lastIndex(without)], [6, 6]);
});

test('a truncation takes back what was durable', (t) => {
  const log = logOf([1, 1, 1]);

  truncateFrom(log, 2);

  t.is(log.stableIndex, 1);
  t.is(log.untakenIndex, 2);
});
