/** What the disk itself can do, so that a reader can judge what is made of it. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../src/clock.js';
import { RaftError } from '../src/errors.js';
import {
  countLatency,
  emptyLatencies,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import type { ScratchDirectory } from './scratch-directory.js';

export interface DiskFigures {
  /** `ext4`, `tmpfs`, …; on the latter nothing is durable. */
  readonly fileSystem: string;
  /** The time of one write of 4 KiB into a file that has its length, and one fdatasync. */
  readonly syncMicros: LatencyMicros;
}

const pageBytes = 4_096;
/** As long as a segment of the log. */
const fileBytes = 2 ** 24;
/** A disk that takes its time is measured for a while, and then it is enough. */
const samplesMax = 1_000;

/**
 * Measures for a time, in s, on a disk that has nothing else to do for us. Throws
 * `RAFT_STORAGE_FAILED` if the disk is full or says anything else but yes.
 */
export function measureDisk(directory: ScratchDirectory, seconds: number): DiskFigures {
  const path = join(directory.path, 'sync');
  let file: number | undefined;
  try {
    file = openSync(path, 'w');
    writeFileSync(file, Buffer.alloc(fileBytes));
    fdatasyncSync(file);
    return { fileSystem: directory.fileSystem, syncMicros: timeSyncs(file, seconds) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RaftError('RAFT_STORAGE_FAILED', `${directory.path} cannot be written: ${why}`, {
      cause: error,
    });
  } finally {
    if (file !== undefined) closeSync(file);
    rmSync(path, { force: true });
  }
}

function timeSyncs(file: number, seconds: number): LatencyMicros {
  const page = Buffer.alloc(pageBytes, 'a');
  const counts = emptyLatencies();
  const endMs = systemClock.nowMs() + seconds * 1_000;
  for (let sample = 0; sample < samplesMax; sample += 1) {
    const beganMs = systemClock.nowMs();
    if (sample > 0 && beganMs >= endMs) break;
    writeSync(file, page, 0, pageBytes, (sample * pageBytes) % fileBytes);
    fdatasyncSync(file);
    countLatency(counts, systemClock.nowMs() - beganMs);
  }
  return summarizeLatencies([counts]);
}
