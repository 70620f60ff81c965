/**
 * The errors that balsa gives to its users.
 *
 * Codes are API, messages are not: compare `error.code`. `instanceof` does not survive a thread and
 * neither does a property added to an `Error`, since the structured clone keeps name, message and
 * stack only. What crosses a thread is therefore an `ErrorRecord`, made by `packError` and turned
 * back by `unpackError`.
 *
 * Every code is a heading in `docs/errors.md` that says what it means, what to do, and what it says
 * about the outcome.
 */

/** Every code that an error of balsa can carry, as data: a test holds the documentation to it. */
export const errorCodes = [
  'RAFT_BROKEN_INVARIANT',
  'RAFT_CONTROL_FAILED',
  'RAFT_INVALID_HISTORY',
  'RAFT_INVALID_OPTION',
  'RAFT_INVALID_SCRIPT',
  'RAFT_INVALID_TAPE',
  'RAFT_KEY_TOO_LONG',
  'RAFT_LOG_FULL',
  'RAFT_MACHINE_FAILED',
  'RAFT_NODE_DOWN',
  'RAFT_NO_LEADER',
  'RAFT_NO_QUORUM',
  'RAFT_NOT_LEADER',
  'RAFT_OVERLOADED',
  'RAFT_SESSION_EXPIRED',
  'RAFT_SNAPSHOT_FOREIGN',
  'RAFT_SNAPSHOT_NEWER',
  'RAFT_STOPPED',
  'RAFT_STORAGE_CORRUPT',
  'RAFT_STORAGE_FAILED',
  'RAFT_STORAGE_LOCKED',
  'RAFT_STORAGE_LOST',
  'RAFT_TIMEOUT',
  'RAFT_UNKNOWN_NODE',
  'RAFT_VALUE_NOT_CLONEABLE',
  'RAFT_VALUE_TOO_LARGE',
  'RAFT_WORKER_FAILED',
  'RAFT_WRONG_MACHINE',
  'RAFT_ZEROMQ_MISSING',
] as const;

/** The stable name of one kind of failure. */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * What is known about the request that failed.
 *
 * `rejected`: it was not done and never will be; it may be sent again.
 * `unknown`: it may have been done, or may still be.
 */
export type FailedOutcome = 'rejected' | 'unknown';

/** What a program may read beside the code. Plain data only: the details cross threads. */
export interface ErrorDetails {
  /** Present on the failure of a request; absent where there was none, as for an invalid option. */
  readonly outcome?: FailedOutcome;
  /** The node, or another actor, that the error is about. */
  readonly nodeId?: string;
  /** The leader, where one is known to the node that refused. */
  readonly leaderId?: string;
  /** The option that was refused, by its full name. */
  readonly option?: string;
  /** The time that was allowed, in ms. */
  readonly timeoutMs?: number;
  readonly [name: string]: unknown;
}

/** What `RaftError` takes beside code and message. */
export interface RaftErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Default: no details. */
  readonly details?: ErrorDetails;
}

/** Any error as plain data: what the structured clone of an `Error` would lose is kept. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** A code of balsa, or that of a foreign error (`ERR_WORKER_OUT_OF_MEMORY`, `EACCES`). */
  readonly code?: string;
  readonly details?: ErrorDetails;
  readonly cause?: ErrorRecord;
}

/** A chain of causes is kept this deep, so that a cyclic one ends too. */
const causeDepthMax = 8;

const knownCodes: ReadonlySet<unknown> = new Set(errorCodes);

/**
 * An error with a stable code.
 *
 * @example
 * throw new RaftError('RAFT_NOT_LEADER', 'n2 is a follower; n1 leads term 7', {
 *   details: { outcome: 'rejected', leaderId: 'n1' },
 * });
 */
export class RaftError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: RaftErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'RaftError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** The error as plain data, for `JSON.stringify` and for another thread. */
  toJSON(): ErrorRecord {
    return packError(this);
  }

  /** The inverse of `toJSON`. Refuses a record whose code is not one of balsa's. */
  static fromJSON(record: ErrorRecord): RaftError {
    const error = unpackError(record);
    if (error instanceof RaftError) return error;
    throw new RaftError('RAFT_BROKEN_INVARIANT', `'${record.code}' is not a code of balsa`, {
      cause: error,
    });
  }
}

/** Whether `error` is one of balsa's, from this thread or another, and has the code asked for. */
export function isRaftError(error: unknown, code?: ErrorCode): error is RaftError {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return code === undefined ? knownCodes.has(error.code) : error.code === code;
}

/** Anything that was thrown, as a plain record that survives a thread; see `unpackError`. */
export function packError(error: unknown): ErrorRecord {
  return pack(error, causeDepthMax);
}

/** What `packError` was given: a `RaftError` if it was one, else an `Error` with name and code. */
export function unpackError(record: ErrorRecord): Error {
  const options = record.cause === undefined ? {} : { cause: unpackError(record.cause) };
  const error = isErrorCode(record.code)
    ? new RaftError(record.code, record.message, { ...options, details: record.details ?? {} })
    : new Error(record.message, options);
  if (record.stack !== undefined) error.stack = record.stack;
  error.name = record.name;
  if (record.code !== undefined) Object.assign(error, { code: record.code });
  return error;
}

/** Ends a switch over a union: a member that was added fails to compile until it is handled. */
export function assertNever(value: never): never {
  throw new RaftError('RAFT_BROKEN_INVARIANT', `unhandled case ${JSON.stringify(value)}`);
}

function pack(error: unknown, depth: number): ErrorRecord {
  if (!(error instanceof Error)) return { name: 'Error', message: describe(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    name: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error instanceof RaftError ? { details: error.details } : {}),
    ...(error.cause === undefined || depth === 0 ? {} : { cause: pack(error.cause, depth - 1) }),
  };
}

function describe(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : `a thrown ${typeof thrown}: ${String(thrown)}`;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return knownCodes.has(code);
}
