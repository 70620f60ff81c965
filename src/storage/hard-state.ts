/** Term and vote in shared memory: the record, and the rules that no caller may break. */

import { RaftError } from '../errors.js';
import type { HardState } from '../raft/index.js';
import { hardStatePlace, nodeIdLengthMax } from './layout.js';
import { SwitchedRecord } from './record.js';
import type { SharedMemory } from './shared-memory.js';

/** Term and vote of one node, changed together or not at all. */
export class StoredHardState {
  readonly #record: SwitchedRecord;
  #current: HardState;

  constructor(memory: SharedMemory) {
    this.#record = new SwitchedRecord(memory, hardStatePlace);
    this.#current = decode(this.#record.load());
  }

  get current(): HardState {
    return this.#current;
  }

  /** Throws `RAFT_BROKEN_INVARIANT` when `next` takes back a term or a vote. */
  save(next: HardState): void {
    assertFollows(this.#current, next);
    this.#record.save(encode(next));
    this.#current = next;
  }
}

/**
 * A vote binds for its whole term (§5.2). A node that forgets it, for example when it steps down
 * within the term, can vote twice and elect two leaders; this is the last place to notice.
 */
function assertFollows(current: HardState, next: HardState): void {
  const isLaterTerm = next.currentTerm > current.currentTerm;
  const isSameTerm = next.currentTerm === current.currentTerm;
  const keepsVote = current.votedFor === undefined || current.votedFor === next.votedFor;
  const idLength = next.votedFor?.length ?? 1;
  const isStorable =
    Number.isSafeInteger(next.currentTerm) && idLength >= 1 && idLength <= nodeIdLengthMax;
  if (isStorable && (isLaterTerm || (isSameTerm && keepsVote))) return;
  throw new RaftError(
    'RAFT_BROKEN_INVARIANT',
    `term and vote ${describe(next)} after ${describe(current)}; expected a later term, or the ` +
      `same with the same vote, for an id of 1 to ${nodeIdLengthMax} characters`,
  );
}

function describe({ currentTerm, votedFor }: HardState): string {
  return `(${currentTerm}, ${votedFor ?? 'none'})`;
}

/** Cells: the term, the length of the id (0: no vote), one UTF-16 code unit each. */
function encode({ currentTerm, votedFor = '' }: HardState): number[] {
  const units = Array.from({ length: votedFor.length }, (_, at) => votedFor.charCodeAt(at));
  return [currentTerm, votedFor.length, ...units];
}

function decode([currentTerm = 0, length = 0, ...units]: readonly number[]): HardState {
  if (length === 0) return { currentTerm };
  return { currentTerm, votedFor: String.fromCharCode(...units.slice(0, length)) };
}
