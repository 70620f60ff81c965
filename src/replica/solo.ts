/**
 * The same store on one thread without consensus: what the benchmark compares with. The client,
 * its frames, the state machine and the answers are those of a replica; only Raft is not there.
 */
import { runActor } from '../actor/actor.js';
import type { ActorContext, Behavior } from '../actor/context.js';
import type { Frame } from '../actor/mailbox.js';
import { clientFrame, leaderHintBytes, readHeaderBytes } from '../store/protocol.js';
import { type StoreOptions, StoreStateMachine } from '../store/store-state-machine.js';
import { answerRead, fragmentBytesMaxOf } from './read-answer.js';
import { originOf, Replies } from './replies.js';
import { ReplySink } from './reply-sink.js';

/** Its links have the rings of the actor runtime's default. */
const fragmentBytesMax = fragmentBytesMaxOf(2 ** 20);

export interface SoloRecord {
  readonly store: StoreOptions;
}

/** Ends only with the thread. */
export function runSolo(): Promise<void> {
  return runActor<SoloRecord>((context) => new Solo(context));
}

class Solo implements Behavior {
  readonly #context: ActorContext<SoloRecord>;
  readonly #machine: StoreStateMachine;
  readonly #replies: Replies;
  readonly #sink: ReplySink;
  #lastApplied = 0;

  constructor(context: ActorContext<SoloRecord>) {
    this.#context = context;
    this.#machine = new StoreStateMachine(context.data.store);
    const exchange = {
      channel: (to: number) => context.link(to),
      hold: (source: number) => context.mailbox.hold(source),
      unhold: (source: number) => context.mailbox.unhold(source),
    };
    this.#replies = new Replies(exchange, () => true);
    this.#sink = new ReplySink(this.#replies);
    for (const peer of context.peers()) this.linkAttached(peer);
  }

  turn(): boolean {
    const { mailbox } = this.#context;
    const frames = mailbox.drain(this.#receive);
    mailbox.release();
    this.#replies.flush();
    return frames > 0;
  }

  linkAttached(peer: number): void {
    const body = Buffer.alloc(leaderHintBytes);
    body.writeUInt32LE(this.#context.id, 0);
    this.#replies.send(
      { actor: peer, incarnation: 0, requestId: 0 },
      'control',
      clientFrame.leaderHint,
      body,
    );
  }

  readonly #receive = (frame: Frame): void => {
    const origin = originOf(frame);
    if (frame.kind === clientFrame.write) {
      this.#lastApplied += 1;
      this.#machine.apply(frame, this.#lastApplied, this.#sink.for([origin]));
    } else if (frame.kind === clientFrame.read) {
      const batch = { bytes: frame.bytes, start: frame.start + readHeaderBytes, end: frame.end };
      const options = { index: this.#lastApplied, fragmentBytesMax };
      answerRead(this.#machine, { ...origin, batch }, options, this.#replies);
    }
  };
}
