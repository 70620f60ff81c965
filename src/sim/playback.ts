/**
 * Plays back what was recorded on threads: each node takes in the same frames, ticks and calls in
 * the same turns, and after each turn has to be what it was.
 *
 * Tapes of a whole cluster are played in the order of their times, and the ledger watches: one
 * leader per term, log matching, leader completeness, commits that never change, equal states.
 */
import type { Frame } from '../actor/mailbox.js';
import { type BootedReplica, bootReplica } from '../replica/boot.js';
import type { Channel, Exchange } from '../replica/channel.js';
import {
  type BeginRecord,
  restoreImage,
  stateOf,
  type TapedFrame,
  type TapeRecord,
} from '../replica/tape.js';
import { createMemory, openMemoryStorage, type Storage } from '../storage/index.js';
import { Ledger } from './ledger.js';

/** A record, and on which line of which tape it stands. */
export interface TapedLine {
  readonly tape: string;
  /** From 1. */
  readonly line: number;
  readonly record: TapeRecord;
}

/** Where the node that is played back is not what it was. */
export interface Departure {
  readonly tape: string;
  readonly line: number;
  /** What differs, or the invariant that broke. */
  readonly text: string;
}

export interface PlaybackResult {
  /** The first one; the playback ends with it. */
  readonly departure: Departure | undefined;
  readonly turns: number;
  readonly frames: number;
  readonly elections: number;
  readonly commitIndex: number;
  /** Turns after which the whole state was compared, too. */
  readonly digests: number;
}

/** Plays lines, which are in the order in which they happened. */
export async function playBack(
  lines: Iterable<TapedLine> | AsyncIterable<TapedLine>,
): Promise<PlaybackResult> {
  const playback = new Playback();
  for await (const line of lines) {
    playback.play(line);
    if (playback.result.departure !== undefined) break;
  }
  return playback.result;
}

class Playback {
  readonly #players = new Map<string, Player>();
  readonly #ledger: Ledger;
  readonly #counts = { turns: 0, frames: 0, digests: 0 };
  #departure: Departure | undefined;
  #current: TapedLine | undefined;

  constructor() {
    this.#ledger = new Ledger((invariant, text) => this.#depart(`${invariant}: ${text}`));
  }

  get result(): PlaybackResult {
    const { elections, commitIndex } = this.#ledger;
    return { departure: this.#departure, ...this.#counts, elections, commitIndex };
  }

  play(line: TapedLine): void {
    this.#current = line;
    try {
      this.#play(line);
    } catch (error) {
      this.#depart(`the node threw ${error instanceof Error ? error.message : error}`);
    }
  }

  #play({ tape, record }: TapedLine): void {
    if (record.kind === 'begin') {
      this.#players.set(tape, new Player(record, this.#ledger));
      return;
    }
    if (record.kind === 'end') return;
    const player = this.#players.get(tape);
    if (player === undefined) throw new RangeError('the tape does not begin with a beginning');
    if (record.kind === 'call') {
      player.call(record);
      return;
    }
    this.#counts.turns += 1;
    this.#counts.frames += record.frames.length;
    const state = player.turn(record);
    if (state !== record.state) {
      this.#depart(`is '${state}'; it was '${record.state}'`);
    } else if (record.digest !== undefined) {
      this.#counts.digests += 1;
      const digest = player.digest();
      if (digest !== record.digest) this.#depart(`has state ${digest}; it was ${record.digest}`);
    }
  }

  #depart(text: string): void {
    if (this.#departure !== undefined || this.#current === undefined) return;
    this.#departure = { tape: this.#current.tape, line: this.#current.line, text };
  }
}

/** One life of a node, played back. */
class Player {
  readonly #booted: BootedReplica;
  readonly #begin: BeginRecord;
  readonly #ledger: Ledger;
  readonly #channel: PlayedChannel;
  readonly #storage: Storage;
  #commitIndex = 0;
  #lastApplied = 0;

