import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RestartResult } from '../../benchmarks/restart.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';

test.serial(
  'balsa bench restart --json compacts, and finds every write after each restart',
  async (t) => {
    const words = ['--keys', '200', '--writes', '4000', '--value-bytes', '8000', '--restarts', '2'];

    const ended = await balsa(['bench', 'restart', ...words, '--seed', '7', '--json']);

    t.like(ended, { exitCode: 0, stderr: '' });
    const report = JSON.parse(ended.stdout) as RestartResult & Record<string, unknown>;
    t.like(report, { config: { keys: 200, writes: 4_000, valueBytes: 8_000, seed: 7 } });
    const { openedMs, servedMs, cpuMs, closedMs, servedMsSpread } = report;
    t.deepEqual(
      [openedMs, servedMs, cpuMs, closedMs].map(({ length }) => length),
      [2, 2, 2, 2],
    );
    for (const [at, served] of servedMs.entries()) t.true(served >= (openedMs[at] ?? 0));
    t.is(servedMsSpread.count, 2);
    // 30 MiB went through a log that is trimmed behind states of 1.5 MiB.
    t.true(report.directoryBytesMost >= report.directoryBytes);
    t.true(report.directoryBytesMost > 0 && report.directoryBytesMost < 2 ** 27);
  },
);

test.serial('balsa bench restart says it in three lines', async (t) => {
  const ended = await balsa(['bench', 'restart', '--keys', '20', '--restarts', '1']);

  t.like(ended, { exitCode: 0, stderr: '' });
  t.regex(
    ended.stdout,
    /20 writes on \w+, .* a second\n.*directory: .*\n {2}serves after .* of CPU time\n$/,
  );
});

test.serial(
  'balsa bench report measures restarts, and snapshots with a program beside it',
  async (t) => {
    const folder = directoryOf(t);
    const file = join(folder, 'benchmarks.md');
    const words = ['restart', 'snapshot', '--runs', '1', '--seconds', '0.1', '--out', file];

    const ended = await balsa(['bench', 'report', ...words]);

    t.deepEqual(ended, { exitCode: 0, stdout: `${file} is written\n`, stderr: '' });
    const page = readFileSync(file, 'utf8');
    t.regex(page, /\| 1,000 writes \| 3 \| .* `balsa bench restart --keys 1000 /);
    t.regex(page, /\n`node dist\/benchmarks\/snapshot\.js --keys 10000 --rounds 3`\./);
    t.notRegex(page, /NaN|undefined|unknown/);
  },
);
