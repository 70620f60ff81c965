/**
 * News of deaths, for whoever watches.
 */
import type { ErrorRecord } from '../errors.js';
import type { ActorId } from './space.js';

/**
 * `normal`: it ended by itself or was told to stop. `crashed`: its thread was killed by the `crash`
 * verb, or vanished under a guest. `error`: an error was not caught, or the thread ended with an
 * exit code. `gave-up`: it died too often and is not restarted any more.
 */
export type DownReason = 'normal' | 'crashed' | 'error' | 'gave-up';

/** Structured-cloneable. */
export interface DownNotice {
  readonly kind: 'down';
  readonly actor: ActorId;
  readonly incarnation: number;
  readonly reason: DownReason;
  /** What it died of, where an error is known. */
  readonly error?: ErrorRecord;
}

export type DownListener = (notice: DownNotice) => void;

/** Who watches whom, within one thread. */
export class Monitors {
  readonly #listeners = new Map<ActorId, Set<DownListener>>();

  /** Calls `listener` at every death of the actor, until disposed. */
  monitor(actor: ActorId, listener: DownListener): Disposable {
    const listeners = this.#listeners.get(actor) ?? new Set();
    this.#listeners.set(actor, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(actor) === listeners) {
          this.#listeners.delete(actor);
        }
      },
    };
  }

  notify(notice: DownNotice): void {
    for (const listener of [...(this.#listeners.get(notice.actor) ?? [])]) listener(notice);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
