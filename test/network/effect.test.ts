import test from 'ava';
import type { Network } from '../../src/network/network.js';
import type { Effect } from '../../src/network/rule.js';
import { arrived, createNetwork, frame, numbers, submitAll } from './traffic.js';

const under = (...effects: Effect[]): Network<number> => {
  const network = createNetwork();
  for (const effect of effects) network.install({ effect });
  return network;
};

test('without rules a frame passes at once, in order', (t) => {
  const network = createNetwork();

  const verdict = network.submit(frame(1), 5);
  submitAll(network, [2, 4], { nowMs: 5 });

  t.deepEqual(verdict, { outcome: 'passed', copies: 0, isReordered: false, isCorrupted: false });
  t.is(network.nextDueMs(), 5);
  t.deepEqual(arrived(network, 5), [1, 2, 3, 4]);
  t.is(network.nextDueMs(), undefined);
});

test('a drop rule loses the share asked for', (t) => {
  const network = under({ kind: 'drop', rate: 0.3 });

  submitAll(network, [1, 5_000]);

  const { submitted, dropped, droppedBy } = network.totals();
  t.true(Math.abs(dropped / submitted - 0.3) < 0.025);
  t.is(droppedBy.loss, dropped);
  t.is(arrived(network, 0).length, submitted - dropped);
});

test('a dropped frame names its rule', (t) => {
  const network = under({ kind: 'delay', delay: 1 }, { kind: 'drop' }, { kind: 'drop' });

  const verdict = network.submit(frame(1), 0);

  t.like(verdict, { outcome: 'dropped', reason: 'loss', rule: 2 });
});

test('a delayed frame arrives when its time has come and not before', (t) => {
  const network = under({ kind: 'delay', delay: 10 });

  const verdict = network.submit(frame(1), 5);

  t.like(verdict, { outcome: 'delayed', dueMs: 15 });
  t.is(network.nextDueMs(), 15);
  t.deepEqual(arrived(network, 14.9), []);
  const [delivery] = network.due(15);
  t.like(delivery, { submittedMs: 5, dueMs: 15, isCopy: false });
});

test('delays of several rules add up', (t) => {
  const network = under({ kind: 'delay', delay: 10 }, { kind: 'delay', delay: 7 });

  t.like(network.submit(frame(1), 0), { outcome: 'delayed', dueMs: 17 });
});

test('a delayed link keeps its order: what is faster waits for what is before it', (t) => {
  const network = under({ kind: 'delay', delay: { kind: 'uniform', minMs: 0, maxMs: 100 } });

  for (let number = 1; number <= 200; number++) network.submit(frame(number), number);
  const seen = arrived(network, 1_000);

  t.deepEqual(
    seen,
    [...seen].sort((some, other) => some - other),
  );
  t.is(seen.length, 200);
  t.true(network.totals().delayed > 190);
});

test('a slow link does not slow down another one', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 50 }, between: { from: 'n1', to: 'n2' } });

  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { destination: 'n3' });
  submitAll(network, [3, 3], { source: 'n2', destination: 'n1' });

  t.deepEqual(arrived(network, 0), [2, 3]);
  t.deepEqual(arrived(network, 50), [1]);
});

test('copies follow their frame and are marked', (t) => {
  const network = under({ kind: 'duplicate', copies: 2 });

  const verdict = network.submit(frame(1), 0);
  network.submit(frame(2), 0);
  const deliveries = network.due(0);

  t.is(verdict.copies, 2);
  t.deepEqual(numbers(deliveries), [1, 1, 1, 2, 2, 2]);
  t.deepEqual(
    deliveries.map(({ isCopy }) => isCopy),
    [false, true, true, false, true, true],
  );
  t.like(network.totals(), { submitted: 2, duplicated: 4, delivered: 6 });
});

test('a duplicate rule repeats the share asked for', (t) => {
  const network = under({ kind: 'duplicate', rate: 0.2 });

  submitAll(network, [1, 5_000]);

  t.true(Math.abs(network.totals().duplicated / 5_000 - 0.2) < 0.02);
});

test('each copy is delayed, damaged and counted by itself', (t) => {
  const network = under(
    { kind: 'duplicate', copies: 50 },
    { kind: 'delay', delay: { kind: 'uniform', minMs: 0, maxMs: 10 } },
    { kind: 'corrupt', rate: 0.5 },
    { kind: 'reorder', withinMs: 0 },
  );

  network.submit(frame(1), 0);
  const deliveries = network.due(10);

  t.is(new Set(deliveries.map(({ dueMs }) => dueMs)).size, 51);
  const damaged = deliveries.filter(({ corruption }) => corruption !== undefined).length;
  t.true(damaged > 10 && damaged < 40);
  t.like(network.totals(), { corrupted: damaged, delayed: 51, reordered: 51 });
});

test('a lost frame has no copies', (t) => {
  const network = under({ kind: 'duplicate' }, { kind: 'drop' });

  const verdict = network.submit(frame(1), 0);

  t.like(verdict, { outcome: 'dropped', copies: 0 });
  t.like(network.totals(), { duplicated: 0, dropped: 1 });
});

