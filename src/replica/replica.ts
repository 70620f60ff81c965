/**
 * One node of the cluster: the core, its storage, the state machine and the frames, joined.
 *
 * The caller (a worker's loop, or the simulator) hands in frames with `receive`, time with `tick`,
 * and calls `flush` after each drain, before the drained frames are released:
 *
 *     drain ──receive──> core.step / proposals / reads
 *     flush: propose ─> ready ─┬─> storage.append ─> send ─> sync ─> send after durable
 *                              └─> apply committed ─> answer
 *
 * Nothing here awaits. Between two calls every promise to a client stands in exactly one of four
 * places: `Proposals`, `Forwards`, `Reads` or `Replies`.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import { RaftError } from '../errors.js';
import type { NodeId, OutboundMessage, Raft, Ready } from '../raft/index.js';
import type { Storage } from '../storage/storage.js';
import { clientFrame, leaderHintBytes, noActor } from '../store/protocol.js';
import type { StateMachine } from '../store/state-machine.js';
import { Applier } from './applier.js';
import type { Exchange } from './channel.js';
import { FirstCopies } from './first-copies.js';
import { Forwards } from './forwards.js';
import type { Gauges } from './gauges.js';
import { Proposals } from './proposals.js';
import { ReadService } from './read-service.js';
import { laneOf, type Origin, originOf, Replies } from './replies.js';
import { SnapshotInstall } from './snapshot-install.js';
import type { SnapshotOrder } from './snapshot-order.js';
import { decodeMessage, encodeMessage, type MessageSource } from './wire.js';

/** Bytes of one part of a snapshot, or the longest entry if that is less. */
const snapshotPartBytes = 2 ** 20;

/** A node of the configuration and the actor that plays it. */
export interface Member {
  readonly id: NodeId;
  readonly actor: ActorId;
}

export interface ReplicaLimits {
  /** The largest payload of an entry, in bytes: what one drain may gather. */
  readonly entryBytesMax: number;
  /** Bytes of entries that one flush applies before it lets others have their turn. */
  readonly applyBytesMax: number;
  /** Log bytes after which the state is saved and the log may be trimmed. */
  readonly checkpointBytes: number;
  /** Client batches that may be on their way to the leader through this node. */
  readonly forwardsMax: number;
  /** Ticks after which a forwarded request or a read that got no word is given up. */
  readonly patienceTicks: number;
}

export interface ReplicaOptions {
  readonly self: Member;
  readonly members: readonly Member[];
  readonly raft: Raft;
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly exchange: Exchange;
  readonly limits: ReplicaLimits;
  /** Called when role, leader or term changed. */
  readonly onLeadership: (leadership: NonNullable<Ready['leadership']>) => void;
  /** Called when durability came later than the call that asked for it: flush again. */
  readonly onDurable: () => void;
}

export class Replica {
  readonly #self: Member;
  readonly #raft: Raft;
  readonly #storage: Storage;
  readonly #exchange: Exchange;
  readonly #limits: ReplicaLimits;
  readonly #options: ReplicaOptions;
  readonly #idsByActor: ReadonlyMap<ActorId, NodeId>;
  readonly #actorsById: ReadonlyMap<NodeId, ActorId>;
  readonly #clients = new Set<ActorId>();

