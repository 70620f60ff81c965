/**
 * What travels together: the calls of one tick with the same options, encoded as they are made.
 *
 *     open ──seal──> queued ──send──> sent ──answer──> settled
 *                      ^               │ refusal, silence, death of the node
 *                      └───────────────┘
 *
 * The bytes stay with the client until the batch is settled, so that a repeat carries the same
 * bytes and the same serial numbers, and is applied once (dissertation §6.3).
 */
import type { NodeId } from '../raft/index.js';
import type { ClientRoute } from './client-route.js';
import type { ClientSession } from './client-session.js';
import { viewOf } from './command.js';
import type { Consistency, RefusalReason } from './protocol.js';
import type { Fragments } from './read-fragments.js';

export type Resolve = (value: unknown) => void;
export type Reject = (reason: unknown) => void;

export type BatchState = 'open' | 'queued' | 'sent' | 'settled';

/** Memory for an encoded batch; `view` covers the same bytes. */
export interface BatchMemory {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** What all calls of a batch have in common. */
export interface BatchTerms {
  readonly isRead: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Of a read. */
  readonly consistency: Consistency;
}

/** How the batch fared at one node, for the message of its failure. */
export interface LastWord {
  readonly nodeId: NodeId;
  /** `silent`: no answer came; `died`: the node did; `full`: the ring that leads to it was. */
  readonly reason: RefusalReason | 'silent' | 'died' | 'full';
}

export class Batch {
  readonly route: ClientRoute;
  readonly terms: BatchTerms;
  readonly deadlineMs: number;
  memory: BatchMemory;
  /** Length of the body: what is sent. */
  byteLength = 0;
  /** Commands or keys in the body. */
  commands = 0;
  state: BatchState = 'open';

  /** One of each for every call; `codes` says what was called (`op` of command.ts). */
  readonly resolves: Resolve[] = [];
  readonly rejects: Reject[] = [];
  readonly codes: number[] = [];
  /** One call made all the commands: `setMany`, `getMany`. */
  isWhole = false;
  /** Not a call of anybody: it opens this session. */
  registers: ClientSession | undefined;

  /**
   * The session that gave the serial numbers; `undefined` until the first attempt, and for reads.
   */
  session: ClientSession | undefined;
  firstSerial = 0;

  /** The attempt under way: its request id, and which life of which node has it. */
  requestId = 0;
  slot = -1;
  nodeId: NodeId = '';
  incarnation = 0;
  sentAtMs = 0;
  attempts = 0;
  refusals = 0;
  /** Request ids of earlier attempts, whose answer is as good. */
  readonly earlierIds: number[] = [];
  /**
   * Attempts that may have had, or may yet have, an effect. A frame that went by the detour counts
   * for ever: the network may have made a copy of it that comes after the refusal.
   */
  doubts = 0;
  isDetoured = false;
  lastWord: LastWord | undefined;
  /** The parts of a read's answer that have come. */
  fragments: Fragments | undefined;

  constructor(route: ClientRoute, terms: BatchTerms, memory: BatchMemory, deadlineMs: number) {
    this.route = route;
    this.terms = terms;
    this.memory = memory;
    this.deadlineMs = deadlineMs;
  }

  /** What is known about a batch that gets no answer any more. A read has no effect. */
  get failedOutcome(): 'rejected' | 'unknown' {
    return !this.terms.isRead && this.doubts > 0 ? 'unknown' : 'rejected';
  }

  /** A node has said that the attempt of now had no effect. */
  clearDoubt(): void {
    if (!this.isDetoured) this.doubts -= 1;
  }
}

/** Bytes of the memory that batches are encoded in; a longer one gets memory of its own. */
export const pooledBytes: number = 2 ** 16;
/** Free memories that are kept: 4 MiB. */
const freeMax = 64;
/** A batch below this share of its memory is moved to memory of its size. */
const movedShare = 4;

/** Memories to encode in, used again and again. */
export class BatchPool {
  readonly #free: BatchMemory[] = [];

  take(): BatchMemory {
    return this.#free.pop() ?? allocateMemory(pooledBytes);
  }

  give(memory: BatchMemory): void {
    if (memory.bytes.length === pooledBytes && this.#free.length < freeMax) this.#free.push(memory);
  }

  /**
   * Gives back memory that is far too large for what it holds: thousands of small batches may wait.
   */
  fit(batch: Batch): void {
    const { memory, byteLength } = batch;
    if (byteLength * movedShare > memory.bytes.length) return;
    const bytes = Buffer.from(memory.bytes.subarray(0, byteLength));
    batch.memory = { bytes, view: viewOf(bytes) };
    this.give(memory);
  }
}

export function allocateMemory(byteLength: number): BatchMemory {
  const bytes = Buffer.allocUnsafeSlow(byteLength);
  return { bytes, view: viewOf(bytes) };
}
