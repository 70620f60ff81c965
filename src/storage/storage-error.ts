/** What is said of a directory that cannot be used. */

import { RaftError } from '../errors.js';

/** The log of a node that had one is gone, and the command that mends it. */
export function lost(directory: string): RaftError {
  return new RaftError(
    'RAFT_STORAGE_LOST',
    `the log in ${directory} is gone, and with it the votes of its node. ` +
      `Close the cluster and run: balsa log rebuild ${directory} OTHER...`,
    { details: { directory } },
  );
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
