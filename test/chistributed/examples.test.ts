import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Expectation } from '../../src/chistributed/expectation.js';
import { transcribe } from './transcript.js';

// This file runs from dist/test/chistributed.
const folder = fileURLToPath(new URL('../../../examples/chistributed/', import.meta.url));
const files = await readdir(folder);
const scripts = files.filter((file) => file.endsWith('.chi'));

test('there is an expected output beside every script, and a script to each', (t) => {
  const names = (ending: string): string[] =>
    files.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length));

  t.true(scripts.length >= 14);
  t.deepEqual(names('.expected'), names('.chi'));
});

for (const script of scripts) {
  test(`${script} prints exactly what is expected of it on a cluster of paper`, async (t) => {
    const expected = await readFile(`${folder}${script.replace('.chi', '.expected')}`, 'utf8');

    const run = await transcribe({ script: `${folder}${script}` });

    t.is(new Expectation(expected).departure(run.stdout), undefined);
    t.is(run.exitCode, 0);
    t.is(run.ended, 'quit');
    const errors = script === 'failed-node.chi' ? /not in a failed state/ : /^$/;
    t.regex(run.stderr, errors);
    t.is(run.target?.calls.at(-1), 'dispose');
  });
}

test('the README of the examples has a row for every script', async (t) => {
  const readme = await readFile(`${folder}README.md`, 'utf8');

  for (const script of scripts) t.true(readme.includes(`](${script})`), script);
});
