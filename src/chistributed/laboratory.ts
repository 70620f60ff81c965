/** The commands for people, which the tool does not know: they hurt the nodes and look at them. */
import type { Clock } from '../clock.js';
import type { LaboratoryCommand } from './commands.js';
import type { Lifecycle } from './lifecycle.js';
import type { ChiNode } from './nodes.js';
import type { ParsedOptions } from './options.js';
import { pause } from './pause.js';
import type { Printer } from './printer.js';
import type { ChiLaboratory, ChiTarget } from './target.js';

export interface LaboratorySurroundings {
  readonly target: ChiTarget;
  readonly printer: Printer;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  /** The longest wait for a leader, in ms. */
  readonly waitLimitMs: number;
  readonly signal: AbortSignal;
  /** The node that `-n` names; prints the refusal when there is none. */
  readonly nodeOf: (options: ParsedOptions) => ChiNode | undefined;
}

const seedMax = 2 ** 32 - 1;

/** A day: a message that takes longer never comes. */
const delaySecondsMax = 86_400;

/** How often a wait for a leader looks, in ms. */
const lookEveryMs = 10;

export class Laboratory {
  readonly #surroundings: LaboratorySurroundings;

  constructor(surroundings: LaboratorySurroundings) {
    this.#surroundings = surroundings;
  }

  /** Resolves to whether the run can go on. */
  async run(name: LaboratoryCommand, options: ParsedOptions): Promise<boolean> {
    const { target, printer } = this.#surroundings;
    const { laboratory } = target;
    if (laboratory === undefined) {
      printer.error(`${name} is not available on this cluster`);
      return true;
    }
    switch (name) {
      case 'crash':
      case 'restart':
      case 'pause':
      case 'resume':
        return this.#toNode(name, options, laboratory);
      case 'delay':
      case 'drop':
        await this.#toLinks(name, options, laboratory);
        break;
      case 'leader':
        await this.#leader(laboratory, { wait: options.flags.has('wait') });
        break;
      case 'status':
        printer.lines(statusLines(laboratory));
        break;
      case 'seed':
        await this.#seed(options.numbers.get('seed'), laboratory);
        break;
    }
    return true;
  }

  async #toNode(
    name: 'crash' | 'restart' | 'pause' | 'resume',
    options: ParsedOptions,
    laboratory: ChiLaboratory,
  ): Promise<boolean> {
    const { target, lifecycle, printer, nodeOf } = this.#surroundings;
    const node = nodeOf(options);
    if (node === undefined) return true;
    if (name === 'restart') return lifecycle.restart(node, laboratory);
    if (!target.isAlive(node.id)) {
      printer.line(`Node ${node.id} is not running`);
      return true;
    }
    if (name === 'crash') await lifecycle.crash(node, laboratory);
    else await laboratory[name](node.id);
    return true;
  }

  async #toLinks(
    name: 'delay' | 'drop',
    options: ParsedOptions,
    laboratory: ChiLaboratory,
  ): Promise<void> {
    const { printer, nodeOf } = this.#surroundings;
    const node = options.texts.has('node_id') ? nodeOf(options) : undefined;
    if (options.texts.has('node_id') && node === undefined) return;
    if (name === 'delay') {
      const seconds = options.numbers.get('time');
      if (seconds === undefined || !(seconds >= 0 && seconds <= delaySecondsMax)) {
        printer.error(`delay needs -t SECONDS from 0 to ${delaySecondsMax}; 0 ends it`);
        return;
      }
      await laboratory.delay({ nodeId: node?.id, ms: seconds * 1_000 });
      return;
    }
    const rate = options.numbers.get('rate') ?? 1;
    if (!(rate >= 0 && rate <= 1)) printer.error('drop needs -r RATE from 0 to 1; 0 ends it');
    else await laboratory.drop({ nodeId: node?.id, rate });
  }

  async #leader(laboratory: ChiLaboratory, options: { readonly wait: boolean }): Promise<void> {
    const { printer, clock, waitLimitMs, signal } = this.#surroundings;
    const deadlineMs = clock.nowMs() + waitLimitMs;
    let leader = laboratory.leader();
    while (options.wait && leader === undefined && clock.nowMs() < deadlineMs && !signal.aborted) {
      await pause({ clock, limitMs: lookEveryMs, signal });
      leader = laboratory.leader();
    }
    const found = leader === undefined ? 'None' : `${leader.nodeId} (term ${leader.term})`;
    printer.line(`Leader: ${found}`);
  }

  async #seed(seed: number | undefined, laboratory: ChiLaboratory): Promise<void> {
    const { printer } = this.#surroundings;
    if (seed === undefined) {
      printer.line(`Seed: ${await laboratory.seed()}`);
    } else if (!(Number.isInteger(seed) && seed >= 0 && seed <= seedMax)) {
      printer.error(`seed needs -s N, a whole number from 0 to ${seedMax}`);
    } else if (!laboratory.reseed(seed)) {
      printer.error('seed comes too late: the cluster has its seed by now');
    }
  }
}

function statusLines(laboratory: ChiLaboratory): string[] {
  const reports = laboratory.status();
  if (reports.length === 0) return ['No node was started.'];
  return reports.map(({ nodeId, state, role, term, commitIndex, lastApplied }) => {
    const shown = state === 'running' || state === 'paused' ? `${state}, ${role}` : state;
    return `${nodeId}: ${shown}, term ${term}, committed ${commitIndex}, applied ${lastApplied}`;
  });
}
