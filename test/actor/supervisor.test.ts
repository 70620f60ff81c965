// Threads are the subject here: how they are started, watched, hurt and ended.
import test from 'ava';
import type { ChildSpec } from '../../src/actor/child.js';
import { Supervisor } from '../../src/actor/supervisor.js';
import type { SupervisorOptions } from '../../src/actor/supervisor-options.js';
import type { ErrorRecord, RaftError } from '../../src/errors.js';
import { type ObligingData, obligingRef } from './fixtures/obliging-protocol.js';
import { deathOf, eventOf, recorded, until, obligingWorker as worker } from './fixtures/waits.js';

function supervise(options: SupervisorOptions = {}): Supervisor {
  return new Supervisor({ backoff: { initialMs: 0 }, ...options });
}

function spec(id: string, more: Partial<ChildSpec> = {}, data: ObligingData = {}): ChildSpec {
  return { id, worker, data, ...more };
}

test.serial('a start resolves when the actor is ready', async (t) => {
  await using supervisor = supervise();
  const events = recorded(supervisor);

  const child = await supervisor.start(spec('a'));

  t.deepEqual(events, ['started a', 'ready a']);
  t.is(child.state, 'ready');
  t.is(child.incarnation, 1);
  t.is(supervisor.space.incarnation(child.actor), 1);
  t.is(supervisor.child('a'), child);
});

const failures: readonly [
  string,
  Partial<ChildSpec>,
  ObligingData,
  (cause: ErrorRecord) => boolean,
][] = [
  [
    'its file is missing',
    { worker: new URL('./missing.js', import.meta.url) },
    {},
    ({ code }) => code === 'MODULE_NOT_FOUND',
  ],
  [
    'its address is no file',
    { worker: new URL('https://localhost/worker.js') },
    {},
    ({ code }) => code === 'ERR_INVALID_URL_SCHEME',
  ],
  ['it throws on load', {}, { failOnLoad: true }, ({ message }) => message === 'refused to load'],
  ['it exits early', {}, { exitOnLoad: true }, () => true],
  [
    'it is not ready in time',
    { startTimeoutMs: 300 },
    { neverReady: true },
    ({ code }) => code === 'RAFT_TIMEOUT',
  ],
  [
    'its data cannot be cloned',
    { data: { handler: () => 1 } },
    {},
    ({ name }) => name === 'DataCloneError',
  ],
];

for (const [why, more, data, isExpected] of failures) {
  test.serial(`a worker that cannot start because ${why} rejects the start, once`, async (t) => {
    await using supervisor = supervise();
    const events = recorded(supervisor);
    const { actorsMax } = supervisor.space;

    const error = await t.throwsAsync<RaftError>(supervisor.start(spec('a', { data, ...more })));

    t.is(error?.code, 'RAFT_WORKER_FAILED');
    t.is(error?.details.nodeId, 'a');
    t.true(isExpected(error?.cause as ErrorRecord), String(error?.cause));
    t.deepEqual(events, ['started a', 'down a'], 'and it is not tried again');
    t.deepEqual(supervisor.children, []);
    t.is(supervisor.space.actorsMax, actorsMax);
    const successor = await supervisor.start(spec('a'));
    t.is(successor.actor, 1, 'name and id are free again');
    t.is(successor.incarnation, 2);
  });
}

test.serial('a crash during the start rejects it', async (t) => {
  await using supervisor = supervise();

  const starting = supervisor.start(spec('a'));
  const rejected = t.throwsAsync(starting, { code: 'RAFT_WORKER_FAILED' });
  await supervisor.crash('a');

  await rejected;
  t.deepEqual(supervisor.children, []);
});

test.serial('a name is taken once; unknown names are refused by every verb', async (t) => {
  await using supervisor = supervise();
  await supervisor.start(spec('a'));

  await t.throwsAsync(supervisor.start(spec('a')), { code: 'RAFT_INVALID_OPTION' });
  const unknown = { code: 'RAFT_UNKNOWN_NODE' };
  for (const verb of ['crash', 'pause', 'restart', 'stop'] as const) {
    await t.throwsAsync(async () => supervisor[verb]('b'), unknown, verb);
  }
  t.throws(() => supervisor.resume('b'), unknown);
  t.throws(() => supervisor.monitor('b', () => undefined), unknown);
  t.throws(() => supervisor.child('b'), unknown);
  await t.throwsAsync(supervisor.connect('a', 'b'), unknown);
});

for (const options of [
  { strategy: 'rest-for-one' as never },
  { intensity: -1 },
  { intensity: 1.5 },
  { periodMs: 0 },
  { actorsMax: 1 },
  { actorsMax: 65_537 },
  { backoff: { initialMs: -1 } },
  { backoff: { factor: 0.5 } },
  { backoff: { initialMs: 10, maxMs: 5 } },
  { linkOptions: { bulkBytes: 1_000 } },
  { linkOptions: { controlBytes: 64 } },
]) {
  test.serial(`the options ${JSON.stringify(options)} are refused`, (t) => {
    t.throws(() => new Supervisor(options), { code: 'RAFT_INVALID_OPTION' });
  });
}

