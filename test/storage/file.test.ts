import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type FileSystem, nodeFileSystem, type OpenFile } from '../../src/storage/file-system.js';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { testConformance } from './conformance.js';

const root = mkdtempSync(join(tmpdir(), 'balsa-file-'));
let directories = 0;

test.after.always(() => rmSync(root, { recursive: true, force: true }));

/** Open since the last place was made: nobody closes what a killed process had open. */
const opened: OpenFile[] = [];
const fileSystem: FileSystem = {
  ...nodeFileSystem,
  open: (path, mode) => {
    const file = nodeFileSystem.open(path, mode);
    opened.push(file);
    return file;
  },
};

testConformance('file', (limits) => {
  // Thousands of places would run into the limit of the process.
  for (const file of opened.splice(0)) file.close();
  directories += 1;
  const directory = join(root, String(directories));
  let last: Storage | undefined;
  return {
    open: () => {
      // What was not synced may be lost; the suite speaks of what was.
      last?.sync(() => {});
      last = openFileStorage({
        fileSystem,
        directory,
        directoryId: 7,
        logBytesMax: limits.logBytes,
        entriesMax: limits.entries,
        snapshotBytesMax: limits.snapshotBytes,
        entryBytesMax: Math.min(1_024, limits.logBytes / 8),
        segmentBytes: 2_048,
      });
      return last;
    },
  };
});
