import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runTool } from '../../src/cli/chistributed-program.js';
import { runCommandLine } from '../../src/cli/command-line.js';
import { temporaryFolder } from '../chistributed/transcript.js';
import { balsa, type Ended, pathOf, start } from './balsa.js';
import { inProcess } from './in-process.js';

/** This file runs from dist/test/cli. */
const examples = fileURLToPath(new URL('../../../examples/chistributed/', import.meta.url));

function tool(args: readonly string[], options: Parameters<typeof balsa>[1] = {}): Promise<Ended> {
  return balsa(args, { program: 'chistributed', ...options });
}

const refused: readonly (readonly [args: string, says: string])[] = [
  ['--nope', 'No such option: --nope'],
  ['--nope=1', 'No such option: --nope'],
  ['-x', 'No such option: -x'],
  ['-vx', 'No such option: -x'],
  ['--verb', 'No such option: --verb'],
  ['--seed 1', 'No such option: --seed'],
  ['--run', "Option '--run' requires an argument."],
  ['-c', "Option '--config' requires an argument."],
  ['--pub-port x', "Invalid value for '--pub-port': 'x' is not a valid integer."],
  ['--router-port 1.5', "Invalid value for '--router-port': '1.5' is not a valid integer."],
  ['extra', 'Got unexpected extra argument'],
];

for (const [args, says] of refused) {
  test(`balsa-chistributed ${args} gives usage and one error, status 2 (§1)`, async (t) => {
    const ended = await inProcess(runTool, args.split(' '));

    t.deepEqual(ended, {
      exitCode: 2,
      stdout: '',
      stderr: `Usage: balsa-chistributed [options]\n\nError: ${says}\n`,
    });
  });
}

test('--version names the tool that this stands for (§1)', async (t) => {
  const expected = { exitCode: 0, stdout: 'chistributed, version 0.2.0\n', stderr: '' };

  t.deepEqual(await inProcess(runTool, ['--version']), expected);
  t.deepEqual(await inProcess(runCommandLine, ['chi', '--version']), expected);
});

test('the options of balsa-chistributed are those of the tool, all of them and no others', async (t) => {
  const { exitCode, stdout } = await inProcess(runTool, ['--help']);

  const options = stdout.match(/^ {2}-.*?(?= {2,}|$)/gm) ?? [];
  t.is(exitCode, 0);
  t.deepEqual(
    options.map((option) => option.trim()),
    [
      '--config-file <file>',
      '-c, --config <name=value>',
      '--pub-port <n>',
      '--router-port <n>',
      '--run <file>',
      '-v, --verbose',
      '--debug',
      '--show-node-output',
      '--version',
      '--help',
    ],
  );
});

const configurations: readonly (readonly [name: string, content: string, says: string])[] = [
  ['without nodes', 'node-executable: x\n', 'does not include required option nodes'],
  ['with nodes that are null', 'nodes:\n', 'Option nodes must have a value'],
  ['with a list', 'nodes: [a, b]\n', 'Option nodes must be one string: names separated by white'],
  ['that is a list', '- a\n', 'is not valid YAML'],
  ['that is no YAML', '{{\n', 'is not valid YAML'],
];

for (const [name, content, says] of configurations) {
  test(`a configuration ${name} is one line on standard output, status 255 (§1)`, async (t) => {
    await using folder = await temporaryFolder();
    await folder.write('chistributed.conf', content);

    const file = `${folder.path}/chistributed.conf`;
    const ended = await inProcess(runTool, ['--config-file', file]);
    const { exitCode, stdout, stderr } = ended;

    t.is(exitCode, 255);
    t.true(stdout.startsWith('ERROR: '), stdout);
    t.true(stdout.includes(says), stdout);
    t.is(stdout.split('\n').length, 2);
    t.is(stderr, '');
  });
}

