/**
 * The bytes of answers: what a replica writes for the batch of a client, and the client reads.
 *
 *     header     0          4       8           12     16              24
 *                | bytes    | count | requestId | form | index         |
 *                | u32      | u32   | u32       | u32  | f64           |
 *
 *     form 1     nothing follows: every command ended `ok`, and was applied at `index`
 *     form 2     per command, padded to 8 bytes:
 *                0         1       4              8          16
 *                | outcome | -     | value bytes  | index    | value: the current one after a
 *                | u8      |       | u32, ~0 none | f64      | mismatch; id of the client (f64);
 *                                                             what a machine of the user's gave
 *     form 3     per key, padded to 4 bytes:      | value bytes u32, ~0 absent | value |
 *
 * `index` of the header is that of the first command, for reads that at which the keys were read.
 */
import { RaftError } from '../errors.js';
import { type ByteRange, roundUp, viewOf } from './command.js';
import { type Outcome, outcome } from './outcome.js';
import { writeLatin1 } from './text.js';

export const replyHeaderBytes = 24;

const form = { allOk: 1, outcomes: 2, values: 3 } as const;
const noValue = 0xffff_ffff;
const outcomeBytes = 16;
const clientIdBytes = 8;

/** Room enough for the answer to `count` commands, though perhaps not for current values. */
export function writeReplyBytesMax(count: number): number {
  return replyHeaderBytes + count * (outcomeBytes + clientIdBytes);
}

/** What both writers share: a header at the start of a region, and entries after it. */
class ReplyRegion {
  protected bytes: Buffer = Buffer.alloc(0);
  protected view: DataView = viewOf(this.bytes);
  protected start = 0;
  protected end = 0;
  protected at = 0;
  protected count = 0;

  protected begin(region: ByteRange): void {
    if (region.bytes !== this.bytes) {
      this.bytes = region.bytes;
      this.view = viewOf(region.bytes);
    }
    this.start = region.start;
    this.end = region.end;
    this.at = region.start + replyHeaderBytes;
    this.count = 0;
  }

  protected writeHeader(requestId: number, formCode: number, index: number): number {
    const end = this.start + roundUp(this.at - this.start, 8);
    this.bytes.fill(0, this.at, end);
    this.view.setUint32(this.start, end - this.start, true);
    this.view.setUint32(this.start + 4, this.count, true);
    this.view.setUint32(this.start + 8, requestId, true);
    this.view.setUint32(this.start + 12, formCode, true);
    this.view.setFloat64(this.start + 16, index, true);
    return end;
  }
}

/** Collects the outcomes of one batch. As long as all are `ok` at one index, nothing is written. */
export class WriteReplyWriter extends ReplyRegion {
  #requestId = 0;
  #index = 0;
  #commands = 0;
  #allOk = true;

  /** Begins the answer to a batch of `count` commands; needs `writeReplyBytesMax(count)` bytes. */
  reset(region: ByteRange, batch: { readonly requestId: number; readonly count: number }): void {
    this.begin(region);
    const room = region.end - region.start;
    if (room < writeReplyBytesMax(batch.count)) {
      throw new RaftError('RAFT_BROKEN_INVARIANT', `${room} bytes for ${batch.count} outcomes`);
    }
    this.#requestId = batch.requestId;
    this.#index = 0;
    this.#commands = batch.count;
    this.#allOk = true;
  }

  /**
   * Adds the outcome of the next command, which was first applied at `index`.
   *
   * `current`, an encoded value with a character for each byte, is left out where it would take the
   * room of the outcomes to come.
   */
  push(code: Outcome, index: number, current?: string): void {
    if (this.#allOk) {
      if (this.count === 0) this.#index = index;
      if (code === outcome.ok && index === this.#index) {
        this.count++;
        return;
      }
      this.#listAllOk();
    }
    const at = this.at;
    const valueBytes = current === undefined ? 0 : roundUp(current.length, 8);
    const reserved = (this.#commands - this.count) * (outcomeBytes + clientIdBytes);
    const fits = current !== undefined && at + reserved + valueBytes <= this.end;
    this.#writeOutcome(code, index, fits ? current.length : noValue);
    if (!fits) return;
    writeLatin1(current, this.bytes, at + outcomeBytes);
    this.at += valueBytes;
  }

  /** Adds the outcome of a registration. */
  registered(clientId: number, index: number): void {
    if (this.count === 0) this.#index = index;
    if (this.#allOk) this.#listAllOk();
    this.view.setFloat64(this.at + outcomeBytes, clientId, true);
    this.#writeOutcome(outcome.registered, index, clientIdBytes);
    this.at += clientIdBytes;
  }

  /** Writes the header and gives the offset after the answer. */
  finish(): number {
    return this.writeHeader(this.#requestId, this.#allOk ? form.allOk : form.outcomes, this.#index);
  }

  #writeOutcome(code: Outcome, index: number, valueBytes: number): void {
    this.view.setUint32(this.at, code, true);
    this.view.setUint32(this.at + 4, valueBytes, true);
    this.view.setFloat64(this.at + 8, index, true);
    this.at += outcomeBytes;
    this.count++;
  }

  /** One of them is different: the ones before it have to be written out after all. */
  #listAllOk(): void {
    const before = this.count;
    this.#allOk = false;
    this.count = 0;
    while (this.count < before) this.#writeOutcome(outcome.ok, this.#index, noValue);
  }
}

/** An encoded value, where it stands. */
export interface StoredValue {
  readonly bytes: Buffer;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Collects the values of one batch of reads. */
export class ReadReplyWriter extends ReplyRegion {
  /** Begins an answer; needs room for a header at least. */
  reset(region: ByteRange): void {
    this.begin(region);
    this.end -= (region.end - region.start) % 8;
  }

