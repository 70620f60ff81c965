/** Starting, failing and recovering nodes: what moves a node from state to state. */
import type { Clock } from '../clock.js';
import type { ChiNode, Nodes } from './nodes.js';
import { failurePartition, type Partitions } from './partitions.js';
import { pause } from './pause.js';
import type { Printer } from './printer.js';
import { chistributedException } from './python.js';
import type { ChiLaboratory, ChiTarget } from './target.js';

export interface LifecycleSurroundings {
  readonly nodes: Nodes;
  readonly partitions: Partitions;
  readonly target: ChiTarget;
  readonly printer: Printer;
  readonly clock: Clock;
  /** A node not up by then counts as failed; one that is up later runs all the same (7.5). */
  readonly startLimitMs: number;
  readonly signal: AbortSignal;
}

export class Lifecycle {
  readonly #surroundings: LifecycleSurroundings;

  constructor(surroundings: LifecycleSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Resolves to whether the run can go on: a node that dies while it starts ends it. */
  async start(
    node: ChiNode,
    options: { readonly words: readonly string[]; readonly wait: boolean },
  ): Promise<boolean> {
    const { printer, target } = this.#surroundings;
    if (node.starting !== undefined || target.isAlive(node.id)) {
      const what = node.starting === undefined ? 'running' : 'starting';
      printer.line(`Node ${node.id} is already ${what}`);
      return true;
    }
    const up = this.#bringUp(node, target.start(node.id, options.words));
    if (!options.wait) {
      void this.#limited(node, up);
      return true;
    }
    return this.#awaitUp(node, up);
  }

  /** Ends the node if it runs, and starts it; one that is cut off stays so. As `start`. */
  async restart(node: ChiNode, laboratory: ChiLaboratory): Promise<boolean> {
    await node.starting;
    const isCutOff = node.state === 'partitioned';
    const goesOn = await this.#awaitUp(node, this.#bringUp(node, laboratory.restart(node.id)));
    if (isCutOff && node.state === 'running') node.state = 'partitioned';
    return goesOn;
  }

  /** Ends the node; one that is cut off stays so. */
  async crash(node: ChiNode, laboratory: ChiLaboratory): Promise<void> {
    await laboratory.crash(node.id);
    if (node.state === 'running') node.state = 'crashed';
  }

  async #awaitUp(node: ChiNode, up: Promise<void>): Promise<boolean> {
    const { printer } = this.#surroundings;
    await this.#limited(node, up);
    // Read anew: the state moved while the node was starting.
    const state: string = node.state;
    if (state === 'failed') printer.line(`Node ${node.id} is running but in a failed state`);
    if (state !== 'crashed') return true;
    printer.lines([`Node ${node.id} crashed on startup`, 'Cannot continue. Exiting.']);
    return false;
  }

  /** Cuts the node off from all others. */
  async fail(node: ChiNode): Promise<void> {
    const { nodes, partitions } = this.#surroundings;
    if (node.state === 'partitioned') {
      throw chistributedException(`Node ${node.id} is already in a failed state`);
    }
    if (node.state !== 'running') {
      throw chistributedException(`Node ${node.id} cannot be failed because it is not running`);
    }
    const name = failurePartition(node.id);
    if (partitions.has(name)) {
      throw chistributedException(`There is already a partition with this name: ${name}`);
    }
    const others = nodes.ids.filter((id) => id !== node.id);
    await partitions.add(name, [node.id], others);
    node.state = 'partitioned';
  }

  /** Ends what `fail` did. */
  async recover(node: ChiNode, options: { readonly deliver: boolean }): Promise<void> {
    const { partitions } = this.#surroundings;
    if (node.state !== 'partitioned') {
      throw chistributedException(`Node ${node.id} is not in a failed state`);
    }
    const name = failurePartition(node.id);
    if (!partitions.has(name)) throw chistributedException(`No such partition: ${name}`);
    await partitions.remove(name, options);
    node.state = 'running';
  }

  /** Sets the states of a start. Resolves, never rejects, when the node is up or dead. */
  #bringUp(node: ChiNode, started: Promise<void>): Promise<void> {
    const { printer } = this.#surroundings;
    node.state = 'starting';
    const up = started.then(
      () => {
        node.state = 'running';
      },
      (error: unknown) => {
        node.state = 'crashed';
        const reason = error instanceof Error ? error.message : String(error);
        printer.warning(`Node ${node.id} has crashed (${reason})`);
      },
    );
    node.starting = up.then(() => {
      node.starting = undefined;
    });
    return node.starting;
  }

  async #limited(node: ChiNode, up: Promise<void>): Promise<void> {
    const { clock, printer, signal, startLimitMs } = this.#surroundings;
    if (await pause({ clock, limitMs: startLimitMs, signal, until: up })) return;
    if (signal.aborted) return;
    node.state = 'failed';
    printer.warning(`Node ${node.id} was not up within ${startLimitMs / 1_000} s`);
  }
}
