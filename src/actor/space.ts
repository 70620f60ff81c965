/**
 * The words that all actors of one process share: who lives, who sleeps, who is paused.
 *
 * One row an actor, each column a SharedArrayBuffer of 32-bit words. The supervisor allocates the
 * space once and hands it to every thread; nothing in it is ever moved.
 */

/** A small integer that names an actor within its space. 0 is the supervisor. */
export type ActorId = number;

export const supervisorId: ActorId = 0;

/** Structured-cloneable: sent to a thread once, when it starts. */
export interface SpaceBuffers {
  readonly incarnations: SharedArrayBuffer;
  readonly doorbells: SharedArrayBuffer;
  readonly pauses: SharedArrayBuffer;
}

const wordBytes = 4;
// A cache line an actor: two bells in one line would make two sleeping threads disturb each other.
// Its second word is set when room is given back to a producer.
const doorbellStride = 16;

const bellAwake = 0;
const bellAsleep = 1;

const running = 0;
const toPause = 1;
const paused = 2;

export function allocateSpace(actorsMax: number): SpaceBuffers {
  return {
    incarnations: new SharedArrayBuffer(actorsMax * wordBytes),
    doorbells: new SharedArrayBuffer(actorsMax * wordBytes * doorbellStride),
    pauses: new SharedArrayBuffer(actorsMax * wordBytes),
  };
}

/** One thread's view of the space. */
export class Space {
  readonly buffers: SpaceBuffers;
  readonly actorsMax: number;
  readonly #incarnations: Int32Array;
  readonly #doorbells: Int32Array;
  readonly #pauses: Int32Array;

  constructor(buffers: SpaceBuffers) {
    this.buffers = buffers;
    this.#incarnations = new Int32Array(buffers.incarnations);
    this.#doorbells = new Int32Array(buffers.doorbells);
    this.#pauses = new Int32Array(buffers.pauses);
    this.actorsMax = this.#incarnations.length;
  }

  /** The living incarnation of an actor, from 1; 0 while nobody lives under this id. */
  incarnation(id: ActorId): number {
    return Atomics.load(this.#incarnations, id);
  }

  /** Only the supervisor calls this: before it starts a thread, and with 0 once it is dead. */
  setIncarnation(id: ActorId, incarnation: number): void {
    Atomics.store(this.#incarnations, id, incarnation);
  }

  /** Wakes an actor if it sleeps; one atomic load if it does not. */
  ring(id: ActorId): void {
    const word = id * doorbellStride;
    if (Atomics.load(this.#doorbells, word) !== bellAsleep) return;
    if (Atomics.exchange(this.#doorbells, word, bellAwake) === bellAsleep) {
      Atomics.notify(this.#doorbells, word);
    }
  }

  /**
   * Wakes a producer that was pushed back. Unlike a frame, room leaves nothing in a mailbox that
   * a producer on its way to sleep would find, so this ring is remembered until it is taken.
   */
  ringForRoom(id: ActorId): void {
    Atomics.store(this.#doorbells, id * doorbellStride + 1, 1);
    this.ring(id);
  }

  /** Whether room was given back since the last call. */
  takeRingForRoom(id: ActorId): boolean {
    return Atomics.exchange(this.#doorbells, id * doorbellStride + 1, 0) === 1;
  }

  /**
   * Announces sleep. The caller must look at its mailbox once more before it waits: a frame that
   * was written before the announcement found the bell awake and did not ring.
   */
  announceSleep(id: ActorId): void {
    Atomics.store(this.#doorbells, id * doorbellStride, bellAsleep);
  }

  announceAwake(id: ActorId): void {
    Atomics.store(this.#doorbells, id * doorbellStride, bellAwake);
  }

  /** Resolves at the next ring; `undefined` when the bell has rung since the announcement. */
  waitForRing(id: ActorId): Promise<unknown> | undefined {
    const wait = Atomics.waitAsync(this.#doorbells, id * doorbellStride, bellAsleep);
    return wait.async ? wait.value : undefined;
  }

  /** Stops an actor where it next looks (its loop), as SIGSTOP would; `resume` lets it go on. */
  pause(id: ActorId): void {
    if (Atomics.compareExchange(this.#pauses, id, running, toPause) === running) this.ring(id);
  }

  resume(id: ActorId): void {
    Atomics.store(this.#pauses, id, running);
    Atomics.notify(this.#pauses, id);
  }

  isPaused(id: ActorId): boolean {
    return Atomics.load(this.#pauses, id) !== running;
  }

  /** Resolves when a paused actor has stopped, or is not to be paused any more. */
  async waitForPause(id: ActorId): Promise<void> {
    while (Atomics.load(this.#pauses, id) === toPause) {
      await Atomics.waitAsync(this.#pauses, id, toPause).value;
    }
  }

  /** Blocks this thread while its actor is paused. Never called on the supervisor's thread. */
  waitWhilePaused(id: ActorId): void {
    while (Atomics.load(this.#pauses, id) !== running) {
      if (Atomics.compareExchange(this.#pauses, id, toPause, paused) === toPause) {
        Atomics.notify(this.#pauses, id);
      }
      Atomics.wait(this.#pauses, id, paused);
    }
  }
}
