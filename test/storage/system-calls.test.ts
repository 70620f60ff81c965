/** What the storage asks of the operating system, and in which order, on a real disk. */
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { openFileStorage } from '../../src/storage/index.js';
import { makeEntry } from './model.js';

const watched = ['openSync', 'writeSync', 'fdatasyncSync', 'fsyncSync', 'renameSync'] as const;

/** Calls as `name file`, in their order, until disposed. */
function watchCalls(): { readonly calls: string[] } & Disposable {
  const calls: string[] = [];
  const names = new Map<unknown, string>();
  const originals = watched.map((name) => [name, fs[name]] as const);
  for (const [name, original] of originals) {
    const call = (...args: unknown[]): unknown => {
      const result = (original as (...args: unknown[]) => unknown)(...args);
      if (name === 'openSync') names.set(result, basename(args[0] as string));
      const file = typeof args[0] === 'string' ? basename(args[0]) : names.get(args[0]);
      calls.push(`${name.replace('Sync', '')} ${file}`);
      return result;
    };
    Object.assign(fs, { [name]: call });
  }
  syncBuiltinESMExports();
  return {
    calls,
    [Symbol.dispose]: () => {
      Object.assign(fs, Object.fromEntries(originals));
      syncBuiltinESMExports();
    },
  };
}

const root = mkdtempSync(join(tmpdir(), 'balsa-calls-'));
test.after.always(() => rmSync(root, { recursive: true, force: true }));

test.serial('nothing is acknowledged before its fdatasync returned (pitfall 38)', (t) => {
  const directory = join(root, 'node');
  using watch = watchCalls();
  const storage = openFileStorage({ directory, directoryId: 1, segmentBytes: 65_536 });
  watch.calls.length = 0;

  storage.append([makeEntry(1, 1), makeEntry(2, 1)]);
  storage.saveHardState({ currentTerm: 1, votedFor: 'n2' });
  storage.sync(() => watch.calls.push('acknowledged'));

  const log = '0000000001.wal';
  t.deepEqual(watch.calls, [`write ${log}`, `fdatasync ${log}`, 'acknowledged']);
  storage.close();
});

test.serial('a new segment and a snapshot have their names once they are durable', (t) => {
  const directory = join(root, 'names');
  using watch = watchCalls();

  const storage = openFileStorage({ directory, directoryId: 1, segmentBytes: 65_536 });
  storage.append([makeEntry(1, 1)]);
  storage.saveSnapshot({ index: 1, term: 1, bytes: Uint8Array.of(1) });

  const last = watch.calls.length;
  for (const [file, written] of [
    ['next.wal', 'next.wal'],
    ['unfinished.snapshot-part', 'unfinished.snapshot-part'],
  ]) {
    const renamed = watch.calls.indexOf(`rename ${file}`);
    t.true(renamed > 0 && renamed < last, file);
    const synced = watch.calls.lastIndexOf(`fdatasync ${file}`, renamed);
    t.true(synced > watch.calls.lastIndexOf(`write ${written}`, renamed), file);
    t.is(watch.calls[renamed + 2], 'fsync names', file);
  }
  storage.close();
});

test.serial('a directory is durable with all that were made above it', (t) => {
  using watch = watchCalls();

  nodeFileSystem.makeDirectory(join(root, 'a', 'b', 'c'));
  nodeFileSystem.makeDirectory(join(root, 'a', 'b', 'c'));

  t.deepEqual(
    watch.calls.filter((call) => call.startsWith('fsync')),
    ['fsync b', 'fsync a', `fsync ${basename(root)}`],
  );
});
