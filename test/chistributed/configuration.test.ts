import { join } from 'node:path';
import test from 'ava';
import { readNodes } from '../../src/chistributed/configuration.js';
import { temporaryFolder, transcribe } from './transcript.js';

async function nodesOf(content: string, ...overrides: readonly string[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  const file = await folder.write('test.conf', content);
  return await readNodes({ file, overrides });
}

test('nodes is one string of names between white space, in order, each once (§2)', async (t) => {
  const content = 'node-executable: node dist/node.js\nnodes: node-2  node-1 node-2\tn:3,x\n';

  t.deepEqual(await nodesOf(content), ['node-2', 'node-1', 'n:3,x']);
  t.deepEqual(await nodesOf('nodes: >\n  a\n  b\n'), ['a', 'b']);
});

test('an override replaces a value; alone it needs no file (§1)', async (t) => {
  t.deepEqual(await nodesOf('nodes: a b', 'nodes=c d', 'other=1'), ['c', 'd']);
  t.deepEqual(await nodesOf('other: 1', 'nodes=a', 'nodes=b'), ['b']);
  t.deepEqual(await readNodes({ overrides: ['nodes=a b'] }), ['a', 'b']);
});

/** What stands in the file, and the text (§1, §2). F is the file. */
const refused: readonly (readonly [string, string])[] = [
  ['other: 1', 'Configuration file F does not include required option nodes'],
  ['nodes:', 'Option nodes must have a value'],
  ['nodes: "  "', 'Option nodes must have a value'],
  ['nodes: [a, b]', 'Option nodes must be one string: names separated by white space'],
  ['nodes: 5', 'Option nodes must be one string: names separated by white space'],
  ['nodes: yes', 'Option nodes must be one string: names separated by white space'],
  ['- a', 'F is not valid YAML'],
  ['just text', 'F is not valid YAML'],
  ['', 'F is not valid YAML'],
  ['nodes: [a', 'F is not valid YAML'],
];

for (const [content, text] of refused) {
  test(`the configuration ${JSON.stringify(content)} is refused`, async (t) => {
    await using folder = await temporaryFolder();
    const file = await folder.write('bad.conf', content);

    await t.throwsAsync(readNodes({ file }), {
      code: 'RAFT_INVALID_OPTION',
      message: text.replace('F', file),
    });
  });
}

test('an override has exactly one = and two sides (§1)', async (t) => {
  for (const override of ['nodes', 'nodes=', '=a', 'nodes=a=b', '=', '']) {
    await t.throwsAsync(readNodes({ overrides: [override] }), {
      code: 'RAFT_INVALID_OPTION',
      message: `Unexpected exception Invalid configuration parameter: ${override}`,
    });
  }
});

test('a wrong configuration ends the run: standard output, status 255 (§1)', async (t) => {
  await using folder = await temporaryFolder();
  const script = await folder.write('a.chi', 'show_queue');
  const file = join(folder.path, 'none.conf');

  const run = await transcribe({ script, configuration: { file } });

  t.is(run.stdout, `ERROR: Unexpected exception Configuration file (${file}) does not exist.\n`);
  t.is(run.stderr, '');
  t.is(run.exitCode, 255);
  t.is(run.target, undefined);
});

test('with a configuration only its nodes exist, started or not', async (t) => {
  await using folder = await temporaryFolder();
  const script = await folder.write('a.chi', 'start -n b\nstart -n z\n');

  const run = await transcribe({ script, configuration: { overrides: ['nodes=b a'] } });

  t.is(run.stdout, 'No such node: z\n');
  t.deepEqual(run.target?.nodes, ['b', 'a']);
});
