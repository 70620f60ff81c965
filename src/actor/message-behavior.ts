/**
 * The behavior of actors that live on messages: one handler for each kind.
 */
import { RaftError } from '../errors.js';
import type { ActorContext, Behavior } from './context.js';
import type { Delivered } from './messenger.js';
import { actorRef, type Handlers } from './ref.js';

/** Makes the handlers of one incarnation; its state lives in their closure. */
export type StartHandlers<Data = unknown> = (context: ActorContext<Data>) => Handlers;

/** What a message actor may have beside its handlers. */
export type MessageActorOptions = Omit<Behavior, 'turn'>;

/**
 * An actor that answers messages by their `kind`.
 *
 * What a handler returns, or resolves to, is the answer of an `ask`, and what it throws rejects it.
 * Nobody waits for a message that was told, so an error there ends the actor, as does a kind that
 * it does not know: its supervisor decides what comes next.
 *
 * @example
 * await runActor(messageActor(() => {
 *   let total = 0;
 *   return { add: ({ by }: { by: number }) => (total += by), read: () => total };
 * }));
 */
export function messageActor<Data = unknown>(
  start: StartHandlers<Data>,
  options: MessageActorOptions = {},
): (context: ActorContext<Data>) => Behavior {
  return (context) => {
    const { mailbox, messenger } = context;
    const handlers = start(context);
    messenger.onReceive((delivered) => handle(handlers, delivered));
    return {
      ...options,
      turn() {
        const flushed = messenger.flush();
        const frames = mailbox.drain((frame) => {
          if (!messenger.accept(frame)) messenger.countUnhandled();
        });
        mailbox.release();
        return frames > 0 || flushed;
      },
    };
  };
}

function handle(handlers: Handlers, delivered: Delivered): void {
  const { message, sender, isAsked, answer, fail } = delivered;
  try {
    const handler = handlerOf(handlers, message);
    const result = handler(message, { sender: actorRef(sender), isAsked });
    if (!(result instanceof Promise)) answer(result);
    else if (isAsked) result.then(answer, fail);
  } catch (error) {
    if (!isAsked) throw error;
    fail(error);
  }
}

function handlerOf(handlers: Handlers, message: unknown): NonNullable<Handlers[string]> {
  const kind =
    typeof message === 'object' && message !== null && 'kind' in message ? message.kind : undefined;
  const handler =
    typeof kind === 'string' && Object.hasOwn(handlers, kind) ? handlers[kind] : undefined;
  if (handler) return handler;
  throw new RaftError('RAFT_CONTROL_FAILED', `this actor has no handler for '${String(kind)}'`, {
    details: { outcome: 'rejected' },
  });
}
