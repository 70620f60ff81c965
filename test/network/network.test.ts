import test from 'ava';
import type { DropReason, Frame } from '../../src/network/link.js';
import type { NetworkOptions } from '../../src/network/network.js';
import { Network } from '../../src/network/network.js';
import { isolate, symmetric } from '../../src/network/partition.js';
import { arrived, createNetwork, frame, numbers, submitAll } from './traffic.js';

const nodes = ['n1', 'n2', 'n3'];

test('time never goes back', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 10 } });
  network.due(100);

  t.like(network.submit(frame(1), 50), { dueMs: 110 });
  t.deepEqual(arrived(network, 110), [1]);
});

test('a time or a size that is no number is refused, and nothing has happened', (t) => {
  const network = createNetwork();
  const code = 'RAFT_INVALID_OPTION';

  t.throws(() => network.submit(frame(1), Number.NaN), { code });
  t.throws(() => network.due(Number.POSITIVE_INFINITY), { code });
  t.throws(() => network.submit(frame(1, { byteLength: Number.NaN }), 0), { code });
  t.throws(() => network.submit(frame(1, { byteLength: -1 }), 0), { code });

  t.is(network.totals().submitted, 0);
});

test('frames of all links leave in the order of their times', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 30 }, between: { from: 'n1' } });
  network.install({ effect: { kind: 'delay', delay: 10 }, between: { from: 'n2' } });
  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { source: 'n2', destination: 'n1' });
  submitAll(network, [3, 3], { source: 'n3' });
  submitAll(network, [4, 4], { source: 'n2', destination: 'n3', nowMs: 20 });

  t.deepEqual(arrived(network, 100), [3, 2, 1, 4]);
});

test('disposing a rule ends the delays that it added, and no others', (t) => {
  const network = createNetwork();
  const slow = network.install({ effect: { kind: 'delay', delay: 1_000 } });
  network.install({ effect: { kind: 'delay', delay: 10 } });
  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { nowMs: 5 });

  slow.release();

  t.is(network.nextDueMs(), 10);
  t.deepEqual(arrived(network, 12), [1]);
  submitAll(network, [3, 3], { nowMs: 13 });
  t.deepEqual(arrived(network, 23), [2, 3]);
});

test('disposing a bandwidth rule sets free what queues for it', (t) => {
  const network = createNetwork();
  const slow = network.install({ effect: { kind: 'throttle', bytesPerSecond: 1 } });
  submitAll(network, [1, 3]);

  slow.release();
  submitAll(network, [4, 4]);

  t.deepEqual(arrived(network, 0), [1, 2, 3, 4]);
});

test('nobody waits behind a frame that is gone', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 1_000 }, limit: 1 });
  submitAll(network, [1, 2]);
  t.is(network.nextDueMs(), 1_000);

  network.discard(({ payload }) => payload === 1);
  t.is(network.nextDueMs(), 0);
  t.deepEqual(arrived(network, 0), [2]);

  network.install({ effect: { kind: 'delay', delay: 1_000 }, limit: 1 });
  submitAll(network, [3, 3]);
  network.partition(symmetric([['n1'], ['n2']])).release();
  submitAll(network, [4, 4]);
  t.deepEqual(arrived(network, 0), [4]);
});

test('nobody waits behind a frame for which a partition that caught it had no room', (t) => {
  const network = createNetwork({ heldFramesMax: 0 });
  network.install({ effect: { kind: 'delay', delay: 1_000 }, limit: 1 });
  submitAll(network, [1, 1]);

  network.partition(symmetric([['n1'], ['n2']]), { mode: 'hold' }).release();
  submitAll(network, [2, 2]);

  t.deepEqual(arrived(network, 0), [2]);
});

test('when delays end, a frame still waits for the held one before it', (t) => {
  const network = createNetwork();
  const slow = network.install({ effect: { kind: 'delay', delay: 1_000 } });
  network.install({ effect: { kind: 'delay', delay: 50 }, limit: 1 });
  network.install({ effect: { kind: 'hold' }, limit: 1 });
  submitAll(network, [1, 2]);

  slow.release();

  t.is(network.nextDueMs(), 50);
  network.rules.at(-1)?.release();
  t.deepEqual(arrived(network, 50), [1, 2]);
});

