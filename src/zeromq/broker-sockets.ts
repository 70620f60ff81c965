/**
 * The two sockets of a node: SUB for what the broker says, DEALER for what it is told.
 *
 * The subscription matches by prefix, so `node-1` also hears what is for `node-10`; the first frame
 * is compared whole. A DEALER sends an empty frame before the JSON, as a REQ would, but need not
 * wait for the answer to the message before.
 */
import type { Dealer, Subscriber } from 'zeromq';
import type { Clock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { RecordFields } from '../replica/message-record.js';

export interface BrokerSocketsOptions {
  readonly name: string;
  readonly pubEndpoint: string;
  readonly routerEndpoint: string;
  readonly clock: Clock;
  /** Both connections stand. */
  readonly onConnected: () => void;
  /** A message of the broker to this node. */
  readonly onMessage: (message: RecordFields) => void;
  /** The broker cannot be reached, or has gone; called once. */
  readonly onLost: (error: RaftError) => void;
}

type Zeromq = typeof import('zeromq');

/** A broker listens before it starts a node. */
const connectTimeoutMs = 5_000;
/** Messages that may wait to be sent; those to peers that find no room are lost. */
const queueMax = 10_000;

/** Loads the package `zeromq`. Rejects with `RAFT_ZEROMQ_MISSING` where it is not installed. */
export async function loadZeromq(load: () => Promise<Zeromq> = importZeromq): Promise<Zeromq> {
  try {
    return await load();
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new RaftError(
      'RAFT_ZEROMQ_MISSING',
      `the optional package zeromq cannot be loaded (${why}); npm install zeromq@6`,
      { cause: error },
    );
  }
}

function importZeromq(): Promise<Zeromq> {
  return import('zeromq');
}

export class BrokerSockets implements Disposable {
  readonly #options: BrokerSocketsOptions;
  readonly #subscriber: Subscriber;
  readonly #dealer: Dealer;
  readonly #queue: string[] = [];
  readonly #connecting: Disposable;
  #connections = 0;
  #isSending = false;
  #isClosed = false;

  /** Throws `RAFT_INVALID_OPTION` for an endpoint that cannot be one. */
  constructor(zeromq: Zeromq, options: BrokerSocketsOptions) {
    this.#options = options;
    this.#subscriber = new zeromq.Subscriber({ linger: 0 });
    this.#dealer = new zeromq.Dealer({ linger: 0 });
    this.#connecting = options.clock.setTimer(connectTimeoutMs, () =>
      this.#lose(`no broker was found within ${connectTimeoutMs} ms`),
    );
    this.#subscriber.subscribe(options.name);
    this.#connect('--pub-endpoint', this.#subscriber, options.pubEndpoint);
    this.#connect('--router-endpoint', this.#dealer, options.routerEndpoint);
    void this.#listen();
    void this.#drainDealer();
  }

  get hasRoom(): boolean {
    return this.#queue.length < queueMax;
  }

  send(message: RecordFields): void {
    this.#queue.push(JSON.stringify(message));
    if (!this.#isSending) void this.#sendAll();
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connecting[Symbol.dispose]();
    this.#subscriber.close();
    this.#dealer.close();
  }

  #connect(option: string, socket: Subscriber | Dealer, endpoint: string): void {
    socket.events.on('handshake', () => this.#countConnection());
    // The broker is the parent of its nodes: whoever listens there later is another one.
    socket.events.on('disconnect', () => this.#lose('the broker went away'));
    try {
      socket.connect(endpoint);
    } catch (error) {
      this[Symbol.dispose]();
      const text = `${option} is '${endpoint}'; expected an endpoint such as tcp://127.0.0.1:23310`;
      throw new RaftError('RAFT_INVALID_OPTION', text, {
        cause: error,
        details: { option },
      });
    }
  }

  #countConnection(): void {
    this.#connections += 1;
    if (this.#connections !== 2) return;
    this.#connecting[Symbol.dispose]();
    this.#options.onConnected();
  }

  async #listen(): Promise<void> {
    for await (const [topic, , json] of this.#subscriber) {
      if (topic?.toString() === this.#options.name) this.#receive(json);
    }
  }

  async #drainDealer(): Promise<void> {
    for await (const [, json] of this.#dealer) this.#receive(json);
  }

  #receive(json: Buffer | undefined): void {
    const message = parse(json);
    if (message !== undefined) this.#options.onMessage(message);
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    try {
      for (let json = this.#queue.shift(); json !== undefined; json = this.#queue.shift()) {
        await this.#dealer.send(['', json]);
      }
    } catch (error) {
      // A socket that was closed meanwhile refuses what was still queued.
      if (!this.#isClosed) throw error;
    } finally {
      this.#isSending = false;
    }
  }

  #lose(what: string): void {
    if (this.#isClosed) return;
    this[Symbol.dispose]();
    const { pubEndpoint, routerEndpoint } = this.#options;
    const text = `${what} (${pubEndpoint}, ${routerEndpoint})`;
    this.#options.onLost(new RaftError('RAFT_NODE_DOWN', text));
  }
}

/** A JSON object; `undefined` for anything else, which no broker sends. */
function parse(json: Buffer | undefined): RecordFields | undefined {
  try {
    const value: unknown = JSON.parse(json?.toString() ?? '');
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as RecordFields) : undefined;
  } catch {
    return undefined;
  }
}
