import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { isRaftError } from '../../src/errors.js';
import { decodeStored, decodeValue, encodeValue, valueByteLength } from '../../src/store/value.js';

const memory = Buffer.from(new SharedArrayBuffer(1 << 20));

function encode(value: unknown, at = 0): Buffer {
  const end = encodeValue(value, memory, at);
  assert.notEqual(end, -1);
  return Buffer.from(memory.subarray(at, end));
}

function roundTrip(value: unknown): unknown {
  const bytes = encode(value, 3);
  const decoded = decodeValue(bytes, 0, bytes.length);
  assert.deepStrictEqual(decodeStored(bytes.toString('latin1')), decoded);
  assert.equal(valueByteLength(value), bytes.length);
  return decoded;
}

function refusal(value: unknown): { code: unknown; path: unknown } {
  try {
    encodeValue(value, memory, 0);
  } catch (error) {
    if (!isRaftError(error)) throw error;
    const { path } = error.details as { path?: unknown };
    return { code: error.code, path };
  }
  return { code: undefined, path: undefined };
}

const character = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: character }),
  fc.string({ minLength: 30, maxLength: 200 }),
);
const plainValue = fc.anything({
  key: fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toJSON', 'hasOwnProperty', '0')),
  maxDepth: 4,
  values: [
    text,
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.constantFrom<unknown>(null, undefined, 0, -0, Number.NaN, Number.POSITIVE_INFINITY),
    fc.constantFrom<unknown>(2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, -(2n ** 63n), 2n ** 64n),
  ],
});
const anyValue = fc.anything({
  key: text,
  maxDepth: 4,
  withBigInt: true,
  withBoxedValues: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

test('a value comes back as the structured clone gives it: plain data', (t) => {
  const property = fc.property(plainValue, (value) => {
    assert.deepStrictEqual(roundTrip(value), structuredClone(value));
  });

  t.notThrows(() => fc.assert(property, { numRuns: 3_000 }));
});

test('a value comes back as the structured clone gives it: anything', (t) => {
  const property = fc.property(anyValue, (value) => {
    assert.deepStrictEqual(roundTrip(value), structuredClone(value));
  });

  t.notThrows(() => fc.assert(property, { numRuns: 3_000 }));
});

test('what MessagePack alone would change comes back unchanged', (t) => {
  const shared = { a: 1 };
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  const holed: unknown[] = [undefined];
  holed[2] = undefined;
  const named = Object.assign([1, 2], { name: 'x' });
  const both = Object.assign([...named], { name: 'x' });
  delete both[0];
  class Point {
    x = 1;
    norm(): number {
      return this.x;
    }
  }
  const values: unknown[] = [
    -0,
    [-0],
    '\ud800 alone',
    { '\udc00': 1 },
    sparse,
    named,
    both,
    { [Symbol.toStringTag]: 'Named', a: 1 },
    new Point(),
    { toJSON: 1, constructor: 2, hasOwnProperty: 3 },
    JSON.parse('{"__proto__": {"a": 1}}'),
    new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'b'])]]),
    /a+b/giu,
    new Float64Array([1, -0, Number.NaN]),
    new DataView(new ArrayBuffer(3)),
    new ArrayBuffer(5),
    2n ** 200n,
    Object(5n),
    { shared, again: shared },
    holed,
  ];

  for (const value of values) t.deepEqual(roundTrip(value), structuredClone(value));
  t.true(Object.is(roundTrip(-0), -0));
  t.false(1 in (roundTrip(sparse) as unknown[]));
});

test('identity inside a value is kept: shared parts and cycles', (t) => {
  const part = { a: 1 };
  const cyclic: { parts: unknown[]; self?: unknown } = { parts: [part, part] };
  cyclic.self = cyclic;

  const back = roundTrip(cyclic) as { self: unknown; parts: [unknown, unknown] };

  t.is(back.self, back);
  t.is(back.parts[0], back.parts[1]);
  const [a, b] = roundTrip([part, part]) as [unknown, unknown];
  t.is(a, b);
});

