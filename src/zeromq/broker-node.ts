/**
 * A node as the broker of chistributed sees it: it says hello, answers get and set, and talks to
 * its peers through the broker. What makes it a node is the replica that runs on threads, too.
 *
 *     connected ──hello, or a second of silence──> helloResponse ──ack──> the replica begins
 *
 * Before that ack nothing else is sent: a broker that does not know the sender of a message yet
 * freezes. Nothing here knows of sockets or of the machine's time.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Clock, Timer } from '../clock.js';
import { isRaftError } from '../errors.js';
import type { Leadership } from '../raft/index.js';
import { bootReplica, TickCounter } from '../replica/boot.js';
import type { Channel } from '../replica/channel.js';
import type { RecordFields } from '../replica/message-record.js';
import type { Member, Replica } from '../replica/replica.js';
import type { Storage } from '../storage/index.js';
import { FrameChannel, frameOf } from './frame-channel.js';
import { PeerLink } from './peer-link.js';
import { type Ask, Requests } from './requests.js';

export interface BrokerNodeOptions {
  readonly name: string;
  readonly peers: readonly string[];
  readonly clock: Clock;
  readonly storage: Storage;
  /** Fixes the election timeouts; different for each node. */
  readonly seed: string;
  /** Which life of this node it is, 0 to 1,000,000: two lives in a row differ. */
  readonly incarnation: number;
  /** Sends a message to the broker; messages stay in order. */
  readonly send: (message: RecordFields) => void;
  /** Whether there is room for messages to peers. */
  readonly hasRoom: () => boolean;
  /** What goes on, a line for people; called with the lines of `--debug` only. */
  readonly log: (line: string) => void;
}

/**
 * Times of a node under the broker, in ms. Every message makes the broker look at all that it
 * holds back, so heartbeats are slower here than on threads.
 */
export const timing = {
  tickMs: 5,
  heartbeatMs: 75,
  electionTimeout: { minMs: 400, maxMs: 800 },
  /** Without a hello for this long, the node says hello unasked. */
  announceMs: 1_000,
} as const;

/** Answers that wait for the broker to know the node; it may never do so. */
const earlyMax = 10_000;

export const entryBytesMax: number = 2 ** 20;

export class BrokerNode implements Disposable {
  readonly #options: BrokerNodeOptions;
  readonly #self: Member;
  readonly #members: readonly Member[];
  readonly #client: ActorId;
  readonly #channels = new Map<ActorId, Channel>();
  readonly #link: PeerLink;
  readonly #requests: Requests;
  readonly #ticks: TickCounter;
  /** Answers that wait for the broker to know this node. */
  #early: RecordFields[] = [];
  #replica: Replica | undefined;
  #announcing: Timer | undefined;
  #ticking: Timer | undefined;

