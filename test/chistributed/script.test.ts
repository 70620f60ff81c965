import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { JsonValue } from '../../src/chistributed/index.js';
import { nodesStarted, readScript } from '../../src/chistributed/script.js';
import { started, temporaryFolder, transcribe, transcribeLines } from './transcript.js';

test('a script has LF or CRLF, and a last line with or without an end', async (t) => {
  await using folder = await temporaryFolder();
  const contents = ['a\r\n\r\nb "c"\r\n', 'a\n\nb "c"\n', '\ufeffa\n\nb "c"', 'a\r\rb "c"'];
  for (const content of contents) {
    const script = await readScript(await folder.write('a.chi', content));

    t.deepEqual(script.lines, ['a', '', 'b "c"'], JSON.stringify(content));
  }
});

test('CRLF changes nothing in what a script does', async (t) => {
  await using folder = await temporaryFolder();
  const lines = [...started('a', 'b', 'c'), 'set -n a -k K -v V --wait', 'show_queue', 'quit'];
  const unix = await transcribe({ script: await folder.write('unix.chi', lines.join('\n')) });
  const dos = await transcribe({ script: await folder.write('dos.chi', lines.join('\r\n')) });

  t.is(unix.stdout, 'SET id=1 OK: K = V\nNo messages in message queue.\n');
  t.is(dos.stdout, unix.stdout);
  t.is(dos.stderr, '');
});

/** What is wrong, what stands in the file, what is said about it. */
const unusable: readonly (readonly [string, string | Uint8Array, string])[] = [
  ['empty', '', 'is empty'],
  ['binary', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1]), 'is not a text file in UTF-8'],
  ['in another encoding', new Uint8Array([0x67, 0xe9, 0x74, 0x0a]), 'is not a text file in UTF-8'],
];

for (const [what, content, said] of unusable) {
  test(`a script that is ${what} ends the run with status 2 and one line`, async (t) => {
    await using folder = await temporaryFolder();
    const script = await folder.write('bad.chi', content);

    const run = await transcribe({ script });

    t.is(run.exitCode, 2);
    t.is(run.ended, 'refused');
    t.is(run.stderr, `ERROR: ${script} ${said}\n`);
    t.is(run.stdout, '');
    t.is(run.target, undefined, 'no cluster was made');
  });
}

test('a script that is missing or a directory ends the run with status 2', async (t) => {
  await using folder = await temporaryFolder();
  const file = await folder.write('file.chi', 'quit');
  for (const script of [join(folder.path, 'none.chi'), folder.path, join(file, 'below.chi')]) {
    const run = await transcribe({ script });

    t.is(run.exitCode, 2);
    t.is(run.stderr, `ERROR: ${script} does not exist or is not a file\n`);
  }
});

const unlessRoot = process.getuid?.() === 0 ? test.skip : test;
unlessRoot('a script without permission to read says so', async (t) => {
  await using folder = await temporaryFolder();
  const script = await folder.write('secret.chi', 'quit');
  await chmod(script, 0);

  const run = await transcribe({ script });

  t.is(run.stderr, `ERROR: ${script} cannot be read (EACCES)\n`);
});

test('without a configuration the nodes are those that are started, in order', async (t) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'sub'));
  await folder.write('sub/more.chi', 'start -n five\n@@last.chi\nstart -n one\n');
  await folder.write('sub/last.chi', 'start -n "a b"\nload none.chi\n@@more.chi\n');
  const main = await folder.write(
    'main.chi',
    [
      'start --node_id=two -- --role x',
      '# start -n no',
      'start -n one',
      'start',
      'start -n no --nope',
      'start -n no -h',
      'start -n "no',
      'start -n no | cat',
      'create_partition -p no',
      '@@sub/more.chi',
      'start -n two',
      'quit',
      'start -n no',
    ].join('\n'),
  );

  t.deepEqual(await nodesStarted(await readScript(main)), ['two', 'one', 'five', 'a b']);
});

test('a quit in a script that is loaded ends the search for nodes too', async (t) => {
  await using folder = await temporaryFolder();
  await folder.write('inner.chi', 'start -n one\nquit\n');
  const main = await folder.write('main.chi', '@@inner.chi\nstart -n two\n');

  t.deepEqual(await nodesStarted(await readScript(main)), ['one']);
});

