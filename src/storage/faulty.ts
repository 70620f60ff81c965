/**
 * A file system that fails by seed, around any other. What a loss of power does is the business of
 * `SimulatedDisk`; this is what a disk does while it has power.
 */

import { Prng } from '../prng.js';
import type { FileSystem, OpenFile } from './file-system.js';

/** How a disk fails: chances from 0 to 1 for each call, all 0 by default. Structured-cloneable. */
export interface DiskFaults {
  /** Fixes all draws. Whole number from 0 to 2^32 - 1, default 0. */
  readonly seed?: number;
  /** A read, a write or a sync throws `EIO`; of the write some first part may have been done. */
  readonly errorChance?: number;
  /** A write throws `ENOSPC`, and so does every later one. */
  readonly fullChance?: number;
  /** The disk takes writes and forgets one bit of what it was given, without a word. */
  readonly flipChance?: number;
  /** A write goes, whole and without a word, to another place of its file. */
  readonly misdirectChance?: number;
  /** So many writes are spoiled without a word, and then no more; >= 0. Default: no limit. */
  readonly silentMax?: number;
  /** A write or a sync takes `stallMs` longer. */
  readonly stallChance?: number;
  /** Ms from 0 to a day; default 0. */
  readonly stallMs?: number;
}

/** Places on a disk are this far apart at least, in bytes. */
const placeBytes = 512;

/** A file system whose faults can be changed while files are open. */
export class FaultyFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #stall: (ms: number) => void;
  #faults: DiskFaults = {};
  #prng = new Prng(0);
  #isFull = false;
  #silent = 0;
  #spoiled = 0;

  /** `stall` lets so many ms pass, on whatever clock the storage lives. */
  constructor(inner: FileSystem, stall: (ms: number) => void) {
    this.#inner = inner;
    this.#stall = stall;
  }

  /** From now on the disk fails like this; `{}` makes it sound again. */
  set faults(faults: DiskFaults) {
    this.#faults = faults;
    this.#prng = new Prng(faults.seed ?? 0);
    this.#isFull = false;
    this.#silent = 0;
  }

  /** Writes that were ever spoiled without a word. */
  get spoiled(): number {
    return this.#spoiled;
  }

  open(path: string, mode: 'existing' | 'create'): OpenFile {
    this.#mayFail('open', path);
    if (mode === 'create') this.#mayBeFull('open', path);
    return this.#wrap(this.#inner.open(path, mode));
  }

  exists(path: string): boolean {
    return this.#inner.exists(path);
  }

  rename(from: string, to: string): void {
    this.#mayFail('rename', from);
    this.#inner.rename(from, to);
  }

  remove(path: string): void {
    this.#mayFail('unlink', path);
    this.#inner.remove(path);
  }

  list(directory: string): string[] {
    return this.#inner.list(directory);
  }

  makeDirectory(path: string): void {
    this.#inner.makeDirectory(path);
  }

  syncDirectory(path: string): void {
    this.#mayStall();
    this.#mayFail('fsync', path);
    this.#inner.syncDirectory(path);
  }

  #wrap(file: OpenFile): OpenFile {
    return {
      path: file.path,
      size: () => file.size(),
      read: (target, at) => {
        this.#mayFail('read', file.path);
        return file.read(target, at);
      },
      write: (bytes, at) => this.#write(file, bytes, at),
      sync: () => {
        this.#mayStall();
        this.#mayFail('fdatasync', file.path);
        file.sync();
      },
      close: () => file.close(),
    };
  }

  #write(file: OpenFile, bytes: Uint8Array, at: number): void {
    const { errorChance = 0, flipChance = 0, misdirectChance = 0 } = this.#faults;
    const isSpared = this.#silent >= (this.#faults.silentMax ?? Number.POSITIVE_INFINITY);
    this.#mayStall();
    this.#mayBeFull('write', file.path);
    if (this.#prng.chance(errorChance)) {
      file.write(bytes.subarray(0, this.#prng.int(0, bytes.byteLength)), at);
      throw failure('EIO', 'input/output error', 'write', file.path);
    }
    if (isSpared) {
      file.write(bytes, at);
    } else if (bytes.byteLength > 0 && this.#prng.chance(flipChance)) {
      this.#spoil();
      file.write(this.#flipped(bytes), at);
    } else if (this.#prng.chance(misdirectChance)) {
      this.#spoil();
      file.write(bytes, this.#elsewhere(file, bytes, at));
    } else {
      file.write(bytes, at);
    }
  }

  #spoil(): void {
    this.#silent += 1;
    this.#spoiled += 1;
  }

  #flipped(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes);
    const at = this.#prng.int(0, copy.length - 1);
    copy[at] = (copy[at] ?? 0) ^ (1 << this.#prng.int(0, 7));
    return copy;
  }

  /** Another place that the file has, if it has one. */
  #elsewhere(file: OpenFile, bytes: Uint8Array, at: number): number {
    const places = Math.floor((file.size() - bytes.byteLength) / placeBytes);
    return places < 1 ? at : this.#prng.int(0, places) * placeBytes;
  }

  #mayStall(): void {
    const { stallChance = 0, stallMs = 0 } = this.#faults;
    if (this.#prng.chance(stallChance)) this.#stall(stallMs);
  }

  #mayFail(call: string, path: string): void {
    const { errorChance = 0 } = this.#faults;
    if (this.#prng.chance(errorChance)) throw failure('EIO', 'input/output error', call, path);
  }

  #mayBeFull(call: string, path: string): void {
    const { fullChance = 0 } = this.#faults;
    this.#isFull ||= this.#prng.chance(fullChance);
    if (this.#isFull) throw failure('ENOSPC', 'no space left on device', call, path);
  }
}

function failure(code: string, text: string, call: string, path: string): Error {
  const message = `${code}: ${text}, ${call} '${path}'`;
  return Object.assign(new Error(message), { code, syscall: call, path });
}
