/** A copy of what the simulator runs, with a bug of the past in it. The product holds no switch. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { Exhibit } from './exhibit.js';

/** This file is dist/test/museum/copy.js. */
const sources = new URL('../../src/', import.meta.url);
/** Beside dist/src, so that packages are found from there. */
const museum = new URL('../../museum/', import.meta.url);

/** What the simulator needs, and nothing that starts a thread. */
const rooms = ['actor', 'chaos', 'network', 'raft', 'replica', 'sim', 'storage', 'store'];
const leaves = ['clock.js', 'errors.js', 'events.js', 'prng.js'];

/** Throws if an edit finds its place not at all, or more than once. */
export async function applyEdits({ id, edits }: Exhibit, root: URL): Promise<void> {
  for (const { file, find, replace } of edits) {
    const url = new URL(file, root);
    const text = await readFile(url, 'utf8');
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`${id}: ${file} has ${count} times: ${find}`);
    await writeFile(
      url,
      text.replace(find, () => replace),
    );
  }
}

/** Makes the copy; resolves to its root. Disposing it takes it away. */
export async function copyWith(exhibit: Exhibit): Promise<{ root: URL } & AsyncDisposable> {
  const root = new URL(`${exhibit.id}/`, museum);
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  for (const room of [...rooms, ...leaves]) {
    await cp(new URL(room, sources), new URL(room, root), {
      recursive: true,
      filter: (path) => !/\.(?:d\.ts|map)$/.test(path),
    });
  }
  await applyEdits(exhibit, root);
  return {
    root,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
