/**
 * The tape of a node: everything that one life of it took in, in the order in which it did, and
 * what became of it. Played back it gives the same node again, turn by turn.
 *
 *     begin   what it was started with, and what its storage held then
 *     turn    the frames of a drain, the ticks that passed, which frames found no room; and then
 *             what the node was: term, role, leader, commit and applied index, now and then the
 *             digest of its state
 *     call    something that was asked of it between two turns
 *     end     it was closed; a life that was cut off has none
 *
 * What the node draws follows from its seed, so it is not on the tape. tape-file.ts has the lines.
 */
import type { Lane } from '../actor/link.js';
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Entry, HardState, NodeId } from '../raft/index.js';
import type { Storage } from '../storage/storage.js';
import type { BootedReplica, ReplicaRecord } from './boot.js';
import type { Channel, Exchange } from './channel.js';

/** What a storage held. Bytes are base64. */
export interface StorageImage {
  readonly hardState: HardState;
  readonly firstIndex: number;
  readonly termBeforeFirst: number;
  readonly entries: readonly (Omit<Entry, 'payload'> & { readonly payload: string })[];
  readonly snapshot?: { readonly index: number; readonly term: number; readonly bytes: string };
}

export interface TapedFrame {
  readonly source: ActorId;
  readonly sourceIncarnation: number;
  readonly kind: number;
  readonly lane: Lane;
  readonly correlationId: number;
  readonly body: string;
}

/** What was asked of a node between two turns. */
export type TapedDeed =
  | { readonly kind: 'attach' | 'detach'; readonly peer: ActorId }
  | { readonly kind: 'transfer'; readonly to: NodeId }
  | { readonly kind: 'campaign' };

/** Of the attempts to send, in order: sent, full, dead, too large, or nobody there. */
export type Attempts = string;

export type TapeRecord =
  | {
      readonly kind: 'begin';
      readonly format: typeof tapeFormat;
      /** Of the cluster: tapes of two runs do not fit together. */
      readonly run: string;
      readonly atMs: number;
      readonly record: ReplicaRecord;
      readonly incarnation: number;
      readonly clients: readonly ActorId[];
      readonly sizes: TapedSizes;
      readonly image: StorageImage;
      readonly attempts: Attempts;
    }
  | { readonly kind: 'call'; readonly deed: TapedDeed; readonly attempts: Attempts }
  | {
      readonly kind: 'turn';
      readonly atMs: number;
      readonly frames: readonly TapedFrame[];
      readonly ticks: number;
      readonly attempts: Attempts;
      readonly state: string;
      /** Of the state machine. */
      readonly digest?: string;
    }
  | { readonly kind: 'end'; readonly atMs: number };

/** How the records look; what has another number is refused. */
export const tapeFormat = 1;

export type BeginRecord = Extract<TapeRecord, { kind: 'begin' }>;

/** Of the storage that the tape was made on. */
export interface TapedSizes {
  readonly logBytesMax: number;
  readonly entryBytesMax: number;
  readonly entriesMax: number;
  readonly snapshotBytesMax: number;
}

/** A digest is taken in every so manieth turn: it costs as much as the state is large. */
const turnsPerDigest = 16;

const letters = { full: 'f', dead: 'd', 'too-large': 't' } as const;

/** What a node is, in one line. */
export function stateOf({ raft, replica }: BootedReplica): string {
  const { currentTerm, role, leaderId = '-', commitIndex, lastLogIndex } = raft;
  return `${currentTerm} ${role} ${leaderId} ${commitIndex} ${lastLogIndex} ${replica.lastApplied}`;
}

/** Writes the tape of one life. */
export class Tape {
  readonly #write: (record: TapeRecord) => void;
  readonly #nowMs: () => number;
  #frames: TapedFrame[] = [];
  #attempts = '';
  #turns = 0;
  #state = '';

  constructor(write: (record: TapeRecord) => void, nowMs: () => number) {
    this.#write = write;
    this.#nowMs = nowMs;
  }

