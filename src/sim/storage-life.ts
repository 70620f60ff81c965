/**
 * The storage of one life of a node, which remembers what it was given until a sync has made it
 * durable: what the node believes, beside what a crash would leave.
 *
 *     replica ──change──> the storage of this life          (what the node believes)
 *                  └────> writes not synced ──sync──> mirror (what is durable)
 */
import { isRaftError } from '../errors.js';
import type { Entry, EntryHeader, HardState } from '../raft/index.js';
import type {
  Snapshot,
  SnapshotName,
  SnapshotSink,
  Storage,
  StorageResult,
  StoredPayload,
} from '../storage/index.js';

/** Sees what a node does with its storage. */
export interface StorageWatch {
  /** Entries are about to be written. */
  append(entries: readonly Entry[], storage: Storage): void;
  /** A new life has opened what an earlier one left. */
  recovered(storage: Storage): void;
  /** Something happened that a run should come to now and then. */
  reached(what: string): void;
}

/** What changes when something becomes durable. */
export type Mirror = Pick<Storage, 'saveHardState' | 'append' | 'trim' | 'saveSnapshot'>;

/** A change that is durable once it was done to the mirror. */
export type Write = (mirror: Mirror) => unknown;

export interface LifeOptions {
  readonly live: Storage;
  readonly mirror: Mirror;
  readonly watch: StorageWatch;
  /** False if what is written is durable at once; the mirror is not touched then. */
  readonly isDelayed: boolean;
  /** What becomes durable as a whole of an append: copies that outlive the call. */
  readonly pieces: (entries: readonly Entry[]) => readonly (readonly Entry[])[];
  /** Calls `done` once everything is durable; `isClean`: nothing was written since. */
  readonly sync: (isClean: boolean, done: () => void) => void;
  readonly ended: () => void;
}

export class StorageLife implements Storage {
  readonly #options: LifeOptions;
  readonly #live: Storage;
  /** Oldest first; the first one is number `#synced` of this life. */
  #writes: Write[] = [];
  #synced = 0;
  #isEnded = false;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#live = options.live;
  }

  /** Writes that are not durable. */
  get pending(): number {
    return this.#writes.length;
  }

  get hardState(): HardState {
    return this.#live.hardState;
  }

  get snapshotIndex(): number {
    return this.#live.snapshotIndex;
  }

  get snapshotTerm(): number {
    return this.#live.snapshotTerm;
  }

  get firstIndex(): number {
    return this.#live.firstIndex;
  }

  get lastIndex(): number {
    return this.#live.lastIndex;
  }

  get usage(): Storage['usage'] {
    return this.#live.usage;
  }

  headers(): EntryHeader[] {
    return this.#live.headers();
  }

  termAt(index: number): number | undefined {
    return this.#live.termAt(index);
  }

  payload(index: number): StoredPayload {
    return this.#live.payload(index);
  }

  loadSnapshot(): Snapshot | undefined {
    return this.#live.loadSnapshot();
  }

  keepSnapshot(name: SnapshotName | undefined): void {
    this.#live.keepSnapshot(name);
  }

  snapshotPart(
    ...wanted: Parameters<Storage['snapshotPart']>
  ): ReturnType<Storage['snapshotPart']> {
    return this.#live.snapshotPart(...wanted);
  }

  saveHardState(hardState: HardState): void {
    this.#change(
      (mirror) => mirror.saveHardState(hardState),
      () => this.#live.saveHardState(hardState),
    );
  }

  append(entries: readonly Entry[]): StorageResult {
    const { watch, isDelayed, pieces } = this.#options;
    watch.append(entries, this.#live);
    const writes = isDelayed ? pieces(entries) : [];
    return this.#change(
      writes.map((piece) => (mirror) => mirror.append(piece)),
      () => this.#live.append(entries),
    );
  }

  trim(index: number): void {
    const { firstIndex } = this.#live;
    this.#change(
      (mirror) => mirror.trim(index),
      () => this.#live.trim(index),
    );
    if (this.#live.firstIndex > firstIndex) this.#options.watch.reached('log trimmed');
  }

  saveSnapshot(snapshot: Snapshot): StorageResult {
    const sink = this.beginSnapshot(snapshot);
    return sink.write(snapshot.bytes) === 'full' ? 'full' : sink.finish();
  }

  beginSnapshot({ index, term }: SnapshotName): SnapshotSink {
    const sink = this.#live.beginSnapshot({ index, term });
    const gathered: Uint8Array[] = [];
    return {
      get isAbandoned(): boolean {
        return sink.isAbandoned;
      },
      write: (bytes) => {
        if (this.#options.isDelayed) gathered.push(Uint8Array.from(bytes));
        return sink.write(bytes);
      },
      finish: () => {
        const continues = this.#live.termAt(index) === term;
        const bytes = Buffer.concat(gathered);
        const result = this.#change(
          (mirror) => mirror.saveSnapshot({ index, term, bytes }),
          () => sink.finish(),
        );
        if (result === 'ok')
          this.#options.watch.reached(continues ? 'snapshot taken' : 'snapshot installed');
        return result;
      },
      abandon: () => sink.abandon(),
    };
  }

  sync(done: () => void): void {
    const through = this.#synced + this.#writes.length;
    this.#options.sync(this.#writes.length === 0, () => {
      if (this.#isEnded) return;
      this.#write(through);
      done();
    });
  }

  maintain(): void {
    this.#live.maintain();
  }

  close(): void {
    this.#live.close();
  }

  /** The life is over. Of what was not synced the mirror gets the first `kept` writes. */
  end(kept: number): void {
    if (this.#isEnded) return;
    this.#write(this.#synced + kept);
    this.#isEnded = true;
    this.#writes = [];
    this.#options.ended();
  }

  /** The life is over, and this is what was not synced. */
  abort(): readonly Write[] {
    const writes = this.#writes;
    this.end(0);
    return writes;
  }

  /**
   * Makes a change that will be durable later. One that fails half way may have been stored; one
   * that is refused was not.
   */
  #change<T>(writes: Write | readonly Write[], act: () => T): T {
    if (!this.#options.isDelayed) return act();
    const before = this.#writes.length;
    this.#writes.push(...(typeof writes === 'function' ? [writes] : writes));
    try {
      const result = act();
      if (result === 'full') this.#writes.length = before;
      return result;
    } catch (error) {
      if (!isRaftError(error, 'RAFT_STORAGE_FAILED')) this.#writes.length = before;
      throw error;
    }
  }

  #write(through: number): void {
    const count = through - this.#synced;
    // A later sync may have been quicker.
    if (count <= 0) return;
    for (const write of this.#writes.splice(0, count)) write(this.#options.mirror);
    this.#synced = through;
  }
}
