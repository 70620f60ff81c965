import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readHistory } from '../../src/chaos/history.js';
import { balsa, start } from './balsa.js';

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'balsa-chaos-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

// Threads: what is tested is that the live cluster, hurt for real, gives a history that is checked.
test.serial('a live run: a history that is linearizable, its faults, and a page', async (t) => {
  await inFolder(async (folder) => {
    const history = join(folder, 'history.jsonl');
    const page = join(folder, 'page.html');
    const flags = ['--seconds', '2', '--clients', '4', '--workload', 'append', '--seed', '3'];

    const ended = await balsa(['chaos', ...flags, '--history', history, '--html', page]);

    t.is(ended.stderr, 'seed 3\n');
    t.regex(
      ended.stdout,
      /^linearizable \S+: \d+ operations on \d+ keys, [\d.]+ s\n {2}\d+ ok, \d+ fail, \d+ info; /,
    );
    t.is(ended.exitCode, 0);
    const operations = await readHistory([await readFile(history)]);
    t.true(operations.filter(({ outcome }) => outcome === 'ok').length > 0);
    t.true(operations.every(({ op }) => op === 'get' || op === 'cas'));
    const faults = (await readFile(`${history}.faults`, 'utf8')).trimEnd().split('\n');
    t.true(faults.length > 0);
    for (const { name, at, until } of faults.map((line) => JSON.parse(line))) {
      t.true(typeof name === 'string' && Number.isInteger(at) && at <= until);
    }
    t.true((await readFile(page, 'utf8')).includes(JSON.parse(faults[0] ?? '').name));
    const again = await balsa(['check', history]);
    t.is(again.exitCode, 0);
  });
});

test.serial('disks that fail: nodes stop and start again, and nothing is lost', async (t) => {
  const flags = ['--seconds', '2', '--clients', '4', '--nemesis', 'disk', '--seed', '6'];

  const { exitCode, stdout } = await balsa(['chaos', ...flags]);

  t.regex(stdout, /^linearizable register, seed 6: /);
  t.is(exitCode, 0);
});

test('a run with disks that fail cannot be recorded', async (t) => {
  const { exitCode, stderr } = await balsa(['chaos', '--nemesis', 'disk', '--record', 'tapes']);

  t.is(exitCode, 2);
  t.regex(stderr, /--record is for nodes in memory/);
});

test.serial('Ctrl-C ends a run soon, and leaves a history that can be read', async (t) => {
  await inFolder(async (folder) => {
    const history = join(folder, 'history.jsonl');
    const running = start([
      'chaos',
      '--seconds',
      '600',
      '--nemesis',
      'crash',
      '--history',
      history,
    ]);
    running.process.stderr?.once('data', () => running.process.kill('SIGINT'));

    const { exitCode, stdout } = await running.ended;

    t.is(exitCode, 130);
    t.is(stdout, '');
    await t.notThrowsAsync(async () => readHistory([await readFile(history)]));
  });
});

test('options that cannot be are refused before anything is started', async (t) => {
  for (const [flags, message] of [
    [['--nemesis', 'fire'], /--nemesis has 'fire'; expected all, none, or a list of partition/],
    [['--workload', 'queue'], /--workload is 'queue'; expected one of register, cas/],
    [['--nodes', '0'], /--nodes is '0'; expected a whole number from 1 to 9/],
    [['--history', '/nowhere/at/all'], /--history cannot be written: ENOENT/],
    [['--html', '/nowhere/page.html'], /--html cannot be written: ENOENT/],
    [['--nemesis', 'none', '--record', '/dev/null/tapes'], /--record cannot be written: /],
  ] as const) {
    const { exitCode, stderr } = await balsa(['chaos', ...flags]);
    t.is(exitCode, 2);
    t.regex(stderr, message);
  }
});

test.serial(
  'a disk that is full while the history is written: the verdict, and exit code 2',
  async (t) => {
    await inFolder(async (folder) => {
      const history = join(folder, 'history.jsonl');
      // Opens as a file does, and has no room for a single byte.
      await symlink('/dev/full', history);
      const flags = ['--seconds', '0.2', '--nemesis', 'none', '--clients', '2'];

      const ended = await balsa(['chaos', ...flags, '--history', history]);

      t.regex(ended.stdout, /^linearizable /);
      t.regex(ended.stderr, /RAFT_INVALID_OPTION: --history cannot be written: ENOSPC/);
      t.is(ended.exitCode, 2);
    });
  },
);
