/**
 * Replicas in one thread under manual time: real links, mailboxes, storage, core and map, but no
 * thread and no clock, so that every conversation can be played step by step.
 */
import { allocateLink, LinkWriter } from '../../src/actor/link.js';
import { type Frame, Mailbox } from '../../src/actor/mailbox.js';
import { type ActorId, allocateSpace, Space } from '../../src/actor/space.js';
import type { Raft, Ready } from '../../src/raft/index.js';
import { bootReplica } from '../../src/replica/boot.js';
import type { Member, Replica } from '../../src/replica/replica.js';
import { createMemory, openMemoryStorage } from '../../src/storage/index.js';
import { BatchWriter } from '../../src/store/batch-writer.js';
import {
  type Consistency,
  clientFrame,
  consistencyCode,
  type RefusalReason,
  readHeaderBytes,
  refusalReason,
} from '../../src/store/protocol.js';
import { ReplyReader } from '../../src/store/reply.js';
import type { StoreStateMachine } from '../../src/store/store-state-machine.js';
import { decodeValue, type Value } from '../../src/store/value.js';

/** One node of the fleet. */
export interface FleetNode extends Member {
  replica: Replica;
  raft: Raft;
  machine: StoreStateMachine;
  mailbox: Mailbox;
  readonly links: Map<ActorId, LinkWriter>;
  readonly memory: ReturnType<typeof createMemory>;
  isDown: boolean;
  readonly leaderships: NonNullable<Ready['leadership']>[];
}

/** What a client got for one request. */
export type Answer =
  | { readonly kind: 'ok'; readonly index: number; readonly outcomes: readonly number[] }
  | { readonly kind: 'registered'; readonly clientId: number }
  | {
      readonly kind: 'values';
      readonly index: number;
      readonly values: readonly (Value | undefined)[];
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly leader: ActorId };

export interface FleetOptions {
  readonly size?: number;
  readonly seed?: number;
  readonly checkpointBytes?: number;
  readonly patienceTicks?: number;
  readonly logBytesMax?: number;
  readonly entryBytesMax?: number;
}

export const clientActor = 100;

export class Fleet {
  readonly space: Space = new Space(allocateSpace(128));
  readonly nodes: FleetNode[];
  readonly answers: Map<number, Answer> = new Map();
  readonly hints: ActorId[] = [];
  /** Ordered pairs `source>destination` whose frames are lost: never carried out of their ring. */
  readonly cut: Set<string> = new Set();
  #clientMailbox: Mailbox;
  readonly #clientLinks = new Map<ActorId, LinkWriter>();
  readonly #options: Required<FleetOptions>;
  readonly #fragments = new Map<number, Buffer>();
  #nextRequest = 1;

