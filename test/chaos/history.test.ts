import test from 'ava';
import { formatEvent, type HistoryEvent, parseEvent } from '../../src/chaos/event.js';
import { readHistory } from '../../src/chaos/history.js';
import { canonicalJson, formatJson, parseJson } from '../../src/chaos/json.js';
import { operationsOf } from '../../src/chaos/operation.js';

const invoke = '{"process":0,"type":"invoke","op":"set","key":"x","value":1,"time":1}';
const ok = '{"process":0,"type":"ok","op":"set","key":"x","time":2}';

/** The history of a text, in chunks of so many bytes. */
function read(text: string | Uint8Array, chunkBytes = 7): ReturnType<typeof readHistory> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    chunks.push(bytes.subarray(at, at + chunkBytes));
  }
  return readHistory(chunks);
}

test('a history is one event a line; CRLF, blank lines and a byte order mark do no harm', async (t) => {
  const plain = await read(`${invoke}\n${ok}\n`);

  t.is(plain.length, 1);
  t.like(plain[0], { op: 'set', key: 'x', value: 1, outcome: 'ok', invokedAt: 1, completedAt: 2 });
  t.deepEqual(await read(`${invoke}\r\n${ok}`), plain);
  t.deepEqual(await read(`\ufeff${invoke}\n${ok}`), plain);
  const [late] = await read(`\n \n${invoke}\n\t\r\n${ok}\n\n`);
  t.is(late?.line, 3);
  t.deepEqual(await read(''), []);
  t.deepEqual(await read('\n\n'), []);
});

test('keys of any script survive being cut into chunks anywhere', async (t) => {
  const keys = ['ключ', '鍵', '🔑', 'a"b\\c', '', '\u2028'];
  const events = keys.map((key, process): HistoryEvent => {
    return { process, type: 'invoke', op: 'set', key, value: key, time: process };
  });
  const text = events.map(formatEvent).join('\n');

  for (const chunkBytes of [1, 2, 3, 1_000]) {
    const operations = await read(text, chunkBytes);
    t.deepEqual(
      operations.map(({ key, value }) => [key, value]),
      keys.map((key) => [key, key]),
    );
  }
});

test('times decide the order of events, and lines that of equal times', async (t) => {
  const lines = [
    '{"process":0,"type":"ok","op":"get","key":"x","value":2,"time":9}',
    '{"process":0,"type":"invoke","op":"set","key":"x","value":1,"time":1}',
    '{"process":0,"type":"ok","op":"set","key":"x","time":5}',
    '{"process":0,"type":"invoke","op":"get","key":"x","time":5}',
  ];

  const operations = await read(lines.join('\n'));

  t.deepEqual(
    operations.map(({ op, line, invokedAt, completedAt }) => [op, line, invokedAt, completedAt]),
    [
      ['set', 2, 1, 5],
      ['get', 4, 5, 9],
    ],
  );
});

test('nanoseconds since 1970 are not rounded', async (t) => {
  const [operation] = await read(
    `${invoke.replace('"time":1', '"time":1700000000000000001')}\n` +
      ok.replace('"time":2', '"time":1700000000000000002'),
  );

  t.is(operation?.invokedAt, 1700000000000000001n);
  t.is(operation?.completedAt, 1700000000000000002n);

  const inside = '{"time":1700000000000000003}';
  const texts: readonly (readonly [value: string, time: string, expected: bigint | number])[] = [
    [inside, '5', 5],
    [inside, '1700000000000000001', 1700000000000000001n],
    ['"\\"time\\":1700000000000000003,"', '1700000000000000001', 1700000000000000001n],
    ['1700000000000000003', '5', 5],
    ['-0.0000000000000000001', '-1700000000000000001', -1700000000000000001n],
  ];
  for (const [value, time, expected] of texts) {
    const line = invoke
      .replace('"value":1', `"value":${value}`)
      .replace(/"time":1}$/, `"time":${time}}`);
    t.is(parseEvent(line, 1).time, expected, line);
    t.deepEqual(parseEvent(line, 1).value, parseJson(value), line);
  }
  // A line that is spelt in another way is read as well.
  t.is(
    parseEvent(invoke.replace('"time":1', '"\\u0074ime":1700000000000000001'), 1).time,
    1700000000000000001n,
  );
});

