/**
 * The faults of a live cluster's network: the verbs, joined to the router and told as events.
 */

import { envelopeBytes, writeEnvelope } from '../actor/envelope.js';
import type { Frame } from '../actor/mailbox.js';
import type { Supervisor } from '../actor/supervisor.js';
import type { Clock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { Installed, PartitionOptions, ReleaseOptions } from '../network/installed.js';
import type { LinkCounters } from '../network/link.js';
import { cutLinks, type PartitionShape } from '../network/partition.js';
import { Router } from '../network/router.js';
import type { Direction, Ends, LinkOptions, Rule } from '../network/rule.js';
import { isRole, resolve, type Selector } from '../network/selector.js';
import { Prng } from '../prng.js';
import type { NodeId } from '../raft/index.js';
import { type MessageRecord, recordOf } from '../replica/message-record.js';
import { frameOfRecord } from '../replica/record-frame.js';
import { decodeMessage, frameName } from '../replica/wire.js';
import type { Roster } from './roster.js';

/** A network fault that is in force. Disposing it heals it; what it held is delivered. */
export interface Fault extends Disposable {
  readonly name: string;
  readonly isInstalled: boolean;
  /** Heals it; `deliver: false` drops what it held. */
  release(options?: ReleaseOptions): void;
}

/** A message between two nodes that a partition or a rule holds back. */
export interface HeldMessage {
  readonly source: NodeId;
  readonly destination: NodeId;
  /** What it says, decoded at each look. */
  readonly record: MessageRecord;
}

/** A message that somebody wrote by hand. */
export interface InjectedMessage extends MessageRecord {
  /** The node that seems to have sent it. */
  readonly source: NodeId;
  readonly destination: NodeId;
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
      kindOf: frameName,
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
    const links = cutLinks(shape, this.#context);
    const name = options.name ?? `partition ${shape.kind}`;
    return this.#install(name, this.#router.network.partition(links, { ...options, name }));
  }

  link(options: LinkOptions): Fault {
    return this.#install('link', this.#router.network.link(this.#withoutRoles(options)));
  }

  rule(rule: Rule): Fault {
    const installed = this.#router.network.install(this.#withoutRoles(rule));
    return this.#install(installed.name, installed);
  }

  heal(options?: ReleaseOptions): void {
    const healed = [...this.#faults];
    this.#faults.clear();
    this.#router.network.heal(options);
    for (const { name } of healed) this.#options.onHealed(name);
  }

  /** What is held back between nodes, oldest first. */
  held(): HeldMessage[] {
    const { roster } = this.#options;
    const frames = this.#router
      .held()
      .filter(({ source, destination }) => roster.isNode(source) && roster.isNode(destination));
    return frames.map((frame) => ({
      source: roster.endOf(frame.source),
      destination: roster.endOf(frame.destination),
      get record(): MessageRecord {
        return recordOf(frame) ?? { type: `kind ${frame.kind}`, fields: {} };
      },
    }));
  }

  /**
   * Puts a message into a node's mailbox, past every rule and partition. False for a type that
   * nodes do not know, and for a node that is down: then nothing happens.
   *
   * Throws `RAFT_UNKNOWN_NODE`, `RAFT_INVALID_OPTION` for fields that make no message, and
   * `RAFT_OVERLOADED` when the mailbox is full.
   */
  inject({ source, destination, ...record }: InjectedMessage): boolean {
    const { roster, supervisor } = this.#options;
    const [from, to] = [roster.node(source).actor, roster.node(destination).actor];
    const bare = frameOfRecord(record);
    const destinationIncarnation = supervisor.space.incarnation(to);
    const link = supervisor.linkTo(to);
    if (bare === undefined || link === undefined || destinationIncarnation === 0) return false;
    const memory = new ArrayBuffer(envelopeBytes + bare.body.length);
    const bytes = Buffer.from(memory);
    writeEnvelope({ bytes, words: new Int32Array(memory, 0, envelopeBytes >> 2) }, 0, {
      source: from,
      destination: to,
      sourceIncarnation: supervisor.space.incarnation(from),
      destinationIncarnation,
      kind: bare.kind,
      // Nobody waits for an answer to it, and its id is none of those that the source gives.
      correlationId: 0,
    });
    bytes.set(bare.body, envelopeBytes);
    if (link.forward(bare.lane, bytes)) return true;
    throw new RaftError('RAFT_OVERLOADED', `the mailbox of ${destination} is full`, {
      details: { outcome: 'rejected', nodeId: destination },
    });
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

  /** A rule between roles is one between the nodes that have them now. */
  #withoutRoles<T extends Pick<Rule, 'between'>>(rule: T): T {
    const between = rule?.between;
    if (typeof between !== 'object' || between === null || !isDirection(between)) return rule;
    const { from, to, ...rest } = between;
    return {
      ...rule,
      between: {
        ...rest,
        ...(from === undefined ? {} : { from: this.#endsOf(from) }),
        ...(to === undefined ? {} : { to: this.#endsOf(to) }),
      },
    };
  }

  #endsOf(ends: Ends): Ends {
    const list = typeof ends === 'string' ? [ends] : ends;
    if (!Array.isArray(list) || !list.some(isRole)) return ends;
    return list.flatMap((end) => (isRole(end) ? this.resolve(end) : [end]));
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

function isDirection(between: NonNullable<Rule['between']>): between is Direction {
  return !Array.isArray(between);
}
