/** What has arrived at an actor and was not read yet: control frames first, as in a mailbox. */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';

/** A frame on its way, or at its end. */
export interface SimFrame extends Frame {
  readonly destinationIncarnation: number;
  /** Called when its room is free again: read, or dropped on the way. Copies take none. */
  readonly settle: () => void;
}

export class Inbox {
  #control: SimFrame[] = [];
  #bulk: SimFrame[] = [];
  readonly #held = new Set<ActorId>();
  #frames = 0;

  /** Frames read since the beginning. */
  get frames(): number {
    return this.#frames;
  }

  put(frame: SimFrame): void {
    if (frame.lane === 'control') this.#control.push(frame);
    else this.#bulk.push(frame);
  }

  drain(handler: (frame: Frame) => void): number {
    const before = this.#frames;
    const control = this.#control;
    const bulk = this.#bulk;
    this.#control = [];
    this.#bulk = [];
    for (const frame of control) this.#read(frame, handler);
    for (const frame of bulk) {
      if (this.#held.has(frame.source)) this.#bulk.push(frame);
      else this.#read(frame, handler);
    }
    return this.#frames - before;
  }

  /** Frames are not reused here, so there is nothing to give back. */
  release(): void {}

  hold(source: ActorId): void {
    this.#held.add(source);
  }

  unhold(source: ActorId): void {
    this.#held.delete(source);
  }

  /** The actor has died, and what it had not read with it. */
  clear(): void {
    for (const frame of [...this.#control, ...this.#bulk]) frame.settle();
    this.#control = [];
    this.#bulk = [];
    this.#held.clear();
  }

  #read(frame: SimFrame, handler: (frame: Frame) => void): void {
    this.#frames += 1;
    frame.settle();
    handler(frame);
  }
}
