/**
 * Where the calls of one tick become a batch.
 *
 * A call is encoded at once, into the open batch of its route. The batch goes when the tick ends:
 * `process.nextTick` runs after the whole cascade of promise continuations, so all that the answers
 * of one turn set off travels together. It goes earlier when it is full, or when a call comes with
 * other options; so batches leave in the order of their calls.
 */
import type { Clock } from '../clock.js';
import { RaftError } from '../errors.js';
import { BatchWriter } from './batch-writer.js';
import {
  allocateMemory,
  Batch,
  type BatchMemory,
  type BatchPool,
  type BatchTerms,
  type Reject,
  type Resolve,
} from './client-batch.js';
import { overloaded, stopped, tooLarge } from './client-failure.js';
import type { ResolvedClientOptions } from './client-options.js';
import type { Requests } from './client-requests.js';
import type { ClientRoute } from './client-route.js';
import { op } from './command.js';
import { consistencyCode, readHeaderBytes } from './protocol.js';

/** What all gatherings of a client share. */
export interface GatheringOptions {
  readonly requests: Requests;
  readonly pool: BatchPool;
  readonly limits: ResolvedClientOptions;
  readonly clock: Clock;
  /** A batch was opened: it wants to be sealed at the end of this tick. */
  readonly opened: (gathering: Gathering) => void;
}

// The executor runs within `new Promise`; one that is shared costs no closure a call.
let lastResolve: Resolve;
let lastReject: Reject;
const keepSettlers = (resolve: Resolve, reject: Reject): void => {
  lastResolve = resolve;
  lastReject = reject;
};

/**
 * The calls of one route, either its writes or its reads:
 *
 *     gathering.open(terms);
 *     while (!gathering.writer.set(key, value)) gathering.grow();
 *     return gathering.add(op.set);
 *
 * If the writer throws, `cancel` leaves no trace of the call.
 */
export class Gathering {
  readonly writer: BatchWriter;
  readonly #route: ClientRoute;
  readonly #options: GatheringOptions;
  readonly #batchMax: number;
  /** Where the batch begins in the body: reads have a header of their own before it. */
  readonly #start: number;
  readonly #bodyBytesMax: number;
  #batch: Batch | undefined;
  #isEncoding = false;

  constructor(route: ClientRoute, options: GatheringOptions, { isRead }: { isRead: boolean }) {
    this.#route = route;
    this.#options = options;
    this.#batchMax = options.limits.batchMax;
    this.#start = isRead ? readHeaderBytes : 0;
    this.#bodyBytesMax = this.#start + options.limits.batchBytesMax;
    this.writer = new BatchWriter(options.limits);
  }

  /** Makes the open batch one that this call may join. */
  open(terms: BatchTerms): void {
    this.#admit();
    const batch = this.#batch;
    if (batch === undefined || (batch.terms !== terms && !areEqual(batch.terms, terms))) {
      this.seal();
      this.#begin(terms, this.#options.pool.take());
    }
    this.#isEncoding = true;
  }

  /** Room for a command that did not fit: in the next batch, or in one of the largest size. */
  grow(): void {
    const batch = this.#batch;
    if (batch === undefined) throw stopped('rejected');
    const { pool, limits } = this.#options;
    const isEmpty = this.writer.count === 0;
    if (isEmpty && batch.memory.bytes.length >= this.#bodyBytesMax) {
      throw tooLarge(limits.batchBytesMax);
    }
    const { terms } = batch;
    if (isEmpty) pool.give(batch.memory);
    else this.seal();
    this.#begin(terms, isEmpty ? allocateMemory(this.#bodyBytesMax) : pool.take());
  }

  /** The command was written: the promise of its call. The batch goes when it has `batchMax`. */
  add<T>(code: number, batchMax: number = this.#batchMax): Promise<T> {
    const batch = this.#batch;
    // The value itself may have stopped the client while it was read.
    if (batch === undefined) throw stopped('rejected');
    const promise = this.#take<T>(batch, code);
    this.#isEncoding = false;
    if (batch.codes.length >= batchMax) this.seal();
    return promise;
  }

