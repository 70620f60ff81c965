/**
 * What does it cost to wait for a disk through the thread pool instead of in the call?
 *
 *     node dist/benchmarks/sync.js [--seconds 2] [--data-dir DIR] [--json]
 *
 * 4 KiB are written and synced, once by the synchronous calls that the log uses and once by those
 * that Node.js hands to its thread pool, in turn on one file, so that both meet the disk in the
 * same mood. Without arguments it runs for an instant, to show that it runs.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, write, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.js';
import {
  countLatency,
  emptyLatencies,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import { micros } from './figures.js';
import { ScratchDirectory } from './scratch-directory.js';

/** What `--json` prints. */
export interface SyncFigures {
  readonly fileSystem: string;
  readonly inTheCall: LatencyMicros;
  readonly throughThePool: LatencyMicros;
}

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '0.1' },
    'data-dir': { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});

const page = Buffer.alloc(4_096, 'a');
/** As long as a segment of the log. */
const fileBytes = 2 ** 24;

function syncInTheCall(file: number, at: number): void {
  writeSync(file, page, 0, page.length, at);
  fdatasyncSync(file);
}

function syncThroughThePool(file: number, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null): void => (error === null ? resolve() : reject(error));
    write(file, page, 0, page.length, at, (error) => {
      if (error === null) fdatasync(file, settle);
      else reject(error);
    });
  });
}

async function measure(path: string, seconds: number): Promise<Omit<SyncFigures, 'fileSystem'>> {
  const [inTheCall, throughThePool] = [emptyLatencies(), emptyLatencies()];
  const file = openSync(join(path, 'sync'), 'w');
  try {
    writeSync(file, Buffer.alloc(fileBytes));
    fdatasyncSync(file);
    const endMs = systemClock.nowMs() + seconds * 1_000;
    for (let at = 0; ; at = (at + page.length) % fileBytes) {
      const beganMs = systemClock.nowMs();
      if (beganMs >= endMs) break;
      syncInTheCall(file, at);
      const betweenMs = systemClock.nowMs();
      countLatency(inTheCall, betweenMs - beganMs);
      await syncThroughThePool(file, at);
      countLatency(throughThePool, systemClock.nowMs() - betweenMs);
    }
  } finally {
    closeSync(file);
  }
  return {
    inTheCall: summarizeLatencies([inTheCall]),
    throughThePool: summarizeLatencies([throughThePool]),
  };
}

using directory = new ScratchDirectory(options['data-dir']);
const { fileSystem } = directory;
const figures: SyncFigures = {
  fileSystem,
  ...(await measure(directory.path, Number(options.seconds))),
};
if (options.json) {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} else {
  const shown = ({ p50, p99 }: LatencyMicros): string => `p50 ${micros(p50)}, p99 ${micros(p99)}`;
  process.stdout.write(`in the call       ${shown(figures.inTheCall)}\n`);
  process.stdout.write(`through the pool  ${shown(figures.throughThePool)}\n`);
}
