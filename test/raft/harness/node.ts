/**
 * One core with everything that a caller owes it: a disk that survives a crash and may be slow, a
 * state machine that writes down what it applies, and an outlet for messages.
 */
import {
  type Entry,
  type EntryHeader,
  type HardState,
  type InstallSnapshot,
  type Message,
  type NodeId,
  type OutboundMessage,
  Raft,
  type RaftOptions,
  type Ready,
  type SnapshotPart,
} from '../../../src/raft/index.js';

export type Settings = Partial<
  Omit<RaftOptions, 'id' | 'configuration' | 'hardState' | 'log' | 'applied' | 'incarnation'>
>;

export interface NodeOptions extends Settings {
  readonly id?: NodeId;
  readonly voters?: readonly NodeId[];
  readonly outgoing?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  /** Terms of the entries that the node finds on its disk. */
  readonly terms?: readonly number[];
  /** What the log was compacted to. */
  readonly base?: { readonly index: number; readonly term: number };
  readonly hardState?: HardState;
  /** What the state machine finds applied when the node starts. */
  readonly applied?: number;
  readonly send?: (message: Message) => void;
  readonly onReady?: (node: TestNode, ready: Ready) => void;
}

export interface Applied {
  readonly index: number;
  readonly term: number;
  readonly text: string;
}

interface Disk {
  hardState: HardState;
  base: { index: number; term: number };
  entries: Entry[];
}

interface Write {
  readonly batch: number;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly messages: readonly Message[];
  /** A snapshot that was received whole. */
  readonly snapshot: { readonly index: number; readonly term: number } | undefined;
}

/** Bytes of a part of a snapshot: small, so that there are several. */
const partBytes = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encode = (text: string): Uint8Array => encoder.encode(text);
export const decode = (payload: Uint8Array): string => decoder.decode(payload);

/** An entry as tests write it: the payload names it unless a text is given. */
export function entryAt(index: number, term: number, text: string = `${index}/${term}`): Entry {
  const payload = encode(text);
  return { index, term, kind: 'command', byteLength: payload.byteLength, payload };
}

/** Small numbers that are easy to count in: an election takes 10 to 19 ticks, a heartbeat 2. */
export const defaults: Required<
  Pick<RaftOptions, 'electionTicksMin' | 'electionTicksMax' | 'heartbeatTicks'>
> = { electionTicksMin: 10, electionTicksMax: 19, heartbeatTicks: 2 };

export class TestNode {
  readonly id: NodeId;
  readonly options: NodeOptions;
  /** What is on stable storage. */
  readonly disk: Disk;
  /** The log as a reader of the storage sees it, writes under way included. */
  log: Entry[];
  raft: Raft;
  /** Writes under way, oldest first. */
  writes: Write[] = [];
  /** Writes wait for `flush()`. */
  isDiskSlow = false;
  /** Most entries that are applied in one go; the rest waits for `apply()`. */
  applyMax: number = Number.POSITIVE_INFINITY;
  isRunning = true;
  incarnation = 0;
  /** What the state machine applied, in order, since the beginning of the log. */
  applied: Applied[] = [];
  /** Snapshots that were installed, over all lives. */
  installs = 0;
  #received = '';
  /** Confirmed reads, id to index; cleared by a crash. */
  readonly reads: Map<number, number> = new Map();
  readonly readsAborted: Set<number> = new Set();
  readonly #sent: Message[] = [];
  readonly #send: (message: Message) => void;

  constructor(options: NodeOptions = {}) {
    this.options = options;
    this.id = options.id ?? 'n1';
    const base = options.base ?? { index: 0, term: 0 };
    const terms = options.terms ?? [];
    const currentTerm = terms.at(-1) ?? base.term;
    this.disk = {
      hardState: options.hardState ?? { currentTerm },
      base,
      entries: terms.map((term, i) => entryAt(base.index + 1 + i, term)),
    };
    this.log = [...this.disk.entries];
    this.#send = options.send ?? ((message) => this.#sent.push(message));
    this.raft = this.#create(options.applied);
  }

