/**
 * The faults of a live cluster's network: the verbs, joined to the router and told as events.
 */

import type { Frame } from '../actor/mailbox.js';
import type { Supervisor } from '../actor/supervisor.js';
import type { Clock } from '../clock.js';
import type { Installed, PartitionOptions, ReleaseOptions } from '../network/installed.js';
import type { LinkCounters } from '../network/link.js';
import { cutLinks, type PartitionShape } from '../network/partition.js';
import { Router } from '../network/router.js';
import type { LinkOptions, Rule } from '../network/rule.js';
import { resolve, type Selector } from '../network/selector.js';
import { Prng } from '../prng.js';
import type { NodeId } from '../raft/index.js';
import { decodeMessage, messageKind } from '../replica/wire.js';
import { clientFrame } from '../store/protocol.js';
import type { Roster } from './roster.js';

/** A network fault that is in force. Disposing it heals it; what it held is delivered. */
export interface Fault extends Disposable {
  readonly name: string;
  readonly isInstalled: boolean;
  /** Heals it; `deliver: false` drops what it held. */
  release(options?: ReleaseOptions): void;
}

export interface WeatherOptions {
  readonly supervisor: Supervisor;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly seed: number;
  /** Who leads now, for selectors that are resolved when the fault happens. */
  readonly leaderId: () => NodeId | undefined;
  readonly onInstalled: (name: string) => void;
  readonly onHealed: (name: string) => void;
}

/** Frames of clients by name; those between nodes have the names of Raft's messages. */
const clientKinds = new Map<number, string>(
  Object.entries(clientFrame).map(([name, code]) => [
    code,
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  ]),
);

export class Weather implements Disposable {
  readonly #options: WeatherOptions;
  readonly #router: Router;
  readonly #prng: Prng;
  readonly #faults = new Set<Fault>();

  constructor(options: WeatherOptions) {
    const { supervisor, roster, clock, seed } = options;
    this.#options = options;
    this.#prng = new Prng(seed).fork('selectors');
    this.#router = new Router({
      nodes: roster.nodes.map(({ id }) => id),
      seed,
      clock,
      ports: {
        linkTo: (actor) => supervisor.linkTo(actor),
        linkMemory: (from, to) => supervisor.linkMemory(from, to),
      },
      endOf: (actor) => roster.endOf(actor),
      actors: () => roster.ends(),
      kindOf: (kind) => messageKind(kind) ?? clientKinds.get(kind) ?? `kind-${kind}`,
      contentOf: (frame) => this.#contentOf(frame),
    });
    supervisor.onRouted = (frame) => this.#router.route(frame);
  }

  addClient(actor: number): void {
    this.#router.network.addEnd(this.#options.roster.addClient(actor), 'clients');
  }

  removeClient(actor: number): void {
    const name = this.#options.roster.removeClient(actor);
    if (name !== undefined) this.#router.network.removeEnd(name);
  }

  /** The nodes that a selector means at this moment. */
  resolve(who: Selector): NodeId[] {
    return resolve(who, this.#context);
  }

  partition(shape: PartitionShape, options: PartitionOptions = {}): Fault {
    const name = options.name ?? `partition ${shape.kind}`;
    const links = cutLinks(shape, this.#context);
    return this.#install(name, this.#router.network.partition(links, { ...options, name }));
  }

  link(options: LinkOptions): Fault {
    return this.#install('link', this.#router.network.link(options));
  }

  rule(rule: Rule): Fault {
    const installed = this.#router.network.install(rule);
    return this.#install(installed.name, installed);
  }

  heal(options?: ReleaseOptions): void {
    const healed = [...this.#faults];
    this.#faults.clear();
    this.#router.network.heal(options);
    for (const { name } of healed) this.#options.onHealed(name);
  }

  /** What happened to routed frames, over all links. */
  get totals(): LinkCounters {
    return this.#router.network.totals();
  }

  [Symbol.dispose](): void {
    this.#options.supervisor.onRouted = undefined;
    this.#router[Symbol.dispose]();
  }

  get #context(): { nodes: readonly NodeId[]; leaderId: NodeId | undefined; prng: Prng } {
    const { roster, leaderId } = this.#options;
    return {
      nodes: roster.nodes.map(({ id }) => id),
      leaderId: leaderId(),
      prng: this.#prng,
    };
  }

  #install(name: string, installed: Installed): Fault {
    const release = (options?: ReleaseOptions): void => {
      if (!installed.isInstalled) return;
      installed.release(options);
      if (this.#faults.delete(fault)) this.#options.onHealed(name);
    };
    const fault: Fault = {
      name,
      get isInstalled() {
        return installed.isInstalled;
      },
      release,
      [Symbol.dispose]: () => release(),
    };
    this.#faults.add(fault);
    this.#options.onInstalled(name);
    return fault;
  }

  #contentOf(frame: Frame): unknown {
    const { roster } = this.#options;
    return decodeMessage(frame, roster.endOf(frame.source), roster.endOf(frame.destination));
  }
}
