/**
 * A disk in memory that can lose its power: it keeps apart what was written and what is durable.
 *
 *     write ──> cache of the operating system ──sync──> stable storage
 *     names ──> cache                  ──syncDirectory──> stable storage
 *
 * On a loss of power, of what was not synced any sector may be there or not, in any order; names
 * are journaled, so some first part of their changes is there.
 */

import { dirname } from 'node:path';
import type { Prng } from '../prng.js';
import type { FileSystem, OpenFile } from './file-system.js';

/** The unit that a disk writes whole or not at all, in bytes. */
export const sectorBytes = 512;

interface Write {
  readonly at: number;
  readonly bytes: Buffer;
}

interface Content {
  cached: Buffer;
  durable: Buffer;
  /** Not durable yet, oldest first. */
  pending: Write[];
}

/** Which of the writes that were not synced survive a loss of power. */
export type Survival = 'none' | 'all' | 'some';

type NameChange = readonly (readonly [path: string, content: Content | undefined])[];

export class SimulatedDisk implements FileSystem {
  /** Called after each change of what a loss of power would leave. */
  onChange: () => void = () => {};
  #cached = new Map<string, Content>();
  #durable = new Map<string, Content>();
  #pendingNames: NameChange[] = [];
  readonly #directories = new Set<string>();

  open(path: string, mode: 'existing' | 'create'): OpenFile {
    const found = this.#cached.get(path);
    if (mode === 'existing') {
      if (found === undefined) throw failure('ENOENT', `no such file, open '${path}'`);
      return this.#handle(path, found);
    }
    return this.#create(path);
  }

  exists(path: string): boolean {
    return this.#cached.has(path) || this.#directories.has(path);
  }

  rename(from: string, to: string): void {
    const content = this.#cached.get(from);
    if (content === undefined) throw failure('ENOENT', `no such file, rename '${from}'`);
    this.#change([
      [from, undefined],
      [to, content],
    ]);
  }

  remove(path: string): void {
    if (!this.#cached.has(path)) throw failure('ENOENT', `no such file, unlink '${path}'`);
    this.#change([[path, undefined]]);
  }

  list(directory: string): string[] {
    if (!this.#directories.has(directory)) {
      throw failure('ENOENT', `no such directory, scandir '${directory}'`);
    }
    const paths = [...this.#cached.keys()].filter((path) => dirname(path) === directory);
    return paths.map((path) => path.slice(directory.length + 1));
  }

  makeDirectory(path: string): void {
    for (let at = path; !this.#directories.has(at); at = dirname(at)) this.#directories.add(at);
  }

  syncDirectory(directory: string): void {
    const isHere = ([path]: NameChange[number]): boolean => dirname(path) === directory;
    for (const change of this.#pendingNames.filter((pending) => pending.some(isHere))) {
      apply(this.#durable, change);
    }
    this.#pendingNames = this.#pendingNames.filter((pending) => !pending.some(isHere));
    this.onChange();
  }

  /** Cuts the power and switches it on again; handles that are open are worthless from now on. */
  losePower(survival: Survival, prng: Prng): void {
    const survives = (): boolean =>
      survival === 'all' || (survival === 'some' && prng.int(0, 1) === 1);
    const kept = survival === 'some' ? prng.int(0, this.#pendingNames.length) : undefined;
    const count = kept ?? (survival === 'all' ? this.#pendingNames.length : 0);
    for (const change of this.#pendingNames.slice(0, count)) apply(this.#durable, change);
    this.#pendingNames = [];
    for (const content of new Set(this.#durable.values())) {
      for (const write of content.pending) {
        for (const sector of sectorsOf(write)) if (survives()) store(content, 'durable', sector);
      }
      content.pending = [];
      content.cached = Buffer.from(content.durable);
    }
    this.#cached = new Map(this.#durable);
  }

  /** Another disk with the same state, of which nothing is shared. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk();
    const copies = new Map<Content, Content>();
    const copyOf = (content: Content): Content => {
      const known = copies.get(content) ?? {
        cached: Buffer.from(content.cached),
        durable: Buffer.from(content.durable),
        pending: [...content.pending],
      };
      copies.set(content, known);
      return known;
    };
    for (const [path, content] of this.#cached) copy.#cached.set(path, copyOf(content));
    for (const [path, content] of this.#durable) copy.#durable.set(path, copyOf(content));
    copy.#pendingNames = this.#pendingNames.map((change) =>
      change.map(([path, content]) => [path, content && copyOf(content)] as const),
    );
    for (const path of this.#directories) copy.#directories.add(path);
    return copy;
  }

  /** Changes bits that are on stable storage, as a disk does that rots. */
  damage(path: string, at: number, mask: number): void {
    const content = this.#cached.get(path);
    if (content === undefined) throw failure('ENOENT', `no such file '${path}'`);
    for (const bytes of [content.cached, content.durable]) {
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask;
    }
  }

  /** Loses the end of a file, on stable storage too. */
  truncate(path: string, size: number): void {
    const content = this.#cached.get(path);
    if (content === undefined) throw failure('ENOENT', `no such file '${path}'`);
    content.cached = content.cached.subarray(0, size);
    content.durable = content.durable.subarray(0, size);
  }

  #create(path: string): OpenFile {
    const content = { cached: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] };
    this.#change([[path, content]]);
    return this.#handle(path, content);
  }

  #change(change: NameChange): void {
    apply(this.#cached, change);
    this.#pendingNames.push(change);
    this.onChange();
  }

  #handle(path: string, content: Content): OpenFile {
    return {
      path,
      size: () => content.cached.length,
      read: (target, at) => {
        const end = Math.min(content.cached.length, at + target.byteLength);
        if (at >= end) return 0;
        target.set(content.cached.subarray(at, end));
        return end - at;
      },
      write: (bytes, at) => {
        const write = { at, bytes: Buffer.from(bytes) };
        store(content, 'cached', write);
        content.pending.push(write);
        this.onChange();
      },
      sync: () => {
        for (const write of content.pending) store(content, 'durable', write);
        content.pending = [];
        this.onChange();
      },
      close: () => {},
    };
  }
}

function apply(names: Map<string, Content>, change: NameChange): void {
  for (const [path, content] of change) {
    if (content === undefined) names.delete(path);
    else names.set(path, content);
  }
}

function store(content: Content, side: 'cached' | 'durable', { at, bytes }: Write): void {
  const end = at + bytes.length;
  if (end > content[side].length) {
    content[side] = Buffer.concat([content[side], Buffer.alloc(end - content[side].length)]);
  }
  content[side].set(bytes, at);
}

function sectorsOf({ at, bytes }: Write): Write[] {
  const sectors: Write[] = [];
  for (let start = at; start < at + bytes.length; ) {
    const next = (Math.floor(start / sectorBytes) + 1) * sectorBytes;
    const end = Math.min(next, at + bytes.length);
    sectors.push({ at: start, bytes: bytes.subarray(start - at, end - at) });
    start = end;
  }
  return sectors;
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
