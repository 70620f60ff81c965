import test from 'ava';
import { markDuplicate } from '../../src/actor/envelope.js';
import { LinkMemory, LinkWriter } from '../../src/actor/link.js';
import { detour, livingSpace, pair, received, takeRouted } from './fixtures/one-thread.js';

test('a frame carries source, destination, incarnations, kind, lane and correlation', (t) => {
  const space = livingSpace();
  space.setIncarnation(1, 7);
  space.setIncarnation(2, 9);
  const { writer, mailbox } = pair({}, space);

  writer.send('control', 200, Buffer.from('body'), -5);

  const seen: unknown[] = [];
  mailbox.drain((frame) => {
    const { source, destination, sourceIncarnation, kind, lane, correlationId } = frame;
    seen.push({ source, destination, sourceIncarnation, kind, lane, correlationId });
    seen.push(frame.start % 8, frame.bytes.toString('latin1', frame.start, frame.end));
  });
  t.deepEqual(seen, [
    {
      source: 1,
      destination: 2,
      sourceIncarnation: 7,
      kind: 200,
      lane: 'control',
      correlationId: -5,
    },
    0,
    'body',
  ]);
  t.is(writer.destinationIncarnation, 9);
});

test('ids up to 65,535 fit the envelope', (t) => {
  const { space, buffers } = pair();
  const memory = new LinkMemory(buffers);
  new LinkWriter(space, { ...buffers, source: 0xfffe }, undefined, 3).send(
    'bulk',
    1,
    Buffer.alloc(0),
  );

  t.is(memory.bytes.readUInt16LE(memory.bulk.dataStart + 4), 0xfffe);
  t.is(memory.bytes.readUInt16LE(memory.bulk.dataStart + 6), 2);
});

test('a full ring pushes back and counts; a frame that can never fit is too large', (t) => {
  const { writer, mailbox } = pair({ bulkBytes: 256 });
  const body = Buffer.from('x'.repeat(32));
  while (writer.send('bulk', 1, body));

  t.is(writer.refusal, 'full');
  t.is(writer.memory.counters.refusedFull, 1);
  t.true(writer.send('control', 1, body), 'the lanes do not share room');
  t.false(writer.send('bulk', 1, Buffer.alloc(128)));
  t.is(writer.refusal, 'too-large');
  t.deepEqual([received(mailbox).length, received(mailbox).length], [3, 2]);
  t.true(writer.send('bulk', 1, body));
});

test('the ring to a dead actor refuses at once', (t) => {
  const { space, writer } = pair();
  space.setIncarnation(2, 0);

  t.false(writer.send('bulk', 1, Buffer.alloc(0)));
  t.is(writer.refusal, 'dead');
});

test('a detached writer refuses even when its id lives again', (t) => {
  const { writer } = pair();
  writer.detach();

  t.false(writer.send('bulk', 1, Buffer.alloc(0)));
  t.is(writer.refusal, 'dead');
});

test('a pushed back producer is rung once when room is given back', (t) => {
  const { space, writer, mailbox } = pair({ bulkBytes: 256 });
  while (writer.send('bulk', 1, Buffer.alloc(32)));

  t.false(space.takeRingForRoom(1));
  received(mailbox);
  t.true(space.takeRingForRoom(1));
  writer.send('bulk', 1, Buffer.alloc(0));
  received(mailbox);
  t.false(space.takeRingForRoom(1), 'nobody waits for room any more');
});

test('a routed frame goes by way of the supervisor and is settled at its destination', (t) => {
  const { writer, mailbox, supervisor, onward } = detour();
  writer.memory.setRouted(true);

  writer.send('bulk', 1, Buffer.from('a'));

  t.deepEqual(received(mailbox), []);
  t.is(writer.memory.routedInFlight, 1);
  for (const { lane, bytes } of takeRouted(supervisor)) onward.forward(lane, bytes);
  t.deepEqual(received(mailbox), ['a']);
  t.is(writer.memory.routedInFlight, 0);
});

test('a link goes back to express only when its detour is empty, so its order is kept', (t) => {
  const { writer, mailbox, supervisor, onward } = detour();
  writer.send('bulk', 1, Buffer.from('1 express'));
  writer.memory.setRouted(true);
  writer.send('bulk', 1, Buffer.from('2 routed'));
  writer.memory.setRouted(false);
  writer.send('bulk', 1, Buffer.from('3 routed still'));

  const frames = takeRouted(supervisor);
  t.is(frames.length, 2);
  for (const { lane, bytes } of frames) onward.forward(lane, bytes);
  t.deepEqual(received(mailbox), ['1 express', '2 routed', '3 routed still']);

  writer.send('bulk', 1, Buffer.from('4 express'));
  t.deepEqual(takeRouted(supervisor), []);
  t.deepEqual(received(mailbox), ['4 express']);
});

test('what went straight before the switch is handed out before what was routed, in each lane', (t) => {
  const { buffers, writer, mailbox, supervisor, onward } = detour();
  // Attached anew, the direct ring is looked at after that of the supervisor.
  mailbox.attach(buffers);
  for (const lane of ['bulk', 'control'] as const) {
    writer.memory.setRouted(false);
    writer.send(lane, 1, Buffer.from(`${lane} 1`));
    writer.memory.setRouted(true);
    writer.send(lane, 1, Buffer.from(`${lane} 2`));
    for (const { lane: forwarded, bytes } of takeRouted(supervisor)) {
      onward.forward(forwarded, bytes);
    }
    t.deepEqual(received(mailbox), [`${lane} 1`, `${lane} 2`]);
  }
});

test('a frame that was dropped on the way settles when the supervisor says so', (t) => {
  const { writer, supervisor } = detour();
  writer.memory.setRouted(true);
  writer.send('bulk', 1, Buffer.from('a'));

  const [frame] = takeRouted(supervisor);
  if (frame) writer.memory.settle(frame.bytes);

  t.is(writer.memory.routedInFlight, 0);
});

test('a duplicate made on the way settles nothing', (t) => {
  const { writer, mailbox, supervisor, onward } = detour();
  writer.memory.setRouted(true);
  writer.send('bulk', 1, Buffer.from('a'));
  writer.send('bulk', 1, Buffer.from('b'));

  const [frame] = takeRouted(supervisor);
  if (frame) {
    const copy = Buffer.from(frame.bytes);
    markDuplicate(copy);
    onward.forward(frame.lane, copy);
    onward.forward(frame.lane, frame.bytes);
  }

  t.deepEqual(received(mailbox), ['a', 'a']);
  t.is(writer.memory.routedInFlight, 1, 'b is still under way');
});

test('frames of the time before an end died settle nothing afterwards (pitfall 41)', (t) => {
  const { writer, supervisor } = detour();
  writer.memory.setRouted(true);
  writer.send('bulk', 1, Buffer.from('old'));
  const [old] = takeRouted(supervisor);
  writer.memory.resetRoute();
  t.is(writer.memory.routedInFlight, 0);

  writer.send('bulk', 1, Buffer.from('new'));
  if (old) writer.memory.settle(old.bytes);

  t.is(writer.memory.routedInFlight, 1);
  writer.memory.settleRouted();
  writer.memory.settleRouted();
  t.is(writer.memory.routedInFlight, 0, 'never below none');
});

test('the generations of a detour may wrap', (t) => {
  const { writer } = detour();
  for (let death = 0; death < 2_500; death += 1) {
    writer.memory.resetRoute();
    const generation = writer.memory.countRouted();
    writer.memory.settleRouted(generation);
    if (writer.memory.routedInFlight !== 0) t.fail(`death ${death}`);
  }
  t.pass();
});
