import { getEventListeners } from 'node:events';
import test from 'ava';
import { EventHub } from '../src/events.js';

type Event =
  | { readonly kind: 'node-started'; readonly node: string }
  | { readonly kind: 'leader-elected'; readonly node: string; readonly term: number };

const started: Event = { kind: 'node-started', node: 'n1' };
const elected = (term: number): Event => ({ kind: 'leader-elected', node: 'n1', term });

test('a listener hears its kind only, in order, until it is disposed of', (t) => {
  const hub = new EventHub<Event>();
  const terms: number[] = [];
  const registration = hub.on('leader-elected', ({ term }) => terms.push(term));

  hub.emit(elected(1));
  hub.emit(started);
  hub.emit(elected(2));
  registration[Symbol.dispose]();
  registration[Symbol.dispose]();
  hub.emit(elected(3));

  t.deepEqual(terms, [1, 2]);
  t.is(hub.listenerCount, 0);
});

test('the same function may listen twice, and each registration ends by itself', (t) => {
  const hub = new EventHub<Event>();
  let heard = 0;
  const listener = (): void => {
    heard++;
  };
  const first = hub.on('node-started', listener);
  hub.on('node-started', listener);

  hub.emit(started);
  first[Symbol.dispose]();
  hub.emit(started);

  t.is(heard, 3);
});

test('who listens to all hears after those who asked for the kind', (t) => {
  const hub = new EventHub<Event>();
  const heard: string[] = [];
  hub.onAny(({ kind }) => heard.push(`any ${kind}`));
  hub.on('node-started', ({ node }) => heard.push(node));

  hub.emit(started);
  hub.emit(elected(1));

  t.deepEqual(heard, ['n1', 'any node-started', 'any leader-elected']);
});

test('a listener that is added or removed during an event counts from the next one on', (t) => {
  const hub = new EventHub<Event>();
  const heard: string[] = [];
  hub.on('node-started', () => {
    heard.push('first');
    second[Symbol.dispose]();
    hub.on('node-started', () => heard.push('added'));
  });
  const second = hub.on('node-started', () => heard.push('removed'));

  hub.emit(started);

  t.deepEqual(heard, ['first']);
});

// Serial: the handler of uncaught exceptions belongs to the whole process.
test.serial('a listener that throws stops neither the others nor the emitter', async (t) => {
  const hub = new EventHub<Event>();
  const failure = new Error('a listener of a user');
  const handlers = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  let heard = 0;
  hub.on('node-started', () => {
    throw failure;
  });
  hub.on('node-started', () => heard++);

  hub.emit(started);

  t.is(heard, 1);
  t.is(await uncaught, failure);
  for (const handler of handlers) process.on('uncaughtException', handler);
});

test('once resolves to the next event that passes its filter, and stops listening', async (t) => {
  const hub = new EventHub<Event>();
  const waiting = hub.once('leader-elected', { when: ({ term }) => term > 1 });
  hub.emit(started);
  hub.emit(elected(1));
  t.is(hub.listenerCount, 1);

  hub.emit(elected(2));
  hub.emit(elected(3));

  t.deepEqual(await waiting, elected(2));
  t.is(hub.listenerCount, 0);
});

test('once ends with the reason of its signal and takes its listeners with it', async (t) => {
  const hub = new EventHub<Event>();
  const controller = new AbortController();
  const waiting = hub.once('node-started', { signal: controller.signal });
  const reason = new Error('enough');

  controller.abort(reason);

  t.is(await t.throwsAsync(waiting), reason);
  t.is(hub.listenerCount, 0);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  const late = hub.once('node-started', { signal: controller.signal });
  t.is(await t.throwsAsync(late), reason);
});

test('once takes its listener from the signal when the event came first', async (t) => {
  const hub = new EventHub<Event>();
  const { signal } = new AbortController();
  const waiting = hub.once('node-started', { signal });
  t.is(getEventListeners(signal, 'abort').length, 1);

  hub.emit(started);

  await waiting;
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test('a filter that throws ends the wait and harms nobody else', async (t) => {
  const hub = new EventHub<Event>();
  const failure = new Error('in the filter');
  const waiting = hub.once('node-started', {
    when: () => {
      throw failure;
    },
  });

  hub.emit(started);

  t.is(await t.throwsAsync(waiting), failure);
  t.is(hub.listenerCount, 0);
});

test('close rejects the waits, forgets the listeners, and lasts', async (t) => {
  const hub = new EventHub<Event>();
  const waiting = hub.once('node-started');
  hub.on('node-started', () => t.fail());
  const reason = new Error('over');

  hub.close(reason);
  hub.close(new Error('another'));
  hub.on('node-started', () => t.fail());
  hub.emit(started);

  t.is(await t.throwsAsync(waiting), reason);
  t.is(await t.throwsAsync(hub.once('node-started')), reason);
  t.is(hub.listenerCount, 0);
});
