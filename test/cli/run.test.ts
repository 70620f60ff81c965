import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { balsa } from './balsa.js';

/** This file runs from dist/test/cli. */
const folder = fileURLToPath(new URL('../../../examples/chistributed/', import.meta.url));

for (const script of ['basic', 'tour']) {
  test.serial(
    `balsa run ${script}.chi prints what is expected of it, letter by letter`,
    async (t) => {
      const expected = await readFile(`${folder}${script}.expected`, 'utf8');

      const ended = await balsa(['run', `${folder}${script}.chi`]);

      t.is(ended.stdout, expected);
      t.is(ended.stderr, '');
      t.is(ended.exitCode, 0);
    },
  );
}

test.serial('balsa run - takes its lines from standard input', async (t) => {
  const lines = ['start -n a', 'set -n a -k x -v 1 --wait', 'get -n a -k x --wait', ''];

  const ended = await balsa(['run', '-c', 'nodes=a', '-'], { input: lines.join('\n') });

  t.is(ended.stdout, 'SET id=1 OK: x = 1\nGET id=2 OK: x = 1\n\n');
  t.is(ended.exitCode, 0);
});

test.serial(
  'a node without a majority answers within its time limit that there is none',
  async (t) => {
    const lines = ['start -n a', 'set -n a -k x -v 1 --wait', 'get -n b -k x', 'quit', ''];

    const ended = await balsa(['run', '-c', 'nodes=a b', '-'], { input: lines.join('\n') });

    const error = 'ERROR: SET id=1 failed (x=1): request timed out: no quorum or no leader';
    t.is(ended.stdout, `${error}\n`);
    t.is(ended.exitCode, 0);
  },
);

test.serial('a partition separates until it is removed, whoever leads', async (t) => {
  const lines = [
    ...['start -n a', 'start -n b', 'start -n c', 'set -n a -k x -v 1 --wait'],
    ...['create_partition -n p -p c', 'show_partitions', 'set -n a -k x -v 2 --wait'],
    ...['get -n c -k x --wait', 'remove_partition -n p --deliver', 'get -n c -k x --wait', ''],
  ];

  const ended = await balsa(['run', '-c', 'nodes=a b c', '-'], { input: lines.join('\n') });

  // Whoever leads: c, cut off, may lead at first, and the set then waits for an election.
  t.deepEqual(
    ended.stdout.split('\n').filter((line) => !line.startsWith('  Nodes')),
    [
      'SET id=1 OK: x = 1',
      "Partition 'p'",
      'SET id=2 OK: x = 2',
      'ERROR: GET id=3 failed (k=x): request timed out: no quorum or no leader',
      'GET id=4 OK: x = 2',
      '',
      '',
    ],
  );
});

test.serial(
  'a script that is not there is exit code 2; a configuration that is wrong, 255',
  async (t) => {
    const [script, configuration] = await Promise.all([
      balsa(['run', 'nowhere.chi']),
      balsa(['run', '-c', 'nodes', `${folder}basic.chi`]),
    ]);

    t.is(script.exitCode, 2);
    t.regex(script.stderr, /^ERROR: .*nowhere\.chi does not exist or is not a file\n$/);
    t.is(configuration.exitCode, 255);
    t.is(
      configuration.stdout,
      'ERROR: Unexpected exception Invalid configuration parameter: nodes\n',
    );
  },
);
