/**
 * Turmoil: a random history of faults and work on the network, all from one seed.
 */
import { type NetworkOptions, TestNetwork, type Weather } from './network.js';
import type { TestNode } from './node.js';

export interface TurmoilOptions extends NetworkOptions {
  readonly seed: number;
  readonly steps: number;
  readonly weather?: Weather;
  /** Writes take time, up to a few steps. */
  readonly hasSlowDisks?: boolean;
  /** Chances of a fault in a step. */
  readonly crash?: number;
  readonly cut?: number;
  readonly transfer?: number;
  readonly compact?: number;
  /** Nodes take several messages at once. */
  readonly gathering?: number;
  /** Nodes compact what others have yet to get. */
  readonly isCompactionFree?: boolean;
}

export interface Outcome {
  readonly net: TestNetwork;
  /** Texts of proposals that were committed while the proposer led, so a client was told. */
  readonly acknowledged: Set<string>;
  readonly readsServed: number;
  /** All that happened, in short: the same seed gives the same line. */
  readonly trace: string;
}

interface Pending {
  readonly text: string;
  readonly index: number;
  readonly term: number;
}

class Turmoil {
  readonly net: TestNetwork;
  readonly acknowledged: Set<string> = new Set();
  readonly #options: TurmoilOptions;
  readonly #pending: Map<string, Pending[]> = new Map();
  /** Read ids of each node, and what was committed anywhere when they were asked. */
  readonly #asked: Map<string, Map<number, number>> = new Map();
  readonly #trace: string[] = [];
  #readsServed = 0;
  #count = 0;

  constructor(options: TurmoilOptions) {
    this.#options = options;
    this.net = new TestNetwork(options);
    this.net.weather = options.weather ?? this.net.weather;
    this.net.gathering = options.gathering ?? 0;
    for (const [id, node] of this.net.nodes) {
      node.isDiskSlow = options.hasSlowDisks ?? false;
      this.#pending.set(id, []);
      this.#asked.set(id, new Map());
    }
    this.net.onArrival = ({ from, to, kind, term }, isLost) =>
      this.#trace.push(`${from}${isLost ? 'x' : '>'}${to} ${kind} ${term}`);
  }

  run(): Outcome {
    for (let step = 0; step < this.#options.steps; step += 1) this.#step();
    return {
      net: this.net,
      acknowledged: this.acknowledged,
      readsServed: this.#readsServed,
      trace: this.#trace.join('\n'),
    };
  }

  #step(): void {
    const { net } = this;
    for (const node of net.running) {
      if (net.prng.next() < 0.9) net.at(node.id, () => node.tick());
      if (node.isDiskSlow && net.prng.next() < 0.5) {
        net.at(node.id, () => node.flush(net.prng.int(1, 3)));
      }
      this.#work(node);
    }
    // Some messages stay under way until a later step.
    for (let i = net.queue.length; i > 0; i -= 1) if (net.prng.next() < 0.8) net.deliver();
    for (const node of net.running) net.at(node.id, () => node.run());
    for (const node of net.running) this.#settle(node);
    this.#faults();
  }