test('an invalid date, an error and its cause come back', (t) => {
  const error = new RangeError('too far', { cause: { miles: 3 } });

  const bytes = encode([new Date(Number.NaN), error]);
  const [date, back] = decodeValue(bytes, 0, bytes.length) as [Date, RangeError];

  t.true(Number.isNaN(date.getTime()));
  t.is(back.message, 'too far');
  t.deepEqual(back.cause, { miles: 3 });
  t.is(back.stack, error.stack);
  t.true(back instanceof RangeError);
  const disguised = Object.setPrototypeOf(new Error('x'), Object.prototype);
  t.true(decodeStored(encode(disguised).toString('latin1')) instanceof Error);
});

test('bytes come back as a Uint8Array, whatever view of bytes they were', (t) => {
  const part = Buffer.from('a pool holds more than this');
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);

  const buffer = roundTrip(part);
  const nested = roundTrip({ part, deep: new Map([['part', part]]) }) as {
    part: unknown;
    deep: Map<string, unknown>;
  };

  t.is(Object.getPrototypeOf(buffer), Uint8Array.prototype);
  t.deepEqual(buffer, new Uint8Array(part));
  t.is(Object.getPrototypeOf(nested.part), Uint8Array.prototype);
  t.is(Object.getPrototypeOf(nested.deep.get('part')), Uint8Array.prototype);
  t.deepEqual(roundTrip(new Uint8Array(0)), new Uint8Array(0));
  t.deepEqual(roundTrip(shared), new Uint8Array([7, 7, 7, 7]));
});

test('only the bytes of a view are stored, never the rest of its pool', (t) => {
  const pool = new ArrayBuffer(8192);
  const view = new Uint16Array(pool, 512, 2);

  const bytes = encode({ view });
  const back = (roundTrip({ view }) as { view: Uint16Array }).view;

  t.true(bytes.length < 100);
  t.is(back.buffer.byteLength, 4);
});

test('what the structured clone refuses is refused, with the part to blame', (t) => {
  const code = 'RAFT_VALUE_NOT_CLONEABLE';
  const getter = {
    get broken(): never {
      throw new Error('no');
    },
  };
  const cyclic: { on: unknown; self?: unknown } = { on: () => {} };
  cyclic.self = cyclic;

  t.deepEqual(
    refusal(() => {}),
    { code, path: 'value' },
  );
  t.deepEqual(refusal(Symbol('s')), { code, path: 'value' });
  t.deepEqual(refusal({ a: [1, { greet() {} }] }), { code, path: 'value.a[1].greet' });
  t.deepEqual(refusal({ 'two words': Symbol('s') }), { code, path: 'value["two words"]' });
  t.deepEqual(refusal(new Map([['k', () => {}]])), { code, path: 'value.get("k")' });
  t.deepEqual(refusal(new Map([[() => {}, 'v']])), { code, path: 'value.keys()' });
  t.deepEqual(refusal(new Set([Symbol('s')])), { code, path: 'value.values()' });
  t.deepEqual(refusal({ p: Promise.resolve() }), { code, path: 'value.p' });
  t.deepEqual(refusal({ w: new WeakMap() }), { code, path: 'value.w' });
  t.deepEqual(refusal({ proxy: new Proxy({}, {}) }), { code, path: 'value.proxy' });
  t.deepEqual(refusal({ getter }), { code, path: 'value.getter.broken' });
  t.deepEqual(refusal(cyclic), { code, path: 'value.on' });
});

test('what belongs to its process is refused, though the structured clone shares it', (t) => {
  const code = 'RAFT_VALUE_NOT_CLONEABLE';
  const { Module: WasmModule } = Reflect.get(globalThis, 'WebAssembly');
  const header = [0, 97, 115, 109, 1, 0, 0, 0];

  t.deepEqual(refusal({ s: new SharedArrayBuffer(8) }), { code, path: 'value.s' });
  t.deepEqual(refusal({ b: new Blob(['x']) }), { code, path: 'value.b' });
  t.deepEqual(refusal(new WasmModule(new Uint8Array(header))), { code, path: 'value' });
});

