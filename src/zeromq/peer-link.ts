/**
 * Frames between nodes as messages of the broker, and back.
 *
 *     {"type": "requestVote", "destination": "node-2", "source": "node-1", "term": 3, …}
 *
 * The fields are those of `replica/message-record.ts`. A request that waits for its answer, a
 * `redirectSet`, is numbered anew in each life of a node, so its number travels as `LIFE.NUMBER`:
 * an answer that a partition held back while the node was started again finds nobody.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import { type MessageRecord, type RecordFields, recordOf } from '../replica/message-record.js';
import { frameOfRecord } from '../replica/record-frame.js';
import type { Member } from '../replica/replica.js';
import { clientFrame } from '../store/protocol.js';
import { frameOf } from './frame-channel.js';
import { answerFields, answerFrame } from './redirect-answer.js';

export interface PeerLinkOptions {
  readonly self: Member;
  readonly members: readonly Member[];
  /** Differs between two lives of one node. */
  readonly life: string;
}

/** Redirected requests that this node has yet to answer; the oldest are forgotten beyond it. */
const openMax = 65_536;

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #names: ReadonlyMap<ActorId, string>;
  readonly #actors: ReadonlyMap<string, ActorId>;
  /** The number that a peer gave its request, by the number that it has here. */
  readonly #open = new Map<number, string>();
  #nextId = 1;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#names = new Map(options.members.map(({ id, actor }) => [actor, id]));
    this.#actors = new Map(options.members.map(({ id, actor }) => [id, actor]));
  }

  /** What to send for a frame; `undefined` for one that is not for a peer. */
  messageOf(frame: Frame): RecordFields | undefined {
    const destination = this.#names.get(frame.destination);
    const record = recordOf(frame);
    if (destination === undefined || record === undefined) return undefined;
    const { type, fields } = record;
    const source = this.#options.self.id;
    const answer = frame.kind === clientFrame.writeReply ? answerFields(frame) : {};
    return { type, destination, source, ...fields, ...this.#numberSent(frame), ...answer };
  }

  /**
   * The frame that a message stands for; `undefined` for one of an unknown type or sender, or that
   * answers another life. Throws `RAFT_INVALID_OPTION` for a field that is missing or wrong.
   */
  frameOf(message: RecordFields): Frame | undefined {
    const { type, destination: _destination, source: from, ...fields } = message;
    const source = typeof from === 'string' ? this.#actors.get(from) : undefined;
    if (source === undefined || source === this.#options.self.actor) return undefined;
    const record = { type: String(type), fields };
    const id = this.#numberReceived(record);
    if (id === undefined) return undefined;
    const numbered = { ...fields, ...id };
    const bare =
      type === 'redirectSetResponse'
        ? answerFrame(numbered)
        : frameOfRecord({ ...record, fields: numbered });
    if (bare === undefined) return undefined;
    const body = Buffer.from(bare.body);
    const destination = this.#options.self.actor;
    return frameOf(bare, { source, destination, body });
  }

  #numberSent({ kind, correlationId }: Frame): RecordFields {
    if (kind === clientFrame.redirectWrite) return { id: `${this.#options.life}.${correlationId}` };
    if (kind !== clientFrame.writeReply && kind !== clientFrame.refusal) return {};
    const id = this.#open.get(correlationId) ?? null;
    this.#open.delete(correlationId);
    return { id };
  }

  #numberReceived({ type, fields }: MessageRecord): RecordFields | undefined {
    if (type === 'redirectSet') return { id: this.#remember(String(fields['id'])) };
    if (type !== 'redirectSetResponse') return {};
    const [life, id] = String(fields['id']).split('.');
    return life === this.#options.life ? { id: Number(id) } : undefined;
  }

  #remember(theirs: string): number {
    const id = this.#nextId;
    this.#nextId = id >= 0x7fffffff ? 1 : id + 1;
    this.#open.set(id, theirs);
    const [oldest] = this.#open.keys();
    if (this.#open.size > openMax && oldest !== undefined) this.#open.delete(oldest);
    return id;
  }
}
