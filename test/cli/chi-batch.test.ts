import { mkdir, readdir, readFile, watch } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { runCommandLine } from '../../src/cli/command-line.js';
import { type TemporaryFolder, temporaryFolder } from '../chistributed/transcript.js';
import { balsa, start } from './balsa.js';
import { inProcess } from './in-process.js';

async function folderOf(files: Readonly<Record<string, string>>): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
  return folder;
}

const unknown = '*** Unknown syntax: x \n';
const failing = {
  'good.chi': 'x\nquit\n',
  'good.expected': unknown,
  'bad.chi': 'x\nquit\n',
  'bad.expected': 'y\n',
  'free.chi': 'x\nx\nquit\n',
};

test('a run fails that prints something else than expected; one without expectation passes', async (t) => {
  await using folder = await folderOf(failing);

  const ended = await balsa(['chi', 'batch', folder.path, '--repeat', '3', '--json']);

  t.is(ended.exitCode, 1);
  t.is(ended.stderr, '');
  const { passed, failed, scripts, failures } = JSON.parse(ended.stdout);
  t.deepEqual([passed, failed], [6, 3]);
  t.deepEqual(
    scripts.map((one: Record<string, unknown>) => [one['name'], one['runs'], one['passed']]),
    [
      ['bad', 3, 0],
      ['free', 3, 3],
      ['good', 3, 3],
    ],
  );
  t.deepEqual(failures[0], {
    script: 'bad',
    run: 1,
    failure: `line 1 is '${unknown.trimEnd()} '; expected 'y'`,
  });
});

