import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { directoryOf } from '../directory.js';

test('a directory is made with those above it, and may be there already', (t) => {
  const path = join(directoryOf(t), 'a', 'b', 'c');

  nodeFileSystem.makeDirectory(path);
  nodeFileSystem.makeDirectory(path);

  t.true(statSync(path).isDirectory());
});

test('a file stays where a directory is wanted, there or above', (t) => {
  const path = join(directoryOf(t), 'file');
  writeFileSync(path, 'text');

  t.throws(() => nodeFileSystem.makeDirectory(path), { code: 'EEXIST' });
  t.throws(() => nodeFileSystem.makeDirectory(join(path, 'below')), { code: 'ENOTDIR' });
});

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('where no directory can be made there is an error, not a loop', (t) => {
  t.throws(() => nodeFileSystem.makeDirectory('/proc/nothing/here'), { code: 'ENOENT' });
});
