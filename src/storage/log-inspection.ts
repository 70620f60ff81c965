/** Reads a node's directory for people: every record of its log, and what they come to. */

import type { HardState } from '../raft/index.js';
import { type FileSystem, readOnlyFileSystem } from './file-system.js';
import { directoryIdOf, type Identity, readIdentity } from './identity.js';
import { recoverState } from './recovery.js';
import { listSnapshots, type SnapshotHome, SnapshotReader } from './snapshot-files.js';
import type { SnapshotName } from './storage.js';
import { lost, storageFailure } from './storage-error.js';
import { type RecordPlace, recordType } from './wal-record.js';
import { type RecoveredWal, readEntryRow, recoverWal } from './wal-recovery.js';
import { corrupt, listSegments, segmentPath } from './wal-segment.js';
import { type LogBounds, readBounds, readHardState, readHead } from './wal-state.js';

/** One record. Plain data. */
export interface LogLine {
  readonly segment: number;
  readonly offset: number;
  readonly type: keyof typeof recordType;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a directory holds. Plain data. */
export interface LogSummary {
  readonly directory: string;
  readonly clusterId: string | undefined;
  readonly nodeId: string | undefined;
  readonly hardState: HardState;
  readonly bounds: LogBounds;
  readonly segments: number;
  readonly snapshots: readonly SnapshotName[];
  /** Bytes behind the last record that were on their way when the node ended; 0 after a close. */
  readonly tornBytes: number;
}

const typeNames: ReadonlyMap<number, keyof typeof recordType> = new Map(
  Object.entries(recordType).map(([name, type]) => [type, name as keyof typeof recordType]),
);

/**
 * Calls `visit` for every record, oldest first, and gives what they come to. Changes nothing.
 *
 * Throws `RAFT_STORAGE_CORRUPT`, after the records before it, for damage. A directory without a log
 * gives `undefined`.
 */
export function inspectLog(
  directory: string,
  visit: (line: LogLine) => void,
  fs: FileSystem = readOnlyFileSystem,
): LogSummary | undefined {
  let last = { segment: 0, offset: 0 };
  const visitOnce = (line: LogLine): void => {
    const { segment, offset } = line;
    if (segment < last.segment || (segment === last.segment && offset <= last.offset)) return;
    last = { segment, offset };
    visit(line);
  };
  return whileFilesCome(fs, directory, () => inspectOnce(fs, directory, visitOnce));
}

/** How often a directory is read again whose files came and went meanwhile. */
const triesMax = 100;

/**
 * Looks at a directory that a node may be writing to: a log that rolls on, and files that go, make
 * a reader stumble who has listed them before. Damage is still there when the files stay the same.
 */
function whileFilesCome<T>(fs: FileSystem, directory: string, look: () => T): T {
  for (let tries = 1; ; tries++) {
    let before = '';
    try {
      before = namesIn(fs, directory);
      return look();
    } catch (error) {
      const failure = storageFailure(error, 'reading it', directory);
      if (tries === triesMax || before === '' || before === namesIn(fs, directory)) throw failure;
    }
  }
}

function namesIn(fs: FileSystem, directory: string): string {
  const isStored = (name: string): boolean => /^[\d-]+\.(?:wal|snapshot)$/.test(name);
  return `files: ${fs.list(directory).filter(isStored).sort().join(' ')}`;
}

function inspectOnce(
  fs: FileSystem,
  directory: string,
  visit: (line: LogLine) => void,
): LogSummary | undefined {
  const wal = recoverWal(fs, directory, (place, bytes, segment) => {
    const { type, offset } = place;
    visit({ segment, offset, type: typeNames.get(type) ?? 'mark', fields: fieldsOf(place, bytes) });
  });
  const identity = readIdentity(fs, directory);
  if (wal === undefined) {
    if (identity?.state === 'founded') throw lost(directory);
    return undefined;
  }
  assertOwn(directory, wal, identity);
  return {
    directory,
    clusterId: identity?.clusterId,
    nodeId: identity?.nodeId,
    hardState: wal.hardState,
    bounds: wal.bounds,
    segments: wal.segments.length,
    snapshots: listSnapshots(fs, directory),
    tornBytes: wal.active.end.zeroFrom - wal.active.end.offset,
  };
}

/** The log must be marked as that of the node that the directory names. */
function assertOwn(directory: string, wal: RecoveredWal, identity: Identity | undefined): void {
  if (identity === undefined) return;
  const { clusterId, nodeId } = identity;
  if (wal.directoryId === directoryIdOf(clusterId, nodeId)) return;
  const path = segmentPath(directory, wal.segments[0]?.sequence ?? 1);
  throw corrupt(path, 16, `this log is not that of ${nodeId} of cluster ${clusterId}`);
}

/**
 * Reads everything, each snapshot too. Throws `RAFT_STORAGE_CORRUPT` for the first damage, and
 * `RAFT_STORAGE_LOST` if the log of a node that had one is gone.
 */
export function verifyLog(
  directory: string,
  fs: FileSystem = readOnlyFileSystem,
): LogSummary | undefined {
  return whileFilesCome(fs, directory, () => verifyOnce(fs, directory));
}

function verifyOnce(fs: FileSystem, directory: string): LogSummary | undefined {
  const summary = inspectOnce(fs, directory, () => {});
  const state = recoverState(fs, directory);
  if (state !== undefined) verifySnapshots(fs, { directory, directoryId: state.wal.directoryId });
  if (summary !== undefined && state?.snapshot.index !== summary.bounds.snapshotIndex) {
    const newest = listSegments(fs, directory).at(-1) ?? 0;
    const path = segmentPath(directory, newest);
    throw corrupt(path, 0, `the snapshot of entry ${summary.bounds.snapshotIndex} is gone`);
  }
  return summary;
}

/** All of them: a start takes the newest, and an older one if that is damaged. */
function verifySnapshots(fs: FileSystem, home: SnapshotHome): void {
  for (const name of listSnapshots(fs, home.directory)) {
    const reader = new SnapshotReader(fs, home, name);
    try {
      reader.verify();
    } finally {
      reader.close();
    }
  }
}

function fieldsOf(place: RecordPlace, bytes: Buffer): Record<string, unknown> {
  const { bodyStart, bodyEnd } = place;
  switch (place.type) {
    case recordType.head:
      return { ...readHead(bytes, bodyStart, bodyEnd) };
    case recordType.hardState:
      return { ...readHardState(bytes, bodyStart, bodyEnd) };
    case recordType.bounds:
      return { ...readBounds(bytes, bodyStart) };
    case recordType.entry: {
      const { index, term, kind, byteLength } = readEntryRow(place, bytes, 0);
      return { index, term, kind, byteLength };
    }
    default:
      return { durableOffset: place.durableOffset };
  }
}
