import test from 'ava';
import { isolate, symmetric } from '../../src/network/partition.js';
import { arrived, createNetwork, frame, numbers, submitAll } from './traffic.js';

const nodes = ['n1', 'n2', 'n3'];
const hold = { mode: 'hold' } as const;

test('a rule that holds keeps frames aside until it is released', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: { kind: 'hold' }, kinds: ['append-entries'] });

  const verdict = network.submit(frame(1), 0);
  network.submit(frame(2, { kind: 'heartbeat' }), 1);
  network.submit(frame(3), 2);

  t.like(verdict, { outcome: 'held', rule: 1 });
  t.is(network.nextDueMs(), 1);
  t.deepEqual(arrived(network, 100), [2]);
  t.deepEqual(network.pending('n1', 'n2'), { scheduled: 0, held: 2 });
  rule.release();
  t.deepEqual(network.held(), []);
  t.deepEqual(arrived(network, 100), [1, 3]);
});

test('held frames are listed oldest first, with sender, receiver and kind (chistributed 4, show_queue)', (t) => {
  const network = createNetwork();
  network.partition(isolate(nodes, ['n2']), hold);
  network.install({ effect: { kind: 'hold' }, kinds: ['pre-vote'] });

  network.submit(frame(1), 3);
  network.submit(frame(2, { destination: 'n3', kind: 'pre-vote' }), 4);
  network.submit(frame(3, { source: 'n2', destination: 'n3', kind: 'request-vote' }), 5);

  const queue = network.held().map(({ frame, submittedMs, rule }) => {
    return [`${frame.source} -> ${frame.destination}: ${frame.kind}`, submittedMs, rule];
  });
  t.deepEqual(queue, [
    ['n1 -> n2: append-entries', 3, undefined],
    ['n1 -> n3: pre-vote', 4, 1],
    ['n2 -> n3: request-vote', 5, undefined],
  ]);
});

test('a partition that is removed with delivery sends on what it held, in order (chistributed 6.2)', (t) => {
  const network = createNetwork();
  const partition = network.partition(isolate(nodes, ['n2']), hold);

  submitAll(network, [1, 2]);
  submitAll(network, [3, 3], { source: 'n3' });
  submitAll(network, [4, 4], { destination: 'n3' });
  submitAll(network, [5, 5]);
  t.deepEqual(arrived(network, 10), [4]);
  partition.release({ deliver: true });

  t.deepEqual(arrived(network, 10), [1, 2, 3, 5]);
  t.false(partition.isInstalled);
});

test('a partition that is removed without delivery drops what it held (chistributed 6.2)', (t) => {
  const network = createNetwork();
  const partition = network.partition(isolate(nodes, ['n2']), hold);
  submitAll(network, [1, 3]);

  partition.release({ deliver: false });

  t.deepEqual(arrived(network, 10), []);
  t.deepEqual(network.held(), []);
  t.like(network.totals(), { held: 3, dropped: 3, droppedBy: { discard: 3 } });
});

test('what two partitions separate goes with the first that is removed (chistributed 6.2)', (t) => {
  const network = createNetwork();
  const first = network.partition(isolate(nodes, ['n1']), hold);
  const second = network.partition(isolate(nodes, ['n2']), hold);
  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { destination: 'n3' });
  submitAll(network, [3, 3], { source: 'n2', destination: 'n3' });

  first.release({ deliver: true });
  t.deepEqual(arrived(network, 0), [1, 2]);

  // The second still cuts n1 from n2, so what comes now is held again.
  submitAll(network, [4, 4], { nowMs: 1 });
  t.deepEqual(arrived(network, 1), []);
  second.release({ deliver: true });
  t.deepEqual(arrived(network, 1), [3, 4]);
});

test('a partition lets go of what it separates even if that was held before it came (chistributed 6.2)', (t) => {
  const network = createNetwork();
  network.partition(isolate(nodes, ['n1']), hold);
  submitAll(network, [1, 1]);
  const later = network.partition(isolate(nodes, ['n2']), hold);

  later.release({ deliver: false });

  t.deepEqual(network.held(), []);
  t.is(network.totals().droppedBy.discard, 1);
});

test('clients are heard across a partition of nodes (chistributed 0, point 2)', (t) => {
  const network = createNetwork();
  network.partition(isolate(nodes, ['n1']), hold);

  submitAll(network, [1, 1], { source: 'c1', destination: 'n1' });
  submitAll(network, [2, 2], { source: 'n1', destination: 'c1' });

  t.deepEqual(arrived(network, 0), [1, 2]);
});

test('a client is cut off when its own links are', (t) => {
  const network = createNetwork();
  network.partition(symmetric([['c1'], ['n1']]));

  submitAll(network, [1, 1], { source: 'c1', destination: 'n1' });
  submitAll(network, [2, 2], { source: 'c1', destination: 'n2' });

  t.deepEqual(arrived(network, 0), [2]);
});

test('a message to oneself is delivered, whatever is cut (chistributed 6.2)', (t) => {
  const network = createNetwork();
  network.partition(isolate(nodes, nodes));
  network.install({ effect: { kind: 'drop' }, between: 'everyone' });

  t.like(network.submit(frame(1, { destination: 'n1' }), 0), { outcome: 'passed' });
});

