/**
 * The live assembly: nodes on worker threads, the network between them, and a client beside them.
 */

import { systemClock } from '../clock.js';
import { isRaftError, RaftError } from '../errors.js';
import type { EventOf, EventSource, Listener, OnceOptions } from '../events.js';
import type { PartitionOptions, ReleaseOptions } from '../network/installed.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions, Rule } from '../network/rule.js';
import type { Selector } from '../network/selector.js';
import type { NodeId, TransferResult } from '../raft/index.js';
import type { ExportedSnapshot } from '../replica/snapshot-order.js';
import type { Client } from '../store/client.js';
import { type ClientPort, connect } from '../store/connect.js';
import type {
  CallOptions,
  CasResult,
  DeleteResult,
  ReadOptions,
  SetResult,
  Store,
  SubmitResult,
  Value,
} from '../store/store.js';
import { Assembly, stopped } from './assembly.js';
import {
  type BackupOptions,
  type BackupParts,
  exportSnapshot,
  type ImportedSnapshot,
  importSnapshot,
} from './backup.js';
import { checkFaults, type DiskFaults } from './disk-faults.js';
import type { ClusterEvent } from './event.js';
import { type ClusterOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { ClusterView } from './view.js';
import type { WaitOptions } from './waiting.js';
import type { Fault, HeldMessage, InjectedMessage } from './weather.js';

/**
 * Starts a cluster and resolves when all of its nodes run; the first leader is elected soon after
 * (`waitForLeader`), and requests made before wait for it.
 *
 * Rejects with `RAFT_INVALID_OPTION` for a bad option, `RAFT_MACHINE_FAILED` for a `stateMachine`
 * that cannot be loaded and `RAFT_WORKER_FAILED` when a thread cannot start; then nothing is left
 * behind.
 *
 * @example
 * await using cluster = await createCluster({ size: 3 });
 * await cluster.set('answer', 42);
 */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return Cluster.open(resolveOptions(options));
}

