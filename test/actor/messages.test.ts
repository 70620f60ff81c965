// Threads are the subject here: messages between actors of different threads.
import test from 'ava';
import type { Child } from '../../src/actor/child.js';
import { Supervisor } from '../../src/actor/supervisor.js';
import { RaftError } from '../../src/errors.js';
import { obligingRef } from './fixtures/obliging-protocol.js';
import { deathOf, eventOf, until, obligingWorker as worker } from './fixtures/waits.js';

async function one(
  options?: ConstructorParameters<typeof Supervisor>[0],
): Promise<{ supervisor: Supervisor; child: Child; ref: ReturnType<typeof obligingRef> }> {
  const supervisor = new Supervisor({ backoff: { initialMs: 0 }, ...options });
  const child = await supervisor.start({ id: 'a', worker });
  return { supervisor, child, ref: obligingRef(child.actor) };
}

test.serial('an ask resolves to what the handler returns or resolves to', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;

  t.is(await supervisor.ask(ref, { kind: 'add', by: 2 }), 2);
  t.is(await supervisor.ask(ref, { kind: 'later', value: 'x' }), 'x');
  t.is(await supervisor.ask(ref, { kind: 'peers' }).then((peers) => peers.length), 0);
});

test.serial('any value that can be cloned arrives as it was', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;
  const values = [
    undefined,
    null,
    -0,
    2n ** 70n,
    'snow ☃ \ud800',
    new Date(5),
    new Map<unknown, unknown>([[new Set([1]), { deep: [new Error('why')] }]]),
    new Float64Array([1.5, -2]),
    Buffer.from('bytes'),
  ];

  for (const value of values) {
    const expected: unknown = structuredClone(value);
    const echoed: unknown = await supervisor.ask(ref, { kind: 'echo', value });
    t.deepEqual(Buffer.isBuffer(value) ? new Uint8Array(echoed as Buffer) : echoed, expected);
  }
});

test.serial('a value that was received is a copy: it does not change with the ring', async (t) => {
  const { supervisor, ref } = await one({ linkOptions: { bulkBytes: 2 ** 12 } });
  await using _supervisor = supervisor;

  const kept = await supervisor.ask(ref, { kind: 'echo', value: new Uint8Array(512).fill(1) });
  for (let fill = 2; fill < 20; fill += 1) {
    await supervisor.ask(ref, { kind: 'echo', value: new Uint8Array(512).fill(fill) });
  }

  t.deepEqual(kept, new Uint8Array(512).fill(1));
});

test.serial(
  'what the handler throws rejects the ask with code and details, and the actor lives on',
  async (t) => {
    const { supervisor, ref } = await one();
    await using _supervisor = supervisor;

    const error = await t.throwsAsync<RaftError>(supervisor.ask(ref, { kind: 'refuse' }));
    t.is(error?.code, 'RAFT_NOT_LEADER');
    t.is(error?.details.leaderId, 'n2');
    t.true(error instanceof RaftError);
    const unknown = supervisor.ask(ref as never, { kind: 'toString' } as never);
    await t.throwsAsync(
      unknown,
      { code: 'RAFT_CONTROL_FAILED' },
      'a name of every object is no kind',
    );
    await t.throwsAsync(supervisor.ask(ref, { kind: 'answerFunction' }), {
      code: 'RAFT_VALUE_NOT_CLONEABLE',
    });
    t.is(await supervisor.ask(ref, { kind: 'incarnation' }), 1);
  },
);

test.serial('a told message is done and not answered', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;

  t.true(supervisor.tell(ref, { kind: 'add', by: 3 }));
  t.true(supervisor.tell(ref, { kind: 'add', by: 4 }));

  t.is(await supervisor.ask(ref, { kind: 'read' }), 7, 'in the order in which they were sent');
});

test.serial('an error that nobody waits for ends the actor', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;
  const death = deathOf(supervisor, 'a');

  supervisor.tell(ref, { kind: 'fail', message: 'by design' });

  const { reason, error } = await death;
  t.is(reason, 'error');
  t.is(error?.message, 'by design');
});

test.serial(
  'a frame that is no message is dropped by those who live on messages, and counted',
  async (t) => {
    const { supervisor, child, ref } = await one();
    await using _supervisor = supervisor;

    supervisor.linkTo('a')?.send('control', 5, Buffer.alloc(8));

    t.is(await supervisor.ask(ref, { kind: 'read' }), 0);
    t.is((await child.counters()).messenger.unhandled, 1);
  },
);

test.serial('a handler knows who sent the message, and can send one back', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;
  const told = new Promise<unknown>((resolve) => {
    supervisor.messenger.onReceive(({ message, sender, isAsked, answer }) => {
      answer(undefined);
      resolve({ message, sender, isAsked });
    });
  });

  t.deepEqual(await supervisor.ask(ref, { kind: 'sender' }), {
    sender: { actor: 0 },
    isAsked: true,
  });
  supervisor.tell(ref, { kind: 'tellPeer', peer: 0, message: { kind: 'hello' } });
  t.deepEqual(await told, { message: { kind: 'hello' }, sender: ref.actor, isAsked: false });
});

