/**
 * What stands before the body of every frame, 32 bytes, little endian, 8-aligned:
 *
 *      0        4        6        8             12            16   17   18   20            24
 *      | length | source | dest.  | source inc. | dest. inc.  |kind|flag|  - | correlation |
 * checksum | route
 *
 * Source and destination are written on every frame, although a link implies them, so that a
 * routed frame can be forwarded by the supervisor as it is.
 */
import { crc32 } from 'node:zlib';
import type { ActorId } from './space.js';

export const envelopeBytes = 32;

/** Frames are padded to this many bytes, so that bodies may hold doubles. */
export const frameAlignment = 8;

/** The routed copy of this frame that ends its detour (a duplicate made on the way has it not). */
const flagSettles = 1;
/** The frame carries a checksum: set on every routed frame, where it can be corrupted. */
const flagChecksum = 2;

/** Both views cover the same memory. */
export interface FrameMemory {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

export interface EnvelopeFields {
  readonly source: ActorId;
  readonly destination: ActorId;
  readonly sourceIncarnation: number;
  readonly destinationIncarnation: number;
  readonly kind: number;
  readonly correlationId: number;
}

export function writeEnvelope(memory: FrameMemory, at: number, fields: EnvelopeFields): void {
  const { words } = memory;
  const word = at >> 2;
  words[word + 1] = fields.source | (fields.destination << 16);
  words[word + 2] = fields.sourceIncarnation;
  words[word + 3] = fields.destinationIncarnation;
  words[word + 4] = fields.kind;
  words[word + 5] = fields.correlationId;
  words[word + 6] = 0;
  words[word + 7] = 0;
}

/** Reads the envelope of a copied frame, which it begins with. */
export function readEnvelope(frame: Buffer): EnvelopeFields {
  return {
    source: frame.readUInt16LE(4),
    destination: frame.readUInt16LE(6),
    sourceIncarnation: frame.readInt32LE(8),
    destinationIncarnation: frame.readInt32LE(12),
    kind: frame.readUInt8(16),
    correlationId: frame.readInt32LE(20),
  };
}

/** Marks a frame as routed on the given generation of its link's detour, and seals its body. */
export function sealRouted(
  memory: FrameMemory,
  at: number,
  byteLength: number,
  generation: number,
): void {
  const word = at >> 2;
  memory.words[word + 4] =
    ((memory.words[word + 4] ?? 0) & 0xff) | ((flagSettles | flagChecksum) << 8);
  memory.words[word + 6] = checksum(memory.bytes, at, byteLength);
  memory.words[word + 7] = generation;
}

/** A copy made on the way does not count as the frame's arrival. */
export function markDuplicate(frame: Buffer): void {
  frame[17] = (frame[17] ?? 0) & ~flagSettles;
}

export function isIntact(
  bytes: Buffer,
  words: Int32Array,
  at: number,
  byteLength: number,
): boolean {
  const flags = bytes[at + 17] ?? 0;
  return (flags & flagChecksum) === 0 || words[(at >> 2) + 6] === checksum(bytes, at, byteLength);
}

export function settlesRoute(bytes: Buffer, at = 0): boolean {
  return ((bytes[at + 17] ?? 0) & flagSettles) !== 0;
}

/** The generation of the detour on which a routed frame was sent; see `LinkMemory`. */
export function routeGeneration(frame: Buffer, at = 0): number {
  return frame.readInt32LE(at + 28);
}

function checksum(bytes: Buffer, at: number, byteLength: number): number {
  return crc32(bytes.subarray(at + envelopeBytes, at + byteLength)) | 0;
}
