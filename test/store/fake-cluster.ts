/**
 * Nodes without consensus for the client to talk to: one state machine, one log, in this thread.
 *
 * A frame goes through the real links and the real mailbox of a node; what becomes of it there is
 * up to the test, which may refuse, lose or copy it, answer twice or never, and kill the node.
 */
import {
  allocateLink,
  type Lane,
  type LinkBuffers,
  type LinkOptions,
  LinkWriter,
} from '../../src/actor/link.js';
import { type Frame, Mailbox } from '../../src/actor/mailbox.js';
import { type ActorId, allocateSpace, Space, supervisorId } from '../../src/actor/space.js';
import { Client } from '../../src/store/client.js';
import type { ClientNode, ClientOptions } from '../../src/store/client-options.js';
import type { ClientRoom } from '../../src/store/client-sender.js';
import { batchField, viewOf } from '../../src/store/command.js';
import { allocateFailures, FailureBoard } from '../../src/store/failure-board.js';
import type { Outcome } from '../../src/store/outcome.js';
import {
  clientFrame,
  leaderHintBytes,
  noActor,
  type RefusalReason,
  readHeaderBytes,
  refusalBytes,
  refusalCode,
} from '../../src/store/protocol.js';
import { WriteReplyWriter, writeReplyBytesMax } from '../../src/store/reply.js';
import type { BatchHeader } from '../../src/store/state-machine.js';
import { type StoreOptions, StoreStateMachine } from '../../src/store/store-state-machine.js';
import { ManualClock } from './manual-clock.js';

/** What becomes of a request at a node. */
export type Fate =
  | 'answer'
  /** It never arrived. */
  | 'lose'
  /** It is done, and its answer is lost. */
  | 'lose-answer'
  /** It is done, and answered twice. */
  | 'answer-twice'
  /** It arrives twice: the copy is done and answered as well. */
  | 'copy'
  /** It stays where it is until `release`. */
  | 'hold'
  | { readonly refuse: RefusalReason; readonly leader?: string };

/** A request as a node sees it; the body is a copy. */
export interface Request {
  readonly node: string;
  readonly kind: 'write' | 'read';
  readonly requestId: number;
  readonly body: Buffer;
}

export interface FakeClusterOptions {
  readonly nodes?: readonly string[];
  readonly client?: ClientOptions;
  readonly link?: LinkOptions;
  readonly store?: StoreOptions;
  /** Client frames go by the supervisor, as where the network's rules apply. */
  readonly isRouted?: boolean;
  /** Bytes of the largest piece of a read's answer. */
  readonly fragmentBytesMax?: number;
}

const clientActor: ActorId = 20;

