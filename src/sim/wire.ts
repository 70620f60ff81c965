/**
 * The links of the simulator: what a replica or a client writes becomes a frame, which the pure
 * network may lose, delay or copy, and which then takes the time that any frame takes.
 *
 *     begin, fill, end ─┬─ clean link ────────────────────────────────┬─ latency ──> the inbox
 *                       └─ Network.submit ──(loss, delay, …)──> due ──┘
 *
 * A frame has its bytes for itself: nobody who sends can reach what another has received, as little
 * as across threads.
 */
import type { Lane, Refusal } from '../actor/link.js';
import type { ActorId } from '../actor/space.js';
import { Network } from '../network/network.js';
import type { Channel } from '../replica/channel.js';
import { frameName } from '../replica/wire.js';
import type { ClientLink } from '../store/client-sender.js';
import type { SimFrame } from './inbox.js';
import type { VirtualTime } from './virtual-time.js';

/** An actor and the end that it plays in the network. */
export interface End {
  readonly id: string;
  readonly actor: ActorId;
}

export interface WiringOptions {
  readonly time: VirtualTime;
  readonly nodes: readonly End[];
  readonly clients: readonly End[];
  readonly seed: number | string;
  /** Draws how long a frame is under way when nothing is wrong, in ms. */
  readonly drawLatencyMs: () => number;
  /** Bytes that may be under way on one link in each lane; one frame always fits. */
  readonly laneBytesMax: {
    readonly control: number;
    readonly bulk: number;
    /** In the control lane of a link to a client. */
    readonly answers: number;
  };
  /** A frame has arrived at a living actor. */
  readonly deliver: (frame: SimFrame) => void;
  /** A frame was sent: for those who watch. */
  readonly sent: (frame: SimFrame) => void;
}

const slabBytes = 2 ** 18;
/** Frames that all actors together send without any time passing: more is a loop without end. */
const framesAtOnceMax = 20_000;

/** All links, and the network between them. */
export class Wiring {
  readonly network: Network<SimFrame>;
  readonly options: WiringOptions;
  /** Faults that touch the links of clients: what they send then may be lost or copied. */
  exposures = 0;
  readonly #incarnations = new Map<ActorId, number>();
  readonly #names = new Map<ActorId, string>();
  readonly #wires = new Map<number, Wire>();
  #slab: Buffer = Buffer.alloc(slabBytes);
  #used = 0;
  #framesNow = 0;
  #countedMs = -1;

  constructor(options: WiringOptions) {
    this.options = options;
    const { nodes, clients, seed } = options;
    this.network = new Network<SimFrame>({
      nodes: nodes.map(({ id }) => id),
      clients: clients.map(({ id }) => id),
      seed,
      onDrop: ({ payload }, isCopy) => {
        if (!isCopy) payload.settle();
      },
    });
    for (const { id, actor } of [...nodes, ...clients]) this.#names.set(actor, id);
    for (const { actor } of clients) this.#incarnations.set(actor, 1);
  }

  /** The living incarnation of an actor; 0 while none lives. */
  incarnation(actor: ActorId): number {
    return this.#incarnations.get(actor) ?? 0;
  }

  setIncarnation(actor: ActorId, incarnation: number): void {
    this.#incarnations.set(actor, incarnation);
  }

  nameOf(actor: ActorId): string {
    return this.#names.get(actor) ?? `actor-${actor}`;
  }

  wire(source: ActorId, destination: ActorId): Wire {
    const key = source * 0x10000 + destination;
    const known = this.#wires.get(key);
    if (known !== undefined) return known;
    const wire = new Wire(this, source, destination);
    this.#wires.set(key, wire);
    return wire;
  }

  /** Takes over what the network lets go of by now. */
  takeDue(): void {
    for (const { frame, isCopy, corruption } of this.network.due(this.options.time.nowMs())) {
      const { payload } = frame;
      if (corruption === undefined) {
        this.carry(isCopy ? { ...payload, settle: () => {} } : payload);
      } else if (!isCopy) {
        // A flipped bit breaks the checksum of the envelope; the frame is as good as lost.
        payload.settle();
      }
    }
  }

  /** The last stretch of a frame, on which its link keeps its order. */
  carry(frame: SimFrame): void {
    const { time, drawLatencyMs } = this.options;
    const wire = this.wire(frame.source, frame.destination);
    const nowMs = time.nowMs();
    const arrivalMs = Math.max(wire.lastArrivalMs, nowMs + drawLatencyMs());
    wire.lastArrivalMs = arrivalMs;
    time.setTimer(arrivalMs - nowMs, () => this.#arrive(frame));
  }

  #arrive(frame: SimFrame): void {
    const isStale =
      frame.destinationIncarnation !== this.incarnation(frame.destination) ||
      frame.sourceIncarnation !== this.incarnation(frame.source);
    if (isStale) frame.settle();
    else this.options.deliver(frame);
  }

