/** The live target of a script: a cluster in this process, a worker thread for each node. */
import { type Cluster, createCluster } from '../cluster/cluster.js';
import type { ClusterEvent } from '../cluster/event.js';
import { resolveOptions } from '../cluster/options.js';
import type { Fault, InjectedMessage } from '../cluster/weather.js';
import { isRaftError } from '../errors.js';
import type { LinkOptions } from '../network/rule.js';
import type { Log } from './log.js';
import type { JsonValue } from './python.js';
import type {
  ChiAnswer,
  ChiLaboratory,
  ChiMessage,
  ChiPartition,
  ChiTarget,
  HeldMessage,
  LinkFault,
  NodeReport,
  PartitionSides,
} from './target.js';

/** Scripts wait 2 to 5 s for an answer, so one that takes longer would never be printed. */
const requestTimeoutMs = 2_500;

/**
 * With a heartbeat of 50 ms: on a machine that is busy with other scripts a thread may not run for
 * hundreds of ms, and its node should not campaign for that. Scripts wait for seconds anyway.
 */
const electionTimeout = { minMs: 500, maxMs: 1_000 };

/**
 * How long `start` waits for a thread, in ms: longer than the tool for a process, since a thread
 * that is late means a machine that is busy, and a script shall end the same way there.
 */
export const clusterStartLimitMs = 30_000;

export interface ClusterTargetOptions {
  /** Whole number from 0 to 2^32 - 1. Default: a random one. */
  readonly seed?: number | undefined;
  /** Default: nothing is told. */
  readonly log?: Log | undefined;
}

/**
 * A cluster of these nodes, none of which runs before the script starts it.
 *
 * Throws `RAFT_INVALID_OPTION` for more nodes than a cluster takes.
 */
export function createClusterTarget(
  nodes: readonly string[],
  options: ClusterTargetOptions = {},
): ClusterTarget {
  const startTimeoutMs = 2 * clusterStartLimitMs;
  const fixed = { nodes, autostart: false, requestTimeoutMs, electionTimeout, startTimeoutMs };
  resolveOptions(fixed);
  return new ClusterTarget((seed) => {
    return createCluster({ ...fixed, ...(seed === undefined ? {} : { seed }) });
  }, options);
}

/** `createClusterTarget` is the door. The cluster is opened when something is first asked of it. */
export class ClusterTarget implements ChiTarget, ChiLaboratory {
  readonly #create: (seed: number | undefined) => Promise<Cluster>;
  readonly #log: Log | undefined;
  readonly #alive: Set<string> = new Set();
  /** What `delay` and `drop` have installed, by what they act on. */
  readonly #faults: Map<string, Fault> = new Map();
  #seed: number | undefined;
  #opening: Promise<Cluster> | undefined;
  #cluster: Cluster | undefined;
  #elections = 0;

  constructor(
    create: (seed: number | undefined) => Promise<Cluster>,
    options: ClusterTargetOptions = {},
  ) {
    this.#create = create;
    this.#log = options.log;
    this.#seed = options.seed;
  }

  get laboratory(): ChiLaboratory {
    return this;
  }

  /** Elections won so far. */
  get elections(): number {
    return this.#elections;
  }

  /** The seed of the cluster; `undefined` while there is none. */
  get seedInForce(): number | undefined {
    return this.#cluster?.options.seed;
  }

  async seed(): Promise<number> {
    return (await this.#open()).options.seed;
  }

  reseed(seed: number): boolean {
    if (this.#opening !== undefined) return false;
    this.#seed = seed;
    return true;
  }

  async start(nodeId: string): Promise<void> {
    const cluster = await this.#open();
    await cluster.restart([nodeId]);
    this.#alive.add(nodeId);
  }

  isAlive(nodeId: string): boolean {
    return this.#alive.has(nodeId);
  }

  get(nodeId: string, key: string): Promise<ChiAnswer> {
    return this.#answer(nodeId, async (cluster) => {
      const value = await cluster.get(key, { node: nodeId });
      return value === undefined
        ? { kind: 'missing' }
        : { kind: 'ok', key, value: value as JsonValue };
    });
  }

