/** A cluster as a `.chi` script sees one: nodes to start, requests to one node, held messages. */
import type {
  ChiAnswer,
  ChiPartition,
  ChiTarget,
  JsonValue,
  PartitionSides,
} from '../chistributed/index.js';
import { type Cluster, createCluster } from '../cluster/cluster.js';
import { isRaftError } from '../errors.js';

/** Scripts wait 2 to 5 s for an answer, so one that takes longer would never be printed. */
const requestTimeoutMs = 2_500;

export interface ChiTargetOptions {
  /** Default: a random one. */
  readonly seed?: number | undefined;
}

/** Creates a cluster of these nodes, none of which runs before the script starts it. */
export async function createChiTarget(
  nodes: readonly string[],
  { seed }: ChiTargetOptions = {},
): Promise<ChiTarget> {
  const cluster = await createCluster({
    nodes,
    requestTimeoutMs,
    ...(seed === undefined ? {} : { seed }),
  });
  try {
    await cluster.crash('all', { restart: false });
    return new ClusterTarget(cluster);
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** `createChiTarget` is the door. */
export class ClusterTarget implements ChiTarget {
  readonly #cluster: Cluster;
  readonly #alive: Set<string> = new Set();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    cluster.on('node-started', ({ nodeId }) => this.#alive.add(nodeId));
    cluster.on('node-down', ({ nodeId }) => this.#alive.delete(nodeId));
  }

  async start(nodeId: string): Promise<void> {
    await this.#cluster.restart([nodeId]);
    this.#alive.add(nodeId);
  }

  isAlive(nodeId: string): boolean {
    return this.#alive.has(nodeId);
  }

  get(nodeId: string, key: string): Promise<ChiAnswer> {
    return this.#answer(nodeId, async () => {
      const value = await this.#cluster.get(key, { node: nodeId });
      return value === undefined
        ? { kind: 'missing' }
        : { kind: 'ok', key, value: value as JsonValue };
    });
  }

  set(nodeId: string, key: string, value: JsonValue): Promise<ChiAnswer> {
    return this.#answer(nodeId, async () => {
      await this.#cluster.set(key, value, { node: nodeId });
      return { kind: 'ok', key, value };
    });
  }

  createPartition({ name, side1, side2 }: PartitionSides): Promise<ChiPartition> {
    const groups = [side1, side2];
    const fault = this.#cluster.partition({ kind: 'symmetric', groups }, { mode: 'hold', name });
    return Promise.resolve({
      remove: ({ deliver }) => {
        fault.release({ deliver });
        return Promise.resolve();
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.close();
  }

  async #answer(nodeId: string, request: () => Promise<ChiAnswer>): Promise<ChiAnswer> {
    if (!this.isAlive(nodeId)) return { kind: 'lost' };
    try {
      return await request();
    } catch (error) {
      return answerOf(error);
    }
  }
}

function answerOf(error: unknown): ChiAnswer {
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
