/**
 * The stage of a simulated cluster: real replicas and real clients on one thread, under virtual
 * time, with the invariants that watch them. What is played on it is for others to say.
 *
 * It does one thing at a time and lets promises settle after each that may have settled one; no
 * other work of the thread can come in between.
 */
import { Prng } from '../prng.js';
import { SimClient } from './client.js';
import { type Disk, MemoryDisk } from './disk.js';
import { FileDisk } from './file-disk.js';
import type { SimFrame } from './inbox.js';
import { Invariants } from './invariants.js';
import type { Report } from './ledger.js';
import { LocalClock } from './local-clock.js';
import { SimNode } from './node.js';
import { nodeText } from './node-text.js';
import { diskSizesOf, recordOf } from './record.js';
import type { ScenarioOptions } from './scenario.js';
import type { StorageWatch } from './storage-life.js';
import { Trace } from './trace.js';
import { VirtualTime } from './virtual-time.js';
import { type End, Wiring } from './wire.js';

/** An invariant that did not hold. */
export interface Violation {
  readonly invariant: string;
  readonly text: string;
  /** Virtual time. */
  readonly atMs: number;
}

export interface StageOptions {
  readonly seed: number;
  readonly nodes: readonly string[];
  readonly clients: number;
  readonly options: ScenarioOptions;
  /** How fast the clock of each node runs; default: right. */
  readonly clockRates?: readonly number[];
  /** Default: one of its own, at 0. */
  readonly time?: VirtualTime;
  /** Gets a line for everything that happens. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** Actor ids of clients begin after those of all nodes. */
const firstClientActor = 100;

export class Stage {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly wiring: Wiring;
  /** None of them runs before it is started. */
  readonly nodes: readonly SimNode[];
  readonly clients: readonly SimClient[];
  readonly invariants: Invariants;
  /** Of everything that is drawn during the run. */
  readonly prng: Prng;
  /** How much longer the syncs of each node take now, in ms. */
  readonly slowMs: Map<string, number> = new Map();
  /** How often what happened that a run should come to now and then. */
  readonly reached: Map<string, number> = new Map();
  readonly #options: StageOptions;
  #deliveries = 0;
  #violation: Violation | undefined;
  #isStirred = false;
  /** For the trace. */
  readonly #leading = new Set<string>();

