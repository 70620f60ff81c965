import test from 'ava';
import type { SimFrame } from '../../src/sim/inbox.js';
import { Inbox } from '../../src/sim/inbox.js';
import { LocalClock } from '../../src/sim/local-clock.js';
import { VirtualTime } from '../../src/sim/virtual-time.js';
import { Wiring } from '../../src/sim/wire.js';

interface Bench {
  readonly wiring: Wiring;
  readonly time: VirtualTime;
  readonly arrived: SimFrame[];
  run(ms: number): void;
}

/** Two nodes and a client; frames take as many ms as `latencies` says, one after the other. */
function createBench(latencies: number[] = []): Bench {
  const time = new VirtualTime();
  const arrived: SimFrame[] = [];
  const wiring = new Wiring({
    time,
    nodes: [
      { id: 'n1', actor: 1 },
      { id: 'n2', actor: 2 },
    ],
    clients: [{ id: 'c1', actor: 100 }],
    seed: 1,
    drawLatencyMs: () => latencies.shift() ?? 1,
    laneBytesMax: { control: 64, bulk: 256, answers: 16 },
    deliver: (frame) => arrived.push(frame),
    sent: () => {},
  });
  wiring.setIncarnation(1, 1);
  wiring.setIncarnation(2, 1);
  const run = (ms: number): void => {
    for (;;) {
      const dueMs = wiring.network.nextDueMs() ?? Number.POSITIVE_INFINITY;
      if (Math.min(dueMs, time.nextMs) > ms) break;
      if (dueMs <= time.nextMs) {
        time.advanceTo(dueMs);
        wiring.takeDue();
      } else {
        time.runNext();
      }
    }
    time.advanceTo(ms);
  };
  return { wiring, time, arrived, run };
}

function kinds({ arrived }: Bench): number[] {
  return arrived.map(({ kind }) => kind);
}

test('a frame arrives with the bytes that it was sent with, after its latency', (t) => {
  const bench = createBench([3]);
  const body = Buffer.from('hello');

  t.true(bench.wiring.wire(1, 2).send('bulk', 7, body, 9));
  body.fill(0);
  bench.run(2.9);
  t.deepEqual(bench.arrived, []);
  bench.run(3);

  const [frame] = bench.arrived;
  t.like(frame, { source: 1, destination: 2, kind: 7, correlationId: 9, lane: 'bulk' });
  t.is(frame?.bytes.toString('latin1', frame.start, frame.end), 'hello');
});

test('frames of one link keep their order, whatever their latencies', (t) => {
  const bench = createBench([9, 1, 5]);

  for (const kind of [1, 2, 3]) bench.wiring.wire(1, 2).send('control', kind, Buffer.alloc(8), 0);
  bench.run(20);

  t.deepEqual(kinds(bench), [1, 2, 3]);
});

test('rules of the network act on frames: loss, delay, copies', (t) => {
  const bench = createBench();
  const { network } = bench.wiring;
  const wire = bench.wiring.wire(1, 2);

  using _loss = network.install({ effect: { kind: 'drop' }, limit: 1 });
  wire.send('control', 1, Buffer.alloc(8), 0);
  using _copies = network.install({ effect: { kind: 'duplicate' }, limit: 1 });
  wire.send('control', 2, Buffer.alloc(8), 0);
  bench.run(10);
  using _delay = network.install({ effect: { kind: 'delay', delay: 50 } });
  wire.send('control', 3, Buffer.alloc(8), 0);
  bench.run(60);

  t.deepEqual(kinds(bench), [2, 2]);
  bench.run(61);
  t.deepEqual(kinds(bench), [2, 2, 3]);
});

test('a frame with a flipped bit is lost, as one whose checksum is wrong', (t) => {
  const bench = createBench();
  using _rule = bench.wiring.network.install({ effect: { kind: 'corrupt' } });

  bench.wiring.wire(1, 2).send('control', 1, Buffer.alloc(8), 0);
  bench.run(10);

  t.deepEqual(bench.arrived, []);
});

