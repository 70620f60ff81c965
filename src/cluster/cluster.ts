/**
 * The live assembly: nodes on worker threads, the network between them, and a client beside them.
 */

import type { ChildState } from '../actor/child.js';
import { Supervisor } from '../actor/supervisor.js';
import type { SupervisorEvent } from '../actor/supervisor-event.js';
import { systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import {
  EventHub,
  type EventOf,
  type EventSource,
  type Listener,
  type OnceOptions,
} from '../events.js';
import type { PartitionOptions, ReleaseOptions } from '../network/installed.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions, Rule } from '../network/rule.js';
import type { Selector } from '../network/selector.js';
import type { NodeId, TransferResult } from '../raft/index.js';
import type { ClusterHandlers, LeadershipNotice } from '../replica/node.js';
import { type Client, type ClientPort, connect } from '../store/client.js';
import type {
  CallOptions,
  CasResult,
  DeleteResult,
  ReadOptions,
  SetResult,
  Store,
  Value,
} from '../store/store.js';
import type { ClusterEvent } from './event.js';
import { bulkBytesOf, serialWindowOf, specOf } from './node-spec.js';
import { type ClusterOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { Roster } from './roster.js';
import type { ClusterMetrics, ClusterStatus, Inspection, NodeState, NodeStatus } from './status.js';
import { type WaitOptions, waitUntil } from './waiting.js';
import { type Fault, Weather } from './weather.js';

function stopped(): RaftError {
  return new RaftError('RAFT_STOPPED', 'the cluster is closed; create another one', {
    details: { outcome: 'rejected' },
  });
}

function stateOf(state: ChildState, isPaused: boolean): NodeState {
  if (state === 'ready') return isPaused ? 'paused' : 'running';
  return state === 'starting' || state === 'waiting' ? 'starting' : 'down';
}

function running(nodes: readonly NodeStatus[]): NodeStatus[] {
  return nodes.filter(({ state }) => state === 'running');
}

/** Whether nodes have all applied all that any of them has in its log. */
function isLevel(nodes: readonly NodeStatus[]): boolean {
  const end = Math.max(...nodes.map(({ lastLogIndex }) => lastLogIndex));
  return nodes.length > 0 && nodes.every(({ lastApplied }) => lastApplied === end);
}

function isTimeout(error: unknown): boolean {
  return error instanceof RaftError && error.code === 'RAFT_TIMEOUT';
}

function prefixed(
  prefix: string,
  counters: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).map(([name, count]) => [`${prefix}-${name}`, count]),
  );
}

/** Ids of threads: nodes, the supervisor, and as many clients as may be open at once. */
const actorsMax = 1024;

/**
 * Starts a cluster and resolves when all of its nodes run; the first leader is elected soon after
 * (`waitForLeader`), and requests made before wait for it.
 *
 * Rejects with `RAFT_INVALID_OPTION` for a bad option and `RAFT_WORKER_FAILED` when a thread cannot
 * start; then nothing is left behind.
 *
 * @example
 * await using cluster = await createCluster({ size: 3 });
 * await cluster.set('answer', 42);
 */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return Cluster.open(resolveOptions(options));
}

/** A running cluster. Closing it settles every request, stops every thread and frees everything. */
export class Cluster implements Store, EventSource<ClusterEvent>, AsyncDisposable {
  /** What it runs with; the seed among it repeats its draws. */
  readonly options: ResolvedOptions;
  readonly nodes: readonly NodeId[];
  readonly #supervisor: Supervisor;
  readonly #roster: Roster;
  readonly #weather: Weather;
  readonly #events = new EventHub<ClusterEvent>();
  readonly #closing = new AbortController();
  readonly #startedMs = systemClock.nowMs();
  #client: Client | undefined;
  #elections = 0;
  #restarts = 0;
  #disposal: Promise<void> | undefined;