test('the report is a table for people, and TAP or JUnit on request', async (t) => {
  await using folder = await folderOf({ ...failing, 'bad.expected': '<&"\u0001>\n' });
  const junit = join(folder.path, 'report.xml');

  const [table, tap] = await Promise.all([
    balsa(['chi', 'batch', folder.path, '--junit', junit]),
    balsa(['chi', 'batch', folder.path, '--tap']),
  ]);

  t.regex(
    table.stdout,
    /^script +runs {2}passed {2}transcripts {2}errors {2}elections +median +max\n/,
  );
  t.regex(table.stdout, /\nbad +1 +0 +1 +0 +0 +\d/);
  t.regex(table.stdout, /\nfree \(no expectation\) +1 +1 /);
  t.regex(table.stdout, /\n\nbad, run 1: line 1 is '\*\*\* Unknown .*'; expected '<&"/);
  t.true(tap.stdout.startsWith('TAP version 14\n1..3\nnot ok 1 - bad, run 1\n  ---\n  message: "'));
  t.true(tap.stdout.endsWith('  ...\nok 2 - free, run 1\nok 3 - good, run 1\n'));
  const xml = await readFile(junit, 'utf8');
  t.true(xml.includes('<testsuites name="balsa chi batch" tests="3" failures="1">'));
  t.true(xml.includes("expected '&lt;&amp;&quot;\ufffd&gt;'\"/>"), xml);
  t.regex(xml, /<testcase classname="good" name="good, run 1" time="\d+\.\d{3}"\/>/);
});

test('nodes come from the configuration beside the script, or of the folder', async (t) => {
  await using folder = await folderOf({
    'chistributed.conf': 'nodes: b\n',
    'one.chi': 'get -n a\nget -n b\n',
    'one.conf': 'nodes: a\n',
    'one.expected': 'No such node: b\n',
    'two.chi': 'get -n a\nget -n b\n',
    'two.expected': 'No such node: a\n',
    'wrong.chi': 'quit\n',
    'wrong.conf': 'nodes: [a]\n',
  });

  const ended = await balsa(['chi', 'batch', folder.path, '--json']);

  const { scripts, failures } = JSON.parse(ended.stdout);
  t.deepEqual(
    scripts.map(({ passed }: { passed: number }) => passed),
    [1, 1, 0],
  );
  t.regex(failures[0].failure, /^exit code 255: ERROR: Option nodes must be one string/);
});

test('live scripts: transcripts are stored, elections and errors counted', async (t) => {
  await using folder = await folderOf({
    'live.chi':
      'start -n a\nleader --wait\nset -n a -k x -v 1 --wait\nget -n a -k y --wait\nstart -n a\n' +
      'recover_node -n a\nquit\n',
    'live.expected':
      'Leader: a (term 1)\nSET id=1 OK: x = 1\n' +
      'ERROR: GET id=2 failed (k=y): No such key: y\nNode a is already running\n',
  });
  const out = join(folder.path, 'deep', 'out');
  const options = ['--repeat', '10', '--transcripts', out, '--json'];

  const ended = await balsa(['chi', 'batch', folder.path, '--parallel', '3', ...options]);

  const { scripts, failures } = JSON.parse(ended.stdout);
  t.deepEqual(failures, []);
  t.is(ended.exitCode, 0);
  const { transcripts, errors, elections } = scripts[0];
  t.deepEqual(
    { transcripts, errors, elections },
    { transcripts: 1, errors: { min: 1, max: 1 }, elections: { min: 1, max: 1 } },
  );
  const stored = await readdir(out);
  t.deepEqual(stored.sort().slice(0, 3), ['live.01.err', 'live.01.out', 'live.02.err']);
  t.is(stored.length, 20);
  t.regex(await readFile(join(out, 'live.10.out'), 'utf8'), /^Leader: a/);
});

test('a run that fails is listed with its seed, which is one more for each run', async (t) => {
  await using folder = await folderOf({ 'live.chi': 'start -n a\nquit\n', 'live.expected': 'x\n' });
  const options = ['--repeat', '3', '--seed', '4294967295', '--json'];

  const ended = await balsa(['chi', 'batch', folder.path, ...options]);

  const { failures } = JSON.parse(ended.stdout);
  t.deepEqual(
    failures.map(({ run, seed }: { run: number; seed: number }) => [run, seed]),
    [
      [1, 4_294_967_295],
      [2, 0],
      [3, 1],
    ],
  );
});

test('a run that does not end in time fails, with what it had printed until then', async (t) => {
  await using folder = await folderOf({ 'slow.chi': 'show_queue\nwait -t 1000\nquit\n' });
  const out = join(folder.path, 'out');

  const ended = await balsa([
    ...['chi', 'batch', folder.path, '--timeout', '2', '--json', '--transcripts', out],
  ]);

  t.is(ended.exitCode, 1);
  const [failure] = JSON.parse(ended.stdout).failures;
  t.is(failure.failure, 'not at its end after 2 s');
  const printed = 'No messages in message queue.\nSIGINT received\n';
  t.is(await readFile(join(out, 'slow.1.out'), 'utf8'), printed);
});

test('Ctrl-C in the middle ends all runs and leaves no process behind', async (t) => {
  await using folder = await folderOf({
    'slow.chi': 'start -n a\nstatus\nwait -t 1000\nquit\n',
    'fast.chi': 'quit\n',
  });
  const out = join(folder.path, 'out');
  await mkdir(out);
  const running = start([
    ...['chi', 'batch', folder.path, '--parallel', '2', '--repeat', '20', '--transcripts', out],
  ]);
  for await (const { filename } of watch(out)) if (filename === 'fast.01.out') break;

  running.process.kill('SIGINT');
  const ended = await running.ended;

  t.deepEqual(ended, { exitCode: 130, stdout: '', stderr: '' });
  t.throws(() => process.kill(running.process.pid as number, 0), { code: 'ESRCH' });
});

for (const [args, says] of [
  ['/nowhere/at/all', 'RAFT_INVALID_SCRIPT: the folder /nowhere/at/all does not exist'],
  ['package.json', 'RAFT_INVALID_SCRIPT: the folder package.json cannot be read (ENOTDIR)'],
  ['src', 'RAFT_INVALID_SCRIPT: there are no scripts (*.chi) in src'],
  ['x --repeat 0', "RAFT_INVALID_OPTION: --repeat is '0'; expected a whole number from 1 to"],
  ['x --parallel 65', "RAFT_INVALID_OPTION: --parallel is '65'; expected a whole number from 1"],
  ['x --timeout 0', "RAFT_INVALID_OPTION: --timeout is '0'; expected a number from 0.1 to 86,400"],
  ['x --tap --json', 'RAFT_INVALID_OPTION: --tap and --json are both for standard output'],
  ['x --nope', "unknown option '--nope'; see balsa --help"],
  ['', "missing required argument 'dir'; see balsa --help"],
] as const) {
  test(`balsa chi batch ${args} is one line and exit code 2`, async (t) => {
    const words = ['chi', 'batch', ...args.split(' ')].filter((word) => word !== '');

    const { exitCode, stdout, stderr } = await inProcess(runCommandLine, words);

    t.is(exitCode, 2);
    t.is(stdout, '');
    t.true(stderr.startsWith(`balsa: ${says}`), stderr);
    t.is(stderr.split('\n').length, 2);
  });
}

test('an expectation that is none is refused before anything runs', async (t) => {
  await using folder = await folderOf({ 'a.chi': 'quit\n', 'a.expected': '%% perhaps\n' });

  const { exitCode, stderr } = await inProcess(runCommandLine, ['chi', 'batch', folder.path]);

  t.is(exitCode, 2);
  t.regex(stderr, /a\.expected:1: '%% perhaps' is no directive\n$/);
});
