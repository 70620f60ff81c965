import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import {
  ControlClient,
  type ControlMethods,
  exposeControl,
  stopped,
} from '../../src/actor/control.js';
import type { Clock } from '../../src/clock.js';
import { RaftError } from '../../src/errors.js';

interface Ends extends Disposable {
  readonly client: ControlClient;
  /** Ends the far side, as the death of its thread would. */
  readonly kill: () => void;
}

function connect(methods: ControlMethods, clock?: Clock): Ends {
  const { port1, port2 } = new MessageChannel();
  const client = new ControlClient(port1, 'n1', clock);
  exposeControl(port2, methods);
  return { client, kill: () => port2.close(), [Symbol.dispose]: () => port2.close() };
}

const never = (): Promise<never> => new Promise(() => undefined);

test('a call resolves to what the method returns or resolves to', async (t) => {
  using ends = connect({
    sum: (a: number, b: number) => a + b,
    later: async (value: unknown) => value,
  });

  t.is(await ends.client.call('sum', [1, 2]), 3);
  t.deepEqual(await ends.client.call('later', [new Map([[1, 2]])]), new Map([[1, 2]]));
});

test('an error keeps its code, its details and its cause', async (t) => {
  using ends = connect({
    refuse: () => {
      throw new RaftError('RAFT_LOG_FULL', 'no room', {
        details: { nodeId: 'n1', outcome: 'rejected' },
        cause: new TypeError('why'),
      });
    },
  });

  const error = await t.throwsAsync<RaftError>(ends.client.call('refuse'));

  t.true(error instanceof RaftError);
  t.is(error?.code, 'RAFT_LOG_FULL');
  t.deepEqual(error?.details, { nodeId: 'n1', outcome: 'rejected' });
  t.is(error?.cause instanceof Error && error.cause.name, 'TypeError');
});

test('an unknown method is refused, and so is one that every object has', async (t) => {
  using ends = connect({});

  for (const name of ['nothing', 'toString', '__proto__']) {
    await t.throwsAsync(ends.client.call(name), { code: 'RAFT_CONTROL_FAILED' }, name);
  }
});

test('an argument or a result that cannot be cloned rejects', async (t) => {
  using ends = connect({ handler: () => () => 1, take: () => undefined });

  await t.throwsAsync(ends.client.call('take', [() => 1]), { code: 'RAFT_VALUE_NOT_CLONEABLE' });
  await t.throwsAsync(ends.client.call('handler'), { code: 'RAFT_VALUE_NOT_CLONEABLE' });
});

test('a call to a side that dies rejects, and so does a later one', async (t) => {
  const ends = connect({ never });
  const waiting = ends.client.call('never');
  const rejected = t.throwsAsync<RaftError>(waiting, { code: 'RAFT_NODE_DOWN' });

  ends.kill();

  t.is((await rejected)?.details.outcome, 'unknown');
  await t.throwsAsync(ends.client.call('never'), { code: 'RAFT_NODE_DOWN' });
});

test('a close says why; the first one counts', async (t) => {
  using ends = connect({ never });
  const rejected = t.throwsAsync(ends.client.call('never'), { code: 'RAFT_STOPPED' });

  ends.client.close(stopped('n1'));
  ends.client.close(new RaftError('RAFT_NODE_DOWN', 'late'));

  await rejected;
  await t.throwsAsync(ends.client.call('never'), { code: 'RAFT_STOPPED' });
});

test('a call rejects after its time limit, by the clock that was given', async (t) => {
  const timers: { delayMs: number; callback: () => void; isDisposed: boolean }[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    setTimer(delayMs, callback) {
      const timer = { delayMs, callback, isDisposed: false };
      timers.push(timer);
      return {
        [Symbol.dispose]: () => {
          timer.isDisposed = true;
        },
      };
    },
  };
  using ends = connect({ never, now: () => 1 }, clock);

  await ends.client.call('now', [], { timeoutMs: 5 });
  t.like(timers, [{ delayMs: 5, isDisposed: true }], 'an answer takes the timer down');
  const waiting = ends.client.call('never', [], { timeoutMs: 7 });
  const rejected = t.throwsAsync<RaftError>(waiting, { code: 'RAFT_TIMEOUT' });
  timers[1]?.callback();

  t.is((await rejected)?.details.timeoutMs, 7);
});

test('an aborted call rejects with the reason of the signal', async (t) => {
  using ends = connect({ never });
  const controller = new AbortController();
  const waiting = ends.client.call('never', [], { signal: controller.signal });
  const rejected = t.throwsAsync(waiting, { message: 'enough' });

  controller.abort(new Error('enough'));

  await rejected;
  const late = ends.client.call('never', [], { signal: controller.signal });
  await t.throwsAsync(late, { message: 'enough' });
});

test('only so many calls may wait, but news comes through', async (t) => {
  using ends = connect({ never, now: () => 1 });
  const waiting = Array.from({ length: 1_024 }, () => ends.client.call('never'));

  await t.throwsAsync(ends.client.call('never'), { code: 'RAFT_OVERLOADED' });
  t.is(await ends.client.call('now', [], { isNews: true }), 1);
  ends.client.close(stopped('n1'));

  const settled = await Promise.allSettled(waiting);
  t.true(settled.every(({ status }) => status === 'rejected'));
});

test('only calls that wait keep the process alive, and a close closes the port', async (t) => {
  const { port1, port2 } = new MessageChannel();
  const client = new ControlClient(port1, 'n1');
  const closed = once(port2, 'close');
  port2.ref();

  const hasRef = (): boolean => (port1 as unknown as { hasRef(): boolean }).hasRef();
  t.false(hasRef());
  exposeControl(port2, { now: () => 1 });
  const call = client.call('now');
  t.true(hasRef());
  await call;
  t.false(hasRef());
  client.close(stopped('n1'));

  await t.notThrowsAsync(closed);
});
