import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import type { NodeArguments } from '../../src/cli/node-arguments.js';
import { openNodeDirectory } from '../../src/cli/node-directory.js';

const home = mkdtempSync(join(tmpdir(), 'balsa-'));
process.env['TMPDIR'] = home;
test.after.always(() => rmSync(home, { recursive: true }));

function node(name: string, peers: readonly string[], port = 23_311): NodeArguments {
  const endpoint = `tcp://127.0.0.1:${port}`;
  return { name, peers, pubEndpoint: endpoint, routerEndpoint: endpoint, debug: false };
}

test.serial('a node finds its directory again as long as its broker lives', (t) => {
  const first = openNodeDirectory(node('a', ['b', 'c']));

  t.is(openNodeDirectory(node('a', ['c', 'b'])), first);
  t.true(first.startsWith(home));
  t.is(statSync(first).mode & 0o077, 0);
});

test.serial('nodes, brokers and ports do not meet', (t) => {
  const directories = [
    openNodeDirectory(node('a', ['b'])),
    openNodeDirectory(node('b', ['a'])),
    openNodeDirectory(node('a', ['b'], 23_312)),
    openNodeDirectory(node('a', ['b']), process.pid),
  ];

  t.is(new Set(directories).size, directories.length);
  for (const directory of directories) t.true(existsSync(directory));
});

test.serial(
  'names that are no file names, or almost the same, get directories of their own',
  (t) => {
    const long = 'ü'.repeat(63);
    const names = ['..', '.', '/etc', 'a/b', 'a\\b', 'a b', `${long}1`, `${long}2`, 'con'];

    const directories = names.map((name) => openNodeDirectory(node(name, names)));

    t.is(new Set(directories).size, names.length);
    t.is(new Set(directories.map((directory) => dirname(directory))).size, 1);
    for (const directory of directories) t.true(basename(directory).length <= 255);
  },
);

test.serial(
  'directories of brokers that are gone are removed, those of others are let be',
  async (t) => {
    const broker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(broker, 'spawn');
    const theirs = openNodeDirectory(node('a', ['b'], 1), broker.pid);
    openNodeDirectory(node('a', ['b'], 2));
    t.true(existsSync(theirs));

    broker.kill('SIGKILL');
    await once(broker, 'exit');
    const ours = openNodeDirectory(node('a', ['b'], 2));

    t.false(existsSync(theirs));
    t.true(existsSync(ours));
  },
);
