/**
 * What the whole cluster has ever written, committed, elected and become, by all-seeing book: the
 * one place that knows more than any node, and so can tell when two of them disagree.
 */
import type { Entry } from '../raft/index.js';
import type { Storage } from '../storage/storage.js';

/** Tells that an invariant is broken. */
export type Report = (invariant: string, text: string) => void;

interface Written {
  readonly prevTerm: number;
  readonly digest: number;
}

interface Committed {
  readonly term: number;
  readonly digest: number;
}

/** Terms of a run stay far below this. */
const termsMax = 2 ** 20;

export class Ledger {
  readonly #report: Report;
  readonly #written = new Map<number, Written>();
  /** By index. */
  readonly #committed: (Committed | undefined)[] = [];
  /** The last index that was committed in each term, in the order of the terms. */
  readonly #committedThrough = new Map<number, number>();
  readonly #leaders = new Map<number, string>();
  readonly #votes = new Map<string, string>();
  readonly #states = new Map<number, string>();
  #commitIndex = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The highest index that any node has known to be committed. */
  get commitIndex(): number {
    return this.#commitIndex;
  }

  /** The term of the entry that was committed at an index. */
  committedTerm(index: number): number | undefined {
    return this.#committed[index]?.term;
  }

  /** Terms in which somebody led. */
  get elections(): number {
    return this.#leaders.size;
  }

  /** A node is about to append; `storage` still holds what was there before. */
  append(nodeId: string, entries: readonly Entry[], storage: Storage): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#truncate(nodeId, first, storage);
    let prevTerm = storage.termAt(first.index - 1) ?? 0;
    for (const entry of entries) {
      this.#write(nodeId, entry, prevTerm);
      prevTerm = entry.term;
    }
  }

  /** A new life of a node has found this log. */
  recovered(nodeId: string, storage: Storage): void {
    for (const { index, term } of storage.headers()) {
      const known = this.#written.get(keyOf(index, term));
      const { bytes, start, end } = storage.payload(index);
      if (known !== undefined && digestOf(bytes.subarray(start, end)) === known.digest) continue;
      const text = `${nodeId} finds an entry ${index} of term ${term} that nobody wrote`;
      this.#report('what is found again is what was written', text);
    }
  }

  /** A node leads, with this log. */
  lead(nodeId: string, term: number, log: Pick<Storage, 'firstIndex' | 'termAt'>): void {
    const known = this.#leaders.get(term);
    if (known === nodeId) return;
    if (known !== undefined) {
      this.#report('one leader per term', `${known} and ${nodeId} lead term ${term}`);
      return;
    }
    this.#leaders.set(term, nodeId);
    for (const [earlier, index] of this.#committedThrough) {
      // What lies before its log has been committed and applied there.
      if (earlier >= term || index < log.firstIndex - 1) continue;
      if (log.termAt(index) !== this.committedTerm(index)) {
        const text = `${nodeId} leads term ${term} without entry ${index}, committed in ${earlier}`;
        this.#report('leader completeness', text);
      }
    }
  }

  /** A node knows entry (index, term) to be committed, in its term `currentTerm`. */
  commit(nodeId: string, { index, term }: { index: number; term: number }, inTerm: number): void {
    const digest = this.#written.get(keyOf(index, term))?.digest ?? 0;
    const known = this.#committed[index];
    if (known === undefined) {
      this.#committed[index] = { term, digest };
      if (index > this.#commitIndex) this.#commitIndex = index;
      const through = this.#committedThrough.get(inTerm) ?? 0;
      if (index > through) this.#committedThrough.set(inTerm, index);
    } else if (known.term !== term || known.digest !== digest) {
      const text = `entry ${index} was committed with term ${known.term}; ${nodeId} has ${term}`;
      this.#report('a committed entry never changes', text);
    }
  }

  /** A node has granted its vote. */
  vote(nodeId: string, candidate: string, term: number): void {
    const key = `${term} ${nodeId}`;
    const known = this.#votes.get(key) ?? candidate;
    this.#votes.set(key, known);
    if (known !== candidate) {
      this.#report('one vote per term', `${nodeId} voted ${known} and ${candidate} in ${term}`);
    }
  }

  /** The state of a node after it has applied so far. */
  apply(nodeId: string, index: number, digest: string): void {
    const known = this.#states.get(index) ?? digest;
    this.#states.set(index, known);
    if (known !== digest) {
      const text = `after entry ${index} ${nodeId} has state ${digest}, others ${known}`;
      this.#report('state machine safety', text);
    }
  }

  /** Whether the state at an index is compared: a digest costs more than most turns. */
  isCompared(index: number): boolean {
    return index % 4 === 0;
  }

  /**
   * What a leader does not have goes, committed or not: one of a term before that of the commit may
   * be without it, and what it sent may arrive late. Whether later ones have it is seen when they
   * begin to lead.
   */
  #truncate(nodeId: string, { index: from, term }: Entry, storage: Storage): void {
    const isConflict = storage.termAt(from) !== term;
    const through = Math.min(storage.lastIndex, this.#commitIndex);
    for (let index = isConflict ? from : from + 1; index <= through; index += 1) {
      const held = storage.termAt(index);
      if (held === undefined || held !== this.committedTerm(index)) continue;
      if (isConflict && term < this.#committedIn(index)) continue;
      const text = `${nodeId} gives up entry ${index} of term ${held}, which is committed`;
      this.#report('a committed entry never changes', text);
      return;
    }
  }

  /** The term whose leader committed an entry. */
  #committedIn(index: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const [term, through] of this.#committedThrough) {
      if (through >= index && term < first) first = term;
    }
    return first;
  }

  #write(nodeId: string, { index, term, payload }: Entry, prevTerm: number): void {
    const key = keyOf(index, term);
    const digest = digestOf(payload);
    const known = this.#written.get(key);
    if (known === undefined) {
      this.#written.set(key, { prevTerm, digest });
    } else if (known.prevTerm !== prevTerm || known.digest !== digest) {
      const what = known.digest === digest ? `follows term ${prevTerm}` : 'has another payload';
      this.#report('log matching', `entry ${index} of term ${term} ${what} at ${nodeId}`);
    }
  }
}

function keyOf(index: number, term: number): number {
  return index * termsMax + term;
}

/** FNV-1a over the bytes. */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at += 1) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  }
  return hash >>> 0;
}
