/**
 * Nodes under a broker without sockets, processes or time: every message is JSON, every step is
 * taken when the test says so.
 */
import type { RecordFields } from '../../src/replica/message-record.js';
import { createMemory, openMemoryStorage } from '../../src/storage/index.js';
import { BrokerNode, entryBytesMax } from '../../src/zeromq/broker-node.js';
import { ManualClock } from '../store/manual-clock.js';
import { HeldMessages } from './held-messages.js';

/** An answer, and when it came, in ms since the first node was started. */
export interface PaperAnswer {
  readonly source: string;
  readonly message: RecordFields;
  readonly atMs: number;
}

export interface PaperOptions {
  readonly seed?: string;
  /** Whether a helloResponse is acknowledged. Default true. */
  readonly acknowledges?: boolean;
}

const stepMs = 5;

export class PaperBroker implements Disposable {
  readonly names: readonly string[];
  readonly clock: ManualClock = new ManualClock();
  /** All that a node sent to the broker, in order. */
  readonly sent: { readonly source: string; readonly message: RecordFields }[] = [];
  readonly answers: PaperAnswer[] = [];
  readonly lines: string[] = [];
  readonly held: HeldMessages;
  acknowledges: boolean;
  readonly #seed: string;
  readonly #nodes = new Map<string, BrokerNode>();
  readonly #memories = new Map<string, ReturnType<typeof createMemory>>();
  readonly #lives = new Map<string, number>();
  readonly #mail: (() => void)[] = [];
  readonly #beganMs: number;
  #nextId = 1;

  constructor(names: readonly string[], { seed = '1', acknowledges = true }: PaperOptions = {}) {
    this.names = names;
    this.acknowledges = acknowledges;
    this.#seed = seed;
    this.#beganMs = this.clock.nowMs();
    this.held = new HeldMessages(({ destination, message }) =>
      this.publish(destination, message as RecordFields),
    );
  }

  get nowMs(): number {
    return this.clock.nowMs() - this.#beganMs;
  }

  node(name: string): BrokerNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`${name} does not run`);
    return node;
  }

  /** Starts a node, or another life of it on what the one before has stored. */
  start(name: string): void {
    this.stop(name);
    const life = (this.#lives.get(name) ?? 0) + 1;
    this.#lives.set(name, life);
    const memory = this.#memories.get(name) ?? createMemory({ entryBytesMax });
    this.#memories.set(name, memory);
    const node = new BrokerNode({
      name,
      peers: this.names.filter((other) => other !== name),
      clock: this.clock,
      storage: openMemoryStorage(memory),
      seed: `${this.#seed} ${name} ${life}`,
      incarnation: life,
      send: (message) => this.#mail.push(() => this.#receive(name, roundTrip(message))),
      hasRoom: () => true,
      log: (line) => this.lines.push(`${name} ${line}`),
    });
    this.#nodes.set(name, node);
    node.connected();
  }

  stop(name: string): void {
    this.#nodes.get(name)?.[Symbol.dispose]();
    this.#nodes.delete(name);
  }

  /** Starts all nodes, says hello and waits until one of them leads. */
  startAll(): string {
    for (const name of this.names) this.start(name);
    for (const name of this.names) this.publish(name, { type: 'hello', destination: name });
    return this.untilLeader();
  }

  /** Time passes until a line of the log says that somebody leads; the last one who said so. */
  untilLeader(afterLines = 0): string {
    const leading = (): string | undefined =>
      this.lines.slice(afterLines).findLast((line) => line.endsWith(': leader'));
    this.until(() => leading() !== undefined);
    return leading()?.split(' ')[0] ?? '';
  }

  get(name: string, key: RecordFields[string]): number {
    const id = this.#nextId++;
    this.publish(name, { type: 'get', id, key });
    return id;
  }

  set(name: string, key: RecordFields[string], value: RecordFields[string]): number {
    const id = this.#nextId++;
    this.publish(name, { type: 'set', id, key, value });
    return id;
  }

  publish(name: string, message: RecordFields): void {
    const arrived = roundTrip(message);
    this.#mail.push(() => {
      this.#nodes.get(name)?.receive(arrived);
      this.#nodes.get(name)?.turn();
    });
  }

  /** Cuts nodes off from all others. */
  cut(name: string, side1: readonly string[]): void {
    this.held.cut(
      name,
      side1,
      this.names.filter((other) => !side1.includes(other)),
    );
  }

  answersTo(id: number): readonly PaperAnswer[] {
    return this.answers.filter(({ message }) => message['id'] === id);
  }

  /** Time passes until the request is answered; its first answer. */
  answer(id: number): PaperAnswer {
    this.until(() => this.answersTo(id).length > 0);
    return this.answersTo(id)[0] as PaperAnswer;
  }

  advance(ms: number): void {
    this.#deliver();
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(stepMs);
      this.#deliver();
    }
  }

  until(isMet: () => boolean, limitMs = 20_000): void {
    const deadlineMs = this.nowMs + limitMs;
    this.#deliver();
    while (!isMet()) {
      if (this.nowMs > deadlineMs) throw new Error(`not within ${limitMs} ms:\n${this.#report()}`);
      this.advance(stepMs);
    }
  }

  [Symbol.dispose](): void {
    for (const name of this.names) this.stop(name);
  }

  #deliver(): void {
    for (let next = this.#mail.shift(); next; next = this.#mail.shift()) next();
  }

  #receive(source: string, message: RecordFields): void {
    this.sent.push({ source, message });
    const { type, destination } = message;
    if (type === 'helloResponse') {
      if (this.acknowledges) this.publish(source, { type: 'ack', original: message });
    } else if (type === 'getResponse' || type === 'setResponse') {
      this.answers.push({ source, message, atMs: this.nowMs });
    } else this.held.push({ source, destination: String(destination), message });
  }

  #report(): string {
    return this.lines.slice(-20).join('\n');
  }
}

function roundTrip(message: RecordFields): RecordFields {
  return JSON.parse(JSON.stringify(message)) as RecordFields;
}