  /** Lets the tape see whether what is sent finds room. */
  exchange(exchange: Exchange): Exchange {
    return {
      channel: (to) => {
        const channel = exchange.channel(to);
        if (channel !== undefined) return this.#channel(channel);
        this.#attempts += 'u';
        return undefined;
      },
      hold: (source) => exchange.hold(source),
      unhold: (source) => exchange.unhold(source),
    };
  }

  /** The first record; `image` is what the storage held before the node was opened on it. */
  begin(fields: Omit<BeginRecord, 'kind' | 'format' | 'atMs' | 'attempts'>): void {
    const atMs = this.#nowMs();
    const attempts = this.#takeAttempts();
    this.#write({ kind: 'begin', format: tapeFormat, atMs, ...fields, attempts });
  }

  /** A frame that the node is about to receive. */
  frame({ source, sourceIncarnation, kind, lane, correlationId, bytes, start, end }: Frame): void {
    const body = bytes.toString('base64', start, end);
    this.#frames.push({ source, sourceIncarnation, kind, lane, correlationId, body });
  }

  /** Something was asked of the node, and done. */
  call(deed: TapedDeed): void {
    this.#write({ kind: 'call', deed, attempts: this.#takeAttempts() });
  }

  /** A turn has ended. One in which nothing happened is left out. */
  turn(ticks: number, node: BootedReplica): void {
    const frames = this.#frames;
    this.#frames = [];
    const attempts = this.#takeAttempts();
    const state = stateOf(node);
    const isEmpty = frames.length === 0 && ticks === 0 && attempts === '';
    if (isEmpty && state === this.#state) return;
    this.#state = state;
    this.#turns += 1;
    const isCompared = this.#turns % turnsPerDigest === 0;
    const digest = isCompared ? { digest: node.machine.digest() } : {};
    this.#write({ kind: 'turn', atMs: this.#nowMs(), frames, ticks, attempts, state, ...digest });
  }

  /** The node is closed: nothing was cut off. */
  end(): void {
    this.#write({ kind: 'end', atMs: this.#nowMs() });
  }

  #channel(channel: Channel): Channel {
    const begin: Channel['begin'] = (...frame) => {
      const isBegun = channel.begin(...frame);
      this.#attempts += isBegun ? '.' : letters[channel.refusal];
      return isBegun;
    };
    return {
      get bytes() {
        return channel.bytes;
      },
      get offset() {
        return channel.offset;
      },
      get refusal() {
        return channel.refusal;
      },
      begin,
      end: (bodyBytes) => channel.end(bodyBytes),
    };
  }

  #takeAttempts(): Attempts {
    const attempts = this.#attempts;
    this.#attempts = '';
    return attempts;
  }
}

/** Copies out what a storage holds. */
export function imageOf(storage: Storage): StorageImage {
  const snapshot = storage.loadSnapshot();
  return {
    hardState: storage.hardState,
    firstIndex: storage.firstIndex,
    termBeforeFirst: storage.termAt(storage.firstIndex - 1) ?? 0,
    entries: storage.headers().map((header) => {
      const { bytes, start, end } = storage.payload(header.index);
      return { ...header, payload: bytes.toString('base64', start, end) };
    }),
    ...(snapshot === undefined
      ? {}
      : {
          snapshot: {
            index: snapshot.index,
            term: snapshot.term,
            bytes: Buffer.from(snapshot.bytes).toString('base64'),
          },
        }),
  };
}

/** Fills an empty storage with what another one held. */
export function restoreImage(storage: Storage, image: StorageImage): void {
  const { hardState, firstIndex, termBeforeFirst, entries, snapshot } = image;
  storage.saveHardState(hardState);
  if (firstIndex > 1) {
    // A base to append to; the newest snapshot, which covers more, replaces it.
    const base = { index: firstIndex - 1, term: termBeforeFirst };
    const isNewest = snapshot?.index === base.index;
    const bytes = isNewest ? Buffer.from(snapshot.bytes, 'base64') : new Uint8Array(0);
    storage.saveSnapshot({ ...base, bytes });
  }
  storage.append(
    entries.map((entry) => ({ ...entry, payload: Buffer.from(entry.payload, 'base64') })),
  );
  if (snapshot === undefined) return;
  storage.saveSnapshot({ ...snapshot, bytes: Buffer.from(snapshot.bytes, 'base64') });
}
