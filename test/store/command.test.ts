import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { isRaftError } from '../../src/errors.js';
import { absent, BatchWriter } from '../../src/store/batch-writer.js';
import {
  BatchReader,
  type ByteRange,
  batchField,
  batchHeaderBytes,
  checkPayload,
  commandFlag,
  op,
  stampBatch,
  viewOf,
} from '../../src/store/command.js';
import { decodeStored } from '../../src/store/value.js';
import {
  addCommand,
  type Batch,
  type Command,
  get,
  payloadOf,
  register,
  set,
  stampOf,
} from './batches.js';

/** Records as literals are: with a prototype. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(fields, { noNullPrototype: true });
const key = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ minLength: 8, maxLength: 8 }),
);
const value = fc.oneof(fc.string(), fc.uint8Array(), fc.integer());
const command: fc.Arbitrary<Command> = fc.oneof(
  record({ kind: fc.constant('set' as const), key, value }),
  record({ kind: fc.constantFrom('delete' as const, 'get' as const), key }),
  record({
    kind: fc.constant('cas' as const),
    key,
    expected: fc.oneof(value, fc.constant(absent)),
    value,
    wantsCurrent: fc.boolean(),
  }),
  fc.constant({ kind: 'register' as const }),
);
const u32 = fc.nat({ max: 0xffffffff });
const serial = fc.integer({ min: 1, max: 2 ** 52 });
const batch: fc.Arbitrary<Batch> = record({
  clientId: fc.maxSafeNat(),
  firstSerial: serial,
  lowestSerial: serial,
  originActor: u32,
  requestId: u32,
  commands: fc.array(command, { maxLength: 12 }),
});

function rangeOf(bytes: Buffer): ByteRange {
  return { bytes, start: 0, end: bytes.length };
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (isRaftError(error)) return error.code;
    throw error;
  }
  return undefined;
}

function readCommand(reader: BatchReader): Command {
  const name = reader.key();
  switch (reader.op) {
    case op.set:
      return { kind: 'set', key: name, value: decodeStored(reader.value()) };
    case op.cas:
      return {
        kind: 'cas',
        key: name,
        value: decodeStored(reader.value()),
        expected:
          reader.flags & commandFlag.expectsAbsent ? absent : decodeStored(reader.expected()),
        wantsCurrent: (reader.flags & commandFlag.wantsCurrent) !== 0,
      };
    case op.register:
      return { kind: 'register' };
    default:
      return { kind: reader.op === op.get ? 'get' : 'delete', key: name };
  }
}

function readPayload(payload: ByteRange, reader: BatchReader): Batch[] {
  const batches: Batch[] = [];
  reader.reset(payload);
  while (reader.nextBatch()) {
    const { clientId, firstSerial, lowestSerial, originActor, requestId } = reader;
    const commands: Command[] = [];
    while (reader.nextCommand()) commands.push(readCommand(reader));
    batches.push({ clientId, firstSerial, lowestSerial, originActor, requestId, commands });
  }
  return batches;
}

test('batches are read as they were written, whatever is in them', (t) => {
  const reader = new BatchReader();
  const property = fc.property(fc.array(batch, { maxLength: 4 }), (batches) => {
    const payload = payloadOf(batches);

    assert.deepStrictEqual(readPayload(payload, reader), batches);
    assert.equal(checkPayload(payload), batches.flatMap(({ commands }) => commands).length);
    assert.equal(payload.end % 8, 0);
  });

  t.notThrows(() => fc.assert(property, { numRuns: 600 }));
});

test('equal commands make equal bytes, whatever stood in the memory before', (t) => {
  const commands = [
    set('k', 'v'),
    { kind: 'cas', key: 'key', expected: absent, value: new Uint8Array([1, 2]) } as const,
    get('a'),
  ];
  const write = (count: number, filling: number): Buffer => {
    const bytes = Buffer.alloc(512, filling);
    const writer = new BatchWriter();
    writer.reset(bytes, 8);
    for (const each of commands.slice(0, count)) addCommand(writer, each);
    return Buffer.from(bytes.subarray(8, writer.finish(stampOf({ clientId: 3 }))));
  };

  for (let count = 0; count <= 3; count++) t.deepEqual(write(count, 0xff), write(count, 0));
});

test('a command that does not fit gives false and leaves the batch as it was', (t) => {
  const commands: Command[] = [
    set('key', 'a value'),
    set('schlüssel', { some: 'thing' }),
    set('', new Uint8Array(3)),
    { kind: 'cas', key: 'key', expected: 'before', value: 'after' },
    get('another key'),
    register,
  ];
  for (const last of commands) {
    const whole = payloadOf([{ commands: [get('first'), last] }]);
    const writer = new BatchWriter();
    for (let room = batchHeaderBytes + 16; room < whole.end; room++) {
      const bytes = Buffer.alloc(whole.end + 8, 0xee);
      writer.reset(bytes, 0, room);

      t.true(writer.get('first'));
      t.false(addCommand(writer, last));

      const end = writer.finish(stampOf());
      t.is(writer.count, 1);
      t.deepEqual(readPayload({ bytes, start: 0, end }, new BatchReader())[0]?.commands, [
        get('first'),
      ]);
      t.true(bytes.subarray(room).every((byte) => byte === 0xee));
    }
    writer.reset(Buffer.alloc(whole.end));
    t.true(addCommand(writer, get('first')) && addCommand(writer, last));
    t.is(writer.byteLength, whole.end);
  }
});

test('a command that is refused throws and leaves the batch as it was', (t) => {
  const writer = new BatchWriter({ keyBytesMax: 8, valueBytesMax: 10 });
  const bytes = Buffer.alloc(256);
  writer.reset(bytes);
  writer.set('kept', 1);

  t.is(
    codeOf(() => writer.set('123456789', 1)),
    'RAFT_KEY_TOO_LONG',
  );
  t.is(
    codeOf(() => writer.set('ééééé', 1)),
    'RAFT_KEY_TOO_LONG',
  );
  t.is(
    codeOf(() => writer.get('half \ud800')),
    'RAFT_INVALID_OPTION',
  );
  t.is(
    codeOf(() => writer.delete(7 as unknown as string)),
    'RAFT_INVALID_OPTION',
  );
  t.is(
    codeOf(() => writer.set('k', 'x'.repeat(10))),
    'RAFT_VALUE_TOO_LARGE',
  );
  t.is(
    codeOf(() => writer.set('k', new Uint8Array(10))),
    'RAFT_VALUE_TOO_LARGE',
  );
  t.is(
    codeOf(() => writer.set('k', { a: 'xxxxxxxxxx' })),
    'RAFT_VALUE_TOO_LARGE',
  );
  t.is(
    codeOf(() => writer.cas('k', { expected: 'x'.repeat(10), value: 1 })),
    'RAFT_VALUE_TOO_LARGE',
  );
  t.is(
    codeOf(() => writer.set('k', () => {})),
    'RAFT_VALUE_NOT_CLONEABLE',
  );

  t.true(writer.set('12345678', 'x'.repeat(9)));
  t.true(writer.set('éééé', new Uint8Array(9)));
  const end = writer.finish(stampOf());
  t.deepEqual(readPayload({ bytes, start: 0, end }, new BatchReader())[0]?.commands, [
    set('kept', 1),
    set('12345678', 'x'.repeat(9)),
    set('éééé', new Uint8Array(9)),
  ]);
});

test('a value above the limit is too large even where it would not fit anyway', (t) => {
  const writer = new BatchWriter({ valueBytesMax: 100 });
  writer.reset(Buffer.alloc(80));

  t.is(
    codeOf(() => writer.set('k', 'x'.repeat(100))),
    'RAFT_VALUE_TOO_LARGE',
  );
  t.false(writer.set('k', 'x'.repeat(99)));
});

test('a key of the default limit of 1,024 bytes is taken, one byte more is not', (t) => {
  const writer = new BatchWriter();
  writer.reset(Buffer.alloc(4096));

  t.true(writer.get('x'.repeat(1024)));
  t.is(
    codeOf(() => writer.get('x'.repeat(1025))),
    'RAFT_KEY_TOO_LONG',
  );
  t.is(
    codeOf(() => writer.get('é'.repeat(513))),
    'RAFT_KEY_TOO_LONG',
  );
});

test('keys of every length and alphabet are read back, up to the last byte of the memory', (t) => {
  const reader = new BatchReader();
  for (const char of ['a', '\u007f', 'é', '€', '😀']) {
    for (let length = 0; length <= 40; length++) {
      const writer = new BatchWriter();
      const name = char.repeat(length);
      const exact = Buffer.alloc(payloadOf([{ commands: [get(name)] }]).end);
      writer.reset(exact);
      t.true(writer.get(name));

      const [only] = readPayload({ bytes: exact, start: 0, end: writer.finish(stampOf()) }, reader);

      t.deepEqual(only?.commands, [get(name)]);
    }
  }
});

test('a batch is stamped again without being written again', (t) => {
  const payload = payloadOf([{ clientId: 1, firstSerial: 1, requestId: 1, commands: [get('k')] }]);
  const stamp = { clientId: 2, firstSerial: 9, lowestSerial: 8, originActor: 5, requestId: 6 };

  stampBatch(viewOf(payload.bytes), 0, stamp);

  t.deepEqual(readPayload(payload, new BatchReader()), [{ ...stamp, commands: [get('k')] }]);
});

test('the rest of a batch is stepped over by nextBatch', (t) => {
  const payload = payloadOf([
    { requestId: 1, commands: [get('a'), get('b'), get('c')] },
    { requestId: 2, commands: [get('d')] },
  ]);
  const reader = new BatchReader();
  reader.reset(payload);
  reader.nextBatch();
  reader.nextCommand();

  t.true(reader.nextBatch());
  t.true(reader.nextCommand());

  t.is(reader.requestId, 2);
  t.is(reader.key(), 'd');
  t.false(reader.nextCommand());
  t.false(reader.nextBatch());
  reader.reset(payload);
  reader.nextBatch();
  reader.reset(payload);
  t.false(reader.nextCommand());
});

test('the limits of a writer are checked (1 to what the layout holds)', (t) => {
  for (const keyBytesMax of [0, -1, 1.5, 65_536, Number.NaN]) {
    t.is(
      codeOf(() => new BatchWriter({ keyBytesMax })),
      'RAFT_INVALID_OPTION',
    );
  }
  for (const valueBytesMax of [0, 2 ** 31, Number.NaN]) {
    t.is(
      codeOf(() => new BatchWriter({ valueBytesMax })),
      'RAFT_INVALID_OPTION',
    );
  }
  t.is(
    codeOf(() => new BatchWriter().reset(Buffer.alloc(39))),
    'RAFT_BROKEN_INVARIANT',
  );
});

test('lengths that lead out of the payload or the batch are an error, wherever they stand', (t) => {
  const payload = payloadOf([
    { clientId: 1, firstSerial: 1, commands: [set('a', 'x'), get('b')] },
    { commands: [{ kind: 'cas', key: 'c', expected: 'e', value: 'v' }] },
  ]);
  const good = Buffer.from(payload.bytes.subarray(0, payload.end));
  const first = batchHeaderBytes;
  const second = good.readUInt32LE(batchField.byteLength);
  const broken = (offset: number, word: number): string | undefined => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(word, offset);
    return codeOf(() => checkPayload(rangeOf(bytes)));
  };
  const code = 'RAFT_BROKEN_INVARIANT';

  t.is(broken(batchField.byteLength, good.length + 8), code);
  t.is(broken(batchField.byteLength, 32), code);
  t.is(broken(batchField.byteLength, second + 4), code);
  t.is(broken(batchField.count, 3), code);
  t.is(broken(first + 4, 0xffffffff), code);
  t.is(broken(first, 0xffff0000 + op.set), code);
  t.is(broken(first + 12 + 4, 20), code, 'the last value of a batch ends in the next batch');
  t.is(broken(second + batchHeaderBytes + 8, 1_000), code);
  for (let end = 1; end < good.length; end++) {
    if (end === second) continue;
    t.is(
      codeOf(() => checkPayload(rangeOf(good.subarray(0, end)))),
      code,
    );
    t.is(
      codeOf(() => checkPayload({ bytes: good, start: 0, end })),
      code,
    );
  }
});

test('a batch is an error as soon as its header is read, before any command is', (t) => {
  const headed = (byteLength: number, end: number): string | undefined => {
    const bytes = Buffer.alloc(128);
    bytes.writeUInt32LE(byteLength, batchField.byteLength);
    const reader = new BatchReader();
    return codeOf(() => {
      reader.reset({ bytes, start: 0, end });
      reader.nextBatch();
    });
  };
  const code = 'RAFT_BROKEN_INVARIANT';

  t.is(headed(40, 40), undefined);
  t.is(headed(0, 40), code, 'a walk over batches of no length would never end');
  t.is(headed(32, 40), code);
  t.is(headed(44, 48), code);
  t.is(headed(64, 48), code);
  t.is(headed(40, 129), code);
});

test('a cas that ends in its header is an error at the end of the memory too', (t) => {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt32LE(48, batchField.byteLength);
  bytes.writeUInt32LE(1, batchField.count);
  bytes[batchHeaderBytes] = op.cas;

  t.is(
    codeOf(() => checkPayload(rangeOf(bytes))),
    'RAFT_BROKEN_INVARIANT',
  );
});

test('serial numbers that are none are an error, NaN above all (pitfall 44)', (t) => {
  const bad = [Number.NaN, -1, 0.5, 2 ** 53, Number.POSITIVE_INFINITY];
  const check = (stamp: object): string | undefined =>
    codeOf(() => checkPayload(payloadOf([{ ...stamp, commands: [get('k')] }])));

  for (const number of bad) {
    t.is(check({ clientId: number, firstSerial: 1 }), 'RAFT_BROKEN_INVARIANT');
    t.is(check({ clientId: 1, firstSerial: number }), 'RAFT_BROKEN_INVARIANT');
    t.is(check({ clientId: 1, firstSerial: 1, lowestSerial: number }), 'RAFT_BROKEN_INVARIANT');
  }
  t.is(check({ clientId: 1, firstSerial: 0 }), 'RAFT_BROKEN_INVARIANT');
  t.is(check({ clientId: 1, firstSerial: 2 ** 53 - 1 }), 'RAFT_BROKEN_INVARIANT');
  t.is(check({ clientId: 2 ** 40, firstSerial: 2 ** 52, lowestSerial: 0 }), undefined);
});

test('random damage is an error or other commands, never a read beyond the payload', (t) => {
  const good = payloadOf([{ clientId: 1, firstSerial: 1, commands: [set('abc', 'x'), get('b')] }]);
  const property = fc.property(fc.nat({ max: good.end - 1 }), fc.nat({ max: 255 }), (at, byte) => {
    const bytes = Buffer.from(good.bytes.subarray(0, good.end));
    bytes[at] = byte;
    const reader = new BatchReader();
    reader.reset({ bytes, start: 0, end: bytes.length });
    const code = codeOf(() => {
      while (reader.nextBatch()) {
        while (reader.nextCommand()) assert(reader.expectedEnd <= bytes.length);
      }
    });
    assert(code === undefined || code === 'RAFT_BROKEN_INVARIANT');
  });

  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});
