/**
 * Makes a scenario that breaks something as small as it goes, and keeps it breaking.
 *
 * What is left out changes when everything after it happens, so a smaller scenario often no longer
 * breaks although its cause is still there. Each is therefore tried with a few seeds for what the
 * run draws itself; the plan of faults and calls stays as it is.
 */
import type { Fault, PlannedFault } from '../chaos/fault.js';
import type { PlannedOperation, Scenario } from './scenario.js';
import { type RunResult, runScenario } from './simulation.js';
import type { Violation } from './stage.js';

export interface ShrinkOptions {
  /** Runs that may be spent. Default: 2,000. */
  readonly runsMax?: number;
  /** Ends it early, with the smallest scenario found so far. */
  readonly signal?: AbortSignal;
  /** Called when a smaller scenario was found. */
  readonly onProgress?: (scenario: Scenario, runs: number) => void;
  /** Runs a scenario. Default: `runScenario`. */
  readonly run?: (scenario: Scenario) => Promise<RunResult>;
}

export interface Shrunk {
  readonly scenario: Scenario;
  readonly violation: Violation;
  readonly runs: number;
}

/** Seeds that a smaller scenario is tried with. */
const triesPerCandidate = 3;

/** Resolves to the smallest scenario found; `undefined` if the given one breaks nothing. */
export async function shrinkScenario(
  scenario: Scenario,
  options: ShrinkOptions = {},
): Promise<Shrunk | undefined> {
  return new Shrinker(options).shrink(scenario);
}

class Shrinker {
  readonly #options: ShrinkOptions;
  readonly #runsMax: number;
  #runs = 0;
  #best: Scenario | undefined;
  #violation: Violation | undefined;

  constructor(options: ShrinkOptions) {
    this.#options = options;
    this.#runsMax = options.runsMax ?? 2_000;
  }

