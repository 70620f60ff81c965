import test from 'ava';
import { balsa } from './balsa.js';

test('balsa sim runs the seeds that it is given, on threads, and says how fast', async (t) => {
  const { exitCode, stdout } = await balsa(['sim', '--seeds', '1..6', '--parallel', '2', '--json']);

  const report = JSON.parse(stdout);
  t.is(exitCode, 0);
  t.like(report, { range: { first: 1, last: 6 }, seeds: 6, undecided: 0, failure: null });
  t.true(report.operations > 100 && report.deliveries > 1_000 && report.speed > 0);
});

test('fresh seeds are named, so that a run can be repeated', async (t) => {
  const { exitCode, stdout, stderr } = await balsa(['sim', '--minutes', '0.01', '--json']);

  const { range } = JSON.parse(stdout);
  t.is(exitCode, 0);
  t.true(stderr.includes(`base seed ${range.first}`));
});

test('balsa sim replay gives the same trace each time', async (t) => {
  const first = await balsa(['sim', 'replay', '7', '--trace']);
  const second = await balsa(['sim', 'replay', '7', '--trace']);

  t.is(first.exitCode, 0);
  t.true(first.stdout.length > 10_000);
  t.true(first.stdout === second.stdout);
  t.regex(first.stdout, /seed 7 broke nothing; its history is linearizable; trace [0-9a-f]{16}\n$/);
});

test('balsa sim replay shows what the seed has drawn, and the history', async (t) => {
  const { stdout } = await balsa(['sim', 'replay', '7', '--scenario', '--history', '--json']);

  const lines = stdout.trimEnd().split('\n');
  const end = lines.indexOf('}') + 1;
  t.is(JSON.parse(lines.slice(0, end).join('\n')).seed, 7);
  const events = lines.slice(end, -1).map((line) => JSON.parse(line));
  t.true(
    events.every(({ process, type, op, key, time }) => {
      return Number.isInteger(process) && type && op && key && Number.isInteger(time);
    }),
  );
  t.like(JSON.parse(lines.at(-1) ?? ''), { seed: 7, verdict: 'linearizable', violation: null });
});

test('the history of a seed can be checked as it is printed', async (t) => {
  const replayed = await balsa(['sim', 'replay', '7', '--history']);
  const checked = await balsa(['check', '-'], { input: replayed.stdout });

  t.regex(replayed.stderr, /^seed 7 broke nothing/);
  t.is(checked.stderr, '');
  t.regex(checked.stdout, /^linearizable -: \d+ operations/);
});

test('balsa sim shrink tries where it is to write before it runs anything', async (t) => {
  const { exitCode, stderr } = await balsa(['sim', 'shrink', '7', '--out', '/dev/null/out']);

  t.is(exitCode, 2);
  t.regex(stderr, /^balsa: RAFT_INVALID_OPTION: --out cannot be written: ENOTDIR/);
});

for (const [option, value] of [
  ['--seeds', '9..3'],
  ['--seeds', 'a..b'],
  ['--parallel', '0'],
  ['--minutes', '-1'],
] as const) {
  test(`balsa sim ${option} ${value} is bad input`, async (t) => {
    const { exitCode, stderr } = await balsa(['sim', `${option}=${value}`]);

    t.is(exitCode, 2);
    t.true(stderr.includes(option));
  });
}

test('balsa sim shrink has nothing to do with a seed that breaks nothing', async (t) => {
  const { exitCode, stdout } = await balsa(['sim', 'shrink', '7']);

  t.is(exitCode, 0);
  t.is(stdout, 'seed 7 broke nothing\n');
});
