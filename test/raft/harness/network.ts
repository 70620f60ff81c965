/**
 * A deterministic network of cores: one queue of messages, faults drawn from one seed, and the
 * invariants checked after every step.
 */
import { Prng } from '../../../src/prng.js';
import type { Message, NodeId, Ready } from '../../../src/raft/index.js';
import { Invariants } from './invariants.js';
import { type NodeOptions, TestNode } from './node.js';

export interface NetworkOptions extends NodeOptions {
  readonly size?: number;
  readonly seed?: number;
  /** What differs from node to node. */
  readonly each?: (id: NodeId) => NodeOptions;
}

/** Chances from 0 to 1. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly reorder: number;
}

const calm: Weather = { loss: 0, duplication: 0, reorder: 0 };

export class TestNetwork {
  readonly nodes: Map<NodeId, TestNode> = new Map();
  readonly invariants: Invariants;
  readonly prng: Prng;
  weather: Weather = calm;
  /** The chance, from 0 to 1, that a node takes the next message before it hands out a batch. */
  gathering = 0;
  /** Messages for which this answers true are lost. */
  drop: (message: Message) => boolean = () => false;
  /** Sees every message when it arrives, or when it is lost. */
  onArrival: (message: Message, isLost: boolean) => void = () => {};
  /** Sees every batch when a node has taken it. */
  onReady: (node: TestNode, ready: Ready) => void = () => {};
  /** Under way, oldest first. */
  queue: Message[] = [];
  readonly #cut: Set<string> = new Set();

  constructor({ size = 3, seed = 1, each = () => ({}), ...common }: NetworkOptions = {}) {
    this.prng = new Prng(seed);
    const ids = Array.from({ length: size }, (_, i) => `n${i + 1}`);
    const voters = common.voters ?? ids;
    for (const id of [...voters, ...(common.learners ?? [])]) {
      const chance = this.prng.fork(`election ${id}`);
      const node = new TestNode({
        drawElectionTicks: (min, max) => chance.int(min, max),
        ...common,
        ...each(id),
        id,
        voters,
        send: (message) => this.#enqueue(message),
        onReady: (from, ready) => {
          this.invariants.noteReady(from, ready);
          this.onReady(from, ready);
        },
      });
      this.nodes.set(id, node);
    }
    this.invariants = new Invariants(this.nodes, voters);
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  get running(): TestNode[] {
    return [...this.nodes.values()].filter((node) => node.isRunning);
  }

  /** The leader of the newest term, if any node leads. */
  get leader(): TestNode | undefined {
    return this.running
      .filter(({ raft }) => raft.role === 'leader')
      .sort((a, b) => b.raft.currentTerm - a.raft.currentTerm)[0];
  }

  /** Does something to a node, checks the invariants, and delivers nothing. */
  at<T>(id: NodeId, act: (node: TestNode) => T): T {
    const node = this.node(id);
    const result = act(node);
    this.invariants.check(node);
    return result;
  }

  /** Lets the node campaign and delivers everything. */
  elect(id: NodeId): TestNode {
    const node = this.at(id, (candidate) => {
      candidate.campaign();
      return candidate;
    });
    this.settle();
    if (node.raft.role !== 'leader') throw new Error(`${id} did not win`);
    return node;
  }

  propose(id: NodeId, text: string): ReturnType<TestNode['propose']> {
    const result = this.at(id, (node) => node.propose(text));
    this.settle();
    return result;
  }

  /** Lets ticks pass on all running nodes, or those named; delivers everything after each. */
  tick(count: number = 1, ids: readonly NodeId[] = [...this.nodes.keys()]): void {
    for (let i = 0; i < count; i += 1) {
      for (const id of ids) if (this.node(id).isRunning) this.at(id, (node) => node.tick());
      this.settle();
    }
  }

  /** Delivers until nothing is under way. */
  settle(max: number = 100_000): void {
    for (let i = 0; i < max; i += 1) if (!this.deliver()) return;
    throw new Error(`still talking after ${max} messages: ${JSON.stringify(this.queue[0])}`);
  }

  /** Delivers one message; false when none was under way. */
  deliver(): boolean {
    const { weather, prng, queue } = this;
    if (queue.length === 0) return false;
    const skip = prng.next() < weather.reorder ? prng.int(0, Math.min(queue.length, 20) - 1) : 0;
    const [message] = queue.splice(skip, 1);
    if (message === undefined) return false;
    if (prng.next() < weather.duplication) queue.push(message);
    const node = this.nodes.get(message.to);
    const isCut = this.#cut.has(`${message.from}>${message.to}`);
    const isLost = node?.isRunning !== true || isCut || prng.next() < weather.loss;
    this.onArrival(message, isLost);
    if (isLost) return true;
    // What a node has yet to hand out is not checked.
    if (this.gathering > 0 && prng.next() < this.gathering) node.raft.step(message);
    else this.at(message.to, () => node.step(message));
    return true;
  }

  /** Cuts the links in the directions given, `n1>n2` or `n1-n2` for both. */
  cut(...links: readonly string[]): void {
    for (const link of links) {
      const [a, b] = link.split(/[>-]/);
      this.#cut.add(`${a}>${b}`);
      if (link.includes('-')) this.#cut.add(`${b}>${a}`);
    }
  }

  isolate(...ids: readonly NodeId[]): void {
    for (const id of ids) for (const peer of this.nodes.keys()) this.cut(`${id}-${peer}`);
  }

  /** Cuts all links between the group and the others. */
  partition(...group: readonly NodeId[]): void {
    for (const peer of this.nodes.keys()) {
      if (!group.includes(peer)) for (const id of group) this.cut(`${id}-${peer}`);
    }
  }

  /** Ends all cuts; weather and drops stay. */
  mend(): void {
    this.#cut.clear();
  }

  heal(): void {
    this.mend();
    this.weather = calm;
    this.gathering = 0;
    this.drop = () => false;
  }

  /** Ticks until the condition holds; throws after `ticksMax`. */
  until(condition: () => boolean, ticksMax: number, what: string = String(condition)): void {
    for (let i = 0; i < ticksMax && !condition(); i += 1) this.tick();
    if (!condition()) throw new Error(`not within ${ticksMax} ticks: ${what}`);
  }

  /** True when one node leads and all running nodes have and know the same. */
  get isConverged(): boolean {
    const { leader, running } = this;
    if (leader === undefined) return false;
    const { lastLogIndex, currentTerm } = leader.raft;
    return running.every(
      ({ raft }) =>
        raft.leaderId === leader.id &&
        raft.currentTerm === currentTerm &&
        raft.lastLogIndex === lastLogIndex &&
        raft.commitIndex === lastLogIndex,
    );
  }

  #enqueue(message: Message): void {
    if (this.drop(message)) this.onArrival(message, true);
    else this.queue.push(message);
  }
}