test('bytes whose buffer was transferred away are refused, not stored as empty', (t) => {
  const bytes = new Uint8Array(3);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });

  t.is(refusal(bytes).code, 'RAFT_VALUE_NOT_CLONEABLE');
});

const nestings: Readonly<Record<string, (value: unknown) => unknown>> = {
  array: (value) => [value],
  object: (value) => ({ value }),
  'value of a Map': (value) => new Map([['k', value]]),
  'key of a Map': (value) => new Map([[value, 'v']]),
  Set: (value) => new Set([value]),
  cause: (value) => new Error('x', { cause: value }),
};

function nest(levels: number, wrap: (value: unknown) => unknown = (value) => [value]): unknown {
  let value: unknown = 'core';
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
}

test('a value may have 1,000 levels of anything, and not one more', (t) => {
  for (const [name, wrap] of Object.entries(nestings)) {
    const bytes = encode(nest(1_000, wrap));

    t.is(valueByteLength(nest(1_000, wrap)), bytes.length, name);
    const back = decodeValue(bytes, 0, bytes.length);
    t.true(encode(back).equals(bytes), name);
    t.deepEqual(refusal(nest(1_001, wrap)), { code: 'RAFT_VALUE_NOT_CLONEABLE', path: 'value' });
  }
  t.is(JSON.stringify(roundTrip(nest(1_000))), JSON.stringify(nest(1_000)));
  t.is(encode(nest(1_000))[0], 6, 'MessagePack is not trusted with it');
  t.is(refusal(nest(200_000)).code, 'RAFT_VALUE_NOT_CLONEABLE');
});

test('the form of a value does not depend on how much stack is left', (t) => {
  for (const value of [nest(40), nest(60, nestings['object']), nest(80)]) {
    const form = encode(value);
    let refusals = 0;
    const atTheEndOfTheStack = (): Buffer => {
      try {
        return atTheEndOfTheStack();
      } catch (error) {
        // Here is a little more stack than where this came from.
        if (isRaftError(error, 'RAFT_VALUE_NOT_CLONEABLE')) refusals += 1;
        return encode(value);
      }
    };

    t.true(atTheEndOfTheStack().equals(form));
    t.true(refusals > 0, 'what does not fit on the stack is refused, not stored in another form');
  }
});

