/**
 * A node as an actor: what its worker thread runs. It opens the storage that its predecessor left,
 * and joins mailbox, time and replica.
 */
import { runActor } from '../actor/actor.js';
import type { ActorContext, Behavior } from '../actor/context.js';
import { actorRef } from '../actor/ref.js';
import { supervisorId } from '../actor/space.js';
import { systemClock } from '../clock.js';
import type { ErrorRecord } from '../errors.js';
import type { Raft, Ready } from '../raft/index.js';
import type { DiskFaults } from '../storage/faulty.js';
import type { StoreStateMachine } from '../store/store-state-machine.js';
import { bootReplica, type ReplicaRecord, TickCounter } from './boot.js';
import { GaugeBoard } from './gauges.js';
import {
  isStorageFailure,
  type NodeStorage,
  type OpenedStorage,
  openNodeStorage,
} from './node-storage.js';
import { packRefusal, RefusedNode, type StorageNotice } from './refused-node.js';
import type { Replica } from './replica.js';

/** What a node is started with. Structured-cloneable. */
export interface NodeRecord extends ReplicaRecord {
  readonly storage: NodeStorage;
  readonly gauges: SharedArrayBuffer;
  /** The unit of the core's timers, in ms. */
  readonly tickMs: number;
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

/** What the cluster may call in a node. */
export interface NodeControl {
  inspect(): { lastApplied: number; digest: string; keys: number };
  transferLeadership(to: string): ReturnType<Raft['transferLeadership']>;
  campaign(): void;
  /** Why the node does not serve, if its storage could not be opened. */
  refusal(): ErrorRecord | undefined;
  /** From now on the disk of this node fails like this; false if it has none. */
  failDisk(faults: DiskFaults): boolean;
}

/** Ends only with the thread. */
export function runNode(): Promise<void> {
  return runActor<NodeRecord>(startNode);
}

/** A node whose storage cannot be opened lives on to say so, and does nothing else. */
function startNode(context: ActorContext<NodeRecord>): Behavior {
  try {
    return new Node(context);
  } catch (error) {
    if (isStorageFailure(error)) return new RefusedNode(context, packRefusal(error));
    throw error;
  }
}

class Node implements Behavior {
  readonly #context: ActorContext<NodeRecord>;
  readonly #raft: Raft;
  readonly #machine: StoreStateMachine;
  readonly #replica: Replica;
  readonly #board: GaugeBoard;
  readonly #timer: NodeJS.Timeout;
  readonly #ticks: TickCounter;
  readonly #disk: OpenedStorage['disk'];
  /** Takes over when the storage has failed. */
  #refused: RefusedNode | undefined;

  constructor(context: ActorContext<NodeRecord>) {
    const { members, storage, gauges, tickMs } = context.data;
    this.#context = context;
    const opened = openNodeStorage(storage, () => systemClock.nowMs());
    this.#disk = opened.disk;
    const booted = bootReplica(context.data, {
      incarnation: context.incarnation,
      storage: opened.storage,
      exchange: {
        channel: (to) => context.link(to),
        hold: (source) => context.mailbox.hold(source),
        unhold: (source) => context.mailbox.unhold(source),
      },
      clients: context.peers(),
      onLeadership: (leadership) => this.#announce(leadership),
      onDurable: () => context.wake(),
    });
    this.#raft = booted.raft;
    this.#machine = booted.machine;
    this.#replica = booted.replica;
    this.#board = new GaugeBoard(
      gauges,
      members.map(({ id }) => id),
    );
    this.#ticks = new TickCounter(tickMs, systemClock.nowMs());
    this.#timer = setInterval(() => {
      if (this.turn()) context.wake();
    }, tickMs);
  }

  turn(): boolean {
    if (this.#refused) return this.#refused.turn();
    try {
      return this.#work();
    } catch (error) {
      if (!isStorageFailure(error)) throw error;
      this.#refuse(error);
      return true;
    }
  }

  /**
   * Mail first, time second: a heartbeat that waited out a stall counts before the timeout does.
   */
  #work(): boolean {
    const { mailbox } = this.#context;
    const frames = mailbox.drain(this.#receive);
    const elapsedTicks = this.#ticks.take(systemClock.nowMs());
    if (elapsedTicks > 0) this.#replica.tick(elapsedTicks);
    const hasMore = this.#replica.flush();
    mailbox.release();
    if (frames > 0 || elapsedTicks > 0) this.#board.write(this.#replica.gauges);
    return frames > 0 || hasMore;
  }

  readonly #receive = (frame: Parameters<Replica['receive']>[0]): void => {
    if (!this.#context.messenger.accept(frame)) this.#replica.receive(frame);
  };

  readonly control: NodeControl & Record<string, (...args: never[]) => unknown> = {
    inspect: () => ({
      lastApplied: this.#replica.lastApplied,
      digest: this.#machine.digest(),
      keys: this.#machine.size,
    }),
    refusal: () => undefined,
    failDisk: (faults: DiskFaults) => {
      if (this.#disk === undefined) return false;
      this.#disk.faults = faults;
      return true;
    },
    transferLeadership: (to: string) => {
      const result = this.#raft.transferLeadership(to);
      this.#context.wake();
      return result;
    },
    campaign: () => {
      this.#raft.campaign();
      this.#context.wake();
    },
  };

  linkAttached(peer: number): void {
    this.#replica.attachClient(peer);
  }

  linkDetached(peer: number): void {
    this.#replica.detachClient(peer);
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#refused === undefined) this.#replica.close();
  }

  /** The disk failed: whoever waits is told that the outcome is open, and nobody anything more. */
  #refuse(error: unknown): void {
    clearInterval(this.#timer);
    this.#context.mailbox.release();
    this.#replica.close();
    this.#refused = new RefusedNode(this.#context, packRefusal(error));
  }

  #announce(leadership: NonNullable<Ready['leadership']>): void {
    const nodeId = this.#context.data.self.id;
    const notice: LeadershipNotice = { kind: 'leadership', nodeId, ...leadership };
    this.#context.tell(actorRef<ClusterHandlers>(supervisorId), notice);
  }
}
