/** The follower's side of InstallSnapshot (§7): parts become a snapshot, and that the state. */
import type { Raft, SnapshotPart } from '../raft/index.js';
import type { SnapshotSink, Storage } from '../storage/storage.js';
import type { StateMachine } from '../store/state-machine.js';

export interface SnapshotInstallOptions {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly machine: StateMachine;
  /** The state stands at `index` now. */
  readonly onInstalled: (index: number) => void;
}

export class SnapshotInstall {
  readonly #options: SnapshotInstallOptions;
  #sink: SnapshotSink | undefined;

  constructor(options: SnapshotInstallOptions) {
    this.#options = options;
  }

  /** Stores a part; the last one makes the snapshot the state of this node. */
  take({ snapshotIndex: index, snapshotTerm: term, offset, bytes, isLast }: SnapshotPart): void {
    const { raft, storage } = this.#options;
    if (offset === 0) this.#sink = storage.beginSnapshot({ index, term });
    const sink = this.#sink;
    if (sink === undefined || sink.write(bytes) === 'full') {
      raft.installRefused();
      return;
    }
    if (!isLast) return;
    this.#sink = undefined;
    if (sink.finish() === 'full') raft.installRefused();
    else this.#adopt(index, term);
  }

  #adopt(index: number, term: number): void {
    const { raft, storage, machine, onInstalled } = this.#options;
    const snapshot = storage.loadSnapshot();
    if (snapshot === undefined || snapshot.index !== index) {
      throw new Error(`the snapshot of entry ${index} was saved and is not there`);
    }
    machine.restore(snapshot.bytes);
    onInstalled(index);
    raft.installed(index, term);
  }
}
