/**
 * Snapshots as files (`piece-file.ts`, without words): written under another name, made durable,
 * renamed; the newest two are kept.
 */

import { join } from 'node:path';
import type { FileSystem, OpenFile } from './file-system.js';
import { type FoundHead, PieceReader, PieceWriter, readHead } from './piece-file.js';
import type { SnapshotName } from './storage.js';
import { corrupt } from './wal-segment.js';

const magic = 'balsaSNP';
const version = 1;
const suffix = '.snapshot';
const unfinishedName = 'unfinished.snapshot-part';

/** The snapshots of a directory, newest first. */
export function listSnapshots(fs: FileSystem, directory: string): SnapshotName[] {
  const names: SnapshotName[] = [];
  for (const name of fs.list(directory)) {
    const match = /^(\d{16})-(\d{16})\.snapshot$/.exec(name);
    if (match) names.push({ index: Number(match[1]), term: Number(match[2]) });
  }
  return names.sort((a, b) => b.index - a.index || b.term - a.term);
}

export function snapshotPath(directory: string, { index, term }: SnapshotName): string {
  const digits = (value: number): string => String(value).padStart(16, '0');
  return join(directory, `${digits(index)}-${digits(term)}${suffix}`);
}

/** Writes a snapshot piece by piece; nothing has its name before `finish`. */
export class SnapshotWriter {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #name: SnapshotName;
  readonly #file: OpenFile;
  readonly #pieces: PieceWriter;
  #isAbandoned = false;

  constructor(fs: FileSystem, directory: string, name: SnapshotName) {
    this.#fs = fs;
    this.#directory = directory;
    this.#name = name;
    this.#file = fs.open(join(directory, unfinishedName), 'create');
    this.#pieces = new PieceWriter(this.#file, { magic, version, name });
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Bytes that were given. */
  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  /** Takes the next bytes, any number. */
  write(bytes: Uint8Array): void {
    this.#pieces.write(bytes);
  }

  /** Gives the snapshot its name; whole and durable on return. */
  finish(): void {
    this.#pieces.finish();
    this.abandon();
    this.#fs.rename(this.#file.path, snapshotPath(this.#directory, this.#name));
    this.#fs.syncDirectory(this.#directory);
  }

  /** Gives it up, if it is not finished. May be repeated. */
  abandon(): void {
    if (!this.#isAbandoned) this.#file.close();
    this.#isAbandoned = true;
  }
}

/** Reads a snapshot, any part of it. Stays readable when the file loses its name. */
export class SnapshotReader {
  readonly name: SnapshotName;
  readonly #file: OpenFile;
  readonly #pieces: PieceReader;

  /** Throws `RAFT_STORAGE_CORRUPT` unless the file is a snapshot of that name. */
  constructor(fs: FileSystem, directory: string, name: SnapshotName) {
    const path = snapshotPath(directory, name);
    this.name = name;
    this.#file = fs.open(path, 'existing');
    try {
      this.#pieces = new PieceReader(this.#file, requireHead(this.#file, name));
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  /** All of it, or the part from `start` on. Throws `RAFT_STORAGE_CORRUPT` for a damaged piece. */
  read(start?: number, byteLength?: number): Buffer {
    return this.#pieces.read(start, byteLength);
  }

  /** Reads all of it, piece by piece, and throws if one is damaged. */
  verify(): void {
    this.#pieces.verify();
  }

  close(): void {
    this.#file.close();
  }
}

function requireHead(file: OpenFile, name: SnapshotName): FoundHead {
  const head = readHead(file, magic);
  if (!head?.isSound) throw corrupt(file.path, 0, 'the file does not begin as a snapshot');
  if (head.version !== version) {
    throw corrupt(file.path, 8, `it has version ${head.version}; version ${version} is known`);
  }
  if (head.name.index !== name.index || head.name.term !== name.term) {
    throw corrupt(file.path, 16, `it is the snapshot of entry ${head.name.index}`);
  }
  return head;
}
