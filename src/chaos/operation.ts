/**
 * From events to operations: each invocation with its completion.
 *
 * Times decide the order of events, whatever the order of the lines; lines with equal times stand
 * in their order. So the lines of several recorders may be joined in any order.
 */
import {
  checkedEvent,
  type HistoryEvent,
  invalidHistory,
  type Nanoseconds,
  type OperationName,
  shown,
} from './event.js';
import type { Json } from './json.js';

/** One operation, from its invocation to its completion, if it has one. */
export interface Operation {
  readonly process: number;
  readonly op: OperationName;
  readonly key: string;
  /** Of set and cas. */
  readonly value: Json | undefined;
  /** Of cas; null = absent. */
  readonly expected: Json | undefined;
  /** `info` also where there is no completion. */
  readonly outcome: 'ok' | 'fail' | 'info';
  /** Of an operation that ended ok: what get read, whether delete found something. */
  readonly result: Json | undefined;
  readonly error: string | undefined;
  readonly invokedAt: Nanoseconds;
  /** When it was completed, as info, too; `undefined` if it never was. */
  readonly completedAt: Nanoseconds | undefined;
  /** The line of the invocation, from 1. */
  readonly line: number;
}

/** An event and the line that it stood on, from 1. */
export interface NumberedEvent {
  readonly event: HistoryEvent;
  readonly line: number;
}

/**
 * Pairs events, in any order, to operations in the order of their invocations.
 *
 * Throws `RAFT_INVALID_HISTORY` for a process with two open operations, a completion without an
 * invocation, and one that does not repeat the op and key of its invocation.
 */
export function pairEvents(events: readonly NumberedEvent[]): Operation[] {
  const operations: (Operation | NumberedEvent)[] = [];
  /** Places in `operations` of what is open, by process. */
  const open = new Map<number, number>();
  for (const numbered of inOrder(events)) {
    const { event, line } = numbered;
    const place = open.get(event.process);
    const invocation = place === undefined ? undefined : (operations[place] as NumberedEvent);
    if (event.type === 'invoke') {
      if (invocation !== undefined) throw secondOpen(event, line, invocation);
      open.set(event.process, operations.length);
      operations.push(numbered);
    } else {
      if (invocation === undefined || place === undefined) throw noneOpen(event, line);
      checkCompletion(event, line, invocation);
      operations[place] = joined(invocation, event);
      open.delete(event.process);
    }
  }
  for (const place of open.values()) {
    operations[place] = joined(operations[place] as NumberedEvent, undefined);
  }
  return operations as Operation[];
}

/**
 * Pairs events as they come, numbered as lines from 1.
 *
 * Throws `RAFT_INVALID_HISTORY` for an event that is not of the format, and as `pairEvents` does.
 */
export function operationsOf(events: Iterable<HistoryEvent>): Operation[] {
  return pairEvents(
    Array.from(events, (event, at) => {
      const line = at + 1;
      return { event: checkedEvent(event as unknown as Json, line), line };
    }),
  );
}

/** Sorts by time; the sort is stable, and most histories are sorted already. */
function inOrder(events: readonly NumberedEvent[]): readonly NumberedEvent[] {
  const isSorted = events.every(
    ({ event }, at) => at === 0 || (events[at - 1] as NumberedEvent).event.time <= event.time,
  );
  return isSorted ? events : events.toSorted((a, b) => compare(a.event.time, b.event.time));
}

/** The order of two times, for a sort. */
export function compare(a: Nanoseconds, b: Nanoseconds): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function joined({ event, line }: NumberedEvent, completion: HistoryEvent | undefined): Operation {
  const outcome = completion?.type ?? 'info';
  return {
    process: event.process,
    op: event.op,
    key: event.key,
    value: event.value,
    expected: event.expected,
    outcome: outcome === 'invoke' ? 'info' : outcome,
    result: outcome === 'ok' ? completion?.value : undefined,
    error: completion?.error ?? undefined,
    invokedAt: event.time,
    completedAt: completion?.time,
    line,
  };
}

function checkCompletion(event: HistoryEvent, line: number, invocation: NumberedEvent): void {
  const { op, key } = invocation.event;
  if (event.op === op && event.key === key) return;
  throw invalidHistory(
    line,
    `completes ${event.op} ${shown(event.key)}, but process ${event.process} has invoked ` +
      `${op} ${shown(key)} (line ${invocation.line})`,
  );
}

function secondOpen(event: HistoryEvent, line: number, invocation: NumberedEvent): Error {
  const { op, key } = invocation.event;
  return invalidHistory(
    line,
    `is a second open operation of process ${event.process}: ${op} ${shown(key)} ` +
      `(line ${invocation.line}) is not completed at ${event.time}`,
  );
}

function noneOpen(event: HistoryEvent, line: number): Error {
  return invalidHistory(
    line,
    `completes ${event.op} ${shown(event.key)}, but process ${event.process} has no open ` +
      `operation at ${event.time}`,
  );
}