test('a value that came out of the store has the bytes that it had there', (t) => {
  const property = fc.property(anyValue, (value) => {
    const bytes = encode(value);
    assert.ok(encode(decodeValue(bytes, 0, bytes.length)).equals(bytes));
  });

  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('an instance of a class has the bytes of the plain object that it comes back as', (t) => {
  class Point {
    x = 1;
  }
  const bare = Object.assign(Object.create(null), { x: 1 });

  t.true(encode(new Point()).equals(encode({ x: 1 })));
  t.true(encode(bare).equals(encode({ x: 1 })));
  t.true(encode([new Point()]).equals(encode([{ x: 1 }])));
});

test('an array has the same bytes whether V8 thinks that it may have holes or not', (t) => {
  const holey = new Array<unknown>(2).fill('x');
  const grown: unknown[] = [];
  grown[1] = 'x';
  grown[0] = 'x';
  const inMap = (list: unknown): Buffer => encode(new Map([['list', list]]));

  t.true(inMap(holey).equals(inMap(['x', 'x'])));
  t.true(inMap(grown).equals(inMap(['x', 'x'])));
  t.true(encode(nest(100, (v) => new Array(1).fill(v))).equals(encode(nest(100))));
});

test('equal values have equal bytes, which is what cas compares', (t) => {
  const equal: [unknown, unknown][] = [
    ['abc', `a${'bc'}`],
    ['é', 'é'],
    [
      { a: 1, b: [2, null] },
      { a: 1, b: [2, null] },
    ],
    [new Date(5), new Date(5)],
    [Buffer.from('ab'), new Uint8Array([97, 98])],
    [{ x: Buffer.from('ab') }, { x: new Uint8Array([97, 98]) }],
    [1.5, 3 / 2],
    [Number.NaN, 0 / 0],
    [new Map([['a', 1]]), new Map([['a', 1]])],
  ];
  const different: [unknown, unknown][] = [
    ['1', 1],
    [1, 1n],
    [0, -0],
    [null, undefined],
    ['a', Buffer.from('a')],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
  ];

  for (const [a, b] of equal) t.true(encode(a).equals(encode(b)));
  for (const [a, b] of different) t.false(encode(a).equals(encode(b)));
});

test('the bytes of a value do not depend on what was encoded before', (t) => {
  const value = { name: 'x', tags: ['a'], nested: { name: 'y' } };

  const first = encode(value);
  for (let i = 0; i < 200; i++) encode({ [`key${i}`]: i, name: [{ [`deep${i}`]: 'z' }] });

  t.true(encode(value).equals(first));
});

test('a value that does not fit gives -1, at every room too small for it', (t) => {
  const values = [
    'ascii',
    'é'.repeat(20),
    '\ud800',
    'x'.repeat(300),
    new Uint8Array(9),
    { a: 1 },
    new Map(),
  ];
  for (const value of values) {
    const byteLength = valueByteLength(value);
    const target = Buffer.alloc(byteLength + 8, 0xee);

    for (let room = 0; room < byteLength; room++) {
      t.is(encodeValue(value, target, 4, 4 + room), -1);
      t.is(target[4 + room], 0xee, 'not a byte beyond the room is written');
    }

    t.is(encodeValue(value, target, 4, 4 + byteLength), 4 + byteLength);
    t.is(target.readUInt32LE(byteLength + 4), 0xeeeeeeee);
  }
});

test('a decoded value is a copy: the memory may be used again (pitfall 42)', (t) => {
  const values = [
    'text',
    'é',
    new Uint8Array([1, 2, 3]),
    { blob: new Uint8Array([4]), s: 'x' },
    new Map([['a', new Uint16Array([9])]]),
  ];
  for (const value of values) {
    const end = encodeValue(value, memory, 0);
    const decoded = decodeValue(memory, 0, end);

    memory.fill(0xff, 0, end);

    t.deepEqual(decoded, structuredClone(value));
  }
});

test('a value that is changed after it was encoded stays as it was (pitfall 42)', (t) => {
  const value = { list: [1], bytes: new Uint8Array([1]) };
  const bytes = encode(value);

  value.list.push(2);
  value.bytes[0] = 9;

  t.deepEqual(decodeValue(bytes, 0, bytes.length), { list: [1], bytes: new Uint8Array([1]) });
});

test('bytes without a known tag are an error, not a value', (t) => {
  const error = t.throws(() => decodeValue(Buffer.from([99, 1]), 0, 2));

  t.true(isRaftError(error, 'RAFT_BROKEN_INVARIANT'));
});

test('bytes that were read are nobody else’s, whatever memory they stand in', (t) => {
  for (const length of [1, 64, 65, 100, 1024, 1025]) {
    const source = Buffer.alloc(length + 1, 7);
    const end = encodeValue(new Uint8Array(length).fill(7), source, 0, source.length);
    const [first, second] = [decodeValue(source, 0, end), decodeValue(source, 0, end)];
    if (!(first instanceof Uint8Array && second instanceof Uint8Array)) throw new Error('no bytes');
    source.fill(0);
    first.fill(1);

    t.deepEqual(second, new Uint8Array(length).fill(7), `${length} bytes`);
    t.is(Object.getPrototypeOf(second), Uint8Array.prototype);
    if (second.buffer.byteLength > length) transfer(second.buffer as ArrayBuffer);
    t.is(second.byteLength, length, 'what shares its memory with others was moved away');
  }
});

/** Node 20 copies what must not be moved, later versions refuse it. */
function transfer(memory: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(memory, [memory]);
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'DataCloneError')) throw error;
  } finally {
    port1.close();
    port2.close();
  }
}