test.serial('actors ask each other', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;
  const b = await supervisor.start({ id: 'b', worker });
  const peer = b.actor;

  await t.throwsAsync(supervisor.ask(ref, { kind: 'askPeer', peer, ask: 'incarnation' }), {
    code: 'RAFT_UNKNOWN_NODE',
  });
  await supervisor.connect('a', 'b');
  t.is(await supervisor.ask(ref, { kind: 'askPeer', peer, ask: 'incarnation' }), 1);
  await supervisor.disconnect('a', 'b');
  await t.throwsAsync(supervisor.ask(ref, { kind: 'askPeer', peer, ask: 'incarnation' }), {
    code: 'RAFT_UNKNOWN_NODE',
  });
});

test.serial('an ask rejects after its time limit, and a late answer is ignored', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;

  await supervisor.pause('a');
  const asked = supervisor.ask(ref, { kind: 'add', by: 1 }, { timeoutMs: 5 });
  const error = await t.throwsAsync<RaftError>(asked, { code: 'RAFT_TIMEOUT' });
  supervisor.resume('a');

  t.is(error?.details.outcome, 'unknown');
  t.is(error?.details.timeoutMs, 5);
  t.is(await supervisor.ask(ref, { kind: 'read' }), 1, 'it was done all the same');
  t.is(supervisor.messenger.counters.asksPending, 0);
});

test.serial('a time limit that is not ms > 0 is refused', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;

  for (const timeoutMs of [0, -1, Number.NaN]) {
    const asked = supervisor.ask(ref, { kind: 'read' }, { timeoutMs });
    await t.throwsAsync(asked, { code: 'RAFT_INVALID_OPTION' }, `${timeoutMs}`);
  }
});

test.serial(
  'an aborted ask rejects with the reason of the signal and leaves no listener',
  async (t) => {
    const { supervisor, ref } = await one();
    await using _supervisor = supervisor;
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = countListeners(signal);

    const reads = [1, 2].map(() => supervisor.ask(ref, { kind: 'read' }, { signal }));
    await Promise.all(reads);
    t.is(listeners(), 0);
    const asked = supervisor.ask(ref, { kind: 'never' }, { signal });
    t.is(listeners(), 1);
    controller.abort(new Error('enough'));

    await t.throwsAsync(asked, { message: 'enough' });
    t.is(listeners(), 0);
    await t.throwsAsync(supervisor.ask(ref, { kind: 'add', by: 9 }, { signal }), {
      message: 'enough',
    });
    t.is(await supervisor.ask(ref, { kind: 'read' }), 0, 'what was aborted before was not sent');
  },
);

test.serial('an ask rejects at once when the actor is down, and when it dies', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;

  const waiting = supervisor.ask(ref, { kind: 'never' });
  const [died] = await Promise.allSettled([waiting, supervisor.crash('a', { restart: false })]);
  t.is(died.status === 'rejected' && (died.reason as RaftError).code, 'RAFT_NODE_DOWN');
  t.is(died.status === 'rejected' && (died.reason as RaftError).details.outcome, 'unknown');

  const refused = await t.throwsAsync<RaftError>(supervisor.ask(ref, { kind: 'read' }));
  t.is(refused?.code, 'RAFT_NODE_DOWN');
  t.is(refused?.details.outcome, 'rejected');
  t.false(supervisor.tell(ref, { kind: 'add', by: 1 }));
});

test.serial(
  'the death of an actor settles what its peers in other threads asked of it',
  async (t) => {
    const { supervisor, ref } = await one();
    await using _supervisor = supervisor;
    const b = await supervisor.start({ id: 'b', worker });
    await supervisor.connect('a', 'b');

    const asked = supervisor.ask(ref, { kind: 'askPeer', peer: b.actor, ask: 'never' });
    // Asked of a after that, so that a has asked b before b dies.
    await supervisor.ask(ref, { kind: 'read' });
    await supervisor.crash('b');

    await t.throwsAsync(asked, { code: 'RAFT_NODE_DOWN' });
  },
);

test.serial('a restarted actor answers what is asked of its new incarnation', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;
  await supervisor.ask(ref, { kind: 'add', by: 5 });
  const ready = eventOf(supervisor, 'ready', 'a');

  await supervisor.crash('a');
  await ready;

  t.is(await supervisor.ask(ref, { kind: 'incarnation' }), 2);
  t.is(await supervisor.ask(ref, { kind: 'read' }), 0, 'its memory is its own');
});

