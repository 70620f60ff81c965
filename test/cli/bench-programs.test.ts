/** The benchmarks that are programs of their own: what they print is what the report reads. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const path = fileURLToPath(new URL(`../../benchmarks/${program}.js`, import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [path, ...args]);
  if (stderr !== '') throw new Error(stderr);
  return stdout;
}

test('sync measures both ways, and leaves nothing on the disk', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'balsa-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));

  const figures = JSON.parse(await outputOf('sync', '--data-dir', folder, '--json'));
  const text = await outputOf('sync', '--data-dir', folder);

  t.true(figures.inTheCall.p50 > 0 && figures.throughThePool.p50 > 0);
  t.is(typeof figures.fileSystem, 'string');
  t.regex(text, /^in the call +p50 .+, p99 .+\nthrough the pool +p50 .+, p99 .+\n$/);
  t.deepEqual(readdirSync(folder), []);
});

test('simulation runs both kinds of scenarios', async (t) => {
  const { kinds } = JSON.parse(await outputOf('simulation', '--seeds', '2', '--json'));

  t.deepEqual(
    kinds.map(({ name }: { name: string }) => name),
    ['swarm', 'calm'],
  );
  for (const kind of kinds) t.true(kind.eventsPerSecond > 0 && kind.simulatedSecondsPerSecond >= 0);
});

test('snapshot times every kind of work', async (t) => {
  const { keys, pauses } = JSON.parse(await outputOf('snapshot', '--keys', '4000', '--json'));

  t.is(keys, 4_000);
  t.is(pauses.length, 6);
  for (const { name, count } of pauses) t.true(count > 0, name);
});