test('a partition that drops loses what is sent and what is on its way', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 10 } });
  submitAll(network, [1, 2]);
  submitAll(network, [3, 3], { destination: 'n3' });

  const partition = network.partition(symmetric([['n1'], ['n2']]));
  const verdict = network.submit(frame(4), 1);
  partition.release();
  network.submit(frame(5), 2);

  t.like(verdict, { outcome: 'dropped', reason: 'partition' });
  t.deepEqual(arrived(network, 100), [3, 5]);
  t.is(network.counters('n1', 'n2').droppedBy.partition, 3);
});

test('a partition that holds catches what is on its way, and gives it its time back', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 10 } });
  submitAll(network, [1, 1]);

  const partition = network.partition(symmetric([['n1'], ['n2']]), hold);
  submitAll(network, [2, 2], { nowMs: 5 });
  t.deepEqual(numbers(network.held()), [1, 2]);
  t.deepEqual(arrived(network, 12), []);
  partition.release();

  t.deepEqual(arrived(network, 12), [1]);
  t.is(network.nextDueMs(), 15);
  t.deepEqual(arrived(network, 15), [2]);
  t.is(network.totals().held, 2);
});

test('caught frames are held in the order in which they were sent', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 20 }, between: { from: 'n1', to: 'n2' } });
  submitAll(network, [1, 1]);
  network.partition(symmetric([['n1'], ['n3']]), hold);
  submitAll(network, [2, 2], { destination: 'n3' });
  submitAll(network, [3, 3]);

  network.partition(symmetric([['n1'], ['n2']]), hold);

  t.deepEqual(numbers(network.held()), [1, 2, 3]);
});

test('a link that one partition holds and another drops is dropped', (t) => {
  const network = createNetwork();
  network.partition(symmetric([['n1'], ['n2']]), hold);
  submitAll(network, [1, 1]);
  const dropping = network.partition(symmetric([['n1'], ['n2']]));

  t.like(network.submit(frame(2), 0), { outcome: 'dropped', reason: 'partition' });
  t.deepEqual(numbers(network.held()), [1], 'what was held is outside the network');
  dropping.release();
  t.like(network.submit(frame(3), 0), { outcome: 'held' });
});

test('a released frame is not asked again by others', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: { kind: 'hold' } });
  submitAll(network, [1, 1]);
  network.install({ effect: { kind: 'drop' } });
  network.partition(isolate(nodes, ['n1']));

  rule.release();

  t.deepEqual(arrived(network, 0), [1]);
});

test('a released frame stands before what came after it', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: { kind: 'hold' }, limit: 1 });
  network.install({ effect: { kind: 'delay', delay: 10 } });
  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { nowMs: 1 });

  rule.release();

  t.deepEqual(arrived(network, 11), [1, 2]);
});

test('a release comes once: handles may be released and disposed again', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: { kind: 'hold' } });
  const partition = network.partition(isolate(nodes, ['n3']), hold);
  submitAll(network, [1, 1]);
  rule.release();
  partition.release();

  network.install({ effect: { kind: 'hold' } });
  network.partition(isolate(nodes, ['n3']), hold);
  submitAll(network, [2, 2]);
  submitAll(network, [3, 3], { destination: 'n3' });
  rule.release({ deliver: false });
  rule[Symbol.dispose]();
  partition.release({ deliver: false });
  partition[Symbol.dispose]();

  t.deepEqual(numbers(network.held()), [2, 3]);
  t.is(network.partitions.length, 1);
});

test('disposing a rule or a partition delivers what it holds', (t) => {
  const network = createNetwork();
  {
    using _rule = network.install({ effect: { kind: 'hold' } });
    using _partition = network.partition(isolate(nodes, ['n3']), hold);
    submitAll(network, [1, 1]);
    submitAll(network, [2, 2], { destination: 'n3' });
    t.is(network.held().length, 2);
  }

  t.deepEqual(arrived(network, 0), [1, 2]);
});

test('a partition lets go of what partitions hold, not of what a rule holds', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'hold' }, limit: 1 });
  submitAll(network, [1, 1]);
  const partition = network.partition(isolate(nodes, ['n1']), hold);
  submitAll(network, [2, 2]);

  partition.release();

  t.deepEqual(arrived(network, 0), [2]);
  t.deepEqual(numbers(network.held()), [1]);
});

test('a rule lets go of what it holds itself, not of what others hold', (t) => {
  const network = createNetwork();
  network.partition(isolate(nodes, ['n3']), hold);
  const first = network.install({ effect: { kind: 'hold' }, kinds: ['heartbeat'] });
  network.install({ effect: { kind: 'hold' } });
  submitAll(network, [1, 1], { kind: 'heartbeat' });
  submitAll(network, [2, 2]);
  submitAll(network, [3, 3], { destination: 'n3', kind: 'heartbeat' });

  first.release();

  t.deepEqual(arrived(network, 0), [1]);
  t.deepEqual(numbers(network.held()), [2, 3]);
});
