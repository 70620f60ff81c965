/**
 * A node as an actor: what its worker thread runs. It opens the storage that its predecessor left,
 * and joins mailbox, time and replica.
 */
import { runActor } from '../actor/actor.js';
import type { ActorContext, Behavior } from '../actor/context.js';
import type { Frame } from '../actor/mailbox.js';
import { actorRef } from '../actor/ref.js';
import { supervisorId } from '../actor/space.js';
import { systemClock } from '../clock.js';
import { type ErrorRecord, isRaftError, RaftError } from '../errors.js';
import type { Raft, Ready } from '../raft/index.js';
import type { DiskFaults } from '../storage/faulty.js';
import { nodeFileSystem } from '../storage/file-system.js';
import type { MachineName } from '../storage/identity.js';
import type { Storage } from '../storage/storage.js';
import { MachineHost } from '../store/machine-host.js';
import type { StateMachine } from '../store/state-machine.js';
import { type BootedReplica, bootReplica, type ReplicaRecord, TickCounter } from './boot.js';
import type { Exchange } from './channel.js';
import { GaugeBoard } from './gauges.js';
import { loadMachine } from './machine-module.js';
import {
  isStorageFailure,
  type NodeStorage,
  type OpenedStorage,
  openNodeStorage,
} from './node-storage.js';
import { packRefusal, RefusedNode, type StorageNotice } from './refused-node.js';
import {
  type ExportedSnapshot,
  SnapshotOrder,
  type SnapshotOrderOptions,
} from './snapshot-order.js';
import { imageOf, Tape } from './tape.js';
import { openTapeFile, tapeName } from './tape-file.js';
import { type TurnReport, TurnWatch } from './turn-watch.js';

/** What a node is started with. Structured-cloneable. */
export interface NodeRecord extends ReplicaRecord {
  readonly storage: NodeStorage;
  readonly gauges: SharedArrayBuffer;
  /** The unit of the core's timers, in ms. */
  readonly tickMs: number;
  /** Where a tape of each life goes. Default: none is made. */
  readonly recordTo?: Recording;
  /** The URL of the module with the machine of the user's; absent for the key-value store. */
  readonly machineUrl?: string;
}

export interface Recording {
  readonly directory: string;
  /** What all tapes of one cluster have in common. */
  readonly run: string;
}

/** What a node tells its supervisor when role, leader or term changed. */
export interface LeadershipNotice extends NonNullable<Ready['leadership']> {
  readonly kind: 'leadership';
  readonly nodeId: string;
}

/** What the supervisor's side understands. */
export type ClusterHandlers = {
  readonly leadership: (notice: LeadershipNotice) => void;
  readonly storage: (notice: StorageNotice) => void;
};

/** The last entry of a node's log. */
export interface LogEnd {
  readonly index: number;
  readonly term: number;
}

/** What the cluster may call in a node. */
export interface NodeControl {
  inspect(): { lastApplied: number; digest: string; keys: number };
  transferLeadership(to: string): ReturnType<Raft['transferLeadership']>;
  campaign(): void;
  logEnd(): LogEnd;
  /** Of the newest snapshot. */
  snapshotBytes(): number;
  /** What kept the node busy since the last call; the first one begins to look. */
  turns(): TurnReport;
  /** Why the node does not serve, if its storage or its state machine could not be opened. */
  refusal(): ErrorRecord | undefined;
  /** Writes the state to a file; rejects with `RAFT_STORAGE_FAILED`. */
  exportSnapshot(order: SnapshotOrderOptions): Promise<ExportedSnapshot>;
  /** Nobody waits any longer for the file. */
  cancelExport(partPath: string): void;
  /** From now on the disk of this node fails like this; false if it has none. */
  failDisk(faults: DiskFaults): boolean;
}

/** Ends only with the thread. */
export function runNode(): Promise<void> {
  return runActor<NodeRecord>(startNode);
}

function startNode(context: ActorContext<NodeRecord>): Behavior | Promise<Behavior> {
  const { machineUrl, store } = context.data;
  if (machineUrl === undefined) return openNode(context);
  return loadMachine(machineUrl).then(
    (machine) => {
      const { name } = machine;
      const host = new MachineHost(machine, store);
      return openNode(context, { host, name: { kind: 'own', ...(name ? { name } : {}) } });
    },
    (error: unknown) => new RefusedNode(context, packRefusal(error)),
  );
}

