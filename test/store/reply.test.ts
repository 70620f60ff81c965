import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { isRaftError } from '../../src/errors.js';
import { type Outcome, outcome, outcomeName } from '../../src/store/outcome.js';
import {
  ReadReplyWriter,
  ReplyReader,
  replyHeaderBytes,
  type StoredValue,
  WriteReplyWriter,
  writeReplyBytesMax,
} from '../../src/store/reply.js';

interface Given {
  readonly code: Outcome;
  readonly index: number;
  readonly current?: string;
  readonly clientId?: number;
}

const memory = Buffer.from(new SharedArrayBuffer(1 << 16));

function writeAnswers(given: readonly Given[], room: number, requestId = 7): number {
  const writer = new WriteReplyWriter();
  writer.reset({ bytes: memory, start: 8, end: 8 + room }, { requestId, count: given.length });
  for (const { code, index, current, clientId } of given) {
    if (clientId === undefined) writer.push(code, index, current);
    else writer.registered(clientId, index);
  }
  return writer.finish();
}

function readAnswers(end: number): Given[] {
  const reader = new ReplyReader();
  const answers: Given[] = [];
  reader.reset({ bytes: memory, start: 8, end });
  while (reader.next()) {
    const { outcome: code, index, hasValue, valueStart, valueEnd } = reader;
    if (code === outcome.registered) answers.push({ code, index, clientId: reader.clientId() });
    else if (!hasValue) answers.push({ code, index });
    else answers.push({ code, index, current: memory.toString('latin1', valueStart, valueEnd) });
  }
  return answers;
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

const index = fc.oneof(fc.constant(5), fc.maxSafeNat());
const answer: fc.Arbitrary<Given> = fc.oneof(
  fc.constant({ code: outcome.ok, index: 5 }),
  fc.record({ code: fc.constant(outcome.ok), index }, { noNullPrototype: true }),
  fc.record(
    { code: fc.constantFrom<Outcome>(outcome.absent, outcome.answeredLongAgo), index },
    { noNullPrototype: true },
  ),
  fc.record(
    { code: fc.constant(outcome.mismatch), index, current: fc.string({ minLength: 1 }) },
    { noNullPrototype: true },
  ),
  fc.record(
    { code: fc.constant(outcome.registered), index, clientId: fc.maxSafeNat() },
    { noNullPrototype: true },
  ),
);
// One byte a character, as values are kept.
const answers = fc
  .array(answer, { maxLength: 20 })
  .map((list) =>
    list.map((given) =>
      given.current === undefined
        ? given
        : { ...given, current: given.current.replace(/[^\0-\xff]/g, '?') },
    ),
  );

test('outcomes are read as they were written, in the short form or the long', (t) => {
  const property = fc.property(answers, (given) => {
    const end = writeAnswers(given, 4096);

    assert.deepStrictEqual(readAnswers(end), given);
    assert.equal(end % 8, 0);
  });

  t.notThrows(() => fc.assert(property, { numRuns: 1_000 }));
});

test('a thousand sets that went well are answered in 24 bytes', (t) => {
  const given = Array.from({ length: 1000 }, () => ({ code: outcome.ok, index: 9 }));
  const end = writeAnswers(given, writeReplyBytesMax(1000), 0xffffffff);
  const reader = new ReplyReader();

  reader.reset({ bytes: memory, start: 8, end });

  t.is(end - 8, replyHeaderBytes);
  t.true(reader.isAllOk);
  t.is(reader.requestId, 0xffffffff);
  t.is(reader.replyIndex, 9);
  t.is(reader.count, 1000);
  t.is(readAnswers(end).length, 1000);
});

test('one that was applied by another entry is told apart (C74)', (t) => {
  const given = [
    { code: outcome.ok, index: 9 },
    { code: outcome.ok, index: 8 },
  ];
  const end = writeAnswers(given, writeReplyBytesMax(2));
  const reader = new ReplyReader();
  reader.reset({ bytes: memory, start: 8, end });

  t.false(reader.isAllOk);
  t.deepEqual(readAnswers(end), given);
});

test('a writer is used again for another batch', (t) => {
  const writer = new WriteReplyWriter();
  const region = { bytes: memory, start: 8, end: 4096 };
  writer.reset(region, { requestId: 1, count: 1 });
  writer.push(outcome.absent, 3);
  writer.finish();

  writer.reset(region, { requestId: 2, count: 1 });
  writer.push(outcome.ok, 4);

  const end = writer.finish();
  t.deepEqual(readAnswers(end), [{ code: outcome.ok, index: 4 }]);
  t.is(end - 8, replyHeaderBytes);
});

test('a current value is left out where it would take the room of other outcomes', (t) => {
  const big = 'x'.repeat(100);
  const given: Given[] = [
    { code: outcome.mismatch, index: 1, current: big },
    { code: outcome.mismatch, index: 1, current: 'small' },
    { code: outcome.registered, index: 1, clientId: 4 },
  ];

  const whole = writeReplyBytesMax(3) + 104 + 8;
  t.deepEqual(readAnswers(writeAnswers(given, whole)), given);
  t.deepEqual(readAnswers(writeAnswers(given, writeReplyBytesMax(3) + 96)), [
    { code: outcome.mismatch, index: 1 },
    ...given.slice(1),
  ]);
  for (let room = writeReplyBytesMax(3); room < whole; room++) {
    memory.fill(0xee);
    t.is(readAnswers(writeAnswers(given, room)).length, 3);
    t.true(memory.subarray(8 + room).every((byte) => byte === 0xee));
  }
  t.is(
    codeOf(() => writeAnswers(given, writeReplyBytesMax(3) - 1)),
    'RAFT_BROKEN_INVARIANT',
  );
});

/** A value in the middle of other bytes, as in a page. */
function stored(text: string): StoredValue;
function stored(text: string | undefined): StoredValue | undefined;
function stored(text: string | undefined): StoredValue | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(`<${text}>`, 'latin1');
  return { bytes, valueStart: 1, valueEnd: bytes.length - 1 };
}

