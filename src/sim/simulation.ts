/**
 * One run of a scenario: real replicas and real clients on one thread, under virtual time.
 *
 *     safety     faults come and go, clients write and read; after every turn of a node the
 *                invariants are checked
 *     liveness   everything heals and nobody calls any more: the cluster has to agree, answer
 *                everybody and come to rest, within a bound and without a new write
 *     reading    every key is read once
 *     checking   what the clients saw has to be linearizable
 *
 * One seed fixes everything. The loop does one thing at a time and lets promises settle after each
 * that may have settled one; no other work of the thread can come in between.
 */
import type { HistoryEvent } from '../chaos/event.js';
import { Prng } from '../prng.js';
import { LeaderWatch } from './agreement.js';
import { Process, type ProcessesOptions, SimClient } from './client.js';
import { Disk } from './disk.js';
import type { SimFrame } from './inbox.js';
import { Invariants } from './invariants.js';
import { LocalClock } from './local-clock.js';
import { Nemesis } from './nemesis.js';
import { SimNode } from './node.js';
import { diskSizesOf, recordOf } from './record.js';
import type { PlannedOperation, Scenario } from './scenario.js';
import { Trace } from './trace.js';
import { type HistoryVerdict, verdictOf } from './verdict.js';
import { VirtualTime } from './virtual-time.js';
import { type End, Wiring } from './wire.js';

/** An invariant that did not hold. */
export interface Violation {
  readonly invariant: string;
  readonly text: string;
  /** Virtual time. */
  readonly atMs: number;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  /** The first one; the run ends with it. */
  readonly violation?: Violation;
  readonly history: readonly HistoryEvent[];
  /** Whether the history is linearizable; `unknown` also of a run that broke before. */
  readonly verdict: HistoryVerdict['verdict'];
  /** Stands for everything that happened, in order. */
  readonly digest: string;
  readonly counts: RunCounts;
}

export interface RunCounts {
  /** Virtual time that has passed. */
  readonly simulatedMs: number;
  /** Frames that arrived, turns that were done, faults that came or went, calls that ended. */
  readonly events: number;
  /** Frames that arrived at a living actor. */
  readonly deliveries: number;
  /** Calls of clients by how they ended. */
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  readonly elections: number;
  readonly committed: number;
  /** Virtual time from the end of the faults to agreement. */
  readonly agreedAfterMs: number;
}

export interface RunOptions {
  /** Gets a line for everything that happens. */
  readonly trace?: (line: string) => void;
}

/** Actor ids of clients begin after those of all nodes. */
const firstClientActor = 100;
const agreementStepMs = 20;

/** Runs a scenario to its end, or to the first violation. */
export async function runScenario(
  scenario: Scenario,
  options: RunOptions = {},
): Promise<RunResult> {
  const simulation = new Simulation(scenario, options);
  try {
    await simulation.run();
    return simulation.result;
  } finally {
    simulation.discard();
  }
}

export class Simulation {
  readonly time: VirtualTime = new VirtualTime();
  readonly trace: Trace;
  readonly wiring: Wiring;
  readonly nodes: readonly SimNode[];
  readonly clients: readonly SimClient[];
  readonly #scenario: Scenario;
  readonly #prng: Prng;
  readonly #invariants: Invariants;
  readonly #nemesis: Nemesis;
  readonly #history: HistoryEvent[] = [];
  readonly #counts = { deliveries: 0, ok: 0, fail: 0, info: 0, agreedAfterMs: 0 };
  #violation: Violation | undefined;
  #verdict: HistoryVerdict['verdict'] = 'unknown';
  #processes = 0;
  #isStirred = false;

