import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { formatEvent, type HistoryEvent } from '../../src/chaos/event.js';
import { Prng } from '../../src/prng.js';
import { Recorder } from '../chaos/recorder.js';
import { balsa } from './balsa.js';

const text = (events: readonly HistoryEvent[]): string =>
  events.map((event) => `${formatEvent(event)}\n`).join('');

const good = text(new Recorder().set([0, 1], 1).get([2, 3], 1).events);
const stale = text(new Recorder().set([0, 1], 1).set([2, 3], 2).get([4, 5], 1).events);

async function withFiles<T>(
  contents: readonly string[],
  use: (files: string[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'balsa-check-'));
  try {
    const files = contents.map((_, at) => join(folder, `${at}.jsonl`));
    await Promise.all(files.map((file, at) => writeFile(file, contents[at] ?? '')));
    return await use(files);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const firstWords = (stdout: string): string[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');

test('a linearizable history: exit code 0', async (t) => {
  await withFiles([good, ''], async (files) => {
    const ended = await balsa(['check', ...files]);

    t.is(ended.stderr, '');
    t.is(ended.exitCode, 0);
    t.deepEqual(firstWords(ended.stdout), ['linearizable', 'linearizable']);
  });
});

test('a violation: exit code 1, and the operation for which there is no place', async (t) => {
  const ended = await balsa(['check', '-'], { input: stale });

  t.is(ended.exitCode, 1);
  t.is(ended.stderr, '');
  t.regex(
    ended.stdout,
    /^illegal -: key "x": there is no place for the get of process 2, which gave 1 \(line 5\)/,
  );
});

test('bad input: exit code 2, one error with the line, and the other files are checked', async (t) => {
  await withFiles([good, `${good}nonsense\n`], async ([fine = '', bad = '']) => {
    const ended = await balsa(['check', bad, fine]);

    t.is(ended.exitCode, 2);
    t.deepEqual(firstWords(ended.stdout), ['linearizable']);
    t.is(ended.stderr.trimEnd().split('\n').length, 1);
    t.regex(ended.stderr, /^balsa: RAFT_INVALID_HISTORY: line 5 cannot be read as JSON/);
  });
  const absent = await balsa(['check', '/nowhere/at/all']);
  t.is(absent.exitCode, 2);
  t.regex(absent.stderr, /ENOENT/);
  t.is((await balsa(['check'])).exitCode, 2);
});

test('a violation counts more than what cannot be read', async (t) => {
  await withFiles([stale, 'nonsense'], async (files) => {
    t.is((await balsa(['check', ...files])).exitCode, 1);
  });
});

test('a page that cannot be written is told, and hides no violation', async (t) => {
  await withFiles([stale, good], async ([bad = '', fine = '']) => {
    for (const [file, exitCode] of [
      [bad, 1],
      [fine, 2],
    ] as const) {
      const ended = await balsa(['check', '--html', '/nowhere/page.html', file]);

      t.is(ended.exitCode, exitCode);
      t.is(firstWords(ended.stdout).length, 1);
      t.regex(ended.stderr, /^balsa: RAFT_INVALID_OPTION: --html cannot be written: ENOENT/);
    }
  });
});

test('out of time: exit code 3, from threads that search in parallel', async (t) => {
  const prng = new Prng(1);
  const events = ['a', 'b'].flatMap((key, at) => {
    const recorder = new Recorder(key).set([0, 1], 2);
    // A walk through twelve values, thirty steps at a time; its end is not where the get finds it.
    let value = 2;
    for (let turn = 0; turn < 200; turn++) {
      const next = (value + prng.int(1, 11)) % 12;
      recorder.cas([2 + turn, 32 + turn], value, next);
      value = next;
    }
    recorder.get([1_001, 1_002], (value + 1) % 12);
    return recorder.events.map((event) => ({ ...event, process: event.process + 1_000 * at }));
  });

  const ended = await balsa(['check', '--timeout', '0.5', '-'], { input: text(events) });

  t.is(ended.stderr, '');
  t.is(ended.exitCode, 3);
  t.regex(ended.stdout, /^unknown -: key "a" \(and 1 other key\): out of time with \d+ of 202/);
});

test('a file beside the history that holds no faults changes no verdict', async (t) => {
  await withFiles([good, ''], async ([file = '', page = '']) => {
    for (const faults of [
      '[{',
      'null',
      '{"name":"x","at":1.5}',
      '{"name":"x","at":1,"until":"2"}',
    ]) {
      await writeFile(`${file}.faults`, `${faults}\n`);

      const ended = await balsa(['check', '--html', page, file]);

      t.is(ended.stderr, '', faults);
      t.is(ended.exitCode, 0);
    }
  });
});
