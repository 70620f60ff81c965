/**
 * One process at a time in a directory. Whoever holds it is written in `holder-N.lock`
 * (`lock-holder.ts`). One that is gone holds nothing.
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
import { giveLifeSign } from './life-sign.js';
import { type Holder, isAlive, isHolder, isRunning, ownHolder, startOf } from './lock-holder.js';

/** How often two that take over at the same moment look again. */
const triesMax = 16;

/**
 * Takes a directory, until disposed or until this process ends, however it ends.
 *
 * Throws `RAFT_STORAGE_LOCKED` while another holder lives, in this process or another.
 */
export function lockDirectory(directory: string): Disposable {
  const sign = new OwnSign(directory);
  try {
    return take(directory, sign);
  } catch (error) {
    sign[Symbol.dispose]();
    throw error;
  }
}

let signsGiven = 0;

/** Given before the directory is taken, for others to see from then on. */
class OwnSign implements Disposable {
  readonly #directory: string;
  readonly #name: string;
  #sign: Disposable | undefined;

  constructor(directory: string) {
    signsGiven += 1;
    this.#directory = directory;
    // Unlike that of any other process, also of one with the same number in another container.
    this.#name = `holder-${process.pid}-${startOf(process.pid) ?? 0}_${signsGiven}.sock`;
  }

  /** The name of the socket, if there can be one here. */
  give(): string | undefined {
    this.#sign ??= giveLifeSign(this.#directory, this.#name);
    return this.#sign && this.#name;
  }

  [Symbol.dispose](): void {
    this.#sign?.[Symbol.dispose]();
  }
}

function take(directory: string, sign: OwnSign): Disposable {
  for (let tries = 0; tries < triesMax; tries++) {
    const newest = numbersIn(directory).at(-1) ?? 0;
    const holder = newest === 0 ? undefined : readHolder(directory, newest);
    if (holder !== undefined && isAlive(holder, directory)) throw locked(directory, newest, holder);
    const own = newest + 1;
    const socket = sign.give();
    if (!claim(directory, own, ownHolder(socket))) continue;
    // Whoever looked long ago may have made a number that others have passed since.
    if (numbersIn(directory).at(-1) !== own) {
      removeIfThere(directory, own);
      continue;
    }
    for (const number of numbersIn(directory)) if (number < own) removeOlder(directory, number);
    removeLeftovers(directory, socket);
    return {
      [Symbol.dispose]: () => {
        release(directory, own);
        sign[Symbol.dispose]();
      },
    };
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

/** Of processes that were killed: their sockets, and drafts of those that were taking it. */
function removeLeftovers(directory: string, ownSocket: string | undefined): void {
  for (const name of fs.readdirSync(directory)) {
    const pid = Number(/^holder-(\d+)-\w+\.(?:draft|sock)$/.exec(name)?.[1] ?? 0);
    const isLeft = pid > 0 && name !== ownSocket && !isRunning(pid);
    if (isLeft) fs.rmSync(join(directory, name), { force: true });
  }
}

/** A lock of somebody who is gone, and the socket that went with it. */
function removeOlder(directory: string, number: number): void {
  const { socket = '' } = readHolder(directory, number) ?? {};
  if (/^holder-\d+-\w+\.sock$/.test(socket)) fs.rmSync(join(directory, socket), { force: true });
  removeIfThere(directory, number);
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

function locked(directory: string, number: number, { pid, host }: Holder): RaftError {
  const isOwn = pid === process.pid && host === hostname();
  const where = isOwn ? ' (this one)' : host === hostname() ? '' : ` on ${host}`;
  const file = lockPath(directory, number);
  return new RaftError(
    'RAFT_STORAGE_LOCKED',
    `${directory} is in use by process ${pid}${where}; expected one process at a time. ` +
      `If that process is gone for certain, remove ${file}`,
    { details: { directory, pid, host, file } },
  );
}
