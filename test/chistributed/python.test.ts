import test from 'ava';
import { type JsonValue, pythonLiteral, pythonText } from '../../src/chistributed/python.js';
import { parsePythonJson } from '../../src/chistributed/python-json.js';

test('values print as Python prints them (§5)', (t) => {
  const rows: readonly (readonly [JsonValue, string])[] = [
    ["it's raw", "it's raw"],
    [null, 'None'],
    [undefined, 'None'],
    [true, 'True'],
    [false, 'False'],
    [5, '5'],
    [-0.5, '-0.5'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [2.5e-300, '2.5e-300'],
    [[], '[]'],
    [['a', 1, null, [true]], "['a', 1, None, [True]]"],
    [{}, '{}'],
    [{ a: 'x', b: { c: false } }, "{'a': 'x', 'b': {'c': False}}"],
  ];
  for (const [value, text] of rows) t.is(pythonText(value), text);
});

test('string literals choose their quotes and escapes as Python does', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['plain', "'plain'"],
    ["it's", '"it\'s"'],
    ['say "x"', '\'say "x"\''],
    [`it's "x"`, `'it\\'s "x"'`],
    ['\\ \n \r \t', "'\\\\ \\n \\r \\t'"],
    ['\u0000\u007f\u00a0', "'\\x00\\x7f\\xa0'"],
    ['\u200b\u2028\ue000', "'\\u200b\\u2028\\ue000'"],
    ['é 漢 😀', "'é 漢 😀'"],
    ['\u{e0001}', "'\\U000e0001'"],
  ];
  for (const [text, literal] of rows) t.is(pythonLiteral(text), literal);
});

test('JSON is read as JSON', (t) => {
  const text =
    ' {"a": [1, -2.5e3, true, false, null], "b": {"\\u00e9\\n": "\\"x\\\\"}, "c": "", "a": 0} ';

  t.deepEqual(parsePythonJson(text), JSON.parse(text));
  t.deepEqual(parsePythonJson('[NaN, -Infinity]'), [Number.NaN, Number.NEGATIVE_INFINITY]);
});

/** As Python 3.11 words them. */
const errors: readonly (readonly [string, string, number])[] = [
  ['', 'Expecting value', 0],
  ['nope', 'Expecting value', 0],
  ['  x', 'Expecting value', 2],
  ['{', 'Expecting property name enclosed in double quotes', 1],
  ['{"a":1,}', 'Expecting property name enclosed in double quotes', 7],
  ["{'a':1}", 'Expecting property name enclosed in double quotes', 1],
  ['{"a" 1}', "Expecting ':' delimiter", 5],
  ['{"a":', 'Expecting value', 5],
  ['{"a":1 2', "Expecting ',' delimiter", 7],
  ['[1,]', 'Expecting value', 3],
  ['[1 2', "Expecting ',' delimiter", 3],
  ['"abc', 'Unterminated string starting at', 0],
  ['"a\\q"', 'Invalid \\escape', 2],
  ['"\\u12"', 'Invalid \\uXXXX escape', 2],
  ['"a\tb"', 'Invalid control character at', 2],
  ['{"a":1}x', 'Extra data', 7],
  ['01', 'Extra data', 1],
  ['"😀" x', 'Extra data', 4],
];

for (const [text, complaint, char] of errors) {
  test(`the JSON ${JSON.stringify(text)} is refused in Python's words`, (t) => {
    t.throws(() => parsePythonJson(text), {
      message: `${complaint}: line 1 column ${char + 1} (char ${char})`,
    });
  });
}

test('JSON that nests without end is refused, not a stack overflow', (t) => {
  t.throws(() => parsePythonJson('['.repeat(100_000)), {
    message: 'maximum recursion depth exceeded',
  });
});
