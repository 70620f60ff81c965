/**
 * The two outboxes: what may leave at once, and what must not leave before the disk has it.
 */
import type { AppendEntriesResponse, OutboundMessage } from './message.js';
import type { RaftState } from './state.js';

/** Sends at once: nothing in the message promises that something of this batch is stored. */
export function send(state: RaftState, message: OutboundMessage): void {
  state.outbox.messages.push(message);
}

/**
 * Sends once the batch is durable. Figure 2: term, vote and log are "updated on stable storage
 * before responding to RPCs"; the own request for votes counts as such a response, since it spends
 * the own vote.
 */
export function sendAfterDurable(state: RaftState, message: OutboundMessage): void {
  state.outbox.messagesAfterDurable.push(message);
}

/** Acknowledges an append; acknowledgements that follow each other melt into the last of them. */
export function acknowledge(state: RaftState, message: AppendEntriesResponse): void {
  const queue = state.outbox.messagesAfterDurable;
  const previous = queue.at(-1);
  if (
    previous?.kind === 'append-entries-response' &&
    previous.success &&
    previous.to === message.to &&
    previous.term === message.term &&
    previous.matchIndex <= message.matchIndex
  ) {
    queue[queue.length - 1] = message;
  } else {
    queue.push(message);
  }
}