  #work(node: TestNode): void {
    const { net } = this;
    if (node.raft.role === 'leader' && net.prng.next() < 0.5) {
      const text = `c${this.#count}`;
      this.#count += 1;
      const result = net.at(node.id, () => node.propose(text));
      if (result.accepted) this.#pending.get(node.id)?.push({ text, ...result });
    }
    if (net.prng.next() < 0.1) {
      const committed = net.invariants.commitIndex;
      const result = node.raft.readIndex();
      if (result.accepted) this.#asked.get(node.id)?.set(result.readId, committed);
      net.at(node.id, () => node.run());
    }
  }

  /** What clients learn: commits of what they proposed, and the indexes of their reads. */
  #settle(node: TestNode): void {
    const pending = this.#pending.get(node.id) ?? [];
    const open = pending.filter(({ text, index, term }) => {
      if (index > node.raft.commitIndex) return true;
      if (node.raft.termAt(index) === term) this.acknowledged.add(text);
      return false;
    });
    this.#pending.set(node.id, open);
    for (const [readId, committed] of this.#asked.get(node.id) ?? []) {
      const index = node.reads.get(readId);
      if (index !== undefined && index < committed) {
        throw new Error(`${node.id} reads at ${index} though ${committed} was committed`);
      }
      if (index === undefined && !node.readsAborted.has(readId)) continue;
      if (index !== undefined) this.#readsServed += 1;
      this.#asked.get(node.id)?.delete(readId);
    }
  }

  #faults(): void {
    const { net } = this;
    const { crash = 0, cut = 0, transfer = 0, compact = 0, hasSlowDisks = false } = this.#options;
    const node = net.prng.pick([...net.nodes.values()]);
    const peer = net.prng.pick([...net.nodes.keys()]);
    // A node that is down does not stay so for long, or there is no majority most of the time.
    if (net.prng.next() < (node.isRunning ? crash : 0.3)) {
      if (node.isRunning) {
        node.crash();
        this.#pending.set(node.id, []);
        this.#asked.get(node.id)?.clear();
      } else {
        node.isDiskSlow = hasSlowDisks;
        node.restart();
      }
    }
    if (net.prng.next() < cut) {
      const kind = net.prng.int(0, 3);
      if (kind === 0) net.isolate(node.id);
      else if (kind === 1) net.cut(`${node.id}>${peer}`);
      else net.mend();
    }
    if (node.isRunning && net.prng.next() < transfer) {
      net.at(node.id, () => node.transfer(peer));
    }
    if (node.isRunning && net.prng.next() < compact) {
      const { lastApplied, replicatedByAll, stableIndex } = node.raft.status();
      // Without a bound, whoever lags needs a snapshot.
      const bound = this.#options.isCompactionFree ? stableIndex : replicatedByAll;
      net.at(node.id, () => node.compact(Math.min(lastApplied, bound)));
    }
  }
}

export function runTurmoil(options: TurmoilOptions): Outcome {
  return new Turmoil(options).run();
}

/**
 * Ends all faults and requires, without a single new write: one leader, equal logs, everything
 * acknowledged present and applied in one order, empty windows, no read waiting.
 */
export function requireConvergence({ net, acknowledged }: Outcome, ticksMax: number): void {
  net.heal();
  for (const node of net.nodes.values()) {
    node.isDiskSlow = false;
    if (node.isRunning) node.flush();
    else node.restart();
  }
  net.until(() => net.isConverged, ticksMax, `converged: ${describe(net)}`);
  net.tick(12);
  const [first, ...others] = [...net.nodes.values()];
  if (first === undefined) return;
  for (const { id, applied, raft } of [first, ...others]) {
    const status = raft.status();
    if (status.readsWaiting > 0) throw new Error(`${id} has reads waiting`);
    for (const [peer, { inflightEntries, state }] of Object.entries(status.progress ?? {})) {
      if (inflightEntries > 0 || state !== 'replicate') {
        throw new Error(`${id} has ${inflightEntries} entries under way to ${peer}, ${state}`);
      }
    }
    const digest = JSON.stringify(applied);
    if (digest !== JSON.stringify(first.applied)) throw new Error(`${id} applied something else`);
  }
  const texts = new Set(first.texts);
  if (texts.size !== first.texts.length) throw new Error('a command was applied twice');
  for (const text of acknowledged) {
    if (!texts.has(text)) throw new Error(`${text} was acknowledged and is lost`);
  }
}

function describe(net: TestNetwork): string {
  return [...net.nodes.values()]
    .map(({ id, raft }) => `${id} ${raft.role} ${raft.currentTerm} ${raft.lastLogIndex}`)
    .join(', ');
}
