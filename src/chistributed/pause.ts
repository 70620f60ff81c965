/** Waiting with a bound: for a time, for something, or for the end of the run. */
import type { Clock } from '../clock.js';

export interface PauseOptions {
  readonly clock: Clock;
  /** The longest time, in ms >= 0. */
  readonly limitMs: number;
  /** Ends the pause early when aborted. */
  readonly signal: AbortSignal;
  /** Ends the pause early when it resolves. Must not reject. Default: nothing does. */
  readonly until?: Promise<unknown>;
}

/** Resolves, never rejects, to whether `until` came before the limit and the signal. */
export function pause({ clock, limitMs, signal, until }: PauseOptions): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (came: boolean): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', interrupt);
      resolve(came);
    };
    const interrupt = (): void => end(false);
    const timer = clock.setTimer(limitMs, () => end(false));
    signal.addEventListener('abort', interrupt);
    void until?.then(() => end(true));
  });
}
