/**
 * A socket that a process listens on as long as it lives: whoever shares its kernel can ask that,
 * also out of a container in which its number says nothing. It works without the process: one that
 * stands still has not let go of anything.
 */

import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/**
 * File systems that one kernel mounts, once: ext, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS. On
 * others a file may have two inodes here, and a living socket refuse on one of them.
 */
const localTypes = [
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1,
] as const;

/** Whether a directory lies where no other machine can reach it at the same time. */
export function isLocal(directory: string): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return (localTypes as readonly number[]).includes(fs.statfsSync(directory).type);
  } catch {
    return false;
  }
}

/**
 * Listens in a directory, on a name that nothing has yet, until disposed; `undefined` where that
 * would prove nothing, or is refused.
 */
export function giveLifeSign(directory: string, name: string): Disposable | undefined {
  if (!isLocal(directory)) return undefined;
  const server = createServer((socket) => socket.destroy());
  // That it does not listen is seen below.
  server.on('error', () => {});
  const fd = fs.openSync(directory, 'r');
  server.listen({ path: pathOf(fd, name), exclusive: true });
  if (!server.listening) {
    fs.closeSync(fd);
    return undefined;
  }
  server.unref();
  return {
    [Symbol.dispose]: () => {
      server.close();
      fs.rmSync(join(directory, name), { force: true });
      fs.closeSync(fd);
    },
  };
}

/** Asks in a thread of its own: the caller cannot wait for an event. */
const question = `
  const { workerData: { path, word } } = require('node:worker_threads');
  const socket = require('node:net').connect(path);
  const answer = (value) => {
    Atomics.store(word, 0, value);
    Atomics.notify(word, 0);
    socket.destroy();
  };
  socket.on('connect', () => answer(1));
  socket.on('error', ({ code }) => answer(code === 'ECONNREFUSED' ? 2 : 1));
`;
const patienceMs = 5_000;

/** True only if the process that listened on this socket is gone for certain. */
export function isSilent(directory: string, name: string): boolean {
  if (!isLocal(directory)) return false;
  const fd = fs.openSync(directory, 'r');
  try {
    const word = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(question, {
      eval: true,
      workerData: { path: pathOf(fd, name), word },
    });
    worker.on('error', () => {});
    Atomics.wait(word, 0, 0, patienceMs);
    void worker.terminate();
    return Atomics.load(word, 0) === 2;
  } finally {
    fs.closeSync(fd);
  }
}

/** The address of a socket has room for some hundred bytes; a path to a directory may be longer. */
function pathOf(fd: number, name: string): string {
  return `/proc/self/fd/${fd}/${name}`;
}
