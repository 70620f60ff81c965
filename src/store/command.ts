/**
 * The bytes of commands: what a client writes into its ring, what stands in a log entry, and what a
 * replica applies, without ever being copied field by field in between.
 *
 * The payload of a log entry is a concatenation of client batches. All numbers are little endian;
 * a batch is a multiple of 8 bytes long, a command a multiple of 4, padded with zeros.
 *
 *     batch    0       4       8          16            24             32          36          40
 *              | bytes | count | clientId | firstSerial | lowestSerial | origin    | requestId |
 *              | u32   | u32   | f64      | f64         | f64          | actor u32 | u32       |
 *
 *     command  0    1       2           4            8                (12)
 *              | op | flags | key bytes | value bytes | expected bytes | key | value | expected |
 *              | u8 | u8    | u16       | u32         | u32, cas only  |     |       | cas only |
 *
 * The length of a batch counts its header. Command i has the serial number `firstSerial + i`.
 * `lowestSerial` is the lowest that the client still wants an answer for: the session forgets what
 * is below (dissertation §6.3). `originActor` and `requestId` say who is answered; apply ignores
 * them.
 */
import { RaftError } from '../errors.js';
import { readAscii, readLatin1, readUtf8 } from './text.js';

export const batchHeaderBytes = 40;
export const batchAlignment = 8;

/** Offsets in the header of a batch. */
export const batchField = {
  byteLength: 0,
  count: 4,
  clientId: 8,
  firstSerial: 16,
  lowestSerial: 24,
  originActor: 32,
  requestId: 36,
} as const;

/** What a command does. The numbers are stored: append only. */
export const op = {
  set: 1,
  delete: 2,
  cas: 3,
  register: 4,
  get: 5,
  /** For a machine of the user's, in the value; the key is empty. */
  command: 6,
  /** A question to such a machine, likewise; in batches of reads only. */
  query: 7,
  /** The next bytes of another state, for the time being beside the one that counts. */
  stage: 8,
  /** What was staged becomes the state. */
  adopt: 9,
} as const;

export const commandFlag = {
  /** Every byte of the key is below 0x80, so that it can be read without decoding. */
  asciiKey: 1,
  /** cas: the key must not be there; there are no expected bytes. */
  expectsAbsent: 2,
  /** cas: a mismatch is answered with the value that is there, if it fits into the reply. */
  wantsCurrent: 4,
} as const;

/** The fields of a batch header that its sender fills in once the commands are written. */
export interface BatchStamp {
  /** The session, from its registration; 0 for a batch without one. */
  readonly clientId: number;
  /** Serial number of the first command, from 1; ignored without a session. */
  readonly firstSerial: number;
  /** No answer is awaited below it, at most `firstSerial` for a first attempt. */
  readonly lowestSerial: number;
  readonly originActor: number;
  /** Any u32; it comes back in the reply. */
  readonly requestId: number;
}

/** A piece of memory with bytes of somebody else in it. */
export interface ByteRange {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** (Re)writes the header fields of the batch at `start`; `view` covers the same memory. */
export function stampBatch(view: DataView, start: number, stamp: BatchStamp): void {
  view.setFloat64(start + batchField.clientId, stamp.clientId, true);
  view.setFloat64(start + batchField.firstSerial, stamp.firstSerial, true);
  view.setFloat64(start + batchField.lowestSerial, stamp.lowestSerial, true);
  view.setUint32(start + batchField.originActor, stamp.originActor, true);
  view.setUint32(start + batchField.requestId, stamp.requestId, true);
}

/** A view of exactly the memory of `bytes`, so that offsets are the same in both. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Walks over the batches of a payload and the commands of a batch.
 *
 * It is a cursor that is used again and again: nothing is allocated for a batch or a command, and
 * the fields hold what the last `nextBatch` or `nextCommand` found. Lengths that lead out of the
 * payload or of the batch throw `RAFT_BROKEN_INVARIANT`: no `BatchWriter` wrote these bytes.
 */
export class BatchReader {
  bytes: Buffer = Buffer.alloc(0);
  /** Covers the memory of `bytes`. */
  view: DataView = viewOf(this.bytes);

  clientId = 0;
  firstSerial = 0;
  lowestSerial = 0;
  originActor = 0;
  requestId = 0;
  /** Commands in the batch. */
  count = 0;
  batchStart = 0;
  batchEnd = 0;

  op = 0;
  flags = 0;
  keyStart = 0;
  keyEnd = 0;
  /** The value begins where the key ends. */
  valueEnd = 0;
  /** The expected value of a cas begins where the value ends. */
  expectedEnd = 0;

  #end = 0;
  /** Where the next command begins. */
  #at = 0;
  #commandsLeft = 0;

