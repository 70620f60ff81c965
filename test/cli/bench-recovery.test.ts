import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RecoveryResult } from '../../benchmarks/recovery.js';
import { boundOf, recoverySteps } from '../../benchmarks/recovery-steps.js';
import { directoryOf } from '../directory.js';
import { balsa } from './balsa.js';
import { assertInterruptible } from './interruptible.js';

test.serial(
  'balsa bench recovery --json has the whole, its steps, and leaves nothing',
  async (t) => {
    const folder = directoryOf(t);
    const words = [
      '--bytes',
      '40MiB',
      '--keys',
      '500',
      '--value-bytes',
      '2000',
      '--recoveries',
      '2',
    ];

    const ended = await balsa(['bench', 'recovery', ...words, '--data-dir', folder, '--json']);

    t.like(ended, { exitCode: 0, stderr: '' });
    const report = JSON.parse(ended.stdout) as RecoveryResult & Record<string, unknown>;
    t.like(report, {
      config: { bytes: 40 * 2 ** 20, keys: 500, recoveries: 2, seed: report.seed },
    });
    t.true(report.logBytes >= 40 * 2 ** 20);
    // Nothing of the log was forgotten: all that was written is in it.
    t.true(report.writes * 2_000 > 30 * 2 ** 20);
    t.true(report.entries > 0 && report.entries < report.writes);
    t.is(report.cases.at(-1)?.cache, 'warm');
    for (const { servedMs, cpuMs, steps } of report.cases) {
      t.is(servedMs.length, 2);
      t.is(cpuMs.length, 2);
      for (const name of recoverySteps) t.true(steps[name].ms >= 0, name);
      t.true(steps.apply.ms > 0 && steps.read.ms > 0);
    }
    t.deepEqual(readdirSync(folder), []);
  },
);

test.serial('Ctrl-C in the middle leaves no directory', (t) =>
  assertInterruptible(t, ['bench', 'recovery', '--bytes', '1GiB']),
);

test.serial('a disk without room for the log is said before it is written', async (t) => {
  const folder = directoryOf(t);
  const args = ['bench', 'recovery', '--bytes', '32MiB', '--data-dir', folder];

  const { exitCode, stdout, stderr } = await balsa(args, { preload: 'little-room' });

  t.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  t.regex(
    stderr,
    /^balsa: RAFT_INVALID_OPTION: --data-dir is '.*', where 0 MiB are free; [^\n]*\n$/,
  );
  t.regex(stderr, /; expected 96 MiB at least\n$/);
  t.deepEqual(readdirSync(folder), []);
});

test.serial('balsa bench report has a section of recovery', async (t) => {
  const file = join(directoryOf(t), 'benchmarks.md');
  const words = ['recovery', '--runs', '1', '--seconds', '0.1', '--out', file];

  const ended = await balsa(['bench', 'report', ...words]);

  t.deepEqual(ended, { exitCode: 0, stdout: `${file} is written\n`, stderr: '' });
  const page = readFileSync(file, 'utf8');
  t.regex(page, /\n`balsa bench recovery --bytes 32MiB`\.\n/);
  t.regex(page, /MiB of log with [1-9][\d,]+ sets, /);
  t.regex(page, /\n\| serves again \| [\d.,]+ ms \| /);
  t.notRegex(page, /NaN|undefined|unknown/);
});

test('what bounds a recovery is its longest step', (t) => {
  const times = (ms: number) => ({ ms, cpuMs: ms });
  const steps = { read: times(10), crc: times(20), decode: times(0), copy: times(0) };

  t.is(boundOf({ ...steps, apply: times(70) }), 'apply (70 % of the steps)');
  t.is(boundOf({ ...steps, apply: times(10) }), 'crc (50 % of the steps)');
});
