// Processes are the subject here: one that has disposed its supervisor has to end by itself.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);

test('a disposed supervisor leaves no thread, timer, port or listener behind', async (t) => {
  const program = fileURLToPath(new URL('./fixtures/leaves-nothing.js', import.meta.url));

  // Fails with a signal if the program has to be ended.
  const { stdout, stderr } = await run(process.execPath, [program], { timeout: 20_000 });

  t.deepEqual(JSON.parse(stdout), []);
  t.is(stderr, '');
});
