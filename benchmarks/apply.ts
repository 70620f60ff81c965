/**
 * What does the store itself cost for one `set`, with no thread and no consensus in between?
 *
 *     node dist/benchmarks/apply.js [--rounds 30] [--value-bytes 100] [--keys 10000] [--batch 256]
 *
 * `encode` is what a client pays on its own thread, `apply` what each replica pays, `query` and
 * `decode` what a read costs on either side. A figure is the best round, in ns for one command:
 * the others were disturbed. Without arguments it runs for an instant, to show that it runs.
 */
import { parseArgs } from 'node:util';
import { BatchWriter } from '../src/store/batch-writer.js';
import type { ByteRange } from '../src/store/command.js';
import { ReplyReader, WriteReplyWriter, writeReplyBytesMax } from '../src/store/reply.js';
import type { ResultSink } from '../src/store/state-machine.js';
import { StoreStateMachine } from '../src/store/store-state-machine.js';
import { decodeValue } from '../src/store/value.js';
import { fixed } from './figures.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    'value-bytes': { type: 'string', default: '100' },
    keys: { type: 'string', default: '10000' },
    batch: { type: 'string', default: '256' },
  },
});
const rounds = Number(options.rounds);
const valueBytes = Number(options['value-bytes']);
const batch = Number(options.batch);
/** A round fits into the caches about as well as the rings of a cluster do. */
const batches = Math.ceil(10_000 / batch);

const names = Array.from({ length: Number(options.keys) }, (_, i) => `k${`${i}`.padStart(7, '0')}`);
const texts = names.map((name) => name.padEnd(valueBytes - 1, 'abcdefgh'));
/** Keys in an order that no cache can guess, the same on each run. */
const order = Uint32Array.from({ length: batches * batch }, (_, i) => {
  return Math.imul(i, 0x9e3779b1) >>> 0;
}).map((word) => word % names.length);

measure('string', texts);
measure(
  'bytes',
  texts.map((text) => new Uint8Array(Buffer.from(text))),
);
measure(
  'object',
  names.map((name, id) => ({ id, name, tags: ['a', 'b'] })),
);

function measure(kind: string, values: readonly unknown[]): void {
  const memory = Buffer.from(new SharedArrayBuffer(batches * batch * (valueBytes + 128)));
  const machine = new StoreStateMachine();
  const entries: ByteRange[] = [];
  let serial = 1;
  let index = 1;

  report(`${kind}: encode`, () => {
    entries.length = 0;
    encodeAll(memory, values, entries);
  });
  const applyAll = (sink?: ResultSink): void => {
    for (const entry of entries) {
      // Numbered as a client does: no command is a repetition.
      memory.writeDoubleLE(serial, entry.start + 16);
      memory.writeDoubleLE(serial, entry.start + 24);
      serial += batch;
      machine.apply(entry, ++index, sink);
    }
  };
  machine.apply(registration(), index);
  report(`${kind}: apply at a follower`, () => applyAll());
  const sink = answering();
  report(`${kind}: apply at the leader, with the answer`, () => applyAll(sink));
  measureReads(kind, machine);
}

function measureReads(kind: string, machine: StoreStateMachine): void {
  const request = requestOf((writer, i) => writer.get(nameAt(i)));
  const bytes = Buffer.from(new SharedArrayBuffer(batch * (valueBytes + 64) * 2));
  const reader = new ReplyReader();
  let end = 0;
  report(`${kind}: query`, () => {
    for (let i = 0; i < batches; i++) {
      end = machine.query(request, 1, { bytes, start: 0, end: bytes.length });
    }
  });
  report(`${kind}: decode`, () => {
    for (let i = 0; i < batches; i++) {
      reader.reset({ bytes, start: 0, end });
      while (reader.next()) decodeValue(reader.bytes, reader.valueStart, reader.valueEnd);
    }
  });
}

function encodeAll(memory: Buffer, values: readonly unknown[], entries: ByteRange[]): void {
  const writer = new BatchWriter();
  let start = 0;
  for (let requestId = 0; requestId < batches; requestId++) {
    writer.reset(memory, start, memory.length);
    for (let i = 0; i < batch; i++) {
      const key = order[requestId * batch + i] ?? 0;
      if (!writer.set(names[key] ?? '', values[key])) throw new Error('the memory is too small');
    }
    const stamp = { clientId: 1, firstSerial: 1, lowestSerial: 1, originActor: 3, requestId };
    const end = writer.finish(stamp);
    entries.push({ bytes: memory, start, end });
    start = end;
  }
}

function registration(): ByteRange {
  return requestOf((writer, i) => i > 0 || writer.register());
}

function requestOf(add: (writer: BatchWriter, i: number) => boolean): ByteRange {
  const writer = new BatchWriter();
  const bytes = Buffer.from(new SharedArrayBuffer(64 + batch * 32));
  writer.reset(bytes);
  for (let i = 0; i < batch; i++) if (!add(writer, i)) throw new Error('the memory is too small');
  const stamp = { clientId: 0, firstSerial: 0, lowestSerial: 0, originActor: 3, requestId: 0 };
  return { bytes, start: 0, end: writer.finish(stamp) };
}

function answering(): ResultSink {
  const writer = new WriteReplyWriter();
  const bytes = Buffer.from(new SharedArrayBuffer(writeReplyBytesMax(batch)));
  return {
    begin: (header) => {
      writer.reset({ bytes, start: 0, end: bytes.length }, header);
      return true;
    },
    push: (code, index, current) => writer.push(code, index, current),
    registered: (clientId, index) => writer.registered(clientId, index),
    end: () => {
      writer.finish();
    },
  };
}

function nameAt(i: number): string {
  return names[order[i] ?? 0] ?? '';
}

function report(what: string, run: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (batches * batch));
  }
  process.stdout.write(`${what.padEnd(42)}${fixed(best, 0).padStart(8)} ns\n`);
}
