/**
 * An actor's mailbox: the consumer's end of all links that lead to it.
 *
 * A drain looks at every control lane first, then goes round the bulk lanes from where the last
 * drain stopped, within a budget. Frames stay in shared memory until `release`, so a handler may
 * keep views of them until then and not longer.
 */
import { envelopeBytes, isIntact } from './envelope.js';
import { type Lane, type LinkBuffers, LinkReader } from './link.js';
import type { RingReader } from './ring.js';
import { type ActorId, type Space, supervisorId } from './space.js';

/** The frame that a handler looks at: one object, reused for every frame of a drain. */
export interface Frame {
  readonly source: ActorId;
  /** Which life of the source sent it: an answer is for that one. */
  readonly sourceIncarnation: number;
  readonly destination: ActorId;
  readonly kind: number;
  readonly lane: Lane;
  /** Answers carry the id of their question; 0 for a plain `tell`. */
  readonly correlationId: number;
  /** The body is `bytes[start…end)`; the envelope stands before it. Valid until `release`. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface DrainBudget {
  /** Stop taking bulk frames after this many; default 1,024. */
  readonly framesMax?: number;
  /** Stop taking bulk frames after this many bytes; default 1 MiB. */
  readonly bytesMax?: number;
}

export interface MailboxCounters {
  readonly frames: number;
  readonly bytes: number;
  readonly drains: number;
  /** Frames of, or for, an incarnation that is gone: dropped. */
  readonly stale: number;
  /** Frames whose checksum did not match: dropped. */
  readonly corrupt: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A drain takes at most this many control frames of one link, so that no peer can hold it. */
const controlFramesMax = 4096;

const nobody = Buffer.alloc(0);

export class Mailbox {
  readonly owner: ActorId;
  readonly #space: Space;
  // Replaced, never changed: a handler may attach and detach in the middle of a drain.
  #links: readonly LinkReader[] = [];
  readonly #incarnation: number;
  readonly #counters = { frames: 0, bytes: 0, drains: 0, stale: 0, corrupt: 0 };
  readonly #frame: Mutable<Frame> = {
    source: 0,
    sourceIncarnation: 0,
    destination: 0,
    kind: 0,
    lane: 'control',
    correlationId: 0,
    bytes: nobody,
    start: 0,
    end: 0,
  };
  #next = 0;

  /** An owner that may be declared dead at any time states its own incarnation. */
  constructor(space: Space, owner: ActorId, incarnation: number = space.incarnation(owner)) {
    this.#space = space;
    this.owner = owner;
    this.#incarnation = incarnation;
  }

  /** Reads a link from now on; what its producer wrote before is found too. */
  attach(buffers: LinkBuffers): void {
    const others = this.#links.filter((link) => link.source !== buffers.source);
    this.#links = [...others, new LinkReader(buffers)];
    this.#space.ring(this.owner);
  }

  detach(source: ActorId): void {
    this.#links = this.#links.filter((link) => link.source !== source);
  }

  /**
   * Leaves the bulk frames of one source unread until `unhold`: its producer is pushed back.
   * What comes by the detour is handed out all the same, since it shares its ring with others.
   */
  hold(source: ActorId): void {
    const link = this.#linkOf(source);
    if (link) link.isHeld = true;
  }

  unhold(source: ActorId): void {
    const link = this.#linkOf(source);
    if (link) link.isHeld = false;
    this.#space.ring(this.owner);
  }

