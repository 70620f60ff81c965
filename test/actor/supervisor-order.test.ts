// Threads are the subject here: strategies, order, links and deaths of several actors.
import test from 'ava';
import type { ChildSpec } from '../../src/actor/child.js';
import { Supervisor } from '../../src/actor/supervisor.js';
import type { SupervisorOptions } from '../../src/actor/supervisor-options.js';
import { type ObligingData, obligingRef } from './fixtures/obliging-protocol.js';
import { deathOf, eventOf, recorded, until, obligingWorker as worker } from './fixtures/waits.js';

function supervise(options: SupervisorOptions = {}): Supervisor {
  return new Supervisor({ backoff: { initialMs: 0 }, ...options });
}

function spec(id: string, more: Partial<ChildSpec> = {}, data: ObligingData = {}): ChildSpec {
  return { id, worker, data, ...more };
}

test.serial('one-for-all stops the siblings in reverse and starts all in order', async (t) => {
  await using supervisor = supervise({ strategy: 'one-for-all' });
  await supervisor.startAll([spec('a'), spec('b'), spec('c'), spec('d', { restart: 'temporary' })]);
  const events = recorded(supervisor);
  const ready = eventOf(supervisor, 'ready', 'c');

  await supervisor.crash('b');
  await ready;

  t.deepEqual(events, [
    'down b',
    'down d',
    'down c',
    'down a',
    'restarting a',
    'restarting b',
    'restarting c',
    'started a',
    'ready a',
    'started b',
    'ready b',
    'started c',
    'ready c',
  ]);
});

test.serial('one-for-all gives the group up when it dies too often', async (t) => {
  await using supervisor = supervise({ strategy: 'one-for-all', intensity: 1, periodMs: 60_000 });
  const [a] = await supervisor.startAll([spec('a'), spec('b')]);
  const gaveUp = eventOf(supervisor, 'gave-up');

  for (let death = 1; death <= 2; death += 1) {
    const next = Promise.race([gaveUp, eventOf(supervisor, 'ready', 'b')]);
    supervisor.tell(obligingRef(a?.actor ?? 0), { kind: 'fail', message: 'again' });
    await next;
  }
  await gaveUp;

  t.deepEqual(
    supervisor.children.map(({ state }) => state),
    ['down', 'down'],
  );
});

test.serial('one-for-all goes on until all siblings live again', async (t) => {
  await using supervisor = supervise({ strategy: 'one-for-all' });
  let lives = 0;
  const data = (): ObligingData => {
    lives += 1;
    return { failOnLoad: lives === 2 };
  };
  const [a] = await supervisor.startAll([spec('a'), { id: 'b', worker, data }]);
  const ready = eventOf(supervisor, 'ready', 'b');

  supervisor.tell(obligingRef(a?.actor ?? 0), { kind: 'fail', message: 'once' });
  await ready;

  t.is(lives, 3);
  t.deepEqual(
    supervisor.children.map(({ incarnation }) => incarnation),
    [3, 3],
  );
});

test.serial('startAll stops what it started, in reverse, when one cannot start', async (t) => {
  await using supervisor = supervise();
  const events = recorded(supervisor);

  const starting = supervisor.startAll([spec('a'), spec('b'), spec('c', {}, { failOnLoad: true })]);

  await t.throwsAsync(starting, { code: 'RAFT_WORKER_FAILED' });
  t.deepEqual(events.slice(-3), ['down c', 'down b', 'down a']);
});

test.serial('a stop lets the actor close, and does not restart it', async (t) => {
  const closes = new SharedArrayBuffer(16);
  await using supervisor = supervise();
  await supervisor.start(spec('a', {}, { closes, name: 5 }));
  const death = deathOf(supervisor, 'a');

  await supervisor.stop('a');

  t.deepEqual([...new Int32Array(closes)], [1, 5, 0, 0]);
  t.is((await death).reason, 'normal');
  t.is(supervisor.child('a').state, 'down');
  await supervisor.stop('a');
});

test.serial('an actor that does not close is ended after its shutdown time', async (t) => {
  await using supervisor = supervise();
  await supervisor.start(spec('a', { shutdownTimeoutMs: 20 }, { neverCloses: true }));
  const death = deathOf(supervisor, 'a');

  await supervisor.stop('a');

  t.is((await death).error?.code, 'RAFT_TIMEOUT');
});

test.serial('links outlive a restart, at both ends', async (t) => {
  await using supervisor = supervise();
  const [a, b] = await supervisor.startAll([spec('a'), spec('b')]);
  if (!a || !b) return t.fail();
  await supervisor.connect('a', 'b');
  await supervisor.connect('a', 'b');

  for (const id of ['a', 'b']) await supervisor.restart(id);

  for (const [ref, peer] of [
    [obligingRef(a.actor), b.actor],
    [obligingRef(b.actor), a.actor],
  ] as const) {
    t.deepEqual(await supervisor.ask(ref, { kind: 'peers' }), [peer]);
    t.is(await supervisor.ask(ref, { kind: 'askPeer', peer, ask: 'incarnation' }), 2);
  }
});

