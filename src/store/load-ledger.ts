/**
 * What a load was told about its writes, and whether the store has kept its word.
 *
 * Every value begins with the id of its load and a serial number, so a value that is read at the
 * end says which write it is. Of all acknowledged writes of a key the one with the highest log
 * index must be there, unless a write with an unknown outcome is; it may have come later.
 */
import type { Store } from './store.js';

/** Bytes at the start of a value that say which write it is. */
export const stampBytes = 8;

/** Of one load, by key number. Structured-cloneable. */
export interface Ledger {
  readonly loadId: number;
  readonly keyPrefix: string;
  /** The highest log index of an acknowledged write; 0 if there is none. */
  readonly indexes: Float64Array;
  /** The first and the last serial number that were acknowledged at that index. */
  readonly firstSerials: Uint32Array;
  readonly lastSerials: Uint32Array;
  /** Acknowledged writes of all keys. */
  acknowledged: number;
  /** Writes with an unknown outcome, key and serial number in turn. */
  readonly unknown: number[];
  /** Writes that were rejected, and must never be seen. */
  readonly rejected: number[];
}

export interface Verification {
  /** Acknowledged writes in all ledgers. */
  readonly acknowledged: number;
  /** Keys whose last acknowledged write is not there. */
  readonly lost: number;
  /** Keys with a write that was said to be rejected. */
  readonly ghosts: number;
  /** Up to ten of the keys that are lost or ghosts. */
  readonly samples: readonly string[];
}

export function emptyLedger(loadId: number, keyPrefix: string, keys: number): Ledger {
  return {
    loadId,
    keyPrefix,
    indexes: new Float64Array(keys),
    firstSerials: new Uint32Array(keys),
    lastSerials: new Uint32Array(keys),
    acknowledged: 0,
    unknown: [],
    rejected: [],
  };
}

/** A write was acknowledged. One log entry may hold several writes of a key. */
export function acknowledge(ledger: Ledger, key: number, serial: number, index: number): void {
  const { indexes, firstSerials, lastSerials } = ledger;
  const known = indexes[key] ?? 0;
  ledger.acknowledged += 1;
  if (index < known) return;
  if (index > known || serial < (firstSerials[key] ?? 0)) firstSerials[key] = serial;
  if (index > known || serial > (lastSerials[key] ?? 0)) lastSerials[key] = serial;
  indexes[key] = index;
}

const keysPerRead = 256;
const samplesMax = 10;

/**
 * Reads every key that was written and compares it with the ledgers of all loads that wrote it.
 *
 * The loads must have ended; they have the same `keyPrefix`. Rejects as `getMany` does.
 */
export async function verifyLoad(
  store: Pick<Store, 'getMany'>,
  ledgers: readonly Ledger[],
  { timeoutMs = 30_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Verification> {
  const options = { timeoutMs, ...(signal ? { signal } : {}) };
  const keyPrefix = ledgers[0]?.keyPrefix ?? '';
  const unknown = outcomesOf(ledgers, 'unknown');
  const rejected = outcomesOf(ledgers, 'rejected');
  const counts = { lost: 0, ghosts: 0 };
  const samples: string[] = [];
  const keys = Math.max(0, ...ledgers.map(({ indexes }) => indexes.length));
  for (let first = 0; first < keys; first += keysPerRead) {
    const names = Array.from(
      { length: Math.min(keysPerRead, keys - first) },
      (_, at) => `${keyPrefix}${first + at}`,
    );
    const values = await store.getMany(names, options);
    for (const [at, value] of values.entries()) {
      const key = first + at;
      const stamp = stampOf(value);
      const found = `${key} ${stamp?.loadId} ${stamp?.serial}`;
      const isGhost = rejected.has(found);
      const isLost = !isGhost && !unknown.has(found) && !isLatest(ledgers, key, stamp);
      if (isGhost) counts.ghosts += 1;
      if (isLost) counts.lost += 1;
      if ((isGhost || isLost) && samples.length < samplesMax) samples.push(`${keyPrefix}${key}`);
    }
  }
  const acknowledged = ledgers.reduce((sum, ledger) => sum + ledger.acknowledged, 0);
  return { acknowledged, ...counts, samples };
}

export function writeStamp(value: Uint32Array, loadId: number, serial: number): void {
  value[0] = loadId;
  value[1] = serial;
}

interface Stamp {
  readonly loadId: number;
  readonly serial: number;
}

function stampOf(value: unknown): Stamp | undefined {
  if (!(value instanceof Uint8Array) || value.length < stampBytes) return undefined;
  const [loadId = 0, serial = 0] = new Uint32Array(value.slice(0, stampBytes).buffer);
  return { loadId, serial };
}

/** Whether this is an acknowledged write at the highest index that the key was written at. */
function isLatest(ledgers: readonly Ledger[], key: number, stamp: Stamp | undefined): boolean {
  const index = Math.max(...ledgers.map(({ indexes }) => indexes[key] ?? 0));
  if (index === 0) return true;
  if (stamp === undefined) return false;
  return ledgers.some(
    ({ loadId, indexes, firstSerials, lastSerials }) =>
      loadId === stamp.loadId &&
      indexes[key] === index &&
      stamp.serial >= (firstSerials[key] ?? 0) &&
      stamp.serial <= (lastSerials[key] ?? 0),
  );
}

function outcomesOf(ledgers: readonly Ledger[], outcome: 'unknown' | 'rejected'): Set<string> {
  const found = new Set<string>();
  for (const ledger of ledgers) {
    const writes = ledger[outcome];
    for (let at = 0; at < writes.length; at += 2) {
      found.add(`${writes[at]} ${ledger.loadId} ${writes[at + 1]}`);
    }
  }
  return found;
}
