/** A simulated cluster as a script sees one. */

import type { Installed } from '../network/installed.js';
import { symmetric } from '../network/partition.js';
import type { LinkOptions } from '../network/rule.js';
import { recordOf } from '../replica/message-record.js';
import { LeaderWatch } from '../sim/agreement.js';
import type { SimFrame } from '../sim/inbox.js';
import type { SimNode } from '../sim/node.js';
import type { Stage } from '../sim/stage.js';
import type { Client } from '../store/client.js';
import { answerOf } from './cluster-target.js';
import type { JsonValue } from './python.js';
import type {
  ChiAnswer,
  ChiLaboratory,
  ChiPartition,
  ChiTarget,
  HeldMessage,
  LinkFault,
  NodeReport,
  PartitionSides,
} from './target.js';

export class VirtualTarget implements ChiTarget, ChiLaboratory {
  readonly #stage: Stage;
  readonly #seed: number;
  readonly #told: () => void;
  /** What `delay` and `drop` have installed, by what they act on. */
  readonly #faults = new Map<string, Installed>();

  /** `told` is called when a request has its answer. */
  constructor(stage: Stage, seed: number, told: () => void) {
    this.#stage = stage;
    this.#seed = seed;
    this.#told = told;
  }

  get laboratory(): ChiLaboratory {
    return this;
  }

  async start(nodeId: string): Promise<void> {
    const node = this.#node(nodeId);
    if (node.isUp) this.#kill(node);
    node.start();
  }

  isAlive(nodeId: string): boolean {
    return this.#stage.nodes.find(({ id }) => id === nodeId)?.isUp === true;
  }

  get(nodeId: string, key: string): Promise<ChiAnswer> {
    return this.#answer(nodeId, async (client) => {
      const value = await client.get(key, { node: nodeId });
      if (value === undefined) return { kind: 'missing' };
      return { kind: 'ok', key, value: value as JsonValue };
    });
  }

  set(nodeId: string, key: string, value: JsonValue): Promise<ChiAnswer> {
    return this.#answer(nodeId, async (client) => {
      await client.set(key, value, { node: nodeId });
      return { kind: 'ok', key, value };
    });
  }

  async createPartition({ name, side1, side2 }: PartitionSides): Promise<ChiPartition> {
    const links = symmetric([side1, side2]);
    const partition = this.#stage.wiring.network.partition(links, { mode: 'hold', name });
    return {
      remove: async ({ deliver }) => partition.release({ deliver }),
    };
  }

  async heldMessages(): Promise<readonly HeldMessage[]> {
    return this.#stage.wiring.network.held().flatMap(({ frame }): HeldMessage[] => {
      const { source, destination, payload } = frame;
      const record = recordOf(payload as SimFrame);
      if (record === undefined) return [];
      const fields = { source, ...record.fields } as HeldMessage['fields'];
      return [{ source, destination, type: record.type, fields }];
    });
  }

  async crash(nodeId: string): Promise<void> {
    this.#kill(this.#node(nodeId));
  }

  restart(nodeId: string): Promise<void> {
    return this.start(nodeId);
  }

  async pause(nodeId: string): Promise<void> {
    this.#node(nodeId).pause();
  }

  async resume(nodeId: string): Promise<void> {
    this.#node(nodeId).resume();
  }

  async delay({ nodeId, ms }: LinkFault & { readonly ms: number }): Promise<void> {
    this.#fault('delay', nodeId, ms === 0 ? undefined : { delayMs: ms });
  }

  async drop({ nodeId, rate }: LinkFault & { readonly rate: number }): Promise<void> {
    this.#fault('drop', nodeId, rate === 0 ? undefined : { lossRate: rate });
  }

  leader(): { readonly nodeId: string; readonly term: number } | undefined {
    const { leader } = new LeaderWatch(this.#stage.nodes);
    const term = leader?.life?.raft.currentTerm;
    return leader === undefined || term === undefined ? undefined : { nodeId: leader.id, term };
  }

  status(): readonly NodeReport[] {
    return this.#stage.nodes.map(({ id, life, isPaused }) => {
      if (life === undefined) {
        const nothing = { term: 0, commitIndex: 0, lastApplied: 0 };
        return { nodeId: id, state: 'down', role: 'follower', ...nothing };
      }
      const { role, currentTerm: term, commitIndex } = life.raft;
      const { lastApplied } = life.replica;
      const state = isPaused ? 'paused' : 'running';
      return { nodeId: id, state, role, term, commitIndex, lastApplied };
    });
  }

  async seed(): Promise<number> {
    return this.#seed;
  }

  /** The cluster is there from the beginning, and drawn from its seed. */
  reseed(): boolean {
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stage.discard();
  }

  #node(nodeId: string): SimNode {
    const node = this.#stage.nodes.find(({ id }) => id === nodeId);
    if (node === undefined) throw new RangeError(`there is no ${nodeId}`);
    return node;
  }

  #kill(node: SimNode): void {
    node.crash();
    this.#stage.tellDeath();
  }

  #fault(
    kind: string,
    nodeId: string | undefined,
    effect: Pick<LinkOptions, 'delayMs' | 'lossRate'> | undefined,
  ): void {
    const where = `${kind} ${nodeId ?? '#all#'}`;
    this.#faults.get(where)?.release();
    this.#faults.delete(where);
    if (effect === undefined) return;
    const between =
      nodeId === undefined ? 'nodes' : ({ from: [nodeId], to: 'nodes', bothWays: true } as const);
    this.#faults.set(where, this.#stage.wiring.network.link({ ...effect, between }));
  }

  async #answer(
    nodeId: string,
    request: (client: Client) => Promise<ChiAnswer>,
  ): Promise<ChiAnswer> {
    const client = this.#stage.clients[0]?.store;
    if (client === undefined || !this.isAlive(nodeId)) return { kind: 'lost' };
    try {
      this.#stage.stir();
      return await request(client);
    } catch (error) {
      return answerOf(error);
    } finally {
      this.#told();
    }
  }
}
