import test from 'ava';
import { Loop } from '../../src/actor/loop.js';
import { Mailbox } from '../../src/actor/mailbox.js';
import { livingSpace, pair, received } from './fixtures/one-thread.js';
import { until } from './fixtures/waits.js';

test('a frame that comes after the drain and before sleep is not slept over', async (t) => {
  const { space, writer, mailbox } = pair();
  const seen: string[] = [];
  let turns = 0;
  using _loop = new Loop(
    space,
    mailbox,
    () => {
      turns += 1;
      seen.push(...received(mailbox));
      // The bell is awake: nobody rings.
      if (turns === 1) writer.send('bulk', 1, Buffer.from('late'));
      return false;
    },
    { canBlock: false },
  );

  await until(() => turns >= 2);

  t.deepEqual(seen, ['late']);
});

test('room that is given back after the turn and before sleep is not slept over', async (t) => {
  const { space, writer, mailbox } = pair({ bulkBytes: 256 });
  let turns = 0;
  using _loop = new Loop(
    space,
    new Mailbox(space, 1),
    () => {
      turns += 1;
      if (turns === 1) {
        while (writer.send('bulk', 1, Buffer.alloc(32)));
        received(mailbox);
      }
      return false;
    },
    { canBlock: false },
  );

  await until(() => turns >= 2);

  t.is(turns, 2);
});

test('a sleeping loop wakes for a frame, and takes no turn without one', async (t) => {
  const { space, writer, mailbox } = pair();
  const { turns, turn } = counted(() => received(mailbox).length > 0);
  using _loop = new Loop(space, mailbox, turn, { canBlock: false });
  await until(() => turns() === 1);

  for (let frame = 1; frame <= 50; frame += 1) {
    writer.send('bulk', 1, Buffer.alloc(0));
    await until(() => turns() === 1 + 2 * frame);
  }

  t.is(turns(), 101, 'one turn that finds the frame, one that finds nothing');
});

test('a flood starves neither timers nor the control plane', async (t) => {
  const { space, mailbox } = pair();
  const { turns, turn } = counted(() => true);
  using _loop = new Loop(space, mailbox, turn, { canBlock: false });

  await new Promise((resolve) => setTimeout(resolve, 1));

  t.true(turns() > 0);
});

test('a disposed loop takes no further turn', async (t) => {
  const { space, writer, mailbox } = pair();
  const { turns, turn } = counted(() => false);
  const loop = new Loop(space, mailbox, turn, { canBlock: false });
  await until(() => turns() === 1);

  loop[Symbol.dispose]();
  writer.send('bulk', 1, Buffer.alloc(0));
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));

  t.is(turns(), 1);
});

test('a thread that is shared with others is never blocked by a pause', async (t) => {
  const { space, mailbox } = pair();
  const { turns, turn } = counted(() => false);
  space.pause(2);
  using _loop = new Loop(space, mailbox, turn, { canBlock: false });

  await until(() => turns() === 1);

  t.pass();
});

test('waiting for a pause ends when the actor is resumed before it has stopped', async (t) => {
  const space = livingSpace();
  space.pause(1);
  const stopped = space.waitForPause(1);
  space.resume(1);

  await stopped;

  t.false(space.isPaused(1));
});

function counted(turn: () => boolean): { turns: () => number; turn: () => boolean } {
  let turns = 0;
  return {
    turns: () => turns,
    turn: () => {
      turns += 1;
      return turn();
    },
  };
}
