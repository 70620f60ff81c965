/**
 * The link of one ordered pair of actors: a small control ring and a large bulk ring.
 *
 * A link is *express* (frames go straight to the destination) or *routed* (they detour through
 * the supervisor, which applies the network's rules). The supervisor owns the mode word; the
 * producer goes back to express only once everything that it sent on the detour has settled, so
 * the order of a link is kept whatever the switch does.
 */
import {
  envelopeBytes,
  type FrameMemory,
  routeGeneration,
  sealRouted,
  settlesRoute,
  writeEnvelope,
} from './envelope.js';
import { type RingPlace, RingReader, RingWriter } from './ring.js';
import { type ActorId, type Space, supervisorId } from './space.js';

/** Structured-cloneable: the same record opens the link on both of its ends. */
export interface LinkBuffers {
  readonly source: ActorId;
  readonly destination: ActorId;
  readonly memory: SharedArrayBuffer;
  readonly controlBytes: number;
  readonly bulkBytes: number;
}

export type Lane = 'control' | 'bulk';

/** Why `begin` refused. */
export type Refusal = 'full' | 'dead' | 'too-large';

export interface LinkCounters {
  readonly refusedFull: number;
  readonly routedInFlight: number;
}

const modeExpress = 0;
const modeRouted = 1;

// The route word: generation above, frames in flight below; one word, so that both change at once.
const routeCountBits = 22;
const routeCountMask = (1 << routeCountBits) - 1;

// Header words; each that one side writes often has a cache line (16 words) of its own.
const word = {
  mode: 0,
  route: 1,
  refusedFull: 16,
  wantsRoom: 17,
  controlHead: 32,
  controlTail: 48,
  bulkHead: 64,
  bulkTail: 80,
} as const;
const headerBytes = 384;

/**
 * Memory from here on is asked for with so much beyond its end, which is never touched. The C
 * library takes an allocation of more than 32 MiB from the system, always, where pages cost nothing
 * until they are used, and gives it back when it is freed. Smaller ones it soon takes from a heap
 * of its own, and clears them: a client that came and went cost 8 MB of resident memory.
 */
const lazyFrom = 2 ** 20;
const lazyBytes = 2 ** 25;

export interface LinkOptions {
  /** Capacity of the control ring in bytes; a power of two. Default 64 KiB. */
  readonly controlBytes?: number;
  /** Capacity of the bulk ring in bytes; a power of two. Default 4 MiB, touched only as used. */
  readonly bulkBytes?: number;
}

export function allocateLink(
  source: ActorId,
  destination: ActorId,
  { controlBytes = 2 ** 16, bulkBytes = 2 ** 22 }: LinkOptions = {},
): LinkBuffers {
  const byteLength = headerBytes + controlBytes + bulkBytes;
  const memory = new SharedArrayBuffer(byteLength < lazyFrom ? byteLength : byteLength + lazyBytes);
  return { source, destination, memory, controlBytes, bulkBytes };
}

/**
 * What both ends and the supervisor see of a link.
 *
 * Every routed frame is counted when it is sent and settled once, when it was delivered or dropped.
 * A thread that is killed may leave a frame counted and not sent, or settled and not released, so
 * the supervisor starts a new generation of the count when an end has died: frames of an older one
 * settle nothing, and are stale wherever they arrive.
 */
export class LinkMemory implements FrameMemory {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly control: RingPlace;
  readonly bulk: RingPlace;

  constructor(buffers: LinkBuffers) {
    this.bytes = Buffer.from(buffers.memory);
    this.words = new Int32Array(buffers.memory);
    this.control = {
      headWord: word.controlHead,
      tailWord: word.controlTail,
      dataStart: headerBytes,
      capacity: buffers.controlBytes,
    };
    this.bulk = {
      headWord: word.bulkHead,
      tailWord: word.bulkTail,
      dataStart: headerBytes + buffers.controlBytes,
      capacity: buffers.bulkBytes,
    };
  }

  setRouted(isRouted: boolean): void {
    Atomics.store(this.words, word.mode, isRouted ? modeRouted : modeExpress);
  }

  get isRouted(): boolean {
    return Atomics.load(this.words, word.mode) === modeRouted;
  }