test('an operation without completion is one of unknown outcome, and so is one with info', async (t) => {
  const info = ok.replace('"ok"', '"info"');

  t.like((await read(invoke))[0], { outcome: 'info', completedAt: undefined });
  t.like((await read(`${invoke}\n${info}`))[0], { outcome: 'info', completedAt: 2 });
  // The process may go on: what it left behind is no longer open.
  t.is((await read(`${invoke}\n${info}\n${invoke.replace('"time":1', '"time":3')}`)).length, 2);
});

const wrong: readonly (readonly [problem: string, text: string, message: RegExp])[] = [
  ['no JSON', `${invoke}\nset x`, /^line 2 cannot be read as JSON/],
  ['a line that was cut off', `${invoke}\n${ok.slice(0, 20)}`, /^line 2 cannot be read as JSON/],
  ['no object', '[]', /^line 1 is \[\]; expected an object/],
  ['null', 'null', /^line 1 is null; expected an object/],
  ['no process', invoke.replace('"process":0,', ''), /has no process; expected an integer/],
  ['a process that is none', invoke.replace(':0', ':"a"'), /has process "a"; expected an integer/],
  ['an unknown type', invoke.replace('invoke', 'call'), /has type "call"; expected invoke, ok/],
  ['an unknown op', invoke.replace('set', 'put'), /has op "put"; expected get, set, cas, delete/],
  ['a key that is none', invoke.replace('"x"', '1'), /has key 1; expected a string/],
  ['a fraction of a nanosecond', invoke.replace('"time":1', '"time":1.5'), /has time 1.5/],
  ['no time', invoke.replace(',"time":1', ''), /has no time/],
  ['a set of null', invoke.replace('"value":1', '"value":null'), /has value of a set null/],
  ['a set of nothing', invoke.replace('"value":1,', ''), /has no value of a set/],
  ['a cas without expected', invoke.replace('set', 'cas'), /has no expected of a cas/],
  [
    'a get that gives nothing',
    `${invoke.replace('set', 'get')}\n${ok.replace('set', 'get')}`,
    /^line 2 has no value of a get/,
  ],
  [
    'a delete that gives a number',
    `${invoke.replace('set', 'delete')}\n${ok.replace('"set"', '"delete","value":7')}`,
    /^line 2 has value of a delete 7/,
  ],
  ['a completion of nothing', ok, /^line 1 completes set "x", but process 0 has no open/],
  ['two completions', `${invoke}\n${ok}\n${ok}`, /^line 3 completes set "x"/],
  [
    'two open operations',
    `${invoke}\n${invoke}`,
    /^line 2 is a second open operation of process 0/,
  ],
  ['another op', `${invoke}\n${ok.replace('set', 'delete')}`, /^line 2 completes delete "x", but/],
  ['another key', `${invoke}\n${ok.replace('"x"', '"y"')}`, /^line 2 completes set "y", but/],
  [
    'a completion before its invocation',
    `${invoke}\n${ok.replace('"time":2', '"time":0')}`,
    /^line 2 completes set "x", but process 0 has no open operation at 0/,
  ],
];

for (const [problem, text, message] of wrong) {
  test(`refused: ${problem}`, async (t) => {
    await t.throwsAsync(() => read(text), { code: 'RAFT_INVALID_HISTORY', message });
  });
}

test('refused: bytes that are not UTF-8', async (t) => {
  const bytes = new TextEncoder().encode(`${invoke}\n${ok}`);
  bytes[bytes.indexOf('x'.charCodeAt(0))] = 0xff;

  await t.throwsAsync(() => read(bytes), { code: 'RAFT_INVALID_HISTORY', message: /not UTF-8/ });
});