  constructor(scenario: Scenario, { trace }: RunOptions = {}) {
    this.#scenario = scenario;
    this.#prng = new Prng(scenario.seed).fork('run');
    this.trace = new Trace(trace);
    const nodes = ends('n', scenario.nodes, 1);
    const clients = ends('c', scenario.clients, firstClientActor);
    this.wiring = this.#connect(nodes, clients);
    this.nodes = nodes.map((self, place) => this.#createNode(self, { place, nodes, clients }));
    this.clients = clients.map((self) => this.#createClient(self, nodes));
    this.#invariants = new Invariants(this.nodes, (invariant, text) => {
      this.report(invariant, text);
    });
    this.#nemesis = new Nemesis({
      time: this.time,
      wiring: this.wiring,
      nodes: this.nodes,
      clients: this.clients,
      prng: this.#prng.fork('nemesis'),
      leaderId: () => new LeaderWatch(this.nodes).leader?.id,
      crashed: () => this.time.setTimer(1, () => this.#tellDeath()),
      note: (text) => this.trace.note(this.time.nowMs(), text),
    });
  }

  get result(): RunResult {
    const { ledger } = this.#invariants;
    return {
      seed: this.#scenario.seed,
      ...(this.#violation === undefined ? {} : { violation: this.#violation }),
      history: this.#history,
      verdict: this.#verdict,
      digest: this.trace.digest,
      counts: {
        ...this.#counts,
        simulatedMs: this.time.nowMs(),
        events: this.trace.events,
        elections: ledger.elections,
        committed: ledger.commitIndex,
      },
    };
  }

  async run(): Promise<void> {
    const { faults, operations, safetyMs } = this.#scenario;
    for (const node of this.nodes) node.start();
    this.#nemesis.schedule(faults);
    for (const process of this.#createProcesses(operations)) process.goOn();
    await this.runUntil(safetyMs);
    this.#nemesis.healAll();
    await this.#agree();
    await this.#readAll();
    this.#check();
  }

  /** Gives the memory back. */
  discard(): void {
    for (const node of this.nodes) node.disk.discard();
  }

  /** The first violation ends the run. */
  report(invariant: string, text: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = { invariant, text, atMs: this.time.nowMs() };
    this.trace.note(this.time.nowMs(), `violation: ${invariant}: ${text}`);
  }

  /** Does everything that is due before `ms`, and stops there. */
  async runUntil(ms: number): Promise<void> {
    const { time, wiring } = this;
    while (this.#violation === undefined) {
      const arrivalMs = wiring.network.nextDueMs() ?? Number.POSITIVE_INFINITY;
      const nextMs = Math.min(arrivalMs, time.nextMs);
      if (nextMs > ms) break;
      if (arrivalMs <= time.nextMs) {
        time.advanceTo(arrivalMs);
        wiring.takeDue();
      } else {
        time.runNext();
      }
      if (this.#isStirred) await this.#settle();
    }
    if (this.#violation === undefined) time.advanceTo(ms);
  }

  /** Lets promises tell whoever waits for them, and ends the tick of every client. */
  async #settle(): Promise<void> {
    while (this.#isStirred) {
      this.#isStirred = false;
      await undefined;
      for (const client of this.clients) if (client.endTick()) this.#isStirred = true;
    }
  }

  async #agree(): Promise<void> {
    const { livenessMs } = this.#scenario;
    const healedMs = this.time.nowMs();
    const watch = new LeaderWatch(this.nodes);
    for (;;) {
      if (this.#violation !== undefined) return;
      const disagreement = watch.disagreement(this.clients);
      const passedMs = this.time.nowMs() - healedMs;
      if (disagreement === undefined) {
        this.#counts.agreedAfterMs = passedMs;
        return;
      }
      if (passedMs > livenessMs) {
        const text = `${Math.round(passedMs)} ms after the last fault: ${disagreement}`;
        this.report('the cluster comes to rest after the faults', text);
        return;
      }
      await this.runUntil(this.time.nowMs() + agreementStepMs);
    }
  }

  /** Reads what is there now, so that the history shows what was lost. */
  async #readAll(): Promise<void> {
    const [client] = this.clients;
    if (this.#violation !== undefined || client === undefined) return;
    const keys = [...new Set(this.#scenario.operations.map(({ key }) => key))].sort();
    const reader = new Process(client, [], this.#processOptions(Number.POSITIVE_INFINITY));
    for (const key of keys) {
      reader.call({ process: 0, at: 0, op: 'get', key });
      const deadlineMs = this.time.nowMs() + this.#scenario.livenessMs;
      this.#isStirred = true;
      await this.#settle();
      while (reader.isBusy && this.#violation === undefined && this.time.nowMs() < deadlineMs) {
        await this.runUntil(this.time.nowMs() + agreementStepMs);
      }
    }
    const failed = this.#history.slice(-2 * keys.length).find(({ type }) => type === 'fail');
    if (failed !== undefined || reader.isBusy) {
      this.report('a cluster at rest serves reads', failed?.error ?? 'no answer');
    }
  }

  #check(): void {
    if (this.#violation !== undefined) return;
    const { verdict, text = '' } = verdictOf(this.#history);
    this.#verdict = verdict;
    if (verdict === 'illegal') this.report('linearizability', text);
  }

  #connect(nodes: readonly End[], clients: readonly End[]): Wiring {
    const { controlBytes, bulkBytes, answerBytes, latencyMs } = this.#scenario.options;
    const { minMs, maxMs } = latencyMs;
    const prng = this.#prng.fork('latency');
    const wiring: Wiring = new Wiring({
      time: this.time,
      nodes,
      clients,
      seed: this.#scenario.seed,
      drawLatencyMs: () => minMs + (maxMs - minMs) * prng.next(),
      laneBytesMax: { control: controlBytes, bulk: bulkBytes, answers: answerBytes },
      deliver: (frame: SimFrame) => {
        this.#counts.deliveries += 1;
        this.trace.arrived(this.time.nowMs(), frame, nameOf);
        const node = this.nodes[frame.destination - 1];
        if (node !== undefined) node.receive(frame);
        else this.clients[frame.destination - firstClientActor]?.receive(frame);
      },
      sent: (frame: SimFrame) => {
        const node = this.nodes[frame.source - 1];
        if (node !== undefined) this.#invariants.sent(node, frame, nameOf);
      },
    });
    const nameOf = (actor: number): string => wiring.nameOf(actor);
    return wiring;
  }

  #createNode(
    self: End,
    cast: { place: number; nodes: readonly End[]; clients: readonly End[] },
  ): SimNode {
    const { options, clockRates } = this.#scenario;
    const prng = this.#prng.fork(self.id);
    const diskPrng = prng.fork('disk');
    const { syncMs } = options;
    const disk = new Disk({
      sizes: diskSizesOf(options),
      time: this.time,
      watch: {
        append: (entries, storage) => this.#invariants.ledger.append(self.id, entries, storage),
      },
      isDelayed: syncMs !== undefined,
      drawSyncMs: () => {
        const { minMs, maxMs } = syncMs ?? { minMs: 0, maxMs: 0 };
        const slowMs = this.#nemesis.slowMs.get(self.id) ?? 0;
        return minMs + (maxMs - minMs) * diskPrng.next() + slowMs;
      },
      drawKept: (writes) => diskPrng.int(0, writes),
    });
    return new SimNode({
      record: recordOf(self, cast.nodes, this.#scenario),
      tickMs: options.tickMs,
      time: this.time,
      wiring: this.wiring,
      disk,
      clock: new LocalClock(this.time, clockRates[cast.place] ?? 1),
      prng: prng.fork('wake'),
      clients: cast.clients.map(({ actor }) => actor),
      turned: (node) => {
        const life = node.life;
        if (life === undefined) return;
        const { commitIndex, currentTerm } = life.raft;
        this.trace.turned(this.time.nowMs(), node.actor, commitIndex, currentTerm);
        this.#invariants.turned(node);
      },
      failed: (node, error) => {
        const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        this.report('a node never fails', `${node.id}: ${text}`);
      },
    });
  }

  #createClient(self: End, nodes: readonly End[]): SimClient {
    const { options, seed } = this.#scenario;
    return new SimClient({
      self,
      nodes,
      options: {
        requestTimeoutMs: options.requestTimeoutMs,
        batchBytesMax: options.entryBytesMax,
        serialWindowMax: options.serialWindowMax,
        seed: Math.abs(seed % 2 ** 32),
      },
      time: this.time,
      wiring: this.wiring,
      prng: this.#prng.fork(self.id),
      stirred: () => {
        this.#isStirred = true;
      },
    });
  }

  #createProcesses(operations: readonly PlannedOperation[]): Process[] {
    const plans = new Map<number, PlannedOperation[]>();
    for (const operation of operations) {
      const plan = plans.get(operation.process);
      if (plan === undefined) plans.set(operation.process, [operation]);
      else plan.push(operation);
    }
    const options = this.#processOptions(this.#scenario.safetyMs);
    return [...plans].flatMap(([process, plan]) => {
      const client = this.clients[process % this.clients.length];
      return client === undefined ? [] : [new Process(client, plan, options)];
    });
  }

  #processOptions(untilMs: number): ProcessesOptions {
    return {
      time: this.time,
      nextProcess: () => {
        this.#processes += 1;
        return this.#processes - 1;
      },
      record: (event) => this.#record(event),
      acknowledged: (index) => {
        if (index <= this.#invariants.ledger.commitIndex) return;
        this.report('acknowledged is committed', `a client was told ${index}`);
      },
      untilMs,
    };
  }

  #record(event: HistoryEvent): void {
    this.#history.push(event);
    if (event.type !== 'invoke') this.#counts[event.type] += 1;
    this.trace.note(this.time.nowMs(), JSON.stringify(event));
    if (event.error === undefined || /^RAFT_(?!BROKEN)|^precondition$/.test(event.error)) return;
    this.report('client and nodes understand each other', event.error);
  }

  #tellDeath(): void {
    for (const client of this.clients) client.peerDown();
  }
}

function ends(prefix: string, count: number, firstActor: number): End[] {
  return Array.from({ length: count }, (_, place) => ({
    id: `${prefix}${place + 1}`,
    actor: firstActor + place,
  }));
}