test('a script that starts no node runs, and makes no cluster', async (t) => {
  await using folder = await temporaryFolder();
  const script = await folder.write(
    'none.chi',
    'get -n a -k b\ncreate_partition -p a\nshow_queue\nshow_partitions -f\n',
  );

  const run = await transcribe({ script });

  t.is(run.stdout, 'No such node: a\nNo such node: a\nNo messages in message queue.\n');
  t.is(run.target, undefined);
  t.is(run.exitCode, 0);
});

test('load inserts the lines of a file before the rest (§4)', async (t) => {
  await using folder = await temporaryFolder();
  await folder.write('inner file.chi', 'inner-1\ninner-2');
  const inner = join(folder.path, 'inner file.chi');

  const run = await transcribeLines(['first', `load "${inner}"`, `@"${inner}" and more`, 'last']);

  const words = ['first', 'inner-1', 'inner-2', 'inner-1', 'inner-2', 'last'];
  t.is(run.stdout, words.map((word) => `*** Unknown syntax: ${word} \n`).join(''));
});

test('@@ is relative to the script that runs, load to the working directory (§4)', async (t) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'sub'));
  await folder.write('sub/one.chi', '@@two.chi\nload no-such-file.chi\n');
  await folder.write('sub/two.chi', 'two\n');
  const script = await folder.write('main.chi', '@@sub/one.chi\n@@sub/two.chi');

  const run = await transcribe({ script });

  t.is(run.stdout, '*** Unknown syntax: two \n'.repeat(2));
  const missing = join(process.cwd(), 'no-such-file.chi');
  t.is(run.stderr, `ERROR: ${missing} does not exist or is not a file\n`);
});

test('load reports what it cannot load, and the run goes on (§4)', async (t) => {
  await using folder = await temporaryFolder();
  const empty = await folder.write('empty.chi', '');

  const run = await transcribeLines(['load', `load ${empty}`, `load ${folder.path}`, 'next']);

  t.is(run.stdout, '*** Unknown syntax: next \n');
  t.is(
    run.stderr,
    'ERROR: load command requires a file path:\n' +
      `ERROR: ${empty} is empty\n` +
      `ERROR: ${folder.path} does not exist or is not a file\n`,
  );
});

test('scripts that load themselves, once or twice a time, come to an end', async (t) => {
  await using folder = await temporaryFolder();
  for (const content of ['@@self.chi\n', '@@self.chi\n@@self.chi\n']) {
    const script = await folder.write('self.chi', content);
    const run = await transcribe({ script });

    t.is(run.exitCode, 0);
    t.regex(run.stderr, /self\.chi was not loaded: scripts load each other without end/);
  }
});

test('a script of 100,000 lines runs to its end', async (t) => {
  await using folder = await temporaryFolder();
  const lines = started('a', 'b', 'c');
  for (let at = 0; lines.length < 99_999; at += 1) {
    if (at % 2 === 0) lines.push(`set -n a -k key-${at} -v "value ${at}" # ${at}`);
    else lines.push(`get -n b -k key-${at - 1} --wait`);
  }
  const script = await folder.write('long.chi', `${lines.join('\r\n')}\r\nquit`);

  const run = await transcribe({ script });

  t.is(run.stdout.split('\n').length, 99_997);
  t.true(run.stdout.includes('SET id=99995 OK: key-99994 = value 99994\n'));
  t.is(run.stderr, '');
});

test('the event loop turns while a script runs that never waits', async (t) => {
  const lines = Array.from({ length: 6_400 }, () => 'get -n node-1 -k A');
  let turns = 0;
  let turnsAtEnd = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(() => {});
  t.teardown(() => clearImmediate(counting));

  await transcribeLines(lines, {
    prepare: (cluster) => {
      count();
      cluster[Symbol.asyncDispose] = async () => {
        turnsAtEnd = turns;
      };
    },
  });

  t.true(turnsAtEnd >= 90, `${turnsAtEnd} turns`);
});

