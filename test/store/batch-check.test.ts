import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { isOneBatch } from '../../src/store/batch-check.js';
import { batchField, batchHeaderBytes, checkPayload, op, viewOf } from '../../src/store/command.js';
import { type Command, get, payloadOf, register, set } from './batches.js';

const commands: readonly Command[] = [
  set('key', 'value'),
  { kind: 'cas', key: 'k', expected: 'a', value: 'bc' },
  { kind: 'delete', key: 'odd' },
  get('g'),
  register,
];

function batchOf(list: readonly Command[], clientId = 7): Buffer {
  const { bytes, end } = payloadOf([{ clientId, firstSerial: 1, lowestSerial: 1, commands: list }]);
  return Buffer.from(bytes.subarray(0, end));
}

/** What the reader says, which every replica applies by. */
function isReadable(bytes: Buffer): boolean {
  try {
    checkPayload({ bytes, start: 0, end: bytes.length });
    return bytes.length > 0 && bytes.readUInt32LE(batchField.byteLength) === bytes.length;
  } catch {
    return false;
  }
}

const accepts = (bytes: Buffer): boolean => isOneBatch(viewOf(bytes), 0, bytes.length);

test('whatever a client writes is one batch, wherever it stands', (t) => {
  const bytes = batchOf(commands);
  const memory = Buffer.concat([Buffer.alloc(16, 0xff), bytes, Buffer.alloc(16, 0xff)]);

  t.true(accepts(bytes));
  t.true(isOneBatch(viewOf(memory), 16, 16 + bytes.length));
  t.false(isOneBatch(viewOf(memory), 16, 8 + bytes.length));
  t.false(isOneBatch(viewOf(memory), 16, 24 + bytes.length));
  t.true(accepts(batchOf([])));
});

test('damage is accepted only where the reader of every replica gets through it', (t) => {
  const good = batchOf(commands);
  const words = fc.oneof(fc.nat({ max: 64 }), fc.integer({ min: 0, max: 0xffff_ffff }));
  const damage = fc.array(fc.tuple(fc.nat({ max: good.length / 4 - 1 }), words), { maxLength: 3 });
  let refused = 0;
  const property = fc.property(damage, fc.nat({ max: good.length }), (list, cut) => {
    const bytes = Buffer.from(list.length > 0 ? good : good.subarray(0, cut));
    for (const [at, word] of list) bytes.writeUInt32LE(word, 4 * at);
    if (!accepts(bytes)) refused += 1;
    assert.equal(accepts(bytes), isReadable(bytes));
  });

  t.notThrows(() => fc.assert(property, { numRuns: 5_000 }));
  t.true(refused > 500);
});

test('numbers that are none are refused in the header (pitfall 44)', (t) => {
  const bad = [Number.NaN, -1, 0.5, 2 ** 53, Number.POSITIVE_INFINITY];
  for (const field of ['clientId', 'firstSerial', 'lowestSerial'] as const) {
    for (const number of bad) {
      const bytes = batchOf(commands);
      bytes.writeDoubleLE(number, batchField[field]);
      t.false(accepts(bytes), `${field} ${number}`);
      t.false(isReadable(bytes));
    }
  }
});

test('a length of almost 2^32 does not come out as a step back', (t) => {
  const bytes = batchOf([set('k', 'v'), set('l', 'w')]);
  for (const length of [0x7fff_fff0, 0x8000_0000, 0xffff_fff8, 0xffff_ffff]) {
    bytes.writeUInt32LE(length, batchHeaderBytes + 4);
    t.false(accepts(bytes));
  }
  const cut = Buffer.alloc(48);
  cut.writeUInt32LE(48, batchField.byteLength);
  cut.writeUInt32LE(1, batchField.count);
  cut[batchHeaderBytes] = op.cas;
  t.false(accepts(cut), 'a cas that ends in its header');
});