  get isEmpty(): boolean {
    for (const link of this.#links) if (!link.isEmpty) return false;
    return true;
  }

  get counters(): MailboxCounters {
    return { ...this.#counters };
  }

  /** Hands out what has arrived; returns the number of frames. Call `release` afterwards. */
  drain(handler: (frame: Frame) => void, budget: DrainBudget = {}): number {
    const { framesMax = 1024, bytesMax = 2 ** 20 } = budget;
    const before = this.#counters.frames;
    const bytesBefore = this.#counters.bytes;
    this.#counters.drains += 1;
    const links = this.#links;
    for (const link of links) this.#drainLane(link, 'control', handler, controlFramesMax);
    const count = links.length;
    for (let step = 0; step < count; step += 1) {
      const link = links[(this.#next + step) % count];
      if (link === undefined || link.isHeld) continue;
      const framesLeft = framesMax - (this.#counters.frames - before);
      const bytesLeft = bytesMax - (this.#counters.bytes - bytesBefore);
      if (framesLeft <= 0 || bytesLeft <= 0) break;
      this.#drainLane(link, 'bulk', handler, framesLeft, bytesLeft);
    }
    this.#next = count === 0 ? 0 : (this.#next + 1) % count;
    return this.#counters.frames - before;
  }

  /** Gives the room of all drained frames back, and rings the producers that wait for it. */
  release(): void {
    for (const link of this.#links) if (link.release()) this.#space.ringForRoom(link.source);
  }

  #linkOf(source: ActorId): LinkReader | undefined {
    return this.#links.find((link) => link.source === source);
  }

  #drainLane(
    link: LinkReader,
    lane: Lane,
    handler: (frame: Frame) => void,
    framesMax: number,
    bytesMax = Number.POSITIVE_INFINITY,
  ): void {
    const reader = link[lane];
    // A producer that writes while it is read must find room: half of the ring is released first.
    let bytesLeft = Math.min(bytesMax, reader.capacity >> 1);
    for (let taken = 0; taken < framesMax && bytesLeft > 0; taken += 1) {
      if (lane === 'bulk' && link.isHeld) return;
      const at = reader.take();
      if (at < 0) return;
      bytesLeft -= reader.byteLengthAt(at);
      if (this.#isDetoured(link, reader, at)) this.#drainDirect(reader, lane, at, handler);
      if (this.#open(link, reader, lane, at)) handler(this.#frame);
    }
  }

  /** A frame of another actor that the supervisor brings. */
  #isDetoured(link: LinkReader, reader: RingReader, at: number): boolean {
    if (link.source !== supervisorId) return false;
    return ((reader.memory.words[(at >> 2) + 1] ?? 0) & 0xffff) !== supervisorId;
  }

  /**
   * What stands in the direct ring was sent before its link became routed, or the frame at hand
   * would have settled before it was sent: it goes first, or the link would lose its order.
   */
  #drainDirect(routed: RingReader, lane: Lane, at: number, handler: (frame: Frame) => void): void {
    const link = this.#linkOf((routed.memory.words[(at >> 2) + 1] ?? 0) & 0xffff);
    if (link === undefined) return;
    const reader = link[lane];
    for (let direct = reader.take(); direct >= 0; direct = reader.take()) {
      if (this.#open(link, reader, lane, direct)) handler(this.#frame);
    }
  }

  /** Points the cursor at a frame; false when the frame must not be seen. */
  #open(link: LinkReader, reader: RingReader, lane: Lane, at: number): boolean {
    const { bytes, words } = reader.memory;
    const byteLength = reader.byteLengthAt(at);
    const word = at >> 2;
    const frame = this.#frame;
    const ends = words[word + 1] ?? 0;
    frame.source = ends & 0xffff;
    frame.sourceIncarnation = words[word + 2] ?? 0;
    frame.destination = ends >>> 16;
    if (frame.destination === this.owner) {
      // A detour ends here, whatever becomes of the frame.
      if (link.source === supervisorId && frame.source !== supervisorId) {
        this.#linkOf(frame.source)?.memory.settle(bytes, at);
        if (!isIntact(bytes, words, at, byteLength)) {
          this.#counters.corrupt += 1;
          return false;
        }
      }
      if (this.#isStale(words, word, frame.source)) {
        this.#counters.stale += 1;
        return false;
      }
    }
    frame.kind = (words[word + 4] ?? 0) & 0xff;
    frame.lane = lane;
    frame.correlationId = words[word + 5] ?? 0;
    frame.bytes = bytes;
    frame.start = at + envelopeBytes;
    frame.end = at + byteLength;
    this.#counters.frames += 1;
    this.#counters.bytes += byteLength;
    return true;
  }

  #isStale(words: Int32Array, word: number, source: ActorId): boolean {
    return (
      words[word + 3] !== this.#incarnation || words[word + 2] !== this.#space.incarnation(source)
    );
  }
}
