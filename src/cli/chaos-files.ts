/** The files of a chaos run. That one cannot be written is found out before anything is started. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { formatEvent, type HistoryEvent } from '../chaos/event.js';
import type { Band } from '../chaos/history-page.js';
import { RaftError } from '../errors.js';
import { exitCode } from './exit-code.js';
import { faultsFile } from './verdict.js';

export interface HistoryFile extends AsyncDisposable {
  write(event: HistoryEvent): void;
  /** Resolves when all is in the file, and the faults in theirs; rejects if that cannot be. */
  finish(bands: readonly Band[]): Promise<number>;
}

/** Opens the history; without a file nothing is written. */
export async function openHistory(file: string | undefined): Promise<HistoryFile> {
  if (file === undefined) {
    return {
      write: () => {},
      finish: async () => exitCode.ok,
      [Symbol.asyncDispose]: async () => {},
    };
  }
  const stream = await opened(file);
  // Told at the end: a full disk does not keep the run from its verdict.
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure ??= error;
  });
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
  });
  return {
    write: (event) => {
      if (stream.writable) stream.write(`${formatEvent(event)}\n`);
    },
    finish: async (bands) => {
      try {
        stream.end();
        await closed;
        if (failure !== undefined) throw failure;
        const lines = bands.map((band) => `${JSON.stringify(band)}\n`);
        await writeFile(faultsFile(file), lines.join(''));
        return exitCode.ok;
      } catch (error) {
        throw unwritable('--history', error);
      }
    },
    // Of a run that was ended early, too, the lines are whole.
    [Symbol.asyncDispose]: async () => {
      stream.end();
      await closed;
    },
  };
}

function opened(file: string): Promise<WriteStream> {
  return new Promise((resolve, reject) => {
    const stream = createWriteStream(file);
    const refuse = (error: Error): void => reject(unwritable('--history', error));
    stream.once('error', refuse);
    stream.once('open', () => {
      stream.off('error', refuse);
      resolve(stream);
    });
  });
}

function unwritable(option: string, error: unknown): RaftError {
  const why = error instanceof Error ? error.message : String(error);
  return new RaftError('RAFT_INVALID_OPTION', `${option} cannot be written: ${why}`, {
    cause: error,
    details: { option },
  });
}
