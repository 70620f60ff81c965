/**
 * The few calls that a storage on disk makes: small enough to be played by a disk that fails.
 *
 * Every call does its work before it returns, or throws what the operating system said (an `Error`
 * with a `code` such as `EIO`). Nothing written is sure to survive a loss of power before `sync`
 * (of the file) or `syncDirectory` (for names: created, renamed, removed) has returned.
 */

import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A file that is open for reading and writing. */
export interface OpenFile {
  readonly path: string;
  /** Bytes of the file. */
  size(): number;
  /** Fills `target` from the place `at`; gives how many bytes there were. */
  read(target: Uint8Array, at: number): number;
  /** Writes all of `bytes` to the place `at`; the file grows when it must. */
  write(bytes: Uint8Array, at: number): void;
  /** Returns once all that was written is on stable storage (fdatasync). */
  sync(): void;
  close(): void;
}

export interface FileSystem {
  /** `create`: an empty file, whatever had the name before. */
  open(path: string, mode: 'existing' | 'create'): OpenFile;
  exists(path: string): boolean;
  /** Puts `from` in the place of `to`, whole or not at all. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** The names in a directory, in no order. */
  list(directory: string): string[];
  /** Makes a directory and those above it, where they are missing; durable on return. */
  makeDirectory(path: string): void;
  syncDirectory(path: string): void;
}

/** The disks of this machine. */
export const nodeFileSystem: FileSystem = {
  open: (path, mode) => new NodeFile(path, mode === 'create' ? 'w+' : 'r+'),
  exists: (path) => fs.existsSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => removeFile(path),
  list: (directory) => fs.readdirSync(directory),
  makeDirectory: (path) => makeDirectory(resolve(path)),
  syncDirectory: (path) => {
    // Windows opens no directories, and keeps names by other means.
    if (process.platform === 'win32') return;
    const directory = fs.openSync(path, 'r');
    try {
      fs.fsyncSync(directory);
    } finally {
      fs.closeSync(directory);
    }
  },
};

/**
 * The name is gone at once. To give back the blocks of a large file takes tens of ms, so a thread
 * of the pool does that: whoever lets go of a file last has it to do.
 */
function removeFile(path: string): void {
  // Windows keeps the name of a file that is open.
  if (process.platform === 'win32') {
    fs.unlinkSync(path);
    return;
  }
  const file = fs.openSync(path, 'r');
  try {
    fs.unlinkSync(path);
  } finally {
    fs.close(file, () => {});
  }
}

/** The same for whoever only looks: it opens what others may be writing, and can change nothing. */
export const readOnlyFileSystem: FileSystem = {
  ...nodeFileSystem,
  open: (path) => new WatchedFile(path, 'r'),
  rename: (from) => refuseChange(from),
  remove: (path) => refuseChange(path),
  makeDirectory: (path) => refuseChange(path),
  syncDirectory: (path) => refuseChange(path),
};

/**
 * Node.js has an option for this, which tries for ever where a directory that is there takes no
 * other, as those of /proc and of an automounter.
 */
function makeDirectory(path: string): void {
  if (fs.existsSync(path) && fs.statSync(path).isDirectory()) return;
  const missing = [path];
  for (let above = dirname(path); !fs.existsSync(above); above = dirname(above)) {
    missing.push(above);
    if (above === dirname(above)) break;
  }
  for (const made of missing.toReversed()) fs.mkdirSync(made);
  // The name of each new one is an entry of the one above it.
  for (const made of missing) nodeFileSystem.syncDirectory(dirname(made));
}

function refuseChange(path: string): never {
  throw Object.assign(new Error(`EROFS: only looking, '${path}'`), { code: 'EROFS' });
}

class NodeFile implements OpenFile {
  readonly path: string;
  readonly #descriptor: number;
  #isOpen = true;

  constructor(path: string, flags: string) {
    this.path = path;
    this.#descriptor = fs.openSync(path, flags);
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(target: Uint8Array, at: number): number {
    let done = 0;
    while (done < target.byteLength) {
      const count = fs.readSync(
        this.#descriptor,
        target,
        done,
        target.byteLength - done,
        at + done,
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(bytes: Uint8Array, at: number): void {
    let done = 0;
    while (done < bytes.byteLength) {
      done += fs.writeSync(this.#descriptor, bytes, done, bytes.byteLength - done, at + done);
    }
  }

  sync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    fs.closeSync(this.#descriptor);
  }
}

/** What the operating system copies at once while somebody else may be writing. */
const pageBytes = 4_096;

/**
 * A file that somebody may be appending to. It is read from its end to its beginning, page by page:
 * whatever was written before a byte that was read is then read as well, and the result is what a
 * crash at some moment would have left.
 */
class WatchedFile extends NodeFile {
  override read(target: Uint8Array, at: number): number {
    let end = Math.min(target.byteLength, Math.max(0, this.size() - at));
    const byteLength = end;
    while (end > 0) {
      const start = Math.max(0, Math.floor((at + end - 1) / pageBytes) * pageBytes - at);
      super.read(target.subarray(start, end), at + start);
      end = start;
    }
    return byteLength;
  }
}
