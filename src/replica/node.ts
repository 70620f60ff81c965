/**
 * A node as an actor: what its worker thread runs. It opens the storage that its predecessor left,
 * and joins mailbox, time and replica.
 */
import { runActor } from '../actor/actor.js';
import type { ActorContext, Behavior } from '../actor/context.js';
import { actorRef } from '../actor/ref.js';
import { supervisorId } from '../actor/space.js';
import { systemClock } from '../clock.js';
import { Prng } from '../prng.js';
import { Raft, type RaftOptions, type Ready } from '../raft/index.js';
import { type MemoryStorageBuffers, openMemoryStorage, type Storage } from '../storage/index.js';
import { type StoreOptions, StoreStateMachine } from '../store/store-state-machine.js';
import { GaugeBoard } from './gauges.js';
import { type Member, Replica, type ReplicaLimits } from './replica.js';

/** What a node is started with. Structured-cloneable. */
export interface NodeRecord {
  readonly self: Member;
  readonly members: readonly Member[];
  readonly storage: MemoryStorageBuffers;
  readonly gauges: SharedArrayBuffer;
  readonly seed: number;
  /** The unit of the core's timers, in ms. */
  readonly tickMs: number;
  readonly raft: Omit<RaftOptions, 'id' | 'configuration' | 'drawElectionTicks'>;
  readonly store: StoreOptions;
  readonly limits: ReplicaLimits;
}

/** What a node tells its supervisor when role, leader or term changed. */
export interface LeadershipNotice extends NonNullable<Ready['leadership']> {
  readonly kind: 'leadership';
  readonly nodeId: string;
}

/** What the supervisor's side understands. */
export type ClusterHandlers = { readonly leadership: (notice: LeadershipNotice) => void };

/** What the cluster may call in a node. */
export interface NodeControl {
  inspect(): { lastApplied: number; digest: string; keys: number };
  transferLeadership(to: string): ReturnType<Raft['transferLeadership']>;
  campaign(): void;
}

/** Ends only with the thread. */
export function runNode(): Promise<void> {
  return runActor<NodeRecord>((context) => new Node(context));
}

class Node implements Behavior {
  readonly #context: ActorContext<NodeRecord>;
  readonly #raft: Raft;
  readonly #machine: StoreStateMachine;
  readonly #replica: Replica;
  readonly #board: GaugeBoard;
  readonly #timer: NodeJS.Timeout;
  readonly #tickMs: number;
  #tickedMs = systemClock.nowMs();

  constructor(context: ActorContext<NodeRecord>) {
    const { self, members, storage: buffers, gauges, store, limits, tickMs } = context.data;
    this.#context = context;
    this.#tickMs = tickMs;
    const storage = openMemoryStorage(buffers);
    this.#machine = new StoreStateMachine(store);
    const snapshot = storage.loadSnapshot();
    if (snapshot) this.#machine.restore(snapshot.bytes);
    this.#raft = createCore(context, storage);
    this.#board = new GaugeBoard(
      gauges,
      members.map(({ id }) => id),
    );
    this.#replica = new Replica({
      self,
      members,
      raft: this.#raft,
      storage,
      machine: this.#machine,
      limits,
      exchange: {
        channel: (to) => context.link(to),
        hold: (source) => context.mailbox.hold(source),
        unhold: (source) => context.mailbox.unhold(source),
      },
      onLeadership: (leadership) => this.#announce(leadership),
      onDurable: () => context.wake(),
    });
    for (const peer of context.peers()) this.#replica.attachClient(peer);
    this.#timer = setInterval(() => {
      if (this.turn()) context.wake();
    }, tickMs);
  }

  /**
   * Mail first, time second: a heartbeat that waited out a stall counts before the timeout does.
   */
  turn(): boolean {
    const { mailbox } = this.#context;
    const frames = mailbox.drain(this.#receive);
    const elapsedTicks = Math.floor((systemClock.nowMs() - this.#tickedMs) / this.#tickMs);
    if (elapsedTicks > 0) {
      this.#tickedMs += elapsedTicks * this.#tickMs;
      this.#replica.tick(elapsedTicks);
    }
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
    this.#replica.close();
  }

  #announce(leadership: NonNullable<Ready['leadership']>): void {
    const nodeId = this.#context.data.self.id;
    const notice: LeadershipNotice = { kind: 'leadership', nodeId, ...leadership };
    this.#context.tell(actorRef<ClusterHandlers>(supervisorId), notice);
  }
}

function createCore(context: ActorContext<NodeRecord>, storage: Storage): Raft {
  const { self, members, raft, seed } = context.data;
  // Every incarnation draws anew, or a node that restarts would repeat its timeouts (§5.2).
  const prng = new Prng(seed).fork(`election ${self.id} ${context.incarnation}`);
  const entries = storage.headers();
  const baseTerm = storage.termAt(storage.firstIndex - 1);
  return new Raft({
    ...raft,
    id: self.id,
    configuration: { voters: members.map(({ id }) => id) },
    hardState: storage.hardState,
    log: {
      snapshotIndex: storage.snapshotIndex,
      snapshotTerm: storage.snapshotTerm,
      entries,
      ...(baseTerm === undefined ? {} : { baseTerm }),
    },
    incarnation: context.incarnation,
    drawElectionTicks: (min, max) => prng.int(min, max),
  });
}