  set(nodeId: string, key: string, value: JsonValue): Promise<ChiAnswer> {
    return this.#answer(nodeId, async (cluster) => {
      await cluster.set(key, value, { node: nodeId });
      return { kind: 'ok', key, value };
    });
  }

  async createPartition({ name, side1, side2 }: PartitionSides): Promise<ChiPartition> {
    const cluster = await this.#open();
    const groups = [side1, side2];
    const fault = cluster.partition({ kind: 'symmetric', groups }, { mode: 'hold', name });
    return {
      remove: ({ deliver }) => {
        fault.release({ deliver });
        return Promise.resolve();
      },
    };
  }

  async heldMessages(): Promise<readonly HeldMessage[]> {
    const held = this.#cluster?.held() ?? [];
    return held.map((message) => ({
      source: message.source,
      destination: message.destination,
      get type() {
        return message.record.type;
      },
      get fields() {
        return { source: message.source, ...message.record.fields };
      },
    }));
  }

  async deliver(nodeId: string, message: ChiMessage): Promise<void> {
    const { type, source = message['leaderId'] ?? message['candidateId'] } = message;
    const cluster = await this.#open();
    // Nodes hear nothing but what another node says, in words that they know.
    if (typeof type !== 'string' || typeof source !== 'string' || source === nodeId) return;
    if (!cluster.nodes.includes(source)) return;
    const fields = message as InjectedMessage['fields'];
    cluster.inject({ type, source, destination: nodeId, fields });
  }

  async crash(nodeId: string): Promise<void> {
    const cluster = await this.#open();
    await cluster.crash([nodeId], { restart: false });
    this.#alive.delete(nodeId);
  }

  restart(nodeId: string): Promise<void> {
    return this.start(nodeId);
  }

  async pause(nodeId: string): Promise<void> {
    await (await this.#open()).pause([nodeId]);
  }

  async resume(nodeId: string): Promise<void> {
    (await this.#open()).resume([nodeId]);
  }

  async delay({ nodeId, ms }: LinkFault & { readonly ms: number }): Promise<void> {
    await this.#fault('delay', nodeId, ms === 0 ? undefined : { delayMs: ms });
  }

  async drop({ nodeId, rate }: LinkFault & { readonly rate: number }): Promise<void> {
    await this.#fault('drop', nodeId, rate === 0 ? undefined : { lossRate: rate });
  }

  leader(): { readonly nodeId: string; readonly term: number } | undefined {
    const status = this.#cluster?.status();
    const nodeId = status?.leaderId;
    const node = status?.nodes.find(({ id }) => id === nodeId);
    return nodeId === undefined || node === undefined
      ? undefined
      : { nodeId, term: node.currentTerm };
  }

  status(): readonly NodeReport[] {
    const nodes = this.#cluster?.status().nodes ?? [];
    return nodes.map(({ id, state, role, currentTerm, commitIndex, lastApplied }) => {
      return { nodeId: id, state, role, term: currentTerm, commitIndex, lastApplied };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#log?.write('info', 'Stopping broker');
    for (const nodeId of this.#alive) this.#log?.write('info', `Stopping ${nodeId}`);
    const cluster = await this.#opening?.catch(() => undefined);
    await cluster?.close();
  }

  #open(): Promise<Cluster> {
    this.#opening ??= this.#create(this.#seed).then((cluster) => {
      this.#cluster = cluster;
      cluster.onAny((event) => this.#onEvent(event));
      return cluster;
    });
    return this.#opening;
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'node-started') this.#alive.add(event.nodeId);
    else if (event.kind === 'node-down') this.#alive.delete(event.nodeId);
    else if (event.kind === 'leader-elected') this.#elections += 1;
    this.#log?.event(event);
  }

  /** Puts a fault in the place of the one before it. */
  async #fault(
    kind: string,
    nodeId: string | undefined,
    effect: Pick<LinkOptions, 'delayMs' | 'lossRate'> | undefined,
  ): Promise<void> {
    const cluster = await this.#open();
    const where = `${kind} ${nodeId ?? '#all#'}`;
    this.#faults.get(where)?.release();
    this.#faults.delete(where);
    if (effect === undefined) return;
    const between =
      nodeId === undefined ? 'nodes' : ({ from: [nodeId], to: 'nodes', bothWays: true } as const);
    this.#faults.set(where, cluster.link({ ...effect, between }));
  }

  async #answer(
    nodeId: string,
    request: (cluster: Cluster) => Promise<ChiAnswer>,
  ): Promise<ChiAnswer> {
    if (!this.isAlive(nodeId)) return { kind: 'lost' };
    try {
      return await request(await this.#open());
    } catch (error) {
      return answerOf(error);
    }
  }
}

/** What a failed request is in the words of a script; throws what is no failure of a request. */
export function answerOf(error: unknown): ChiAnswer {
  if (!isRaftError(error)) throw error;
  switch (error.code) {
    case 'RAFT_NO_QUORUM':
    case 'RAFT_NO_LEADER':
    case 'RAFT_TIMEOUT':
      return { kind: 'no-quorum' };
    case 'RAFT_NODE_DOWN':
    case 'RAFT_STOPPED':
      return { kind: 'lost' };
    default:
      return { kind: 'failed', text: error.message };
  }
}