test('values that were read are answered in order, and a missing key as absent', (t) => {
  const value = fc.oneof(
    fc.constant(undefined),
    fc.string().map((text) => text.replace(/[^\0-\xff]/g, '?')),
  );
  const property = fc.property(fc.array(value, { maxLength: 20 }), (values) => {
    const writer = new ReadReplyWriter();
    writer.reset({ bytes: memory, start: 8, end: 4096 });
    for (const each of values) assert(writer.push(stored(each)));
    const end = writer.finish(12, 34);

    const reader = new ReplyReader();
    reader.reset({ bytes: memory, start: 8, end });
    assert.deepEqual(
      [reader.requestId, reader.replyIndex, reader.count, end % 8],
      [12, 34, values.length, 0],
    );
    for (const each of values) {
      assert(reader.next());
      assert.equal(reader.hasValue, each !== undefined);
      assert.equal(reader.outcome, each === undefined ? outcome.absent : outcome.ok);
      if (each === undefined) continue;
      assert.equal(memory.toString('latin1', reader.valueStart, reader.valueEnd), each);
    }
    assert(!reader.next());
  });

  t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});

test('a value that does not fit gives false and leaves the answer as it was', (t) => {
  for (let room = replyHeaderBytes + 8; room < replyHeaderBytes + 32; room++) {
    const writer = new ReadReplyWriter();
    memory.fill(0xee);
    writer.reset({ bytes: memory, start: 8, end: 8 + room });

    t.true(writer.push(stored('1234')));
    t.false(writer.push(stored('x'.repeat(20))));

    t.deepEqual(readAnswers(writer.finish(1, 2)), [
      { code: outcome.ok, index: 2, current: '1234' },
    ]);
    t.true(memory.subarray(8 + room).every((byte) => byte === 0xee));
  }
});

test('bytes that are no answer are an error', (t) => {
  const end = writeAnswers([{ code: outcome.mismatch, index: 1, current: 'abc' }], 256);
  const good = Buffer.from(memory.subarray(8, end));
  const readAll = (bytes: Buffer): string | undefined =>
    codeOf(() => {
      const reader = new ReplyReader();
      reader.reset({ bytes, start: 0, end: bytes.length });
      while (reader.next());
    });
  const broken = (offset: number, word: number): string | undefined => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(word, offset);
    return readAll(bytes);
  };
  const code = 'RAFT_BROKEN_INVARIANT';

  const values = Buffer.alloc(replyHeaderBytes + 8);
  const writer = new ReadReplyWriter();
  writer.reset({ bytes: values, start: 0, end: values.length });
  writer.push(stored('1234'));
  writer.finish(1, 1);
  t.is(readAll(values), undefined);
  values.writeUInt32LE(2, 4);
  t.is(readAll(values), code);
  values.writeUInt32LE(0, 4);
  values.writeUInt32LE(0, 0);
  t.is(readAll(values), code);
  t.is(readAll(good), undefined);
  t.is(broken(0, good.length + 8), code);
  t.is(broken(0, 8), code);
  t.is(broken(4, 2), code);
  t.is(broken(12, 0), code);
  t.is(broken(12, 4), code);
  t.is(broken(replyHeaderBytes + 4, 9), code);
  for (let length = 0; length < good.length; length++)
    t.is(readAll(good.subarray(0, length)), code);
});

test('outcomes have the names that people read', (t) => {
  const names = Object.values(outcome).map((code) => outcomeName(code));

  t.deepEqual(names, [
    'ok',
    'absent',
    'mismatch',
    'registered',
    'full',
    'refused',
    'answered-long-ago',
    'session-expired',
    'done',
    'failed',
    'result-lost',
  ]);
});
