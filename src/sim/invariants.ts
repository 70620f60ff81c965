/**
 * What must hold after every turn of a node, whatever the faults: the safety properties of Figure 3
 * and what follows from them for durability and for numbers that never go back.
 *
 * Each check looks at what the turn has changed, so it costs little and runs always.
 */
import type { Message } from '../raft/index.js';
import { decodeMessage, messageCode } from '../replica/wire.js';
import type { SimFrame } from './inbox.js';
import { Ledger, type Report } from './ledger.js';
import type { SimNode } from './node.js';

/** What a node was seen to be at its last turn. */
interface Sight {
  incarnation: number;
  currentTerm: number;
  commitIndex: number;
  lastApplied: number;
  frames: number;
  /** The newest term that it was seen to lead. */
  ledTerm: number;
  /** Of a leader, in this term: what each peer has. */
  matches: Map<string, number>;
}

/** Wants to be told of everything that a node shows. */
export class Invariants {
  readonly ledger: Ledger;
  readonly #nodes: readonly SimNode[];
  readonly #report: Report;
  readonly #sights = new Map<SimNode, Sight>();

  constructor(nodes: readonly SimNode[], report: Report) {
    this.#nodes = nodes;
    this.#report = report;
    this.ledger = new Ledger(report);
  }

  /** A node has done a turn. */
  turned(node: SimNode): void {
    const { life, storage } = node;
    if (life === undefined || storage === undefined) return;
    const { raft, replica, machine } = life;
    const sight = this.#sightOf(node);
    const { currentTerm, commitIndex } = raft;
    const { lastApplied } = replica;
    this.#rises(node, 'current term', sight.currentTerm, currentTerm);
    this.#rises(node, 'commit index', sight.commitIndex, commitIndex);
    this.#rises(node, 'last applied', sight.lastApplied, lastApplied);
    if (currentTerm > sight.currentTerm) sight.matches.clear();
    sight.currentTerm = currentTerm;
    if (raft.role === 'leader') {
      this.ledger.lead(node.id, currentTerm, storage);
      this.#ownVoteIsStored(node, currentTerm);
      if (node.frames > sight.frames) this.#matchesRise(node, sight);
      sight.frames = node.frames;
      const isCommit = sight.ledTerm === currentTerm && commitIndex > sight.commitIndex;
      if (isCommit && raft.termAt(commitIndex) !== currentTerm) {
        const text = `${node.id} counts copies of ${commitIndex}, of an older term than its own`;
        this.#report('entries of older terms are not committed by counting', text);
      }
      sight.ledTerm = currentTerm;
    }
    if (commitIndex > sight.commitIndex) this.#committed(node, sight.commitIndex);
    sight.commitIndex = commitIndex;
    if (lastApplied > sight.lastApplied) {
      sight.lastApplied = lastApplied;
      if (this.ledger.isCompared(lastApplied)) {
        this.ledger.apply(node.id, lastApplied, machine.digest());
      }
    }
    const isOrdered =
      storage.firstIndex - 1 <= storage.snapshotIndex &&
      storage.snapshotIndex <= lastApplied &&
      lastApplied <= commitIndex &&
      commitIndex <= raft.lastLogIndex;
    if (!isOrdered) {
      const numbers = [
        storage.firstIndex - 1,
        storage.snapshotIndex,
        lastApplied,
        commitIndex,
        raft.lastLogIndex,
      ];
      this.#report(
        'purged <= snapshot <= applied <= commit <= last',
        `${node.id} has ${numbers.join(', ')}`,
      );
    }
  }

  /** A node has sent a frame: what it promises must be on its disk. */
  sent(node: SimNode, frame: SimFrame, nameOf: (actor: number) => string): void {
    const { kind } = frame;
    const isPromise =
      kind === messageCode['append-entries-response'] ||
      kind === messageCode['request-vote-response'] ||
      kind === messageCode['request-vote'];
    if (!isPromise) return;
    const message = decodeMessage(frame, node.id, nameOf(frame.destination));
    if (message !== undefined) this.#promised(node, message);
  }

  /** A leader has voted for itself, and must not vote for another after a crash. */
  #ownVoteIsStored(node: SimNode, term: number): void {
    const { currentTerm, votedFor } = node.disk.durable.hardState;
    if (currentTerm > term || (currentTerm === term && votedFor === node.id)) return;
    const found = `its disk has ${currentTerm}, ${votedFor ?? 'nobody'}`;
    this.#report('a vote is durable', `${node.id} leads term ${term}, ${found}`);
  }

  #promised(node: SimNode, message: Message): void {
    const { durable } = node.disk;
    if (message.kind === 'append-entries-response') {
      // A promise to the leader of an older term may speak of entries that were replaced since.
      const isCurrent = message.term >= durable.hardState.currentTerm;
      if (message.success && isCurrent && message.matchIndex > durable.lastIndex) {
        const found = `its disk has ${durable.lastIndex}`;
        const text = `${node.id} acknowledges ${message.matchIndex}, ${found}`;
        this.#report('acknowledged is durable', text);
      }
      return;
    }
    const isGrant = message.kind === 'request-vote-response' && message.granted;
    if (!isGrant && message.kind !== 'request-vote') return;
    const candidate = isGrant ? message.to : node.id;
    this.ledger.vote(node.id, candidate, message.term);
    const { currentTerm, votedFor } = durable.hardState;
    const isStored = currentTerm > message.term || votedFor === candidate;
    if (currentTerm < message.term || !isStored) {
      const found = `its disk has ${currentTerm}, ${votedFor ?? 'nobody'}`;
      const text = `${node.id} votes ${candidate} in ${message.term}, ${found}`;
      this.#report('a vote is durable', text);
    }
  }

  #committed(node: SimNode, before: number): void {
    const { life } = node;
    if (life === undefined) return;
    const { raft } = life;
    const known = this.ledger.commitIndex;
    for (let index = before + 1; index <= raft.commitIndex; index += 1) {
      const term = raft.termAt(index);
      if (term !== undefined) this.ledger.commit(node.id, { index, term }, raft.currentTerm);
    }
    if (this.ledger.commitIndex > known) this.#isOnQuorum(node, raft.commitIndex);
  }

  /** Log Matching vouches for all entries before it. */
  #isOnQuorum(node: SimNode, index: number): void {
    const term = this.ledger.committedTerm(index);
    const holders = this.#nodes.filter(({ disk: { durable } }) => {
      return durable.termAt(index) === term || durable.snapshotIndex >= index;
    });
    if (2 * holders.length > this.#nodes.length) return;
    const held = holders.map(({ id }) => id).join(', ') || 'nobody';
    const text = `${node.id} commits ${index}, which ${held} of ${this.#nodes.length} have stored`;
    this.#report('committed is on a quorum', text);
  }

  #matchesRise(node: SimNode, sight: Sight): void {
    const progress = node.life?.raft.status().progress ?? {};
    for (const [id, { matchIndex, nextIndex }] of Object.entries(progress)) {
      const before = sight.matches.get(id) ?? 0;
      if (matchIndex < before) this.#rises(node, `match index of ${id}`, before, matchIndex);
      sight.matches.set(id, matchIndex);
      if (nextIndex <= matchIndex) {
        const text = `${node.id} has ${matchIndex} and ${nextIndex} for ${id}`;
        this.#report('match index < next index', text);
      }
    }
  }

  #rises(node: SimNode, what: string, before: number, after: number): void {
    if (after >= before) return;
    this.#report(`${what} never decreases`, `${node.id} goes from ${before} to ${after}`);
  }

  #sightOf(node: SimNode): Sight {
    const known = this.#sights.get(node);
    if (known?.incarnation === node.incarnation) return known;
    const sight = {
      incarnation: node.incarnation,
      currentTerm: 0,
      commitIndex: 0,
      lastApplied: 0,
      frames: 0,
      ledTerm: 0,
      matches: new Map(),
    };
    this.#sights.set(node, sight);
    return sight;
  }
}
