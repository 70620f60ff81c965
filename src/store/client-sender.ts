/**
 * From outbox to ring: which batch may go, to which node, under which serial numbers.
 *
 * A batch that may not go waits in its outbox: for the end of a back-off, for its session, for room
 * in the serial window, for a node that lives, for room in a ring. Whatever ends the wait (an
 * answer, a bell, the next pass) pumps again.
 */
import type { Lane, Refusal } from '../actor/link.js';
import type { Mailbox } from '../actor/mailbox.js';
import type { ActorId, Space } from '../actor/space.js';
import type { Clock } from '../clock.js';
import { BatchWriter } from './batch-writer.js';
import { allocateMemory, Batch } from './client-batch.js';
import { nodeDown, tooLarge } from './client-failure.js';
import type { ClientRoute, Outbox } from './client-route.js';
import { batchHeaderBytes, stampBatch } from './command.js';
import { clientFrame, readHeaderBytes } from './protocol.js';
import type { Routing } from './routing.js';

/** What a client needs of the actor that it lives in. */
export interface ClientRoom {
  readonly id: ActorId;
  readonly space: Pick<Space, 'incarnation'>;
  readonly mailbox: Pick<Mailbox, 'drain' | 'release'>;
  link(peer: ActorId): ClientLink | undefined;
}

/** How a client writes to a node. `LinkWriter` of the actor runtime is one. */
export interface ClientLink {
  /** Of the frame sent last: which incarnation of the node will see it. */
  readonly destinationIncarnation: number;
  /** Of the frame sent last: whether it goes where a network may lose or copy it. */
  readonly isDetoured: boolean;
  /** After a refused `send`: why. */
  readonly refusal: Refusal;
  send(lane: Lane, kind: number, body: Uint8Array, correlationId: number): boolean;
}

export interface SenderOptions {
  readonly room: ClientRoom;
  readonly routing: Routing;
  readonly clock: Clock;
  /** A batch was made here that has to be looked after: a registration. */
  readonly adopt: (batch: Batch) => void;
  readonly fail: (batch: Batch, reason: unknown) => void;
}

export interface SenderCounters {
  /** Batches sent, each attempt counted. */
  readonly attempts: number;
  /** Times that a batch found its ring full. */
  readonly blocked: number;
  /** Attempts that an answer is still awaited for. */
  readonly awaited: number;
}

type Attempt = 'sent' | 'blocked' | 'failed';

const requestIdMax = 0x7fffffff;
/** What an attempt needs at least to be answered, if the nodes are not too busy. */
const lastAttemptMs = 25;

export class Sender {
  readonly #options: SenderOptions;
  readonly #routes: ClientRoute[] = [];
  /** Attempts that an answer may come for, by request id. */
  readonly #awaited = new Map<number, Batch>();
  readonly #counts = { attempts: 0, blocked: 0 };
  #lastId = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get counters(): SenderCounters {
    return { ...this.#counts, awaited: this.#awaited.size };
  }

  addRoute(route: ClientRoute): void {
    this.#routes.push(route);
  }

  /** Whose attempt has this id, unless the batch is settled or the attempt was refused. */
  awaited(requestId: number): Batch | undefined {
    return this.#awaited.get(requestId);
  }

  /** Nothing but this attempt's refusal has come, and nothing else will. */
  refused(requestId: number): void {
    this.#awaited.delete(requestId);
  }

  forgetAttempts(batch: Batch): void {
    if (batch.attempts === 0) return;
    this.#awaited.delete(batch.requestId);
    for (const id of batch.earlierIds) this.#awaited.delete(id);
    batch.earlierIds.length = 0;
  }

  /** The session has expired and nothing was applied: the batch may be numbered by another. */
  unnumber(batch: Batch): void {
    this.forgetAttempts(batch);
    batch.session = undefined;
  }

  /** There is somebody new to ask: nobody waits out a back-off. */
  endBackOffs(): void {
    for (const { writes, reads } of this.#routes) {
      writes.endBackOff();
      reads.endBackOff();
    }
  }

  pumpAll(): void {
    for (const route of this.#routes) {
      this.pump(route, route.writes);
      this.pump(route, route.reads);
    }
  }

  /** Sends what may go. */
  pump(route: ClientRoute, outbox: Outbox): void {
    if (outbox.isEmpty) return;
    const { routing, clock } = this.#options;
    if (route.pin !== undefined && !routing.isAlive(route.pin)) {
      this.#failAll(outbox, routing.node(route.pin).id);
      return;
    }
    const nowMs = clock.nowMs();
    if (nowMs >= outbox.notBeforeMs && this.#pumpRepeats(outbox, nowMs)) {
      this.#pumpFresh(route, outbox, nowMs);
    }
  }

  /** False if one is blocked: then the others are too. */
  #pumpRepeats({ repeats, fresh }: Outbox, nowMs: number): boolean {
    for (let batch = repeats.peek(); batch; batch = repeats.peek()) {
      if (isTooLate(batch, nowMs)) {
        repeats.shift();
        continue;
      }
      if (wantsSerials(batch)) fresh.push(batch);
      else if (this.#attempt(batch, nowMs) === 'blocked') return false;
      repeats.shift();
    }
    return true;
  }