  /** Adds what stands at the next key, if anything does; false if it does not fit. */
  push(record: StoredValue | undefined): boolean {
    const at = this.at;
    const byteLength = record === undefined ? 0 : record.valueEnd - record.valueStart;
    if (at + 4 + byteLength > this.end) return false;
    this.view.setUint32(at, record === undefined ? noValue : byteLength, true);
    if (record) record.bytes.copy(this.bytes, at + 4, record.valueStart, record.valueEnd);
    this.at = at + roundUp(4 + byteLength, 4);
    this.count++;
    return true;
  }

  /** Writes the header and gives the offset after the answer. `index`: where the keys were read. */
  finish(requestId: number, index: number): number {
    return this.writeHeader(requestId, form.values, index);
  }
}

/** Collects the answers to one batch of questions: an outcome with a value for each. */
export class AnswerReplyWriter extends ReplyRegion {
  /** Begins an answer; needs room for a header at least. */
  reset(region: ByteRange): void {
    this.begin(region);
    this.end -= (region.end - region.start) % 8;
  }

  /** Adds the next one, with an encoded value, a character for each byte; false without room. */
  push(code: Outcome, index: number, value: string): boolean {
    const at = this.at;
    const next = at + outcomeBytes + roundUp(value.length, 8);
    if (next > this.end) return false;
    this.view.setUint32(at, code, true);
    this.view.setUint32(at + 4, value.length, true);
    this.view.setFloat64(at + 8, index, true);
    writeLatin1(value, this.bytes, at + outcomeBytes);
    this.at = next;
    this.count++;
    return true;
  }

  finish(requestId: number, index: number): number {
    return this.writeHeader(requestId, form.outcomes, index);
  }
}

/**
 * Walks over one answer: a cursor that is used again and again.
 *
 * After `next`, `outcome` and `index` tell how a command ended; a value, if there is one, stands in
 * `bytes` from `valueStart` to `valueEnd`. Bytes that are no answer throw `RAFT_BROKEN_INVARIANT`.
 */
export class ReplyReader {
  bytes: Buffer = Buffer.alloc(0);
  requestId = 0;
  count = 0;
  /** Log index of the first command, or of the read. */
  replyIndex = 0;
  /** Where the next answer begins. */
  end = 0;

  /** For a read: `ok` or `absent`. */
  outcome: Outcome = outcome.ok;
  /** Log index at which the command was first applied. */
  index = 0;
  hasValue = false;
  valueStart = 0;
  valueEnd = 0;

  #view: DataView = viewOf(this.bytes);
  #form = 0;
  #at = 0;
  #left = 0;

  reset(reply: ByteRange): void {
    if (reply.bytes !== this.bytes) {
      this.bytes = reply.bytes;
      this.#view = viewOf(reply.bytes);
    }
    const view = this.#view;
    const { start } = reply;
    const room = reply.end - start;
    if (room < replyHeaderBytes) throw malformed(`an answer of ${room} bytes`);
    const byteLength = view.getUint32(start, true);
    if (byteLength < replyHeaderBytes || byteLength > room) {
      throw malformed(`an answer of ${byteLength} bytes where ${room} are left`);
    }
    this.count = view.getUint32(start + 4, true);
    this.requestId = view.getUint32(start + 8, true);
    this.#form = view.getUint32(start + 12, true);
    this.replyIndex = view.getFloat64(start + 16, true);
    this.end = start + byteLength;
    this.#at = start + replyHeaderBytes;
    this.#left = this.count;
    this.outcome = outcome.ok;
    this.index = this.replyIndex;
    this.hasValue = false;
    if (this.#form < form.allOk || this.#form > form.values) throw malformed(`form ${this.#form}`);
  }

  /** Every command ended `ok` at `replyIndex`: there is no need to call `next` for each. */
  get isAllOk(): boolean {
    return this.#form === form.allOk;
  }

  /** Goes on to the answer for the next command or key; false after the last. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    if (this.#form === form.values) this.#nextValue();
    else if (this.#form === form.outcomes) this.#nextOutcome();
    return true;
  }

  /** The id of the client, after the outcome `registered`. */
  clientId(): number {
    return this.#view.getFloat64(this.valueStart, true);
  }

  #nextOutcome(): void {
    const at = this.#at;
    if (at + outcomeBytes > this.end) throw malformed(`${this.count} outcomes in too few bytes`);
    this.outcome = this.#view.getUint32(at, true) as Outcome;
    this.index = this.#view.getFloat64(at + 8, true);
    this.#takeValue(this.#view.getUint32(at + 4, true), at + outcomeBytes);
    this.#at = at + roundUp(this.valueEnd - at, 8);
  }

  #nextValue(): void {
    const at = this.#at;
    if (at + 4 > this.end) throw malformed(`${this.count} values in too few bytes`);
    this.#takeValue(this.#view.getUint32(at, true), at + 4);
    this.outcome = this.hasValue ? outcome.ok : outcome.absent;
    this.#at = at + roundUp(this.valueEnd - at, 4);
  }

  #takeValue(byteLength: number, start: number): void {
    this.hasValue = byteLength !== noValue;
    this.valueStart = start;
    this.valueEnd = start + (this.hasValue ? byteLength : 0);
    if (this.valueEnd > this.end) throw malformed('a value that ends after its answer');
  }
}

function malformed(found: string): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', `malformed answer: ${found}`);
}