  constructor(begin: BeginRecord, ledger: Ledger) {
    const { record, incarnation, clients, sizes, image } = begin;
    this.#begin = begin;
    this.#ledger = ledger;
    this.#storage = this.#open(openMemoryStorage(createMemory(sizes)));
    restoreImage(this.#storage, image);
    this.#channel = new PlayedChannel(record.limits.entryBytesMax);
    this.#channel.script(begin.attempts);
    const exchange: Exchange = {
      channel: () => this.#channel.next(),
      hold: () => {},
      unhold: () => {},
    };
    this.#booted = bootReplica(record, {
      incarnation,
      storage: this.#storage,
      exchange,
      clients,
      onLeadership: () => {},
      onDurable: () => {},
    });
    this.#channel.isSpent();
  }

  call({ deed, attempts }: Extract<TapeRecord, { kind: 'call' }>): void {
    const { raft, replica } = this.#booted;
    this.#channel.script(attempts);
    if (deed.kind === 'attach') replica.attachClient(deed.peer);
    else if (deed.kind === 'detach') replica.detachClient(deed.peer);
    else if (deed.kind === 'transfer') raft.transferLeadership(deed.to);
    else raft.campaign();
    this.#channel.isSpent();
  }

  /** Does the turn and tells what the node is then. */
  turn({ frames, ticks, attempts }: Extract<TapeRecord, { kind: 'turn' }>): string {
    const { replica } = this.#booted;
    this.#channel.script(attempts);
    for (const frame of frames) replica.receive(this.#frameOf(frame));
    if (ticks > 0) replica.tick(ticks);
    replica.flush();
    this.#channel.isSpent();
    this.#watch();
    return stateOf(this.#booted);
  }

  digest(): string {
    return this.#booted.machine.digest();
  }

  #watch(): void {
    const { raft, replica, machine } = this.#booted;
    const { id } = this.#begin.record.self;
    const ledger = this.#ledger;
    if (raft.role === 'leader') ledger.lead(id, raft.currentTerm, this.#storage);
    for (let index = this.#commitIndex + 1; index <= raft.commitIndex; index += 1) {
      const term = raft.termAt(index);
      if (term !== undefined) ledger.commit(id, { index, term }, raft.currentTerm);
    }
    this.#commitIndex = raft.commitIndex;
    if (replica.lastApplied === this.#lastApplied) return;
    this.#lastApplied = replica.lastApplied;
    if (this.#lastApplied % indexesPerDigest === 0) {
      ledger.apply(id, this.#lastApplied, machine.digest());
    }
  }

  #open(storage: Storage): Storage {
    const { id } = this.#begin.record.self;
    const append = storage.append.bind(storage);
    storage.append = (entries) => {
      this.#ledger.append(id, entries, storage);
      return append(entries);
    };
    return storage;
  }

  #frameOf({ body, ...frame }: TapedFrame): Frame {
    // A buffer of its own that is aligned as a ring is: views of it may be kept until the flush.
    const length = Buffer.byteLength(body, 'base64');
    const bytes = Buffer.from(new ArrayBuffer((length + 7) & ~7));
    bytes.write(body, 'base64');
    const destination = this.#begin.record.self.actor;
    return { ...frame, destination, bytes, start: 0, end: length };
  }
}

/** The state of a live cluster may be large, and so its digest dear. */
const indexesPerDigest = 64;

const refusals = { f: 'full', d: 'dead', t: 'too-large' } as const;

/** Takes what is sent and forgets it; has room exactly when there was room. */
class PlayedChannel implements Channel {
  bytes: Buffer;
  readonly offset = 0;
  refusal: 'full' | 'dead' | 'too-large' = 'full';
  #attempts = '';
  #next = 0;

  constructor(bytesMax: number) {
    this.bytes = Buffer.alloc(2 * bytesMax);
  }

  /** What becomes of the attempts to send that come now. */
  script(attempts: string): void {
    this.#attempts = attempts;
    this.#next = 0;
  }

  /** The channel, unless there was none. */
  next(): Channel | undefined {
    if (this.#attempts[this.#next] !== 'u') return this;
    this.#next += 1;
    return undefined;
  }

  begin(_lane: unknown, _kind: number, bodyBytesMax: number): boolean {
    const letter = this.#attempts[this.#next];
    if (letter === undefined) throw new RangeError('it sends more than it did');
    this.#next += 1;
    if (letter !== '.') {
      this.refusal = refusals[letter as keyof typeof refusals] ?? 'full';
      return false;
    }
    if (this.bytes.length < bodyBytesMax) this.bytes = Buffer.alloc(2 * bodyBytesMax);
    return true;
  }

  end(_bodyBytes: number): void {}

  /** Throws unless everything was sent that had been. */
  isSpent(): void {
    if (this.#next < this.#attempts.length) throw new RangeError('it sends less than it did');
  }
}
