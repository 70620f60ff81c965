/**
 * How an image begins: what it is an image of, and how much there is of it. Little endian.
 *
 *     0       4         8       12      16             24
 *     | magic | version | count | count | lastClientId | …
 *
 * One version older than the newest is read as well: in it nothing is staged (`staging.ts`).
 */
import { corruptImage, type PieceBuffer, type PieceCursor } from './state-image.js';

export const imageHeaderBytes = 24;

/** What all images of one kind of machine begin with. */
export interface ImageKind {
  readonly magic: number;
  /** The newest, which is written. */
  readonly version: number;
}

export interface ImageHeader {
  /** What they count is for the kind to say. */
  readonly counts: readonly [number, number];
  readonly lastClientId: number;
}

export function writeImageHeader(
  target: PieceBuffer,
  { magic, version }: ImageKind,
  { counts, lastClientId }: ImageHeader,
): void {
  const { view } = target;
  view.setUint32(0, magic, true);
  view.setUint32(4, version, true);
  view.setUint32(8, counts[0], true);
  view.setUint32(12, counts[1], true);
  view.setFloat64(16, lastClientId, true);
  target.at = imageHeaderBytes;
}

/** Throws `RAFT_STORAGE_CORRUPT` for what is no image of this kind. */
export function readImageHeader(
  cursor: PieceCursor,
  { magic, version }: ImageKind,
): ImageHeader & { readonly hasStaging: boolean } {
  if (cursor.u32() !== magic) throw corruptImage('it does not begin as one of this machine');
  const found = cursor.u32();
  if (found !== version && found !== version - 1) {
    throw corruptImage(`it has version ${found}; version ${version} is known`);
  }
  const counts = [cursor.u32(), cursor.u32()] as const;
  return { hasStaging: found === version, counts, lastClientId: cursor.f64() };
}