  /** True when every frame that was sent straight has been read by the destination. */
  get isExpressEmpty(): boolean {
    const { words } = this;
    return (
      Atomics.load(words, word.controlHead) === Atomics.load(words, word.controlTail) &&
      Atomics.load(words, word.bulkHead) === Atomics.load(words, word.bulkTail)
    );
  }

  /** A routed frame has ended: delivered, or dropped on the way. A duplicate settles nothing. */
  settle(frame: Buffer, at = 0): void {
    if (settlesRoute(frame, at)) this.settleRouted(routeGeneration(frame, at));
  }

  /** As `settle`, for a caller who knows that the frame is no duplicate. */
  settleRouted(generation: number = this.#generation): void {
    for (;;) {
      const route = Atomics.load(this.words, word.route);
      if (route >>> routeCountBits !== generation || (route & routeCountMask) === 0) return;
      if (Atomics.compareExchange(this.words, word.route, route, route - 1) === route) return;
    }
  }

  /** One end has died: nothing that is still under way counts any more. Supervisor only. */
  resetRoute(): void {
    Atomics.store(this.words, word.route, (this.#generation + 1) << routeCountBits);
  }

  get #generation(): number {
    return Atomics.load(this.words, word.route) >>> routeCountBits;
  }

  get counters(): LinkCounters {
    return {
      refusedFull: Atomics.load(this.words, word.refusedFull),
      routedInFlight: this.routedInFlight,
    };
  }

  get routedInFlight(): number {
    return Atomics.load(this.words, word.route) & routeCountMask;
  }

  /** Counts a frame that is about to be sent on the detour; the generation that it belongs to. */
  countRouted(): number {
    return Atomics.add(this.words, word.route, 1) >>> routeCountBits;
  }

  countRefusal(): void {
    Atomics.add(this.words, word.refusedFull, 1);
  }

  /** The producer asks to be rung when room is given back. */
  askForRoom(): void {
    Atomics.store(this.words, word.wantsRoom, 1);
  }

  takeWishForRoom(): boolean {
    return (
      Atomics.load(this.words, word.wantsRoom) === 1 &&
      Atomics.exchange(this.words, word.wantsRoom, 0) === 1
    );
  }
}

/**
 * The producer's end. A frame is written in place:
 *
 *     if (!link.begin('bulk', kind, bodyBytesMax)) return link.refusal;
 *     link.bytes.set(body, link.offset);
 *     link.end(body.length);
 */
export class LinkWriter {
  readonly source: ActorId;
  readonly destination: ActorId;
  readonly memory: LinkMemory;
  /** After `begin`: the memory to write to, and where the body starts in it (8-aligned). */
  bytes: Buffer;
  offset = 0;
  /** After `begin`: which incarnation of the destination will see the frame. */
  destinationIncarnation = 0;
  /** After a refused `begin`: why. */
  refusal: Refusal = 'full';

  readonly #space: Space;
  readonly #sourceIncarnation: number;
  readonly #rings: { readonly control: RingWriter; readonly bulk: RingWriter };
  readonly #detour: LinkWriter | undefined;
  #ring: RingWriter;
  #isRouted = false;
  #isDetached = false;

  /**
   * `detour` is this thread's link to the supervisor; a link without one is always express.
   * An actor that may be declared dead at any time states its own incarnation.
   */
  constructor(
    space: Space,
    buffers: LinkBuffers,
    detour?: LinkWriter,
    sourceIncarnation: number = space.incarnation(buffers.source),
  ) {
    this.#space = space;
    this.#detour = detour;
    this.source = buffers.source;
    this.destination = buffers.destination;
    this.#sourceIncarnation = sourceIncarnation;
    this.memory = new LinkMemory(buffers);
    this.bytes = this.memory.bytes;
    this.#rings = {
      control: new RingWriter(this.memory, this.memory.control),
      bulk: new RingWriter(this.memory, this.memory.bulk),
    };
    this.#ring = this.#rings.bulk;
  }

  /** Whether the frame that was begun last goes by the supervisor. */
  get isDetoured(): boolean {
    return this.#isRouted;
  }

