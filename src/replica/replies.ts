/**
 * Answers on their way to who asked. An answer that finds no room waits here, in order, and the
 * client that does not read its answers is not read either until it has taken them.
 */
import type { Lane } from '../actor/link.js';
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { RefusalReason } from '../store/protocol.js';
import { clientFrame, noActor, refusalBytes, refusalCode } from '../store/protocol.js';
import type { Exchange } from './channel.js';

/** Who is to be answered, and under which id. */
export interface Origin {
  readonly actor: ActorId;
  /**
   * The life of it that asked; 0: whichever lives. Each life begins to count its requests anew: the
   * answer to an earlier one would pass for that to another request.
   */
  readonly incarnation: number;
  readonly requestId: number;
}

interface Waiting {
  readonly lane: Lane;
  readonly kind: number;
  readonly origin: Origin;
  readonly body: Uint8Array;
}

/** Whoever sent this frame, as one who waits for the answer to it. */
export function originOf({ source, sourceIncarnation, correlationId }: Frame): Origin {
  return { actor: source, incarnation: sourceIncarnation, requestId: correlationId };
}

/** Well below the largest frame of a control ring, which is half of 64 KiB. */
const controlAnswerBytesMax = 2 ** 14;

/** Where the answer to a write goes: results of a machine of the user's may make it long. */
export function laneOf(byteLength: number): Lane {
  return byteLength <= controlAnswerBytesMax ? 'control' : 'bulk';
}

const refusalBody = Buffer.alloc(refusalBytes);

export class Replies {
  readonly #exchange: Exchange;
  /** Whether a source may be held: clients may, nodes must always be heard. */
  readonly #mayHold: (actor: ActorId) => boolean;
  readonly #waiting = new Map<ActorId, Waiting[]>();

  constructor(exchange: Exchange, mayHold: (actor: ActorId) => boolean) {
    this.#exchange = exchange;
    this.#mayHold = mayHold;
  }

  /** Answers still waiting for room. */
  get size(): number {
    let size = 0;
    for (const queue of this.#waiting.values()) size += queue.length;
    return size;
  }

  send(origin: Origin, lane: Lane, kind: number, body: Uint8Array): void {
    const { actor } = origin;
    const queue = this.#waiting.get(actor);
    if (queue === undefined && this.#trySend({ lane, kind, origin, body })) return;
    // The body may be a scratch that is used again, so what waits is a copy; the slice of a Buffer
    // would be none.
    const waiting = { lane, kind, origin, body: new Uint8Array(body) };
    if (queue) queue.push(waiting);
    else this.#waiting.set(actor, [waiting]);
    if (this.#mayHold(actor)) this.#exchange.hold(actor);
  }

  refuse(origin: Origin, reason: RefusalReason, leader: ActorId | undefined): void {
    const { kind, body } = refusalOf(reason, leader);
    this.send(origin, 'control', kind, body);
  }

  /** Sends what has room by now. */
  flush(): void {
    for (const [actor, queue] of this.#waiting) {
      let sent = 0;
      for (const waiting of queue) {
        if (!this.#trySend(waiting)) break;
        sent += 1;
      }
      queue.splice(0, sent);
      if (queue.length > 0) continue;
      this.#waiting.delete(actor);
      this.#exchange.unhold(actor);
    }
  }

  forget(actor: ActorId): void {
    this.#waiting.delete(actor);
  }

  /** True when it was sent, or when nobody is there to receive it any more. */
  #trySend({ lane, kind, origin, body }: Waiting): boolean {
    const { actor, incarnation, requestId } = origin;
    const channel = this.#exchange.channel(actor);
    if (channel === undefined) return true;
    if (channel.begin(lane, kind, body.length, requestId, incarnation)) {
      channel.bytes.set(body, channel.offset);
      channel.end(body.length);
      return true;
    }
    if (channel.refusal !== 'too-large') return channel.refusal !== 'full';
    // What cannot be said is not passed over in silence: who asked would wait for it.
    const isRead = kind === clientFrame.readReply;
    const refusal = refusalOf(isRead ? 'answer-too-large' : 'in-doubt', undefined);
    return this.#trySend({ lane: 'control', ...refusal, origin });
  }
}

/** Good until the next one. */
function refusalOf(
  reason: RefusalReason,
  leader: ActorId | undefined,
): Pick<Waiting, 'kind' | 'body'> {
  refusalBody.writeUInt32LE(refusalCode[reason], 0);
  refusalBody.writeUInt32LE(leader ?? noActor, 4);
  return { kind: clientFrame.refusal, body: refusalBody };
}
