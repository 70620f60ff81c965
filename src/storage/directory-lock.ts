/**
 * One process at a time in a directory. Whoever holds it is written in `holder-N.lock`: the
 * process, when it started, and since which start of which machine. One that is gone holds nothing.
 *
 * Taking over is making the file with the next number, which only one can do; nobody removes a
 * name that another might be about to take.
 *
 *     holder-7.lock (its process is dead)   ──>   make holder-8.lock   ──>   remove holder-7.lock
 */

import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RaftError } from '../errors.js';

interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Changes when the machine starts; absent where the system does not tell. */
  readonly boot?: string;
  /** When the process started, in ticks of the machine; absent where the system does not tell. */
  readonly started?: string;
}

/** How often two that take over at the same moment look again. */
const triesMax = 16;

/**
 * Takes a directory, until disposed or until this process ends, however it ends.
 *
 * Throws `RAFT_STORAGE_LOCKED` while another holder lives, in this process or another.
 */
export function lockDirectory(directory: string): Disposable {
  const self = holderOf(process.pid);
  for (let tries = 0; tries < triesMax; tries++) {
    const newest = numbersIn(directory).at(-1) ?? 0;
    const holder = newest === 0 ? undefined : readHolder(directory, newest);
    if (holder !== undefined && isAlive(holder)) throw locked(directory, newest, holder);
    const own = newest + 1;
    if (!claim(directory, own, self)) continue;
    // Whoever looked long ago may have made a number that others have passed since.
    if (numbersIn(directory).at(-1) !== own) {
      removeIfThere(directory, own);
      continue;
    }
    for (const number of numbersIn(directory)) if (number < own) removeIfThere(directory, number);
    removeDrafts(directory);
    return { [Symbol.dispose]: () => release(directory, own) };
  }
  throw new RaftError('RAFT_STORAGE_LOCKED', `others keep taking ${directory}; try again`);
}

function lockPath(directory: string, number: number): string {
  return join(directory, `holder-${number}.lock`);
}

function numbersIn(directory: string): number[] {
  return fs
    .readdirSync(directory)
    .map((name) => Number(/^holder-(\d+)\.lock$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
}

/** A link to a file that is written already: who sees the name sees the whole content. */
function claim(directory: string, number: number, self: Holder): boolean {
  const draft = join(directory, `holder-${self.pid}-${number}.draft`);
  fs.writeFileSync(draft, JSON.stringify(self));
  try {
    fs.linkSync(draft, lockPath(directory, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.unlinkSync(draft);
  }
}

/**
 * Leaves the file, so that its number is never used again by somebody who looked before, without a
 * holder in it: that takes no room, for the disk may be full.
 */
function release(directory: string, number: number): void {
  try {
    fs.truncateSync(lockPath(directory, number), 0);
  } catch {
    // A directory that was removed is held by nobody, and a disk that refuses even this gets its
    // directory back with the end of the process.
  }
}

/** Drafts of processes that were killed in the middle of taking the directory. */
function removeDrafts(directory: string): void {
  for (const name of fs.readdirSync(directory)) {
    const pid = Number(/^holder-(\d+)-\d+\.draft$/.exec(name)?.[1] ?? 0);
    if (pid > 0 && !isRunning(pid)) fs.rmSync(join(directory, name), { force: true });
  }
}

function removeIfThere(directory: string, number: number): void {
  fs.rmSync(lockPath(directory, number), { force: true });
}

function readHolder(directory: string, number: number): Holder | undefined {
  try {
    const found: unknown = JSON.parse(fs.readFileSync(lockPath(directory, number), 'utf8'));
    return isHolder(found) ? found : undefined;
  } catch {
    // Gone meanwhile, given back, or never whole: a power loss can leave an empty file.
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { host, pid } = value as Record<string, unknown>;
  return typeof host === 'string' && Number.isSafeInteger(pid) && Number(pid) > 0;
}

function holderOf(pid: number): Holder {
  const boot = readLine('/proc/sys/kernel/random/boot_id');
  const started = startOf(pid);
  return {
    host: hostname(),
    pid,
    ...(boot === undefined ? {} : { boot }),
    ...(started === undefined ? {} : { started }),
  };
}

/** Another host's processes cannot be seen from here, so they count as alive. */
function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.boot !== readLine('/proc/sys/kernel/random/boot_id')) return false;
  if (!isRunning(holder.pid)) return false;
  const started = startOf(holder.pid);
  // A number that is used again belongs to a process that started at another time.
  return started === undefined || holder.started === undefined || started === holder.started;
}

/** Whether a process of this machine runs, ours or not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * When a process started, in ticks of the machine; `undefined` where the system does not tell.
 * Field 22 of `/proc/PID/stat`; the second field, in brackets, may hold anything.
 */
export function startOf(pid: number): string | undefined {
  const line = readLine(`/proc/${pid}/stat`);
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')[19];
}

function readLine(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function locked(directory: string, number: number, { pid, host }: Holder): RaftError {
  const where = host === hostname() ? '' : ` on ${host}`;
  const file = lockPath(directory, number);
  return new RaftError(
    'RAFT_STORAGE_LOCKED',
    `${directory} is in use by process ${pid}${where}; expected one process at a time. ` +
      `If that process is gone for certain, remove ${file}`,
    { details: { directory, pid, host, file } },
  );
}
