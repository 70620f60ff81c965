/**
 * A cluster of paper: one map, and a rule of who reaches a majority. It answers at once, or after
 * 2 s of virtual time that there is none; it records what it was asked.
 */
import type {
  ChiAnswer,
  ChiLaboratory,
  ChiPartition,
  ChiTarget,
  HeldMessage,
  JsonValue,
  PartitionSides,
} from '../../src/chistributed/index.js';
import type { VirtualClock } from './virtual-clock.js';

export class FakeTarget implements ChiTarget {
  readonly nodes: readonly string[];
  /** What happened, one entry a call. */
  readonly calls: string[] = [];
  readonly alive: Set<string> = new Set();
  readonly everStarted: Set<string> = new Set();
  readonly values: Map<string, JsonValue> = new Map();
  readonly partitions: PartitionSides[] = [];
  held: HeldMessage[] = [];
  startMs = 0;
  startError: Error | undefined;
  /** Answers to give instead of the true ones, by key. */
  readonly scripted: Map<string, () => Promise<ChiAnswer>> = new Map();
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #clock: VirtualClock;
  /** Who `leader` finds, once it has looked so often in vain. */
  leading: { readonly nodeId: string; readonly term: number } | undefined;
  looksInVain = 0;
  seedOfRun = 42;
  isOpen = false;

  readonly laboratory: ChiLaboratory = {
    crash: async (nodeId) => {
      this.calls.push(`crash ${nodeId}`);
      this.alive.delete(nodeId);
    },
    restart: async (nodeId) => {
      this.calls.push(`restart ${nodeId}`);
      if (this.startError !== undefined) throw this.startError;
      this.everStarted.add(nodeId);
      this.alive.add(nodeId);
    },
    pause: async (nodeId) => void this.calls.push(`pause ${nodeId}`),
    resume: async (nodeId) => void this.calls.push(`resume ${nodeId}`),
    delay: async ({ nodeId, ms }) => void this.calls.push(`delay ${nodeId} ${ms}`),
    drop: async ({ nodeId, rate }) => void this.calls.push(`drop ${nodeId} ${rate}`),
    leader: () => {
      if (this.looksInVain === 0) return this.leading;
      this.looksInVain -= 1;
      return undefined;
    },
    status: () =>
      this.nodes.map((nodeId) => ({
        nodeId,
        state: this.alive.has(nodeId) ? 'running' : 'down',
        role: 'follower',
        term: 3,
        commitIndex: 7,
        lastApplied: 6,
      })),
    seed: async () => {
      this.isOpen = true;
      return this.seedOfRun;
    },
    reseed: (seed) => {
      if (this.isOpen) return false;
      this.seedOfRun = seed;
      return true;
    },
  };

  constructor(nodes: readonly string[], clock: VirtualClock) {
    this.nodes = nodes;
    this.#clock = clock;
  }

  async start(nodeId: string, words: readonly string[]): Promise<void> {
    this.calls.push(['start', nodeId, ...words].join(' '));
    this.everStarted.add(nodeId);
    if (this.startMs > 0) await this.#clock.after(this.startMs);
    if (this.startError !== undefined) throw this.startError;
    this.alive.add(nodeId);
  }

  isAlive(nodeId: string): boolean {
    return this.alive.has(nodeId);
  }

  get(nodeId: string, key: string): Promise<ChiAnswer> {
    return this.#ask(nodeId, key, () => {
      const value = this.values.get(key);
      return value === undefined ? { kind: 'missing' } : { kind: 'ok', key, value };
    });
  }

  set(nodeId: string, key: string, value: JsonValue): Promise<ChiAnswer> {
    return this.#ask(nodeId, key, () => {
      this.values.set(key, value);
      return { kind: 'ok', key, value };
    });
  }

  async createPartition(sides: PartitionSides): Promise<ChiPartition> {
    const { name, side1, side2 } = sides;
    this.calls.push(`partition ${name}: ${side1.join(' ')} | ${side2.join(' ')}`);
    this.partitions.push(sides);
    return {
      remove: async ({ deliver }) => {
        this.calls.push(`${deliver ? 'deliver' : 'drop'} ${name}`);
        this.partitions.splice(this.partitions.indexOf(sides), 1);
      },
    };
  }

  async heldMessages(): Promise<readonly HeldMessage[]> {
    return this.held;
  }

  async deliver(nodeId: string, message: { readonly [field: string]: JsonValue }): Promise<void> {
    this.calls.push(`deliver ${nodeId} ${JSON.stringify(message)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calls.push('dispose');
  }

  async #ask(nodeId: string, key: string, answer: () => ChiAnswer): Promise<ChiAnswer> {
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      const scripted = this.scripted.get(key);
      if (scripted !== undefined) return await scripted();
      if (!this.everStarted.has(nodeId)) throw new Error(`${nodeId} was never started`);
      if (!this.alive.has(nodeId)) return { kind: 'lost' };
      if (this.#reachesMajority(nodeId)) return answer();
      await this.#clock.after(2_000);
      return this.#reachesMajority(nodeId) ? answer() : { kind: 'no-quorum' };
    } finally {
      this.#atOnce -= 1;
    }
  }

  /** Whether some node can lead a majority and is reached from here. */
  #reachesMajority(nodeId: string): boolean {
    const neighbours = (id: string): string[] =>
      [...this.alive].filter((other) => other === id || !this.#isSeparated(id, other));
    const isQuorum = (ids: string[]): boolean => ids.length > this.nodes.length / 2;
    return neighbours(nodeId).some((leader) => isQuorum(neighbours(leader)));
  }

  #isSeparated(a: string, b: string): boolean {
    return this.partitions.some(
      ({ side1, side2 }) =>
        (side1.includes(a) && side2.includes(b)) || (side1.includes(b) && side2.includes(a)),
    );
  }
}
