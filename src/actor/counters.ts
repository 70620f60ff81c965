/**
 * What the runtime counts. Nothing is dropped or refused without a number here.
 */
import type { ChildState } from './child.js';
import type { LinkCounters } from './link.js';
import type { MailboxCounters } from './mailbox.js';
import type { MessengerCounters } from './messenger.js';
import type { ActorId } from './space.js';

/** What one actor counts, in one incarnation. */
export interface ActorCounters {
  readonly mailbox: MailboxCounters;
  readonly messenger: MessengerCounters;
}

/** What the two ends of one link count, over all incarnations. */
export interface LinkReport extends LinkCounters {
  readonly source: ActorId;
  readonly destination: ActorId;
  readonly isRouted: boolean;
}

export interface ChildReport {
  readonly id: string;
  readonly actor: ActorId;
  readonly incarnation: number;
  readonly state: ChildState;
}

export interface SupervisorCounters {
  readonly children: readonly ChildReport[];
  readonly guests: number;
  readonly links: readonly LinkReport[];
  /** The supervisor's own mailbox: what it was told, and what took the detour through it. */
  readonly own: ActorCounters;
  /** Routed frames that came while nobody routed: dropped. */
  readonly unrouted: number;
}
