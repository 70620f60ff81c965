/**
 * Raft: one node's core behind one door. `index.ts` tells the contract.
 */
import { assert } from './assert.js';
import { campaign } from './candidate.js';
import { tickElection } from './follower.js';
import { confirmDurable, isReadyDue, takeReady } from './handover.js';
import { propose, tickLeader, transferLeadership } from './leader.js';
import { holdsLease } from './lease.js';
import { compactThrough, indexLeaving, lastIndex, termAt } from './log.js';
import type { Message, NodeId } from './message.js';
import { type RaftOptions, resolveOptions } from './options.js';
import { askReadIndex } from './read-index.js';
import type {
  ProposeResult,
  RaftStatus,
  ReadIndexResult,
  Ready,
  Role,
  TransferResult,
} from './ready.js';
import { handleUnreachable } from './replication.js';
import { completeInstall, oldestTransfer, refuseInstall, restartTransfer } from './snapshot.js';
import { createState, hearsLeader, type RaftState, type SnapshotPosition } from './state.js';
import { statusOf } from './status.js';
import { step } from './step.js';

export class Raft {
  readonly #state: RaftState;

  /** Throws TypeError or RangeError when an option is out of range. Starts as a follower. */
  constructor(options: RaftOptions) {
    this.#state = createState(resolveOptions(options));
  }

  /**
   * Lets one tick pass. A caller that was stalled calls once with the number of ticks it missed:
   * timers advance by one, so that nobody is deposed for a stall of our own, and leases by all of
   * them.
   */
  tick(elapsedTicks: number = 1): void {
    const state = this.#state;
    state.timers.now += 1;
    state.timers.leaseNow += Math.max(1, elapsedTicks);
    if (state.leadership !== undefined) tickLeader(state, state.leadership);
    else tickElection(state);
  }

  /** Handles a message from a peer; one for another node is ignored. */
  step(message: Message): void {
    step(this.#state, message);
  }

  /**
   * Appends a command at the leader; elsewhere names the leader. Committed once `commitIndex` says
   * so.
   */
  propose(payload: Uint8Array): ProposeResult {
    return propose(this.#state, payload);
  }

  /**
   * Campaigns as by an election timeout now. Does nothing at a leader and at a learner, nor under
   * CheckQuorum while a leader is heard: this node has promised that leader not to (see
   * `lease.ts`); `transferLeadership` is the way to replace it.
   */
  campaign(): void {
    const state = this.#state;
    const isBound = state.options.checkQuorum && hearsLeader(state);
    if (state.role !== 'leader' && !isBound) campaign(state);
  }

  /**
   * Asks the leader to hand over to a voter. Accepted means begun; it ends after electionTicksMin.
   */
  transferLeadership(to: NodeId): TransferResult {
    return transferLeadership(this.#state, to);
  }

  /**
   * Asks up to which index this node must have applied to serve a linearizable read. The answer
   * comes as `reads` or `readsAborted` of a later `ready()`, under the id returned.
   */
  readIndex(): ReadIndexResult {
    return askReadIndex(this.#state);
  }

  /**
   * The index to serve a read at right now, when this leader's lease holds; otherwise undefined.
   */
  leaseReadIndex(): number | undefined {
    const { leadership, commitIndex } = this.#state;
    if (leadership === undefined || !holdsLease(this.#state, leadership)) return undefined;
    return commitIndex;
  }

  /** True when `ready()` would ask for something. */
  hasReady(): boolean {
    return isReadyDue(this.#state);
  }

  /** Takes the batch of everything that is to be done. */
  ready(): Ready {
    return takeReady(this.#state);
  }

  /**
   * Reports that everything handed out up to entry (index, term) and the hard state are on stable
   * storage. Without `batch` this speaks of all batches taken so far; with it of those up to that
   * one.
   */
  durable(index: number, term: number, batch: number = this.#state.handed.batch): void {
    confirmDurable(this.#state, { index, term, batch });
  }

  /**
   * Reports that a message to the peer could not be sent; appends to it pause until it is heard.
   */
  reportUnreachable(id: NodeId): void {
    const { leadership } = this.#state;
    if (leadership !== undefined) handleUnreachable(leadership, id);
  }

  /** Reports that the state machine has applied everything up to the index. */
  applied(index: number): void {
    const state = this.#state;
    assert(index <= state.commitIndex, 'only committed entries are applied');
    assert(index >= state.lastApplied, 'lastApplied never decreases');
    state.lastApplied = index;
  }

  /**
   * Forgets the metadata of entries up to the index, which must be applied, durable and in a
   * snapshot. A follower that needs one of them gets the snapshot.
   */
  compact(index: number): void {
    assert(index <= this.#state.lastApplied, 'only applied entries are compacted');
    assert(index <= this.#state.snapshot.index, 'only what is in a snapshot is compacted');
    compactThrough(this.#state.log, index);
  }

  /** Reports that the caller has a snapshot of everything up to entry (index, term). */
  snapshotTaken(index: number, term: number): void {
    const state = this.#state;
    assert(index <= state.lastApplied, 'only what was applied is in a snapshot');
    if (index > state.snapshot.index) state.snapshot = { index, term };
  }

  /**
   * Reports that the parts of a snapshot were put together, stored, and taken for the state of the
   * state machine, which has now applied everything up to `index`.
   */
  installed(index: number, term: number): void {
    completeInstall(this.#state, { index, term });
  }

  /** Reports that what was received is of no use; the leader is asked for it from the start. */
  installRefused(): void {
    refuseInstall(this.#state);
  }

  /** Reports that the snapshot that a peer is being sent is there no more. */
  snapshotGone(to: NodeId): void {
    const state = this.#state;
    const peer = state.leadership?.progress.get(to);
    if (peer !== undefined) restartTransfer(state, peer);
  }

  /**
   * The oldest snapshot that a peer is being sent which was heard lately. It is needed until it is
   * through, and the entries behind it next.
   */
  get transfer(): SnapshotPosition | undefined {
    return oldestTransfer(this.#state);
  }

  /** The newest index behind which the log still holds at least so many payload bytes. */
  indexLeaving(byteLength: number): number {
    return indexLeaving(this.#state.log, byteLength);
  }

  /** Everything that people and tests want to know, as plain data. */
  status(): RaftStatus {
    return statusOf(this.#state);
  }

  /** Term of the entry at the index; undefined outside what is held. */
  termAt(index: number): number | undefined {
    return termAt(this.#state.log, index);
  }

  get role(): Role {
    return this.#state.role;
  }

  get currentTerm(): number {
    return this.#state.currentTerm;
  }

  get leaderId(): NodeId | undefined {
    return this.#state.leaderId;
  }

  get commitIndex(): number {
    return this.#state.commitIndex;
  }

  get lastLogIndex(): number {
    return lastIndex(this.#state.log);
  }

  /** Everything up to here is on stable storage at this node. */
  get stableIndex(): number {
    return this.#state.log.stableIndex;
  }

  get replicatedByAll(): number {
    return this.#state.replicatedByAll;
  }
}