  /** Stands before the first batch of the payload. */
  reset(payload: ByteRange): void {
    if (payload.bytes !== this.bytes) {
      this.bytes = payload.bytes;
      this.view = viewOf(payload.bytes);
    }
    if (payload.start < 0 || payload.end < payload.start || payload.end > payload.bytes.length) {
      throw malformed(`a payload from ${payload.start} to ${payload.end} of its memory`);
    }
    this.batchEnd = payload.start;
    this.#end = payload.end;
    this.#commandsLeft = 0;
  }

  /** Goes on to the next batch, over what is left of this one; false at the end of the payload. */
  nextBatch(): boolean {
    const start = this.batchEnd;
    if (start === this.#end) return false;
    const view = this.view;
    const room = this.#end - start;
    if (room < batchHeaderBytes) throw malformed(`${room} bytes after the last batch`);
    const byteLength = view.getUint32(start + batchField.byteLength, true);
    if (byteLength < batchHeaderBytes || byteLength > room || byteLength % batchAlignment !== 0) {
      throw malformed(`a batch of ${byteLength} bytes where ${room} are left`);
    }
    this.batchStart = start;
    this.batchEnd = start + byteLength;
    this.count = view.getUint32(start + batchField.count, true);
    this.clientId = view.getFloat64(start + batchField.clientId, true);
    this.firstSerial = view.getFloat64(start + batchField.firstSerial, true);
    this.lowestSerial = view.getFloat64(start + batchField.lowestSerial, true);
    this.originActor = view.getUint32(start + batchField.originActor, true);
    this.requestId = view.getUint32(start + batchField.requestId, true);
    this.#checkSerials();
    this.#at = start + batchHeaderBytes;
    this.#commandsLeft = this.count;
    return true;
  }

  /** Goes on to the next command; false after the last one of the batch. */
  nextCommand(): boolean {
    if (this.#commandsLeft === 0) return false;
    this.#commandsLeft--;
    const view = this.view;
    const at = this.#at;
    if (at + 8 > this.batchEnd) throw malformed(`${this.count} commands in too few bytes`);
    const head = view.getUint32(at, true);
    const valueBytes = view.getUint32(at + 4, true);
    const code = head & 0xff;
    let keyStart = at + 8;
    let expectedBytes = 0;
    if (code === op.cas) {
      if (at + 12 > this.batchEnd) throw malformed('a cas that ends in its header');
      expectedBytes = view.getUint32(at + 8, true);
      keyStart = at + 12;
    }
    const keyEnd = keyStart + (head >>> 16);
    const valueEnd = keyEnd + valueBytes;
    const expectedEnd = valueEnd + expectedBytes;
    if (expectedEnd > this.batchEnd) {
      throw malformed(`a command that ends ${expectedEnd - this.batchEnd} bytes after its batch`);
    }
    this.op = code;
    this.flags = (head >>> 8) & 0xff;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.valueEnd = valueEnd;
    this.expectedEnd = expectedEnd;
    this.#at = at + roundUp(expectedEnd - at, 4);
    return true;
  }

  /** The key of the command. */
  key(): string {
    return (this.flags & commandFlag.asciiKey) !== 0
      ? readAscii(this.bytes, this.view, this.keyStart, this.keyEnd)
      : readUtf8(this.bytes, this.keyStart, this.keyEnd);
  }

  /** The encoded value of the command, a character for each byte. */
  value(): string {
    return readLatin1(this.bytes, this.keyEnd, this.valueEnd);
  }

  /** The encoded value that a cas expects, a character for each byte. */
  expected(): string {
    return readLatin1(this.bytes, this.valueEnd, this.expectedEnd);
  }

  // A field that was never written reads as NaN or as garbage, and NaN compares as false with
  // everything: the serial numbers are checked before anything is compared with them.
  #checkSerials(): void {
    const { clientId, firstSerial, lowestSerial, count } = this;
    if (!isWholeNumber(clientId)) throw malformed(`clientId ${clientId}`);
    if (clientId === 0) return;
    if (!(firstSerial >= 1) || !isWholeNumber(firstSerial) || !isWholeNumber(firstSerial + count)) {
      throw malformed(`firstSerial ${firstSerial} for ${count} commands`);
    }
    if (!isWholeNumber(lowestSerial)) throw malformed(`lowestSerial ${lowestSerial}`);
  }
}

/**
 * Checks a whole payload before anything of it has an effect, and gives the number of its commands.
 * Throws `RAFT_BROKEN_INVARIANT`. What comes from outside was checked before it got into the log;
 * see `isOneBatch`.
 */
export function checkPayload(payload: ByteRange, reader: BatchReader = new BatchReader()): number {
  let commands = 0;
  reader.reset(payload);
  while (reader.nextBatch()) {
    while (reader.nextCommand()) commands++;
  }
  return commands;
}

export function roundUp(byteLength: number, alignment: 4 | 8): number {
  return (byteLength + alignment - 1) & -alignment;
}

function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function malformed(found: string): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', `malformed payload: ${found}`);
}
