// Threads are the subject here: the example starts some, and has to end by itself.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);

test('the example supervises an actor of its own through a crash', async (t) => {
  const program = fileURLToPath(new URL('../../examples/bring-your-own-actor.js', import.meta.url));

  const { stdout } = await run(process.execPath, [program], { timeout: 20_000 });

  t.deepEqual(stdout.trimEnd().split('\n'), [
    'counter is ready, incarnation 1',
    '7 words so far',
    'counter is down: crashed',
    'the question ended: RAFT_NODE_DOWN',
    'the monitor saw incarnation 1 go',
    'counter is ready, incarnation 2',
    '7 words still, says incarnation 2',
    'counter is down: normal',
  ]);
});
