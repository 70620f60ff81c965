/**
 * The control plane: rare calls from one thread into another, carried by Comlink.
 *
 * Comlink alone leaves three things open, which this file closes: a call to a thread that has died
 * stays pending for ever, an error arrives without its code and details, and nothing limits how
 * long or how many calls wait. No other file imports Comlink.
 */
import type { MessagePort } from 'node:worker_threads';
import { expose, type Remote, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { type Clock, systemClock, type Timer } from '../clock.js';
import { type ErrorRecord, isRaftError, packError, RaftError, unpackError } from '../errors.js';

// biome-ignore lint/suspicious/noExplicitAny: arguments are checked where a method is declared.
export type ControlMethod = (...args: any[]) => unknown;
export type ControlMethods = Readonly<Record<string, ControlMethod>>;

export interface CallOptions {
  /**
   * Rejects with `RAFT_TIMEOUT` after this many ms; default: the call waits as long as it lives.
   */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason. The call itself is not taken back. */
  readonly signal?: AbortSignal;
}

/** As the supervisor calls. */
export interface ControlCallOptions extends CallOptions {
  /**
   * News that its runtime has to hear, however many calls wait: of peers that come, go and die. An
   * id is used again only when all of them have been heard, so there are at most a few for each.
   */
  readonly isNews?: boolean;
}

/** This many calls may wait for their answer. */
const callsMax = 1024;

/** An error does not keep its code on the way, so it travels as an answer. */
type Answer = { readonly value: unknown } | { readonly error: ErrorRecord };

interface Server {
  call(method: string, ...args: unknown[]): Promise<Answer>;
}

/** Answers what is called at the other end of the port. Keeps the thread alive unless unref'd. */
export function exposeControl(port: MessagePort, methods: ControlMethods): void {
  const server: Server = {
    async call(method, ...args) {
      try {
        return { value: await methodNamed(methods, method)(...args) };
      } catch (error) {
        return { error: packError(error) };
      }
    },
  };
  expose(server, nodeEndpoint(port));
}

/** Calls what is exposed at the other end of the port, until that end is gone. */
export class ControlClient {
  readonly #port: MessagePort;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #remote: Remote<Server>;
  readonly #pending = new Set<(error: Error) => void>();
  #closed: RaftError | undefined;

  /** `name` says in messages who is called. Only calls that wait keep the process alive. */
  constructor(port: MessagePort, name: string, clock: Clock = systemClock) {
    this.#port = port;
    this.#name = name;
    this.#clock = clock;
    this.#remote = wrap<Server>(nodeEndpoint(port));
    port.unref();
    port.once('close', () => this.close(nodeDown(name)));
  }

  /**
   * Rejects with what the method threw, code and details included; with `RAFT_NODE_DOWN` when the
   * thread is or gets dead, `RAFT_STOPPED` when it is being stopped, `RAFT_TIMEOUT`,
   * `RAFT_OVERLOADED` when too many calls wait, `RAFT_VALUE_NOT_CLONEABLE`.
   */
  call(
    method: string,
    args: readonly unknown[] = [],
    { timeoutMs, signal, isNews = false }: ControlCallOptions = {},
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!isNews && this.#pending.size >= callsMax) {
      return Promise.reject(
        new RaftError('RAFT_OVERLOADED', `${callsMax} calls to ${this.#name} wait already`),
      );
    }
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (): void => {
        this.#pending.delete(fail);
        if (this.#pending.size === 0) this.#port.unref();
        signal?.removeEventListener('abort', abort);
        timer?.[Symbol.dispose]();
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      const abort = (): void => fail(signal?.reason);
      this.#pending.add(fail);
      this.#port.ref();
      signal?.addEventListener('abort', abort);
      if (timeoutMs !== undefined) {
        timer = this.#clock.setTimer(timeoutMs, () => fail(this.#timedOut(method, timeoutMs)));
      }
      this.#remote.call(method, ...args).then(
        (answer) => {
          if ('error' in answer) return fail(unpackError(answer.error));
          settle();
          resolve(answer.value);
        },
        (error: unknown) => fail(notCloneable(method, error)),
      );
    });
  }

  /** Rejects what waits and what comes with `error`. The first close counts. */
  close(error: RaftError): void {
    if (this.#closed) return;
    this.#closed = error;
    for (const fail of [...this.#pending]) fail(error);
    this.#port.close();
  }

  #timedOut(method: string, timeoutMs: number): RaftError {
    return new RaftError(
      'RAFT_TIMEOUT',
      `${this.#name} did not answer '${method}' within ${timeoutMs} ms`,
      { details: { outcome: 'unknown', nodeId: this.#name, timeoutMs } },
    );
  }
}

/** Nobody lives there: what was asked may or may not have been done. */
export function nodeDown(name: string, cause?: unknown): RaftError {
  return new RaftError('RAFT_NODE_DOWN', `${name} is down`, {
    ...(cause === undefined ? {} : { cause }),
    details: { outcome: 'unknown', nodeId: name },
  });
}

export function stopped(name: string): RaftError {
  return new RaftError('RAFT_STOPPED', `${name} has been stopped`, {
    details: { outcome: 'unknown', nodeId: name },
  });
}

/** Whether a call failed because its thread is gone or going. */
export function isGone(error: unknown): boolean {
  return isRaftError(error, 'RAFT_NODE_DOWN') || isRaftError(error, 'RAFT_STOPPED');
}

function methodNamed(methods: ControlMethods, name: string): ControlMethod {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method) return method;
  throw new RaftError('RAFT_CONTROL_FAILED', `there is no control method '${name}'`, {
    details: { outcome: 'rejected' },
  });
}

/** Comlink itself rejects only when an argument or a result cannot be cloned. */
function notCloneable(method: string, cause: unknown): RaftError {
  return new RaftError(
    'RAFT_VALUE_NOT_CLONEABLE',
    `an argument or the result of '${method}' cannot be cloned`,
    { cause },
  );
}
