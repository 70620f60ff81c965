/**
 * A node's life begins: from what its storage holds to a replica that runs. The same on a thread,
 * in the simulator and in tests.
 */
import type { ActorId } from '../actor/space.js';
import { Prng } from '../prng.js';
import { Raft, type RaftOptions } from '../raft/index.js';
import type { Storage } from '../storage/storage.js';
import type { StateMachine } from '../store/state-machine.js';
import { type StoreOptions, StoreStateMachine } from '../store/store-state-machine.js';
import type { Exchange } from './channel.js';
import { type Member, Replica, type ReplicaLimits, type ReplicaOptions } from './replica.js';

/** Bytes of a snapshot that are read at once when a node starts. */
const restoreBytes = 2 ** 20;

/** What stays the same in all lives of a node. Structured-cloneable. */
export interface ReplicaRecord {
  readonly self: Member;
  readonly members: readonly Member[];
  readonly seed: number | string;
  readonly raft: Omit<RaftOptions, 'id' | 'configuration' | 'drawElectionTicks'>;
  readonly store: StoreOptions;
  readonly limits: ReplicaLimits;
  /** All nodes live in this process, and whatever process had them before is gone. */
  readonly isOneProcess?: boolean;
}

/** What belongs to one life. */
export interface Life extends Pick<ReplicaOptions, 'onLeadership' | 'onDurable'> {
  /** From 1. */
  readonly incarnation: number;
  readonly storage: Storage;
  readonly exchange: Exchange;
  /** Who is connected already; nodes among them are left out. */
  readonly clients: Iterable<ActorId>;
  /** A fresh one. Default: a key-value store. */
  readonly machine?: StateMachine;
}

export interface BootedReplica {
  readonly raft: Raft;
  readonly machine: StateMachine;
  readonly replica: Replica;
}

/** Opens the state machine and the core on what is stored, and joins them. */
export function bootReplica(record: ReplicaRecord, life: Life): BootedReplica {
  const { self, members, limits } = record;
  const { storage, exchange, onLeadership, onDurable } = life;
  const machine = life.machine ?? new StoreStateMachine(record.store);
  if (storage.snapshotIndex > 0) restoreSnapshot(storage, machine);
  const raft = createCore(record, life);
  const replica = new Replica({
    self,
    members,
    raft,
    storage,
    machine,
    exchange,
    limits,
    onLeadership,
    onDurable,
  });
  for (const client of life.clients) replica.attachClient(client);
  return { raft, machine, replica };
}

/** Piece by piece: a large snapshot is never in memory as a whole, beside the state made of it. */
function restoreSnapshot(storage: Storage, machine: StateMachine): void {
  const name = { index: storage.snapshotIndex, term: storage.snapshotTerm };
  const intake = machine.restore();
  for (let offset = 0, isLast = false; !isLast; ) {
    const part = storage.snapshotPart(name, offset, restoreBytes);
    if (part === undefined) throw new Error(`the snapshot of entry ${name.index} is not there`);
    intake.write(part.bytes);
    offset += part.bytes.byteLength;
    isLast = part.isLast;
  }
  intake.finish();
}

function createCore(
  { self, members, raft, seed, isOneProcess = false }: ReplicaRecord,
  { storage, incarnation }: Life,
): Raft {
  // Every incarnation draws anew, or a node that restarts would repeat its timeouts (§5.2).
  const prng = new Prng(seed).fork(`election ${self.id} ${incarnation}`);
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
    incarnation,
    // Whoever may have been promised something before the first life of all is gone.
    ...(isOneProcess && incarnation === 1 ? { mayHavePromised: false } : {}),
    drawElectionTicks: (min, max) => prng.int(min, max),
  });
}

/** The whole ticks that have passed on a clock; what is left over counts for the next one. */
export class TickCounter {
  readonly #tickMs: number;
  #tickedMs: number;

  constructor(tickMs: number, nowMs: number) {
    this.#tickMs = tickMs;
    this.#tickedMs = nowMs;
  }

  /** Ticks since the last call that gave some; 0 while none is full. */
  take(nowMs: number): number {
    const elapsedTicks = Math.floor((nowMs - this.#tickedMs) / this.#tickMs);
    if (elapsedTicks <= 0) return 0;
    this.#tickedMs += elapsedTicks * this.#tickMs;
    return elapsedTicks;
  }
}