  private constructor(options: ResolvedOptions) {
    this.options = options;
    this.nodes = options.nodes;
    const bulkBytes = bulkBytesOf(options);
    this.#supervisor = new Supervisor({
      strategy: 'one-for-one',
      intensity: options.restart.intensity,
      periodMs: options.restart.periodMs,
      backoff: { initialMs: 10, factor: 2, maxMs: 1000 },
      actorsMax,
      linkOptions: { bulkBytes },
    });
    this.#roster = new Roster(options, () => this.#supervisor.allocateActor());
    this.#weather = new Weather({
      supervisor: this.#supervisor,
      roster: this.#roster,
      clock: systemClock,
      seed: options.seed,
      leaderId: () => this.leaderId,
      onInstalled: (name) => this.#emit({ kind: 'fault-installed', name, ...this.#at }),
      onHealed: (name) => this.#emit({ kind: 'fault-healed', name, ...this.#at }),
    });
    this.#supervisor.subscribe((event) => this.#onSupervisor(event));
    this.#supervisor.messenger.onReceive(({ message }) => {
      const notice = message as Parameters<ClusterHandlers['leadership']>[0];
      if (notice.kind === 'leadership') this.#onLeadership(notice);
    });
  }

  /** `createCluster` is the door. */
  static async open(options: ResolvedOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  // ── the store ──

  /** The client on the thread that created the cluster. */
  get client(): Client {
    if (this.#client === undefined) throw stopped();
    return this.#client;
  }

  set(key: string, value: Value, options?: CallOptions): Promise<SetResult> {
    return this.client.set(key, value, options);
  }

  get(key: string, options?: ReadOptions): Promise<Value | undefined> {
    return this.client.get(key, options);
  }

  delete(key: string, options?: CallOptions): Promise<DeleteResult> {
    return this.client.delete(key, options);
  }

  cas(
    key: string,
    expected: Value | undefined,
    value: Value,
    options?: CallOptions,
  ): Promise<CasResult> {
    return this.client.cas(key, expected, value, options);
  }

  setMany(entries: Iterable<readonly [string, Value]>, options?: CallOptions): Promise<SetResult> {
    return this.client.setMany(entries, options);
  }

  getMany(keys: Iterable<string>, options?: ReadOptions): Promise<(Value | undefined)[]> {
    return this.client.getMany(keys, options);
  }

  /**
   * A port for `connect` in another thread: plain data and a `MessagePort` (`port.guest.control`,
   * which has to be in the transfer list). It opens one client, once.
   */
  async port(): Promise<ClientPort> {
    this.#assertOpen();
    const actors = this.#roster.nodes.map(({ actor }) => actor);
    const guest = this.#supervisor.openPort(actors);
    this.#weather.addClient(guest.id);
    this.#supervisor.monitor(guest.id, () => this.#weather.removeClient(guest.id));
    return {
      guest,
      nodes: this.#roster.nodes.map(({ id, actor }) => ({ id, actor })),
      options: {
        requestTimeoutMs: this.options.requestTimeoutMs,
        outstandingMax: this.options.outstandingMax,
        batchBytesMax: this.options.entryBytesMax,
        valueBytesMax: this.options.valueBytesMax,
        serialWindowMax: serialWindowOf(this.options),
        seed: this.options.seed,
      },
    };
  }

  // ── what can be seen ──

  /** The running leader of the newest term; `undefined` while there is none. */
  get leaderId(): NodeId | undefined {
    return this.status().leaderId;
  }

  /** A look at all nodes; it costs them nothing, and works on a node that is paused or dead. */
  status(): ClusterStatus {
    const nodes = this.#roster.nodes.map((node): NodeStatus => {
      const { incarnation, state } = this.#supervisor.child(node.id);
      return {
        ...node.gauges(),
        id: node.id,
        incarnation,
        state: stateOf(state, this.#supervisor.space.isPaused(node.actor)),
      };
    });
    const leaders = nodes.filter(({ role, state }) => role === 'leader' && state === 'running');
    const newest = leaders.sort((a, b) => b.currentTerm - a.currentTerm)[0];
    return {
      leaderId: newest?.id,
      currentTerm: Math.max(...nodes.map(({ currentTerm }) => currentTerm)),
      nodes,
    };
  }

  /** Counters of everything; nodes that do not answer at once are left without their own. */
  async metrics(): Promise<ClusterMetrics> {
    this.#assertOpen();
    const { links } = this.#supervisor.counters();
    const nodes = this.#roster.nodes.map(async (node) => {
      const child = this.#supervisor.child(node.id);
      const counters = await child.counters({ timeoutMs: 200 }).catch(() => undefined);
      const own = links.filter(({ source }) => source === node.actor);
      const refusedFull = own.reduce((sum, link) => sum + link.refusedFull, 0);
      const mailbox = counters === undefined ? {} : { mailbox: counters.mailbox };
      const { incarnation } = child;
      return [node.id, { ...node.gauges(), incarnation, refusedFull, ...mailbox }] as const;
    });
    const { droppedBy, ...network } = this.#weather.totals;
    return {
      uptimeMs: systemClock.nowMs() - this.#startedMs,
      elections: this.#elections,
      restarts: this.#restarts,
      nodes: Object.fromEntries(await Promise.all(nodes)),
      network: { ...network, ...prefixed('dropped', droppedBy) },
      rssBytes: process.memoryUsage.rss(),
    };
  }

  /** Asks a node for its digest, between two of its turns. Rejects with `RAFT_NODE_DOWN`. */
  async inspect(node: NodeId, { timeoutMs = 5000 }: WaitOptions = {}): Promise<Inspection> {
    this.#roster.node(node);
    const child = this.#supervisor.child(node);
    return (await child.call('inspect', [], { timeoutMs })) as Inspection;
  }

  // ── waits ──

  /** Resolves to the leader as soon as there is one (of a term after `afterTerm`, if given). */
  waitForLeader(
    options: WaitOptions & { readonly afterTerm?: number; readonly among?: readonly NodeId[] } = {},
  ): Promise<NodeId> {
    const { afterTerm = 0, among = this.nodes } = options;
    return this.#wait('a leader', options, () => {
      const { leaderId, currentTerm } = this.status();
      const isWanted = leaderId !== undefined && among.includes(leaderId);
      return isWanted && currentTerm > afterTerm ? leaderId : undefined;
    });
  }

  /** Resolves when these nodes (default: all that run) have applied the log up to `index`. */
  async waitForApplied(
    index: number,
    options: WaitOptions & { readonly nodes?: readonly NodeId[] } = {},
  ): Promise<void> {
    await this.#wait(`index ${index} to be applied`, options, () => {
      const { nodes } = this.status();
      const wanted = options.nodes ?? running(nodes).map(({ id }) => id);
      const late = nodes.some(({ id, lastApplied }) => wanted.includes(id) && lastApplied < index);
      return late ? undefined : true;
    });
  }

  /**
   * Resolves when all running nodes have applied the same log, with what they have in common.
   * Rejects with `RAFT_BROKEN_INVARIANT` when equally long logs led to different states.
   */
  async waitForConverged(
    options: WaitOptions = {},
  ): Promise<Pick<Inspection, 'lastApplied' | 'digest'>> {
    const deadlineMs = systemClock.nowMs() + (options.timeoutMs ?? 10_000);
    for (;;) {
      const timeoutMs = Math.max(1, deadlineMs - systemClock.nowMs());
      await this.#wait('all nodes to converge', { ...options, timeoutMs }, () => {
        return isLevel(running(this.status().nodes)) || undefined;
      });
      const ids = running(this.status().nodes).map(({ id }) => id);
      const seen = await Promise.all(ids.map((id) => this.inspect(id)));
      const [first, ...others] = seen;
      if (
        first === undefined ||
        others.some(({ lastApplied }) => lastApplied !== first.lastApplied)
      ) {
        continue;
      }
      if (others.every(({ digest }) => digest === first.digest)) return first;
      const found = ids.map((id, at) => `${id} has ${seen[at]?.digest}`).join(', ');
      throw new RaftError('RAFT_BROKEN_INVARIANT', `at index ${first.lastApplied} ${found}`);
    }
  }

  // ── verbs ──

  /** Hands leadership over and resolves when `to` leads. */
  async transferLeadership(to: NodeId, options: WaitOptions = {}): Promise<void> {
    this.#roster.node(to);
    const deadlineMs = systemClock.nowMs() + (options.timeoutMs ?? 10_000);
    while (this.leaderId !== to) {
      const timeoutMs = Math.max(1, deadlineMs - systemClock.nowMs());
      const leader = await this.waitForLeader({ ...options, timeoutMs });
      if (leader === to) return;
      const child = this.#supervisor.child(leader);
      const result = (await child.call('transferLeadership', [to])) as TransferResult;
      if (!result.accepted && result.reason !== 'not-leader') continue;
      const { electionTimeout } = this.options;
      // A transfer that came to nothing is over after an election timeout; then it is asked again.
      const patienceMs = Math.min(timeoutMs, 2 * electionTimeout.maxMs);
      const isDone = await this.#wait(`${to} to lead`, { ...options, timeoutMs: patienceMs }, () =>
        this.leaderId === to ? true : undefined,
      ).catch((error: unknown) => {
        if (isTimeout(error) && systemClock.nowMs() < deadlineMs) return false;
        throw error;
      });
      if (isDone) return;
    }
  }

  /**
   * Ends the threads of these nodes at whatever instruction they are, and resolves to their names
   * when they are gone. They start again by themselves unless `restart` is false.
   */
  async crash(
    who: Selector,
    { restart = true }: { readonly restart?: boolean } = {},
  ): Promise<NodeId[]> {
    const ids = this.#resolve(who);
    await Promise.all(ids.map((id) => this.#supervisor.crash(id, { restart })));
    return ids;
  }

  /** Starts what is down; ends and starts what runs. Resolves when all are ready. */
  async restart(who: Selector): Promise<NodeId[]> {
    const ids = this.#resolve(who);
    for (const id of ids) this.#supervisor.resume(id);
    await Promise.all(ids.map((id) => this.#supervisor.restart(id)));
    return ids;
  }

  /** Stops these nodes as SIGSTOP would, and resolves when they stand still: their mail waits. */
  async pause(who: Selector): Promise<NodeId[]> {
    const ids = this.#resolve(who);
    await Promise.all(ids.map((id) => this.#supervisor.pause(id)));
    for (const nodeId of ids) this.#emit({ kind: 'node-paused', nodeId, ...this.#at });
    return ids;
  }

  resume(who: Selector): NodeId[] {
    const ids = this.#resolve(who);
    for (const nodeId of ids) {
      this.#supervisor.resume(nodeId);
      this.#emit({ kind: 'node-resumed', nodeId, ...this.#at });
    }
    return ids;
  }

  /** Cuts links between nodes; clients still reach every node. */
  partition(shape: PartitionShape, options?: PartitionOptions): Fault {
    this.#assertOpen();
    return this.#weather.partition(shape, options);
  }

  /** Cuts these nodes off from all others, each by itself. */
  isolate(who: Selector, options?: PartitionOptions): Fault {
    return this.partition({ kind: 'isolate', nodes: who }, { name: 'isolate', ...options });
  }

  /** Makes links slow, lossy, …; see `LinkOptions`. */
  link(options: LinkOptions): Fault {
    this.#assertOpen();
    return this.#weather.link(options);
  }

  /** Installs one rule of the network. */
  rule(rule: Rule): Fault {
    this.#assertOpen();
    return this.#weather.rule(rule);
  }

  /** Heals every network fault; what was held is delivered unless told otherwise. */
  heal(options?: ReleaseOptions): void {
    this.#assertOpen();
    this.#weather.heal(options);
  }

  // ── events ──

  on<K extends ClusterEvent['kind']>(
    kind: K,
    listener: Listener<EventOf<ClusterEvent, K>>,
  ): Disposable {
    return this.#events.on(kind, listener);
  }

  onAny(listener: Listener<ClusterEvent>): Disposable {
    return this.#events.onAny(listener);
  }

  once<K extends ClusterEvent['kind']>(
    kind: K,
    options?: OnceOptions<EventOf<ClusterEvent, K>>,
  ): Promise<EventOf<ClusterEvent, K>> {
    return this.#events.once(kind, options);
  }

  // ── the end ──

  /** Idempotent. What is pending rejects with `RAFT_STOPPED`. */
  close(): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(): Promise<void> {
    const { nodes } = this.#roster;
    for (const [at, node] of nodes.entries()) {
      for (const peer of nodes.slice(at + 1))
        await this.#supervisor.connect(node.actor, peer.actor);
    }
    await Promise.all(
      nodes.map((node) => this.#supervisor.start(specOf(node, this.#roster, this.options))),
    );
    this.#client = await connect(await this.port());
  }

  async #close(): Promise<void> {
    this.#closing.abort(stopped());
    await this.#client?.close();
    this.#weather[Symbol.dispose]();
    await this.#supervisor[Symbol.asyncDispose]();
    this.#emit({ kind: 'closed', ...this.#at });
    this.#events.close(stopped());
  }

  #resolve(who: Selector): NodeId[] {
    this.#assertOpen();
    return this.#weather.resolve(who);
  }

  #wait<T>(what: string, options: WaitOptions, look: () => T | undefined): Promise<T> {
    const { timeoutMs, signal } = options;
    return waitUntil({
      clock: systemClock,
      what,
      look,
      closing: this.#closing.signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #onSupervisor(event: SupervisorEvent): void {
    if (event.kind === 'connected' || event.kind === 'disconnected') return;
    const { id: nodeId, at } = event;
    if (event.kind === 'ready') {
      if (event.incarnation > 1) this.#restarts += 1;
      this.#emit({ kind: 'node-started', nodeId, incarnation: event.incarnation, at });
    } else if (event.kind === 'down') {
      this.#emit({ kind: 'node-down', nodeId, reason: event.reason, at });
    } else if (event.kind === 'gave-up') {
      this.#emit({ kind: 'node-given-up', nodeId, at });
    }
  }

  #onLeadership({ nodeId, role, currentTerm: term }: LeadershipNotice): void {
    const wasLeader = this.#leading.has(nodeId);
    if (role === 'leader') {
      if (wasLeader) return;
      this.#leading.add(nodeId);
      this.#elections += 1;
      this.#emit({ kind: 'leader-elected', nodeId, term, ...this.#at });
      return;
    }
    this.#leading.delete(nodeId);
    if (wasLeader) this.#emit({ kind: 'leader-stepped-down', nodeId, term, ...this.#at });
    if (role === 'candidate') this.#emit({ kind: 'campaign-started', nodeId, term, ...this.#at });
  }

  readonly #leading = new Set<NodeId>();

  #emit(event: ClusterEvent): void {
    this.#events.emit(event);
  }

  get #at(): { at: number } {
    return { at: systemClock.nowMs() };
  }

  #assertOpen(): void {
    if (this.#disposal !== undefined) throw stopped();
  }
}