  constructor(options: FleetOptions = {}) {
    this.#options = {
      size: 3,
      seed: 1,
      checkpointBytes: 2 ** 20,
      patienceTicks: 60,
      logBytesMax: 2 ** 24,
      entryBytesMax: 2 ** 16,
      ...options,
    };
    const members = Array.from({ length: this.#options.size }, (_, at) => ({
      id: `n${at + 1}`,
      actor: at + 1,
    }));
    for (const { actor } of members) this.space.setIncarnation(actor, 1);
    this.space.setIncarnation(clientActor, 1);
    this.#clientMailbox = new Mailbox(this.space, clientActor);
    this.nodes = members.map((member) => ({
      ...member,
      links: new Map(),
      memory: createMemory({
        logBytesMax: this.#options.logBytesMax,
        entryBytesMax: this.#options.entryBytesMax,
        snapshotBytesMax: 2 ** 24,
        entriesMax: 2 ** 16,
      }),
      isDown: false,
      leaderships: [],
      ...({} as { replica: Replica; raft: Raft; machine: StoreStateMachine; mailbox: Mailbox }),
    }));
    for (const node of this.nodes) node.mailbox = new Mailbox(this.space, node.actor);
    for (const node of this.nodes) {
      for (const peer of this.nodes) if (peer !== node) this.#connect(node, peer);
      this.#connectClient(node);
    }
    for (const node of this.nodes) this.#boot(node);
  }

  node(id: string): FleetNode {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`no ${id} in this fleet`);
    return found;
  }

  get leader(): FleetNode | undefined {
    const leaders = this.nodes.filter((node) => !node.isDown && node.raft.role === 'leader');
    return leaders.sort((a, b) => b.raft.currentTerm - a.raft.currentTerm)[0];
  }

  /** Lets every node drain, tick and flush once. */
  round({ ticks = 1 }: { ticks?: number } = {}): void {
    for (const node of this.nodes) {
      if (node.isDown) continue;
      node.mailbox.drain((frame) => {
        const source = this.nodes.find(({ actor }) => actor === frame.source)?.id ?? 'client';
        if (!this.cut.has(`${source}>${node.id}`)) node.replica.receive(frame);
      });
      for (let tick = 0; tick < ticks; tick += 1) node.replica.tick();
      while (node.replica.flush());
      node.mailbox.release();
    }
    this.#clientMailbox.drain((frame) => this.#receive(frame));
    this.#clientMailbox.release();
  }

  /** Rounds until the condition holds; throws when it does not within `roundsMax`. */
  until(
    isMet: () => boolean,
    { roundsMax = 1000, ticks = 1 }: { roundsMax?: number; ticks?: number } = {},
  ): void {
    for (let round = 0; round < roundsMax; round += 1) {
      if (isMet()) return;
      this.round({ ticks });
    }
    throw new Error(`the condition was not met within ${roundsMax} rounds`);
  }

  elect(): FleetNode {
    this.until(() => this.leader !== undefined && this.nodes.every((node) => this.#knows(node)));
    return this.leader as FleetNode;
  }

  /** Cuts a node off from its peers, both ways; clients still reach it. */
  isolate(id: string): void {
    for (const peer of this.nodes) {
      if (peer.id === id) continue;
      this.cut.add(`${id}>${peer.id}`);
      this.cut.add(`${peer.id}>${id}`);
    }
  }

  heal(): void {
    this.cut.clear();
  }

  crash(id: string): void {
    const node = this.node(id);
    node.isDown = true;
    this.space.setIncarnation(node.actor, 0);
  }

  restart(id: string): void {
    const node = this.node(id);
    const incarnation = this.#incarnations.get(id) ?? 1;
    this.#incarnations.set(id, incarnation + 1);
    this.space.setIncarnation(node.actor, incarnation + 1);
    node.isDown = false;
    node.mailbox = new Mailbox(this.space, node.actor);
    for (const peer of this.nodes) if (peer !== node) this.#connect(peer, node);
    for (const peer of this.nodes) if (peer !== node) this.#connect(node, peer);
    this.#connectClient(node);
    this.#boot(node);
  }

  /** The client goes, and another one gets its number. */
  replaceClient(): void {
    this.space.setIncarnation(clientActor, this.space.incarnation(clientActor) + 1);
    this.#clientMailbox = new Mailbox(this.space, clientActor);
    for (const node of this.nodes) {
      node.replica.detachClient(clientActor);
      node.mailbox.detach(clientActor);
      this.#connectClient(node);
      node.replica.attachClient(clientActor);
    }
  }

  /** Sends a batch to a node; the request id under which its answer will come. */
  write(id: string, fill: (batch: BatchWriter) => void, stamp: Partial<Stamp> = {}): number {
    const requestId = this.#nextRequest++;
    const bytes = Buffer.alloc(this.#options.entryBytesMax);
    const writer = new BatchWriter();
    writer.reset(bytes);
    fill(writer);
    const { clientId = 0, firstSerial = 0 } = stamp;
    const end = writer.finish({
      clientId,
      firstSerial,
      lowestSerial: firstSerial,
      originActor: clientActor,
      requestId,
    });
    return this.send(id, clientFrame.write, bytes.subarray(0, end), requestId);
  }

  /** Sends any bytes as the body of a frame, as a client of another make might. */
  send(
    id: string,
    kind: number,
    body: Uint8Array,
    requestId: number = this.#nextRequest++,
  ): number {
    this.#send(id, kind, body, requestId);
    return requestId;
  }

  set(id: string, key: string, value: Value, stamp: Partial<Stamp> = {}): number {
    return this.write(id, (batch) => batch.set(key, value), stamp);
  }

  get(id: string, keys: readonly string[], consistency: Consistency = 'linearizable'): number {
    const requestId = this.#nextRequest++;
    const bytes = Buffer.alloc(this.#options.entryBytesMax);
    bytes.writeUInt32LE(consistencyCode[consistency], 0);
    const writer = new BatchWriter();
    writer.reset(bytes, readHeaderBytes);
    for (const key of keys) writer.get(key);
    const end = writer.finish({
      clientId: 0,
      firstSerial: 0,
      lowestSerial: 0,
      originActor: clientActor,
      requestId,
    });
    this.#send(id, clientFrame.read, bytes.subarray(0, end), requestId);
    return requestId;
  }

  /** Rounds until the request is answered. */
  answer(requestId: number, roundsMax = 1000): Answer {
    this.until(() => this.answers.has(requestId), { roundsMax });
    return this.answers.get(requestId) as Answer;
  }

  readonly #incarnations = new Map<string, number>();

  #knows(node: FleetNode): boolean {
    return node.isDown || node.raft.leaderId === this.leader?.id;
  }

  #connect(source: FleetNode, destination: FleetNode): void {
    const buffers = allocateLink(source.actor, destination.actor, { bulkBytes: 2 ** 20 });
    source.links.set(destination.actor, new LinkWriter(this.space, buffers));
    destination.mailbox.attach(buffers);
  }

  #connectClient(node: FleetNode): void {
    const up = allocateLink(clientActor, node.actor, { bulkBytes: 2 ** 20 });
    const down = allocateLink(node.actor, clientActor, { bulkBytes: 2 ** 20 });
    this.#clientLinks.set(node.actor, new LinkWriter(this.space, up));
    node.mailbox.attach(up);
    node.links.set(clientActor, new LinkWriter(this.space, down));
    this.#clientMailbox.attach(down);
  }

  #boot(node: FleetNode): void {
    const { entryBytesMax } = this.#options;
    const record = {
      self: { id: node.id, actor: node.actor },
      members: this.nodes.map(({ id, actor }) => ({ id, actor })),
      seed: this.#options.seed,
      raft: {
        electionTicksMin: 10,
        electionTicksMax: 20,
        heartbeatTicks: 3,
        inflightBytesMax: 2 ** 18,
        appendBytesMax: entryBytesMax,
      },
      store: {},
      limits: {
        entryBytesMax,
        applyBytesMax: 2 ** 20,
        checkpointBytes: this.#options.checkpointBytes,
        forwardsMax: 16,
        patienceTicks: this.#options.patienceTicks,
      },
    };
    const booted = bootReplica(record, {
      incarnation: this.space.incarnation(node.actor),
      storage: openMemoryStorage(node.memory),
      exchange: {
        channel: (to) => node.links.get(to),
        hold: (source) => node.mailbox.hold(source),
        unhold: (source) => node.mailbox.unhold(source),
      },
      clients: [clientActor],
      onLeadership: (leadership) => node.leaderships.push(leadership),
      onDurable: () => {},
    });
    Object.assign(node, booted);
  }

  #send(id: string, kind: number, body: Uint8Array, requestId: number): void {
    const link = this.#clientLinks.get(this.node(id).actor);
    if (!link?.send('bulk', kind, body, requestId)) throw new Error(`no room to ${id}`);
  }

  #receive(frame: Frame): void {
    const { bytes, start, end, correlationId } = frame;
    switch (frame.kind) {
      case clientFrame.leaderHint:
        this.hints.push(bytes.readUInt32LE(start));
        return;
      case clientFrame.refusal:
        this.answers.set(correlationId, {
          kind: 'refused',
          reason: refusalReason(bytes.readUInt32LE(start)),
          leader: bytes.readUInt32LE(start + 4),
        });
        return;
      case clientFrame.writeReply:
        this.answers.set(correlationId, readWriteReply(Buffer.from(bytes.subarray(start, end))));
        return;
      case clientFrame.readReply:
        this.#collect(correlationId, bytes.subarray(start, end));
        return;
      default:
        throw new Error(`a client got a frame of kind ${frame.kind}`);
    }
  }

  #collect(requestId: number, body: Buffer): void {
    const total = body.readUInt32LE(4);
    const whole = this.#fragments.get(requestId) ?? Buffer.alloc(total);
    body.copy(whole, body.readUInt32LE(0), readHeaderBytes);
    this.#fragments.set(requestId, whole);
    if (body.readUInt32LE(0) + body.length - readHeaderBytes < total) return;
    this.#fragments.delete(requestId);
    const reader = new ReplyReader();
    reader.reset({ bytes: whole, start: 0, end: total });
    const values: (Value | undefined)[] = [];
    while (reader.next()) {
      values.push(
        reader.hasValue ? decodeValue(reader.bytes, reader.valueStart, reader.valueEnd) : undefined,
      );
    }
    this.answers.set(requestId, { kind: 'values', index: reader.replyIndex, values });
  }
}

interface Stamp {
  readonly clientId: number;
  readonly firstSerial: number;
}

function readWriteReply(bytes: Buffer): Answer {
  const reader = new ReplyReader();
  reader.reset({ bytes, start: 0, end: bytes.length });
  const outcomes: number[] = [];
  while (reader.next()) {
    outcomes.push(reader.outcome);
    if (reader.hasValue && reader.count === 1 && reader.outcome === 4) {
      return { kind: 'registered', clientId: reader.clientId() };
    }
  }
  return { kind: 'ok', index: reader.replyIndex, outcomes };
}