test.serial('the tool wants its configuration file, whatever else it is told (§1)', async (t) => {
  await using folder = await temporaryFolder();
  const { path: cwd } = folder;
  const missing = (file: string): string =>
    `ERROR: Unexpected exception Configuration file (${file}) does not exist.\n`;

  const ended = await Promise.all([
    tool([], { cwd }),
    tool(['-c', 'nodes=a'], { cwd }),
    tool(['--config-file', 'other.conf'], { cwd }),
    tool(['-c', 'a=b=c'], { cwd }),
    tool(['-c', '=b'], { cwd }),
  ]);

  const parameter = 'ERROR: Unexpected exception Invalid configuration parameter:';
  t.deepEqual(
    ended.map(({ stdout }) => stdout),
    [
      missing('chistributed.conf'),
      missing('chistributed.conf'),
      missing('other.conf'),
      `${parameter} a=b=c\n`,
      `${parameter} =b\n`,
    ],
  );
  for (const { exitCode } of ended) t.is(exitCode, 255);
});

test.serial(
  'the script runs first, then standard input, whose end prints an empty line (§0, §3)',
  async (t) => {
    await using folder = await temporaryFolder();
    await folder.write('chistributed.conf', 'node-executable: none\nnodes: b a\n');
    await folder.write('first.chi', 'start -n a\r\nstart -n b\r\nset -n a -k x -v 1 --wait\r\n');

    const ended = await tool(['--run', 'first.chi', '--pub-port', '1', '-vc', 'nodes=a b'], {
      cwd: folder.path,
      input: 'get -n b -k x --wait\nget -n c -k x\n',
    });

    t.is(ended.stdout, 'SET id=1 OK: x = 1\nGET id=2 OK: x = 1\nNo such node: c\n\n');
    t.is(ended.exitCode, 0);
    const told = ended.stderr.trimEnd().split('\n');
    for (const line of told) t.regex(line, /^ *\d+\.\d{3} \[chistributed\] INFO: /);
    t.true(
      ['Starting broker', 'a connected', 'Stopping broker', 'Stopping b'].every((text) => {
        return told.some((line) => line.endsWith(text));
      }),
    );
  },
);

test.serial(
  'a script that cannot be run is told, and standard input is read all the same (§4)',
  async (t) => {
    await using folder = await temporaryFolder();
    await folder.write('chistributed.conf', 'nodes: a\n');
    await mkdir(join(folder.path, 'folder.chi'));
    await folder.write('empty.chi', '');
    await folder.write('binary.chi', new Uint8Array([0, 1, 2, 255]));
    const options = { cwd: folder.path, input: 'show_queue\nquit\nshow_queue\n' };

    for (const [script, says] of [
      ['missing.chi', 'does not exist or is not a file'],
      ['folder.chi', 'does not exist or is not a file'],
      ['empty.chi', 'is empty'],
      ['binary.chi', 'is not a text file in UTF-8'],
    ]) {
      const ended = await tool(['--run', `${script}`], options);

      t.is(ended.stdout, 'No messages in message queue.\n', script);
      t.is(ended.stderr, `ERROR: ${folder.path}/${script} ${says}\n`);
      t.is(ended.exitCode, 0);
    }
  },
);

test.serial('two runners on the same ports do not meet: neither binds them', async (t) => {
  const args = ['chi', '--run', `${examples}basic.chi`, '--pub-port', '9', '--router-port', '9'];

  const [one, other] = await Promise.all([balsa(args), balsa(args)]);

  t.is(one.stderr, '');
  t.is(one.exitCode, 0);
  t.deepEqual(one, other);
});

test('an installation gets both programs', async (t) => {
  const manifest = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  const root = fileURLToPath(new URL('../../../', import.meta.url));

  const { bin } = JSON.parse(manifest);

  t.is(join(root, bin['balsa-chistributed']), pathOf('chistributed'));
  t.is(join(root, bin.balsa), pathOf('main'));
});

test.serial(
  'balsa chi takes the configuration beside the script before that of the folder',
  async (t) => {
    await using folder = await temporaryFolder();
    const { path: cwd } = folder;
    await folder.write('one.chi', 'get -n only\nget -n default\nquit\n');
    await folder.write('two.chi', 'start -n own\nget -n only\nget -n default\nquit\n');
    await folder.write('one.conf', 'nodes: only\n');
    const runs = ['one', 'two'].map(
      (name) => () => balsa(['chi', '--run', `${name}.chi`], { cwd }),
    );

    const [one] = await Promise.all(runs.map((run) => run()));
    const started = await balsa(['chi', '--run', 'two.chi'], { cwd });
    await folder.write('chistributed.conf', 'nodes: default\n');
    const two = await balsa(['chi', '--run', 'two.chi'], { cwd });

    t.is(one?.stdout, 'No such node: default\n');
    t.is(started.stdout, 'No such node: only\nNo such node: default\n');
    t.is(two.stdout, 'No such node: own\nNo such node: only\n');
  },
);

