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

test.serial(
  'a child that was prepared is down until its restart, and then like any other',
  async (t) => {
    await using supervisor = supervise();
    const events = recorded(supervisor);
    const child = supervisor.prepare(spec('a'));
    t.is(child.state, 'down');
    t.throws(() => supervisor.prepare(spec('a')), { code: 'RAFT_INVALID_OPTION' });
    await t.throwsAsync(supervisor.start(spec('a')), { code: 'RAFT_INVALID_OPTION' });

    await supervisor.restart('a');
    await supervisor.crash('a');
    await until(() => child.incarnation === 2 && child.state === 'ready');

    t.deepEqual(events.slice(0, 2), ['started a', 'ready a']);
  },
);

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
