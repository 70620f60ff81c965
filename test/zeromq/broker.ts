/**
 * A broker as chistributed's: a PUB and a ROUTER socket, nodes as processes, a virtual client, and
 * partitions. What would freeze the real one or be lost in it is noted as a fault of the node.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Publisher, Router } from 'zeromq';
import { loadZeromq } from '../../src/zeromq/broker-sockets.js';
import { type Custom, HeldMessages } from './held-messages.js';

type Message = Readonly<Record<string, unknown>>;

/** An answer, and how long it took. */
export interface Answer {
  readonly message: Message;
  readonly afterMs: number;
}

/** A node that ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Go before and after the arguments of the broker. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  readonly debug?: boolean;
}

interface Pending {
  readonly type: string;
  readonly sinceMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

interface Hearing {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const executable = fileURLToPath(new URL('../../src/cli/balsa-node.js', import.meta.url));
const helloFirstMs = 500;
const helloAgainMs = 1_000;

export class Broker implements AsyncDisposable {
  readonly names: readonly string[];
  /** What the real broker would not have survived or understood. */
  readonly faults: string[] = [];
  /** Messages between nodes, in the order of their arrival. */
  readonly customs: Custom[] = [];
  readonly #pub: Publisher;
  readonly #router: Router;
  readonly #held: HeldMessages;
  readonly #namesByIdentity = new Map<string, string>();
  readonly #heard = new Set<string>();
  readonly #hearing = new Map<string, Hearing>();
  readonly #pending = new Map<number, Pending>();
  readonly #children: ChildProcess[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #outgoing: [Publisher | Router, (string | Buffer)[]][] = [];
  #isSending = false;
  #isClosed = false;
  #nextId = 1;

  private constructor(names: readonly string[], pub: Publisher, router: Router) {
    this.names = names;
    this.#pub = pub;
    this.#router = router;
    this.#held = new HeldMessages(({ destination, message }) => this.publish(destination, message));
    void this.#listen();
  }

  static async open(names: readonly string[]): Promise<Broker> {
    const { Publisher, Router } = await loadZeromq();
    const pub = new Publisher({ linger: 0 });
    const router = new Router({ linger: 0 });
    await pub.bind('tcp://127.0.0.1:*');
    await router.bind('tcp://127.0.0.1:*');
    return new Broker(names, pub, router);
  }

  get held(): readonly Custom[] {
    return this.#held.held;
  }

  /** Starts a node; resolves when it has said hello. */
  async start(name: string, options: StartOptions = {}): Promise<void> {
    this.spawn(name, options);
    await this.heard(name);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.start(name)));
  }

  /** Starts a node; resolves when its process has ended. */
  spawn(name: string, { before = [], after = [], debug = false }: StartOptions = {}): Node {
    const peers = this.names.filter((other) => other !== name);
    const words = [
      executable,
      ...before,
      ...['--node-name', name],
      ...['--pub-endpoint', this.#pub.lastEndpoint],
      ...['--router-endpoint', this.#router.lastEndpoint],
      ...(debug ? ['--debug'] : []),
      ...peers.flatMap((peer) => ['--peer', peer]),
      ...after,
    ];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    if (!this.#heard.has(name)) this.#hello(name, helloFirstMs);
    const ended = endOf(child);
    void ended.then(({ exitCode, stderr }) => this.#onEnd(name, exitCode, stderr));
    return { process: child, ended };
  }

  /** Resolves with the next helloResponse of a node. */
  heard(name: string): Promise<void> {
    return new Promise((resolve, reject) => this.#hearing.set(name, { resolve, reject }));
  }

  get(name: string, key: unknown): Promise<Answer> {
    return this.#request(name, { type: 'get', id: this.#nextId++, key });
  }

  set(name: string, key: unknown, value: unknown): Promise<Answer> {
    return this.#request(name, { type: 'set', id: this.#nextId++, key, value });
  }

  /** Sends anything to a node, as `send_msg` does. */
  publish(name: string, message: Message): void {
    this.#send(this.#pub, [name, '', JSON.stringify(message)]);
  }

  cut(name: string, side1: readonly string[]): void {
    const side2 = this.names.filter((other) => !side1.includes(other));
    this.#held.cut(name, side1, side2);
  }

  heal(name: string, deliver: { readonly deliver: boolean }): void {
    this.#held.heal(name, deliver);
  }

  /** Stops to be there, as a broker that was killed: nodes are not told. */
  vanish(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#pub.close();
    this.#router.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    if (!this.#isClosed) this.vanish();
  }

  #hello(name: string, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#heard.has(name)) return;
      this.publish(name, { type: 'hello', destination: name });
      this.#hello(name, helloAgainMs);
    }, delayMs);
    this.#timers.add(timer);
  }

  #request(name: string, message: Message & { readonly id: number }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { type, id } = message;
      const sinceMs = performance.now();
      this.#pending.set(id, { type: `${type}Response`, sinceMs, resolve, reject });
      this.publish(name, message);
    });
  }

  /** A node that died of something leaves nobody waiting for it. */
  #onEnd(name: string, exitCode: number | null, stderr: string): void {
    if (exitCode === 0 || exitCode === null || this.#isClosed) return;
    this.faults.push(`${name} ended with ${exitCode}`);
    const waiting = [...this.#pending.values(), ...this.#hearing.values()];
    for (const { reject } of waiting) reject(new Error(`${name}: ${stderr}`));
  }

  async #listen(): Promise<void> {
    for await (const frames of this.#router) {
      const [identity, empty, json] = frames;
      if (identity === undefined || empty?.length !== 0 || json === undefined) {
        this.faults.push(`${frames.length} frames`);
        continue;
      }
      this.#receive(identity, JSON.parse(json.toString()) as Message);
    }
  }

  #receive(identity: Buffer, message: Message): void {
    const id = identity.toString('hex');
    const { type } = message;
    if (type === 'helloResponse') {
      const name = String(message['source']);
      this.#namesByIdentity.set(id, name);
      this.#heard.add(name);
      this.#hearing.get(name)?.resolve();
    }
    const source = this.#namesByIdentity.get(id);
    if (source === undefined) this.faults.push(`${String(type)} before helloResponse`);
    if (type === 'log') this.faults.push('a log message');
    else {
      const ack = JSON.stringify({ type: 'ack', original: message });
      this.#send(this.#router, [identity, '', ack]);
    }
    if (type === 'getResponse' || type === 'setResponse') this.#answered(message);
    else if (type !== 'helloResponse') this.#custom(source ?? '', message);
  }

  #answered(message: Message): void {
    const { id, type, error, key, value } = message;
    const pending = this.#pending.get(Number(id));
    const isOk = key !== undefined && value !== undefined;
    if (pending === undefined || typeof id !== 'number') this.faults.push(`an answer to ${id}`);
    else if (pending.type !== type) this.faults.push(`${type} to another request`);
    else if (isOk === (error !== undefined)) this.faults.push('an answer with wrong fields');
    else {
      this.#pending.delete(id);
      pending.resolve({ message, afterMs: performance.now() - pending.sinceMs });
    }
  }

  #custom(source: string, message: Message): void {
    const { destination } = message;
    if (typeof destination !== 'string') {
      this.faults.push(`destination ${JSON.stringify(destination)}`);
      return;
    }
    const custom = { source, destination, message };
    this.customs.push(custom);
    this.#held.push(custom);
  }

  #send(socket: Publisher | Router, frames: (string | Buffer)[]): void {
    this.#outgoing.push([socket, frames]);
    if (!this.#isSending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    for (let next = this.#outgoing.shift(); next; next = this.#outgoing.shift()) {
      const [socket, frames] = next;
      if (!this.#isClosed) await socket.send(frames);
    }
    this.#isSending = false;
  }
}

export interface Node {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Runs the executable with these words, to its end. */
export function runNode(words: readonly string[]): Promise<Ended> {
  return endOf(spawn(process.execPath, [executable, ...words], { timeout: 30_000 }));
}

function endOf(child: ChildProcess): Promise<Ended> {
  const text = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    text.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    text.stderr += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, ...text }));
  });
}
