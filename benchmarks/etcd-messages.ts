/**
 * The messages of etcd that a load needs, in protocol buffers: `rpc.proto` and `kv.proto` of
 * etcd's api (v3), with their field numbers.
 *
 *     PutRequest      key 1, value 2            PutResponse     header 1
 *     RangeRequest    key 1                     RangeResponse   header 1, kvs 2
 *     StatusRequest   nothing                   StatusResponse  header 1, leader 4
 *     KeyValue        version 4, value 5
 *     ResponseHeader  member_id 2, revision 3, raft_term 4
 */

export interface EtcdHeader {
  readonly memberId: bigint;
  /** Of the store: one more with each write. */
  readonly revision: number;
  readonly term: number;
}

export interface EtcdStatus extends EtcdHeader {
  /** 0: there is none. */
  readonly leaderId: bigint;
}

const noFields: EtcdHeader = { memberId: 0n, revision: 0, term: 0 };
/** The low bits of a tag: bytes with their length in front. */
const wireBytes = 2;

export function putRequest(key: string, value: Uint8Array): Buffer {
  return Buffer.concat([...field(1, Buffer.from(key)), ...field(2, value)]);
}

/** Of one key, linearizable. */
export function rangeRequest(key: string): Buffer {
  return Buffer.concat(field(1, Buffer.from(key)));
}

export function putRevision(bytes: Buffer): number {
  const reader = new Reader(bytes);
  while (reader.next()) if (reader.field === 1) return headerOf(reader.bytes).revision;
  return 0;
}

/** What is known of a key. */
export interface EtcdKeyValue {
  readonly value: Buffer;
  /** How often it was written. */
  readonly version: number;
}

/** What a range found of its key; `undefined` if there is none. */
export function rangeKeyValue(bytes: Buffer): EtcdKeyValue | undefined {
  const answer = new Reader(bytes);
  while (answer.next()) if (answer.field === 2) return keyValueOf(answer.bytes);
  return undefined;
}

function keyValueOf(bytes: Buffer): EtcdKeyValue {
  const reader = new Reader(bytes);
  let value: Buffer = Buffer.alloc(0);
  let version = 0;
  while (reader.next()) {
    if (reader.field === 4) version = Number(reader.number);
    if (reader.field === 5) value = reader.bytes;
  }
  return { value, version };
}

export function statusOf(bytes: Buffer): EtcdStatus {
  const reader = new Reader(bytes);
  let header = noFields;
  let leaderId = 0n;
  while (reader.next()) {
    if (reader.field === 1) header = headerOf(reader.bytes);
    if (reader.field === 4) leaderId = reader.number;
  }
  return { ...header, leaderId };
}

function headerOf(bytes: Buffer): EtcdHeader {
  const reader = new Reader(bytes);
  let { memberId, revision, term } = noFields;
  while (reader.next()) {
    if (reader.field === 2) memberId = reader.number;
    if (reader.field === 3) revision = Number(reader.number);
    if (reader.field === 4) term = Number(reader.number);
  }
  return { memberId, revision, term };
}

function field(number: number, bytes: Uint8Array): Uint8Array[] {
  return [varint(number * 8 + wireBytes), varint(bytes.length), bytes];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Field after field of a message. Nothing that etcd answers has fields of a fixed width. */
class Reader {
  field = 0;
  /** The value, if it is a number. */
  number = 0n;
  /** The value, if it is bytes or a message. */
  bytes: Buffer = Buffer.alloc(0);
  readonly #message: Buffer;
  #at = 0;

  constructor(message: Buffer) {
    this.#message = message;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.#at >= this.#message.length) return false;
    const tag = Number(this.#varint());
    const wire = tag % 8;
    if (wire !== 0 && wire !== wireBytes) throw new Error(`a field of wire type ${wire}`);
    this.field = (tag - wire) / 8;
    this.number = this.#varint();
    if (wire === wireBytes) {
      const end = this.#at + Number(this.number);
      if (end > this.#message.length) throw new Error('a message that is cut off');
      this.bytes = this.#message.subarray(this.#at, end);
      this.#at = end;
    }
    return true;
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#message[this.#at];
      if (byte === undefined) throw new Error('a message that is cut off');
      this.#at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}