test('events come back from their lines as they were', (t) => {
  const values = [0, -1.5, 'a\n"', [1, [null]], { b: true, a: {} }, 12345678901234567890n];
  for (const value of values) {
    const event: HistoryEvent = {
      process: 3,
      type: 'invoke',
      op: 'cas',
      key: 'é\u2028',
      expected: null,
      value,
      time: 5,
    };

    t.false(formatEvent(event).includes('\n'));
    t.deepEqual(parseEvent(formatEvent(event), 1), event);
  }
});

test('large whole numbers are read exactly, and only where they are numbers', (t) => {
  const text = '{"a":[9007199254740993,"9007199254740993"],"b\\u003a":-9007199254740993,"c":1e20}';

  t.deepEqual(parseJson(text), {
    a: [9007199254740993n, '9007199254740993'],
    'b:': -9007199254740993n,
    c: 1e20,
  });
  t.is(formatJson(parseJson('[9007199254740993]')), '[9007199254740993]');
  // Colons that escapes spell stay what they are, and so do thousands of such numbers in one line.
  t.is(formatJson(parseJson('["::\\u003a:1",9007199254740993]')), '["::::1",9007199254740993]');
  t.is(formatJson(parseJson('["::::1",9007199254740993]')), '["::::1",9007199254740993]');
  const many = `[${Array(50_000).fill('12345678901234567890').join(',')}]`;
  t.is(formatJson(parseJson(many)), many);
});

test('a number that a double cannot hold is refused: two of them would seem to be one', (t) => {
  for (const number of ['1e400', '-2E+999', `${'9'.repeat(310)}.5`, `1${'0'.repeat(310)}e0`]) {
    t.throws(() => parseJson(`{"a":[${number}]}`), {
      name: 'SyntaxError',
      message: /^the number .* is too large$/,
    });
    for (const time of ['1', '1700000000000000001']) {
      t.throws(
        () =>
          parseEvent(
            invoke
              .replace('"value":1', `"value":${number}`)
              .replace(/"time":1}$/, `"time":${time}}`),
            1,
          ),
        { code: 'RAFT_INVALID_HISTORY', message: /line 1 .*the number .* is too large/ },
      );
    }
  }
  t.deepEqual(parseJson('["1e400",1e-400,1e300]'), ['1e400', 0, 1e300]);
  t.is(formatJson(parseJson('9'.repeat(400))), '9'.repeat(400));
});

test('values that mean the same have the same canonical form, and no others', (t) => {
  const same = ['[1.0,0]', '[1,-0]', '[1e0,0.0]'].map((text) => canonicalJson(parseJson(text)));
  t.is(new Set(same).size, 1);
  t.is(canonicalJson(parseJson('{"b":1,"a":2}')), canonicalJson(parseJson('{"a":2,"b":1}')));
  t.is(canonicalJson(1e20), canonicalJson(parseJson('100000000000000000000')));

  const different = ['null', '"null"', '0', '"0"', 'false', '""', '[]', '{}', '[[]]', '["a","b"]'];
  different.push('["a,b"]', '{"a":1}', '{"a":"1"}', '[null]', '9007199254740993', '1e300');
  t.is(new Set(different.map((text) => canonicalJson(parseJson(text)))).size, different.length);
});

test('operations stand in the order of their invocations', (t) => {
  const events: HistoryEvent[] = [
    { process: 1, type: 'invoke', op: 'get', key: 'x', time: 5 },
    { process: 0, type: 'invoke', op: 'get', key: 'x', time: 3 },
  ];

  t.deepEqual(
    operationsOf(events).map(({ process }) => process),
    [0, 1],
  );
});

test('events of a program are checked as lines of a file are', (t) => {
  const invocation = { process: 0, type: 'invoke', op: 'get', key: 'x', time: 0 } as const;
  const completion = { ...invocation, type: 'OK', value: 1, time: 1 } as unknown as HistoryEvent;

  t.throws(() => operationsOf([invocation, completion]), {
    code: 'RAFT_INVALID_HISTORY',
    message: /^line 2 has type "OK"; expected invoke, ok, fail, info$/,
  });
});
