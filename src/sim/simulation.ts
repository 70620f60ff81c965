/**
 * One run of a scenario.
 *
 *     safety     faults come and go, clients write and read; after every turn of a node the
 *                invariants are checked
 *     liveness   everything heals and nobody calls any more: the cluster has to agree, answer
 *                everybody and come to rest, within a bound and without a new write; at first,
 *                now and then, without a minority that stays down
 *     reading    every key is read once
 *     checking   what the clients saw has to be linearizable
 *
 * One seed fixes everything.
 */
import type { HistoryEvent } from '../chaos/event.js';
import { LeaderWatch } from './agreement.js';
import { Process, type ProcessesOptions } from './client.js';
import { Nemesis } from './nemesis.js';
import type { SimNode } from './node.js';
import type { PlannedOperation, Scenario } from './scenario.js';
import { Stage, type Violation } from './stage.js';
import { type HistoryVerdict, verdictOf } from './verdict.js';

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
  /** How often the run came to what runs should come to now and then. */
  readonly reached: Readonly<Record<string, number>>;
}

export interface RunOptions {
  /** Gets a line for everything that happens. */
  readonly trace?: (line: string) => void;
}

const agreementStepMs = 20;

/** Runs a scenario to its end, or to the first violation. */
export async function runScenario(
  scenario: Scenario,
  options: RunOptions = {},
): Promise<RunResult> {
  const simulation = new Simulation(scenario, options);
  try {
    return await simulation.run();
  } finally {
    simulation.discard();
  }
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #nemesis: Nemesis;
  readonly #history: HistoryEvent[] = [];
  readonly #ended = { ok: 0, fail: 0, info: 0 };
  #agreedAfterMs = 0;
  #verdict: HistoryVerdict['verdict'] = 'unknown';
  #processes = 0;

  constructor(scenario: Scenario, { trace }: RunOptions) {
    this.#scenario = scenario;
    const { seed, nodes, clients, options, clockRates } = scenario;
    this.#stage = new Stage({
      seed,
      nodes: Array.from({ length: nodes }, (_, place) => `n${place + 1}`),
      clients,
      options,
      clockRates,
      trace,
    });
    this.#nemesis = new Nemesis(this.#stage);
  }

  async run(): Promise<RunResult> {
    const { faults, operations, safetyMs, absent } = this.#scenario;
    for (const node of this.#stage.nodes) node.start();
    this.#nemesis.schedule(faults);
    for (const process of this.#createProcesses(operations)) process.goOn();
    await this.#stage.runUntil(safetyMs);
    this.#nemesis.healAll(absent);
    const { nodes } = this.#stage;
    await this.#agree(nodes.filter(({ id }) => !absent.includes(id)));
    for (const node of nodes) if (!node.isUp) node.start();
    await this.#agree(nodes);
    await this.#readAll();
    this.#check();
    return this.#result();
  }

  discard(): void {
    this.#stage.discard();
  }

  #result(): RunResult {
    const { violation, trace, time, deliveries, invariants } = this.#stage;
    return {
      seed: this.#scenario.seed,
      ...(violation === undefined ? {} : { violation }),
      history: this.#history,
      verdict: this.#verdict,
      digest: trace.digest,
      counts: {
        simulatedMs: time.nowMs(),
        events: trace.events,
        deliveries,
        ...this.#ended,
        elections: invariants.ledger.elections,
        committed: invariants.ledger.commitIndex,
        agreedAfterMs: this.#agreedAfterMs,
        reached: Object.fromEntries([...this.#stage.reached].sort()),
      },
    };
  }

  /** Waits for these nodes, which are all that run, to come to rest. */
  async #agree(nodes: readonly SimNode[]): Promise<void> {
    const stage = this.#stage;
    if (!this.#isServing(nodes)) return;
    const healedMs = stage.time.nowMs();
    const watch = new LeaderWatch(nodes);
    while (stage.violation === undefined) {
      const disagreement = watch.disagreement(stage.clients);
      const passedMs = stage.time.nowMs() - healedMs;
      this.#agreedAfterMs = Math.max(this.#agreedAfterMs, passedMs);
      if (disagreement === undefined) return;
      if (passedMs > this.#scenario.livenessMs) {
        const text = `${Math.round(passedMs)} ms after the last fault: ${disagreement}`;
        stage.report('the cluster comes to rest after the faults', text);
        return;
      }
      await stage.runUntil(stage.time.nowMs() + agreementStepMs);
    }
  }

  /** Whether enough of these nodes have a directory to rely on. */
  #isServing(nodes: readonly SimNode[]): boolean {
    return 2 * nodes.filter(({ isRefused }) => !isRefused).length > this.#scenario.nodes;
  }

  /** Reads what is there now, so that the history shows what was lost. */
  async #readAll(): Promise<void> {
    const stage = this.#stage;
    const [client] = stage.clients;
    if (stage.violation !== undefined || client === undefined) return;
    if (!this.#isServing(stage.nodes)) return;
    const keys = [...new Set(this.#scenario.operations.map(({ key }) => key))].sort();
    const reader = new Process(client, [], this.#processOptions(Number.POSITIVE_INFINITY));
    const before = this.#history.length;
    for (const key of keys) {
      reader.call({ process: 0, at: 0, op: 'get', key });
      const deadlineMs = stage.time.nowMs() + this.#scenario.livenessMs;
      stage.stir();
      await stage.settle();
      while (reader.isBusy && stage.violation === undefined && stage.time.nowMs() < deadlineMs) {
        await stage.runUntil(stage.time.nowMs() + agreementStepMs);
      }
    }
    const failed = this.#history.slice(before).find(({ type }) => type === 'fail');
    if (failed !== undefined || reader.isBusy) {
      stage.report('a cluster at rest serves reads', failed?.error ?? 'no answer');
    }
  }

  #check(): void {
    if (this.#stage.violation !== undefined) return;
    const { verdict, text = '' } = verdictOf(this.#history);
    this.#verdict = verdict;
    if (verdict === 'illegal') this.#stage.report('linearizability', text);
  }

  #createProcesses(operations: readonly PlannedOperation[]): Process[] {
    const plans = new Map<number, PlannedOperation[]>();
    for (const operation of operations) {
      const plan = plans.get(operation.process);
      if (plan === undefined) plans.set(operation.process, [operation]);
      else plan.push(operation);
    }
    const options = this.#processOptions(this.#scenario.safetyMs);
    const { clients } = this.#stage;
    return [...plans].flatMap(([process, plan]) => {
      const client = clients[process % clients.length];
      return client === undefined ? [] : [new Process(client, plan, options)];
    });
  }

  #processOptions(untilMs: number): ProcessesOptions {
    const { time, invariants } = this.#stage;
    return {
      time,
      nextProcess: () => {
        this.#processes += 1;
        return this.#processes - 1;
      },
      record: (event) => this.#record(event),
      acknowledged: (index) => {
        if (index <= invariants.ledger.commitIndex) return;
        this.#stage.report('acknowledged is committed', `a client was told ${index}`);
      },
      untilMs,
    };
  }

  #record(event: HistoryEvent): void {
    this.#history.push(event);
    if (event.type !== 'invoke') this.#ended[event.type] += 1;
    this.#stage.note(JSON.stringify(event));
    if (event.error === undefined || /^RAFT_(?!BROKEN)|^precondition$/.test(event.error)) return;
    this.#stage.report('client and nodes understand each other', event.error);
  }
}