  constructor(options: StageOptions) {
    this.#options = options;
    this.time = options.time ?? new VirtualTime();
    this.prng = new Prng(options.seed).fork('run');
    this.trace = new Trace(options.trace);
    const nodes = options.nodes.map((id, place) => ({ id, actor: place + 1 }));
    const clients = Array.from({ length: options.clients }, (_, place) => ({
      id: `client ${place + 1}`,
      actor: firstClientActor + place,
    }));
    this.wiring = this.#connect(nodes, clients);
    this.nodes = nodes.map((self, place) => this.#createNode(self, { place, nodes, clients }));
    this.clients = clients.map((self) => this.#createClient(self, nodes));
    this.invariants = new Invariants(this.nodes, (invariant, text) => {
      this.report(invariant, text);
    });
  }

  /** The first invariant that broke. Nothing is done any more once one has. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Frames that arrived at a living actor. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** The first violation ends the run. */
  report(invariant: string, text: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = { invariant, text, atMs: this.time.nowMs() };
    this.note(`violation: ${invariant}: ${text}`);
    if (this.#options.trace === undefined) return;
    for (const node of this.nodes) this.trace.remark(this.time.nowMs(), `then ${nodeText(node)}`);
  }

  /** Counts something that a run should come to now and then. */
  reach(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  /** A line for the trace. */
  note(text: string): void {
    this.trace.note(this.time.nowMs(), text);
  }

  /** A node has died; a little later those who are connected to it are told. */
  tellDeath(): void {
    this.time.setTimer(1, () => {
      for (const client of this.clients) client.peerDown();
    });
  }

  /** Does everything that is due before `ms`, and stops there. */
  async runUntil(ms: number): Promise<void> {
    while (this.#do(ms)) if (this.#isStirred) await this.settle();
    if (this.#violation === undefined) this.time.advanceTo(ms);
  }

  /** Does the one thing that is due next. False if there is nothing, or an invariant broke. */
  async step(): Promise<boolean> {
    if (!this.#do(Number.MAX_VALUE)) return false;
    if (this.#isStirred) await this.settle();
    return true;
  }

  /** Something was done that promises may have to be told of. */
  stir(): void {
    this.#isStirred = true;
  }

  /** Lets promises tell whoever waits for them, and ends the tick of every client. */
  async settle(): Promise<void> {
    while (this.#isStirred) {
      this.#isStirred = false;
      await undefined;
      for (const client of this.clients) if (client.endTick()) this.#isStirred = true;
    }
  }

  /** Gives the memory back. */
  discard(): void {
    for (const node of this.nodes) node.disk.discard();
  }

  #do(untilMs: number): boolean {
    if (this.#violation !== undefined) return false;
    const { time, wiring } = this;
    const arrivalMs = wiring.network.nextDueMs() ?? Number.POSITIVE_INFINITY;
    const { nextMs } = time;
    if (Math.min(arrivalMs, nextMs) > untilMs) return false;
    if (arrivalMs <= nextMs) {
      time.advanceTo(arrivalMs);
      wiring.takeDue();
    } else {
      time.runNext();
    }
    return true;
  }

  #connect(nodes: readonly End[], clients: readonly End[]): Wiring {
    const { options, seed } = this.#options;
    const { minMs, maxMs } = options.latencyMs;
    const prng = this.prng.fork('latency');
    const nameOf = (actor: number): string => this.wiring.nameOf(actor);
    return new Wiring({
      time: this.time,
      nodes,
      clients,
      seed,
      drawLatencyMs: () => minMs + (maxMs - minMs) * prng.next(),
      laneBytesMax: {
        control: options.controlBytes,
        bulk: options.bulkBytes,
        answers: options.answerBytes,
      },
      deliver: (frame: SimFrame) => {
        this.#deliveries += 1;
        this.trace.arrived(this.time.nowMs(), frame, nameOf);
        const node = this.nodes[frame.destination - 1];
        if (node !== undefined) node.receive(frame);
        else this.clients[frame.destination - firstClientActor]?.receive(frame);
      },
      sent: (frame: SimFrame) => {
        const node = this.nodes[frame.source - 1];
        if (node !== undefined) this.invariants.sent(node, frame, nameOf);
      },
    });
  }

  #createNode(
    self: End,
    cast: { place: number; nodes: readonly End[]; clients: readonly End[] },
  ): SimNode {
    const { options, clockRates, seed } = this.#options;
    const prng = this.prng.fork(self.id);
    return new SimNode({
      record: recordOf(self, cast.nodes, { options, seed }),
      tickMs: options.tickMs,
      time: this.time,
      wiring: this.wiring,
      disk: this.#createDisk(self.id, prng.fork('disk')),
      clock: new LocalClock(this.time, clockRates?.[cast.place] ?? 1),
      prng: prng.fork('wake'),
      clients: cast.clients.map(({ actor }) => actor),
      turned: (node) => {
        const life = node.life;
        if (life === undefined) return;
        const { commitIndex, currentTerm } = life.raft;
        this.trace.turned(this.time.nowMs(), node.actor, commitIndex, currentTerm);
        if (this.#options.trace !== undefined) this.#remarkLeadership(node);
        this.invariants.turned(node);
      },
      refused: (node, error) => {
        this.note(`${node.id} stops: ${node.isRefused ? textOf(error) : 'its power is lost'}`);
        this.tellDeath();
      },
      failed: (node, error) => {
        this.report('a node never fails', `${node.id}: ${textOf(error)}`);
      },
    });
  }

  #remarkLeadership({ id, life }: SimNode): void {
    const { role, currentTerm } = life?.raft ?? {};
    const isLeading = role === 'leader';
    if (isLeading === this.#leading.has(id)) return;
    if (isLeading) this.#leading.add(id);
    else this.#leading.delete(id);
    const text = isLeading ? `${id} leads term ${currentTerm}` : `${id} leads no more`;
    this.trace.remark(this.time.nowMs(), text);
  }

  #createDisk(nodeId: string, prng: Prng): Disk {
    const { options } = this.#options;
    const { minMs, maxMs } = options.syncMs ?? { minMs: 0, maxMs: 0 };
    const sizes = diskSizesOf(options);
    const watch: StorageWatch = {
      append: (entries, storage) => this.invariants.ledger.append(nodeId, entries, storage),
      recovered: (storage) => this.invariants.ledger.recovered(nodeId, storage),
      reached: (what) => this.reach(what),
    };
    if (options.disk !== undefined) {
      const report: Report = (invariant, text) => this.report(invariant, text);
      return new FileDisk({ nodeId, sizes, ...options.disk, watch, prng, report });
    }
    return new MemoryDisk({
      sizes,
      time: this.time,
      watch,
      isDelayed: options.syncMs !== undefined,
      drawSyncMs: () => minMs + (maxMs - minMs) * prng.next() + (this.slowMs.get(nodeId) ?? 0),
      drawKept: (writes) => prng.int(0, writes),
    });
  }

  #createClient(self: End, nodes: readonly End[]): SimClient {
    const { options, seed } = this.#options;
    return new SimClient({
      self,
      nodes,
      options: {
        requestTimeoutMs: options.requestTimeoutMs,
        batchBytesMax: options.entryBytesMax,
        serialWindowMax: options.serialWindowMax,
        seed: seed % 2 ** 32,
      },
      time: this.time,
      wiring: this.wiring,
      prng: this.prng.fork(self.id),
      stirred: () => this.stir(),
    });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
