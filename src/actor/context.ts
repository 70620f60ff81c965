/**
 * What an actor sees of the runtime, wherever it lives: in a worker of the supervisor's, or as a
 * guest in a thread that somebody else started.
 */
import { type Clock, systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { ControlMethod, ControlMethods } from './control.js';
import { type LinkBuffers, LinkWriter } from './link.js';
import { Loop } from './loop.js';
import { Mailbox } from './mailbox.js';
import { type AskOptions, Messenger } from './messenger.js';
import { type DownListener, type DownNotice, Monitors } from './monitor.js';
import type { ActorRef, AnswerTo, MessageTo } from './ref.js';
import { type ActorId, Space, type SpaceBuffers, supervisorId } from './space.js';

/** Everything that a thread needs to be an actor. Structured-cloneable. */
export interface ActorRecord {
  readonly id: ActorId;
  readonly incarnation: number;
  readonly space: SpaceBuffers;
  /** All links that start or end here. */
  readonly links: readonly LinkBuffers[];
  /** What the child spec gives to this incarnation. */
  readonly data: unknown;
}

/** The runtime, as an actor sees it. */
export interface ActorContext<Data = unknown> {
  readonly id: ActorId;
  readonly incarnation: number;
  readonly space: Space;
  readonly mailbox: Mailbox;
  readonly data: Data;
  /** Behind `tell` and `ask`. A raw behavior that uses these hands it the frames of messages. */
  readonly messenger: Messenger;
  /** See `Messenger.tell`. */
  tell<H>(ref: ActorRef<H>, message: MessageTo<H>): boolean;
  /** See `Messenger.ask`. */
  ask<H, const M extends MessageTo<H>>(
    ref: ActorRef<H>,
    message: M,
    options?: AskOptions,
  ): Promise<AnswerTo<H, M>>;
  /** The link to a peer, as long as the two are connected. The supervisor is peer 0. */
  link(peer: ActorId): LinkWriter | undefined;
  /** Who is connected, the supervisor not counted. */
  peers(): ActorId[];
  /** Has `listener` called at every death of a connected peer, until disposed. */
  monitor(peer: ActorRef | ActorId, listener: DownListener): Disposable;
  /** Has the behavior's `turn` called soon: for work that no frame announces, as a timer's. */
  wake(): void;
  /** Ends this actor: normally, or with an error that its monitors and its supervisor see. */
  exit(reason?: Error): void;
}

/** What an actor does. `turn` runs to completion; nothing else of the actor runs meanwhile. */
export interface Behavior {
  /**
   * Drains `context.mailbox` (and releases it) and does what there is to do; true when it found
   * something. An error that it throws ends the actor.
   */
  turn(): boolean;
  /** What the supervisor's side may call by name, see `Child.call`. */
  readonly control?: ControlMethods;
  /** A peer was connected after the start. */
  linkAttached?(peer: ActorId): void;
  /** A peer was disconnected: its `LinkWriter` refuses from now on. */
  linkDetached?(peer: ActorId): void;
  /** A connected peer has died; its successor, if it gets one, has the same id. */
  peerDown?(notice: DownNotice): void;
  /**
   * The actor is stopped: what it has to do first, within the shutdown time of its child spec. What
   * it sends now, and what nobody has read yet, may be dropped as that of a dead actor.
   */
  close?(): void | Promise<void>;
}

/** Makes the behavior of one incarnation. */
export type StartActor<Data = unknown> = (
  context: ActorContext<Data>,
) => Behavior | Promise<Behavior>;

export interface LiveContextOptions {
  /** Whether a pause may block this thread. */
  readonly canBlock: boolean;
  readonly clock?: Clock;
  exit(reason?: Error): void;
}

export class LiveContext implements ActorContext {
  readonly id: ActorId;
  readonly incarnation: number;
  readonly space: Space;
  readonly mailbox: Mailbox;
  readonly data: unknown;
  readonly messenger: Messenger;
  readonly #options: LiveContextOptions;
  readonly #writers = new Map<ActorId, LinkWriter>();
  readonly #monitors = new Monitors();
  readonly #detour: LinkWriter | undefined;
  #behavior: Behavior | undefined;
  #loop: Loop | undefined;

  constructor(record: ActorRecord, options: LiveContextOptions) {
    this.id = record.id;
    this.incarnation = record.incarnation;
    this.data = record.data;
    this.#options = options;
    this.space = new Space(record.space);
    this.mailbox = new Mailbox(this.space, this.id, this.incarnation);
    this.messenger = new Messenger({
      clock: options.clock ?? systemClock,
      linkTo: (peer) => this.link(peer),
    });
    const detour = record.links.find(
      ({ source, destination }) => source === this.id && destination === supervisorId,
    );
    if (detour) this.#detour = this.#open(detour);
    for (const buffers of record.links) if (buffers !== detour) this.#open(buffers);
  }

  tell<H>(ref: ActorRef<H>, message: MessageTo<H>): boolean {
    return this.messenger.tell(ref, message);
  }

  ask<H, const M extends MessageTo<H>>(
    ref: ActorRef<H>,
    message: M,
    options?: AskOptions,
  ): Promise<AnswerTo<H, M>> {
    return this.messenger.ask(ref, message, options);
  }

  link(peer: ActorId): LinkWriter | undefined {
    return this.#writers.get(peer);
  }

  peers(): ActorId[] {
    return [...this.#writers.keys()].filter((peer) => peer !== supervisorId);
  }

  monitor(peer: ActorRef | ActorId, listener: DownListener): Disposable {
    return this.#monitors.monitor(typeof peer === 'number' ? peer : peer.actor, listener);
  }

  wake(): void {
    this.space.ring(this.id);
  }

  exit(reason?: Error): void {
    this.#options.exit(reason);
  }

  /** What the supervisor calls in every actor, and what the behavior adds to it. */
  get control(): ControlMethods {
    return {
      attach: (links: readonly LinkBuffers[]) => this.#attach(links),
      detach: (peer: ActorId) => this.#detach(peer),
      peerDown: (notice: DownNotice) => this.#peerDown(notice),
      counters: () => ({ mailbox: this.mailbox.counters, messenger: this.messenger.counters }),
      run: (method: string, ...args: unknown[]) => this.#run(method, args),
    };
  }

  /** Starts to live. Links that came while `behavior` was made are announced to it first. */
  live(behavior: Behavior, announced: readonly ActorId[]): void {
    this.#behavior = behavior;
    for (const peer of this.peers()) {
      if (!announced.includes(peer)) behavior.linkAttached?.(peer);
    }
    this.#loop = new Loop(this.space, this.mailbox, () => behavior.turn(), this.#options);
  }

  /** Stops to live; what was asked and not answered rejects with `error`. */
  async close(error: RaftError): Promise<void> {
    const behavior = this.#behavior;
    this.#behavior = undefined;
    this.#loop?.[Symbol.dispose]();
    try {
      await behavior?.close?.();
    } finally {
      this.messenger.close(error);
      this.#monitors.clear();
    }
  }

  /** Opens the end of a link that is here. */
  #open(buffers: LinkBuffers): LinkWriter | undefined {
    if (buffers.destination === this.id) {
      this.mailbox.attach(buffers);
      return undefined;
    }
    const detour = buffers.destination === supervisorId ? undefined : this.#detour;
    const writer = new LinkWriter(this.space, buffers, detour, this.incarnation);
    this.#writers.get(buffers.destination)?.detach();
    this.#writers.set(buffers.destination, writer);
    return writer;
  }

  #attach(links: readonly LinkBuffers[]): void {
    for (const buffers of links) {
      const writer = this.#open(buffers);
      if (writer) this.#behavior?.linkAttached?.(writer.destination);
    }
    this.wake();
  }

  #detach(peer: ActorId): void {
    this.mailbox.detach(peer);
    this.#writers.get(peer)?.detach();
    this.#writers.delete(peer);
    this.#behavior?.linkDetached?.(peer);
    this.wake();
  }

  #peerDown(notice: DownNotice): void {
    this.messenger.peerDown(notice);
    this.#behavior?.peerDown?.(notice);
    this.#monitors.notify(notice);
    this.wake();
  }

  #run(method: string, args: readonly unknown[]): unknown {
    const control = this.#behavior?.control ?? {};
    const found: ControlMethod | undefined = Object.hasOwn(control, method)
      ? control[method]
      : undefined;
    if (found) return found(...args);
    throw new RaftError(
      'RAFT_CONTROL_FAILED',
      `actor ${this.id} has no control method '${method}'`,
      { details: { outcome: 'rejected' } },
    );
  }
}
