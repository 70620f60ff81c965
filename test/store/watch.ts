/** A promise whose state a test can look at whenever it likes. */
import { isRaftError } from '../../src/errors.js';

export interface Watched<T> {
  state: 'pending' | 'done' | 'failed';
  value: T | undefined;
  error: unknown;
  /** `RAFT_TIMEOUT unknown`, `done`, `pending`: how it stands, in short. */
  readonly summary: string;
}

export function watch<T>(promise: Promise<T>): Watched<T> {
  const watched: Watched<T> = {
    state: 'pending',
    value: undefined,
    error: undefined,
    get summary(): string {
      if (watched.state !== 'failed') return watched.state;
      const { error } = watched;
      return isRaftError(error) ? `${error.code} ${error.details.outcome}` : String(error);
    },
  };
  promise.then(
    (value) => {
      watched.state = 'done';
      watched.value = value;
    },
    (error: unknown) => {
      watched.state = 'failed';
      watched.error = error;
    },
  );
  return watched;
}

export function messageOf({ error }: Watched<unknown>): string {
  return error instanceof Error ? error.message : '';
}

export function causeCode({ error }: Watched<unknown>): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return isRaftError(cause) ? cause.code : undefined;
}
