/**
 * The live half of the network: it drives the pure `Network` by the machine's clock.
 *
 * The router owns the switch of every link. A link that some rule or partition touches is *routed*:
 * its frames come here, envelope and all, are handed to the network, and go on when they are due.
 * A link goes back to *express* when the network is clean for it; its producer then waits until all
 * that it sent on the detour has settled, so the order of the link is kept.
 */
import { envelopeBytes, markDuplicate, readEnvelope } from '../actor/envelope.js';
import type { Lane, LinkMemory, LinkWriter } from '../actor/link.js';
import type { Frame as MailboxFrame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Clock, Timer } from '../clock.js';
import type { Delivery } from './link.js';
import { Network, type NetworkOptions } from './network.js';

/** A frame on its detour: the bytes with their envelope, and where they go. */
export interface RoutedFrame {
  readonly bytes: Buffer;
  readonly lane: Lane;
  readonly source: ActorId;
  readonly destination: ActorId;
}

/** What the router needs of the runtime. */
export interface RouterPorts {
  /** The supervisor's own link to an actor; `undefined` for one that is gone. */
  linkTo(destination: ActorId): LinkWriter | undefined;
  linkMemory(source: ActorId, destination: ActorId): LinkMemory | undefined;
}

export interface RouterOptions extends NetworkOptions {
  readonly ports: RouterPorts;
  readonly clock: Clock;
  /** The end (`n1`, `c1`) that an actor plays. */
  readonly endOf: (actor: ActorId) => string;
  /** The actors of all ends that are there now. */
  readonly actors: () => ReadonlyMap<string, ActorId>;
  /** The name of a frame's kind, which rules may ask for. */
  readonly kindOf: (kind: number) => string;
  /** What a frame says, for rules that look inside. Called only when such a rule asks. */
  readonly contentOf?: (frame: MailboxFrame) => unknown;
  /** Frames that may wait for room in the ring of one destination. Default 10,000. */
  readonly waitingMax?: number;
}

/** How long a frame that cannot go on yet waits before the next try. */
const retryMs = 1;

export class Router implements Disposable {
  readonly network: Network<RoutedFrame>;
  readonly #options: RouterOptions;
  readonly #waitingMax: number;
  /** Due frames that found no room; in order. */
  readonly #waiting = new Map<ActorId, Delivery<RoutedFrame>[]>();
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #isPumping = false;
  #overflowed = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#waitingMax = options.waitingMax ?? 10_000;
    this.network = new Network<RoutedFrame>({
      ...options,
      onChange: () => this.#onChange(),
      onDrop: (frame, isCopy) => {
        if (!isCopy) this.#settle(frame.payload);
      },
    });
  }

  /** Frames lost because too many waited for one destination. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** Takes in a frame that came to the supervisor for somebody else. */
  route(frame: MailboxFrame): void {
    const { endOf, kindOf, contentOf, clock } = this.#options;
    const { source, destination, lane } = frame;
    const bytes = Buffer.from(frame.bytes.subarray(frame.start - envelopeBytes, frame.end));
    const nowMs = clock.nowMs();
    this.network.submit(
      {
        source: endOf(source),
        destination: endOf(destination),
        kind: kindOf(frame.kind),
        byteLength: frame.end - frame.start,
        get content() {
          return contentOf?.(frame);
        },
        payload: { bytes, lane, source, destination },
      },
      nowMs,
    );
    this.#pump(nowMs);
  }

  /** What is held, oldest first; each frame is a copy of its own. */
  held(): MailboxFrame[] {
    return this.network.held().map(({ frame }) => {
      const { bytes, lane } = frame.payload;
      return { ...readEnvelope(bytes), lane, bytes, start: envelopeBytes, end: bytes.length };
    });
  }

  /** Sets every link's switch again: ends have come or gone, or a thread was started anew. */
  refresh(): void {
    const actors = this.#options.actors();
    for (const { source, destination } of this.network.links()) {
      const [from, to] = [actors.get(source), actors.get(destination)];
      if (from === undefined || to === undefined) continue;
      const isRouted = !this.network.isClean(source, destination);
      this.#options.ports.linkMemory(from, to)?.setRouted(isRouted);
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#timerMs = Number.NEGATIVE_INFINITY;
    this.#waiting.clear();
  }

  #onChange(): void {
    this.#pump(this.#options.clock.nowMs());
    this.refresh();
  }

  /** Sends on what is due, and sees to it that this is called again when more will be. */
  #pump(nowMs: number): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const due = this.network.due(nowMs);
    for (const delivery of due) this.#enqueue(delivery);
    for (const [destination, queue] of this.#waiting) this.#sendOn(destination, queue);
    this.#isPumping = false;
    if (due.length > 0) this.refresh();
    this.#arm(nowMs);
  }

  #enqueue(delivery: Delivery<RoutedFrame>): void {
    const { destination } = delivery.frame.payload;
    const queue = this.#waiting.get(destination);
    if (queue === undefined) {
      this.#waiting.set(destination, [delivery]);
    } else if (queue.length < this.#waitingMax) {
      queue.push(delivery);
    } else {
      this.#overflowed += 1;
      if (!delivery.isCopy) this.#settle(delivery.frame.payload);
    }
  }

  #sendOn(destination: ActorId, queue: Delivery<RoutedFrame>[]): void {
    let sent = 0;
    for (const delivery of queue) {
      if (!this.#send(delivery)) break;
      sent += 1;
    }
    queue.splice(0, sent);
    if (queue.length === 0) this.#waiting.delete(destination);
  }

  /** False when the frame has to wait. */
  #send({ frame, isCopy, corruption }: Delivery<RoutedFrame>): boolean {
    const { bytes, lane, destination } = frame.payload;
    const link = this.#options.ports.linkTo(destination);
    if (link === undefined) {
      if (!isCopy) this.#settle(frame.payload);
      return true;
    }
    const sent = Buffer.from(bytes);
    if (isCopy) markDuplicate(sent);
    if (corruption !== undefined) {
      const at = envelopeBytes + corruption.byteOffset;
      sent[at] = (sent[at] ?? 0) ^ (1 << corruption.bit);
    }
    return link.forward(lane, sent);
  }

  #settle({ source, destination, bytes }: RoutedFrame): void {
    this.#options.ports.linkMemory(source, destination)?.settle(bytes);
  }

  #arm(nowMs: number): void {
    const retryAtMs = this.#waiting.size > 0 ? nowMs + retryMs : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(this.network.nextDueMs() ?? Number.POSITIVE_INFINITY, retryAtMs);
    if (nextMs === Number.POSITIVE_INFINITY || nextMs >= this.#timerMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerMs = nextMs;
    const fire = (): void => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#pump(this.#options.clock.nowMs());
    };
    const delayMs = Math.max(0, nextMs - nowMs);
    this.#timer = this.#options.clock.setTimer(delayMs, fire, { keepsAlive: false });
  }
}