test.serial('actors can be connected before they are started', async (t) => {
  await using supervisor = supervise();
  const [a, b] = [supervisor.allocateActor(), supervisor.allocateActor()];
  await supervisor.connect(a, b);

  await supervisor.startAll([spec('a', { actor: a }), spec('b', { actor: b })]);

  t.is(await supervisor.ask(obligingRef(a), { kind: 'askPeer', peer: b, ask: 'incarnation' }), 1);
});

test.serial('links that come during the start are announced to the behavior', async (t) => {
  await using supervisor = supervise();
  const [a, before] = [supervisor.allocateActor(), supervisor.allocateActor()];
  await supervisor.connect(a, before);
  const startGate = new SharedArrayBuffer(4);
  const started = eventOf(supervisor, 'started', 'a');
  const starting = supervisor.start(spec('a', { actor: a }, { startGate }));
  await started;
  const during = supervisor.allocateActor();
  // Resolves when the actor has opened its ends: its start waits meanwhile.
  await supervisor.connect(a, during);
  const gate = new Int32Array(startGate);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await starting;
  const after = supervisor.allocateActor();
  await supervisor.connect(a, after);

  const ref = obligingRef(a);
  t.deepEqual(await supervisor.ask(ref, { kind: 'attached' }), [during, after]);
  t.deepEqual(await supervisor.ask(ref, { kind: 'peers' }), [before, during, after]);
});

test.serial('an actor sees the deaths of its peers', async (t) => {
  await using supervisor = supervise();
  const [a, b] = await supervisor.startAll([spec('a'), spec('b')]);
  if (!a || !b) return t.fail();
  await supervisor.connect('a', 'b');
  const ref = obligingRef(a.actor);
  await supervisor.ask(ref, { kind: 'watch', peer: b.actor });

  for (let crash = 1; crash <= 2; crash += 1) {
    const ready = eventOf(supervisor, 'ready', 'b');
    await supervisor.crash('b');
    await ready;
  }

  t.deepEqual(await supervisor.ask(ref, { kind: 'downs' }), [1, 2]);
});

test.serial('monitors end when they are disposed', async (t) => {
  await using supervisor = supervise();
  await supervisor.start(spec('a'));
  let deaths = 0;
  const monitor = supervisor.monitor('a', () => {
    deaths += 1;
  });
  await supervisor.restart('a');
  monitor[Symbol.dispose]();
  await supervisor.restart('a');

  t.is(deaths, 1);
});

test.serial('ids are not endless', async (t) => {
  await using supervisor = supervise({ actorsMax: 3 });
  supervisor.allocateActor();
  supervisor.allocateActor();

  t.throws(() => supervisor.allocateActor(), { code: 'RAFT_OVERLOADED' });
  await t.throwsAsync(supervisor.start(spec('a')), { code: 'RAFT_OVERLOADED' });
});

test.serial(
  'a dispose stops the children in reverse, is idempotent, and refuses what comes',
  async (t) => {
    const closes = new SharedArrayBuffer(16);
    const supervisor = supervise();
    const names = [1, 2, 3];
    await supervisor.startAll(names.map((name) => spec(`n${name}`, {}, { closes, name })));

    await Promise.all([supervisor[Symbol.asyncDispose](), supervisor[Symbol.asyncDispose]()]);
    await supervisor[Symbol.asyncDispose]();

    t.deepEqual([...new Int32Array(closes)], [3, 3, 2, 1]);
    const refused = { code: 'RAFT_STOPPED' };
    await t.throwsAsync(supervisor.start(spec('late')), refused);
    await t.throwsAsync(supervisor.restart('n1'), refused);
    await t.throwsAsync(supervisor.connect('n1', 'n2'), refused);
    t.throws(() => supervisor.openPort([]), refused);
  },
);

test.serial('a dispose during a start, and during the wait for a restart, ends both', async (t) => {
  const supervisor = supervise({ backoff: { initialMs: 60_000, maxMs: 60_000 } });
  await supervisor.start(spec('waiting'));
  const restarting = eventOf(supervisor, 'restarting', 'waiting');
  await supervisor.crash('waiting');
  await restarting;
  t.is(supervisor.child('waiting').state, 'waiting');
  const starting = t.throwsAsync(supervisor.start(spec('starting')), { code: 'RAFT_STOPPED' });

  await supervisor[Symbol.asyncDispose]();

  await starting;
  t.deepEqual(
    supervisor.children.map(({ state }) => state),
    ['down'],
  );
});

test.serial('links, children and what nobody routed are counted', async (t) => {
  await using supervisor = supervise();
  const [a, b] = await supervisor.startAll([spec('a'), spec('b')]);
  if (!a || !b) return t.fail();
  await supervisor.connect('a', 'b');
  supervisor.linkMemory('a', 'b')?.setRouted(true);

  const message = { kind: 'add', by: 1 };
  t.true(await supervisor.ask(obligingRef(a.actor), { kind: 'tellPeer', peer: b.actor, message }));
  await until(() => supervisor.counters().unrouted === 1);

  const counters = supervisor.counters();
  t.deepEqual(
    counters.links.find(({ source, destination }) => source === a.actor && destination === b.actor),
    { source: 1, destination: 2, isRouted: true, refusedFull: 0, routedInFlight: 0 },
  );
  t.deepEqual(counters.children[1], { id: 'b', actor: 2, incarnation: 1, state: 'ready' });
  t.is((await a.counters()).mailbox.frames, 1);
  t.is(counters.own.messenger.unhandled, 0);
});
