/** Waits for a condition of the cluster, with a limit and a signal; leaves no timer behind. */
import type { Clock } from '../clock.js';
import { RaftError } from '../errors.js';

export interface WaitOptions {
  /** Rejects with `RAFT_TIMEOUT` after this long. Whole ms > 0, default 10,000. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

interface Wait<T> extends WaitOptions {
  readonly clock: Clock;
  /** What is waited for, for the error: 'a leader'. */
  readonly what: string;
  /** Looked at now and every few ms: the gauges of a node change without an event. */
  readonly look: () => T | undefined;
  /** Rejects all waits when the cluster closes. */
  readonly closing: AbortSignal;
}

const lookEveryMs = 2;

export function waitUntil<T>(wait: Wait<T>): Promise<T> {
  const { clock, what, look, timeoutMs = 10_000, closing } = wait;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) {
    return Promise.reject(invalidWait('timeoutMs', timeoutMs, 'ms > 0'));
  }
  const signal = wait.signal ? AbortSignal.any([wait.signal, closing]) : closing;
  const deadlineMs = clock.nowMs() + timeoutMs;
  return new Promise((resolve, reject) => {
    let timer: Disposable | undefined;
    const stop = (): void => {
      timer?.[Symbol.dispose]();
      signal.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      stop();
      reject(signal.reason);
    };
    const step = (): void => {
      let found: T | undefined;
      try {
        found = look();
      } catch (error) {
        stop();
        reject(error);
        return;
      }
      if (found !== undefined) {
        stop();
        resolve(found);
      } else if (clock.nowMs() >= deadlineMs) {
        stop();
        reject(timedOut(what, timeoutMs));
      } else {
        timer = clock.setTimer(lookEveryMs, step);
      }
    };
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    step();
  });
}

/** The error for an argument of a wait that cannot be awaited. */
export function invalidWait(option: string, found: unknown, expected: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} is ${found}; expected ${expected}`, {
    details: { option },
  });
}

/** The condition was not met in time. */
export function timedOut(what: string, timeoutMs: number): RaftError {
  return new RaftError('RAFT_TIMEOUT', `waited ${Math.round(timeoutMs)} ms for ${what}, in vain`, {
    details: { timeoutMs },
  });
}