  /** Throws if so many frames were sent at this moment that there will be no next one. */
  count(): void {
    const nowMs = this.options.time.nowMs();
    this.#framesNow = nowMs === this.#countedMs ? this.#framesNow + 1 : 1;
    this.#countedMs = nowMs;
    if (this.#framesNow > framesAtOnceMax) throw new Error('frames are sent without end');
  }

  /** Room for a frame; zeroed, so that no run can see what another has left. */
  reserve(byteLength: number): { readonly bytes: Buffer; readonly offset: number } {
    if (this.#used + byteLength > this.#slab.length) {
      this.#slab = Buffer.alloc(Math.max(slabBytes, byteLength));
      this.#used = 0;
    }
    return { bytes: this.#slab, offset: this.#used };
  }

  /** Keeps what was reserved last. */
  take(byteLength: number): void {
    this.#used += (byteLength + 7) & ~7;
  }
}

/** One direction between two actors. */
export class Wire implements Channel, ClientLink {
  bytes: Buffer = Buffer.alloc(0);
  offset = 0;
  refusal: Refusal = 'full';
  destinationIncarnation = 0;
  isDetoured = false;
  lastArrivalMs = 0;
  readonly #wiring: Wiring;
  readonly #source: ActorId;
  readonly #destination: ActorId;
  readonly #link: { readonly source: string; readonly destination: string };
  readonly #underWay = { control: 0, bulk: 0 };
  readonly #room: { readonly control: number; readonly bulk: number };
  #lane: Lane = 'bulk';
  #kind = 0;
  #correlationId = 0;

  constructor(wiring: Wiring, source: ActorId, destination: ActorId) {
    this.#wiring = wiring;
    this.#source = source;
    this.#destination = destination;
    const { laneBytesMax, clients } = wiring.options;
    const isAnswer = clients.some(({ actor }) => actor === destination);
    const { control, bulk, answers } = laneBytesMax;
    this.#room = { control: isAnswer ? answers : control, bulk };
    this.#link = { source: wiring.nameOf(source), destination: wiring.nameOf(destination) };
  }

  begin(
    lane: Lane,
    kind: number,
    bodyBytesMax: number,
    correlationId = 0,
    incarnation = 0,
  ): boolean {
    const living = this.#wiring.incarnation(this.#destination);
    this.destinationIncarnation = living;
    if (living === 0 || (incarnation !== 0 && incarnation !== living)) return this.#refuse('dead');
    const underWay = this.#underWay[lane];
    if (underWay > 0 && underWay + bodyBytesMax > this.#room[lane]) return this.#refuse('full');
    const { bytes, offset } = this.#wiring.reserve(bodyBytesMax);
    this.bytes = bytes;
    this.offset = offset;
    this.#lane = lane;
    this.#kind = kind;
    this.#correlationId = correlationId;
    return true;
  }

  end(bodyBytes: number): void {
    const wiring = this.#wiring;
    wiring.count();
    wiring.take(bodyBytes);
    const lane = this.#lane;
    const underWay = this.#underWay;
    underWay[lane] += bodyBytes;
    this.isDetoured = wiring.exposures > 0;
    const frame: SimFrame = {
      source: this.#source,
      sourceIncarnation: wiring.incarnation(this.#source),
      destination: this.#destination,
      destinationIncarnation: this.destinationIncarnation,
      kind: this.#kind,
      lane,
      correlationId: this.#correlationId,
      bytes: this.bytes,
      start: this.offset,
      end: this.offset + bodyBytes,
      settle: () => {
        underWay[lane] -= bodyBytes;
      },
    };
    wiring.options.sent(frame);
    const { source, destination } = this.#link;
    if (wiring.network.isClean(source, destination)) {
      wiring.carry(frame);
      return;
    }
    const kind = frameName(frame.kind);
    const byteLength = bodyBytes;
    const nowMs = wiring.options.time.nowMs();
    wiring.network.submit({ source, destination, kind, byteLength, payload: frame }, nowMs);
  }

  send(lane: Lane, kind: number, body: Uint8Array, correlationId: number): boolean {
    if (!this.begin(lane, kind, body.length, correlationId)) return false;
    this.bytes.set(body, this.offset);
    this.end(body.length);
    return true;
  }

  #refuse(refusal: Refusal): false {
    this.refusal = refusal;
    return false;
  }
}