test('heal removes all rules and partitions and delivers what waits, in order, at once', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 1_000 } });
  const rule = network.install({ effect: { kind: 'hold' }, kinds: ['heartbeat'] });
  const partition = network.partition(isolate(nodes, ['n3']), { mode: 'hold' });
  network.partition(symmetric([['n2'], ['n1']]), { name: 'gone' }).release();
  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { kind: 'heartbeat' });
  submitAll(network, [3, 3], { destination: 'n3' });
  submitAll(network, [4, 4]);

  network.heal();

  t.deepEqual(arrived(network, 0), [1, 2, 3, 4]);
  t.deepEqual(network.rules, []);
  t.deepEqual(network.partitions, []);
  t.false(rule.isInstalled);
  t.false(partition.isInstalled);
  t.is(network.cleanLinks().length, 12);
});

test('heal without delivery drops what is held, not what is on its way', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'delay', delay: 1_000 } });
  network.install({ effect: { kind: 'hold' }, kinds: ['heartbeat'] });
  submitAll(network, [1, 1]);
  submitAll(network, [2, 2], { kind: 'heartbeat' });

  network.heal({ deliver: false });

  t.deepEqual(arrived(network, 0), [1]);
  t.is(network.totals().droppedBy.discard, 1);
});

test('a link is clean when no rule acts on it, nothing cuts it and nothing of it waits', (t) => {
  const network = createNetwork();
  t.is(network.cleanLinks().length, 12, 'six between nodes, six with the client');

  const slow = network.install({ effect: { kind: 'delay', delay: 10 }, between: { from: 'n1' } });
  t.false(network.isClean('n1', 'n2'));
  t.true(network.isClean('n2', 'n1'));
  t.true(network.isClean('n1', 'c1'));

  submitAll(network, [1, 1], { destination: 'n3' });
  slow.release();
  t.true(network.isClean('n1', 'n2'));
  t.false(network.isClean('n1', 'n3'), 'a frame is due and not taken out yet');
  network.due(0);
  t.true(network.isClean('n1', 'n3'));

  const cut = network.partition([{ source: 'n2', destination: 'n3' }], { mode: 'hold' });
  t.false(network.isClean('n2', 'n3'));
  t.true(network.isClean('n3', 'n2'));
  submitAll(network, [2, 2], { source: 'n2', destination: 'n3' });
  cut.release({ deliver: false });
  t.true(network.isClean('n2', 'n3'));
});

test('a link with a held frame is not clean, even if the rule is spent', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: { kind: 'hold' }, limit: 1 });
  submitAll(network, [1, 1]);

  t.false(network.isClean('n1', 'n2'));
  t.true(network.isClean('n2', 'n1'));
  rule.release({ deliver: false });
  t.true(network.isClean('n1', 'n2'));
});

test('links between clients are no links of the network, and strangers are clean', (t) => {
  const network = createNetwork({ clients: ['c1', 'c2'] });
  const clean = network.cleanLinks();

  t.false(clean.some(({ source, destination }) => /c.c/.test(source + destination)));
  t.is(clean.length, 18);
  t.true(network.isClean('n1', 'n9'));
});

test('counters are kept by link, and totals are their sum', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'drop' }, between: { to: 'n2' } });
  submitAll(network, [1, 2]);
  submitAll(network, [3, 5], { destination: 'n3' });
  network.due(0);

  t.like(network.counters('n1', 'n2'), { submitted: 2, dropped: 2, delivered: 0 });
  t.like(network.counters('n1', 'n3'), { submitted: 3, passed: 3, delivered: 3 });
  t.like(network.counters('n2', 'n1'), { submitted: 0 });
  t.like(network.totals(), { submitted: 5, dropped: 2, delivered: 3 });
});

test('counters that were handed out do not change', (t) => {
  const network = createNetwork();
  const before = network.counters('n1', 'n2');

  submitAll(network, [1, 1]);

  t.is(before.submitted, 0);
  t.is(network.counters('n1', 'n2').submitted, 1);
});

