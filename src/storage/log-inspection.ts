/** Reads a node's directory for people: every record of its log, and what they come to. */

import type { HardState } from '../raft/index.js';
import { type FileSystem, readOnlyFileSystem } from './file-system.js';
import { readIdentity } from './identity.js';
import { recoverState } from './recovery.js';
import { listSnapshots, SnapshotReader } from './snapshot-files.js';
import type { SnapshotName } from './storage.js';
import { type RecordPlace, recordType } from './wal-record.js';
import { readEntryRow, recoverWal } from './wal-recovery.js';
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
  const wal = recoverWal(fs, directory, (place, bytes, segment) => {
    const { type, offset } = place;
    visit({ segment, offset, type: typeNames.get(type) ?? 'mark', fields: fieldsOf(place, bytes) });
  });
  if (wal === undefined) return undefined;
  const identity = readIdentity(fs, directory);
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

/** Reads everything, each snapshot too. Throws `RAFT_STORAGE_CORRUPT` for the first damage. */
export function verifyLog(
  directory: string,
  fs: FileSystem = readOnlyFileSystem,
): LogSummary | undefined {
  for (const name of listSnapshots(fs, directory)) {
    const reader = new SnapshotReader(fs, directory, name);
    try {
      reader.verify();
    } finally {
      reader.close();
    }
  }
  const summary = inspectLog(directory, () => {}, fs);
  const state = recoverState(fs, directory);
  if (summary !== undefined && state?.snapshot.index !== summary.bounds.snapshotIndex) {
    const newest = listSegments(fs, directory).at(-1) ?? 0;
    const path = segmentPath(directory, newest);
    throw corrupt(path, 0, `the snapshot of entry ${summary.bounds.snapshotIndex} is gone`);
  }
  return summary;
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
