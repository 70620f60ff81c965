/**
 * Saves the state from time to time, a piece in each turn, and forgets the part of the log that is
 * of no more use.
 *
 *      1, 2, …       trimmed │ trailing log, for followers that lag │ not in a snapshot yet
 *                                                            snapshotIndex
 */
import type { Raft } from '../raft/index.js';
import type { SnapshotSink, Storage } from '../storage/storage.js';
import type { StateImage } from '../store/state-image.js';
import type { StateMachine } from '../store/state-machine.js';
import { type SnapshotOrder, stateTooLarge } from './snapshot-order.js';

export interface CheckpointOptions {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly machine: StateMachine;
  /** Log bytes after which the state is saved. */
  readonly checkpointBytes: number;
  /** What of the log proposals may fill: all but the reserve. */
  readonly room: { readonly bytes: number; readonly entries: number };
}

/** A state that is being saved. */
interface Saving {
  readonly index: number;
  readonly term: number;
  readonly sink: SnapshotSink;
  readonly image: StateImage;
  readonly orders: readonly SnapshotOrder[];
  byteLength: number;
}

/** So much log is read and applied in a few ms. */
const hastenBytes = 2 ** 20;
/** Pieces of one turn at most: each of them takes up to a few ms. */
const piecesMax = 4;

export class Checkpoint {
  readonly #options: CheckpointOptions;
  #bytesSince = 0;
  #entriesSince = 0;
  #saving: Saving | undefined;
  #orders: SnapshotOrder[] = [];

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** Whether the state is being saved. */
  get isSaving(): boolean {
    return this.#saving !== undefined;
  }

  /** An entry was applied. */
  note(byteLength: number): void {
    this.#bytesSince += byteLength;
    this.#entriesSince += 1;
  }

  /** The state is another one: it came with a snapshot. */
  forget(): void {
    this.#saving?.sink.abandon();
    this.#giveUp();
    this.#bytesSince = 0;
    this.#entriesSince = 0;
  }

  /** The next snapshot that covers what the order wants is written to its file, too, and soon. */
  order(order: SnapshotOrder): void {
    this.#orders.push(order);
  }

  /** Nobody waits any longer for these orders. */
  cancelOrders(reason: Error, isMeant: (order: SnapshotOrder) => boolean = () => true): void {
    for (const order of [...this.#orders, ...(this.#saving?.orders ?? [])]) {
      if (isMeant(order)) order.fail(reason);
    }
    this.#orders = this.#orders.filter((order) => !isMeant(order));
  }

  /** Does a piece of the work that is due at `lastApplied`; true when there is more. */
  step(lastApplied: number): boolean {
    const { raft, storage } = this.#options;
    // What is on its way to a follower arrives, however many snapshots are taken meanwhile: if each
    // of them made it begin again, a short log could keep it from ever coming back.
    storage.keepSnapshot(raft.transfer);
    if (this.#saving === undefined && (this.#isDue() || this.#isOrdered(lastApplied))) {
      this.#begin(lastApplied);
    }
    return this.#saving !== undefined && this.#write(this.#saving);
  }

  /**
   * As `step`, although it may not be due yet: for a node that is about to close, so that its next
   * life is spared the log. A short log is no trouble to it.
   */
  hasten(lastApplied: number): boolean {
    if (this.#saving === undefined && this.#bytesSince >= hastenBytes) this.#begin(lastApplied);
    return this.#saving !== undefined && this.#write(this.#saving);
  }

  /**
   * Forgets what is in a snapshot and what no follower is likely to need: what all of them hold,
   * and beyond that what is more than a quarter of the room. Whoever lags further gets a snapshot.
   */
  trim(): void {
    const { raft, storage } = this.#options;
    const index = Math.min(
      storage.snapshotIndex,
      raft.stableIndex,
      Math.max(raft.replicatedByAll, this.#trailingIndex()),
      this.#neededIndex(),
    );
    if (index < storage.firstIndex) return;
    storage.trim(index);
    raft.compact(index);
  }

  #trailingIndex(): number {
    const { raft, storage, room } = this.#options;
    const byCount = storage.lastIndex - Math.floor(room.entries / 4);
    return Math.max(raft.indexLeaving(Math.floor(room.bytes / 4)), byCount);
  }

  /** A follower that gets a snapshot needs what comes behind it, as long as there is room. */
  #neededIndex(): number {
    const { transfer } = this.#options.raft;
    return transfer === undefined || this.#isCrowded ? Number.POSITIVE_INFINITY : transfer.index;
  }

  get #isCrowded(): boolean {
    const { storage, room } = this.#options;
    const { logBytes, entries } = storage.usage;
    return logBytes > room.bytes / 2 || entries > room.entries / 2;
  }

  /**
   * Saving costs as much as the state is large, so a state that has grown beyond the interval waits
   * longer: the work for each byte applied stays constant. A log that fills up cannot wait: once it
   * takes no entry any more, nothing is applied that would make a snapshot due.
   */
  #isDue(): boolean {
    const { raft, storage, checkpointBytes, room } = this.#options;
    const patience = Math.min(2 * storage.usage.snapshotBytes, room.bytes / 4);
    const isDue =
      this.#bytesSince >= Math.max(checkpointBytes, patience) ||
      this.#entriesSince >= room.entries / 4;
    const relieves = this.#bytesSince >= room.bytes / 8 || this.#entriesSince >= room.entries / 8;
    // While one is under way to a follower, another takes room beside it.
    return this.#isCrowded ? relieves : isDue && raft.transfer === undefined;
  }

  #isOrdered(lastApplied: number): boolean {
    return this.#orders.some(({ options }) => options.minIndex <= lastApplied);
  }

  #begin(index: number): void {
    const { storage, machine } = this.#options;
    const term = storage.termAt(index) ?? 0;
    const sink = storage.beginSnapshot({ index, term });
    const orders = this.#orders.filter(({ options }) => options.minIndex <= index);
    this.#orders = this.#orders.filter((order) => !orders.includes(order));
    this.#saving = { index, term, sink, image: machine.snapshot(), orders, byteLength: 0 };
    for (const order of orders) order.begin({ index, term });
    this.#bytesSince = 0;
    this.#entriesSince = 0;
  }

  #write(saving: Saving): boolean {
    const { image, sink } = saving;
    if (sink.isAbandoned) return this.#giveUp();
    // As much as was applied meanwhile, or the log could fill up before the state is saved.
    for (let pieces = 1; ; pieces += 1) {
      const piece = image.next();
      if (piece === undefined) break;
      // A state that is too large to be saved keeps its log: nothing is lost, the log fills up.
      if (sink.write(piece) === 'full') {
        for (const order of saving.orders) order.fail(stateTooLarge());
        return this.#end();
      }
      for (const order of saving.orders) order.write(piece);
      saving.byteLength += piece.byteLength;
      if (saving.byteLength >= this.#bytesSince || pieces === piecesMax) return true;
    }
    const { index, term, orders } = saving;
    if (sink.finish() === 'ok') this.#options.raft.snapshotTaken(index, term);
    for (const order of orders) order.finish({ index, term });
    this.#end();
    this.trim();
    return false;
  }

  /** Another snapshot takes the place of this one: who ordered it gets a later one. */
  #giveUp(): false {
    this.#orders.push(...(this.#saving?.orders ?? []));
    return this.#end();
  }

  #end(): false {
    this.#saving?.image.close();
    this.#saving = undefined;
    return false;
  }
}
