/**
 * From what a directory holds to the state that a node begins with: the newest snapshot that is
 * whole, and the log behind it.
 */

import type { FileSystem, OpenFile } from './file-system.js';
import {
  listSnapshots,
  type SnapshotHome,
  SnapshotReader,
  snapshotPath,
} from './snapshot-files.js';
import type { SnapshotName, Storage } from './storage.js';
import { type RecoveredRow, type RecoveredWal, recoverWal } from './wal-recovery.js';
import { corrupt, segmentPath } from './wal-segment.js';

export interface RecoveredState {
  readonly wal: RecoveredWal;
  /** The snapshot to begin with; entry 0 is the state before the log. */
  readonly snapshot: SnapshotName;
  readonly snapshotBytes: number;
  /** The first entry to hold, and the term of the one before. */
  readonly firstIndex: number;
  readonly termBeforeFirst: number;
  /** The snapshot that may be needed when the newest turns out damaged. */
  readonly fallbackIndex: number;
}

/** Reads a directory; `undefined` if it has no log. Throws `RAFT_STORAGE_CORRUPT`. */
export function recoverState(fs: FileSystem, directory: string): RecoveredState | undefined {
  const wal = recoverWal(fs, directory);
  if (wal === undefined) return undefined;
  const { snapshotIndex, snapshotTerm } = wal.bounds;
  // A snapshot above the one that the log knows was saved, but the log was not told.
  const known = listSnapshots(fs, directory).filter(({ index }) => index <= snapshotIndex);
  const beginning = { index: 0, term: 0 };
  const newest = { index: snapshotIndex, term: snapshotTerm };
  const older = [...known.filter(({ index }) => index < snapshotIndex), beginning];
  const candidates = snapshotIndex === 0 ? [beginning] : [newest, ...older];
  let damage: unknown;
  for (const snapshot of candidates) {
    if (snapshot !== newest && !reachesFrom(wal, snapshot)) continue;
    try {
      const { directoryId } = wal;
      const snapshotBytes = verifySnapshot(fs, { directory, directoryId }, snapshot);
      return {
        ...startOf(directory, wal, snapshot),
        wal,
        snapshot,
        snapshotBytes,
        fallbackIndex: fallback(),
      };
    } catch (error) {
      damage ??= error;
    }
  }
  throw damage;

  function fallback(): number {
    return older.find((name) => reachesFrom(wal as RecoveredWal, name))?.index ?? snapshotIndex;
  }
}

/** Puts what was recovered into a storage in memory that is empty; false if that is too small. */
export function fillMemory(
  fs: FileSystem,
  directory: string,
  memory: Storage,
  { wal, snapshot, firstIndex, termBeforeFirst }: RecoveredState,
): boolean {
  const bytes = new Uint8Array();
  memory.saveHardState(wal.hardState);
  if (firstIndex > 1) memory.saveSnapshot({ index: firstIndex - 1, term: termBeforeFirst, bytes });
  const reader = new RowReader(fs, directory, wal);
  try {
    for (const row of wal.rows) {
      if (row.index < firstIndex) continue;
      const payload = reader.read(row);
      if (memory.append([{ ...row, payload }]) === 'full') return false;
    }
  } finally {
    reader.close();
  }
  if (snapshot.index >= firstIndex) memory.saveSnapshot({ ...snapshot, bytes });
  return true;
}

/** Whether the log on disk goes on behind a snapshot without a gap. */
function reachesFrom({ rows, bounds }: RecoveredWal, { index }: SnapshotName): boolean {
  const first = rows[0]?.index ?? bounds.lastIndex + 1;
  return first <= index + 1 && index <= bounds.lastIndex;
}

function verifySnapshot(fs: FileSystem, home: SnapshotHome, name: SnapshotName): number {
  if (name.index === 0) return 0;
  const path = snapshotPath(home.directory, name);
  if (!fs.exists(path)) throw corrupt(path, 0, 'this snapshot is gone');
  const reader = new SnapshotReader(fs, home, name);
  try {
    reader.verify();
    return reader.byteLength;
  } finally {
    reader.close();
  }
}

function startOf(
  directory: string,
  { rows, bounds, segments }: RecoveredWal,
  snapshot: SnapshotName,
): Pick<RecoveredState, 'firstIndex' | 'termBeforeFirst'> {
  const { firstIndex, termBeforeFirst } = bounds;
  if (snapshot.index < firstIndex - 1) {
    return { firstIndex: snapshot.index + 1, termBeforeFirst: snapshot.term };
  }
  const first = rows[0]?.index ?? bounds.lastIndex + 1;
  if (first <= firstIndex) return { firstIndex, termBeforeFirst };
  const missing = segmentPath(directory, (segments[0]?.sequence ?? 1) - 1);
  throw corrupt(missing, 0, `this is gone, with entries ${firstIndex} to ${first - 1}`);
}

/**
 * Gives payloads: those of the newest segment, which was read last, from memory. Rows come in
 * order, so one file at a time is open.
 */
class RowReader {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #newest: { readonly sequence: number; readonly bytes: Buffer };
  #file: OpenFile | undefined;
  #sequence = 0;

  constructor(fs: FileSystem, directory: string, { segments, active }: RecoveredWal) {
    this.#fs = fs;
    this.#directory = directory;
    this.#newest = { sequence: segments.at(-1)?.sequence ?? 0, bytes: active.bytes };
  }

  read({ sequence, start, byteLength }: RecoveredRow): Buffer {
    if (sequence === this.#newest.sequence) {
      return this.#newest.bytes.subarray(start, start + byteLength);
    }
    if (this.#file === undefined || this.#sequence !== sequence) {
      this.close();
      this.#file = this.#fs.open(segmentPath(this.#directory, sequence), 'existing');
      this.#sequence = sequence;
    }
    const payload = Buffer.allocUnsafe(byteLength);
    this.#file.read(payload, start);
    return payload;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