for (const [option, more] of [
  ['id', { id: '' }],
  ['worker', { worker: './worker.js' as never }],
  ['restart', { restart: 'always' as never }],
  ['startTimeoutMs', { startTimeoutMs: 0 }],
  ['shutdownTimeoutMs', { shutdownTimeoutMs: -1 }],
  ['actor', { actor: 7 }],
] as const) {
  test.serial(`a child spec with a wrong ${option} is refused`, async (t) => {
    await using supervisor = supervise();

    const error = await t.throwsAsync<RaftError>(supervisor.start(spec('a', more)));

    t.is(error?.code, 'RAFT_INVALID_OPTION');
    t.is(error?.details.option, option);
  });
}

test.serial('one actor id is for one child', async (t) => {
  await using supervisor = supervise();
  const { actor } = await supervisor.start(spec('a'));

  await t.throwsAsync(supervisor.start(spec('b', { actor })), { code: 'RAFT_INVALID_OPTION' });
});

test.serial('an actor is connected to others that exist, by rings that can be', async (t) => {
  await using supervisor = supervise();
  const a = supervisor.allocateActor();
  const b = supervisor.allocateActor();

  await t.throwsAsync(supervisor.connect(a, a), { code: 'RAFT_INVALID_OPTION' });
  await t.throwsAsync(supervisor.connect(a, b, { bulkBytes: 3 }), { code: 'RAFT_INVALID_OPTION' });
  await t.throwsAsync(supervisor.connect(a, 7), { code: 'RAFT_UNKNOWN_NODE' });
  t.throws(() => supervisor.openPort([7]), { code: 'RAFT_UNKNOWN_NODE' });
  t.is(supervisor.linkMemory(a, b), undefined);
});

test.serial('a restart during the first start waits for it', async (t) => {
  await using supervisor = supervise();
  const starting = supervisor.start(spec('a'));

  const restarted = await supervisor.restart('a');

  t.is(restarted, await starting);
  t.is(restarted.incarnation, 1);
});

test.serial('a crash ends the thread at whatever instruction it is', async (t) => {
  await using supervisor = supervise();
  const { actor } = await supervisor.start(spec('a'));
  supervisor.tell(obligingRef(actor), { kind: 'spin' });
  await until(() => supervisor.linkMemory(0, 'a')?.isExpressEmpty === false);
  const death = deathOf(supervisor, 'a');

  await supervisor.crash('a', { restart: false });

  const { reason, incarnation } = await death;
  t.is(reason, 'crashed');
  t.is(incarnation, 1);
  t.is(supervisor.space.incarnation(actor), 0);
  t.is(supervisor.child('a').state, 'down');
});

test.serial('a pause stops an actor, a resume lets it go on where it was', async (t) => {
  await using supervisor = supervise();
  const { actor } = await supervisor.start(spec('a'));
  const ref = obligingRef(actor);
  await supervisor.ask(ref, { kind: 'add', by: 1 });

  await supervisor.pause('a');
  const asked = supervisor.ask(ref, { kind: 'add', by: 1 });
  const called = supervisor.child('a').call('incarnation', [], { timeoutMs: 5 });
  await t.throwsAsync(called, { code: 'RAFT_TIMEOUT' }, 'not even the control plane is served');
  t.is(supervisor.linkMemory(0, 'a')?.isExpressEmpty, false, 'nothing is read');
  supervisor.resume('a');

  t.is(await asked, 2);
  t.is(supervisor.child('a').incarnation, 1);
});

test.serial('a paused actor can be crashed, and its successor is not paused', async (t) => {
  await using supervisor = supervise();
  const { actor } = await supervisor.start(spec('a'));
  await supervisor.pause('a');
  const ready = eventOf(supervisor, 'ready', 'a');

  await supervisor.crash('a');
  await ready;

  t.is(await supervisor.ask(obligingRef(actor), { kind: 'incarnation' }), 2);
});

test.serial('a paused actor can be stopped in order', async (t) => {
  const closes = new SharedArrayBuffer(16);
  await using supervisor = supervise();
  await supervisor.start(spec('a', {}, { closes }));
  await supervisor.pause('a');

  await supervisor.stop('a');

  t.is(new Int32Array(closes)[0], 1);
});

