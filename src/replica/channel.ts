/**
 * How a replica writes to somebody: a frame is begun, filled in place and ended.
 *
 * `LinkWriter` of the actor runtime is one; the simulator brings its own.
 */
import type { Lane, Refusal } from '../actor/link.js';
import type { ActorId } from '../actor/space.js';

export interface Channel {
  /** After `begin`: the memory to write to, and where the body starts (8-aligned). */
  readonly bytes: Buffer;
  readonly offset: number;
  /** After a refused `begin`: why. */
  readonly refusal: Refusal;
  /**
   * False when there is no room, or nobody at the other end: then nothing was begun. With
   * `incarnation` another life than that one is nobody.
   */
  begin(
    lane: Lane,
    kind: number,
    bodyBytesMax: number,
    correlationId?: number,
    incarnation?: number,
  ): boolean;
  end(bodyBytes: number): void;
}

/** The world of a replica as far as frames go: the mailbox and the links of its actor. */
export interface Exchange {
  channel(to: ActorId): Channel | undefined;
  /** Leaves the bulk frames of one source unread, so that it is pushed back. */
  hold(source: ActorId): void;
  unhold(source: ActorId): void;
}
