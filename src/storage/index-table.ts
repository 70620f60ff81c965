/** The index of the log: one row an entry, in a ring, so that an entry is found by its number. */

import type { EntryHeader, EntryKind } from '../raft/index.js';
import { rowCells } from './layout.js';
import type { SharedMemory } from './shared-memory.js';

/** One row: the metadata of an entry, and where its payload starts. */
export interface Row extends EntryHeader {
  readonly start: number;
}

/** The number that stands for a kind. It shares a cell with the length, so four are the limit. */
const kindNumbers: Readonly<Record<EntryKind, number>> = { command: 0, noop: 1, configuration: 2 };
const kindsMax = 4;

const kinds = Object.keys(kindNumbers) as EntryKind[];

/** The rows of the entries that are held; a row outside the bounds in force means nothing. */
export class IndexTable {
  readonly #memory: SharedMemory;
  readonly #entriesMax: number;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
    this.#entriesMax = memory.buffers.entriesMax;
  }

  /** The row at the place of entry `index`; its `index` differs if it is another entry's. */
  read(index: number): Row {
    const { rows } = this.#memory;
    const at = this.#rowAt(index);
    const lengthAndKind = rows[at + 3] ?? 0;
    return {
      index: rows[at] ?? 0,
      term: rows[at + 1] ?? 0,
      start: rows[at + 2] ?? 0,
      byteLength: Math.floor(lengthAndKind / kindsMax),
      kind: kinds[lengthAndKind % kindsMax] ?? 'command',
    };
  }

  /** Only the term: asked for much more often than the rest. */
  termAt(index: number): number {
    return this.#memory.rows[this.#rowAt(index) + 1] ?? 0;
  }

  write({ index, term, start, byteLength, kind }: Row): void {
    const { rows } = this.#memory;
    const at = this.#rowAt(index);
    this.#memory.write(rows, at, index);
    this.#memory.write(rows, at + 1, term);
    this.#memory.write(rows, at + 2, start);
    this.#memory.write(rows, at + 3, byteLength * kindsMax + kindNumbers[kind]);
  }

  /** A remainder and not a mask: indexes do not end at 2^32. */
  #rowAt(index: number): number {
    return (index % this.#entriesMax) * rowCells;
  }
}