test('delayed frames are bounded in number and bytes: the new one is dropped, and counted', (t) => {
  const bounds: [Partial<NetworkOptions>, number][] = [
    [{ delayedFramesMax: 3 }, 3],
    [{ delayedBytesMax: 499 }, 4],
    [{ delayedFramesMax: 0 }, 0],
  ];
  for (const [bound, kept] of bounds) {
    const network = createNetwork(bound);
    network.install({ effect: { kind: 'delay', delay: 10 }, between: { to: 'n2' } });
    submitAll(network, [1, kept]);

    const verdict = network.submit(frame(99), 0);
    const passing = network.submit(frame(100, { destination: 'n3' }), 0);

    t.like(verdict, { outcome: 'dropped', reason: 'overflow' });
    t.is(passing.outcome, 'passed', 'what does not wait needs no room');
    network.due(0);
    t.is(arrived(network, 10).length, kept);
    t.is(network.submit(frame(101), 20).outcome, kept === 0 ? 'dropped' : 'delayed');
  }
});

test('a frame that was refused for lack of room delays nobody', (t) => {
  const network = createNetwork({ delayedFramesMax: 0 });
  network.install({ effect: { kind: 'delay', delay: 10 }, limit: 1 });

  submitAll(network, [1, 2]);

  t.deepEqual(arrived(network, 0), [2]);
});

test('held frames are bounded by themselves, also those that a partition catches', (t) => {
  const network = createNetwork({ heldFramesMax: 2, delayedFramesMax: 3 });
  const slow = network.install({ effect: { kind: 'delay', delay: 10 } });
  submitAll(network, [1, 3]);
  const partition = network.partition(symmetric([['n1'], ['n2']]), { mode: 'hold' });

  const verdict = network.submit(frame(4), 0);
  t.deepEqual(numbers(network.held()), [1, 2]);
  t.like(verdict, { outcome: 'dropped', reason: 'overflow' });
  t.like(network.counters('n1', 'n2'), { held: 2, droppedBy: { overflow: 2 } });

  partition.release();
  slow.release();
  t.deepEqual(arrived(network, 0), [1, 2]);
  network.partition(symmetric([['n1'], ['n2']]), { mode: 'hold' });
  t.like(network.submit(frame(5), 0), { outcome: 'held' });
});

test('held bytes are bounded too, and room is given back', (t) => {
  const network = createNetwork({ heldBytesMax: 250 });
  const rule = network.install({ effect: { kind: 'hold' } });
  submitAll(network, [1, 3]);
  t.is(network.held().length, 2);

  rule.release({ deliver: false });
  network.install({ effect: { kind: 'hold' } });
  submitAll(network, [4, 6]);

  t.deepEqual(numbers(network.held()), [4, 5]);
});

test('every dropped frame and copy is reported once, with the reason', (t) => {
  const reports: [number, boolean, DropReason][] = [];
  const onDrop = ({ payload }: Frame<number>, isCopy: boolean, reason: DropReason) => {
    reports.push([payload, isCopy, reason]);
  };
  const network = createNetwork({ onDrop, delayedFramesMax: 1 });

  network.submit(frame(1, { destination: 'n9' }), 0);
  network.install({ effect: { kind: 'drop' }, limit: 1 });
  submitAll(network, [2, 2]);
  network.install({ effect: { kind: 'delay', delay: 10 } });
  network.install({ effect: { kind: 'duplicate' } });
  submitAll(network, [3, 3]);
  network.partition(symmetric([['n1'], ['n2']]));
  submitAll(network, [4, 4]);
  network.heal();
  network.install({ effect: { kind: 'throttle', bytesPerSecond: 1, queueBytesMax: 1 } });
  submitAll(network, [5, 6]);
  network.discard(() => true);

  t.deepEqual(reports, [
    [1, false, 'discard'],
    [2, false, 'loss'],
    [3, true, 'overflow'],
    [3, false, 'partition'],
    [4, false, 'partition'],
    [6, false, 'throttle'],
    [5, false, 'discard'],
  ]);
  t.is(network.totals().dropped, reports.length);
});

test('every change is told after it was made', (t) => {
  const seen: boolean[] = [];
  const network: Network<number> = createNetwork({
    onChange: () => seen.push(network.isClean('n1', 'n2')),
  });

  const rule = network.install({ effect: { kind: 'drop' } });
  rule.release();
  rule.release();
  const partition = network.partition(symmetric([['n1'], ['n2']]));
  partition.release();
  network.install({ effect: { kind: 'drop' } });
  network.heal();
  network.addEnd('c2', 'clients');
  network.removeEnd('c2');
  network.removeEnd('c2');

  t.deepEqual(seen, [false, true, false, true, false, true, true, true]);
});

