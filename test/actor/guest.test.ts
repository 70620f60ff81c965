// Threads are the subject here: actors in threads that the supervisor did not start.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import type { GuestPort } from '../../src/actor/guest.js';
import { openGuest } from '../../src/actor/guest.js';
import { messageActor } from '../../src/actor/message-behavior.js';
import { actorRef } from '../../src/actor/ref.js';
import { Supervisor } from '../../src/actor/supervisor.js';
import { type ErrorRecord, unpackError } from '../../src/errors.js';
import type { GuestOrder } from './fixtures/guest-thread.js';
import { obligingRef } from './fixtures/obliging-protocol.js';
import { deathOf, until, obligingWorker as worker } from './fixtures/waits.js';

class GuestThread {
  readonly worker: Worker;

  private constructor(worker: Worker) {
    this.worker = worker;
  }

  static async start(port: GuestPort): Promise<GuestThread> {
    const thread = new Worker(new URL('./fixtures/guest-thread.js', import.meta.url), {
      workerData: { port },
      transferList: [port.control],
    });
    await once(thread, 'message');
    return new GuestThread(thread);
  }

  async order(order: GuestOrder): Promise<unknown> {
    const answered = once(this.worker, 'message');
    this.worker.postMessage(order);
    const [{ value, error }] = (await answered) as [{ value?: unknown; error?: ErrorRecord }];
    if (error) throw unpackError(error);
    return value;
  }
}

test.serial('a guest on the thread of its supervisor tells and asks', async (t) => {
  await using supervisor = new Supervisor();
  const { actor } = await supervisor.start({ id: 'a', worker });
  await using guest = openGuest(supervisor.openPort(['a']));
  const ref = obligingRef(actor);

  t.true(guest.context.tell(ref, { kind: 'add', by: 2 }));
  t.is(await guest.context.ask(ref, { kind: 'add', by: 3 }), 5);
  t.deepEqual(guest.context.peers(), [actor]);
});

test.serial('a guest can be asked by its peers and by the supervisor', async (t) => {
  await using supervisor = new Supervisor();
  const { actor } = await supervisor.start({ id: 'a', worker });
  await using guest = openGuest(
    supervisor.openPort(['a']),
    messageActor(() => ({ name: () => 'a guest' })),
  );
  const { id } = guest.context;
  // Whom the guest has reached knows it.
  await guest.context.ask(obligingRef(actor), { kind: 'add', by: 0 });

  t.is(await supervisor.ask(actorRef(id), { kind: 'name' }), 'a guest');
  const asked = supervisor.ask(obligingRef(actor), { kind: 'askPeer', peer: id, ask: 'name' });
  t.is(await asked, 'a guest');
});

test.serial(
  'a guest in another thread talks to actors without passing through this one',
  async (t) => {
    await using supervisor = new Supervisor();
    const { actor } = await supervisor.start({ id: 'a', worker });
    const thread = await GuestThread.start(supervisor.openPort(['a']));

    t.is(await thread.order({ order: 'ask', actor, by: 4 }), 4);
    t.is(await thread.order({ order: 'ask', actor, by: 4 }), 8);
    t.is(supervisor.mailbox.counters.frames, 0);

    await thread.worker.terminate();
  },
);

test.serial(
  'a guest that leaves is taken down at its peers, and its id is used again',
  async (t) => {
    await using supervisor = new Supervisor();
    const { actor } = await supervisor.start({ id: 'a', worker });
    const port = supervisor.openPort(['a']);
    const guest = openGuest(port);
    const ref = obligingRef(actor);
    await guest.context.ask(ref, { kind: 'add', by: 1 });
    t.deepEqual(await supervisor.ask(ref, { kind: 'peers' }), [port.id]);
    const death = deathOf(supervisor, port.id);
    const asked = guest.context.ask(ref, { kind: 'never' });
    const rejected = t.throwsAsync(asked, { code: 'RAFT_STOPPED' });

    await Promise.all([guest.close(), guest.close()]);

    await rejected;
    t.is((await death).reason, 'normal');
    await until(() => supervisor.linkTo(port.id) === undefined);
    t.deepEqual(await supervisor.ask(ref, { kind: 'peers' }), []);
    t.is(supervisor.counters().guests, 0);
    t.is(supervisor.linkMemory(port.id, 'a'), undefined);
    const successor = supervisor.openPort(['a']);
    t.is(successor.id, port.id);
    t.is(successor.incarnation, 2);
    await using second = openGuest(successor);
    t.is(await second.context.ask(ref, { kind: 'read' }), 1);
  },
);

test.serial(
  'the sudden death of a guest thread takes its links down and tells who watches',
  async (t) => {
    await using supervisor = new Supervisor();
    const { actor } = await supervisor.start({ id: 'a', worker });
    const ref = obligingRef(actor);
    const port = supervisor.openPort(['a']);
    const thread = await GuestThread.start(port);
    await thread.order({ order: 'ask', actor, by: 1 });
    await supervisor.ask(ref, { kind: 'watch', peer: port.id });
    const death = deathOf(supervisor, port.id);

    await thread.worker.terminate();

    t.is((await death).reason, 'crashed');
    t.is(supervisor.space.incarnation(port.id), 0);
    await until(async () => (await supervisor.ask(ref, { kind: 'peers' })).length === 0);
    t.deepEqual(await supervisor.ask(ref, { kind: 'downs' }), [1]);
  },
);

