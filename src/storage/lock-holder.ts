/** Who holds a directory, and whether that process lives. */

import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { isLocal, isSilent } from './life-sign.js';

/** A process, as far as the system tells; what it does not tell is absent. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Changes when the machine starts. */
  readonly boot?: string;
  /** When the process started, in ticks of the machine. */
  readonly started?: string;
  /** Where `pid` counts: a container has numbers of its own. */
  readonly pidSpace?: string;
  /** The socket in the directory that the process listens on as long as it lives. */
  readonly socket?: string;
}

/** This process. */
export function ownHolder(socket: string | undefined): Holder {
  const boot = bootOf();
  const started = startOf(process.pid);
  const pidSpace = pidSpaceOf();
  return {
    host: hostname(),
    pid: process.pid,
    ...(boot === undefined ? {} : { boot }),
    ...(started === undefined ? {} : { started }),
    ...(pidSpace === undefined ? {} : { pidSpace }),
    ...(socket === undefined ? {} : { socket }),
  };
}

export function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { host, pid } = value as Record<string, unknown>;
  return typeof host === 'string' && Number.isSafeInteger(pid) && Number(pid) > 0;
}

/**
 * False only if the process is gone for certain: a directory never has two holders. Machines that
 * share a disk have names of their own.
 */
export function isAlive(holder: Holder, directory: string): boolean {
  const { host, boot, pidSpace, socket } = holder;
  const isOwnHost = host === hostname();
  const ownBoot = bootOf();
  if (boot !== undefined && ownBoot !== undefined && boot !== ownBoot) {
    // Before this machine was started anew; or on another one, of whose disk it was, as the socket
    // tells: a disk that is here now, that one let go of.
    return !isOwnHost && (socket === undefined || !isLocal(directory));
  }
  const ownSpace = pidSpaceOf();
  if (pidSpace !== undefined && ownSpace !== undefined && boot !== undefined) {
    // One kernel, whatever the host is called by now; but a number counts in its own space only.
    if (pidSpace === ownSpace) return isSameProcess(holder);
    return socket === undefined || !isSilent(directory, socket);
  }
  return !isOwnHost || isSameProcess(holder);
}

/** A number that is used again belongs to a process that started at another time. */
function isSameProcess({ pid, started }: Holder): boolean {
  if (!isRunning(pid)) return false;
  const found = startOf(pid);
  return found === undefined || started === undefined || found === started;
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
  const line = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')[19];
}

function bootOf(): string | undefined {
  return attempt(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

function pidSpaceOf(): string | undefined {
  return attempt(() => fs.readlinkSync('/proc/self/ns/pid'));
}

function attempt(look: () => string): string | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