test('rules and partitions are listed in the order of their installation', (t) => {
  const network = createNetwork();
  const drop = network.install({ effect: { kind: 'drop', rate: 0 }, name: 'nothing' });
  const delay = network.install({ effect: { kind: 'delay', delay: 1 } });
  const east = network.partition(isolate(nodes, ['n1']), { name: 'east', mode: 'hold' });
  const west = network.partition(isolate(nodes, ['n2']));

  t.deepEqual(network.rules, [drop, delay]);
  t.deepEqual([drop.name, drop.number, delay.name, delay.number], ['nothing', 1, 'delay', 2]);
  t.deepEqual(network.partitions, [east, west]);
  t.deepEqual([east.name, east.mode, east.links.length], ['east', 'hold', 4]);
  t.deepEqual([west.name, west.mode], ['partition', 'drop']);
});

test('a node that joins is under the rules between nodes', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'drop' } });
  t.like(network.submit(frame(1, { destination: 'n4' }), 0), { reason: 'discard' });

  network.addEnd('n4', 'nodes');

  t.like(network.submit(frame(2, { destination: 'n4' }), 0), { reason: 'loss' });
});

test('an end that leaves takes what waits along; what was counted stays', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: { kind: 'hold' }, between: { from: 'n2' } });
  network.install({ effect: { kind: 'delay', delay: 10 } });
  submitAll(network, [1, 2]);
  submitAll(network, [3, 3], { source: 'n2', destination: 'n3' });
  submitAll(network, [4, 4], { destination: 'n3' });

  network.removeEnd('n2');
  rule.release();

  t.deepEqual(arrived(network, 100), [4]);
  t.like(network.totals(), { submitted: 4, dropped: 3, droppedBy: { discard: 3 } });
  t.like(network.submit(frame(5), 100), { outcome: 'dropped', reason: 'discard' });
  t.is(network.counters('n1', 'n2').submitted, 0);
  network.addEnd('n2', 'nodes');
  t.is(network.submit(frame(6), 100).outcome, 'delayed');
});

test('discard drops what matches, scheduled or held, and says how much', (t) => {
  const network = createNetwork();
  network.install({ effect: { kind: 'hold' }, kinds: ['heartbeat'] });
  submitAll(network, [1, 4]);
  submitAll(network, [5, 8], { kind: 'heartbeat' });

  t.is(
    network.discard(({ payload }) => payload % 2 === 0),
    4,
  );

  t.deepEqual(arrived(network, 0), [1, 3]);
  t.deepEqual(numbers(network.held()), [5, 7]);
});

const invalid: [string, Partial<NetworkOptions>, string][] = [
  ['a node twice', { nodes: ['n1', 'n1'] }, 'network.nodes'],
  ['a client that is a node', { clients: ['n1'] }, 'network.clients'],
  ['an empty id', { nodes: [''] }, 'network.nodes'],
  ['a negative bound', { heldFramesMax: -1 }, 'network.heldFramesMax'],
  ['half a bound', { delayedFramesMax: 0.5 }, 'network.delayedFramesMax'],
  ['a bound that is no number', { heldBytesMax: Number.NaN }, 'network.heldBytesMax'],
  ['a seed of 0.5', { seed: 0.5 }, 'network.seed'],
];

for (const [what, options, option] of invalid) {
  test(`a network with ${what} is refused, and ${option} is named`, (t) => {
    const error = t.throws(() => new Network({ nodes: ['n1'], seed: 1, ...options }));

    t.like(error, { code: 'RAFT_INVALID_OPTION', details: { option } });
  });
}

test('a partition that cannot be is refused, and nothing is cut', (t) => {
  const network = createNetwork();
  const link = { source: 'n1', destination: 'n2' };

  t.throws(() => network.partition([{ ...link, destination: 'n9' }]), {
    code: 'RAFT_UNKNOWN_NODE',
  });
  t.throws(() => network.partition([{ ...link, destination: 'n1' }]), {
    code: 'RAFT_INVALID_OPTION',
  });
  t.throws(() => network.partition([link], { mode: 'delay' as 'drop' }), {
    code: 'RAFT_INVALID_OPTION',
  });

  t.deepEqual(network.partitions, []);
  t.true(network.isClean('n1', 'n2'));
});