  readonly #proposals: Proposals;
  readonly #forwards: Forwards;
  readonly #requests = new FirstCopies();
  readonly #replies: Replies;
  readonly #reads: ReadService;
  readonly #applier: Applier;
  readonly #install: SnapshotInstall;
  readonly #source: MessageSource;
  #ticks = 0;
  #leaderId: NodeId | undefined;
  #isLeader = false;
  readonly #counts = {
    entriesProposed: 0,
    campaigns: 0,
    electionsWon: 0,
    forwarded: 0,
    refused: 0,
  };

  constructor(options: ReplicaOptions) {
    const { self, members, raft, storage, machine, exchange, limits } = options;
    this.#options = options;
    this.#self = self;
    this.#raft = raft;
    this.#storage = storage;
    this.#exchange = exchange;
    this.#limits = limits;
    this.#idsByActor = new Map(members.map(({ id, actor }) => [actor, id]));
    this.#actorsById = new Map(members.map(({ id, actor }) => [id, actor]));
    this.#proposals = new Proposals(limits.entryBytesMax);
    this.#forwards = new Forwards(limits.forwardsMax);
    this.#replies = new Replies(exchange, (actor) => !this.#idsByActor.has(actor));
    const { entryBytesMax } = limits;
    this.#reads = new ReadService({ raft, machine, replies: this.#replies, entryBytesMax });
    this.#applier = new Applier({ raft, storage, machine, limits }, this.#proposals, this.#replies);
    const onInstalled = (index: number): void => this.#applier.restored(index);
    this.#install = new SnapshotInstall({ raft, storage, machine, onInstalled });
    const partBytesMax = Math.min(snapshotPartBytes, limits.entryBytesMax);
    this.#source = {
      payload: (index) => storage.payload(index),
      termAt: (index) => storage.termAt(index),
      snapshotPart: ({ snapshotIndex: index, snapshotTerm: term, offset }) =>
        storage.snapshotPart({ index, term }, offset, partBytesMax),
    };
  }

  /** Takes in one frame. Views of it are kept until the next `flush` returns. */
  readonly receive = (frame: Frame): void => {
    const from = this.#idsByActor.get(frame.source);
    if (from !== undefined) this.#receiveFromNode(frame, from);
    else this.#receiveFromClient(frame);
  };

  /** A client's links are up: it is told who leads. */
  attachClient(actor: ActorId): void {
    if (this.#idsByActor.has(actor)) return;
    this.#clients.add(actor);
    this.#hint(actor);
  }

  detachClient(actor: ActorId): void {
    this.#clients.delete(actor);
    this.#replies.forget(actor);
    this.#requests.forget(actor);
  }

  /** Lets time pass. `elapsedTicks` is more than one after this thread was kept from running. */
  tick(elapsedTicks = 1): void {
    this.#ticks += 1;
    this.#raft.tick(elapsedTicks);
    const oldest = this.#ticks - this.#limits.patienceTicks;
    for (const origin of this.#forwards.takeOlderThan(oldest)) this.#refuse(origin, 'in-doubt');
    this.#reads.giveUpOlderThan(oldest, this.#leaderActor);
    this.#applier.trim();
    this.#storage.maintain();
  }

  /** Does all that the last drain gave cause for; true when there is more to do at once. */
  flush(): boolean {
    this.#propose();
    this.#reads.askAll(this.#ticks, this.#applier.lastApplied, this.#leaderActor);
    this.#pump();
    this.#proposals.release();
    const hasMore = this.#applier.apply();
    this.#reads.serve(this.#applier.lastApplied);
    this.#pump();
    if (this.#replies.size > 0) this.#replies.flush();
    return hasMore || this.#raft.hasReady();
  }

  /** A copy of the next snapshot goes to a file. The caller has this replica flushed soon. */
  order(order: SnapshotOrder): void {
    this.#applier.checkpoint.order(order);
  }

  /** Gives up the copies that are to go to this file. */
  cancelOrder(partPath: string, reason: Error): void {
    this.#applier.checkpoint.cancelOrders(reason, ({ options }) => options.partPath === partPath);
  }

  get lastApplied(): number {
    return this.#applier.lastApplied;
  }

  /** Whether the state is being saved, a piece in each turn. */
  get isSaving(): boolean {
    return this.#applier.checkpoint.isSaving;
  }

  get gauges(): Gauges {
    const { usage } = this.#storage;
    return {
      role: this.#raft.role,
      currentTerm: this.#raft.currentTerm,
      leaderId: this.#raft.leaderId,
      commitIndex: this.#raft.commitIndex,
      lastApplied: this.#applier.lastApplied,
      lastLogIndex: this.#raft.lastLogIndex,
      firstLogIndex: this.#storage.firstIndex,
      replicatedByAll: this.#raft.replicatedByAll,
      logBytes: usage.logBytes,
      commandsApplied: this.#applier.commandsApplied,
      entriesProposed: this.#counts.entriesProposed,
      readsServed: this.#reads.served,
      campaigns: this.#counts.campaigns,
      electionsWon: this.#counts.electionsWon,
      forwarded: this.#counts.forwarded,
      messagesRefused: this.#counts.refused,
      pending:
        this.#proposals.pending + this.#forwards.size + this.#reads.pending + this.#replies.size,
    };
  }

  /** Does a piece of what makes the next start short; true when there is more. */
  prepareClose(): boolean {
    return this.#applier.save();
  }

  /** Settles everybody who waits: this node is about to stop. */
  close(): void {
    const waiting = [...this.#proposals.takeAll(), ...this.#forwards.takeLost(undefined)];
    for (const origin of waiting) this.#refuse(origin, 'in-doubt');
    this.#reads.abortAll('stopping');
    this.#applier.checkpoint.cancelOrders(
      new RaftError('RAFT_NODE_DOWN', `${this.#self.id} stopped while it exported a snapshot`),
    );
    this.#replies.flush();
    this.#storage.close();
  }

  #receiveFromNode(frame: Frame, from: NodeId): void {
    const origin = originOf(frame);
    switch (frame.kind) {
      case clientFrame.redirectWrite:
        if (!this.#requests.isFirst(frame)) return;
        if (this.#isLeader) this.#gather(frame, origin);
        else this.#refuse(origin, 'not-leader');
        return;
      case clientFrame.writeReply:
      case clientFrame.refusal:
        this.#relay(frame);
        return;
      default:
        this.#step(frame, from);
    }
  }

  #step(frame: Frame, from: NodeId): void {
    const message = decodeMessage(frame, from, this.#self.id);
    if (message === undefined) return;
    // What cannot be stored is not heard: the leader probes again later, when there is room.
    if (
      message.kind === 'append-entries' &&
      !this.#applier.hasRoomFor(frame.end - frame.start, 'store')
    ) {
      return;
    }
    this.#raft.step(message);
  }

  #receiveFromClient(frame: Frame): void {
    const origin = originOf(frame);
    if (frame.kind === clientFrame.write) {
      if (!this.#requests.isFirst(frame)) return;
      if (this.#isLeader) this.#gather(frame, origin);
      else this.#forward(frame, origin);
    } else if (frame.kind === clientFrame.read) {
      this.#reads.receive(frame, origin);
    }
  }

  /** The leader's side of a write: it becomes part of the next entry. */
  #gather(frame: Frame, origin: Origin): void {
    const batch = frame.bytes.subarray(frame.start, frame.end);
    if (batch.length > this.#limits.entryBytesMax) {
      this.#refuse(origin, 'malformed');
      return;
    }
    if (!this.#proposals.hasRoom(batch.length)) this.#store();
    else if (this.#proposals.isFull) this.#propose();
    if (!this.#proposals.add(batch, origin)) this.#refuse(origin, 'malformed');
  }

  /** Any other node's side of a write: the course project's `redirectSet`. */
  #forward(frame: Frame, origin: Origin): void {
    const leader = this.#leaderActor;
    if (leader === undefined) {
      this.#refuse(origin, 'no-leader');
      return;
    }
    if (this.#forwards.isFull) {
      this.#refuse(origin, 'overloaded');
      return;
    }
    const channel = this.#exchange.channel(leader);
    const byteLength = frame.end - frame.start;
    const id = this.#forwards.add(origin, leader, this.#ticks);
    if (!channel?.begin('bulk', clientFrame.redirectWrite, byteLength, id)) {
      this.#forwards.take(id, leader);
      this.#refuse(origin, 'overloaded');
      return;
    }
    channel.bytes.set(frame.bytes.subarray(frame.start, frame.end), channel.offset);
    channel.end(byteLength);
    this.#counts.forwarded += 1;
  }

  /** The leader has answered what was forwarded to it: so do we. */
  #relay(frame: Frame): void {
    const origin = this.#forwards.take(frame.correlationId, frame.source);
    if (origin === undefined) return;
    const body = frame.bytes.subarray(frame.start, frame.end);
    this.#replies.send(origin, laneOf(body.length), frame.kind, body);
  }

  /** What was gathered goes into the log, and there is room for more. */
  #store(): void {
    this.#propose();
    this.#pump();
    this.#proposals.release();
  }

  #propose(): void {
    if (this.#proposals.isEmpty) return;
    const { payload, origins, unstoredBytes } = this.#proposals.takePayload();
    if (!this.#applier.hasRoomFor(unstoredBytes, 'propose')) {
      this.#refuseAll(origins, 'log-full');
      return;
    }
    const result = this.#raft.propose(payload);
    if (result.accepted) {
      this.#counts.entriesProposed += 1;
      this.#proposals.expect(result.index, result.term, origins);
    } else {
      const { reason } = result;
      this.#refuseAll(origins, reason === 'uncommitted-limit' ? 'overloaded' : reason);
    }
  }

  /** Carries out what the core has decided, until it has nothing more to say. */
  #pump(): void {
    while (this.#raft.hasReady()) {
      const ready = this.#raft.ready();
      this.#persist(ready);
      for (const part of ready.snapshotParts) this.#install.take(part);
      this.#send(ready.messages);
      if (ready.hardState || ready.entries.length > 0 || ready.messagesAfterDurable.length > 0) {
        this.#sync(ready);
      }
      for (const { readId, index } of ready.reads) this.#reads.confirm(readId, index);
      if (ready.readsAborted.length > 0) this.#reads.abort(ready.readsAborted, this.#leaderActor);
      if (ready.leadership) this.#changeLeadership(ready.leadership);
    }
  }

  #persist({ hardState, entries }: Ready): void {
    if (hardState) this.#storage.saveHardState(hardState);
    if (entries.length > 0 && this.#storage.append(entries) === 'full') {
      throw new Error('the log took no entry although there was room for it');
    }
  }

  #sync({ batch, messagesAfterDurable }: Ready): void {
    const index = this.#storage.lastIndex;
    const term = this.#storage.termAt(index) ?? 0;
    let isLate = false;
    this.#storage.sync(() => {
      this.#send(messagesAfterDurable);
      this.#raft.durable(index, term, batch);
      if (isLate) this.#options.onDurable();
    });
    isLate = true;
  }

  #send(messages: readonly OutboundMessage[]): void {
    for (const message of messages) {
      const actor = this.#actorsById.get(message.to);
      const channel = actor === undefined ? undefined : this.#exchange.channel(actor);
      if (channel && encodeMessage(channel, message, this.#source)) continue;
      this.#counts.refused += 1;
      if (message.kind === 'append-entries') this.#raft.reportUnreachable(message.to);
      if (message.kind === 'install-snapshot' && !this.#source.snapshotPart(message)) {
        this.#raft.snapshotGone(message.to);
      }
    }
  }

  #changeLeadership(leadership: NonNullable<Ready['leadership']>): void {
    const { role, leaderId } = leadership;
    if (role === 'candidate' || role === 'pre-candidate') this.#counts.campaigns += 1;
    if (role === 'leader' && !this.#isLeader) this.#counts.electionsWon += 1;
    if (this.#isLeader && role !== 'leader') this.#refuseAll(this.#proposals.takeAll(), 'in-doubt');
    this.#isLeader = role === 'leader';
    if (leaderId !== this.#leaderId) {
      this.#leaderId = leaderId;
      this.#refuseAll(this.#forwards.takeLost(this.#leaderActor), 'in-doubt');
      for (const client of this.#clients) this.#hint(client);
    }
    this.#options.onLeadership(leadership);
  }

  #hint(client: ActorId): void {
    const body = Buffer.alloc(leaderHintBytes);
    body.writeUInt32LE(this.#leaderActor ?? noActor, 0);
    body.writeDoubleLE(this.#raft.currentTerm, 8);
    const origin = { actor: client, incarnation: 0, requestId: 0 };
    this.#replies.send(origin, 'control', clientFrame.leaderHint, body);
  }

  #refuse(origin: Origin, reason: Parameters<Replies['refuse']>[1]): void {
    this.#replies.refuse(origin, reason, this.#leaderActor);
  }

  #refuseAll(origins: readonly Origin[], reason: Parameters<Replies['refuse']>[1]): void {
    for (const origin of origins) this.#refuse(origin, reason);
  }

  get #leaderActor(): ActorId | undefined {
    const { leaderId } = this.#raft;
    return leaderId === undefined ? undefined : this.#actorsById.get(leaderId);
  }
}