  async shrink(scenario: Scenario): Promise<Shrunk | undefined> {
    const { violation } = await this.#run(scenario);
    if (violation === undefined) return undefined;
    this.#best = scenario;
    this.#violation = violation;
    let sizeBefore = Number.POSITIVE_INFINITY;
    while (sizeOf(this.#current) < sizeBefore && this.#hasRuns) {
      sizeBefore = sizeOf(this.#current);
      await this.#shorten();
      await this.#reduceFaults();
      await this.#reduceOperations();
      await this.#simplify();
    }
    return { scenario: this.#current, violation: this.#violation, runs: this.#runs };
  }

  get #current(): Scenario {
    if (this.#best === undefined) throw new RangeError('nothing is being shrunk');
    return this.#best;
  }

  get #hasRuns(): boolean {
    return this.#runs < this.#runsMax && this.#options.signal?.aborted !== true;
  }

  /** Ends the run where it broke, or where half as much has happened. */
  async #shorten(): Promise<void> {
    const { atMs = 0 } = this.#violation ?? {};
    await this.#try(cutAt(this.#current, Math.ceil(atMs)));
    for (let share = 0.5; share < 0.99; share = (1 + share) / 2) {
      await this.#try(cutAt(this.#current, Math.floor(this.#current.safetyMs * share)));
    }
  }

  async #reduceFaults(): Promise<void> {
    await this.#reduce(
      () => this.#current.faults,
      (faults) => ({ ...this.#current, faults }),
    );
    for (let place = 0; place < this.#current.faults.length; place += 1) {
      for (const simpler of simplerFaults(this.#current.faults[place])) {
        const faults = this.#current.faults.with(place, simpler);
        await this.#try({ ...this.#current, faults });
      }
    }
  }

  async #reduceOperations(): Promise<void> {
    await this.#reduce(
      () => this.#current.operations,
      (operations) => ({ ...this.#current, operations }),
    );
  }

  /** Fewer nodes, fewer clients, right clocks, quick disks, plain calls. */
  async #simplify(): Promise<void> {
    for (let nodes = 1; nodes < this.#current.nodes; nodes += 1) {
      if (await this.#try(withNodes(this.#current, nodes))) break;
    }
    for (let clients = 1; clients < this.#current.clients; clients += 1) {
      if (await this.#try({ ...this.#current, clients })) break;
    }
    const { clockRates, options, operations } = this.#current;
    await this.#try({ ...this.#current, clockRates: clockRates.map(() => 1) });
    await this.#try({ ...this.#current, absent: [] });
    const { disk, ...inMemory } = options;
    if (disk) await this.#try({ ...this.#current, options: inMemory });
    const { syncMs, ...immediate } = this.#current.options;
    if (syncMs) await this.#try({ ...this.#current, options: immediate });
    const plain = operations.map(({ node: _node, consistency: _how, ...rest }) => rest);
    await this.#try({ ...this.#current, operations: plain });
    const oneProcess = this.#current.operations.map((one) => ({ ...one, process: 0 }));
    await this.#try({ ...this.#current, operations: oneProcess });
  }

  /** Leaves out halves, quarters, … and at last single elements (Zeller's ddmin). */
  async #reduce<T>(
    listOf: () => readonly T[],
    scenarioOf: (list: readonly T[]) => Scenario,
  ): Promise<void> {
    let chunk = listOf().length;
    while (chunk >= 1 && this.#hasRuns) {
      for (let start = 0; start < listOf().length; ) {
        const list = listOf();
        const rest = [...list.slice(0, start), ...list.slice(start + chunk)];
        // What was there is gone now, so the next chunk begins at the same place.
        if (!(await this.#try(scenarioOf(rest)))) start += chunk;
        if (!this.#hasRuns) return;
      }
      chunk = Math.floor(chunk / 2);
    }
  }

  /** True if the candidate is smaller and breaks the same invariant; then it is the best one. */
  async #try(candidate: Scenario): Promise<boolean> {
    if (sizeOf(candidate) >= sizeOf(this.#current)) return false;
    for (let attempt = 0; attempt < triesPerCandidate && this.#hasRuns; attempt += 1) {
      const tried = { ...candidate, seed: candidate.seed + attempt };
      const { violation } = await this.#run(tried);
      if (violation?.invariant !== this.#violation?.invariant) continue;
      this.#best = tried;
      this.#violation = violation;
      this.#options.onProgress?.(tried, this.#runs);
      return true;
    }
    return false;
  }

  #run(scenario: Scenario): Promise<RunResult> {
    this.#runs += 1;
    return (this.#options.run ?? runScenario)(scenario);
  }
}

/** How much there is to read in a scenario. */
function sizeOf({ nodes, clients, faults, operations, ...rest }: Scenario): number {
  const { clockRates, safetyMs, options } = rest;
  const skewed = clockRates.filter((rate) => rate !== 1).length;
  const words = operations.reduce((sum, one) => sum + Object.keys(one).length, 0);
  const processes = new Set(operations.map(({ process }) => process)).size;
  const links = faults.reduce((sum, { fault }) => sum + weightOf(fault), 0);
  const disk = (options.syncMs === undefined ? 0 : 20) + (options.disk === undefined ? 0 : 40);
  const time = safetyMs + faults.reduce((sum, { at, until }) => sum + until - at, 0);
  return 100 * (nodes + clients + skewed + links) + 10 * words + 20 * processes + disk + time / 1e4;
}

function weightOf(fault: Fault): number {
  return fault.kind === 'link' ? 1 + Object.keys(fault.options).length : 2;
}

function cutAt(scenario: Scenario, safetyMs: number): Scenario {
  return {
    ...scenario,
    safetyMs,
    faults: scenario.faults.filter(({ at }) => at < safetyMs),
    operations: scenario.operations.filter(({ at }) => at < safetyMs),
  };
}

function withNodes(scenario: Scenario, nodes: number): Scenario {
  const isThere = (id: string | undefined): boolean =>
    id === undefined || Number(id.slice(1)) <= nodes;
  return {
    ...scenario,
    nodes,
    clockRates: scenario.clockRates.slice(0, nodes),
    absent: [],
    operations: scenario.operations.map((operation): PlannedOperation => {
      if (isThere(operation.node)) return operation;
      const { node: _gone, ...rest } = operation;
      return rest;
    }),
  };
}

/** Forms of a fault with less in it: one wrong thing at a time, one node, half as long. */
function* simplerFaults(planned: PlannedFault | undefined): Generator<PlannedFault> {
  if (planned === undefined) return;
  const { at, until, fault } = planned;
  if (fault.kind === 'link') {
    const { between, ...effects } = fault.options;
    const where = between === undefined ? {} : { between };
    for (const [name, value] of Object.entries(effects)) {
      yield { at, until, fault: { kind: 'link', options: { ...where, [name]: value } } };
    }
    yield { at, until, fault: { kind: 'link', options: effects } };
  }
  if (until - at > 2) yield { at, until: at + Math.ceil((until - at) / 2), fault };
}
