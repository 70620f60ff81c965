/** The executable under the real chistributed, where its source is at hand: CHISTRIBUTED_SRC. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import test from 'ava';

const source = process.env['CHISTRIBUTED_SRC'];
const python = process.env['CHISTRIBUTED_PYTHON'] ?? 'python3';

// This file runs from dist/test/zeromq.
const driver = fileURLToPath(new URL('../../../test/zeromq/fixtures/drive.py', import.meta.url));
const executable = fileURLToPath(new URL('../../src/cli/balsa-node.js', import.meta.url));
const timeoutMs = 120_000;

const title = 'the real chistributed starts, drives, fails and restarts our nodes';

if (source === undefined) {
  test.skip(`${title} (skipped: CHISTRIBUTED_SRC does not name its source)`, () => {});
} else {
  test.serial(title, async (t) => {
    t.timeout(timeoutMs);
    const env = { ...process.env, PYTHONPATH: join(source, 'src') };
    const run = promisify(execFile);
    const needed = 'import zmq, tornado, colorama';
    await t.notThrowsAsync(
      run(python, ['-c', needed], { env }),
      `the Python packages of the tool are missing: ${needed}`,
    );

    const words = ['-W', 'ignore', driver, process.execPath, executable];
    const { stdout } = await run(python, words, { env, timeout: timeoutMs });

    const noQuorum = 'request timed out: no quorum or no leader';
    const expected = [
      ...['# node-1 runs', '# node-2 runs', '# node-3 runs'],
      ...['SET id=1 OK: A = 1', 'GET id=2 OK: A = 1'],
      `ERROR: GET id=3 failed \\(k=foobar\\): No such key: foobar`,
      `ERROR: GET id=4 failed \\(k=A\\): ${noQuorum}`,
      ...['SET id=5 OK: A = 2', 'GET id=6 OK: A = 2'],
      `ERROR: SET id=7 failed \\(A=3\\): ${noQuorum}`,
      ...['# node-3 runs', 'GET id=8 OK: A = 2', '# ended with 0 0 0'],
    ];
    const lines = stripVTControlCharacters(stdout).trimEnd().split('\n');
    for (const [at, line] of expected.entries()) t.regex(lines[at] ?? '', new RegExp(`^${line}$`));
    t.is(lines.length, expected.length);
  });
}
