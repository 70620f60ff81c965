/**
 * The frames between `submit` and `due`: those with a time, in a heap, and those held, in a list.
 *
 * The order of a link lives here. A frame that keeps the order is due no earlier than the one
 * before it on its link, held ones included, and what is due at the same time leaves in the order
 * of submission; so a slow frame holds up those behind it, as TCP does.
 *
 * Bounds: a frame that would have to wait is refused once the frames or bytes of its kind of
 * waiting have reached their maximum. A frame that is due at once is never refused.
 */

import { DueHeap } from './due-heap.js';
import type { Delivery, LinkCounters } from './link.js';
import type { Bounds } from './option.js';
import { addsDelay } from './rule.js';
import type { ActiveRule, Delay } from './verdict.js';

/** What a link knows about its order and its load. */
export interface LinkOrder {
  readonly source: string;
  readonly destination: string;
  readonly counters: LinkCounters;
  /** When the last frame that keeps the order is due. */
  tailMs: number;
  scheduled: number;
  held: number;
}

/** A frame that waits. */
export interface PendingFrame<T> extends Delivery<T> {
  readonly link: LinkOrder;
  /** Order of submission over all links. */
  readonly sequence: number;
  readonly isReordered: boolean;
  delays: readonly Delay[];
  dueMs: number;
  /** Who holds it, if it is held. */
  heldBy: ActiveRule | 'partition' | undefined;
}

type Question<T> = (frame: PendingFrame<T>) => boolean;

/** All frames that wait. */
export class Pending<T> {
  readonly #delayedBounds: Bounds;
  readonly #heldBounds: Bounds;
  readonly #scheduled = new DueHeap<PendingFrame<T>>();
  #scheduledBytes = 0;
  /** In order of submission. */
  #held: PendingFrame<T>[] = [];
  #heldBytes = 0;

  constructor(bounds: { readonly delayed: Bounds; readonly held: Bounds }) {
    this.#delayedBounds = bounds.delayed;
    this.#heldBounds = bounds.held;
  }

  /** Oldest first. */
  get held(): readonly PendingFrame<T>[] {
    return this.#held;
  }

  get nextDueMs(): number | undefined {
    return this.#scheduled.first?.dueMs;
  }

