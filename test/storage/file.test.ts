import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { testConformance } from './conformance.js';

const root = mkdtempSync(join(tmpdir(), 'balsa-file-'));
let directories = 0;

test.after.always(() => rmSync(root, { recursive: true, force: true }));

testConformance('file', (limits) => {
  directories += 1;
  const directory = join(root, String(directories));
  let last: Storage | undefined;
  return {
    open: () => {
      // What was not synced may be lost; the suite speaks of what was.
      last?.sync(() => {});
      last = openFileStorage({
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
