/**
 * Signals that batches hang on: one listener a signal, however many batches.
 *
 * A program may give one signal to all its calls, and Node.js takes more than ten listeners on a
 * signal for a leak.
 */
import type { Batch } from './client-batch.js';

interface Hanging {
  readonly batches: Set<Batch>;
  readonly listener: () => void;
}

export class Aborts {
  readonly #hanging = new Map<AbortSignal, Hanging>();
  readonly #fail: (batch: Batch, reason: unknown) => void;

  constructor(fail: (batch: Batch, reason: unknown) => void) {
    this.#fail = fail;
  }

  add(batch: Batch, signal: AbortSignal): void {
    const found = this.#hanging.get(signal);
    if (found) {
      found.batches.add(batch);
      return;
    }
    const batches = new Set([batch]);
    const listener = (): void => {
      for (const aborted of [...batches]) this.#fail(aborted, signal.reason);
    };
    this.#hanging.set(signal, { batches, listener });
    signal.addEventListener('abort', listener);
  }

  /** The batch is settled. With the last one of its signal, the listener goes. */
  delete(batch: Batch, signal: AbortSignal): void {
    const found = this.#hanging.get(signal);
    if (found === undefined || !found.batches.delete(batch) || found.batches.size > 0) return;
    this.#hanging.delete(signal);
    signal.removeEventListener('abort', found.listener);
  }
}