  /** Takes in a new frame and works out when it is due. False if there is no room for it. */
  enter(frame: PendingFrame<T>, nowMs: number): boolean {
    frame.dueMs = dueMsOf(frame);
    const { byteLength } = frame.frame;
    if (frame.heldBy !== undefined) {
      if (!this.#hasHeldRoom(byteLength)) return false;
      this.#hold(frame);
    } else {
      if (frame.dueMs > nowMs && !this.#hasDelayedRoom(byteLength)) return false;
      this.#schedule(frame);
    }
    if (!frame.isReordered) frame.link.tailMs = frame.dueMs;
    return true;
  }

  /** Takes out the next frame that is due, the earliest first. */
  takeDue(nowMs: number): PendingFrame<T> | undefined {
    const first = this.#scheduled.first;
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.#scheduled.pop();
    this.#forgetScheduled(first);
    return first;
  }

  /** Gives held frames their time back; it may be long past, then they are due at once. */
  release(isReleased: Question<T>): void {
    for (const frame of this.#takeHeld(isReleased)) {
      frame.heldBy = undefined;
      this.#schedule(frame);
    }
  }

  /** Takes out frames that are held. */
  removeHeld(isRemoved: Question<T>): PendingFrame<T>[] {
    const removed = this.#takeHeld(isRemoved);
    this.#close(removed);
    return removed;
  }

  /** Takes out frames that have a time. */
  removeScheduled(isRemoved: Question<T>): PendingFrame<T>[] {
    const removed = this.#takeScheduled(isRemoved);
    this.#close(removed);
    return removed;
  }

  /** Holds frames that have a time. Returns those for which there was no room; they are gone. */
  catch(isCaught: Question<T>): { caught: PendingFrame<T>[]; refused: PendingFrame<T>[] } {
    const caught: PendingFrame<T>[] = [];
    const refused: PendingFrame<T>[] = [];
    for (const frame of this.#takeScheduled(isCaught).sort(bySequence)) {
      if (!this.#hasHeldRoom(frame.frame.byteLength)) {
        refused.push(frame);
        continue;
      }
      frame.heldBy = 'partition';
      this.#hold(frame);
      caught.push(frame);
    }
    this.#held.sort(bySequence);
    this.#close(refused);
    return { caught, refused };
  }

  /** Takes back the delays that a rule has added, or all of them. */
  endDelays(rule: ActiveRule | 'all'): void {
    if (rule !== 'all' && !addsDelay(rule.effect)) return;
    let isChanged = false;
    for (const frame of [...this.#scheduled.elements, ...this.#held]) {
      const left = rule === 'all' ? [] : frame.delays.filter((delay) => delay.rule !== rule);
      if (left.length === frame.delays.length) continue;
      frame.delays = left;
      isChanged = true;
    }
    if (isChanged) this.#restoreOrder();
  }

  /** Closes the gaps that removed frames leave: nobody waits behind a frame that is gone. */
  #close(removed: readonly PendingFrame<T>[]): void {
    if (removed.length === 0) return;
    for (const { link } of removed) link.tailMs = Number.NEGATIVE_INFINITY;
    this.#restoreOrder();
  }

  #restoreOrder(): void {
    const all = [...this.#scheduled.elements, ...this.#held].sort(bySequence);
    for (const { link } of all) link.tailMs = Number.NEGATIVE_INFINITY;
    for (const frame of all) {
      frame.dueMs = dueMsOf(frame);
      if (!frame.isReordered) frame.link.tailMs = frame.dueMs;
    }
    this.#scheduled.restore();
  }

  #schedule(frame: PendingFrame<T>): void {
    this.#scheduled.push(frame);
    this.#scheduledBytes += frame.frame.byteLength;
    frame.link.scheduled += 1;
  }

  #takeScheduled(isTaken: Question<T>): PendingFrame<T>[] {
    const taken = this.#scheduled.split((frame) => !isTaken(frame));
    for (const frame of taken) this.#forgetScheduled(frame);
    return taken;
  }

  #forgetScheduled(frame: PendingFrame<T>): void {
    this.#scheduledBytes -= frame.frame.byteLength;
    frame.link.scheduled -= 1;
  }

  #hold(frame: PendingFrame<T>): void {
    this.#held.push(frame);
    this.#heldBytes += frame.frame.byteLength;
    frame.link.held += 1;
  }

  #takeHeld(isTaken: Question<T>): PendingFrame<T>[] {
    const kept: PendingFrame<T>[] = [];
    const taken: PendingFrame<T>[] = [];
    for (const frame of this.#held) (isTaken(frame) ? taken : kept).push(frame);
    this.#held = kept;
    for (const frame of taken) {
      this.#heldBytes -= frame.frame.byteLength;
      frame.link.held -= 1;
    }
    return taken;
  }

  #hasDelayedRoom(byteLength: number): boolean {
    const { framesMax, bytesMax } = this.#delayedBounds;
    return this.#scheduled.size < framesMax && this.#scheduledBytes + byteLength <= bytesMax;
  }

  #hasHeldRoom(byteLength: number): boolean {
    const { framesMax, bytesMax } = this.#heldBounds;
    return this.#held.length < framesMax && this.#heldBytes + byteLength <= bytesMax;
  }
}

function dueMsOf<T>(frame: PendingFrame<T>): number {
  let ownDueMs = frame.submittedMs;
  for (const { ms } of frame.delays) ownDueMs += ms;
  return frame.isReordered ? ownDueMs : Math.max(ownDueMs, frame.link.tailMs);
}

function bySequence(some: { sequence: number }, other: { sequence: number }): number {
  return some.sequence - other.sequence;
}
