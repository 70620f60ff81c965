/**
 * The invariants that hold after every delivery, whatever the network and the disks do. A violation
 * throws and so fails the test that caused it.
 */
import type { NodeId, Ready } from '../../../src/raft/index.js';
import { decode, type TestNode } from './node.js';

interface Seen {
  incarnation: number;
  storedTerm: number;
  currentTerm: number;
  commitIndex: number;
  lastApplied: number;
}

interface Committed {
  readonly term: number;
  readonly text: string;
  /** The term in which it was committed, which may be later than its own. */
  readonly inTerm: number;
}

export class Invariants {
  /** Every entry that any node ever took as committed. */
  readonly committed: Map<number, Committed> = new Map();
  readonly #nodes: ReadonlyMap<NodeId, TestNode>;
  readonly #voters: readonly NodeId[];
  readonly #leaders: Map<number, NodeId> = new Map();
  readonly #votes: Map<string, NodeId> = new Map();
  readonly #seen: Map<NodeId, Seen> = new Map();
  readonly #matches: Map<string, number> = new Map();
  /** `index/term` to the term before and the payload: by induction this is Log Matching. */
  readonly #entries: Map<string, string> = new Map();

  constructor(nodes: ReadonlyMap<NodeId, TestNode>, voters: readonly NodeId[]) {
    this.#nodes = nodes;
    this.#voters = voters;
  }

  /** Highest index that is committed anywhere. */
  get commitIndex(): number {
    return this.committed.size;
  }

  /** A node hands out entries: each is the same wherever it turns up (Log Matching). */
  noteReady(node: TestNode, { entries }: Ready): void {
    for (const { index, term, payload } of entries) {
      const previous = node.raft.termAt(index - 1);
      const key = `${index}/${term}`;
      const value = `${previous}|${decode(payload)}`;
      const known = this.#entries.get(key);
      check(known === undefined || known === value, `${key} is one entry: ${known}, ${value}`);
      this.#entries.set(key, value);
    }
  }

  /** A node may have changed. */
  check(node: TestNode): void {
    if (!node.isRunning) return;
    const { id, raft } = node;
    const status = raft.status();
    const { currentTerm, commitIndex, lastApplied, votedFor } = status;
    const seen = this.#seen.get(id);
    const { hardState } = node.disk;
    check((seen?.storedTerm ?? 0) <= hardState.currentTerm, `${id}: the stored term goes back`);
    check(hardState.currentTerm <= currentTerm, `${id}: stored term <= term`);
    if (seen?.incarnation === node.incarnation) {
      check(seen.currentTerm <= currentTerm, `${id}: the term never goes back`);
      check(seen.commitIndex <= commitIndex, `${id}: commitIndex never goes back`);
      check(seen.lastApplied <= lastApplied, `${id}: lastApplied never goes back`);
    }
    check(lastApplied <= commitIndex, `${id}: applied <= commit`);
    check(commitIndex <= status.lastLogIndex, `${id}: commit <= last`);
    check(status.firstLogIndex - 1 <= lastApplied, `${id}: compacted <= applied`);
    if (votedFor !== undefined) this.#checkVote(id, currentTerm, votedFor);
    if (status.role === 'leader') this.#checkLeader(node, status);
    const commitBefore = seen?.incarnation === node.incarnation ? seen.commitIndex : 0;
    this.#checkCommitted(node, { from: commitBefore, to: commitIndex, inTerm: currentTerm });
    this.#seen.set(id, {
      incarnation: node.incarnation,
      storedTerm: hardState.currentTerm,
      currentTerm,
      commitIndex,
      lastApplied,
    });
  }

  #checkVote(id: NodeId, term: number, votedFor: NodeId): void {
    const key = `${id}@${term}`;
    const known = this.#votes.get(key) ?? votedFor;
    // A vote that was never stored may be given anew after a crash, so only stored ones bind.
    const node = this.#nodes.get(id);
    const stored = node?.disk.hardState;
    check(known === votedFor, `${key}: voted for ${known} and for ${votedFor}`);
    if (stored?.currentTerm === term && stored.votedFor !== undefined) {
      this.#votes.set(key, stored.votedFor);
    }
  }

  #checkLeader(node: TestNode, status: ReturnType<TestNode['raft']['status']>): void {
    const { id, currentTerm, progress = {} } = status;
    const known = this.#leaders.get(currentTerm);
    check(known === undefined || known === id, `term ${currentTerm}: led by ${known} and ${id}`);
    if (known === undefined) {
      this.#leaders.set(currentTerm, id);
      for (const [index, { term, inTerm }] of this.committed) {
        // §5.4.3 is about leaders of later terms: late votes may still elect one of an earlier.
        if (index < status.firstLogIndex || inTerm > currentTerm) continue;
        check(node.raft.termAt(index) === term, `leader ${id} of ${currentTerm} lacks ${index}`);
      }
    }
    for (const [peer, { matchIndex, nextIndex }] of Object.entries(progress)) {
      const key = `${currentTerm}/${id}/${peer}`;
      check(matchIndex < nextIndex, `${key}: matchIndex < nextIndex`);
      check((this.#matches.get(key) ?? 0) <= matchIndex, `${key}: matchIndex never goes back`);
      this.#matches.set(key, matchIndex);
      const follower = this.#nodes.get(peer);
      // An answer of its term may reach a leader that is deposed when a later one has taken the
      // entry away again.
      if ((follower?.disk.hardState.currentTerm ?? 0) > currentTerm) continue;
      const own = node.raft.termAt(matchIndex);
      const theirs = follower?.durableTermAt(matchIndex);
      if (own === undefined || theirs === undefined) continue;
      check(own === theirs, `${key}: matchIndex ${matchIndex} was never verified`);
    }
  }

  #checkCommitted(
    node: TestNode,
    { from, to, inTerm }: { from: number; to: number; inTerm: number },
  ): void {
    for (let index = from + 1; index <= to; index += 1) {
      const entry = node.entry(index);
      if (entry === undefined) continue; // Compacted.
      const { term } = entry;
      const text = decode(entry.payload);
      const known = this.committed.get(index);
      if (known === undefined) {
        const holders = this.#voters.filter(
          (id) => this.#nodes.get(id)?.durableTermAt(index) === term,
        );
        const isMajority = holders.length * 2 > this.#voters.length;
        check(isMajority, `${index}/${term} is committed and stored on ${holders} only`);
        this.committed.set(index, { term, text, inTerm });
      } else {
        const isSame = known.term === term && known.text === text;
        check(isSame, `${index} was committed as ${known.text} and as ${text} at ${node.id}`);
      }
    }
  }
}

function check(condition: boolean, invariant: string): void {
  if (!condition) throw new Error(`invariant: ${invariant}`);
}
