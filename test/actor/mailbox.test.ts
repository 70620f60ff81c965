import test from 'ava';
import { allocateLink, LinkWriter } from '../../src/actor/link.js';
import { Mailbox } from '../../src/actor/mailbox.js';
import { detour, livingSpace, pair, received, takeRouted } from './fixtures/one-thread.js';

/** Three producers into the mailbox of actor 4. */
function three(): { mailbox: Mailbox; writers: readonly LinkWriter[] } {
  const space = livingSpace();
  const mailbox = new Mailbox(space, 4);
  const writers = [1, 2, 3].map((source) => {
    const buffers = allocateLink(source, 4);
    mailbox.attach(buffers);
    return new LinkWriter(space, buffers);
  });
  return { mailbox, writers };
}

test('control frames overtake a saturated bulk lane (pitfall 43)', (t) => {
  const { writer, mailbox } = pair({ bulkBytes: 4_096 });
  while (writer.send('bulk', 1, Buffer.from('bulk')));
  writer.send('control', 2, Buffer.from('heartbeat'));

  const first = received(mailbox, { framesMax: 10 });

  t.is(first[0], 'heartbeat');
  t.is(first.length, 10, 'and the budget is kept');
});

test('a control frame that comes between two drains is first in the next one (pitfall 43)', (t) => {
  const { writer, mailbox } = pair();
  for (let count = 0; count < 20; count += 1) writer.send('bulk', 1, Buffer.from('bulk'));
  received(mailbox, { framesMax: 5 });
  writer.send('control', 2, Buffer.from('ack'));

  t.is(received(mailbox, { framesMax: 5 })[0], 'ack');
});

test('a drain stops after so many frames, or bytes, of bulk', (t) => {
  const { writer, mailbox } = pair();
  for (let count = 0; count < 20; count += 1) writer.send('bulk', 1, Buffer.alloc(968));

  t.is(received(mailbox, { framesMax: 3 }).length, 3);
  t.is(received(mailbox, { bytesMax: 2_000 }).length, 2);
  t.is(received(mailbox).length, 15);
});

test('a drain leaves half of a ring to its producer, however much it writes meanwhile', (t) => {
  const { writer, mailbox } = pair({ bulkBytes: 1_024, controlBytes: 1_024 });
  for (const lane of ['bulk', 'control'] as const) {
    writer.send(lane, 1, Buffer.alloc(32));

    // Every frame that is read brings another one.
    let refused = 0;
    const frames = mailbox.drain(() => {
      if (!writer.send(lane, 1, Buffer.alloc(32))) refused += 1;
    });
    mailbox.release();

    t.is(refused, 0, lane);
    t.is(frames, 8, 'of 64 bytes each');
    received(mailbox);
  }
});

test('producers take turns: a flood of one does not keep the others waiting', (t) => {
  const { mailbox, writers } = three();
  for (const [at, writer] of writers.entries()) {
    for (let count = 0; count < 30; count += 1) writer.send('bulk', 1, Buffer.from(`${at}`));
  }

  const heads = [0, 1, 2].map(() => received(mailbox, { framesMax: 10 })[0]);

  t.deepEqual(new Set(heads), new Set(['0', '1', '2']));
});

test('a held source is not read, its control lane is, and its producer is pushed back', (t) => {
  const { writer, mailbox } = pair({ bulkBytes: 256 });
  mailbox.hold(1);
  while (writer.send('bulk', 1, Buffer.from('bulk')));
  writer.send('control', 1, Buffer.from('control'));

  t.deepEqual(received(mailbox), ['control']);
  t.true(mailbox.isEmpty, 'an actor that holds may sleep');
  t.false(writer.send('bulk', 1, Buffer.from('bulk')));
  mailbox.unhold(1);
  t.false(mailbox.isEmpty);
  t.is(received(mailbox).length + received(mailbox).length, 6);
});

test('a hold in the middle of a drain leaves the rest unread', (t) => {
  const { writer, mailbox } = pair();
  for (const body of ['1', '2', '3']) writer.send('bulk', 1, Buffer.from(body));

  const seen = mailbox.drain(() => mailbox.hold(1));
  mailbox.release();

  t.is(seen, 1);
  mailbox.unhold(1);
  t.deepEqual(received(mailbox), ['2', '3']);
});

test('unhold and attach ring the bell of a sleeping owner', async (t) => {
  const { space, buffers, mailbox } = pair();
  mailbox.hold(1);
  for (const act of [() => mailbox.unhold(1), () => mailbox.attach(buffers)]) {
    space.announceSleep(2);
    const ring = space.waitForRing(2);
    act();
    t.is(await ring, 'ok');
  }
});

test('frames for a dead incarnation never reach its successor (pitfall 41)', (t) => {
  const { space, buffers, writer, mailbox } = pair();
  writer.send('bulk', 1, Buffer.from('for the first'));
  space.setIncarnation(2, 0);
  space.setIncarnation(2, 2);
  writer.send('bulk', 1, Buffer.from('for the second'));

  const successor = new Mailbox(space, 2);
  successor.attach(buffers);

  t.deepEqual(received(successor), ['for the second']);
  t.is(successor.counters.stale, 1);
  t.is(mailbox.counters.stale, 0);
});

test('frames of a dead incarnation are dropped, and so are those it still writes (pitfall 41)', (t) => {
  const { space, buffers, mailbox } = pair();
  const writer = new LinkWriter(space, buffers, undefined, 1);
  writer.send('bulk', 1, Buffer.from('before'));
  space.setIncarnation(1, 0);
  writer.send('bulk', 1, Buffer.from('after'));
  new LinkWriter(space, buffers, undefined, 1).send('bulk', 1, Buffer.from('a writer made late'));

  t.deepEqual(received(mailbox), []);
  t.is(mailbox.counters.stale, 3);
});

test('a routed frame whose bytes were changed is dropped, counted and settled', (t) => {
  const { writer, mailbox, supervisor, onward } = detour();
  writer.memory.setRouted(true);
  for (const body of ['good', 'bad', 'good']) writer.send('bulk', 1, Buffer.from(body));

  for (const [at, { lane, bytes }] of takeRouted(supervisor).entries()) {
    if (at === 1) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 4;
    onward.forward(lane, bytes);
  }

  t.deepEqual(received(mailbox), ['good', 'good']);
  t.is(mailbox.counters.corrupt, 1);
  t.is(writer.memory.routedInFlight, 0);
});

test('a stale frame settles its detour all the same', (t) => {
  const { space, writer, mailbox, supervisor, onward } = detour();
  writer.memory.setRouted(true);
  writer.send('bulk', 1, Buffer.from('a'));
  for (const { lane, bytes } of takeRouted(supervisor)) onward.forward(lane, bytes);
  space.setIncarnation(1, 2);

  t.deepEqual(received(mailbox), []);
  t.is(mailbox.counters.stale, 1);
  t.is(writer.memory.routedInFlight, 0);
});

test('a handler may detach a source in the middle of a drain', (t) => {
  const { mailbox, writers } = three();
  for (const writer of writers) writer.send('bulk', 1, Buffer.from('x'));

  t.notThrows(() => mailbox.drain(({ source }) => mailbox.detach(source)));
  t.true(mailbox.isEmpty);
});

test('frames, bytes and drains are counted', (t) => {
  const { writer, mailbox } = pair();
  writer.send('bulk', 1, Buffer.alloc(8));
  writer.send('control', 1, Buffer.alloc(16));
  received(mailbox);
  received(mailbox);

  t.deepEqual(mailbox.counters, { frames: 2, bytes: 88, drains: 2, stale: 0, corrupt: 0 });
});