  #pumpFresh(route: ClientRoute, { fresh }: Outbox, nowMs: number): void {
    for (let batch = fresh.peek(); batch; batch = fresh.peek()) {
      if (wantsSerials(batch) && !this.#takeSerials(route, batch, nowMs)) return;
      if (this.#attempt(batch, nowMs) === 'blocked') return;
      fresh.shift();
    }
  }

  /** False while the batch has to wait for its session, or for room in the window. */
  #takeSerials(route: ClientRoute, batch: Batch, nowMs: number): boolean {
    const { session } = route;
    if (session.clientId === 0) {
      if (session.registration === undefined) this.#register(route, batch, nowMs);
      return false;
    }
    if (!session.admits(batch.commands)) return false;
    session.number(batch);
    return true;
  }

  /** The first write of a session opens it; the registration has as much time as that write. */
  #register(route: ClientRoute, waiting: Batch, nowMs: number): void {
    const memory = allocateMemory(batchHeaderBytes + 8);
    const writer = new BatchWriter();
    writer.reset(memory.bytes);
    writer.register();
    const terms = { ...waiting.terms, signal: undefined };
    const batch = new Batch(route, terms, memory, waiting.deadlineMs);
    batch.byteLength = writer.finish({ ...sessionless, requestId: 0 });
    batch.commands = 1;
    batch.registers = route.session;
    batch.state = 'queued';
    route.session.registration = batch;
    this.#options.adopt(batch);
    if (this.#attempt(batch, nowMs) === 'blocked') route.writes.repeats.push(batch);
  }

  #attempt(batch: Batch, nowMs: number): Attempt {
    const { room, routing } = this.#options;
    const slot = batch.route.pin ?? routing.pick(nowMs);
    const link = slot < 0 ? undefined : room.link(routing.node(slot).actor);
    if (link === undefined) return 'blocked';
    const requestId = this.#nextId();
    if (!this.#write(batch, link, requestId)) return this.#refusedBy(link, batch, slot);
    if (batch.attempts > 0) batch.earlierIds.push(batch.requestId);
    batch.requestId = requestId;
    batch.slot = slot;
    batch.nodeId = routing.node(slot).id;
    batch.incarnation = link.destinationIncarnation;
    if (link.isDetoured) batch.isDetoured = true;
    batch.sentAtMs = nowMs;
    batch.attempts += 1;
    batch.doubts += 1;
    batch.state = 'sent';
    this.#awaited.set(requestId, batch);
    this.#counts.attempts += 1;
    return 'sent';
  }

  #write(batch: Batch, link: ClientLink, requestId: number): boolean {
    const { memory, session, firstSerial, byteLength } = batch;
    const originActor = this.#options.room.id;
    const { isRead } = batch.terms;
    const stamp = session
      ? { clientId: session.clientId, firstSerial, lowestSerial: session.lowestSerial }
      : sessionless;
    stampBatch(memory.view, isRead ? readHeaderBytes : 0, { ...stamp, originActor, requestId });
    const kind = isRead ? clientFrame.read : clientFrame.write;
    return link.send('bulk', kind, memory.bytes.subarray(0, byteLength), requestId);
  }

  #refusedBy(link: ClientLink, batch: Batch, slot: number): Attempt {
    if (link.refusal === 'too-large') {
      this.#options.fail(batch, tooLarge(batch.byteLength - 1));
      return 'failed';
    }
    if (link.refusal === 'full') {
      this.#counts.blocked += 1;
      const nodeId = this.#options.routing.node(slot).id;
      batch.route.outboxOf(batch).lastWord = { nodeId, reason: 'full' };
    }
    return 'blocked';
  }

  #failAll({ repeats, fresh }: Outbox, nodeId: string): void {
    for (const queue of [repeats, fresh]) {
      for (let batch = queue.peek(); batch; batch = queue.peek()) {
        this.#options.fail(batch, nodeDown(batch, nodeId));
      }
    }
  }

  #nextId(): number {
    do this.#lastId = this.#lastId >= requestIdMax ? 1 : this.#lastId + 1;
    while (this.#awaited.has(this.#lastId));
    return this.#lastId;
  }
}

const sessionless = { clientId: 0, firstSerial: 0, lowestSerial: 0, originActor: 0 };

/**
 * A write that every attempt was refused of is surely not done. One more attempt that ends after
 * the deadline would only turn that into doubt, so it waits for its end instead.
 */
function isTooLate({ terms, attempts, doubts, deadlineMs }: Batch, nowMs: number): boolean {
  const isRefused = !terms.isRead && attempts > 0 && doubts === 0;
  return isRefused && deadlineMs - nowMs < Math.min(lastAttemptMs, terms.timeoutMs / 10);
}

function wantsSerials({ session, terms, registers }: Batch): boolean {
  return session === undefined && !terms.isRead && registers === undefined;
}
