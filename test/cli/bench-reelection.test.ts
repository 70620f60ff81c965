import test from 'ava';
import type { ReelectionCase, ReelectionResult } from '../../benchmarks/reelection.js';
import { reelectionSection } from '../../benchmarks/report-sections.js';
import { spreadOf } from '../../benchmarks/spread.js';
import { balsa } from './balsa.js';

for (const fault of ['cut', 'crash']) {
  test.serial(`balsa bench reelection --fault ${fault} --json counts terms and ms`, async (t) => {
    const words = ['--nodes', '4', '--failed', '1', '--trials', '3', '--fault', fault, '--json'];

    const ended = await balsa(['bench', 'reelection', ...words, '--seed', '7']);

    t.like(ended, { exitCode: 0, stderr: '' });
    const report = JSON.parse(ended.stdout) as ReelectionResult & Record<string, unknown>;
    t.like(report, { config: { nodes: 4, failed: [1], trials: 3, fault, seed: 7 } });
    const { failed, terms, ms, termSpread, msSpread } = report.cases[0] as ReelectionCase;
    t.deepEqual([report.cases.length, failed, terms.length, ms.length], [1, 1, 3, 3]);
    // A new leader is one of a new term.
    for (const term of terms) t.true(Number.isSafeInteger(term) && term >= 1, `${term}`);
    for (const time of ms) t.true(time > 0, `${time}`);
    t.deepEqual(termSpread, spreadOf(terms));
    t.deepEqual(msSpread, spreadOf(ms));
  });
}

test.serial('balsa bench reelection prints a row for each number of failures', async (t) => {
  const ended = await balsa([
    'bench',
    'reelection',
    '--nodes',
    '5',
    '--trials',
    '1',
    '--failed=1,2',
  ]);

  t.like(ended, { exitCode: 0, stderr: '' });
  t.regex(ended.stdout, /^ {2}failed {2}trials +1 term .*\n {2}1 +1 .*\n {2}2 +1 .*\n {2}election/);
});

test('the section of the report joins the runs of a command and has a row for each case', (t) => {
  const one = (failed: number, terms: readonly number[]): ReelectionCase => {
    const ms = terms.map((term) => 100 * term);
    return { failed, terms, ms, termSpread: spreadOf(terms), msSpread: spreadOf(ms) };
  };
  const results = [
    { cases: [one(1, [1, 1]), one(3, [1, 1])] },
    { cases: [one(1, [1, 2]), one(3, [3, 1])] },
  ];

  const section = reelectionSection([{ label: 'cut', command: 'balsa x', results }]);

  const rows = section.split('\n').filter((line) => line.startsWith('| cut'));
  t.deepEqual(rows, [
    '| cut | 1 | 4 | 75.0 % | 25.0 % | 0.0 % | 1 | 2 | 2 | 100 ms | 200 ms | 200 ms ' +
      '| 3 to 4 | `balsa x` |',
    '| cut | 3 | 4 | 75.0 % | 0.0 % | 25.0 % | 1 | 3 | 3 | 100 ms | 300 ms | 300 ms ' +
      '| about 13 | `balsa x` |',
  ]);
  t.notRegex(section, /NaN|undefined/);
});