for (const [type, kind, isBack] of [
  ['permanent', 'exit', true],
  ['transient', 'exit', false],
  ['transient', 'fail', true],
  ['temporary', 'fail', false],
] as const) {
  test.serial(
    `a ${type} child that ends by '${kind}' ${isBack ? 'comes back' : 'stays down'}`,
    async (t) => {
      await using supervisor = supervise();
      const events = recorded(supervisor);
      const { actor } = await supervisor.start(spec('a', { restart: type }));
      const down = eventOf(supervisor, 'down', 'a');
      const ready = eventOf(supervisor, 'ready', 'a');

      if (kind === 'exit') supervisor.tell(obligingRef(actor), { kind });
      else supervisor.tell(obligingRef(actor), { kind, message: 'by design' });

      t.is((await down).reason, kind === 'exit' ? 'normal' : 'error');
      if (isBack) t.is((await ready).incarnation, 2);
      t.is(supervisor.child('a').state, isBack ? 'ready' : 'down');
      t.is(events.includes('restarting a'), isBack);
    },
  );
}

test.serial(
  'an actor that exits with an error is restarted, and its monitors see the error',
  async (t) => {
    await using supervisor = supervise();
    const { actor } = await supervisor.start(spec('a', { restart: 'transient' }));
    const death = deathOf(supervisor, 'a');
    const ready = eventOf(supervisor, 'ready', 'a');

    supervisor.tell(obligingRef(actor), { kind: 'exit', message: 'enough' });

    const { reason, error } = await death;
    t.is(reason, 'error');
    t.is(error?.message, 'enough');
    await ready;
  },
);

test.serial(
  'a child that dies too often is given up, and its monitors are told (OTP intensity)',
  async (t) => {
    await using supervisor = supervise({ intensity: 2, periodMs: 60_000 });
    const events = recorded(supervisor);
    const reasons: string[] = [];
    const { actor } = await supervisor.start(spec('a'));
    supervisor.monitor('a', ({ reason }) => reasons.push(reason));
    const gaveUp = eventOf(supervisor, 'gave-up', 'a');

    for (let death = 1; death <= 3; death += 1) {
      const next = Promise.race([gaveUp, eventOf(supervisor, 'ready', 'a')]);
      supervisor.tell(obligingRef(actor), { kind: 'fail', message: 'again' });
      await next;
    }
    await gaveUp;

    t.deepEqual(reasons, ['error', 'error', 'error', 'gave-up']);
    t.is(events.filter((event) => event === 'restarting a').length, 2);
    t.is(supervisor.child('a').state, 'down');

    const child = await supervisor.restart('a');
    t.is(child.incarnation, 4, 'it can be restarted by hand');
    const ready = eventOf(supervisor, 'ready', 'a');
    supervisor.tell(obligingRef(actor), { kind: 'fail', message: 'and its deaths are forgiven' });
    await ready;
  },
);

test.serial('crashes that were ordered do not count against the intensity', async (t) => {
  await using supervisor = supervise({ intensity: 0, periodMs: 60_000 });
  await supervisor.start(spec('a'));

  for (let crash = 1; crash <= 2; crash += 1) {
    const ready = eventOf(supervisor, 'ready', 'a');
    await supervisor.crash('a');
    await ready;
  }

  t.is(supervisor.child('a').incarnation, 3);
});

test.serial('restarts wait longer and longer', async (t) => {
  await using supervisor = supervise({ backoff: { initialMs: 1, factor: 3, maxMs: 5 } });
  const waits: number[] = [];
  supervisor.subscribe((event) => {
    if (event.kind === 'restarting') waits.push(event.afterMs);
  });
  const { actor } = await supervisor.start(spec('a'));

  for (let death = 1; death <= 3; death += 1) {
    const ready = eventOf(supervisor, 'ready', 'a');
    supervisor.tell(obligingRef(actor), { kind: 'fail', message: 'again' });
    await ready;
  }

  t.deepEqual(waits, [1, 3, 5]);
});

test.serial('a restart that fails is a death like any other', async (t) => {
  await using supervisor = supervise({ intensity: 2, periodMs: 60_000 });
  const events = recorded(supervisor);
  let lives = 0;
  const data = (): ObligingData => {
    lives += 1;
    return { failOnLoad: lives > 1 };
  };
  const { actor } = await supervisor.start({ id: 'a', worker, data });
  const gaveUp = eventOf(supervisor, 'gave-up', 'a');

  supervisor.tell(obligingRef(actor), { kind: 'fail', message: 'first' });
  await gaveUp;

  t.is(lives, 3, 'data are made anew for every incarnation');
  t.is(events.filter((event) => event === 'down a').length, 3);
});

test.serial('data that cannot be made are a death like any other', async (t) => {
  await using supervisor = supervise({ intensity: 1, periodMs: 60_000 });
  let lives = 0;
  const data = (): ObligingData => {
    lives += 1;
    if (lives > 1) throw new Error('no data');
    return {};
  };
  await supervisor.start({ id: 'a', worker, data });
  const gaveUp = eventOf(supervisor, 'gave-up', 'a');
  const errors: (string | undefined)[] = [];
  supervisor.monitor('a', ({ reason, error }) => errors.push(error?.message ?? reason));

  await supervisor.crash('a');
  await gaveUp;

  t.deepEqual(errors, ['crashed', 'no data', 'no data', 'no data']);
});

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
