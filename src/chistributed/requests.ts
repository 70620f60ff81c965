/**
 * The requests of the virtual client: one counter for get and set, answers matched by number
 * alone and printed the moment they come.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Printer } from './printer.js';
import { type JsonValue, pythonText } from './python.js';

export type RequestKind = 'get' | 'set';

/** What a node says about a request: an error, or the key and value it dealt with. */
export interface Response {
  readonly kind: RequestKind;
  readonly id: number;
  readonly outcome:
    | { readonly error: string }
    | { readonly key: JsonValue; readonly value: JsonValue };
}

interface Pending {
  readonly kind: RequestKind;
  readonly key: string | null;
  readonly value: JsonValue;
  readonly answered: PromiseWithResolvers<void>;
  /** Nobody will ever answer; the tool keeps such a request for ever, without a word. */
  isLost: boolean;
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/**
 * How many requests may be without an answer before the script has to wait for one. A script of
 * 100,000 lines without `--wait` would otherwise put all of them into the cluster at once.
 */
export const outstandingMax = 4_096;

export class Requests {
  readonly #printer: Printer;
  readonly #pending: Map<number, Pending> = new Map();
  #nextId = 1;
  #outstanding = 0;
  #settledOne: PromiseWithResolvers<void> = withResolvers();
  #isClosed = false;

  constructor(printer: Printer) {
    this.#printer = printer;
  }

  /** Requests that an answer may still come for. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Takes the next number for a request that is about to be sent. */
  take(kind: RequestKind, key: string | null, value: JsonValue): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#outstanding += 1;
    this.#pending.set(id, { kind, key, value, answered: withResolvers(), isLost: false });
    return id;
  }

  /** Notes that no answer will come: nothing at the end of a script waits for it. */
  lose(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.isLost) return;
    pending.isLost = true;
    this.#settled();
  }

  /** Prints an answer, and completes the request if it is the pending one of its number. */
  answer(response: Response): void {
    if (this.#isClosed) return;
    const { kind, id, outcome } = response;
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.kind !== kind) {
      const name = `${kind.toUpperCase()} response id=${id}`;
      this.#printer.answer('yellow', `WARNING: Received unexpected ${name}`);
      return;
    }
    this.#pending.delete(id);
    if ('error' in outcome) this.#printError(id, pending, outcome.error);
    else this.#printOk(id, pending, outcome.key, outcome.value);
    if (!pending.isLost) this.#settled();
    pending.answered.resolve();
  }

  /** Resolves once the request was answered. Never rejects. */
  answered(id: number): Promise<void> {
    return this.#pending.get(id)?.answered.promise ?? Promise.resolve();
  }

  /** Resolves once at most `count` requests are outstanding. */
  async drainedTo(count: number): Promise<void> {
    while (this.#outstanding > count) await this.#settledOne.promise;
  }

  /** Nothing is printed from here on. */
  close(): void {
    this.#isClosed = true;
  }

  #settled(): void {
    this.#outstanding -= 1;
    this.#settledOne.resolve();
    this.#settledOne = withResolvers();
  }

  #printError(id: number, { kind, key, value }: Pending, error: string): void {
    const shownKey = pythonText(key);
    const asked = kind === 'get' ? `k=${shownKey}` : `${shownKey}=${pythonText(value)}`;
    this.#printer.answer('red', `ERROR: ${nameOf(kind, id)} failed (${asked}): ${error}`);
  }

  #printOk(id: number, pending: Pending, key: JsonValue, value: JsonValue): void {
    const name = nameOf(pending.kind, id);
    // A get does not know the value: the tool prints the one that came on both sides.
    const expected = pending.kind === 'get' ? value : pending.value;
    if (isDeepStrictEqual([key, value], [pending.key, expected])) {
      this.#printer.answer('green', `${name} OK: ${pythonText(key)} = ${pythonText(value)}`);
      return;
    }
    const what = pending.kind === 'get' ? 'key' : 'values';
    const got = `${pythonText(key)}=${pythonText(value)}`;
    const wanted = `${pythonText(pending.key)}=${pythonText(expected)}`;
    // The parenthesis that is not closed is not closed in the tool.
    const text = `response has unexpected ${what} (got ${got}, expected ${wanted}`;
    this.#printer.answer('yellow', `WARNING: ${name} ${text}`);
  }
}

function nameOf(kind: RequestKind, id: number): string {
  return `${kind.toUpperCase()} id=${id}`;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
