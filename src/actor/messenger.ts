/**
 * Messages for everybody: any value that can be cloned, told or asked, over the same rings.
 *
 * One messenger stands in each actor. It numbers its questions, knows which incarnation was asked,
 * and settles every question exactly once: by the answer, a time limit, an abort, or a death.
 */
import type { Clock, Timer } from '../clock.js';
import { type ErrorRecord, RaftError, unpackError } from '../errors.js';
import { nodeDown } from './control.js';
import type { LinkWriter } from './link.js';
import type { Frame } from './mailbox.js';
import {
  decode,
  encode,
  encodeFailure,
  invalidTimeout,
  messageKinds,
  overloaded,
  refused,
  refusedMessage,
  timedOut,
  tooLarge,
  tryEncode,
} from './message.js';
import type { DownNotice } from './monitor.js';
import type { ActorRef, AnswerTo, MessageTo } from './ref.js';
import type { ActorId } from './space.js';

export interface AskOptions {
  /** Rejects with `RAFT_TIMEOUT` after this many ms (> 0). Default 5,000. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason; the message is not taken back. */
  readonly signal?: AbortSignal;
}

/** A message that arrived. `answer` or `fail` is called once if it was asked, never if told. */
export interface Delivered {
  readonly message: unknown;
  readonly sender: ActorId;
  readonly isAsked: boolean;
  answer(value: unknown): void;
  fail(error: unknown): void;
}

export interface MessengerCounters {
  /** Questions that wait for their answer. */
  readonly asksPending: number;
  /** Answers that wait for room in a full ring. */
  readonly answersWaiting: number;
  /** Answers that were given up because too many waited; their questions time out. */
  readonly answersDropped: number;
  /** Frames that were no messages, in an actor that lives on messages: dropped. */
  readonly unhandled: number;
}

export interface MessengerOptions {
  readonly clock: Clock;
  linkTo(peer: ActorId): LinkWriter | undefined;
  /** Told and asked messages; without it they are refused. */
  readonly receive?: (delivered: Delivered) => void;
}

interface Pending {
  readonly peer: ActorId;
  readonly incarnation: number;
  settle(): void;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface WaitingAnswer {
  readonly peer: ActorId;
  readonly incarnation: number;
  readonly kind: number;
  readonly correlationId: number;
  readonly body: Buffer;
}

/** This many questions of one actor may be open. */
const asksMax = 65_536;
/** This many answers of one actor may wait for room. */
const answersWaitingMax = 4_096;
const askTimeoutMs = 5_000;

export class Messenger {
  readonly #clock: Clock;
  readonly #linkTo: (peer: ActorId) => LinkWriter | undefined;
  readonly #pending = new Map<number, Pending>();
  #receive: ((delivered: Delivered) => void) | undefined;
  readonly #waiting = new Map<ActorId, WaitingAnswer[]>();
  #answersWaiting = 0;
  #answersDropped = 0;
  #unhandled = 0;
  #lastId = 0;
  #closed: RaftError | undefined;

  constructor({ clock, linkTo, receive }: MessengerOptions) {
    this.#clock = clock;
    this.#linkTo = linkTo;
    this.#receive = receive;
  }

  /** Who takes what is told and asked from now on. */
  onReceive(receive: (delivered: Delivered) => void): void {
    this.#receive = receive;
  }

  get counters(): MessengerCounters {
    return {
      asksPending: this.#pending.size,
      answersWaiting: this.#answersWaiting,
      answersDropped: this.#answersDropped,
      unhandled: this.#unhandled,
    };
  }

  /**
   * Sends a message that is not answered; false when the actor is down or its ring is full.
   *
   * Throws `RAFT_VALUE_NOT_CLONEABLE`, `RAFT_VALUE_TOO_LARGE`, and `RAFT_UNKNOWN_NODE` when the two
   * are not connected.
   */
  tell<H>(ref: ActorRef<H>, message: MessageTo<H>): boolean {
    if (this.#closed) throw this.#closed;
    const link = this.#link(ref.actor);
    if (link.send('bulk', messageKinds.tell, encode(message))) return true;
    if (link.refusal === 'too-large') throw tooLarge(ref.actor);
    return false;
  }

  /**
   * Sends a message and resolves to its answer.
   *
   * Rejects with what the handler threw; with `RAFT_NODE_DOWN` at once when the actor is down or
   * dies, `RAFT_OVERLOADED` when its ring is full or too many questions are open, `RAFT_TIMEOUT`,
   * the signal's reason, `RAFT_STOPPED` when this side is disposed; and like `tell`.
   */
  async ask<H, const M extends MessageTo<H>>(
    ref: ActorRef<H>,
    message: M,
    { timeoutMs = askTimeoutMs, signal }: AskOptions = {},
  ): Promise<AnswerTo<H, M>> {
    if (this.#closed) throw this.#closed;
    signal?.throwIfAborted();
    if (!(timeoutMs > 0)) throw invalidTimeout(timeoutMs);
    const link = this.#link(ref.actor);
    const id = this.#nextId();
    if (!link.send('bulk', messageKinds.ask, encode(message), id)) throw refused(link);
    const answer = this.#wait(id, ref.actor, link.destinationIncarnation, timeoutMs, signal);
    return (await answer) as AnswerTo<H, M>;
  }

  /** Takes a frame of a message; false when the frame is none. The frame is not kept. */
  accept(frame: Frame): boolean {
    switch (frame.kind) {
      case messageKinds.tell:
      case messageKinds.ask:
        this.#deliver(frame);
        return true;
      case messageKinds.answer:
        this.#settle(frame)?.resolve(decode(frame));
        return true;
      case messageKinds.failure:
        this.#settle(frame)?.reject(unpackError(decode(frame) as ErrorRecord));
        return true;
      default:
        return false;
    }
  }

  countUnhandled(): void {
    this.#unhandled += 1;
  }

  /** Sends the answers that found their ring full; true when one could be sent. */
  flush(): boolean {
    let sent = 0;
    for (const [peer, waiting] of this.#waiting) {
      const left = waiting.findIndex((answer) => this.#send(answer) === 'full');
      sent += left < 0 ? waiting.length : left;
      if (left < 0) this.#waiting.delete(peer);
      else waiting.splice(0, left);
    }
    this.#answersWaiting -= sent;
    return sent > 0;
  }

  /** Nobody who died answers any more. */
  peerDown({ actor, incarnation }: DownNotice): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.peer === actor && pending.incarnation <= incarnation) {
        pending.reject(nodeDown(`actor ${actor}`));
      }
    }
  }

