/**
 * The client of the store: what turns a call into bytes, and an answer into its result.
 *
 *     set() ── encode ──> batch of this tick ── ring ──> leader ── log, quorum, apply ─┐
 *     await <── one result for all its sets <── one answer for the batch <── ring ─────┘
 *
 * A client lives in one thread, which may be any; `connect.ts` opens it there.
 */
import { type Clock, systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import { absent, type BatchWriter } from './batch-writer.js';
import { BatchPool, type BatchTerms } from './client-batch.js';
import { stopped } from './client-failure.js';
import { Gathering, type GatheringOptions } from './client-gathering.js';
import {
  type ClientNode,
  type ClientOptions,
  type ResolvedClientOptions,
  resolveCall,
  resolveClientOptions,
  resolveRead,
} from './client-options.js';
import { type RequestCounters, Requests } from './client-requests.js';
import { ClientRoute } from './client-route.js';
import type { ClientRoom } from './client-sender.js';
import { op } from './command.js';
import type { FailureBoard } from './failure-board.js';
import { commandsMaxOf } from './machine.js';
import type {
  CallOptions,
  CasResult,
  DeleteResult,
  ReadOptions,
  SetResult,
  Store,
  SubmitResult,
  Value,
} from './store.js';

/** What a client is made of. */
export interface ClientSetup {
  readonly room: ClientRoom;
  readonly nodes: readonly ClientNode[];
  readonly options?: ClientOptions;
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
  /** Calls back when the calls made together are complete. Default: `process.nextTick`. */
  readonly whenTickEnds?: (callback: () => void) => void;
  /** Which nodes are down for good. Default: none ever is. */
  readonly failures?: FailureBoard;
  /** Gives the actor of the client back. */
  readonly leave: () => Promise<void> | void;
}

/** Counters since the client was opened. */
export interface ClientCounters extends RequestCounters {
  /** Calls that are not settled. */
  readonly pendingCalls: number;
}

/** A way through the cluster, with the calls that gather for it. */
interface Path {
  readonly writes: Gathering;
  readonly reads: Gathering;
  /** For a machine of the user's. They share no batch with reads, which such a machine refuses. */
  readonly questions: Gathering;
}

export class Client implements Store {
  readonly #limits: ResolvedClientOptions;
  readonly #requests: Requests;
  readonly #gatheringOptions: GatheringOptions;
  readonly #leave: () => Promise<void> | void;
  readonly #whenTickEnds: (callback: () => void) => void;
  /** To the leader. */
  readonly #path: Path;
  /** To one node, by its name. */
  readonly #pinned = new Map<NodeId, Path>();
  readonly #writeTerms: BatchTerms;
  readonly #readTerms: BatchTerms;
  readonly #commandsMax: number;
  /** Gatherings with an open batch; sealed when the tick ends. */
  #opened: Gathering[] = [];
  #isStopped = false;
  #closing: Promise<void> | undefined;

  constructor(setup: ClientSetup) {
    const { room, nodes, options, clock = systemClock, leave, failures } = setup;
    const limits = resolveClientOptions(options);
    const pool = new BatchPool();
    this.#limits = limits;
    this.#commandsMax = Math.min(limits.batchMax, commandsMaxOf(limits.batchBytesMax));
    this.#leave = leave;
    this.#whenTickEnds = setup.whenTickEnds ?? process.nextTick;
    this.#requests = new Requests({
      room,
      nodes,
      limits,
      pool,
      clock,
      ...(failures ? { failures } : {}),
    });
    const opened = (gathering: Gathering): void => this.#schedule(gathering);
    this.#gatheringOptions = { requests: this.#requests, pool, limits, clock, opened };
    this.#path = this.#addPath(undefined);
    const common = {
      timeoutMs: limits.requestTimeoutMs,
      signal: undefined,
      consistency: 'linearizable',
    } as const;
    this.#writeTerms = { ...common, isRead: false };
    this.#readTerms = { ...common, isRead: true };
  }

  get counters(): ClientCounters {
    return { ...this.#requests.counters, pendingCalls: this.#requests.pendingCalls };
  }

  /** Who the next unpinned request goes to, if that is known. */
  get leaderId(): NodeId | undefined {
    return this.#requests.routing.leaderId;
  }

  /** Takes in what has come. Called by the loop of the thread. */
  turn(): boolean {
    return this.#requests.turn();
  }

  /** A node has died: what it had is tried elsewhere at once. */
  peerDown(): void {
    this.#requests.lookForDeaths();
  }

  /** Rejects what is under way, and from now on every call, without giving the actor back. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const gathering of this.#opened) gathering.reject(stopped('rejected'));
    this.#opened = [];
    this.#requests.close();
  }

  set(key: string, value: Value, options?: CallOptions): Promise<SetResult> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openWrite(options);
      while (!gathering.writer.set(key, value)) gathering.grow();
      return gathering.add(op.set);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  delete(key: string, options?: CallOptions): Promise<DeleteResult> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openWrite(options);
      while (!gathering.writer.delete(key)) gathering.grow();
      return gathering.add(op.delete);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  cas(key: string, expected: Value, value: Value, options?: CallOptions): Promise<CasResult> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openWrite(options);
      const swap = { expected: expected === undefined ? absent : expected, value };
      while (!gathering.writer.cas(key, swap)) gathering.grow();
      return gathering.add(op.cas);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  get(key: string, options?: ReadOptions): Promise<Value | undefined> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openRead(options);
      while (!gathering.writer.get(key)) gathering.grow();
      return gathering.add(op.get);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  async getMany(keys: Iterable<string>, options?: ReadOptions): Promise<(Value | undefined)[]> {
    const { path, terms } = this.#resolveRead(options);
    const list = listOf(keys, 'keys', 'strings');
    if (list.length === 0) return [];
    return await path.reads.addWhole(terms, (writer) => list.every((key) => writer.get(key)));
  }

  async setMany(
    entries: Iterable<readonly [key: string, value: Value]>,
    options?: CallOptions,
  ): Promise<SetResult> {
    const { path, terms } = this.#resolveWrite(options);
    const list = listOf(entries, 'entries', 'pairs of a key and a value');
    if (list.length === 0) return { index: 0 };
    return await path.writes.addWhole(terms, (writer) => list.every(entrySetter(writer)));
  }

  /**
   * Has the cluster's own state machine (`createCluster({ stateMachine })`) apply a command, and
   * resolves to what it gave.
   *
   * Linearizable and exactly once, as `set` is. Rejects as `set` does, but for its keys, and with
   *
   * - `RAFT_MACHINE_FAILED`: the machine threw at the command, which was not done (`rejected`), or
   *   its result cannot be carried, though the command was done (`unknown`);
   * - `RAFT_WRONG_MACHINE`: the cluster replicates a key-value store.
   */
  submit(command: Value, options?: CallOptions): Promise<SubmitResult> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openWrite(options);
      while (!gathering.writer.command(command)) gathering.grow();
      return gathering.add(op.command, this.#commandsMax);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  /**
   * Asks the cluster's own state machine; linearizable unless told otherwise, as `get` is. Rejects
   * as `get` does, with `RAFT_MACHINE_FAILED` for what the machine threw or gave in answer that
   * cannot be carried, and with `RAFT_WRONG_MACHINE`.
   */
  query(question: Value, options?: ReadOptions): Promise<Value> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openQuestion(options);
      while (!gathering.writer.query(question)) gathering.grow();
      return gathering.add(op.query);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  /**
   * A step of `Cluster.importSnapshot`: bytes for the place that `token` names (`staging.ts`), or
   * the end. `succeeded` is false if another import has taken over.
   */
  stage(token: string, bytes: Uint8Array | undefined, options?: CallOptions): Promise<CasResult> {
    let gathering: Gathering | undefined;
    try {
      gathering = this.#openWrite(options);
      const { writer } = gathering;
      const add = (): boolean => (bytes ? writer.stage(token, bytes) : writer.adopt(token));
      while (!add()) gathering.grow();
      return gathering.add(bytes ? op.stage : op.adopt);
    } catch (error) {
      return refuse(error, gathering);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.stop();
    await this.#leave();
  }

  #openWrite(options: CallOptions | undefined): Gathering {
    const { path, terms } = this.#resolveWrite(options);
    path.writes.open(terms);
    return path.writes;
  }

  #openRead(options: ReadOptions | undefined): Gathering {
    const { path, terms } = this.#resolveRead(options);
    path.reads.open(terms);
    return path.reads;
  }

  #openQuestion(options: ReadOptions | undefined): Gathering {
    const { path, terms } = this.#resolveRead(options);
    path.questions.open(terms);
    return path.questions;
  }

  #resolveWrite(options: CallOptions | undefined): { path: Path; terms: BatchTerms } {
    if (this.#isStopped) throw stopped('rejected');
    if (options === undefined) return { path: this.#path, terms: this.#writeTerms };
    const { node, ...terms } = resolveCall(options, this.#limits.requestTimeoutMs);
    return { path: this.#pathTo(node), terms: { ...terms, isRead: false } };
  }

  #resolveRead(options: ReadOptions | undefined): { path: Path; terms: BatchTerms } {
    if (this.#isStopped) throw stopped('rejected');
    if (options === undefined) return { path: this.#path, terms: this.#readTerms };
    const { node, ...terms } = resolveRead(options, this.#limits.requestTimeoutMs);
    return { path: this.#pathTo(node), terms: { ...terms, isRead: true } };
  }

  #pathTo(node: NodeId | undefined): Path {
    if (node === undefined) return this.#path;
    const found = this.#pinned.get(node);
    if (found) return found;
    const slot = this.#requests.routing.slotOfId(node);
    if (slot < 0) throw unknownNode(node, this.#requests.routing.ids);
    const path = this.#addPath(slot);
    this.#pinned.set(node, path);
    return path;
  }

  #addPath(pin: number | undefined): Path {
    const route = new ClientRoute(pin, this.#limits.serialWindowMax);
    this.#requests.addRoute(route);
    return {
      writes: new Gathering(route, this.#gatheringOptions, { isRead: false }),
      reads: new Gathering(route, this.#gatheringOptions, { isRead: true }),
      questions: new Gathering(route, this.#gatheringOptions, { isRead: true }),
    };
  }

  #schedule(gathering: Gathering): void {
    if (this.#opened.length === 0) this.#whenTickEnds(this.#flush);
    this.#opened.push(gathering);
  }

  readonly #flush = (): void => {
    const opened = this.#opened;
    this.#opened = [];
    for (const gathering of opened) gathering.seal();
  };
}

function refuse(error: unknown, gathering: Gathering | undefined): Promise<never> {
  gathering?.cancel();
  return Promise.reject(error);
}

function entrySetter(writer: BatchWriter): (entry: readonly [string, Value]) => boolean {
  return (entry) => {
    if (!Array.isArray(entry)) throw invalidList('entries', 'pairs of a key and a value');
    return writer.set(entry[0], entry[1]);
  };
}

function listOf<T>(list: Iterable<T>, option: string, of: string): readonly T[] {
  const isIterable = typeof list === 'object' && list !== null && Symbol.iterator in list;
  if (!isIterable) throw invalidList(option, of);
  return [...list];
}

function invalidList(option: string, of: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} is no list of ${of}`, {
    details: { outcome: 'rejected', option },
  });
}

function unknownNode(nodeId: string, ids: readonly string[]): RaftError {
  return new RaftError(
    'RAFT_UNKNOWN_NODE',
    `no node is called ${nodeId}; there are ${ids.join(', ')}`,
    {
      details: { outcome: 'rejected', nodeId },
    },
  );
}