async function* typed(...lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

test('an input is read after the script, and its end prints an empty line (§3)', async (t) => {
  await using folder = await temporaryFolder();
  const inner = await folder.write('inner.chi', 'inner');
  const run = await transcribeLines(['one'], { input: typed('two', `load ${inner}`, 'three') });

  const words = ['one', 'two', 'inner', 'three'].map((word) => `*** Unknown syntax: ${word} \n`);
  t.is(run.stdout, `${words.join('')}\n`);
  t.is(run.ended, 'end');
});

test('quit in a script leaves the input unread, quit in it prints no empty line', async (t) => {
  const first = await transcribeLines(['quit'], { input: typed('two') });
  const second = await transcribeLines(['one'], { input: typed('quit', 'two') });

  t.is(first.stdout, '');
  t.is(second.stdout, '*** Unknown syntax: one \n');
});

test('with an input a script that cannot be read is reported, and the run goes on', async (t) => {
  const run = await transcribe({
    script: '/none.chi',
    input: typed('two'),
    configuration: { overrides: ['nodes=a'] },
  });

  t.is(run.stderr, 'ERROR: /none.chi does not exist or is not a file\n');
  t.is(run.stdout, '*** Unknown syntax: two \n\n');
  t.is(run.exitCode, 0);
});

test('an interrupt ends a wait, a --wait, and an input that keeps us waiting', async (t) => {
  const forever = new Promise<never>(() => {});
  // The line that holds the run up, whether the next one is run, the input.
  const held: readonly (readonly [string, boolean, AsyncIterable<string>?])[] = [
    ['wait -t 1000000', false],
    ['start -n node-2', false],
    ['get -n node-1 -k slow --wait', false],
    ['get -n node-1 -k slow', true],
    ['show_partitions', true, { [Symbol.asyncIterator]: () => ({ next: () => forever }) }],
  ];
  for (const [line, goesOn, input] of held) {
    const interrupt = new AbortController();
    const run = await transcribeLines(['start -n node-1', line, 'create_partition -p node-3'], {
      ...(input === undefined ? {} : { input }),
      signal: interrupt.signal,
      clock: {
        nowMs: () => 0,
        setTimer: () => {
          setImmediate(() => interrupt.abort());
          return { [Symbol.dispose]: () => {} };
        },
      },
      prepare: (cluster) => {
        const { scripted, start } = cluster;
        cluster.start = (id, words) => (id === 'node-2' ? forever : start.call(cluster, id, words));
        if (input !== undefined) setImmediate(() => interrupt.abort());
        scripted.set('slow', () => forever);
      },
    });

    t.is(run.stdout, 'SIGINT received\n', line);
    t.is(run.stderr, '', line);
    t.is(run.exitCode, 130, line);
    t.is(
      run.target?.calls.some((call) => call.startsWith('partition')),
      goesOn,
      line,
    );
    t.is(run.target?.calls.at(-1), 'dispose', line);
  }
});

test('runScript refuses a limit out of range, and nothing to run', async (t) => {
  for (const waitLimitMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await t.throwsAsync(transcribeLines(['quit'], { waitLimitMs }), {
      code: 'RAFT_INVALID_OPTION',
    });
  }
  await t.throwsAsync(transcribe({}), { code: 'RAFT_INVALID_OPTION' });
});

test('a cluster that cannot be made rejects the run', async (t) => {
  const prepare = (): never => {
    throw new Error('no workers');
  };

  await t.throwsAsync(transcribeLines(['quit'], { prepare }), { message: 'no workers' });
});

test('the clocks of a run leave no timer behind', async (t) => {
  const run = await transcribeLines([
    ...started('node-1', 'node-2', 'node-3'),
    'get -n node-1 -k A --wait',
    'wait -t 1',
  ]);

  t.is(run.timersLeft, 0);
});

const nested: JsonValue = { a: [1] };
test('a value that is not a string prints as Python prints it', async (t) => {
  const run = await transcribeLines([...started('node-1', 'node-2'), 'get -n node-1 -k A --wait'], {
    nodes: 'node-1 node-2',
    prepare: ({ values }) => values.set('A', nested),
  });

  t.is(run.stdout, "GET id=1 OK: A = {'a': [1]}\n");
});