  /** Rejects what is open, and what comes, with `error`. */
  close(error: RaftError): void {
    if (this.#closed) return;
    this.#closed = error;
    for (const pending of [...this.#pending.values()]) pending.reject(error);
    this.#waiting.clear();
    this.#answersWaiting = 0;
  }

  #link(peer: ActorId): LinkWriter {
    const link = this.#linkTo(peer);
    if (link) return link;
    throw new RaftError('RAFT_UNKNOWN_NODE', `no link leads to actor ${peer}; connect it first`, {
      details: { outcome: 'rejected', nodeId: `actor ${peer}` },
    });
  }

  #nextId(): number {
    if (this.#pending.size >= asksMax) {
      throw overloaded(`${asksMax} questions are open`);
    }
    do this.#lastId = this.#lastId >= 0x7fffffff ? 1 : this.#lastId + 1;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  #wait(
    id: number,
    peer: ActorId,
    incarnation: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const abort = (): void => pending.reject(signal?.reason);
      const timer: Timer = this.#clock.setTimer(timeoutMs, () => {
        pending.reject(timedOut(peer, timeoutMs));
      });
      const pending: Pending = {
        peer,
        incarnation,
        settle: () => {
          this.#pending.delete(id);
          signal?.removeEventListener('abort', abort);
          timer[Symbol.dispose]();
        },
        resolve: (value) => {
          pending.settle();
          resolve(value);
        },
        reject: (error) => {
          pending.settle();
          reject(error);
        },
      };
      this.#pending.set(id, pending);
      signal?.addEventListener('abort', abort);
    });
  }

  /** The question of an answer, unless it was settled before. */
  #settle(frame: Frame): Pending | undefined {
    const pending = this.#pending.get(frame.correlationId);
    return pending?.peer === frame.source ? pending : undefined;
  }

  #deliver(frame: Frame): void {
    const peer = frame.source;
    const isAsked = frame.kind === messageKinds.ask;
    const incarnation = frame.sourceIncarnation;
    const { correlationId } = frame;
    const send = (kind: number, body: Buffer): void => {
      if (isAsked) this.#answer({ peer, incarnation, kind, correlationId, body });
    };
    const fail = (error: unknown): void => {
      send(messageKinds.failure, encodeFailure(error));
    };
    const answer = (value: unknown): void => {
      const body = tryEncode(value);
      if (body instanceof RaftError) fail(body);
      else send(messageKinds.answer, body);
    };
    if (this.#receive) {
      this.#receive({ message: decode(frame), sender: peer, isAsked, answer, fail });
    } else {
      fail(refusedMessage());
    }
  }

  /** Answers of one link keep their order: none overtakes one that waits. */
  #answer(answer: WaitingAnswer): void {
    const waiting = this.#waiting.get(answer.peer);
    if (waiting === undefined && this.#send(answer) !== 'full') return;
    if (this.#answersWaiting >= answersWaitingMax) {
      this.#answersDropped += 1;
      return;
    }
    this.#answersWaiting += 1;
    if (waiting) waiting.push(answer);
    else this.#waiting.set(answer.peer, [answer]);
  }

  #send(answer: WaitingAnswer): 'done' | 'full' {
    const { peer, incarnation, kind, correlationId, body } = answer;
    const link = this.#linkTo(peer);
    // Whoever asked is gone, and its questions with it: its successor must not hear the answer.
    if (link === undefined) return 'done';
    if (link.begin('bulk', kind, body.length, correlationId, incarnation)) {
      link.bytes.set(body, link.offset);
      link.end(body.length);
      return 'done';
    }
    if (link.refusal === 'too-large' && kind === messageKinds.answer) {
      const failure = encodeFailure(tooLarge(peer));
      return this.#send({ ...answer, kind: messageKinds.failure, body: failure });
    }
    return link.refusal === 'full' ? 'full' : 'done';
  }
}
