/** Payloads for tests, written as a client writes them, and outcomes as a sink gets them. */
import { type absent, type BatchLimits, BatchWriter } from '../../src/store/batch-writer.js';
import { type BatchStamp, type ByteRange, batchHeaderBytes } from '../../src/store/command.js';
import { outcomeName } from '../../src/store/outcome.js';
import type { BatchHeader, ResultSink } from '../../src/store/state-machine.js';
import { decodeStored, type Value } from '../../src/store/value.js';

export type Command =
  | { readonly kind: 'set'; readonly key: string; readonly value: Value }
  | { readonly kind: 'delete' | 'get'; readonly key: string }
  | {
      readonly kind: 'cas';
      readonly key: string;
      readonly expected: Value | typeof absent;
      readonly value: Value;
      readonly wantsCurrent?: boolean;
    }
  | { readonly kind: 'command' | 'query'; readonly value: Value }
  | { readonly kind: 'stage'; readonly token: string; readonly bytes: Uint8Array }
  | { readonly kind: 'adopt'; readonly token: string }
  | { readonly kind: 'register' };

export interface Batch extends Partial<BatchStamp> {
  readonly commands: readonly Command[];
}

export interface Answer {
  readonly outcome: string;
  readonly index: number;
  readonly clientId?: number;
  readonly current?: Value;
}

export const set = (key: string, value: Value): Command => ({ kind: 'set', key, value });
export const del = (key: string): Command => ({ kind: 'delete', key });
export const get = (key: string): Command => ({ kind: 'get', key });
export const stage = (token: string, bytes: Uint8Array): Command => ({
  kind: 'stage',
  token,
  bytes,
});
export const adopt = (token: string): Command => ({ kind: 'adopt', token });
export const register: Command = { kind: 'register' };

export function addCommand(writer: BatchWriter, command: Command): boolean {
  switch (command.kind) {
    case 'set':
      return writer.set(command.key, command.value);
    case 'delete':
      return writer.delete(command.key);
    case 'get':
      return writer.get(command.key);
    case 'cas':
      return writer.cas(command.key, command);
    case 'command':
      return writer.command(command.value);
    case 'query':
      return writer.query(command.value);
    case 'stage':
      return writer.stage(command.token, command.bytes);
    case 'adopt':
      return writer.adopt(command.token);
    case 'register':
      return writer.register();
  }
}

/** One entry made of these batches, at an offset of 8 bytes in shared memory of its own. */
export function payloadOf(batches: readonly Batch[], limits: BatchLimits = {}): ByteRange {
  const writer = new BatchWriter(limits);
  for (let byteLength = 1024; ; byteLength *= 4) {
    const bytes = Buffer.from(new SharedArrayBuffer(byteLength), 8);
    const end = writeBatches(writer, bytes, batches);
    if (end !== undefined) return { bytes, start: 0, end };
  }
}

/** The offset after the batches, or undefined if they need more memory. */
function writeBatches(
  writer: BatchWriter,
  bytes: Buffer,
  batches: readonly Batch[],
): number | undefined {
  let end = 0;
  for (const { commands, ...stamp } of batches) {
    if (bytes.length - end < batchHeaderBytes) return undefined;
    writer.reset(bytes, end, bytes.length);
    if (!commands.every((command) => addCommand(writer, command))) return undefined;
    end = writer.finish(stampOf(stamp));
  }
  return end;
}

export function stampOf(stamp: Partial<BatchStamp> = {}): BatchStamp {
  const { clientId = 0, firstSerial = 0, lowestSerial = 0, originActor = 0, requestId = 0 } = stamp;
  return { clientId, firstSerial, lowestSerial, originActor, requestId };
}

/** Keeps what it is told, by batch. */
export class Answers implements ResultSink {
  readonly batches: Answer[][] = [];
  readonly headers: BatchHeader[] = [];
  #open: Answer[] = [];
  readonly #isWanted: (batch: BatchHeader) => boolean;

  constructor(isWanted: (batch: BatchHeader) => boolean = () => true) {
    this.#isWanted = isWanted;
  }

  begin({ clientId, firstSerial, originActor, requestId, count }: BatchHeader): boolean {
    this.headers.push({ clientId, firstSerial, originActor, requestId, count });
    this.#open = [];
    return this.#isWanted({ clientId, firstSerial, originActor, requestId, count });
  }

  push(...[code, index, current]: Parameters<ResultSink['push']>): void {
    const answer = { outcome: outcomeName(code), index };
    this.#open.push(current === undefined ? answer : { ...answer, current: decodeStored(current) });
  }

  registered(clientId: number, index: number): void {
    this.#open.push({ outcome: 'registered', index, clientId });
  }

  end(): void {
    this.batches.push(this.#open);
  }
}
