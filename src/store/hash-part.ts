/**
 * A part of the hash table of a byte map: open addressing with linear probing, a slot a pair of
 * words (hash, address), deletes without tombstones by moving back what follows (Knuth, TAOCP 6.4,
 * algorithm R).
 *
 * The first bits of a hash name the part and the next ones the home slot. So the slots are in the
 * order of the hashes, but for what was pushed on, however large the table is: records can be
 * visited in an order that follows from their keys alone.
 */
import type { ByteSource } from './byte-map.js';

export interface Part {
  /** Pairs of hash and address; an address of 0 is an empty slot. */
  slots: Int32Array;
  /** Slots less one; a power of two less one. */
  mask: number;
  /** Bits of a hash, without those of the part, that do not count for the slot. */
  shift: number;
  count: number;
}

const partBits = 6;
const partShift = 32 - partBits;
/** Small enough for V8 to keep an empty table in its own heap: most maps stay small. */
const slotBitsMin = 2;

export function emptyParts(): Part[] {
  return Array.from({ length: 2 ** partBits }, () => ({ ...tableOf(slotBitsMin), count: 0 }));
}

export function partOf(parts: readonly Part[], hash: number): Part {
  return parts[hash >>> partShift] as Part;
}

/** Where a key with this hash stands, if nobody else does. */
export function homeOf({ shift }: Part, hash: number): number {
  return (hash << partBits) >>> shift;
}

/** Doubles a part that is full to three quarters. */
export function growIfFull(part: Part): void {
  if (part.count * 4 > (part.mask + 1) * 3) resize(part, 32 - part.shift + 1);
}

/** Makes a part large enough for about `count` keys. */
export function reserve(part: Part, count: number): void {
  const slotBits = Math.ceil(Math.log2(Math.max(1, count) * 1.5));
  if (slotBits > 32 - part.shift) resize(part, slotBits);
}

/** Empties a slot, given as the place of its pair, and moves back what was pushed on by it. */
export function closeSlot(part: Part, slot: number): void {
  const { slots, mask } = part;
  let hole = slot >> 1;
  for (let at = (hole + 1) & mask; slots[2 * at + 1] !== 0; at = (at + 1) & mask) {
    const home = homeOf(part, slots[2 * at] ?? 0);
    // It may move if its home is not after the hole, on the way from the hole to it.
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots[2 * hole] = slots[2 * at] ?? 0;
    slots[2 * hole + 1] = slots[2 * at + 1] ?? 0;
    hole = at;
  }
  slots[2 * hole] = 0;
  slots[2 * hole + 1] = 0;
}

export function hashOf({ bytes, view }: ByteSource, start: number, end: number): number {
  const whole = start + ((end - start) & ~3);
  let hash = end - start;
  let at = start;
  for (; at < whole; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  let tail = 0;
  for (; at < end; at += 1) tail = (tail << 8) | (bytes[at] ?? 0);
  // The finalizer of MurmurHash3: part and slot are in the high bits, and all bits move those.
  hash = Math.imul(hash ^ tail, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function tableOf(slotBits: number): Pick<Part, 'slots' | 'mask' | 'shift'> {
  const slots = new Int32Array(2 * 2 ** slotBits);
  return { slots, mask: 2 ** slotBits - 1, shift: 32 - slotBits };
}

function resize(part: Part, slotBits: number): void {
  const { slots } = part;
  Object.assign(part, tableOf(slotBits));
  for (let slot = 0; slot < slots.length; slot += 2) {
    const address = slots[slot + 1] ?? 0;
    if (address === 0) continue;
    const hash = slots[slot] ?? 0;
    let at = homeOf(part, hash);
    while (part.slots[2 * at + 1] !== 0) at = (at + 1) & part.mask;
    part.slots[2 * at] = hash;
    part.slots[2 * at + 1] = address;
  }
}