/** A running cluster. Closing it settles every request, stops every thread and frees everything. */
export class Cluster
  extends ClusterView
  implements Store, EventSource<ClusterEvent>, AsyncDisposable
{
  protected readonly assembly: Assembly;
  #client: Client | undefined;

  private constructor(options: ResolvedOptions) {
    super();
    this.assembly = new Assembly(options, () => this.leaderId);
  }

  /** `createCluster` is the door. */
  static async open(options: ResolvedOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      await cluster.assembly.start();
      cluster.#client = await connect(cluster.assembly.openPort());
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

  /** See `Client.submit`: for a cluster with a `stateMachine`. */
  submit(command: Value, options?: CallOptions): Promise<SubmitResult> {
    return this.client.submit(command, options);
  }

  /** See `Client.query`: for a cluster with a `stateMachine`. */
  query(question: Value, options?: ReadOptions): Promise<Value> {
    return this.client.query(question, options);
  }

  /**
   * A port for `connect` in another thread: plain data and a `MessagePort` (`port.guest.control`,
   * which has to be in the transfer list). It opens one client, once. Rejects with
   * `RAFT_OVERLOADED` when some 1,000 are open.
   */
  async port(): Promise<ClientPort> {
    return this.assembly.openPort();
  }

  // ── backup and restore ──

  /**
   * Writes the state of the running cluster to a file: every write that was acknowledged before the
   * call is in it. It can be imported into this cluster or any other one, of any size.
   *
   * The file gets its name once it is whole and durable; what had the name is replaced. Resolves to
   * the last entry that is in it. Rejects with `RAFT_STORAGE_FAILED` if it cannot be written, which
   * leaves nothing behind, with `RAFT_OVERLOADED` if the state is larger than `snapshotBytesMax`,
   * with `RAFT_INVALID_OPTION`, and as a write does.
   */
  exportSnapshot(path: string, options: BackupOptions = {}): Promise<ExportedSnapshot> {
    return exportSnapshot(this.#backupParts, path, options);
  }

  /**
   * Puts the state of a file that was exported in the place of this cluster's: on all nodes at the
   * same entry of the log, between two writes, whole or not at all. Sessions stay as they are, so
   * every write of a running client is applied once, before it or after it.
   *
   * Rejects with `RAFT_SNAPSHOT_FOREIGN` for another kind of file, `RAFT_SNAPSHOT_NEWER`,
   * `RAFT_STORAGE_CORRUPT` for a damaged one, `RAFT_WRONG_MACHINE` for the state of another kind of
   * machine, `RAFT_OVERLOADED` if another import took over or `snapshotBytesMax` is less than the
   * state and the file together, and as a write does.
   */
  importSnapshot(path: string, options: BackupOptions = {}): Promise<ImportedSnapshot> {
    return importSnapshot(this.#backupParts, path, options);
  }

  get #backupParts(): BackupParts {
    const waitForLeader = (options: WaitOptions): Promise<NodeId> => this.waitForLeader(options);
    return { assembly: this.assembly, client: this.client, waitForLeader };
  }

  // ── verbs ──

  /**
   * Hands leadership over and resolves when `to` leads. Rejects with `RAFT_UNKNOWN_NODE`, and as
   * `WaitOptions` say.
   */
  async transferLeadership(to: NodeId, options: WaitOptions = {}): Promise<void> {
    this.assembly.roster.node(to);
    const deadlineMs = systemClock.nowMs() + (options.timeoutMs ?? 10_000);
    while (this.leaderId !== to) {
      const timeoutMs = Math.max(1, deadlineMs - systemClock.nowMs());
      const leader = await this.waitForLeader({ ...options, timeoutMs });
      if (leader === to) return;
      const isAsked = await this.#orderTransfer(leader, to, { ...options, timeoutMs });
      if (!isAsked) continue;
      const { electionTimeout } = this.options;
      // A transfer that came to nothing is over after an election timeout; then it is asked again.
      const patienceMs = Math.min(timeoutMs, 2 * electionTimeout.maxMs);
      const isDone = await this.waitUntil(
        `${to} to lead`,
        { ...options, timeoutMs: patienceMs },
        () => (this.leaderId === to ? true : undefined),
      ).catch((error: unknown) => {
        if (isRaftError(error, 'RAFT_TIMEOUT') && systemClock.nowMs() < deadlineMs) return false;
        throw error;
      });
      if (isDone) return;
    }
  }

  /** Asks the leader; false if it is not in a position to be asked. */
  async #orderTransfer(leader: NodeId, to: NodeId, options: WaitOptions): Promise<boolean> {
    const { timeoutMs, signal } = options;
    const limit = { ...(timeoutMs && { timeoutMs }), ...(signal && { signal }) };
    const child = this.assembly.supervisor.child(leader);
    try {
      const result = (await child.call('transferLeadership', [to], limit)) as TransferResult;
      return result.accepted || result.reason === 'not-leader';
    } catch (error) {
      if (!isRaftError(error, 'RAFT_NODE_DOWN')) throw error;
      // It leads no more; who does next is waited for as if it had said so.
      return true;
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
    await Promise.all(ids.map((id) => this.assembly.supervisor.crash(id, { restart })));
    return ids;
  }

  /**
   * Starts what is down; ends and starts what runs. Resolves when all are ready.
   *
   * Rejects with `RAFT_STORAGE_LOST`, `RAFT_STORAGE_CORRUPT`, `RAFT_STORAGE_FAILED`,
   * `RAFT_WRONG_MACHINE` or `RAFT_MACHINE_FAILED` if one of them cannot serve; the others run then.
   */
  async restart(who: Selector): Promise<NodeId[]> {
    const ids = this.#resolve(who);
    for (const id of ids) this.assembly.supervisor.resume(id);
    await this.assembly.restart(ids);
    return ids;
  }

  /** Stops these nodes as SIGSTOP would, and resolves when they stand still: their mail waits. */
  async pause(who: Selector): Promise<NodeId[]> {
    const ids = this.#resolve(who);
    await Promise.all(ids.map((id) => this.assembly.supervisor.pause(id)));
    for (const nodeId of ids)
      this.assembly.emit({ kind: 'node-paused', nodeId, at: systemClock.nowMs() });
    return ids;
  }

  resume(who: Selector): NodeId[] {
    const ids = this.#resolve(who);
    for (const nodeId of ids) {
      this.assembly.supervisor.resume(nodeId);
      this.assembly.emit({ kind: 'node-resumed', nodeId, at: systemClock.nowMs() });
    }
    return ids;
  }

  /** Cuts links between nodes; clients still reach every node. */
  partition(shape: PartitionShape, options?: PartitionOptions): Fault {
    this.assembly.assertOpen();
    return this.assembly.weather.partition(shape, options);
  }

  /** Cuts these nodes off from all others, each by itself. */
  isolate(who: Selector, options?: PartitionOptions): Fault {
    return this.partition({ kind: 'isolate', nodes: who }, { name: 'isolate', ...options });
  }

  /** Makes links slow, lossy, …; see `LinkOptions`. */
  link(options: LinkOptions): Fault {
    this.assembly.assertOpen();
    return this.assembly.weather.link(options);
  }

  /** Installs one rule of the network. */
  rule(rule: Rule): Fault {
    this.assembly.assertOpen();
    return this.assembly.weather.rule(rule);
  }

  /** The messages between nodes that are held back at the moment, oldest first. */
  held(): HeldMessage[] {
    return this.assembly.weather.held();
  }

  /**
   * Hands a message that somebody wrote by hand to a node, past every rule and partition; it may
   * break whatever holds between honest nodes. False for a type that nodes do not know and for a
   * node that is down: then nothing happens. Throws `RAFT_INVALID_OPTION` for fields that make no
   * message, `RAFT_UNKNOWN_NODE`, and `RAFT_OVERLOADED` when the node's mailbox is full.
   */
  inject(message: InjectedMessage): boolean {
    this.assembly.assertOpen();
    return this.assembly.weather.inject(message);
  }

  /** Heals every network fault; what was held is delivered unless told otherwise. */
  heal(options?: ReleaseOptions): void {
    this.assembly.assertOpen();
    this.assembly.weather.heal(options);
  }

  /**
   * Makes the disks of these nodes fail: `EIO`, a full disk, flipped bits, writes that go astray,
   * stalls; `{}` makes them sound again. Holds until the node starts again. Resolves to the nodes.
   *
   * Rejects with `RAFT_INVALID_OPTION` where data is kept in memory and for faults that are none,
   * and with `RAFT_NODE_DOWN` for a node that is down.
   */
  async disk(who: Selector, faults: DiskFaults): Promise<NodeId[]> {
    checkFaults(faults);
    const ids = this.#resolve(who);
    for (const [at, nodeId] of ids.entries()) {
      // Disks that fail by one seed would all fail at once.
      const own = { ...faults, seed: (faults.seed ?? this.options.seed) + at };
      if (await this.assembly.failDisk(nodeId, own)) continue;
      throw new RaftError('RAFT_INVALID_OPTION', `${nodeId} has no disk; expected a dataDir`, {
        details: { option: 'dataDir', nodeId },
      });
    }
    return ids;
  }

  // ── events ──

  on<K extends ClusterEvent['kind']>(
    kind: K,
    listener: Listener<EventOf<ClusterEvent, K>>,
  ): Disposable {
    return this.assembly.events.on(kind, listener);
  }

  onAny(listener: Listener<ClusterEvent>): Disposable {
    return this.assembly.events.onAny(listener);
  }

  once<K extends ClusterEvent['kind']>(
    kind: K,
    options?: OnceOptions<EventOf<ClusterEvent, K>>,
  ): Promise<EventOf<ClusterEvent, K>> {
    return this.assembly.events.once(kind, options);
  }

  // ── the end ──

  /** Idempotent. What is pending rejects with `RAFT_STOPPED`. */
  close(): Promise<void> {
    return this.assembly.close(this.#client);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #resolve(who: Selector): NodeId[] {
    this.assembly.assertOpen();
    return this.assembly.weather.resolve(who);
  }
}
