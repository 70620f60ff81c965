/**
 * The public door of the actor runtime: `import { Supervisor } from 'balsa/actor'`.
 *
 * Actors live in worker threads and talk through rings in shared memory. A supervisor starts them,
 * connects them, watches them, and restarts them; it can also hurt them. Nothing here knows of
 * Raft.
 */
export { runActor } from './actor.js';
export type { Child, ChildSpec, ChildState } from './child.js';
export type { ActorContext, Behavior, StartActor } from './context.js';
export type { CallOptions, ControlMethods } from './control.js';
export type { ActorCounters, ChildReport, LinkReport, SupervisorCounters } from './counters.js';
export { type Guest, type GuestPort, openGuest } from './guest.js';
export type { Lane, LinkCounters, LinkOptions, LinkWriter, Refusal } from './link.js';
export type { DrainBudget, Frame, Mailbox, MailboxCounters } from './mailbox.js';
export { messageActor, type StartHandlers } from './message-behavior.js';
export type { AskOptions, Messenger, MessengerCounters } from './messenger.js';
export type { DownListener, DownNotice, DownReason } from './monitor.js';
export {
  type ActorRef,
  type AnswerTo,
  actorRef,
  type Delivery,
  type Handlers,
  type MessageTo,
} from './ref.js';
export type { Backoff, RestartType, Strategy } from './restart.js';
export { type ActorId, supervisorId } from './space.js';
export { type ActorName, Supervisor } from './supervisor.js';
export type { SupervisorEvent } from './supervisor-event.js';
export type { SupervisorOptions } from './supervisor-options.js';
