/**
 * A link: one direction between two ends, its frames, and what became of them.
 *
 * An end is a node (`n1`) or a client (`c1`). The link from n1 to n2 and the one from n2 to n1
 * share nothing, so a network may fail one way only.
 */

/** An ordered pair of ends. */
export interface Link {
  readonly source: string;
  readonly destination: string;
}

/**
 * One message on its way, as the network sees it. `T` is the caller's own and is never looked at.
 */
export interface Frame<T> extends Link {
  /** The name of the message kind, `append-entries`. Rules may ask for it. */
  readonly kind: string;
  /** The size on the wire: what bandwidth and queues are counted in. Whole bytes >= 0. */
  readonly byteLength: number;
  /**
   * The message itself, for rules that look inside. It may be a getter that decodes: it is read
   * only when the frame's link and kind already match a rule with a `content` predicate.
   */
  readonly content?: unknown;
  readonly payload: T;
}

/** A frame that has arrived. */
export interface Delivery<T> {
  readonly frame: Frame<T>;
  /** When it entered the network. */
  readonly submittedMs: number;
  /** From when on it could be delivered. */
  readonly dueMs: number;
  /** It is an extra copy that a rule made. */
  readonly isCopy: boolean;
  /**
   * Present if a rule damaged it: the deliverer flips this bit, the receiver's checksum finds it.
   */
  readonly corruption?: Corruption;
}

/** One flipped bit. */
export interface Corruption {
  /** From 0 to `byteLength` - 1. */
  readonly byteOffset: number;
  /** From 0 to 7. */
  readonly bit: number;
}

/** A frame that is held. */
export interface HeldFrame<T> {
  readonly frame: Frame<T>;
  readonly submittedMs: number;
  /** The number of the rule that holds it; absent if a partition does. */
  readonly rule?: number;
}

/**
 * Why a frame was dropped: a drop rule (`loss`); a link that is cut (`partition`); a link that is
 * too slow for its load (`throttle`); a network whose queues are full (`overflow`); the caller, who
 * let go of held frames without delivery, discarded them, or removed an end (`discard`).
 */
export type DropReason = (typeof dropReasons)[number];

export const dropReasons = ['loss', 'partition', 'throttle', 'overflow', 'discard'] as const;

/**
 * What happened on a link so far. A copy that a rule made counts like a frame of its own.
 *
 * Law: submitted + duplicated = delivered + dropped + what is pending (scheduled or held).
 */
export interface LinkCounters {
  submitted: number;
  /** Extra copies that rules made. */
  duplicated: number;
  /** Handed out by `due`. */
  delivered: number;
  /** The sum of `droppedBy`. */
  dropped: number;
  droppedBy: Record<DropReason, number>;
  /** Due at once when submitted. */
  passed: number;
  /** Due later than submitted. */
  delayed: number;
  /** Put aside, when submitted or by a partition that caught it on its way. */
  held: number;
  /** Delayed by a bandwidth rule, among others. */
  throttled: number;
  /** Released from the order of the link. */
  reordered: number;
  /** Given a flipped bit. Such a frame is still delivered. */
  corrupted: number;
}

/** Counters that are all zero. */
export function createCounters(): LinkCounters {
  return {
    submitted: 0,
    duplicated: 0,
    delivered: 0,
    dropped: 0,
    droppedBy: { loss: 0, partition: 0, throttle: 0, overflow: 0, discard: 0 },
    passed: 0,
    delayed: 0,
    held: 0,
    throttled: 0,
    reordered: 0,
    corrupted: 0,
  };
}

/** Counts one dropped frame. */
export function countDrop(counters: LinkCounters, reason: DropReason): void {
  counters.dropped += 1;
  counters.droppedBy[reason] += 1;
}

/** Adds every counter of `more` to `sum`. */
export function addCounters(sum: LinkCounters, more: LinkCounters): void {
  for (const reason of dropReasons) sum.droppedBy[reason] += more.droppedBy[reason];
  for (const name of counterNames) sum[name] += more[name];
}

const counterNames = [
  'submitted',
  'duplicated',
  'delivered',
  'dropped',
  'passed',
  'delayed',
  'held',
  'throttled',
  'reordered',
  'corrupted',
] as const;
