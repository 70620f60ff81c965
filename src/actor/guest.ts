/**
 * A guest: an actor in a thread that its supervisor did not start, such as the main thread or a
 * worker of an application's own pool.
 *
 *     const port = supervisor.openPort([counter.actor]);
 *     worker.postMessage(port, [port.control]);                 // in that worker:
 *     const guest = openGuest(port);
 *     await guest.context.ask(counter, { kind: 'read' });
 */
import { MessagePort } from 'node:worker_threads';
import type { Clock } from '../clock.js';
import { RaftError } from '../errors.js';
import { type ActorContext, type ActorRecord, type Behavior, LiveContext } from './context.js';
import { exposeControl, stopped } from './control.js';
import { messageActor } from './message-behavior.js';
import { Space } from './space.js';

/** Structured-cloneable; `control` has to be in the transfer list. It opens one guest, once. */
export interface GuestPort extends ActorRecord {
  readonly control: MessagePort;
}

export interface Guest extends AsyncDisposable {
  readonly context: ActorContext;
  /**
   * Leaves: the links are taken down at all peers, and what was asked rejects with `RAFT_STOPPED`.
   * Idempotent. The same happens when the supervisor is disposed; either way the behavior's `close`
   * is called.
   */
  close(): Promise<void>;
}

/** A second guest would write into the rings of the first one. */
const opened = new WeakSet<MessagePort>();

/** The last word of a guest that leaves by itself; without it, its thread has died. */
export const guestLeft = 'guest-left';

/**
 * Makes this thread the home of a guest, beside whatever else runs in it.
 *
 * `start` makes its behavior; by default it only tells and asks. A guest does not keep its process
 * alive, except for the time limit of a question that is open. It cannot be paused.
 *
 * Throws `RAFT_INVALID_OPTION` for a port that is none, or has been opened already, and
 * `RAFT_STOPPED` when the supervisor was disposed before.
 */
export function openGuest(
  port: GuestPort,
  start: (context: ActorContext) => Behavior = messageActor(() => ({})),
  { clock }: { readonly clock?: Clock } = {},
): Guest {
  const { control } = port;
  if (!(control instanceof MessagePort)) {
    throw unusable('it has no control port, which has to be in the transfer list');
  }
  if (opened.has(control)) throw unusable('it has been opened; a port is good for one guest');
  opened.add(control);
  // The port's own `close` event may be over: it comes whether or not anybody listens.
  if (new Space(port.space).incarnation(port.id) !== port.incarnation) throw late();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= context.close(stopped(`guest ${port.id}`)).finally(() => {
      control.postMessage(guestLeft);
      control.close();
    });
    return closing;
  };
  const context = new LiveContext(port, {
    canBlock: false,
    // A guest's thread is not its own: an error ends the guest and goes to whoever runs the thread.
    exit: (reason) => {
      if (reason) throw reason;
      void close();
    },
    ...(clock ? { clock } : {}),
  });
  const announced = context.peers();
  context.live(start(context), announced);
  control.once('close', () => void close());
  exposeControl(control, context.control);
  control.unref();
  return { context, close, [Symbol.asyncDispose]: close };
}

function late(): RaftError {
  return new RaftError('RAFT_STOPPED', 'what the port leads to has been closed', {
    details: { outcome: 'rejected' },
  });
}

function unusable(why: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `the port cannot be used: ${why}`, {
    details: { option: 'port' },
  });
}
