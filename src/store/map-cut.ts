/**
 * A byte map as it stood at one moment, read a piece at a time while it goes on changing.
 *
 *     hashes   0 ──────── read ────────┬──────── not read yet ──────── 2^32
 *                                   hashMin
 *
 * Records are read in the order of their hashes, and of their keys where those are equal. Before a
 * key that was not read yet is changed for the first time, its record is kept here, or the fact
 * that there was none. So what is read follows from the contents at that moment alone: not from
 * what happens meanwhile, nor from the history of the map. Each key is kept once at most: the
 * memory for it is bounded by what the map held, and by what is changed while the cut is read.
 */
import { RaftError } from '../errors.js';
import {
  ByteMap,
  type ByteRecord,
  type ByteSource,
  type ChangeWatcher,
  type FoundRecords,
} from './byte-map.js';
import type { PieceBuffer } from './state-image.js';

const hashesEnd = 2 ** 32;
/** A range of hashes is within one of the 64 parts of the table. */
const rangeMax = 2 ** 26;
/** What a range is meant to hold: enough to fetch its records at once, and not too many to sort. */
const rangeRecords = 256;
const rangeBytes = 2 ** 14;
/** Records that a run has room for at first, if its map is small. */
const runMin = 8;

/** Records of one map, in the order of the cut. */
class Run implements FoundRecords {
  readonly map: ByteMap;
  count = 0;
  hashes: Uint32Array;
  addresses: Int32Array;

  constructor(map: ByteMap) {
    this.map = map;
    const room = 2 * Math.min(rangeRecords, Math.max(runMin, map.size));
    this.hashes = new Uint32Array(room);
    this.addresses = new Int32Array(room);
  }

  /** Finds what the map has in a range of hashes. */
  fill(hashMin: number, hashMax: number): void {
    this.count = 0;
    if (this.map.size === 0) return;
    this.map.collect(hashMin, hashMax, this);
    this.map.touch(this.addresses, this.count);
  }

  /** Leaves the records out of which `isOut` is true. */
  drop(isOut: (record: ByteRecord) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.count; i += 1) {
      const address = this.addresses[i] ?? 0;
      if (isOut(this.map.recordAt(address))) continue;
      this.hashes[kept] = this.hashes[i] ?? 0;
      this.addresses[kept] = address;
      kept += 1;
    }
    this.count = kept;
  }

  /** By insertion: the records come nearly in their order. */
  sort(): void {
    const { hashes, addresses } = this;
    for (let i = 1; i < this.count; i += 1) {
      const hash = hashes[i] ?? 0;
      const address = addresses[i] ?? 0;
      let at = i;
      for (; at > 0; at -= 1) {
        const before = hashes[at - 1] ?? 0;
        if (before < hash) break;
        if (before === hash && this.#compare(at - 1, this.map, address) < 0) break;
        hashes[at] = before;
        addresses[at] = addresses[at - 1] ?? 0;
      }
      hashes[at] = hash;
      addresses[at] = address;
    }
  }

  get byteLength(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i += 1) sum += this.map.recordBytesAt(this.addresses[i] ?? 0);
    return sum;
  }

  /** Whether its record at `at` comes before that of another run. Neither is over. */
  isBefore(at: number, other: Run, otherAt: number): boolean {
    const hash = this.hashes[at] ?? 0;
    const otherHash = other.hashes[otherAt] ?? 0;
    if (hash !== otherHash) return hash < otherHash;
    return this.#compare(at, other.map, other.addresses[otherAt] ?? 0) < 0;
  }

  write(at: number, target: PieceBuffer): void {
    target.at = this.map.copyRecord(this.addresses[at] ?? 0, target.words, target.at);
  }

  /** The order of two keys with the same hash. */
  #compare(at: number, map: ByteMap, address: number): number {
    const one = this.map.recordAt(this.addresses[at] ?? 0);
    const key = Uint8Array.from(one.bytes.subarray(one.keyStart, one.keyEnd));
    const other = map.recordAt(address);
    return Buffer.compare(key, other.bytes.subarray(other.keyStart, other.keyEnd));
  }
}