  constructor(options: BrokerNodeOptions) {
    const { name, peers, clock, incarnation } = options;
    this.#options = options;
    const names = [...new Set([name, ...peers])].sort();
    this.#members = names.map((id, at) => ({ id, actor: at + 1 }));
    this.#self = { id: name, actor: names.indexOf(name) + 1 };
    this.#client = names.length + 1;
    const life = String(incarnation);
    this.#link = new PeerLink({ self: this.#self, members: this.#members, life });
    this.#requests = new Requests({
      clock,
      ask: (request) => this.#ask(request),
      reply: (message) => this.#reply(message),
    });
    this.#ticks = new TickCounter(timing.tickMs, clock.nowMs());
    this.#connectChannels();
  }

  /** The subscription is up: hellos can be heard from now on. */
  connected(): void {
    this.#options.log('connected to the broker');
    this.#announceLater();
  }

  /** Takes a message of the broker. What is not understood is passed over. */
  receive(message: RecordFields): void {
    switch (message['type']) {
      case 'hello':
        this.#announce();
        return;
      case 'ack':
        if (isHelloAck(message)) this.#begin();
        return;
      case 'get':
      case 'set':
        this.#options.log(`asked ${JSON.stringify(message)}`);
        this.#requests.take(message);
        return;
      default:
        this.#receiveFromPeer(message);
    }
  }

  /** Does what has become due. The caller of `receive` calls it once for all that had arrived. */
  turn(): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    const elapsedTicks = this.#ticks.take(this.#options.clock.nowMs());
    if (elapsedTicks > 0) replica.tick(elapsedTicks);
    while (replica.flush());
  }

  [Symbol.dispose](): void {
    this.#announcing?.[Symbol.dispose]();
    this.#ticking?.[Symbol.dispose]();
    this.#requests[Symbol.dispose]();
    this.#replica = undefined;
    this.#options.storage.close();
  }

  #announce(): void {
    this.#options.send({ type: 'helloResponse', source: this.#self.id });
    if (this.#replica === undefined) this.#announceLater();
  }

  /** To a name that it has heard before, a broker never says hello again. */
  #announceLater(): void {
    this.#announcing?.[Symbol.dispose]();
    this.#announcing = this.#options.clock.setTimer(timing.announceMs, () => this.#announce());
  }

  #begin(): void {
    if (this.#replica !== undefined) return;
    this.#announcing?.[Symbol.dispose]();
    this.#options.log(`begins, with ${this.#members.length - 1} peers`);
    this.#ticks.take(this.#options.clock.nowMs());
    this.#replica = this.#boot();
    for (const answer of this.#early) this.#options.send(answer);
    this.#early = [];
    this.#requests.open();
    this.turn();
    this.#tickLater();
  }

  #tickLater(): void {
    this.#ticking = this.#options.clock.setTimer(timing.tickMs, () => {
      this.turn();
      this.#tickLater();
    });
  }

  #boot(): Replica {
    const { storage, seed, incarnation } = this.#options;
    const record = {
      self: this.#self,
      members: this.#members,
      seed,
      raft: raftOptions,
      store: {},
      limits,
    };
    const { replica } = bootReplica(record, {
      incarnation,
      storage,
      exchange: { channel: (to) => this.#channels.get(to), hold: () => {}, unhold: () => {} },
      clients: [this.#client],
      onLeadership: (leadership) => this.#options.log(leadershipText(leadership)),
      onDurable: () => this.turn(),
    });
    return replica;
  }

  #connectChannels(): void {
    const { hasRoom, send } = this.#options;
    const source = this.#self.actor;
    for (const { actor: destination } of this.#members) {
      const deliver = (frame: Frame): void => {
        const message = this.#link.messageOf(frame);
        if (message) send(message);
      };
      this.#channels.set(destination, new FrameChannel({ source, destination, hasRoom, deliver }));
    }
    const client = this.#client;
    const toClient = new FrameChannel({
      source,
      destination: client,
      hasRoom: () => true,
      deliver: (frame) => this.#requests.answered(frame),
    });
    this.#channels.set(client, toClient);
  }

  #ask({ kind, correlationId, body }: Ask): void {
    const way = { source: this.#client, destination: this.#self.actor, body };
    this.#replica?.receive(frameOf({ lane: 'bulk', kind, correlationId }, way));
  }

  #reply(message: RecordFields): void {
    this.#options.log(`answers ${JSON.stringify(message)}`);
    if (this.#replica !== undefined) this.#options.send(message);
    else if (this.#early.length < earlyMax) this.#early.push(message);
  }

  #receiveFromPeer(message: RecordFields): void {
    // A message from before this life began is lost: Raft does not mind.
    if (this.#replica === undefined) return;
    try {
      const frame = this.#link.frameOf(message);
      if (frame) this.#replica.receive(frame);
      else this.#options.log(`passes over ${JSON.stringify(message)}`);
    } catch (error) {
      if (!isRaftError(error, 'RAFT_INVALID_OPTION')) throw error;
      this.#options.log(`cannot read ${JSON.stringify(message)}: ${error.message}`);
    }
  }
}

const { tickMs, heartbeatMs, electionTimeout } = timing;
const raftOptions = {
  heartbeatTicks: heartbeatMs / tickMs,
  electionTicksMin: electionTimeout.minMs / tickMs,
  electionTicksMax: electionTimeout.maxMs / tickMs,
  appendBytesMax: entryBytesMax,
  inflightBytesMax: 4 * entryBytesMax,
};
const limits = {
  entryBytesMax,
  applyBytesMax: 2 ** 18,
  checkpointBytes: 2 ** 22,
  forwardsMax: 10_000,
  patienceTicks: (2 * electionTimeout.maxMs) / tickMs,
};

function isHelloAck({ original }: RecordFields): boolean {
  return (original as RecordFields | undefined)?.['type'] === 'helloResponse';
}

function leadershipText({ role, currentTerm, leaderId }: Leadership): string {
  const follows = role === 'leader' || leaderId === undefined ? '' : ` of ${leaderId}`;
  return `term ${currentTerm}: ${role}${follows}`;
}