  /**
   * Reserves a frame with a body of at most `bodyBytesMax` bytes, for this incarnation of the
   * destination; 0 is whichever lives.
   */
  begin(
    lane: Lane,
    kind: number,
    bodyBytesMax: number,
    correlationId = 0,
    incarnation = 0,
  ): boolean {
    const destinationIncarnation = this.#space.incarnation(this.destination);
    if (destinationIncarnation === 0 || this.#isDetached) return this.#refuse('dead');
    if (incarnation !== 0 && incarnation !== destinationIncarnation) return this.#refuse('dead');
    this.destinationIncarnation = destinationIncarnation;
    this.#isRouted = this.#mustDetour();
    const rings = this.#isRouted && this.#detour ? this.#detour.#rings : this.#rings;
    this.#ring = rings[lane];
    const at = this.#reserve(bodyBytesMax + envelopeBytes);
    if (at < 0) return false;
    writeEnvelope(this.#ring.memory, at, {
      source: this.source,
      destination: this.destination,
      sourceIncarnation: this.#sourceIncarnation,
      destinationIncarnation,
      kind,
      correlationId,
    });
    this.bytes = this.#ring.memory.bytes;
    this.offset = at + envelopeBytes;
    return true;
  }

  /** Sends what was begun, with the body's true length, and rings the destination's bell. */
  end(bodyBytes: number): void {
    const at = this.offset - envelopeBytes;
    const byteLength = bodyBytes + envelopeBytes;
    // Counted before it can be seen: it must not settle before it counts.
    if (this.#isRouted) {
      sealRouted(this.#ring.memory, at, byteLength, this.memory.countRouted());
    }
    this.#ring.publish(at, byteLength);
    this.#space.ring(this.#isRouted ? supervisorId : this.destination);
  }

  /** Begins, copies and ends in one call. */
  send(lane: Lane, kind: number, body: Uint8Array, correlationId = 0): boolean {
    if (!this.begin(lane, kind, body.length, correlationId)) return false;
    this.bytes.set(body, this.offset);
    this.end(body.length);
    return true;
  }

  /** Passes on a whole frame, envelope included, as the supervisor does with routed ones. */
  forward(lane: Lane, frame: Uint8Array): boolean {
    this.#isRouted = false;
    this.#ring = this.#rings[lane];
    const at = this.#reserve(frame.length);
    if (at < 0) return false;
    this.#ring.memory.bytes.set(frame, at);
    this.#ring.publish(at, frame.length);
    this.#space.ring(this.destination);
    return true;
  }

  /** Nobody reads this link any more: from now on `begin` says that the destination is dead. */
  detach(): void {
    this.#isDetached = true;
  }

  #mustDetour(): boolean {
    if (this.#detour === undefined) return false;
    return this.memory.isRouted || this.memory.routedInFlight > 0;
  }

  #reserve(byteLength: number): number {
    if (byteLength > this.#ring.frameBytesMax) {
      this.refusal = 'too-large';
      return -1;
    }
    let at = this.#ring.reserve(byteLength);
    if (at >= 0) return at;
    const ringMemory = this.#isRouted && this.#detour ? this.#detour.memory : this.memory;
    ringMemory.askForRoom();
    // Room may have come between the refusal and the wish: without a second look, nobody rings.
    at = this.#ring.reserve(byteLength);
    if (at >= 0) return at;
    this.memory.countRefusal();
    this.refusal = 'full';
    return -1;
  }

  #refuse(refusal: Refusal): false {
    this.refusal = refusal;
    return false;
  }
}

/** The consumer's end: two readers and what a drain has to know about them. */
export class LinkReader {
  readonly source: ActorId;
  readonly memory: LinkMemory;
  readonly control: RingReader;
  readonly bulk: RingReader;
  /** A held link's bulk lane stays unread, so that its producer feels the back-pressure. */
  isHeld = false;

  constructor(buffers: LinkBuffers) {
    this.source = buffers.source;
    this.memory = new LinkMemory(buffers);
    this.control = new RingReader(this.memory, this.memory.control);
    this.bulk = new RingReader(this.memory, this.memory.bulk);
  }

  get isEmpty(): boolean {
    return this.control.isEmpty && (this.isHeld || this.bulk.isEmpty);
  }

  /** True when the producer waits for the room that was just given back. */
  release(): boolean {
    const control = this.control.release();
    const bulk = this.bulk.release();
    return (control || bulk) && this.memory.takeWishForRoom();
  }
}