/** A machine of the user's, and how it is called. */
interface OwnMachine {
  readonly host: StateMachine;
  readonly name: MachineName;
}

/**
 * A node whose storage or state machine cannot be opened lives on to say so, and does nothing else.
 */
function openNode(context: ActorContext<NodeRecord>, own?: OwnMachine): Behavior {
  try {
    return new Node(context, own);
  } catch (error) {
    if (mustRefuse(error)) return new RefusedNode(context, packRefusal(error));
    throw error;
  }
}

/** A node that closes takes no longer than this to save its state. */
const savingMsMax = 250;

/** What another start of the thread would not mend. */
function mustRefuse(error: unknown): boolean {
  return isStorageFailure(error) || isRaftError(error, 'RAFT_MACHINE_FAILED');
}

class Node implements Behavior {
  readonly #context: ActorContext<NodeRecord>;
  readonly #booted: BootedReplica;
  readonly #tape: Tape | undefined;
  readonly #board: GaugeBoard;
  readonly #timer: NodeJS.Timeout;
  readonly #ticks: TickCounter;
  readonly #storage: Storage;
  readonly #disk: OpenedStorage['disk'];
  #watch: TurnWatch | undefined;
  /** Takes over when the storage, or a machine of the user's, has failed. */
  #refused: RefusedNode | undefined;