export class FakeCluster implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly machine: StoreStateMachine;
  readonly client: Client;
  readonly nodes: readonly FakeNode[];
  /** Every request that arrived, in order. */
  readonly requests: Request[] = [];
  /** Asked for every request. */
  fate: (request: Request) => Fate = () => 'answer';
  lastIndex = 0;
  isRoomLeft = false;
  /** Where the client reads who is down for good. */
  readonly failures: FailureBoard;

  readonly #space = new Space(allocateSpace(32));
  readonly #supervisor: Mailbox;
  readonly #answer: Buffer = Buffer.alloc(2 ** 22);

  constructor(options: FakeClusterOptions = {}) {
    const { nodes: ids = ['n1', 'n2', 'n3'], link = {}, isRouted = false } = options;
    this.machine = new StoreStateMachine(options.store);
    this.#space.setIncarnation(clientActor, 1);
    this.#space.setIncarnation(supervisorId, 1);
    const detourBuffers = allocateLink(clientActor, supervisorId);
    const detour = new LinkWriter(this.#space, detourBuffers);
    const mailbox = new Mailbox(this.#space, clientActor);
    const writers = new Map<ActorId, LinkWriter>();
    const supervisor = new Mailbox(this.#space, supervisorId);
    supervisor.attach(detourBuffers);
    this.nodes = ids.map((id, at) => {
      const actor = at + 1;
      const to = allocateLink(clientActor, actor, link);
      const from = allocateLink(actor, clientActor, link);
      mailbox.attach(from);
      const writer = new LinkWriter(this.#space, to, detour);
      writer.memory.setRouted(isRouted);
      writers.set(actor, writer);
      return new FakeNode({ id, actor }, { space: this.#space, to, from, cluster: this });
    });
    this.#supervisor = supervisor;
    const room: ClientRoom = {
      id: clientActor,
      space: this.#space,
      mailbox,
      link: (peer) => writers.get(peer),
    };
    this.failures = new FailureBoard(allocateFailures(ids.length), ids);
    this.fragmentBytesMax = options.fragmentBytesMax ?? 2 ** 15;
    this.client = new Client({
      room,
      nodes: this.nodes.map(({ id, actor }): ClientNode => ({ id, actor })),
      options: options.client ?? {},
      clock: this.clock,
      failures: this.failures,
      leave: () => {
        this.isRoomLeft = true;
      },
    });
  }

  readonly fragmentBytesMax: number;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  node(id: string): FakeNode {
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Lets the calls of this tick leave, and everybody work until nothing moves any more. */
  async settle(): Promise<void> {
    let isMoving = true;
    while (isMoving) isMoving = await this.round();
  }

  /** Lets everybody work once; false if nothing moved. */
  async round(): Promise<boolean> {
    await new Promise(setImmediate);
    const moved = [this.#route(), ...this.nodes.map((node) => node.turn()), this.client.turn()];
    return moved.includes(true);
  }

  /** Lets time pass as a busy event loop would: in small steps, with work between them. */
  async advance(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    await this.settle();
    while (this.clock.nowMs() < endMs) {
      this.clock.advance(Math.min(5, endMs - this.clock.nowMs()));
      await this.settle();
    }
  }

  /** The supervisor passes on what came by the detour. */
  #route(): boolean {
    const count = this.#supervisor.drain((frame) => {
      this.nodes.find(({ actor }) => actor === frame.destination)?.arrive(frame);
    });
    this.#supervisor.release();
    return count > 0;
  }

  /** Answers a write as the state machine does. */
  apply(body: Buffer): Buffer {
    this.lastIndex += 1;
    const bytes = this.#answer;
    const writer = new WriteReplyWriter();
    let end = 0;
    this.machine.apply({ bytes: body, start: 0, end: body.length }, this.lastIndex, {
      begin: ({ count, requestId }: BatchHeader): boolean => {
        const region = { bytes, start: 0, end: writeReplyBytesMax(count) };
        writer.reset(region, { count, requestId });
        return true;
      },
      push: (code: Outcome, index: number) => writer.push(code, index),
      registered: (clientId, index) => writer.registered(clientId, index),
      end: () => {
        end = writer.finish();
      },
    });
    return Buffer.from(bytes.subarray(0, end));
  }

  query(body: Buffer): Buffer {
    const request = { bytes: body, start: readHeaderBytes, end: body.length };
    const region = { bytes: this.#answer, start: 0, end: this.#answer.length };
    return Buffer.from(
      this.#answer.subarray(0, this.machine.query(request, this.lastIndex, region)),
    );
  }
}

interface NodeSurroundings {
  readonly space: Space;
  readonly to: LinkBuffers;
  readonly from: LinkBuffers;
  readonly cluster: FakeCluster;
}

export class FakeNode {
  readonly id: string;
  readonly actor: ActorId;
  /** Does not read its mailbox: a paused thread. */
  isPaused = false;
  readonly #around: NodeSurroundings;
  #mailbox: Mailbox | undefined;
  #writer: LinkWriter | undefined;
  #held: Request[] = [];
  #unsent: { lane: Lane; kind: number; body: Uint8Array; requestId: number }[] = [];
  #incarnation = 0;

  constructor({ id, actor }: ClientNode, surroundings: NodeSurroundings) {
    this.id = id;
    this.actor = actor;
    this.#around = surroundings;
    this.start();
  }

  /** A new incarnation lives; what was for the last one never reaches it. */
  start(): void {
    const { space, to, from } = this.#around;
    this.#incarnation += 1;
    space.setIncarnation(this.actor, this.#incarnation);
    this.#mailbox = new Mailbox(space, this.actor);
    this.#mailbox.attach(to);
    this.#writer = new LinkWriter(space, from);
  }

  die(): void {
    this.#around.space.setIncarnation(this.actor, 0);
    this.#mailbox = undefined;
    this.#writer = undefined;
    this.#held = [];
    this.#unsent = [];
  }

  /** Tells the client who leads. */
  hint(leader: string | undefined, term: number): void {
    const body = Buffer.alloc(leaderHintBytes);
    body.writeUInt32LE(this.#actorOf(leader), 0);
    body.writeDoubleLE(term, 8);
    this.send(clientFrame.leaderHint, body, 0);
  }

  /** Goes on with what was held. */
  release(fate: Fate = 'answer'): void {
    const held = this.#held;
    this.#held = [];
    for (const request of held) this.#meet(request, fate);
  }

  turn(): boolean {
    if (this.isPaused || this.#mailbox === undefined) return false;
    const count = this.#mailbox.drain((frame) => this.arrive(frame));
    this.#mailbox.release();
    return this.#flush() || count > 0;
  }

  /** What finds no room waits for the next turn. */
  #flush(): boolean {
    const waiting = this.#unsent.length;
    for (let next = this.#unsent[0]; next; next = this.#unsent[0]) {
      if (!this.#writer?.send(next.lane, next.kind, next.body, next.requestId)) break;
      this.#unsent.shift();
    }
    return this.#unsent.length < waiting;
  }

  arrive(frame: Frame): void {
    const { cluster } = this.#around;
    const request = this.#requestOf(frame);
    cluster.requests.push(request);
    this.#meet(request, cluster.fate(request));
  }

  send(kind: number, body: Uint8Array, requestId: number): void {
    const lane = kind === clientFrame.readReply ? 'bulk' : 'control';
    this.#unsent.push({ lane, kind, body, requestId });
    this.#flush();
  }

  #meet(request: Request, fate: Fate): void {
    if (typeof fate === 'object') this.#refuse(request, fate.refuse, fate.leader);
    else if (fate === 'hold') this.#held.push(request);
    else if (fate !== 'lose') {
      this.#answer(request, fate === 'lose-answer' ? 0 : fate === 'answer-twice' ? 2 : 1);
      if (fate === 'copy') this.#answer(request, 1);
    }
  }

  #answer({ kind, body, requestId }: Request, times: number): void {
    const { cluster } = this.#around;
    if (kind === 'write') {
      const answer = cluster.apply(body);
      for (let time = 0; time < times; time += 1)
        this.send(clientFrame.writeReply, answer, requestId);
      return;
    }
    const answer = cluster.query(body);
    for (let time = 0; time < times; time += 1) {
      for (const part of this.parts(answer)) this.send(clientFrame.readReply, part, requestId);
    }
  }

  /** An answer to a read in the pieces in which it travels. */
  parts(answer: Buffer): Buffer[] {
    const { fragmentBytesMax } = this.#around.cluster;
    const parts: Buffer[] = [];
    for (let offset = 0; offset < answer.length; offset += fragmentBytesMax) {
      const part = Buffer.alloc(readHeaderBytes);
      part.writeUInt32LE(offset, 0);
      part.writeUInt32LE(answer.length, 4);
      parts.push(Buffer.concat([part, answer.subarray(offset, offset + fragmentBytesMax)]));
    }
    return parts;
  }

  #refuse({ requestId }: Request, reason: RefusalReason, leader: string | undefined): void {
    const body = Buffer.alloc(refusalBytes);
    body.writeUInt32LE(refusalCode[reason], 0);
    body.writeUInt32LE(this.#actorOf(leader), 4);
    this.send(clientFrame.refusal, body, requestId);
  }

  #requestOf({ kind, correlationId, bytes, start, end }: Frame): Request {
    return {
      node: this.id,
      kind: kind === clientFrame.write ? 'write' : 'read',
      requestId: correlationId,
      body: Buffer.from(bytes.subarray(start, end)),
    };
  }

  #actorOf(id: string | undefined): ActorId {
    return id === undefined ? noActor : this.#around.cluster.node(id).actor;
  }
}

export interface Serials {
  readonly clientId: number;
  readonly firstSerial: number;
  readonly lowestSerial: number;
  readonly count: number;
}

/** The serial numbers of a write, from its header. */
export function serialsOf({ body }: Request): Serials {
  const view = viewOf(body);
  return {
    clientId: view.getFloat64(batchField.clientId, true),
    firstSerial: view.getFloat64(batchField.firstSerial, true),
    lowestSerial: view.getFloat64(batchField.lowestSerial, true),
    count: view.getUint32(batchField.count, true),
  };
}