test.serial(
  'an answer for a dead incarnation does not reach its successor (pitfall 41)',
  async (t) => {
    const { supervisor, ref } = await one();
    await using _supervisor = supervisor;
    const b = await supervisor.start({ id: 'b', worker });
    const [peer, refB] = [b.actor, obligingRef(b.actor)];
    await supervisor.connect('a', 'b');
    // The first question of each incarnation has the same correlation id.
    supervisor.ask(ref, { kind: 'askPeer', peer, ask: 'gate' }).catch(() => undefined);
    await until(async () => (await b.counters()).mailbox.frames === 1);
    const ready = eventOf(supervisor, 'ready', 'a');
    await supervisor.crash('a');
    await ready;

    const asked = supervisor.ask(
      ref,
      { kind: 'askPeer', peer, ask: 'never' },
      { timeoutMs: 60_000 },
    );
    asked.catch(() => undefined);
    await until(async () => (await b.counters()).mailbox.frames === 2);
    await supervisor.ask(refB, { kind: 'open' });
    await supervisor.ask(refB, { kind: 'read' });
    // Told by way of the same ring: it arrives behind the answer, were there one.
    const message = { kind: 'add', by: 7 };
    await supervisor.ask(refB, { kind: 'tellPeer', peer: ref.actor, message });
    await until(async () => (await supervisor.ask(ref, { kind: 'read' })) === 7);

    t.is(await supervisor.ask(ref, { kind: 'asksPending' }), 1, 'it is not answered by "opened"');
  },
);

test.serial(
  'a full ring refuses a tell and rejects an ask; both work again afterwards',
  async (t) => {
    const { supervisor, ref } = await one({ linkOptions: { bulkBytes: 2 ** 12 } });
    await using _supervisor = supervisor;
    await supervisor.pause('a');

    let told = 0;
    while (supervisor.tell(ref, { kind: 'add', by: 1 })) told += 1;
    const error = await t.throwsAsync<RaftError>(supervisor.ask(ref, { kind: 'read' }));
    t.is(error?.code, 'RAFT_OVERLOADED');
    t.is(error?.details.outcome, 'rejected');
    supervisor.resume('a');

    const link = supervisor.linkMemory(0, 'a');
    await until(() => link?.isExpressEmpty === true);
    t.is(await supervisor.ask(ref, { kind: 'read' }), told);
  },
);

test.serial(
  'a message that no ring can hold is an error, and so is one that cannot be cloned',
  async (t) => {
    const { supervisor, ref } = await one({ linkOptions: { bulkBytes: 2 ** 12 } });
    await using _supervisor = supervisor;
    const large = new Uint8Array(2_048);

    t.throws(() => supervisor.tell(ref, { kind: 'echo', value: large }), {
      code: 'RAFT_VALUE_TOO_LARGE',
    });
    await t.throwsAsync(supervisor.ask(ref, { kind: 'echo', value: large }), {
      code: 'RAFT_VALUE_TOO_LARGE',
    });
    t.throws(() => supervisor.tell(ref, { kind: 'echo', value: () => 1 }), {
      code: 'RAFT_VALUE_NOT_CLONEABLE',
    });
    await t.throwsAsync(supervisor.ask(ref, { kind: 'echo', value: Symbol('x') }), {
      code: 'RAFT_VALUE_NOT_CLONEABLE',
    });
    t.is(supervisor.messenger.counters.asksPending, 0);
  },
);

test.serial('answers that find their ring full wait, keep their order, and arrive', async (t) => {
  const { supervisor, ref } = await one({ linkOptions: { bulkBytes: 2 ** 14 } });
  await using _supervisor = supervisor;

  // The questions are small; all answers together are many times the ring.
  const numbers = Array.from({ length: 40 }, (_, number) => number);
  const order: (number | undefined)[] = [];
  const asks = numbers.map(async (number) => {
    const [first] = await supervisor.ask(ref, { kind: 'large', number });
    order.push(first);
  });
  // Nothing is read on this thread until the actor has found the ring full.
  while (supervisor.linkMemory('a', 0)?.counters.refusedFull === 0);
  await Promise.all(asks);

  t.deepEqual(order, numbers);
});

test.serial('an answer too large for the way back rejects the ask', async (t) => {
  const { supervisor, ref } = await one();
  await using _supervisor = supervisor;
  const b = await supervisor.start({ id: 'b', worker });
  await supervisor.connect('a', 'b', { bulkBytes: 2 ** 12 });

  const asked = supervisor.ask(ref, { kind: 'askPeer', peer: b.actor, ask: 'large' });

  await t.throwsAsync(asked, { code: 'RAFT_VALUE_TOO_LARGE' });
});

test.serial(
  'what was asked when the supervisor is disposed rejects, and so does what comes',
  async (t) => {
    const { supervisor, ref } = await one();

    const asked = supervisor.ask(ref, { kind: 'never' });
    const settled = t.throwsAsync(asked, { code: 'RAFT_STOPPED' });
    await supervisor[Symbol.asyncDispose]();
    await settled;

    await t.throwsAsync(supervisor.ask(ref, { kind: 'read' }), { code: 'RAFT_STOPPED' });
    t.throws(() => supervisor.tell(ref, { kind: 'add', by: 1 }), { code: 'RAFT_STOPPED' });
  },
);

function countListeners(signal: AbortSignal): () => number {
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    count += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    count -= 1;
    remove(...args);
  };
  return () => count;
}