test.serial(
  'balsa chi without any configuration says what is missing, as the tool does',
  async (t) => {
    await using folder = await temporaryFolder();
    const { path: cwd } = folder;

    const nothing = await balsa(['chi'], { cwd });
    const many = await balsa(['chi', '-c', 'nodes=a b c d e f g h i j'], { cwd });

    t.is(nothing.exitCode, 255);
    t.regex(
      nothing.stdout,
      /^ERROR: Unexpected exception Configuration file \(chistributed\.conf\)/,
    );
    t.is(many.exitCode, 2);
    t.regex(many.stderr, /^balsa: RAFT_INVALID_OPTION: size is 10; expected .* from 1 to 9\n$/);
  },
);

test.serial(
  'messages that a failed node misses are held, shown, and delivered on request (§6.2)',
  async (t) => {
    const lines = [
      ...['a', 'b', 'c'].map((node) => `start -n ${node}`),
      ...['set -n a -k x -v 1 --wait', 'show_queue', 'fail_node -n b', 'fail_node -n c'],
      ...['set -n a -k x -v 2 --wait', 'show_queue -v', 'recover_node -n b -d'],
      ...['recover_node -n c -d', 'show_queue', 'quit', ''],
    ];

    const { stdout, stderr } = await balsa(['chi', '-c', 'nodes=a b c'], {
      input: lines.join('\n'),
    });

    t.is(stderr, '');
    t.true(stdout.startsWith('SET id=1 OK: x = 1\nNo messages in message queue.\nERROR: SET id=2'));
    t.true(stdout.endsWith('\nNo messages in message queue.\n'));
    const shown = stdout.split('\n').slice(3, -2);
    t.true(shown.length >= 6);
    const types = 'appendEntries|preVote|requestVote|redirectSet|redirectGet|roundTrip';
    const names = new RegExp(`^([abc]) -> ([abc]): ((?:${types})(?:Response)?)$`);
    for (let at = 0; at < shown.length; at += 3) {
      const [, source, destination, type] = names.exec(shown[at] ?? '') ?? [];
      t.not(type, undefined, shown[at]);
      const fields = `{'type': '${type}', 'destination': '${destination}', 'source': '${source}', `;
      t.true(shown[at + 1]?.startsWith(fields), shown[at + 1]);
      t.is(shown[at + 2], '');
    }
  },
);

test.serial('a message by hand reaches a node; one that it cannot read is told (§4)', async (t) => {
  const vote = { type: 'requestVote', destination: 'b', source: 'a', term: 40, isTransfer: true };
  const log = { lastLogIndex: 90, lastLogTerm: 39 };
  const lines = [
    ...['start -n a', 'start -n b', 'leader --wait'],
    `send_msg ${JSON.stringify({ ...vote, ...log, term: 'x' })}`,
    `send_msg ${JSON.stringify({ type: 'no such type', destination: 'b' })}`,
    `send_msg ${JSON.stringify({ ...vote, ...log })}`,
    ...['wait -t 0.5', 'set -n a -k x -v 1 --wait', 'leader', 'quit', ''],
  ];

  const { stdout, stderr } = await balsa(['chi', '-c', 'nodes=a b'], { input: lines.join('\n') });

  t.is(stderr, 'WARNING: b cannot read this requestVote: term is "x"; expected a whole number\n');
  const [, term = ''] = /SET id=1 OK: x = 1\nLeader: [ab] \(term (\d+)\)\n$/.exec(stdout) ?? [];
  t.true(Number(term) > 40, stdout);
});

test.serial('Ctrl-C ends a run that waits, with a line and status 130 (§1)', async (t) => {
  const running = start(['chi', '-c', 'nodes=a', '-v']);
  running.process.stdin?.write('start -n a\nstatus\nwait -t 1000\n');
  await new Promise((resolve) => running.lines.once('line', resolve));

  running.process.kill('SIGINT');
  const ended = await running.ended;

  t.regex(ended.stdout, /^a: running, .*\nSIGINT received\n$/);
  t.regex(ended.stderr, /INFO: Stopping a\n/);
  t.is(ended.exitCode, 130);
});
