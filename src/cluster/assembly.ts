/**
 * The parts of a running cluster and their common life: the supervisor with the nodes' threads, the
 * names, the weather between them, and what is told about it all.
 */
import { Supervisor } from '../actor/supervisor.js';
import type { SupervisorEvent } from '../actor/supervisor-event.js';
import { systemClock } from '../clock.js';
import { type ErrorRecord, RaftError, unpackError } from '../errors.js';
import { EventHub } from '../events.js';
import type { NodeId } from '../raft/index.js';
import type { LeadershipNotice, LogEnd } from '../replica/node.js';
import type { StorageNotice } from '../replica/refused-node.js';
import { prepareTapes } from '../replica/tape-file.js';
import type { DiskFaults } from '../storage/faulty.js';
import type { ClientPort } from '../store/connect.js';
import { allocateFailures, FailureBoard } from '../store/failure-board.js';
import type { ClusterEvent } from './event.js';
import { NodeDirectories } from './node-directories.js';
import { bulkBytesOf, serialWindowOf, specOf } from './node-spec.js';
import type { ResolvedOptions } from './options.js';
import { Roster } from './roster.js';
import { Weather } from './weather.js';

/** Ids of threads: nodes, the supervisor, and as many clients as may be open at once. */
const actorsMax = 1024;

/** What the storage of a node said when it gave up. */
interface StorageFailure {
  readonly incarnation: number;
  readonly code: string;
  readonly message: string;
  readonly error: Error;
}

export class Assembly implements AsyncDisposable {
  readonly options: ResolvedOptions;
  readonly supervisor: Supervisor;
  readonly roster: Roster;
  readonly weather: Weather;
  readonly events: EventHub<ClusterEvent> = new EventHub();
  readonly startedMs: number = systemClock.nowMs();
  /** Elections won and threads started again since the cluster began. */
  readonly counts: { elections: number; restarts: number } = { elections: 0, restarts: 0 };
  readonly #closing = new AbortController();
  /** Who leads as far as the nodes have told, each in its own term. */
  readonly #leading = new Set<NodeId>();
  /** Whose storage has failed, until the node is started again. */
  readonly failures: Map<NodeId, StorageFailure> = new Map();
  /** What of that clients are to know. */
  readonly #failureMemory: SharedArrayBuffer;
  readonly #board: FailureBoard;
  #data: NodeDirectories | undefined;
  #disposal: Promise<void> | undefined;

