import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { isRaftError } from '../../src/errors.js';
import { outcome } from '../../src/store/outcome.js';
import {
  logIndexMax,
  recall,
  recordedIndex,
  recordedOutcome,
  Session,
  SessionTable,
} from '../../src/store/session.js';

const windowMax = 8;

function open(session: Session, firstSerial: number, count: number, lowestSerial = 0): void {
  session.open({ firstSerial, count, lowestSerial }, windowMax);
}

/** The same promises, kept in a Map that forgets nothing but what is below its floor. */
class NaiveSession {
  floor = 1;
  highest = 0;
  readonly records = new Map<number, number>();

  open(firstSerial: number, count: number, lowestSerial: number): void {
    this.highest = Math.max(this.highest, firstSerial + count - 1);
    const slid = Math.min(firstSerial, this.highest - windowMax + 1);
    this.floor = Math.max(this.floor, lowestSerial, slid);
  }

  recall(serial: number): number {
    if (serial < this.floor) return recall.answeredLongAgo;
    return this.records.get(serial) ?? recall.unseen;
  }
}

test('a window remembers what a map would, whatever comes in whatever order', (t) => {
  const step = fc.record({
    firstSerial: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2_000 })),
    count: fc.oneof(fc.nat({ max: 6 }), fc.nat({ max: 70 })),
    lowestSerial: fc.oneof(fc.constant(0), fc.nat({ max: 60 })),
  });
  const base = fc.constantFrom(0, 2 ** 31 - 20, 2 ** 32 - 20, 2 ** 45);
  const property = fc.property(base, fc.array(step, { maxLength: 12 }), (offset, steps) => {
    const session = new Session(1);
    const naive = new NaiveSession();
    for (const [index, { count, ...each }] of steps.entries()) {
      const firstSerial = each.firstSerial + offset;
      const lowestSerial = each.lowestSerial === 0 ? 0 : each.lowestSerial + offset;
      open(session, firstSerial, count, lowestSerial);
      naive.open(firstSerial, count, lowestSerial);
      for (let serial = firstSerial; serial < firstSerial + count; serial++) {
        assert.equal(session.recall(serial), naive.recall(serial));
        if (naive.recall(serial) !== recall.unseen) continue;
        session.record(serial, outcome.ok, index + 1);
        naive.records.set(serial, (index + 1) * 16 + outcome.ok);
      }
      const from = Math.max(1, naive.floor - 3);
      for (let serial = from; serial <= naive.highest; serial++) {
        assert.equal(session.recall(serial), naive.recall(serial));
      }
      assert(session.results.length <= 256);
    }
  });

  t.notThrows(() => fc.assert(property, { numRuns: 1_500 }));
});

test('a record holds its outcome and a log index near 2^31, 2^32 and 2^49 (pitfall 44)', (t) => {
  const session = new Session(1);
  const indexes = [1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, logIndexMax];
  open(session, 1, indexes.length);

  for (const [i, index] of indexes.entries()) session.record(i + 1, outcome.sessionExpired, index);

  for (const [i, index] of indexes.entries()) {
    t.is(recordedIndex(session.recall(i + 1)), index);
    t.is(recordedOutcome(session.recall(i + 1)), outcome.sessionExpired);
  }
});

test('a batch longer than the window never pushes its own first command out', (t) => {
  const session = new Session(1);

  open(session, 1, 100);

  t.is(session.floor, 1);
  t.is(session.recall(1), recall.unseen);
});

test('a window that was widened for one long batch becomes small again', (t) => {
  const session = new Session(1);
  open(session, 1, 1_000);
  for (let serial = 1; serial <= 1_000; serial++) session.record(serial, outcome.ok, serial);

  open(session, 1_001, 1, 1_000);

  t.is(session.results.length, 8);
  t.is(recordedIndex(session.recall(1_000)), 1_000);
  t.is(session.recall(1_001), recall.unseen);
});

test('a client that has nothing under way costs the smallest window', (t) => {
  const session = new Session(1);
  for (let serial = 1; serial <= 100_000; serial++) {
    session.open({ firstSerial: serial, count: 1, lowestSerial: serial }, 8_192);
    session.record(serial, outcome.ok, serial);
  }

  t.is(session.results.length, 8);
});

test('the least recently used session goes first, in the order of the log', (t) => {
  const table = new SessionTable({ sessionsMax: 3, serialWindowMax: windowMax });
  const batch = { firstSerial: 1, count: 1, lowestSerial: 0 };
  const [a, b, c] = [table.register(), table.register(), table.register()];
  table.open(a, batch);
  table.open(c, batch);
  table.open(a, batch);

  const d = table.register();
  t.deepEqual(
    [...table.values()].map(({ clientId }) => clientId),
    [c, a, d],
  );
  t.is(table.open(b, batch), undefined);

  table.register();
  t.is(table.open(c, batch), undefined);
  t.is(table.size, 3);
});

test('an id is never given twice, even after its session is gone', (t) => {
  const table = new SessionTable({ sessionsMax: 1, serialWindowMax: 1 });

  t.deepEqual([table.register(), table.register(), table.register()], [1, 2, 3]);
  t.is(table.size, 1);
});

test('the limits of the table are whole numbers above 0', (t) => {
  for (const bad of [0, -1, 1.5, Number.NaN]) {
    const sessions = t.throws(() => new SessionTable({ sessionsMax: bad }));
    const window = t.throws(() => new SessionTable({ serialWindowMax: bad }));
    t.true(isRaftError(sessions, 'RAFT_INVALID_OPTION'));
    t.true(isRaftError(window, 'RAFT_INVALID_OPTION'));
  }
});