  /** The writer refused the command. */
  cancel(): void {
    this.#isEncoding = false;
  }

  /**
   * One call that is a batch of its own. `encode` writes all its commands; false if they do not
   * fit.
   */
  addWhole<T>(terms: BatchTerms, encode: (writer: BatchWriter) => boolean): Promise<T> {
    this.#admit();
    this.seal();
    const writer = new BatchWriter(this.#options.limits);
    const memory = this.#encodeWhole(writer, encode);
    const batch = new Batch(this.#route, terms, memory, this.#deadlineMs(terms));
    batch.isWhole = true;
    const promise = this.#take<T>(batch, op.set);
    this.#submit(batch, writer);
    return promise;
  }

  /** Hands the open batch over, if there is anything in it. */
  seal(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    if (batch.codes.length === 0) this.#options.pool.give(batch.memory);
    else this.#submit(batch, this.writer);
  }

  /** The calls of the open batch, which is not sent any more. */
  reject(reason: unknown): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch === undefined) return;
    this.#options.requests.pendingCalls -= batch.codes.length;
    for (const reject of batch.rejects) reject(reason);
  }

  #begin(terms: BatchTerms, memory: BatchMemory): void {
    this.#batch = new Batch(this.#route, terms, memory, this.#deadlineMs(terms));
    this.#reset(this.writer, memory);
    this.#options.opened(this);
  }

  #reset(writer: BatchWriter, { bytes }: BatchMemory): void {
    writer.reset(bytes, this.#start, Math.min(bytes.length, this.#bodyBytesMax));
  }

  #admit(): void {
    const { requests, limits } = this.#options;
    if (this.#isEncoding) throw reentered();
    if (requests.pendingCalls >= limits.outstandingMax) throw overloaded(limits.outstandingMax);
  }

  #take<T>(batch: Batch, code: number): Promise<T> {
    const promise = new Promise<T>(keepSettlers as (resolve: (value: T) => void) => void);
    batch.codes.push(code);
    batch.resolves.push(lastResolve);
    batch.rejects.push(lastReject);
    this.#options.requests.pendingCalls += 1;
    return promise;
  }

  #deadlineMs({ timeoutMs }: BatchTerms): number {
    return this.#options.clock.nowMs() + timeoutMs;
  }

  #encodeWhole(writer: BatchWriter, encode: (writer: BatchWriter) => boolean): BatchMemory {
    const { pool, limits } = this.#options;
    const memory = pool.take();
    this.#reset(writer, memory);
    try {
      if (encode(writer)) return memory;
    } catch (error) {
      pool.give(memory);
      throw error;
    }
    pool.give(memory);
    const largest = allocateMemory(this.#bodyBytesMax);
    this.#reset(writer, largest);
    if (encode(writer)) return largest;
    throw tooLarge(limits.batchBytesMax);
  }

  #submit(batch: Batch, writer: BatchWriter): void {
    const { pool, requests } = this.#options;
    batch.commands = writer.count;
    batch.byteLength = writer.finish(unstamped);
    if (batch.terms.isRead) writeReadHeader(batch);
    pool.fit(batch);
    requests.submit(batch);
  }
}

/** The session and the request id are stamped when the batch is sent. */
const unstamped = { clientId: 0, firstSerial: 0, lowestSerial: 0, originActor: 0, requestId: 0 };

function writeReadHeader({ memory, terms }: Batch): void {
  memory.view.setUint32(0, consistencyCode[terms.consistency], true);
  memory.view.setUint32(4, 0, true);
}

function areEqual(a: BatchTerms, b: BatchTerms): boolean {
  return a.timeoutMs === b.timeoutMs && a.signal === b.signal && a.consistency === b.consistency;
}

function reentered(): RaftError {
  return new RaftError(
    'RAFT_INVALID_OPTION',
    'a value called the client while it was read, as by a getter; make that call elsewhere',
    { details: { outcome: 'rejected', option: 'value' } },
  );
}