test.serial(
  'an id is not used again while a peer may still hold its old links (pitfall 41)',
  async (t) => {
    await using supervisor = new Supervisor();
    const { actor } = await supervisor.start({ id: 'a', worker });
    const port = supervisor.openPort(['a']);
    const thread = await GuestThread.start(port);
    await thread.order({ order: 'ask', actor, by: 1 });
    await supervisor.pause('a');
    const death = deathOf(supervisor, port.id);
    await thread.worker.terminate();
    await death;

    t.not(supervisor.openPort(['a']).id, port.id, 'a has not heard of it yet');
    supervisor.resume('a');
    await until(() => supervisor.linkTo(port.id) === undefined);

    t.is(supervisor.allocateActor(), port.id);
  },
);

test.serial(
  'the death of an actor rejects what a guest in another thread asked of it',
  async (t) => {
    await using supervisor = new Supervisor();
    const { actor } = await supervisor.start({ id: 'a', worker });
    const thread = await GuestThread.start(supervisor.openPort(['a']));
    const asked = thread.order({ order: 'ask-never', actor });
    const rejected = t.throwsAsync(asked, { code: 'RAFT_NODE_DOWN' });
    const ref = obligingRef(actor);
    await until(async () => (await supervisor.child('a').counters()).mailbox.frames === 1);
    t.is(await supervisor.ask(ref, { kind: 'read' }), 0);

    await supervisor.crash('a', { restart: false });

    await rejected;
    await thread.worker.terminate();
  },
);

test.serial('a guest has the links of a peer that was restarted', async (t) => {
  await using supervisor = new Supervisor();
  const { actor } = await supervisor.start({ id: 'a', worker });
  await using guest = openGuest(supervisor.openPort(['a']));

  await supervisor.restart('a');

  t.is(await guest.context.ask(obligingRef(actor), { kind: 'incarnation' }), 2);
});

test.serial(
  'the end of the supervisor rejects what a guest asked, and closes its behavior',
  async (t) => {
    const supervisor = new Supervisor();
    const { actor } = await supervisor.start({ id: 'a', worker });
    let closes = 0;
    const close = (): void => {
      closes += 1;
    };
    const guest = openGuest(
      supervisor.openPort(['a']),
      messageActor(() => ({}), { close }),
    );
    const ref = obligingRef(actor);
    const rejected = t.throwsAsync(guest.context.ask(ref, { kind: 'never' }), {
      code: 'RAFT_STOPPED',
    });

    await supervisor[Symbol.asyncDispose]();

    await rejected;
    t.is(closes, 1);
    await t.throwsAsync(guest.context.ask(ref, { kind: 'read' }), { code: 'RAFT_STOPPED' });
    await guest.close();
    t.is(closes, 1);
  },
);

test.serial('a behavior hears of links that come and go, and of deaths', async (t) => {
  await using supervisor = new Supervisor({ backoff: { initialMs: 0 } });
  await supervisor.start({ id: 'a', worker });
  const heard: string[] = [];
  await using guest = openGuest(supervisor.openPort([]), () => ({
    turn: () => false,
    linkAttached: (peer) => heard.push(`attached ${peer}`),
    linkDetached: (peer) => heard.push(`detached ${peer}`),
    peerDown: ({ actor, incarnation, reason }) => {
      heard.push(`down ${actor} ${incarnation} ${reason}`);
    },
  }));
  const { id } = guest.context;
  const { actor } = supervisor.child('a');

  await supervisor.connect(id, 'a');
  const link = guest.context.link(actor);
  await supervisor.crash('a', { restart: false });
  await supervisor.disconnect(id, 'a');

  t.deepEqual(heard, [`attached ${actor}`, `down ${actor} 1 crashed`, `detached ${actor}`]);
  t.is(guest.context.link(actor), undefined);
  t.false(link?.send('bulk', 1, Buffer.alloc(0)));
});

test.serial('an idle guest keeps no thread alive', async (t) => {
  await using supervisor = new Supervisor();
  const { actor } = await supervisor.start({ id: 'a', worker });
  const port = supervisor.openPort(['a']);
  const thread = await GuestThread.start(port);
  await thread.order({ order: 'ask', actor, by: 1 });
  const [exited, death] = [once(thread.worker, 'exit'), deathOf(supervisor, port.id)];

  await thread.order({ order: 'idle' });

  t.deepEqual(await exited, [0]);
  t.is((await death).reason, 'crashed', 'it did not say good-bye');
});

test.serial('a port that nobody opens goes with its supervisor', async (t) => {
  const supervisor = new Supervisor();
  supervisor.openPort([]);

  await t.notThrowsAsync(supervisor[Symbol.asyncDispose]());
});

test.serial('hundreds of guests come and go while a peer of theirs is paused', async (t) => {
  const linkOptions = { controlBytes: 4096, bulkBytes: 4096 };
  await using supervisor = new Supervisor({ linkOptions, actorsMax: 512 });
  const { actor } = await supervisor.start({ id: 'a', worker });
  await supervisor.pause('a');

  // Three pieces of news for each: more than calls may wait.
  const guests = Array.from({ length: 400 }, () => openGuest(supervisor.openPort(['a'])));
  await Promise.all(guests.map((guest) => guest.close()));
  await until(() => supervisor.counters().guests === 0);
  supervisor.resume('a');

  await until(() => supervisor.counters().links.length === 2);
  await using guest = openGuest(supervisor.openPort(['a']));
  t.is(await guest.context.ask(obligingRef(actor), { kind: 'add', by: 3 }), 3);
});
