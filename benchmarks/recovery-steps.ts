/** What a node does with its log when it starts, step by step on one thread, each with its time. */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { systemClock } from '../src/clock.js';
import { type FileSystem, nodeFileSystem, type OpenFile } from '../src/storage/file-system.js';
import { createMemory, openMemoryStorage, type Storage } from '../src/storage/index.js';
import { fillMemory, recoverState } from '../src/storage/recovery.js';
import { StoreStateMachine } from '../src/store/store-state-machine.js';

/** What a step takes, in ms: time, and CPU time of the process, which does nothing else. */
export interface StepTimes {
  readonly ms: number;
  readonly cpuMs: number;
}

/**
 * `read`: from the disk, or from the cache of the operating system. `crc`: the checksums of all
 * records. `decode`: all else that finding the records takes. `copy`: into the memory of the log.
 * `apply`: to the state machine.
 */
export const recoverySteps = ['read', 'crc', 'decode', 'copy', 'apply'] as const;
export type RecoverySteps = Readonly<Record<(typeof recoverySteps)[number], StepTimes>>;

/** What takes longest, and its share of all steps. */
export function boundOf(steps: RecoverySteps): string {
  const all = recoverySteps.reduce((sum, name) => sum + steps[name].ms, 0);
  const [name] = recoverySteps.toSorted((a, b) => steps[b].ms - steps[a].ms);
  const share = Math.round((100 * steps[name ?? 'read'].ms) / Math.max(all, 1));
  return `${name} (${share} % of the steps)`;
}

export interface StepsOptions {
  readonly logBytesMax: number;
  readonly signal: AbortSignal;
}

/** So much is applied before others have their turn. */
const applyBytes = 2 ** 25;

/** The state of the directory of a node stays as it is. */
export async function measureSteps(
  directory: string,
  { logBytesMax, signal }: StepsOptions,
): Promise<RecoverySteps> {
  const disk = new TimedReads();
  const scan = timed(() => recoverState(disk.fileSystem, directory));
  const state = scan.result;
  if (state === undefined) throw new Error(`${directory} has no log`);
  const readByScan = disk.times;
  const memory = openMemoryStorage(createMemory({ logBytesMax, snapshotBytesMax: 4_096 }));
  try {
    const fill = timed(() => fillMemory(disk.fileSystem, directory, memory, state));
    if (!fill.result) throw new Error(`the log of ${directory} does not fit`);
    const read = disk.times;
    const crc = timeChecksums(directory, state.wal.segments.length);
    const decode = minus(minus(scan, readByScan), crc);
    const copy = minus(fill, minus(read, readByScan));
    return { read, crc, decode, copy, apply: await applyAll(memory, signal) };
  } finally {
    memory.close();
  }
}

async function applyAll(memory: Storage, signal: AbortSignal): Promise<StepTimes> {
  const machine = new StoreStateMachine();
  let times = none;
  for (let index = memory.firstIndex; index <= memory.lastIndex; ) {
    const part = timed(() => {
      for (let left = applyBytes; left > 0 && index <= memory.lastIndex; index += 1) {
        const payload = memory.payload(index);
        if (payload.end > payload.start) machine.apply(payload, index);
        left -= payload.end - payload.start + 1;
      }
    });
    times = plus(times, part);
    await setImmediate();
    signal.throwIfAborted();
  }
  return times;
}

/** The files are in the cache by now; reading them does not count. */
function timeChecksums(directory: string, segments: number): StepTimes {
  let times = none;
  const names = nodeFileSystem.list(directory).filter((name) => /^\d+\.wal$/.test(name));
  for (const name of names.slice(0, segments)) {
    const file = nodeFileSystem.open(join(directory, name), 'existing');
    const bytes = Buffer.allocUnsafeSlow(file.size());
    file.read(bytes, 0);
    file.close();
    times = plus(
      times,
      timed(() => crc32(bytes)),
    );
  }
  return times;
}

/** The disks of this machine, with the time that reading from them takes. */
class TimedReads {
  times = none;
  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: (path, mode) => this.#timed(nodeFileSystem.open(path, mode)),
  };

  #timed(file: OpenFile): OpenFile {
    return {
      path: file.path,
      size: () => file.size(),
      read: (target, at) => {
        const reading = timed(() => file.read(target, at));
        this.times = plus(this.times, reading);
        return reading.result;
      },
      write: (bytes, at) => file.write(bytes, at),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  }
}

const none: StepTimes = { ms: 0, cpuMs: 0 };

function timed<T>(action: () => T): StepTimes & { readonly result: T } {
  const beganMs = systemClock.nowMs();
  const cpuAtStart = process.cpuUsage();
  const result = action();
  const { user, system } = process.cpuUsage(cpuAtStart);
  return { ms: systemClock.nowMs() - beganMs, cpuMs: (user + system) / 1_000, result };
}

function plus(one: StepTimes, other: StepTimes): StepTimes {
  return { ms: one.ms + other.ms, cpuMs: one.cpuMs + other.cpuMs };
}

function minus(one: StepTimes, other: StepTimes): StepTimes {
  return { ms: Math.max(0, one.ms - other.ms), cpuMs: Math.max(0, one.cpuMs - other.cpuMs) };
}
