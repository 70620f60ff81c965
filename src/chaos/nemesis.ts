/** Carries out a plan of faults, and takes every one of them back. */
import type { Clock } from '../clock.js';
import { isRaftError, RaftError } from '../errors.js';
import type { PartitionOptions } from '../network/installed.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions } from '../network/rule.js';
import type { Selector } from '../network/selector.js';
import type { DiskFaults } from '../storage/faulty.js';
import { type Fault, faultText, type PlannedFault } from './fault.js';

/** What a nemesis acts on. A live cluster has all of it. */
export interface FaultTarget {
  partition(shape: PartitionShape, options: PartitionOptions): Disposable;
  link(options: LinkOptions): Disposable;
  /** Resolves to who stands still. */
  pause(who: Selector): Promise<readonly string[]>;
  resume(nodes: readonly string[]): void;
  /** Resolves to who died; they stay down. */
  crash(who: Selector): Promise<readonly string[]>;
  restart(nodes: readonly string[]): Promise<unknown>;
  transfer(to: Selector): Promise<unknown>;
  /** Resolves to whose disks fail from now on. */
  failDisks(who: Selector, faults: DiskFaults): Promise<readonly string[]>;
  /** Their disks are sound again, and who stopped because of them starts. */
  mendDisks(nodes: readonly string[]): Promise<unknown>;
}

/** A fault that happened, in ms of the clock. */
export interface Happened {
  readonly name: string;
  readonly atMs: number;
  readonly untilMs: number;
}

export interface NemesisOptions {
  readonly target: FaultTarget;
  readonly clock: Clock;
  readonly plan: readonly PlannedFault[];
  /** Called when the number of faults in force changes. Default: no call. */
  readonly onChange?: (inForce: readonly string[]) => void;
}

/** What takes a fault back. */
type Undo = () => unknown;

interface InForce {
  readonly name: string;
  readonly atMs: number;
  readonly undo: Undo;
}

export class Nemesis {
  /** What happened so far, by end. */
  readonly happened: Happened[] = [];
  /** Faults that had nobody to act on, such as the leader while there is none. */
  missed = 0;
  readonly #options: NemesisOptions;
  readonly #inForce = new Map<PlannedFault, InForce>();

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the plan is through, or early when `signal` aborts; either way no fault is left.
   * Rejects with what the target throws, but for faults that find nobody to act on.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, plan } = this.#options;
    const startMs = clock.nowMs();
    const steps = plan.flatMap((planned) => [
      { atMs: planned.at, act: () => this.#begin(planned) },
      { atMs: Math.max(planned.at, planned.until), act: () => this.#end(planned) },
    ]);
    try {
      for (const { atMs, act } of steps.sort((a, b) => a.atMs - b.atMs)) {
        await waitUntil(clock, startMs + atMs, signal);
        if (signal.aborted) return;
        await act();
      }
    } finally {
      for (const planned of [...this.#inForce.keys()]) await this.#end(planned);
    }
  }

  async #begin(planned: PlannedFault): Promise<void> {
    const atMs = this.#options.clock.nowMs();
    try {
      const undo = await this.#inflict(planned.fault);
      this.#inForce.set(planned, { name: faultText(planned.fault), atMs, undo });
      this.#tell();
    } catch (error) {
      if (!isNobody(error)) throw error;
      this.missed += 1;
    }
  }

  async #end(planned: PlannedFault): Promise<void> {
    const found = this.#inForce.get(planned);
    if (found === undefined) return;
    this.#inForce.delete(planned);
    await found.undo();
    const { name, atMs } = found;
    this.happened.push({ name, atMs, untilMs: this.#options.clock.nowMs() });
    this.#tell();
  }

  async #inflict(fault: Fault): Promise<Undo> {
    const { target } = this.#options;
    switch (fault.kind) {
      case 'partition': {
        const installed = target.partition(fault.shape, { mode: fault.mode });
        return () => installed[Symbol.dispose]();
      }
      case 'link': {
        const installed = target.link(fault.options);
        return () => installed[Symbol.dispose]();
      }
      case 'pause': {
        const nodes = await target.pause(fault.nodes);
        return () => target.resume(nodes);
      }
      case 'crash': {
        const nodes = await target.crash(fault.nodes);
        return () => target.restart(nodes);
      }
      case 'disk': {
        const nodes = await target.failDisks(fault.nodes, fault.faults);
        return () => target.mendDisks(nodes);
      }
      case 'transfer':
        await target.transfer(fault.to);
        return () => {};
      default:
        throw new RaftError(
          'RAFT_INVALID_OPTION',
          `'${fault.kind}' cannot be done to a live cluster`,
        );
    }
  }

  #tell(): void {
    this.#options.onChange?.([...this.#inForce.values()].map(({ name }) => name));
  }
}

/** Codes that say that there was nobody, or no time, for a fault. */
const nobody: ReadonlySet<string> = new Set(['RAFT_NO_LEADER', 'RAFT_NODE_DOWN', 'RAFT_TIMEOUT']);

function isNobody(error: unknown): boolean {
  return isRaftError(error) && nobody.has(error.code);
}

/** Resolves at a time, or when the signal aborts. */
function waitUntil(clock: Clock, atMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimer(Math.max(0, atMs - clock.nowMs()), end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
