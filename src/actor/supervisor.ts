/**
 * The supervisor: it starts actors, connects them, watches them, hurts them when told to, and is
 * itself actor 0, through which routed frames take their detour.
 */
import { type Clock, systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { Child, ChildSpec, ManagedChild } from './child.js';
import type { ActorRecord } from './context.js';
import { isGone, stopped } from './control.js';
import type { SupervisorCounters } from './counters.js';
import { Doors } from './doors.js';
import { envelopeBytes } from './envelope.js';
import { Family } from './family.js';
import type { GuestPort } from './guest.js';
import { type LinkBuffers, type LinkMemory, type LinkOptions, LinkWriter } from './link.js';
import { LinkTable } from './links.js';
import { Loop } from './loop.js';
import { type Frame, Mailbox } from './mailbox.js';
import { type AskOptions, Messenger } from './messenger.js';
import { type DownListener, type DownNotice, Monitors } from './monitor.js';
import type { ActorRef, AnswerTo, MessageTo } from './ref.js';
import { type ActorId, allocateSpace, Space, supervisorId } from './space.js';
import type { SupervisorEvent } from './supervisor-event.js';
import {
  type SupervisorOptions,
  validateConnection,
  validateOptions,
  validateSpec,
} from './supervisor-options.js';

/** A child by its name, or any actor by its id. */
export type ActorName = string | ActorId;

/**
 * Starts, connects and watches actors.
 *
 * @example
 * await using supervisor = new Supervisor();
 * const counter = await supervisor.start({ id: 'counter', worker });
 * await supervisor.ask(counter.ref, { kind: 'add', by: 2 });
 */
export class Supervisor implements AsyncDisposable {
  readonly space: Space;
  readonly mailbox: Mailbox;
  readonly messenger: Messenger;
  /** Takes the frames that go from one actor to another by way of the supervisor. */
  onRouted: ((frame: Frame) => void) | undefined;
  /** Called in every turn, as for frames that found no room; true when it did something. */
  onTurn: (() => boolean) | undefined;

  readonly #clock: Clock;
  readonly #links: LinkTable;
  readonly #family: Family;
  readonly #doors: Doors;
  readonly #loop: Loop;
  readonly #monitors = new Monitors();
  readonly #listeners = new Set<(event: SupervisorEvent) => void>();
  readonly #writers = new Map<ActorId, LinkWriter>();
  /** The last incarnation of every id: numbers are never used twice. */
  readonly #incarnations: number[] = [];
  readonly #freeActors: ActorId[] = [];
  #actorsUsed = 1;
  #unrouted = 0;
  #disposal: Promise<void> | undefined;

  constructor(options: SupervisorOptions = {}) {
    const { strategy, limits, actorsMax } = validateOptions(options);
    this.#clock = options.clock ?? systemClock;
    this.#links = new LinkTable(options.linkOptions);
    this.space = new Space(allocateSpace(actorsMax));
    this.space.setIncarnation(supervisorId, 1);
    this.mailbox = new Mailbox(this.space, supervisorId);
    this.messenger = new Messenger({ clock: this.#clock, linkTo: (id) => this.#writers.get(id) });
    this.#family = new Family({
      strategy,
      limits,
      space: this.space,
      clock: this.#clock,
      recordOf: (child) => this.#recordOf(child),
      onEnd: (notice) => this.#ended(notice),
      onGiveUp: (notice) => this.#notify(notice),
      onEvent: (event) => this.#emit(event),
    });
    this.#doors = new Doors({
      clock: this.#clock,
      // Who opens its port after the port's end was told sees that nobody lives under this id.
      onClosing: (actor) => this.space.setIncarnation(actor, 0),
      onEnd: (notice) => this.#guestEnded(notice),
    });
    this.#loop = new Loop(this.space, this.mailbox, () => this.#turn(), { canBlock: false });
  }

  /** In the order of their start. */
  get children(): readonly Child[] {
    return this.#family.children;
  }

  /** Throws `RAFT_UNKNOWN_NODE`. */
  child(id: string): Child {
    return this.#family.get(id);
  }

  /**
   * Reserves an id, so that an actor can be connected before it is started. Throws
   * `RAFT_OVERLOADED` when `actorsMax` are in use.
   */
  allocateActor(): ActorId {
    this.#assertOpen();
    const actor = this.#freeActors.pop() ?? this.#actorsUsed;
    if (actor >= this.space.actorsMax) {
      throw new RaftError('RAFT_OVERLOADED', `all ${actor} actor ids are in use`, {
        details: { outcome: 'rejected' },
      });
    }
    this.#actorsUsed = Math.max(this.#actorsUsed, actor + 1);
    const links = this.#links.connect(supervisorId, actor);
    for (const buffers of links) this.#openOwn(buffers);
    return actor;
  }

  /**
   * Starts a child and resolves when its actor is ready.
   *
   * Rejects with `RAFT_WORKER_FAILED` when the worker cannot be loaded, throws, ends, or is not
   * ready in time (a first start is not tried again), `RAFT_INVALID_OPTION`, `RAFT_STOPPED`.
   */
  async start(spec: ChildSpec): Promise<Child> {
    this.#validate(spec);
    const actor = spec.actor ?? this.allocateActor();
    try {
      return await this.#family.start(spec, actor);
    } catch (error) {
      if (spec.actor === undefined) void this.#releaseActor(actor);
      throw error;
    }
  }

  /** Takes in a child that is down until `restart` starts it for the first time. */
  prepare(spec: ChildSpec): Child {
    this.#validate(spec);
    return this.#family.prepare(spec, spec.actor ?? this.allocateActor());
  }

  /** Starts children one after the other; if one fails, stops those before it, in reverse. */
  async startAll(specs: readonly ChildSpec[]): Promise<Child[]> {
    const started: Child[] = [];
    try {
      for (const spec of specs) started.push(await this.start(spec));
    } catch (error) {
      for (const { id } of started.reverse()) await this.stop(id);
      throw error;
    }
    return started;
  }

  /** Kills a child's thread at whatever instruction it is; resolves when the thread is gone. */
  async crash(id: string, { restart = true }: { restart?: boolean } = {}): Promise<void> {
    await this.#family.crash(this.#family.get(id), restart);
  }

  /**
   * Stops a child where it next looks, at the end of its turn: nothing of its thread runs any more.
   * Resolves when it has stopped. It can be resumed, restarted and crashed; one that is down cannot
   * be paused.
   */
  async pause(id: string): Promise<void> {
    const child = this.#family.get(id);
    if (child.life === undefined) return;
    this.space.pause(child.actor);
    await this.space.waitForPause(child.actor);
  }

  resume(id: string): void {
    this.space.resume(this.#family.get(id).actor);
  }

  /** Stops a child if it lives, and starts its next incarnation; its deaths are forgiven. */
  async restart(id: string): Promise<Child> {
    const child = this.#family.get(id);
    await this.#family.restart(child);
    return child;
  }

  /** Lets a child close within its shutdown time. It keeps its name, its id and its links. */
  async stop(id: string): Promise<void> {
    await this.#family.stop(this.#family.get(id));
  }

  /** Calls `listener` at every death of an actor, until disposed. */
  monitor(name: ActorName, listener: DownListener): Disposable {
    return this.#monitors.monitor(this.#actorOf(name), listener);
  }

  /** Calls `listener` with everything that happens, until disposed. */
  subscribe(listener: (event: SupervisorEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** See `Messenger.tell`. */
  tell<H>(ref: ActorRef<H>, message: MessageTo<H>): boolean {
    return this.messenger.tell(ref, message);
  }

  /** See `Messenger.ask`. */
  ask<H, const M extends MessageTo<H>>(
    ref: ActorRef<H>,
    message: M,
    options?: AskOptions,
  ): Promise<AnswerTo<H, M>> {
    return this.messenger.ask(ref, message, options);
  }

  /**
   * Makes the two links of a pair, if there are none, and resolves when the ends that live have
   * opened them. What is sent meanwhile waits in the ring. Links outlive the actors at their ends.
   */
  async connect(a: ActorName, b: ActorName, options: LinkOptions = {}): Promise<void> {
    this.#assertOpen();
    const [from, to] = [this.#endOf(a), this.#endOf(b)];
    validateConnection(from, to, options);
    if (this.#links.has(from, to)) return;
    const links = this.#links.connect(from, to, options);
    this.#emit({ kind: 'connected', at: this.#clock.nowMs(), actors: [from, to] });
    await Promise.all([from, to].map((actor) => this.#call(actor, 'attach', [links])));
  }

  /** Takes the links of a pair down at both ends; what they still hold is lost. */
  async disconnect(a: ActorName, b: ActorName): Promise<void> {
    const [from, to] = [this.#actorOf(a), this.#actorOf(b)];
    if (!this.#links.has(from, to)) return;
    this.#links.disconnect(from, to);
    this.#emit({ kind: 'disconnected', at: this.#clock.nowMs(), actors: [from, to] });
    await Promise.all([this.#call(from, 'detach', [to]), this.#call(to, 'detach', [from])]);
  }

  /** The memory of one link, for whoever switches its mode; `undefined` where there is no link. */
  linkMemory(source: ActorName, destination: ActorName): LinkMemory | undefined {
    return this.#links.memory(this.#actorOf(source), this.#actorOf(destination));
  }

  /** The supervisor's own link to an actor; `undefined` for one that is gone. */
  linkTo(name: ActorName): LinkWriter | undefined {
    return this.#writers.get(this.#actorOf(name));
  }

  /**
   * Makes a guest's port: an actor that will live in a thread of somebody else's, connected to
   * `peers`. See `openGuest`. When it closes, or its thread dies, its links go and its id is freed.
   */
  openPort(peers: readonly ActorName[]): GuestPort {
    const actors = peers.map((peer) => this.#endOf(peer));
    const id = this.allocateActor();
    const incarnation = this.#nextIncarnation(id);
    this.space.setIncarnation(id, incarnation);
    for (const actor of actors) void this.connect(id, actor);
    const links = this.#links.of(id);
    return this.#doors.open({ id, incarnation, space: this.space.buffers, links, data: undefined });
  }

  counters(): SupervisorCounters {
    return {
      children: this.#family.children.map(({ id, actor, incarnation, state }) => {
        return { id, actor, incarnation, state };
      }),
      guests: this.#doors.size,
      links: this.#links.report(),
      own: { mailbox: this.mailbox.counters, messenger: this.messenger.counters },
      unrouted: this.#unrouted,
    };
  }

  /**
   * Rejects what was asked with `RAFT_STOPPED`, closes the guests, and stops all children in the
   * reverse of their order. Idempotent; leaves no thread, timer or port behind.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  #validate(spec: ChildSpec): void {
    this.#assertOpen();
    validateSpec(spec, {
      isNameTaken: this.#family.has(spec.id),
      isActorFree: (actor) => this.#isAllocated(actor) && !this.#isInhabited(actor),
    });
  }

  async #dispose(): Promise<void> {
    // Whoever asks goes before those who answer: a question ends because of this, not of a death.
    this.messenger.close(stopped('the supervisor'));
    await this.#doors.close();
    await this.#family.close();
    this.#loop[Symbol.dispose]();
    this.#monitors.clear();
    this.#listeners.clear();
  }

  #turn(): boolean {
    const flushed = this.messenger.flush();
    const worked = this.onTurn?.() ?? false;
    const frames = this.mailbox.drain((frame) => {
      if (frame.destination !== supervisorId) this.#route(frame);
      else if (!this.messenger.accept(frame)) this.messenger.countUnhandled();
    });
    this.mailbox.release();
    return frames > 0 || flushed || worked;
  }

  #route(frame: Frame): void {
    if (this.onRouted) {
      this.onRouted(frame);
      return;
    }
    this.#unrouted += 1;
    const memory = this.#links.memory(frame.source, frame.destination);
    memory?.settle(frame.bytes, frame.start - envelopeBytes);
  }

  #recordOf({ actor }: ManagedChild): Omit<ActorRecord, 'data'> {
    const [incarnation, links] = [this.#nextIncarnation(actor), this.#links.of(actor)];
    return { id: actor, incarnation, space: this.space.buffers, links };
  }

  #nextIncarnation(actor: ActorId): number {
    const incarnation = (this.#incarnations[actor] ?? 0) + 1;
    this.#incarnations[actor] = incarnation;
    return incarnation;
  }

  /** Nothing of the actor's thread runs any more. */
  #ended(notice: DownNotice): void {
    this.space.setIncarnation(notice.actor, 0);
    this.#links.resetRoutes(notice.actor);
    this.#notify(notice);
  }

  #guestEnded(notice: DownNotice): void {
    this.#ended(notice);
    void this.#releaseActor(notice.actor);
  }

  #notify(notice: DownNotice): void {
    this.messenger.peerDown(notice);
    this.#monitors.notify(notice);
    for (const peer of this.#links.peersOf(notice.actor)) {
      void this.#call(peer, 'peerDown', [notice]);
    }
  }

  /** Gives an id back once no peer can still hold a link of its last owner. */
  async #releaseActor(actor: ActorId): Promise<void> {
    const peers = this.#links.peersOf(actor).filter((peer) => peer !== supervisorId);
    await Promise.all(peers.map((peer) => this.disconnect(actor, peer)));
    this.#links.disconnect(actor, supervisorId);
    this.mailbox.detach(actor);
    this.#writers.get(actor)?.detach();
    this.#writers.delete(actor);
    this.#freeActors.push(actor);
  }

  /** Calls a living actor's runtime. One that is dead, or dies, has no need of the news. */
  async #call(actor: ActorId, method: string, args: readonly unknown[]): Promise<void> {
    try {
      const client = this.#doors.client(actor);
      if (client) await client.call(method, args, { isNews: true });
      else await this.#family.find(actor)?.callRuntime(method, args, { isNews: true });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Opens this thread's end of a link of actor 0. */
  #openOwn(buffers: LinkBuffers): void {
    if (buffers.destination === supervisorId) this.mailbox.attach(buffers);
    else this.#writers.set(buffers.destination, new LinkWriter(this.space, buffers));
  }

  #actorOf(name: ActorName): ActorId {
    return typeof name === 'number' ? name : this.#family.get(name).actor;
  }

  /** Throws `RAFT_UNKNOWN_NODE` for an id that is not in use. */
  #endOf(name: ActorName): ActorId {
    const actor = this.#actorOf(name);
    if (actor === supervisorId || this.#isAllocated(actor)) return actor;
    throw new RaftError('RAFT_UNKNOWN_NODE', `there is no actor ${actor}`, {
      details: { outcome: 'rejected', nodeId: `actor ${actor}` },
    });
  }

  #isAllocated(actor: ActorId): boolean {
    return this.#writers.has(actor);
  }

  #isInhabited(actor: ActorId): boolean {
    return this.#family.find(actor) !== undefined || this.#doors.client(actor) !== undefined;
  }

  #emit(event: SupervisorEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #assertOpen(): void {
    if (this.#disposal) throw stopped('the supervisor');
  }
}