/** What a cut keeps of a map that changes before it was read. */
interface Kept {
  /** Records as they were. */
  readonly old: Run;
  /** Keys that came after the cut, with nothing as their value. */
  readonly born: ByteMap;
}

export class MapCut implements ChangeWatcher {
  /** Keys at the moment of the cut. */
  readonly size: number;
  hashMin = 0;

  readonly #live: Run;
  /** Made when there is something to keep. */
  #kept: Kept | undefined;
  readonly #range: number;

  /** Cuts the map now. One that was being read before is over: its next `read` throws. */
  constructor(live: ByteMap) {
    this.#live = new Run(live);
    this.size = live.size;
    const recordBytes = live.recordBytes / Math.max(1, live.size);
    const wanted = Math.min(rangeRecords, Math.max(1, rangeBytes / recordBytes));
    const width = (hashesEnd / Math.max(1, live.size)) * wanted;
    this.#range = Math.min(rangeMax, 2 ** Math.floor(Math.log2(width)));
    live.watcher = this;
  }

  /** What is kept of records that were changed before they were read. */
  get keptBytes(): number {
    if (this.#kept === undefined) return 0;
    return this.#kept.old.map.recordBytes + this.#kept.born.recordBytes;
  }

  /** Lets the map go. May be repeated. */
  close(): void {
    const { map } = this.#live;
    if (map.watcher === this) map.watcher = undefined;
    this.hashMin = hashesEnd;
  }

  keep(source: ByteSource, keyStart: number, keyEnd: number, before: ByteRecord | undefined): void {
    this.#kept ??= { old: new Run(new ByteMap()), born: new ByteMap() };
    if (isKept(this.#kept, source, keyStart, keyEnd)) return;
    if (before === undefined) this.#kept.born.set(source, keyStart, keyEnd, keyEnd);
    else this.#kept.old.map.add(before);
  }

  /** Writes as many records as fit; true when all of them are written. */
  read(target: PieceBuffer): boolean {
    while (this.hashMin < hashesEnd) {
      // Nothing was kept for this cut since: what it would read is the state of no moment.
      if (this.#live.map.watcher !== this) throw overtaken();
      this.#find(this.hashMin, this.hashMin + this.#range - 1);
      const oldBytes = this.#kept?.old.byteLength ?? 0;
      if (!target.fits(this.#live.byteLength + oldBytes)) return false;
      this.#write(target);
      this.hashMin += this.#range;
    }
    this.close();
    return true;
  }

  /** The records of a range of hashes as they stood. */
  #find(hashMin: number, hashMax: number): void {
    const live = this.#live;
    const kept = this.#kept;
    live.fill(hashMin, hashMax);
    if (kept !== undefined) {
      live.drop((record) => isKept(kept, record, record.keyStart, record.keyEnd));
      kept.old.fill(hashMin, hashMax);
      kept.old.sort();
    }
    live.sort();
  }

  /** Writes what was found, in the order of both. */
  #write(target: PieceBuffer): void {
    const live = this.#live;
    const old = this.#kept?.old;
    const oldCount = old?.count ?? 0;
    let oldAt = 0;
    for (let at = 0; at < live.count; at += 1) {
      while (oldAt < oldCount && old?.isBefore(oldAt, live, at)) old.write(oldAt++, target);
      live.write(at, target);
    }
    while (oldAt < oldCount) old?.write(oldAt++, target);
  }
}

function overtaken(): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', 'a cut is read to its end before the next begins');
}

function isKept({ old, born }: Kept, source: ByteSource, start: number, end: number): boolean {
  return (
    old.map.find(source, start, end) !== undefined || born.find(source, start, end) !== undefined
  );
}