test('frames of, and for, an incarnation that is gone do not arrive (pitfall 41)', (t) => {
  const bench = createBench([5, 5]);
  bench.wiring.wire(1, 2).send('control', 1, Buffer.alloc(8), 0);
  bench.wiring.wire(2, 1).send('control', 2, Buffer.alloc(8), 0);

  bench.wiring.setIncarnation(2, 2);
  bench.run(10);

  t.deepEqual(bench.arrived, []);
});

test('nothing is sent to who is dead', (t) => {
  const { wiring } = createBench();
  wiring.setIncarnation(2, 0);
  const wire = wiring.wire(1, 2);

  t.false(wire.send('control', 1, Buffer.alloc(8), 0));
  t.is(wire.refusal, 'dead');
});

test('a lane takes no more than it holds until something of it was read or lost', (t) => {
  const bench = createBench();
  const wire = bench.wiring.wire(1, 2);
  const inbox = new Inbox();

  t.true(wire.send('control', 1, Buffer.alloc(40), 0));
  t.false(wire.send('control', 2, Buffer.alloc(40), 0));
  t.is(wire.refusal, 'full');
  t.true(wire.send('bulk', 3, Buffer.alloc(200), 0));
  bench.run(5);
  t.false(wire.send('control', 4, Buffer.alloc(40), 0));
  for (const frame of bench.arrived) inbox.put(frame);
  inbox.drain(() => {});
  t.true(wire.send('control', 5, Buffer.alloc(40), 0));
  bench.wiring.network.install({ effect: { kind: 'drop' } });
  bench.run(10);

  t.true(wire.send('bulk', 6, Buffer.alloc(200), 0));
  t.true(wire.send('bulk', 7, Buffer.alloc(200), 0));
});

test('one frame always fits', (t) => {
  const { wiring } = createBench();

  t.true(wiring.wire(1, 100).send('control', 1, Buffer.alloc(500), 0));
  t.false(wiring.wire(1, 100).send('control', 1, Buffer.alloc(1), 0));
});

test('an inbox hands out control frames first, and keeps the bulk of who is held', (t) => {
  const bench = createBench();
  const inbox = new Inbox();
  bench.wiring.wire(1, 2).send('bulk', 1, Buffer.alloc(8), 0);
  bench.wiring.wire(100, 2).send('bulk', 2, Buffer.alloc(8), 0);
  bench.wiring.wire(1, 2).send('control', 3, Buffer.alloc(8), 0);
  bench.run(5);
  for (const frame of bench.arrived) inbox.put(frame);
  const read: number[] = [];
  const drain = (): number => inbox.drain(({ kind }) => read.push(kind));

  inbox.hold(100);
  t.is(drain(), 2);
  t.deepEqual(read, [3, 1]);
  inbox.unhold(100);
  t.is(drain(), 1);

  t.deepEqual(read, [3, 1, 2]);
});

test('virtual time jumps from one appointment to the next, in order, and a disposed one is none', (t) => {
  const time = new VirtualTime();
  const seen: string[] = [];
  const note = (name: string) => (): number => seen.push(`${name} ${time.nowMs()}`);
  time.setTimer(5, note('late'));
  time.setTimer(1, note('early'));
  time.setTimer(1, note('early too'));
  const cancelled = time.setTimer(0, note('never'));
  cancelled[Symbol.dispose]();

  while (time.runNext());

  t.deepEqual(seen, ['early 1', 'early too 1', 'late 5']);
  t.throws(() => time.setTimer(Number.NaN, () => {}), { instanceOf: RangeError });
  t.is(time.nextMs, Number.POSITIVE_INFINITY);
});

test('the clock of a node runs at its own rate, and jumps', (t) => {
  const time = new VirtualTime();
  const clock = new LocalClock(time, 1.25);
  time.advanceTo(100);

  t.is(clock.nowMs(), 125);
  t.is(clock.trueMs(10), 8);
  clock.jump(-25);
  t.is(clock.nowMs(), 100);
});
