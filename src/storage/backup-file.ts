/**
 * A snapshot that has left its cluster: one file (`piece-file.ts`) with the state and what it is a
 * state of, in words that are JSON, padded to a multiple of 8. The file has another name until it
 * is whole and durable.
 */

import { dirname } from 'node:path';
import { RaftError } from '../errors.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { type FoundHead, PieceReader, PieceWriter, readHead } from './piece-file.js';
import type { SnapshotName } from './storage.js';
import { storageFailure } from './storage-error.js';
import { corrupt } from './wal-segment.js';

/** What a backup says of itself. */
export interface BackupWords {
  /** What the state is of: `store`, or `own` for a state machine of the user's. */
  readonly machine: 'store' | 'own';
}

/** Where a backup goes, and the name that it has until it is whole. */
export interface BackupPlace {
  readonly path: string;
  readonly partPath: string;
}

const magic = 'balsaBAK';
const version = 1;

export class BackupWriter {
  readonly #fs: FileSystem;
  readonly #place: BackupPlace;
  readonly #file: OpenFile;
  readonly #pieces: PieceWriter;
  #isOpen = true;

  constructor(fs: FileSystem, place: BackupPlace, name: SnapshotName, words: BackupWords) {
    this.#fs = fs;
    this.#place = place;
    const text = JSON.stringify(words);
    const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
    this.#file = fs.open(place.partPath, 'create');
    this.#pieces = new PieceWriter(this.#file, { magic, version, name, words: padded });
  }

  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  write(bytes: Uint8Array): void {
    this.#pieces.write(bytes);
  }

  /** Gives the file its name, in the place of an older one; whole and durable on return. */
  finish(): void {
    this.#pieces.finish();
    this.#close();
    this.#fs.rename(this.#place.partPath, this.#place.path);
    this.#fs.syncDirectory(dirname(this.#place.path));
  }

  /** Gives it up and leaves nothing behind. May be repeated; at the end it does nothing. */
  abandon(): void {
    this.#close();
    if (this.#fs.exists(this.#place.partPath)) this.#fs.remove(this.#place.partPath);
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/** Reads a backup. */
export class BackupReader implements Disposable {
  readonly name: SnapshotName;
  readonly words: BackupWords;
  readonly #file: OpenFile;
  readonly #pieces: PieceReader;

  /**
   * Throws `RAFT_SNAPSHOT_FOREIGN` for a file that is no backup, `RAFT_SNAPSHOT_NEWER` for one that
   * a later version wrote, `RAFT_STORAGE_CORRUPT` if its beginning is damaged, and
   * `RAFT_STORAGE_FAILED` if it cannot be read.
   */
  constructor(fs: FileSystem, path: string) {
    this.#file = attempt(path, () => fs.open(path, 'existing'));
    try {
      const head = requireHead(this.#file);
      this.name = head.name;
      this.words = JSON.parse(head.words.toString()) as BackupWords;
      this.#pieces = new PieceReader(this.#file, head);
    } catch (error) {
      this.#file.close();
      throw error instanceof RaftError ? error : storageFailure(error, 'reading it', path);
    }
  }

  get byteLength(): number {
    return this.#pieces.byteLength;
  }

  /** The bytes from `start` on. Throws `RAFT_STORAGE_CORRUPT` for a damaged piece. */
  read(start: number, byteLength: number): Buffer {
    return attempt(this.#file.path, () => this.#pieces.read(start, byteLength));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function requireHead(file: OpenFile): FoundHead {
  const { path } = file;
  const head = readHead(file, magic);
  if (head === undefined) {
    throw new RaftError('RAFT_SNAPSHOT_FOREIGN', `${path} is no snapshot that balsa exported`, {
      details: { file: path },
    });
  }
  if (head.version > version) {
    const known = `version ${version} is known here`;
    throw new RaftError('RAFT_SNAPSHOT_NEWER', `${path} has version ${head.version}; ${known}`, {
      details: { file: path, version: head.version },
    });
  }
  if (!head.isSound) throw corrupt(path, 0, 'its header is damaged');
  return head;
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof RaftError ? error : storageFailure(error, 'reading it', path);
  }
}
