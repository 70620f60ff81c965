/** What is said of a directory that cannot be used. */

import { RaftError } from '../errors.js';

/** The log of a node that had one is gone, and the command that mends it. */
export function lost(directory: string): RaftError {
  return new RaftError(
    'RAFT_STORAGE_LOST',
    `the log in ${directory} is gone, and with it the votes of its node. ${repairOf(directory)}`,
    { details: { directory } },
  );
}

/** What to do about the directory of a node that is gone or damaged. */
export function repairOf(directory: string): string {
  return `Close the cluster and run: balsa log rebuild ${directory} OTHER...`;
}

/** Adds to damage what to do about it; gives any other error as it is. */
export function withRepair(error: unknown, directory: string): unknown {
  if (!(error instanceof RaftError) || error.code !== 'RAFT_STORAGE_CORRUPT') return error;
  const { code, message, details } = error;
  return new RaftError(code, `${message}. ${repairOf(directory)}`, { cause: error, details });
}

/** `RAFT_STORAGE_FAILED` for what the operating system refused; any other error as it is. */
export function storageFailure(error: unknown, what: string, directory: string): RaftError {
  if (error instanceof RaftError) return error;
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  return new RaftError(
    'RAFT_STORAGE_FAILED',
    `the storage in ${directory} failed at ${what}: ${message}`,
    { cause: error, details: { directory, code } },
  );
}
