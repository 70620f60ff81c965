/**
 * Snapshots as files (`piece-file.ts`): written under another name, made durable, renamed; the
 * newest two are kept. The words are the number of their directory, and four bytes that are 0.
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

/** A directory, and what the files in it are marked with. */
export interface SnapshotHome {
  readonly directory: string;
  readonly directoryId: number;
}

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
  readonly #home: SnapshotHome;
  readonly #name: SnapshotName;
  readonly #file: OpenFile;
  readonly #pieces: PieceWriter;
  #isAbandoned = false;

  constructor(fs: FileSystem, home: SnapshotHome, name: SnapshotName) {
    this.#fs = fs;
    this.#home = home;
    this.#name = name;
    this.#file = fs.open(join(home.directory, unfinishedName), 'create');
    const words = wordsOf(home);
    this.#pieces = new PieceWriter(this.#file, { magic, version, name, words });
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
    const { directory } = this.#home;
    this.#fs.rename(this.#file.path, snapshotPath(directory, this.#name));
    this.#fs.syncDirectory(directory);
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

  /** Throws `RAFT_STORAGE_CORRUPT` unless it is the snapshot of that name of that directory. */
  constructor(fs: FileSystem, home: SnapshotHome, name: SnapshotName) {
    this.name = name;
    this.#file = fs.open(snapshotPath(home.directory, name), 'existing');
    try {
      this.#pieces = new PieceReader(this.#file, requireHead(this.#file, home, name));
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

function wordsOf({ directoryId }: SnapshotHome): Buffer {
  const words = Buffer.alloc(8);
  words.writeUInt32LE(directoryId, 0);
  return words;
}

function requireHead(file: OpenFile, home: SnapshotHome, name: SnapshotName): FoundHead {
  const head = readHead(file, magic);
  if (!head?.isSound) throw corrupt(file.path, 0, 'the file does not begin as a snapshot');
  if (head.version !== version) {
    throw corrupt(file.path, 8, `it has version ${head.version}; version ${version} is known`);
  }
  if (!head.words.equals(wordsOf(home))) {
    throw corrupt(file.path, 0, 'this snapshot belongs to another directory');
  }
  if (head.name.index !== name.index || head.name.term !== name.term) {
    throw corrupt(file.path, 16, `it is the snapshot of entry ${head.name.index}`);
  }
  return head;
}
