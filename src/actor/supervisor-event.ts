/**
 * What a supervisor tells about its children and its links. Structured-cloneable.
 */
import type { ErrorRecord } from '../errors.js';
import type { DownReason } from './monitor.js';
import type { ActorId } from './space.js';

interface OfChild {
  /** Ms of the supervisor's clock. */
  readonly at: number;
  /** The child's name. */
  readonly id: string;
  readonly actor: ActorId;
}

interface OfLinks {
  /** Ms of the supervisor's clock. */
  readonly at: number;
  /** The pair; both links of it. */
  readonly actors: readonly [ActorId, ActorId];
}

/** A thread was made; the actor is not ready yet. */
export interface StartedEvent extends OfChild {
  readonly kind: 'started';
  readonly incarnation: number;
}

export interface ReadyEvent extends OfChild {
  readonly kind: 'ready';
  readonly incarnation: number;
}

/** A thread is gone. */
export interface DownEvent extends OfChild {
  readonly kind: 'down';
  readonly incarnation: number;
  readonly reason: DownReason;
  readonly error?: ErrorRecord;
}

/** A restart is due in `afterMs`. */
export interface RestartingEvent extends OfChild {
  readonly kind: 'restarting';
  readonly afterMs: number;
}

/** It died too often: it stays down until somebody restarts it. */
export interface GaveUpEvent extends OfChild {
  readonly kind: 'gave-up';
}

/** Links exist; nothing has been sent on them yet. */
export interface ConnectedEvent extends OfLinks {
  readonly kind: 'connected';
}

export interface DisconnectedEvent extends OfLinks {
  readonly kind: 'disconnected';
}

export type SupervisorEvent =
  | StartedEvent
  | ReadyEvent
  | DownEvent
  | RestartingEvent
  | GaveUpEvent
  | ConnectedEvent
  | DisconnectedEvent;