test('a reordered frame overtakes what is delayed', (t) => {
  const network = createNetwork();
  const slow = network.install({ effect: { kind: 'delay', delay: 100 } });
  network.submit(frame(1), 0);
  slow.release();
  network.install({ effect: { kind: 'delay', delay: 100 }, limit: 1 });
  network.install({ effect: { kind: 'reorder', withinMs: 0 }, skip: 2, limit: 1 });

  submitAll(network, [2, 4]);

  t.deepEqual(arrived(network, 0), [1, 4]);
  t.deepEqual(arrived(network, 100), [2, 3]);
});

test('a reordered frame is late by no more than asked, and is overtaken meanwhile', (t) => {
  const network = under({ kind: 'reorder', rate: 0.5, withinMs: 20 });

  for (let number = 1; number <= 400; number++) network.submit(frame(number), number);
  const deliveries = network.due(1_000);

  t.true(deliveries.every(({ dueMs, submittedMs }) => dueMs - submittedMs <= 20));
  const seen = numbers(deliveries);
  t.notDeepEqual(
    seen,
    [...seen].sort((some, other) => some - other),
  );
  t.true(Math.abs(network.totals().reordered - 200) < 40);
  const lateMost = Math.max(...deliveries.map(({ dueMs, submittedMs }) => dueMs - submittedMs));
  t.true(lateMost > 15);
});

test('the frames that keep the order keep it while others are reordered', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: { kind: 'exponential', meanMs: 10 } } });
  network.install({ effect: { kind: 'reorder', withinMs: 50 }, kinds: ['heartbeat'] });

  for (let number = 1; number <= 300; number++) {
    network.submit(frame(number, number % 2 ? { kind: 'heartbeat' } : {}), number);
  }
  const seen = numbers(network.due(10_000)).filter((number) => number % 2 === 0);

  t.deepEqual(
    seen,
    [...seen].sort((some, other) => some - other),
  );
});

test('a corrupted frame still arrives, with one bit to flip anywhere in it', (t) => {
  const network = under({ kind: 'corrupt', rate: 0.5 });

  submitAll(network, [1, 2_000], { byteLength: 3 });
  const damage = network.due(0).flatMap(({ corruption }) => corruption ?? []);

  t.true(Math.abs(damage.length - 1_000) < 90);
  t.is(network.totals().corrupted, damage.length);
  const places = new Set(damage.map(({ byteOffset, bit }) => byteOffset * 8 + bit));
  t.deepEqual(
    [...places].sort((some, other) => some - other),
    [...Array(24).keys()],
  );
});

test('a frame without bytes cannot be corrupted', (t) => {
  const network = under({ kind: 'corrupt' });

  const verdict = network.submit(frame(1, { byteLength: 0 }), 0);

  t.false(verdict.isCorrupted);
  t.is(network.totals().corrupted, 0);
});

test('a throttled link carries its bandwidth and no more', (t) => {
  const network = under({ kind: 'throttle', bytesPerSecond: 10_000 });

  submitAll(network, [1, 3]);
  submitAll(network, [4, 4], { nowMs: 1_000 });

  t.deepEqual(
    network.due(2_000).map(({ dueMs }) => dueMs),
    [10, 20, 30, 1_010],
  );
  t.like(network.totals(), { throttled: 4, delayed: 4 });
});

test('a rule that is installed elsewhere sets no bandwidth free', (t) => {
  const network = under({ kind: 'throttle', bytesPerSecond: 10_000 });
  submitAll(network, [1, 1]);

  network.install({ effect: { kind: 'drop' }, between: { from: 'n3' } });

  t.like(network.submit(frame(2), 0), { dueMs: 20 });
});

test('every link has the bandwidth for itself', (t) => {
  const network = under({ kind: 'throttle', bytesPerSecond: 10_000 });

  t.like(network.submit(frame(1), 0), { dueMs: 10 });
  t.like(network.submit(frame(2, { destination: 'n3' }), 0), { dueMs: 10 });
});

test('what does not fit into the queue of a throttled link is dropped and counted', (t) => {
  const network = under({ kind: 'throttle', bytesPerSecond: 1_000, queueBytesMax: 250 });

  submitAll(network, [1, 2]);
  const verdict = network.submit(frame(3), 0);
  const later = network.submit(frame(4), 50);

  t.like(verdict, { outcome: 'dropped', reason: 'throttle', rule: 1 });
  t.like(later, { outcome: 'delayed', dueMs: 300 });
  t.is(network.totals().droppedBy.throttle, 1);
  t.deepEqual(arrived(network, 300), [1, 2, 4]);
});

test('a frame larger than the queue passes a link that is idle', (t) => {
  const network = under({ kind: 'throttle', bytesPerSecond: 1_000, queueBytesMax: 50 });

  t.like(network.submit(frame(1), 0), { outcome: 'delayed', dueMs: 100 });
  t.like(network.submit(frame(2, { byteLength: 1 }), 99.5), { outcome: 'delayed', dueMs: 101 });
});

test('time on the wire comes before the time under way', (t) => {
  const network = under({ kind: 'delay', delay: 5 }, { kind: 'throttle', bytesPerSecond: 10_000 });

  submitAll(network, [1, 2]);

  t.deepEqual(
    network.due(100).map(({ dueMs }) => dueMs),
    [15, 25],
  );
});

test('a lost frame takes no bandwidth, wherever in the order the rules stand', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'throttle', bytesPerSecond: 10_000 } });
  network.install({ effect: { kind: 'drop' }, limit: 5 });

  submitAll(network, [1, 6]);

  t.is(network.nextDueMs(), 10);
  t.deepEqual(arrived(network, 10), [6]);
});