  tick(count: number = 1, elapsedTicks: number = 1): void {
    for (let i = 0; i < count; i += 1) {
      this.raft.tick(elapsedTicks);
      this.run();
    }
  }

  step(...messages: Message[]): void {
    for (const message of messages) {
      this.raft.step(message);
      this.run();
    }
  }

  propose(text: string): ReturnType<Raft['propose']> {
    const result = this.raft.propose(encode(text));
    this.run();
    return result;
  }

  campaign(): void {
    this.raft.campaign();
    this.run();
  }

  transfer(to: NodeId): ReturnType<Raft['transferLeadership']> {
    const result = this.raft.transferLeadership(to);
    this.run();
    return result;
  }

  /** Asks for a read and returns its id; throws when refused. */
  read(): number {
    const result = this.raft.readIndex();
    if (!result.accepted) throw new Error(`read refused: ${result.reason}`);
    this.run();
    return result.readId;
  }

  /** Handles all batches that are due. */
  run(): void {
    while (this.isRunning && this.raft.hasReady()) this.#handle(this.raft.ready());
  }

  /** Completes writes, oldest first. */
  flush(count: number = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count && this.writes.length > 0; i += 1) this.#complete();
    this.run();
  }

  /** Applies what is committed, at most `applyMax` entries. */
  apply(): void {
    const from = (this.applied.at(-1)?.index ?? this.disk.base.index) + 1;
    const to = Math.min(this.raft.commitIndex, from + this.applyMax - 1);
    for (let index = from; index <= to; index += 1) {
      const entry = this.entry(index);
      if (entry === undefined) throw new Error(`${this.id} has no entry ${index} to apply`);
      this.applied.push({ index, term: entry.term, text: decode(entry.payload) });
    }
    if (to >= from) this.raft.applied(to);
  }

  /** Takes what was sent since the last call. */
  sent(): Message[] {
    return this.#sent.splice(0);
  }

  /** Ends the node; writes under way are lost, and with them what waited for them. */
  crash(): void {
    this.isRunning = false;
    this.writes = [];
    this.reads.clear();
    this.readsAborted.clear();
  }

  restart(): void {
    this.incarnation += 1;
    this.log = [...this.disk.entries];
    // The state machine starts again from what was compacted, which stands for its snapshot.
    this.applied = this.applied.filter(({ index }) => index <= this.disk.base.index);
    this.isRunning = true;
    this.raft = this.#create();
    this.run();
  }

  /** Compacts the log up to the index, which must be applied. */
  compact(index: number): void {
    const term = this.raft.termAt(index);
    if (term === undefined || index <= this.disk.base.index) return;
    this.raft.snapshotTaken(index, term);
    this.raft.compact(index);
    this.disk.base = { index, term };
    this.disk.entries = this.disk.entries.filter((entry) => entry.index > index);
    this.log = this.log.filter((entry) => entry.index > index);
  }

  /** The entry as storage gives it. */
  entry(index: number): Entry | undefined {
    const base = this.log[0]?.index ?? 0;
    return this.log[index - base];
  }

  /** Term of the entry that is on stable storage at the index. */
  durableTermAt(index: number): number | undefined {
    const { base, entries } = this.disk;
    if (index === base.index) return base.term;
    // What a snapshot stands for.
    if (index < base.index) return this.applied.find((entry) => entry.index === index)?.term;
    return entries[index - (entries[0]?.index ?? 0)]?.term;
  }

  /** The log as a line: terms of the entries. */
  get terms(): number[] {
    return this.log.map((entry) => entry.term);
  }

  /** The texts that were applied, without the empty entries that open a term. */
  get texts(): string[] {
    return this.applied.map(({ text }) => text).filter((text) => text !== '');
  }

  #create(applied?: number): Raft {
    const { voters = ['n1', 'n2', 'n3'], outgoing, learners = [] } = this.options;
    const { id: _, terms: __, base: ___, send: ____, onReady: _____, ...settings } = this.options;
    const { hardState, base, entries } = this.disk;
    const configuration = { voters, learners, ...(outgoing === undefined ? {} : { outgoing }) };
    return new Raft({
      ...defaults,
      drawElectionTicks: (min) => min,
      ...settings,
      id: this.id,
      configuration,
      hardState,
      log: { snapshotIndex: base.index, snapshotTerm: base.term, entries },
      incarnation: this.incarnation,
      applied: applied ?? base.index,
    });
  }

  #handle(ready: Ready): void {
    this.options.onReady?.(this, ready);
    const first = ready.entries[0]?.index;
    if (first !== undefined) {
      this.log = this.log.filter(({ index }) => index < first).concat(ready.entries.map(copyOf));
    }
    for (const message of ready.messages) this.#send(this.#withPayloads(message));
    this.writes.push({
      batch: ready.batch,
      hardState: ready.hardState,
      entries: ready.entries.map(copyOf),
      messages: ready.messagesAfterDurable.map((message) => this.#withPayloads(message)),
      snapshot: this.#receive(ready.snapshotParts),
    });
    if (!this.isDiskSlow) while (this.writes.length > 0) this.#complete();
    this.apply();
    for (const { readId, index } of ready.reads) this.reads.set(readId, index);
    for (const readId of ready.readsAborted) this.readsAborted.add(readId);
  }

  #complete(): void {
    const write = this.writes.shift();
    if (write === undefined) return;
    const { disk } = this;
    if (write.hardState !== undefined) disk.hardState = write.hardState;
    const first = write.entries[0]?.index;
    if (first !== undefined) {
      disk.entries = disk.entries.filter(({ index }) => index < first).concat(write.entries);
    }
    // The log may have been compacted as far meanwhile: what follows is all that is left of it.
    if (write.snapshot !== undefined && write.snapshot.index > disk.base.index) {
      disk.entries = behind(disk.entries, write.snapshot);
      disk.base = write.snapshot;
    }
    const last = disk.entries.at(-1) ?? disk.base;
    for (const message of write.messages) this.#send(message);
    this.raft.durable(last.index, last.term, write.batch);
  }

  /** Puts parts together; a whole snapshot becomes the state. */
  #receive(parts: Ready['snapshotParts']): Write['snapshot'] {
    let installed: Write['snapshot'];
    for (const part of parts) {
      this.#received = (part.offset === 0 ? '' : this.#received) + decode(part.bytes);
      if (!part.isLast) continue;
      installed = { index: part.snapshotIndex, term: part.snapshotTerm };
      this.applied = JSON.parse(this.#received);
      this.log = behind(this.log, installed);
      this.installs += 1;
      this.raft.installed(installed.index, installed.term);
    }
    return installed;
  }

  #withSnapshotPart(message: InstallSnapshot): SnapshotPart {
    const state = this.applied.filter(({ index }) => index <= message.snapshotIndex);
    const bytes = encode(JSON.stringify(state));
    const end = message.offset + partBytes;
    return { ...message, bytes: bytes.slice(message.offset, end), isLast: end >= bytes.length };
  }

  #withPayloads(message: OutboundMessage): Message {
    if (message.kind === 'install-snapshot') return this.#withSnapshotPart(message);
    if (message.kind !== 'append-entries') return Object.freeze({ ...message });
    return Object.freeze({ ...message, entries: message.entries.map((e) => this.#withPayload(e)) });
  }

  #withPayload({ index, term }: EntryHeader): Entry {
    const entry = this.entry(index);
    if (entry?.term !== term) throw new Error(`${this.id} lacks the payload of ${index}/${term}`);
    return copyOf(entry);
  }
}

/** The log behind a snapshot, if it goes on there (§7). */
function behind(log: readonly Entry[], { index, term }: { index: number; term: number }): Entry[] {
  const continues = log.some((entry) => entry.index === index && entry.term === term);
  return continues ? log.filter((entry) => entry.index > index) : [];
}

function copyOf(entry: Entry): Entry {
  return { ...entry, payload: entry.payload.slice() };
}