  /** `leaderId` is asked when a fault says "the leader". */
  constructor(options: ResolvedOptions, leaderId: () => NodeId | undefined) {
    this.options = options;
    this.#failureMemory = allocateFailures(options.nodes.length);
    this.#board = new FailureBoard(this.#failureMemory, options.nodes);
    this.supervisor = new Supervisor({
      strategy: 'one-for-one',
      intensity: options.restart.intensity,
      periodMs: options.restart.periodMs,
      backoff: { initialMs: 10, factor: 2, maxMs: 1000 },
      actorsMax,
      linkOptions: { bulkBytes: bulkBytesOf(options) },
    });
    this.roster = new Roster(options, () => this.supervisor.allocateActor());
    this.weather = new Weather({
      supervisor: this.supervisor,
      roster: this.roster,
      clock: systemClock,
      seed: options.seed,
      leaderId,
      onInstalled: (name) => this.emit({ kind: 'fault-installed', name, at: systemClock.nowMs() }),
      onHealed: (name) => this.emit({ kind: 'fault-healed', name, at: systemClock.nowMs() }),
    });
    this.supervisor.subscribe((event) => this.#onSupervisor(event));
    this.supervisor.messenger.onReceive(({ message }) => {
      const notice = message as LeadershipNotice | StorageNotice;
      if (notice.kind === 'leadership') this.#onLeadership(notice);
      else if (notice.kind === 'storage') this.#onStorageFailure(notice);
    });
  }

  /** Aborted when the cluster closes: ends every wait. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Throws `RAFT_STOPPED` once closing has begun. */
  assertOpen(): void {
    if (this.#disposal !== undefined) throw stopped();
  }

  emit(event: ClusterEvent): void {
    this.events.emit(event);
  }

  /**
   * Connects all nodes, and starts them unless told otherwise; resolves when they are ready.
   * Rejects with what the storage of a node, or its state machine, says if that leaves no majority.
   */
  async start(): Promise<void> {
    const { nodes } = this.roster;
    const { durability, newClusterId, recordTo, stateMachine } = this.options;
    if (recordTo !== undefined) await prepareTapes(recordTo, 'recordTo');
    if (durability !== undefined) {
      this.#data = new NodeDirectories({ directories: durability.directories, newClusterId });
    }
    const world = { roster: this.roster, data: this.#data };
    for (const [at, node] of nodes.entries()) {
      for (const peer of nodes.slice(at + 1)) await this.supervisor.connect(node.actor, peer.actor);
    }
    const specs = nodes.map((node) => specOf(node, world, this.options));
    if (this.options.autostart) {
      await Promise.all(specs.map((spec) => this.supervisor.start(spec)));
      if (durability !== undefined || stateMachine !== undefined) await this.#assertServed();
      if (durability !== undefined) await this.#callElection();
    } else {
      for (const spec of specs) this.supervisor.prepare(spec);
    }
  }

  /**
   * Ends those of these nodes that run, and starts them all. Rejects with why one of them does not
   * serve, once none of the others is still being started.
   */
  async restart(ids: readonly NodeId[]): Promise<void> {
    const starts = await Promise.allSettled(ids.map((id) => this.supervisor.restart(id)));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    const [refusal] = await this.#refusalsOf(ids);
    if (refusal !== undefined) throw refusal;
  }

  /** A cluster without a majority that serves is none. */
  async #assertServed(): Promise<void> {
    const { nodes } = this.roster;
    const refusals = await this.#refusalsOf(nodes.map(({ id }) => id));
    const [first] = refusals;
    if (first !== undefined && nodes.length - refusals.length <= nodes.length / 2) throw first;
  }

  /** Asks nodes whether their storage and their state machine let them serve: why some do not. */
  async #refusalsOf(ids: readonly NodeId[]): Promise<Error[]> {
    const refusals = await Promise.all(
      ids.map(async (nodeId) => {
        const child = this.supervisor.child(nodeId);
        const error = (await child.call('refusal').catch(() => undefined)) as unknown;
        if (error !== undefined) {
          const { incarnation } = child;
          this.#onStorageFailure({ nodeId, incarnation, error: error as ErrorRecord });
        }
        const failure = this.failures.get(nodeId);
        // Whoever hears of it finds the node down, not about to be.
        if (failure !== undefined) await this.supervisor.crash(nodeId, { restart: false });
        return failure?.error;
      }),
    );
    return refusals.filter((error) => error !== undefined);
  }

  /**
   * A cluster that comes back need not sit out an election timeout: the node whose log is most up
   * to date (§5.4.1) stands at once. The others judge it as anybody; their timeouts go on.
   */
  async #callElection(): Promise<void> {
    const ends = await Promise.all(
      this.roster.nodes.map(async ({ id }) => {
        const child = this.supervisor.child(id);
        const end = (await child.call('logEnd').catch(() => undefined)) as LogEnd | undefined;
        return { child, ...(end ?? { term: 0, index: 0 }) };
      }),
    );
    const [best] = ends.sort((a, b) => b.term - a.term || b.index - a.index);
    if (best === undefined || best.index === 0) return;
    void best.child.call('campaign').catch(() => undefined);
  }

  /** Resolves to whether the node has a disk. Rejects with `RAFT_NODE_DOWN`. */
  async failDisk(nodeId: NodeId, faults: DiskFaults): Promise<boolean> {
    const child = this.supervisor.child(nodeId);
    const { incarnation } = child;
    try {
      return (await child.call('failDisk', [faults])) as boolean;
    } catch (error) {
      // A disk that fails at once may end its node before the answer is heard.
      if (this.failures.get(nodeId)?.incarnation !== incarnation) throw error;
      return true;
    }
  }

