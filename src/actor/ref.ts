/**
 * A name for an actor that says what it understands.
 *
 * The record is plain data: it travels in messages and starts threads. The type parameter exists at
 * compile time only; it is the record of the actor's handlers, so that `ask` knows what is
 * answered:
 *
 *     type Counter = { add(message: { by: number }): number; read(): number };
 *     const total = await supervisor.ask(counter, { kind: 'add', by: 2 });   // a number
 */
import type { ActorId } from './space.js';

/** What an actor does with its messages: one handler for each `kind`. */
export type Handlers = Readonly<
  // biome-ignore lint/suspicious/noExplicitAny: a bound that every handler satisfies.
  Record<string, (message: any, delivery: Delivery) => unknown>
>;

/** What a handler is told beside the message. */
export interface Delivery {
  /** Who sent it. */
  readonly sender: ActorRef;
  /** Whether the result, or the error, of the handler goes back to the sender. */
  readonly isAsked: boolean;
}

declare const understands: unique symbol;

/** An actor's address. It survives the actor's restart: incarnations are the runtime's business. */
// biome-ignore lint/suspicious/noExplicitAny: an untyped reference understands anything.
export interface ActorRef<H = any> {
  readonly actor: ActorId;
  readonly [understands]?: H;
}

/** What may be sent to an actor with these handlers: `kind` names one, the rest is its message. */
export type MessageTo<H> = {
  [K in keyof H & string]: { readonly kind: K } & (H[K] extends () => unknown
    ? unknown
    : H[K] extends (message: infer M, ...rest: never[]) => unknown
      ? M
      : unknown);
}[keyof H & string];

/** What such a message is answered with. */
export type AnswerTo<H, M> = M extends { readonly kind: infer K extends keyof H }
  ? H[K] extends (...args: never[]) => infer R
    ? Awaited<R>
    : never
  : never;

/** The address of the actor with this id. */
// biome-ignore lint/suspicious/noExplicitAny: as for the record itself.
export function actorRef<H = any>(actor: ActorId): ActorRef<H> {
  return { actor };
}
