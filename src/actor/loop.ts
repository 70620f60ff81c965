/**
 * The life of an actor's thread: drain, work, yield; sleep when there is nothing.
 *
 * A turn that found something is followed by another one after the event loop has had its say
 * (timers, the control plane), so a flood of frames starves nobody. A turn that found nothing
 * announces sleep, looks once more, and waits for the doorbell.
 */
import type { Mailbox } from './mailbox.js';
import { type ActorId, type Space, supervisorId } from './space.js';

/** Does what there is to do; true when it found something. */
export type Turn = () => boolean;

export class Loop implements Disposable {
  readonly #space: Space;
  readonly #owner: ActorId;
  readonly #mailbox: Mailbox;
  readonly #turn: Turn;
  readonly #canBlock: boolean;
  #isStopped = false;
  #isScheduled = false;

  /** `canBlock`: whether a pause may block this thread; a thread shared with others must not. */
  constructor(space: Space, mailbox: Mailbox, turn: Turn, { canBlock }: { canBlock: boolean }) {
    this.#space = space;
    this.#owner = mailbox.owner;
    this.#mailbox = mailbox;
    this.#turn = turn;
    this.#canBlock = canBlock && mailbox.owner !== supervisorId;
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    this.#space.ring(this.#owner);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    if (this.#isStopped) return;
    if (this.#canBlock) this.#space.waitWhilePaused(this.#owner);
    if (this.#turn()) this.#schedule();
    else this.#sleep();
  };

  #sleep(): void {
    this.#space.announceSleep(this.#owner);
    const ring = this.#hasWork() ? undefined : this.#space.waitForRing(this.#owner);
    if (ring === undefined) {
      this.#space.announceAwake(this.#owner);
      this.#schedule();
    } else {
      void ring.then(this.#run);
    }
  }

  /** What came after the turn had looked, and before sleep was announced, rang nobody. */
  #hasWork(): boolean {
    if (!this.#mailbox.isEmpty || this.#space.takeRingForRoom(this.#owner)) return true;
    return this.#canBlock && this.#space.isPaused(this.#owner);
  }
}
