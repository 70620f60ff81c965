import test from 'ava';
import * as figures from '../../benchmarks/figures.js';
import { spreadOf } from '../../benchmarks/spread.js';
import { alignedLines, markdownLines } from '../../benchmarks/table.js';
import { isWell } from '../../benchmarks/verdict.js';

const shown: readonly (readonly [found: string, expected: string])[] = [
  [figures.count(1_234_567.4), '1,234,567'],
  [figures.counted(1, 'node'), '1 node'],
  [figures.counted(0, 'node'), '0 nodes'],
  [figures.ms(0.4321), '0.43 ms'],
  [figures.ms(4.321), '4.3 ms'],
  [figures.ms(1_204.4), '1,204 ms'],
  [figures.micros(65.2), '65 µs'],
  [figures.micros(1_523), '1.52 ms'],
  [figures.micros(15_230), '15.2 ms'],
  [figures.seconds(3.25), '3.3 s'],
  [figures.mebibytes(150 * 2 ** 20), '150 MiB'],
];

for (const [found, expected] of shown) {
  test(`a figure is shown as ${expected}`, (t) => t.is(found, expected));
}

test('the spread of an odd and of an even number of values', (t) => {
  t.deepEqual(spreadOf([3, 1, 2]), { count: 3, min: 1, median: 2, p99: 3, max: 3 });
  t.deepEqual(spreadOf([4, 1, 3, 2]), { count: 4, min: 1, median: 2.5, p99: 4, max: 4 });
  t.is(spreadOf(Array.from({ length: 200 }, (_, at) => at + 1)).p99, 198);
  t.throws(() => spreadOf([]), { instanceOf: RangeError });
});

test('a table lines up: text to the left, figures to the right', (t) => {
  const table = {
    head: ['load', 'ops/s', 'command'],
    rows: [
      ['sets', '1,000', '`a`'],
      ['all gets', '20', '`a b`'],
    ],
    texts: ['command'],
  };

  t.deepEqual(alignedLines(table), [
    'load      ops/s  command',
    'sets      1,000  `a`',
    'all gets     20  `a b`',
  ]);
  t.deepEqual(markdownLines(table), [
    '| load | ops/s | command |',
    '| --- | ---: | --- |',
    '| sets | 1,000 | `a` |',
    '| all gets | 20 | `a b` |',
  ]);
});

const verdicts = [
  { lost: 0, ghosts: 0, digestsEqual: true, well: true },
  { lost: 1, ghosts: 0, digestsEqual: true, well: false },
  { lost: 0, ghosts: 1, digestsEqual: true, well: false },
  { lost: 0, ghosts: 0, digestsEqual: false, well: false },
];

for (const { well, ...verdict } of verdicts) {
  test(`${JSON.stringify(verdict)} is ${well ? 'well' : 'a failure'}`, (t) => {
    t.is(isWell({ acknowledged: 9, ...verdict }), well);
  });
}