  constructor(context: ActorContext<NodeRecord>, own?: OwnMachine) {
    const { members, gauges, tickMs, storage } = context.data;
    this.#context = context;
    const name = own?.name ?? { kind: 'store' };
    const opened = openNodeStorage(storage, name, () => systemClock.nowMs());
    this.#storage = opened.storage;
    this.#disk = opened.disk;
    this.#tape = openTape(context);
    this.#booted = this.#boot(opened.storage, own?.host);
    this.#board = new GaugeBoard(
      gauges,
      members.map(({ id }) => id),
    );
    // What the life before has left there would show a leader that is none.
    this.#board.write(this.#booted.replica.gauges);
    this.#ticks = new TickCounter(tickMs, systemClock.nowMs());
    this.#timer = setInterval(() => {
      if (this.turn()) context.wake();
    }, tickMs);
  }

  turn(): boolean {
    if (this.#refused) return this.#refused.turn();
    try {
      return this.#watch === undefined ? this.#work() : this.#workWatched(this.#watch);
    } catch (error) {
      if (!mustRefuse(error)) throw error;
      this.#refuse(error);
      return true;
    }
  }

  #workWatched(watch: TurnWatch): boolean {
    const { replica } = this.#booted;
    const wasSaving = replica.isSaving;
    watch.begin();
    const beganMs = systemClock.nowMs();
    const hasMore = this.#work();
    const isSaving = wasSaving || replica.isSaving;
    watch.note({ beganMs, endedMs: systemClock.nowMs(), isSaving });
    return hasMore;
  }

  /**
   * Mail first, time second: a heartbeat that waited out a stall counts before the timeout does.
   */
  #work(): boolean {
    const { mailbox } = this.#context;
    const frames = mailbox.drain(this.#receive);
    const { replica } = this.#booted;
    const elapsedTicks = this.#ticks.take(systemClock.nowMs());
    if (elapsedTicks > 0) replica.tick(elapsedTicks);
    const hasMore = replica.flush();
    mailbox.release();
    this.#tape?.turn(elapsedTicks, this.#booted);
    if (frames > 0 || elapsedTicks > 0) this.#board.write(replica.gauges);
    return frames > 0 || hasMore;
  }

  readonly #receive = (frame: Frame): void => {
    if (this.#context.messenger.accept(frame)) return;
    this.#tape?.frame(frame);
    this.#booted.replica.receive(frame);
  };

  readonly control: NodeControl & Record<string, (...args: never[]) => unknown> = {
    inspect: () => ({
      lastApplied: this.#booted.replica.lastApplied,
      digest: this.#booted.machine.digest(),
      keys: this.#booted.machine.size,
    }),
    snapshotBytes: () => this.#storage.usage.snapshotBytes,
    turns: () => {
      this.#watch ??= new TurnWatch();
      return this.#watch.take();
    },
    refusal: () => undefined,
    failDisk: (faults: DiskFaults) => {
      if (this.#disk === undefined) return false;
      this.#disk.faults = faults;
      return true;
    },
    exportSnapshot: (options: SnapshotOrderOptions) => {
      const { machineUrl, recordTo } = this.#context.data;
      if (recordTo !== undefined) throw notOnTape();
      const machine = machineUrl === undefined ? 'store' : 'own';
      const order = new SnapshotOrder(nodeFileSystem, { machine }, options);
      this.#booted.replica.order(order);
      this.#context.wake();
      return order.done;
    },
    cancelExport: (partPath: string) => {
      const reason = new RaftError('RAFT_TIMEOUT', 'nobody waits any longer for this snapshot');
      this.#booted.replica.cancelOrder(partPath, reason);
    },
    transferLeadership: (to: string) => {
      const result = this.#booted.raft.transferLeadership(to);
      this.#tape?.call({ kind: 'transfer', to });
      this.#context.wake();
      return result;
    },
    logEnd: () => {
      const { lastIndex: index } = this.#storage;
      return { index, term: this.#storage.termAt(index) ?? 0 };
    },
    campaign: () => {
      this.#booted.raft.campaign();
      this.#tape?.call({ kind: 'campaign' });
      this.#context.wake();
    },
  };

  linkAttached(peer: number): void {
    this.#booted.replica.attachClient(peer);
    this.#tape?.call({ kind: 'attach', peer });
  }

  linkDetached(peer: number): void {
    this.#booted.replica.detachClient(peer);
    this.#tape?.call({ kind: 'detach', peer });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watch?.[Symbol.dispose]();
    if (this.#refused !== undefined) return;
    if (this.#disk !== undefined) this.#saveState();
    this.#booted.replica.close();
    this.#tape?.end();
  }

  /** A state in the log has to be applied anew by the next life; a saved one is only read. */
  #saveState(): void {
    const endMs = systemClock.nowMs() + savingMsMax;
    try {
      while (this.#booted.replica.prepareClose() && systemClock.nowMs() < endMs);
    } catch (error) {
      // The log has all of it.
      if (!mustRefuse(error)) throw error;
    }
  }

  /** Disk or machine failed: who waits is told that the outcome is open, and nobody more. */
  #refuse(error: unknown): void {
    clearInterval(this.#timer);
    this.#context.mailbox.release();
    this.#booted.replica.close();
    this.#refused = new RefusedNode(this.#context, packRefusal(error));
  }

  #boot(storage: Storage, machine: StateMachine | undefined): BootedReplica {
    const { data, incarnation, mailbox } = this.#context;
    const clients = this.#context.peers();
    const image = this.#tape && imageOf(storage);
    const { logBytesMax, entryBytesMax, entriesMax, snapshotBytesMax } = storage.usage;
    const sizes = { logBytesMax, entryBytesMax, entriesMax, snapshotBytesMax };
    const exchange: Exchange = {
      channel: (to) => this.#context.link(to),
      hold: (source) => mailbox.hold(source),
      unhold: (source) => mailbox.unhold(source),
    };
    const booted = bootReplica(data, {
      incarnation,
      storage,
      exchange: this.#tape?.exchange(exchange) ?? exchange,
      clients,
      onLeadership: (leadership) => this.#announce(leadership),
      onDurable: () => this.#context.wake(),
      ...(machine ? { machine } : {}),
    });
    if (image === undefined) return booted;
    const { self, members, seed, raft, store, limits } = data;
    const record: ReplicaRecord = { self, members, seed, raft, store, limits };
    const run = data.recordTo?.run ?? '';
    this.#tape?.begin({ run, record, incarnation, clients, sizes, image });
    return booted;
  }

  #announce(leadership: NonNullable<Ready['leadership']>): void {
    const nodeId = this.#context.data.self.id;
    const notice: LeadershipNotice = { kind: 'leadership', nodeId, ...leadership };
    this.#context.tell(actorRef<ClusterHandlers>(supervisorId), notice);
  }
}

function openTape({ data, incarnation }: ActorContext<NodeRecord>): Tape | undefined {
  if (data.recordTo === undefined) return undefined;
  const write = openTapeFile(data.recordTo.directory, tapeName(data.self.id, incarnation));
  return new Tape(write, () => systemClock.nowMs());
}

/** A tape has what a node takes in from others, and this makes it save its state. */
function notOnTape(): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', 'a cluster that makes tapes exports no snapshots', {
    details: { option: 'recordTo' },
  });
}
