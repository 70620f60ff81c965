/**
 * The life of an actor in a worker thread of the supervisor's.
 *
 *     // counter-worker.ts
 *     await runActor(messageActor(() => counterHandlers()));
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import { type ActorContext, type ActorRecord, LiveContext, type StartActor } from './context.js';
import { exposeControl, stopped } from './control.js';

/** What a worker of the supervisor's gets as its `workerData`. */
export interface WorkerRecord extends ActorRecord {
  readonly control: MessagePort;
}

/**
 * Makes this worker thread the actor that its supervisor started it for.
 *
 * Resolves when the actor lives. An error of `start` ends the thread, and rejects the supervisor's
 * `start` with `RAFT_WORKER_FAILED`.
 */
export async function runActor<Data = unknown>(start: StartActor<Data>): Promise<void> {
  const record = workerData as WorkerRecord;
  const context = new LiveContext(record, {
    canBlock: true,
    exit: (reason) => exit(context, reason),
  });
  const announced = context.peers();
  // The type of the data is the word of whoever wrote the child spec.
  const starting = Promise.resolve(start(context as ActorContext<Data>)).then((behavior) => {
    context.live(behavior, announced);
  });
  exposeControl(record.control, {
    ...context.control,
    ready: () => starting,
    close: () => context.close(stopped(`actor ${context.id}`)),
  });
  await starting;
}

function exit(context: LiveContext, reason: Error | undefined): void {
  if (reason === undefined) {
    void context.close(stopped(`actor ${context.id}`)).then(() => process.exit(0));
    return;
  }
  // Thrown where nobody catches it: the thread ends, and its supervisor is told why.
  setImmediate(() => {
    throw reason;
  });
}
