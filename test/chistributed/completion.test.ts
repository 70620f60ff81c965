import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { complete } from '../../src/chistributed/completion.js';
import { temporaryFolder } from './transcript.js';

const vocabulary = { nodes: ['node-1', 'node-2', 'other'], partitions: ['east', '#fail-node-1#'] };

const cases: readonly (readonly [line: string, candidates: readonly string[]])[] = [
  ['cr', ['create_partition', 'crash']],
  ['qu', ['quit']],
  ['frob', []],
  ['get -n ', ['node-1', 'node-2', 'other']],
  ['get -n node', ['node-1', 'node-2']],
  ['get --node_id o', ['other']],
  ['get -', ['-n', '--node_id', '-k', '--key', '--wait', '--help']],
  ['get --w', ['--wait']],
  ['get -k ', []],
  ['create_partition -n p -p node-1,', ['node-2', 'other']],
  ['create_partition -n p -2 node-1,node-2,o', ['other']],
  ['create_partition -n ', []],
  ['remove_partition -n ', ['east', '#fail-node-1#']],
  ['remove_partition --name e', ['east']],
  ['send_msg {', []],
  ['frobnicate -', []],
];

for (const [line, candidates] of cases) {
  test(`'${line}' may become ${candidates.join(', ') || 'nothing'}`, (t) => {
    const found = complete(line, vocabulary);

    t.deepEqual(found.candidates, candidates);
    t.true(line.endsWith(found.fragment));
    for (const candidate of candidates) t.true(candidate.startsWith(found.fragment));
  });
}

test('load is completed with scripts and folders', async (t) => {
  await using folder = await temporaryFolder();
  await folder.write('one.chi', '\n');
  await folder.write('one.txt', '\n');
  await mkdir(join(folder.path, 'onward'));

  const expected = [`${folder.path}/one.chi`, `${folder.path}/onward/`];
  for (const beginning of ['load ', '@', '@@']) {
    const { candidates } = complete(`${beginning}${folder.path}/on`, vocabulary);
    t.deepEqual([...candidates].sort(), expected);
  }
  t.deepEqual(complete(`load ${folder.path}/nowhere/x`, vocabulary).candidates, []);
});
