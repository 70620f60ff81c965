/**
 * The log as the core sees it: headers only, and where each entry stands on its way to the disk.
 *
 *       baseIndex                stableIndex     untakenIndex          last
 *     ┄┄┄┄┄┄┼────────────────────────┼────────────────┼─────────────────┤
 *     compacted   durable              handed out,       payloads still
 *     (or never   here                 write under way   in the core
 *      held)
 *
 * The payload of an entry stays here until `ready()` has handed it out; from then on storage has
 * it.
 */
import { assert } from './assert.js';
import type { Entry, EntryHeader } from './message.js';
import type { RecoveredLog } from './options.js';

/** A maximal stretch of entries of one term; terms never decrease along the log. */
interface TermRun {
  readonly term: number;
  readonly firstIndex: number;
}

/**
 * Invariant: baseIndex <= stableIndex < untakenIndex <= lastIndex + 1.
 */
export interface Log {
  /** The newest entry that is no longer held, and its term. */
  baseIndex: number;
  baseTerm: number;
  /**
   * `headers[dropped + i]` is the entry `baseIndex + 1 + i`; the dropped ones are cut off in bulk.
   */
  headers: EntryHeader[];
  /** Parallel to `headers`: payload bytes from the start of this core's life through that entry. */
  bytesThrough: number[];
  dropped: number;
  baseBytes: number;
  /** Oldest first. */
  runs: TermRun[];
  /** Payloads from `untakenIndex` on, not yet handed out. */
  untaken: Uint8Array[];
  untakenIndex: number;
  /** Everything up to here is on stable storage at this node. */
  stableIndex: number;
}

/** A position in the log. */
export interface Position {
  readonly index: number;
  readonly term: number;
}

/** Builds the log from what storage recovered; all of it counts as durable. */
export function createLog(recovered: RecoveredLog): Log {
  const { snapshotIndex, snapshotTerm } = recovered;
  let entries = recovered.entries;
  let base: Position = { index: snapshotIndex, term: snapshotTerm };
  const first = entries[0];
  if (first !== undefined && first.index <= snapshotIndex) {
    const baseTerm = first.index === 1 ? 0 : recovered.baseTerm;
    base = baseTerm === undefined ? first : { index: first.index - 1, term: baseTerm };
    if (baseTerm === undefined) entries = entries.slice(1);
  }
  const log: Log = {
    baseIndex: base.index,
    baseTerm: base.term,
    headers: [],
    bytesThrough: [],
    dropped: 0,
    baseBytes: 0,
    runs: [],
    untaken: [],
    untakenIndex: base.index + 1,
    stableIndex: base.index,
  };
  for (const { index, term, kind, byteLength } of entries) {
    pushHeader(log, { index, term, kind, byteLength });
  }
  log.stableIndex = lastIndex(log);
  log.untakenIndex = lastIndex(log) + 1;
  return log;
}

export function lastIndex(log: Log): number {
  return log.baseIndex + log.headers.length - log.dropped;
}

export function lastTerm(log: Log): number {
  return log.runs.at(-1)?.term ?? log.baseTerm;
}

/** The entry at the index, if it is held. */
function headerAt(log: Log, index: number): EntryHeader | undefined {
  return index > log.baseIndex ? log.headers[slot(log, index)] : undefined;
}

/**
 * Term of the entry at the index; also answers for the base. Undefined before it and after the end.
 */
export function termAt(log: Log, index: number): number | undefined {
  return index === log.baseIndex ? log.baseTerm : headerAt(log, index)?.term;
}

/** Payload bytes of the entries after one index and up to another, as far as they are held. */
export function bytesBetween(log: Log, afterIndex: number, throughIndex: number): number {
  return bytesUpTo(log, throughIndex) - bytesUpTo(log, afterIndex);
}

/** The headers from one index to another, both inclusive. */
export function headersFrom(log: Log, from: number, to: number): EntryHeader[] {
  return log.headers.slice(slot(log, from), slot(log, to) + 1);
}

/** Appends one entry with its payload at the end. */
export function append(log: Log, header: EntryHeader, payload: Uint8Array): void {
  assert(header.index === lastIndex(log) + 1, 'an entry is appended right after the last one');
  pushHeader(log, header);
  log.untaken.push(payload);
}

