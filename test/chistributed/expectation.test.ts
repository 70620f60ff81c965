import test from 'ava';
import { Expectation } from '../../src/chistributed/expectation.js';

const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

test('a file without directives is the transcript itself, letter by letter', (t) => {
  const expectation = new Expectation(text('SET id=1 OK: A = 1', '', '# no comment'));

  t.is(expectation.departure('SET id=1 OK: A = 1\n\n# no comment\n'), undefined);
  t.deepEqual(expectation.departure('SET id=1 OK: A = 1 \n\n# no comment\n'), {
    line: 1,
    expected: ['SET id=1 OK: A = 1'],
    found: 'SET id=1 OK: A = 1 ',
  });
  t.deepEqual(expectation.departure('SET id=1 OK: A = 1\n\n'), {
    line: 3,
    expected: ['# no comment'],
    found: '',
  });
});

test('a transcript that goes on, or lacks its last newline, does not fit', (t) => {
  const expectation = new Expectation(text('a'));

  t.deepEqual(expectation.departure('a\nb\n'), { line: 2, expected: [''], found: 'b' });
  t.deepEqual(expectation.departure('a'), { line: 2, expected: [''], found: undefined });
  t.deepEqual(new Expectation('a').departure('a\n'), { line: 2, expected: [], found: '' });
});

test('an empty file expects nothing', (t) => {
  t.is(new Expectation('').departure(''), undefined);
  t.not(new Expectation('').departure('\n'), undefined);
});

const anyOrder = new Expectation(text('%% any order', 'a', 'b', 'a', '%% end', 'z'));

for (const [transcript, fits] of [
  [text('a', 'b', 'a', 'z'), true],
  [text('b', 'a', 'a', 'z'), true],
  [text('a', 'a', 'z'), false],
  [text('a', 'b', 'b', 'z'), false],
  [text('a', 'b', 'a', 'a', 'z'), false],
  [text('a', 'b', 'z', 'a'), false],
] as const) {
  const shown = transcript.trim().replaceAll('\n', ' ');
  test(`lines in any order, each as often as written: ${shown} ${fits ? 'fits' : 'does not'}`, (t) => {
    t.is(anyOrder.departure(transcript) === undefined, fits);
  });
}

test('the departure within a block names all lines that could have come', (t) => {
  t.deepEqual(anyOrder.departure(text('b', 'x')), { line: 2, expected: ['a'], found: 'x' });
  t.deepEqual(anyOrder.departure(text('x')), { line: 1, expected: ['a', 'b'], found: 'x' });
});

const either = new Expectation(
  text(
    ...['start', '%% either', 'a', '%% or', 'a', 'b', '%% or', '%% any order', 'c', 'd', '%% end'],
    ...['%% end', 'end'],
  ),
);

for (const [transcript, fits] of [
  [text('start', 'a', 'end'), true],
  [text('start', 'a', 'b', 'end'), true],
  [text('start', 'd', 'c', 'end'), true],
  [text('start', 'end'), false],
  [text('start', 'b', 'end'), false],
  [text('start', 'a', 'c', 'd', 'end'), false],
] as const) {
  const shown = transcript.trim().replaceAll('\n', ' ');
  test(`one of several sequences: ${shown} ${fits ? 'fits' : 'does not'}`, (t) => {
    t.is(either.departure(transcript) === undefined, fits);
  });
}

test('the departure is that of the sequence which gets furthest', (t) => {
  t.deepEqual(either.departure(text('start', 'a', 'b', 'x')), {
    line: 4,
    expected: ['end'],
    found: 'x',
  });
});

test('a sequence may be empty', (t) => {
  const expectation = new Expectation(text('%% either', '%% or', 'a', '%% end', 'z'));

  t.is(expectation.departure(text('z')), undefined);
  t.is(expectation.departure(text('a', 'z')), undefined);
  t.not(expectation.departure(text('a', 'a', 'z')), undefined);
});

test('a line that looks like a directive is written behind %% line', (t) => {
  const expectation = new Expectation(text('%% line %% end', '%% line ', 'x %% end'));

  t.is(expectation.departure(text('%% end', '', 'x %% end')), undefined);
});

for (const [lines, says] of [
  [['a', '%% maybe'], "x.expected:2: '%% maybe' is no directive"],
  [['%%'], "x.expected:1: '%%' is no directive"],
  [['%% end'], "x.expected:1: '%% end' closes no block"],
  [['a', '%% or'], "x.expected:2: '%% or' closes no block"],
  [['%% any order', 'a'], "x.expected:1: '%% any order' is not closed"],
  [['a', '%% either', 'b', '%% or'], "x.expected:2: '%% either' is not closed"],
  [
    ['%% any order', '%% either', '%% end', '%% end'],
    'x.expected:2: a block of any order holds lines only',
  ],
] as const) {
  test(`an expectation is refused: ${says}`, (t) => {
    t.throws(() => new Expectation(text(...lines), 'x.expected'), {
      code: 'RAFT_INVALID_SCRIPT',
      message: says,
    });
  });
}

test('many alternatives one after the other are read in one go', (t) => {
  const one = ['%% either', 'a', '%% or', 'a', 'a', '%% end'];
  const expectation = new Expectation(text(...Array.from({ length: 500 }, () => one).flat()));

  t.is(expectation.departure('a\n'.repeat(800)), undefined);
  t.not(expectation.departure('a\n'.repeat(1_001)), undefined);
});
