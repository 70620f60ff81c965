// Threads are the subject here: what one thread writes, another one reads.
import test from 'ava';
import { envelopeBytes } from '../../src/actor/envelope.js';
import { openGuest } from '../../src/actor/guest.js';
import type { Lane } from '../../src/actor/link.js';
import { Supervisor } from '../../src/actor/supervisor.js';
import { pingKind } from './fixtures/kinds.js';
import { eventOf, until, floodingWorker as worker } from './fixtures/waits.js';

test.serial(
  'a flood through a small ring arrives whole and in order, both ways at once',
  async (t) => {
    await using supervisor = new Supervisor({ linkOptions: { bulkBytes: 2 ** 14 } });
    const [a, b] = await supervisor.startAll([
      { id: 'a', worker },
      { id: 'b', worker },
    ]);
    if (!a || !b) return t.fail();
    await supervisor.connect('a', 'b');

    await a.call('flood', [{ peer: b.actor, frames: 60_000, bodyBytesMax: 512 }]);
    await b.call('flood', [{ peer: a.actor, frames: 60_000, bodyBytesMax: 64 }]);

    t.true(await b.call('received', [60_000]));
    t.true(await a.call('received', [60_000]));
    const refused = supervisor.linkMemory('a', 'b')?.counters.refusedFull ?? 0;
    t.true(refused > 0, 'the ring was full at times, and that was counted');
  },
);

test.serial(
  'a link that is switched to and fro under a flood keeps its order and loses nothing',
  async (t) => {
    await using supervisor = new Supervisor({ linkOptions: { bulkBytes: 2 ** 16 } });
    const [a, b] = await supervisor.startAll([
      { id: 'a', worker },
      { id: 'b', worker },
    ]);
    if (!a || !b) return t.fail();
    await supervisor.connect('a', 'b');
    const memory = supervisor.linkMemory('a', 'b');
    const held = holdRouted(supervisor);
    let routed = 0;
    // Every frame waits for the next turn, so that one sent straight afterwards would overtake it.
    supervisor.onTurn = () => {
      const refused = held.findIndex(
        ({ lane, bytes }) => !supervisor.linkTo('b')?.forward(lane, bytes),
      );
      routed += held.splice(0, refused < 0 ? held.length : refused).length;
      return held.length > 0;
    };
    const [rounds, framesPerRound] = [24, 2_000];

    for (let round = 1; round <= rounds; round += 1) {
      await a.call('flood', [{ peer: b.actor, frames: framesPerRound, bodyBytesMax: 256 }]);
      // In the middle of the flood: the next one begins as this one ended.
      memory?.setRouted(round % 2 === 1);
      t.true(await b.call('received', [round * framesPerRound]), `round ${round}`);
    }

    t.true(routed > 0);
    t.true(routed < rounds * framesPerRound);
    t.is(memory?.routedInFlight, 0);
  },
);

test.serial('no ring of the bell is lost in thousands of short exchanges', async (t) => {
  await using supervisor = new Supervisor();
  const peer = await supervisor.start({ id: 'peer', worker });
  const rounds = 10_000;
  let round = 0;
  await new Promise<void>((resolve) => {
    openGuest(supervisor.openPort(['peer']), (context) => {
      const ping = (): void => {
        context.link(peer.actor)?.send('bulk', pingKind, Buffer.alloc(8));
      };
      ping();
      return {
        turn() {
          const pongs = context.mailbox.drain(() => {
            round += 1;
            if (round === rounds) return resolve();
            // The peer is on its way to sleep: meet it at another instruction each time.
            for (let spin = 0; spin < (round * 37) % 2_000; spin += 1) Math.sqrt(spin);
            ping();
          });
          context.mailbox.release();
          return pongs > 0;
        },
      };
    });
  });

  t.is(round, rounds);
});

test.serial(
  'what is held on the way reaches no successor, and nobody from the dead (pitfall 41)',
  async (t) => {
    await using supervisor = new Supervisor({ backoff: { initialMs: 0 } });
    const [a, b] = await supervisor.startAll([
      { id: 'a', worker },
      { id: 'b', worker },
    ]);
    if (!a || !b) return t.fail();
    await supervisor.connect('a', 'b');
    const memory = supervisor.linkMemory('a', 'b');
    const held = holdRouted(supervisor);
    const expected = { stale: 0, frames: 0 };

    for (const victim of ['a', 'b', 'a', 'b']) {
      memory?.setRouted(true);
      await a.call('flood', [{ peer: b.actor, frames: 1, bodyBytesMax: 64 }]);
      await until(() => held.length === 1);
      const ready = eventOf(supervisor, 'ready', victim);
      await supervisor.crash(victim);
      await ready;
      memory?.setRouted(false);
      await a.call('flood', [{ peer: b.actor, frames: 1, bodyBytesMax: 64 }]);
      for (const { lane, bytes } of held.splice(0)) supervisor.linkTo('b')?.forward(lane, bytes);
      if (victim === 'b') Object.assign(expected, { stale: 0, frames: 0 });
      expected.stale += 1;
      expected.frames += 1;
      await until(async () => {
        const { mailbox } = await b.counters();
        return mailbox.stale + mailbox.frames >= expected.stale + expected.frames;
      });

      const { stale, frames } = (await b.counters()).mailbox;
      t.deepEqual({ stale, frames }, expected, `after the death of ${victim}`);
      t.is(memory?.routedInFlight, 0);
    }
  },
);

/** Takes what is routed and keeps it. */
function holdRouted(supervisor: Supervisor): { lane: Lane; bytes: Buffer }[] {
  const held: { lane: Lane; bytes: Buffer }[] = [];
  supervisor.onRouted = ({ lane, bytes, start, end }) => {
    const length = end - start + envelopeBytes;
    held.push({ lane, bytes: Buffer.copyBytesFrom(bytes, start - envelopeBytes, length) });
  };
  return held;
}
