/** The virtual client: requests to a node of the script's choice, past every partition. */
import type { Clock } from '../clock.js';
import { isRaftError } from '../errors.js';
import type { ChiNode, Nodes } from './nodes.js';
import { pause } from './pause.js';
import type { Printer } from './printer.js';
import {
  chistributedException,
  type JsonValue,
  PythonError,
  pythonLiteral,
  pythonText,
} from './python.js';
import { parsePythonJson } from './python-json.js';
import { outstandingMax, type RequestKind, Requests, type Response } from './requests.js';
import type { ChiAnswer, ChiMessage, ChiTarget } from './target.js';

/** What the text of an answer without a majority is, here and in the course project. */
const noQuorumText = 'request timed out: no quorum or no leader';

export interface ClientSurroundings {
  readonly nodes: Nodes;
  readonly target: ChiTarget;
  readonly printer: Printer;
  readonly clock: Clock;
  /** How long `--wait` waits, and the end of a script for what is pending, in ms. */
  readonly waitLimitMs: number;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

/** One get or set, with the options that the script gave it. */
export interface ClientRequest {
  readonly kind: RequestKind;
  readonly node: ChiNode;
  readonly key: string | null;
  /** Null for a get. */
  readonly value: string | null;
  /** Whether to return only once the answer was printed. */
  readonly wait: boolean;
}

export class Client {
  readonly #surroundings: ClientSurroundings;
  readonly #requests: Requests;

  constructor(surroundings: ClientSurroundings) {
    this.#surroundings = surroundings;
    this.#requests = new Requests(surroundings.printer);
  }

  /** Sends a request under the next number. Its answer is printed when it comes. */
  async request({ kind, node, key, value, wait }: ClientRequest): Promise<void> {
    const isFull = this.#requests.outstanding >= outstandingMax;
    if (isFull) await this.#pause(this.#requests.drainedTo(outstandingMax - 1));
    const id = this.#requests.take(kind, key, value);
    void this.#ask(node, { kind, id, key, value }).then((response) => {
      if (response === undefined) this.#requests.lose(id);
      else this.#requests.answer(response);
    });
    if (!wait || (await this.#pause(this.#requests.answered(id)))) return;
    this.#warnOfLimit(`${kind.toUpperCase()} id=${id} was not answered`);
  }

  /** Sends one JSON message straight to its destination, with no pending request behind it. */
  async sendMessage(text: string): Promise<void> {
    const message = readMessage(text);
    const { destination, type } = message;
    const { nodes, printer, target } = this.#surroundings;
    const node = typeof destination === 'string' ? nodes.find(destination) : undefined;
    if (type === 'get' || type === 'set') {
      const id = messageId(message);
      if (node === undefined) return;
      const { key, value } = message;
      void this.#ask(node, { kind: type, id, key, value }).then((response) => {
        if (response !== undefined) this.#requests.answer(response);
      });
      return;
    }
    if (target.deliver === undefined) {
      throw chistributedException(
        `send_msg can send get and set to this cluster, not ${pythonText(type)}`,
      );
    }
    if (node === undefined) return;
    try {
      await target.deliver(node.id, message);
    } catch (error) {
      // The node would have thrown it away: the run goes on, and the person learns why.
      if (!isRaftError(error, 'RAFT_INVALID_OPTION')) throw error;
      printer.warning(`${node.id} cannot read this ${pythonText(type)}: ${error.message}`);
    }
  }

  /** Waits, for `waitLimitMs` at most, until nothing is pending that an answer can come for. */
  async drain(): Promise<void> {
    if (await this.#pause(this.#requests.drainedTo(0))) return;
    const count = this.#requests.outstanding;
    this.#warnOfLimit(`${count} request${count === 1 ? ' was' : 's were'} not answered`);
  }

  /** Prints nothing more: answers that are still to come are dropped. */
  close(): void {
    this.#requests.close();
  }

  #pause(until: Promise<unknown>): Promise<boolean> {
    const { clock, waitLimitMs: limitMs, signal } = this.#surroundings;
    return pause({ clock, limitMs, signal, until });
  }

  #warnOfLimit(what: string): void {
    const { printer, signal, waitLimitMs } = this.#surroundings;
    if (!signal.aborted) printer.warning(`${what} within ${waitLimitMs / 1_000} s; going on`);
  }

  /** Never rejects; `undefined` when nobody answers. */
  async #ask(
    node: ChiNode,
    request: Omit<Response, 'outcome'> & { readonly key: JsonValue; readonly value: JsonValue },
  ): Promise<Response | undefined> {
    const { kind, id, key, value } = request;
    if (node.state === 'initial') return undefined;
    // What is sent to a node that is starting is not lost here: it waits for the start.
    if (node.starting !== undefined) await node.starting;
    if (node.state === 'crashed') return undefined;
    if (typeof key !== 'string') return { kind, id, outcome: { error: 'a key must be a string' } };
    const outcome = outcomeOf(await this.#answerOf(node.id, kind, key, value), key);
    return outcome && { kind, id, outcome };
  }

  async #answerOf(
    nodeId: string,
    kind: RequestKind,
    key: string,
    value: JsonValue,
  ): Promise<ChiAnswer> {
    const { target } = this.#surroundings;
    try {
      return await (kind === 'get' ? target.get(nodeId, key) : target.set(nodeId, key, value));
    } catch (error) {
      return { kind: 'failed', text: error instanceof Error ? error.message : String(error) };
    }
  }
}

function outcomeOf(answer: ChiAnswer, key: string): Response['outcome'] | undefined {
  switch (answer.kind) {
    case 'ok':
      return { key: answer.key, value: answer.value };
    case 'missing':
      return { error: `No such key: ${key}` };
    case 'no-quorum':
      return { error: noQuorumText };
    case 'failed':
      return { error: answer.text };
    case 'lost':
      return undefined;
  }
}

function readMessage(text: string): ChiMessage & { readonly type: JsonValue } {
  const message = parsePythonJson(text);
  if (!isFields(message)) throw chistributedException(`Not a valid message: ${text}`);
  const type = requiredField(message, 'type');
  if (type === 'getResponse' || type === 'setResponse') {
    throw chistributedException(`Not a valid message: ${text}`);
  }
  for (const field of ['destination', ...(requestFields.get(type) ?? [])]) {
    requiredField(message, field);
  }
  return { ...message, type };
}

const requestFields: ReadonlyMap<JsonValue, readonly string[]> = new Map([
  ['get', ['id', 'key']],
  ['set', ['id', 'key', 'value']],
]);

function requiredField(message: ChiMessage, field: string): JsonValue {
  if (Object.hasOwn(message, field)) return message[field];
  const text = `Message does not have '${field}' field: ${pythonLiteral(message)}`;
  throw chistributedException(text);
}

/** Answers are matched by number, so another kind of id could never be answered. */
function messageId(message: ChiMessage): number {
  const { id } = message;
  if (typeof id === 'number' && Number.isSafeInteger(id)) return id;
  throw new PythonError('TypeError', `id must be a number, not ${pythonLiteral(id)}`);
}

function isFields(value: JsonValue): value is ChiMessage {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
