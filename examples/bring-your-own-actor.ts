/**
 * An actor of your own: a word counter in its own thread, supervised, crashed and restarted.
 *
 * The runtime knows nothing of Raft; it comes as `balsa/actor`. This file is both sides: the main
 * thread supervises, and the worker thread that it starts from the same file is the actor.
 *
 *     node dist/examples/bring-your-own-actor.js
 */
import { isMainThread } from 'node:worker_threads';
import {
  type ActorContext,
  type ActorRef,
  type DownNotice,
  messageActor,
  runActor,
  Supervisor,
} from '../src/actor/index.js';

/** What the actor understands, and what it answers. */
type WordCounter = ReturnType<typeof wordCounter>;

const letters = 26;

function wordCounter(context: ActorContext<SharedArrayBuffer>) {
  const byLetter = new Int32Array(context.data);
  return {
    /** Counts the words of a text by their first letter. */
    count({ text }: { text: string }): void {
      for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
        Atomics.add(byLetter, word.charCodeAt(0) - 'a'.charCodeAt(0), 1);
      }
    },
    /** How many words were counted, and by which incarnation of the actor this is answered. */
    total: () => ({
      words: byLetter.reduce((sum, count) => sum + count, 0),
      incarnation: context.incarnation,
    }),
    /** Never answers: somebody who asks this learns what the death of an actor means. */
    ponder: () => new Promise<never>(() => undefined),
  };
}

async function main(): Promise<void> {
  await using supervisor = new Supervisor({ backoff: { initialMs: 10 } });
  supervisor.subscribe((event) => {
    if (event.kind === 'ready')
      console.log(`${event.id} is ready, incarnation ${event.incarnation}`);
    if (event.kind === 'down') console.log(`${event.id} is down: ${event.reason}`);
  });

  const child = await supervisor.start({
    id: 'counter',
    worker: new URL(import.meta.url),
    restart: 'permanent',
    // Shared memory that this thread made: what is counted in it outlives the actor's thread.
    data: new SharedArrayBuffer(letters * Int32Array.BYTES_PER_ELEMENT),
  });
  const counter: ActorRef<WordCounter> = child.ref;

  // Told: nobody waits. `false` would mean that the ring is full, or the actor down.
  supervisor.tell(counter, { kind: 'count', text: 'In search of an understandable' });
  supervisor.tell(counter, { kind: 'count', text: 'consensus algorithm' });
  // Asked: the answer is typed by what the handler returns.
  const { words } = await supervisor.ask(counter, { kind: 'total' });
  console.log(`${words} words so far`);

  const pondering = supervisor.ask(counter, { kind: 'ponder' });
  const back = untilReady(supervisor);
  const watched = new Promise<DownNotice>((resolve) => supervisor.monitor('counter', resolve));
  await Promise.all([
    pondering.catch((error: { code: string }) => console.log(`the question ended: ${error.code}`)),
    supervisor.crash('counter'),
  ]);
  console.log(`the monitor saw incarnation ${(await watched).incarnation} go`);

  await back;
  const after = await supervisor.ask(counter, { kind: 'total' });
  console.log(`${after.words} words still, says incarnation ${after.incarnation}`);
}

function untilReady(supervisor: Supervisor): Promise<void> {
  return new Promise((resolve) => {
    const subscription = supervisor.subscribe(({ kind }) => {
      if (kind !== 'ready') return;
      subscription[Symbol.dispose]();
      resolve();
    });
  });
}

if (isMainThread) await main();
else await runActor(messageActor(wordCounter));