/** Forgets all entries from the index on: a leader has others there. */
export function truncateFrom(log: Log, index: number): void {
  assert(index > log.baseIndex, 'what was compacted is committed and never removed');
  log.headers.length = slot(log, index);
  log.bytesThrough.length = slot(log, index);
  while ((log.runs.at(-1)?.firstIndex ?? 0) >= index) log.runs.pop();
  log.untaken.length = Math.max(0, index - log.untakenIndex);
  log.untakenIndex = Math.min(log.untakenIndex, index);
  // What is written now may be the old entry: it no longer counts as stored.
  log.stableIndex = Math.min(log.stableIndex, index - 1);
}

/** Hands out the entries that no `ready()` had yet. */
export function takeUntaken(log: Log): Entry[] {
  const { untaken, untakenIndex } = log;
  if (untaken.length === 0) return [];
  log.untaken = [];
  log.untakenIndex = lastIndex(log) + 1;
  return untaken.map((payload, i) => {
    const header = headerAt(log, untakenIndex + i);
    assert(header !== undefined, 'every payload in the core has its header');
    const { index, term, kind, byteLength } = header;
    return { index, term, kind, byteLength, payload };
  });
}

/**
 * The last position that is not above the given index and whose term is not above the given term.
 * In logs of two nodes, all positions between the result and the given one are sure to differ.
 */
export function lastNotAbove(log: Log, { index, term }: Position): Position {
  let limit = Math.min(index, lastIndex(log));
  for (let i = log.runs.length - 1; i >= 0 && limit > log.baseIndex; i -= 1) {
    const run = log.runs[i];
    if (run === undefined || run.firstIndex > limit) continue;
    if (run.term <= term) return { index: limit, term: run.term };
    limit = run.firstIndex - 1;
  }
  // At the base or before it, where everything is committed and so the same everywhere.
  return { index: log.baseIndex, term: log.baseTerm };
}

/** Forgets the metadata of all entries up to the index. */
export function compactThrough(log: Log, index: number): void {
  const header = headerAt(log, index);
  if (header === undefined) return;
  assert(index <= log.stableIndex, 'only durable entries are compacted');
  log.baseBytes = bytesUpTo(log, index);
  log.dropped += index - log.baseIndex;
  log.baseIndex = index;
  log.baseTerm = header.term;
  if (log.dropped >= 256 && log.dropped * 2 >= log.headers.length) {
    log.headers = log.headers.slice(log.dropped);
    log.bytesThrough = log.bytesThrough.slice(log.dropped);
    log.dropped = 0;
  }
  const keep = log.runs.findLastIndex((run) => run.firstIndex <= index + 1);
  log.runs.splice(0, index === lastIndex(log) ? log.runs.length : Math.max(0, keep));
}

/**
 * A snapshot has taken the place of everything up to a position. If the log holds the entry there
 * with the same term it goes on behind it; else it is forgotten (§7).
 */
export function restoreLog(log: Log, { index, term }: Position): void {
  assert(index > log.baseIndex, 'a snapshot that is installed is ahead of the last one');
  assert(log.untaken.length === 0, 'a snapshot is installed when all entries were handed out');
  if (termAt(log, index) === term) {
    log.stableIndex = Math.max(log.stableIndex, index);
    compactThrough(log, index);
    return;
  }
  log.baseBytes = bytesUpTo(log, lastIndex(log));
  log.baseIndex = index;
  log.baseTerm = term;
  log.headers = [];
  log.bytesThrough = [];
  log.dropped = 0;
  log.runs = [];
  log.untakenIndex = index + 1;
  log.stableIndex = index;
}

/** The newest index behind which the log holds at least so many payload bytes; the base if none. */
export function indexLeaving(log: Log, byteLength: number): number {
  const limit = bytesUpTo(log, lastIndex(log)) - byteLength;
  let [low, high] = [log.baseIndex, lastIndex(log)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (bytesUpTo(log, middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

function slot(log: Log, index: number): number {
  return log.dropped + index - log.baseIndex - 1;
}

function bytesUpTo(log: Log, index: number): number {
  if (index <= log.baseIndex) return log.baseBytes;
  return log.bytesThrough[slot(log, index)] ?? log.baseBytes;
}

function pushHeader(log: Log, header: EntryHeader): void {
  const bytes = bytesUpTo(log, lastIndex(log)) + header.byteLength;
  if (lastTerm(log) !== header.term || log.runs.length === 0) {
    log.runs.push({ term: header.term, firstIndex: header.index });
  }
  log.headers.push(header);
  log.bytesThrough.push(bytes);
}
