/** What Ctrl-C leaves of a command that writes to a directory. */
import { readdirSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { directoryOf } from '../directory.js';
import { lineWith, start } from './balsa.js';

/** Interrupts a benchmark in the middle of its writes, and looks for what is left. */
export async function assertInterruptible(
  t: ExecutionContext,
  args: readonly string[],
): Promise<void> {
  const directory = directoryOf(t);
  const running = start([...args, '--data-dir', directory], { preload: 'tells-of-writes' });
  await lineWith(running, 'written');
  t.is(readdirSync(directory).length, 1);

  running.process.kill('SIGINT');
  const { exitCode, stderr } = await running.ended;

  t.deepEqual({ exitCode, stderr }, { exitCode: 130, stderr: '' });
  t.deepEqual(readdirSync(directory), []);
}
