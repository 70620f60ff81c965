/** The follower's side of InstallSnapshot (§7): parts become a snapshot, and that the state. */
import type { Raft, SnapshotPart } from '../raft/index.js';
import type { SnapshotSink, Storage } from '../storage/storage.js';
import type { StateIntake } from '../store/state-image.js';
import type { StateMachine } from '../store/state-machine.js';

export interface SnapshotInstallOptions {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly machine: StateMachine;
  /** The state stands at `index` now. */
  readonly onInstalled: (index: number) => void;
}

/** A snapshot that is coming: what is stored of it has been read, too. */
interface Coming {
  readonly sink: SnapshotSink;
  readonly intake: StateIntake;
}

/**
 * The state is made of each part as it comes, so that the last one leaves little to do: a node that
 * is busy for longer than an election timeout would be missed.
 */
export class SnapshotInstall {
  readonly #options: SnapshotInstallOptions;
  #coming: Coming | undefined;

  constructor(options: SnapshotInstallOptions) {
    this.#options = options;
  }

  /** Stores a part; the last one makes the snapshot the state of this node. */
  take({ snapshotIndex: index, snapshotTerm: term, offset, bytes, isLast }: SnapshotPart): void {
    const { raft, storage, machine, onInstalled } = this.#options;
    if (offset === 0) {
      this.#coming = {
        sink: storage.beginSnapshot({ index, term }),
        intake: machine.restore(),
      };
    }
    const coming = this.#coming;
    if (coming === undefined || coming.sink.write(bytes) === 'full') {
      this.#refuse();
      return;
    }
    coming.intake.write(bytes);
    if (!isLast) return;
    if (coming.sink.finish() === 'full') {
      this.#refuse();
      return;
    }
    this.#coming = undefined;
    coming.intake.finish();
    onInstalled(index);
    raft.installed(index, term);
  }

  #refuse(): void {
    this.#coming = undefined;
    this.#options.raft.installRefused();
  }
}