  /** A node that cannot rely on its disk is ended, and not started again by itself. */
  #onStorageFailure(notice: Omit<StorageNotice, 'kind'>): void {
    const { nodeId, incarnation } = notice;
    if (this.failures.get(nodeId)?.incarnation === incarnation) return;
    const error = unpackError(notice.error);
    const { code = 'RAFT_STORAGE_FAILED', message } = notice.error;
    this.failures.set(nodeId, { incarnation, code, message, error });
    this.#board.set({ nodeId, code, message });
    this.emit({ kind: 'storage-failed', nodeId, code, message, at: systemClock.nowMs() });
    this.#endIfFailed(nodeId);
  }

  /** A start is let to end first: whoever waits for it shall hear of the disk, not of a death. */
  #endIfFailed(nodeId: NodeId): void {
    const { state, incarnation } = this.supervisor.child(nodeId);
    const hasFailed = this.failures.get(nodeId)?.incarnation === incarnation;
    if (state !== 'ready' || !hasFailed || this.#disposal !== undefined) return;
    void this.supervisor.crash(nodeId, { restart: false });
  }

  openPort(): ClientPort {
    this.assertOpen();
    const { nodes } = this.roster;
    const guest = this.supervisor.openPort(nodes.map(({ actor }) => actor));
    this.weather.addClient(guest.id);
    const watch = this.supervisor.monitor(guest.id, () => {
      watch[Symbol.dispose]();
      this.weather.removeClient(guest.id);
    });
    return {
      guest,
      nodes: nodes.map(({ id, actor }) => ({ id, actor })),
      failures: this.#failureMemory,
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

  /** Stops all threads. Idempotent. `before` is closed first, while the nodes still run. */
  close(before?: AsyncDisposable): Promise<void> {
    this.#disposal ??= this.#close(before);
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(before: AsyncDisposable | undefined): Promise<void> {
    this.#closing.abort(stopped());
    await before?.[Symbol.asyncDispose]();
    this.weather[Symbol.dispose]();
    await this.supervisor[Symbol.asyncDispose]();
    this.#data?.[Symbol.dispose]();
    this.emit({ kind: 'closed', at: systemClock.nowMs() });
    this.events.close(stopped());
  }

  #onSupervisor(event: SupervisorEvent): void {
    if (event.kind === 'connected' || event.kind === 'disconnected') return;
    const { id: nodeId, at } = event;
    if (event.kind === 'started') {
      this.#board.clear(nodeId);
    } else if (event.kind === 'ready') {
      if (this.failures.get(nodeId)?.incarnation !== event.incarnation)
        this.failures.delete(nodeId);
      this.#endIfFailed(nodeId);
      if (event.incarnation > 1) this.counts.restarts += 1;
      this.emit({ kind: 'node-started', nodeId, incarnation: event.incarnation, at });
    } else if (event.kind === 'down') {
      this.#leading.delete(nodeId);
      this.emit({ kind: 'node-down', nodeId, reason: event.reason, at });
    } else if (event.kind === 'gave-up') {
      const message = `${nodeId} died too often and is not started again`;
      this.#board.set({ nodeId, code: 'RAFT_NODE_DOWN', message });
      this.emit({ kind: 'node-given-up', nodeId, at });
    }
  }

  #onLeadership({ nodeId, role, currentTerm: term }: LeadershipNotice): void {
    const at = systemClock.nowMs();
    const wasLeader = this.#leading.has(nodeId);
    if (role === 'leader') {
      if (wasLeader) return;
      this.#leading.add(nodeId);
      this.counts.elections += 1;
      this.emit({ kind: 'leader-elected', nodeId, term, at });
      return;
    }
    this.#leading.delete(nodeId);
    if (wasLeader) this.emit({ kind: 'leader-stepped-down', nodeId, term, at });
    if (role === 'candidate') this.emit({ kind: 'campaign-started', nodeId, term, at });
  }
}

export function stopped(): RaftError {
  return new RaftError('RAFT_STOPPED', 'the cluster is closed; create another one', {
    details: { outcome: 'rejected' },
  });
}
