/** Needs threads: what is played back was recorded on them. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runCommandLine } from '../../src/cli/command-line.js';
import { createCluster } from '../../src/index.js';
import type { TapeRecord } from '../../src/replica/tape.js';
import { readTape } from '../../src/replica/tape-file.js';
import { playBack, type TapedLine } from '../../src/sim/playback.js';
import type { Ended } from '../cli/balsa.js';
import { inProcess } from '../cli/in-process.js';

/** A cluster that loses its leader twice, once to a crash, and whose log is trimmed. */
async function record(directory: string): Promise<void> {
  await using cluster = await createCluster({
    recordTo: directory,
    seed: 11,
    entryBytesMax: 4096,
    checkpointBytes: 4096,
  });
  for (let round = 0; round < 3; round += 1) {
    for (let at = 0; at < 16; at += 1) {
      const writes = [1, 2, 3].map((n) => cluster.set(`k${(at * n) % 7}`, `${round} ${at} ${n}`));
      await Promise.all([...writes, cluster.get(`k${at % 7}`)]);
    }
    if (round === 0) {
      const restarted = cluster.once('node-started');
      await cluster.crash('leader', { restart: true });
      await restarted;
    }
    const follower = cluster.nodes.find((id) => id !== cluster.leaderId) ?? 'n1';
    if (round === 1) await cluster.transferLeadership(follower);
    await cluster.waitForConverged();
  }
}

const balsa = (args: readonly string[]): Promise<Ended> => inProcess(runCommandLine, args);

async function linesOf(directory: string): Promise<TapedLine[]> {
  const lines: (TapedLine & { readonly atMs: number })[] = [];
  for (const tape of await readdir(directory)) {
    const text = await readFile(join(directory, tape), 'utf8');
    let atMs = 0;
    for (const [at, taped] of readTape(text, tape).entries()) {
      if (taped.kind !== 'call') atMs = taped.atMs;
      lines.push({ tape, line: at + 1, record: taped, atMs });
    }
  }
  return lines.sort((one, other) => one.atMs - other.atMs);
}

test('a run on threads plays back turn by turn, crashes and all, and the command says so', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'balsa-tapes-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await record(directory);

  const lines = await linesOf(directory);
  const result = await playBack(lines);

  t.is(result.departure, undefined);
  t.is(lines.filter(({ record: { kind } }) => kind === 'begin').length, 4);
  t.true(result.turns > 50 && result.frames > 100 && result.digests > 0);
  t.true(result.elections >= 2 && result.commitIndex > 20);
  const { exitCode, stdout } = await balsa(['sim', 'playback', directory]);
  t.is(exitCode, 0);
  t.regex(stdout, /^4 tapes, 1 of them cut off as when a thread is killed\n/);
  t.regex(stdout, /every turn went as it had gone/);

  const at = lines.findLastIndex(({ record: taped }) => {
    return taped.kind === 'turn' && taped.frames.some(({ kind }) => kind === 1);
  });
  const altered = lines.map((line, place): TapedLine => {
    const { record: taped } = line;
    if (place !== at || taped.kind !== 'turn') return line;
    return { ...line, record: { ...taped, frames: [] } };
  });
  const { departure: departed } = await playBack(altered);
  t.is(departed?.tape, lines[at]?.tape);
  t.true((departed?.line ?? 0) >= (lines[at]?.line ?? 0));
});

test('a turn that ends otherwise, and sends otherwise, is named', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'balsa-tapes-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await record(directory);
  const lines = await linesOf(directory);
  const place = lines.findIndex(({ record: taped }) => {
    return taped.kind === 'turn' && taped.attempts.length > 0;
  });
  const alter = async (change: Partial<TapeRecord>): Promise<string> => {
    const altered = lines.map((line, at) => {
      return at === place ? { ...line, record: { ...line.record, ...change } as TapeRecord } : line;
    });
    return (await playBack(altered)).departure?.text ?? '';
  };

  t.regex(await alter({ state: '9 leader n1 9 9 9' }), /^is '.*'; it was '9 leader n1 9 9 9'$/s);
  t.regex(await alter({ attempts: '' }), /sends more than it did/);
  t.regex(await alter({ attempts: '.'.repeat(500) }), /sends less than it did/);
});

const damages: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  ['a letter altered', (text) => text.replace('"ticks":0', '"ticks":1'), /line \d+ .*is damaged/],
  ['a line missing', without(3), /line 3 of n1.1.tape is damaged, or does not follow/],
  ['no beginning', without(1), /line 1 of n1.1.tape is damaged/],
  ['not a tape', () => '{"kind":"begin"}\n', /line 1 of n1.1.tape is no record of a tape/],
  ['bytes of anything', () => '\0\u0001\n\n', /line 1 of n1.1.tape is no record of a tape/],
];

function without(line: number): (text: string) => string {
  return (text) =>
    text
      .split('\n')
      .toSpliced(line - 1, 1)
      .join('\n');
}

test('a tape that is damaged, of another run or no tape at all is bad input', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'balsa-tapes-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const [one, other, copy] = ['one', 'other', 'copy'].map((name) => join(directory, name));
  for (const recordTo of [one, other] as string[]) {
    await using cluster = await createCluster({ size: 1, recordTo });
    await cluster.set('a', 1);
  }
  const tape = join(String(one), 'n1.1.tape');
  const whole = await readFile(tape, 'utf8');
  const played = async (text: string): Promise<Ended> => {
    await writeFile(tape, text);
    return balsa(['sim', 'playback', String(one)]);
  };

  for (const [name, damage, message] of damages) {
    const { exitCode, stderr } = await played(damage(whole));
    t.is(exitCode, 2, name);
    t.regex(stderr, /^balsa: RAFT_INVALID_TAPE: /, name);
    t.regex(stderr, message, name);
  }
  t.regex((await played('')).stderr, /RAFT_INVALID_TAPE: every tape is empty/);
  // What a thread leaves that is killed while it writes, or before.
  for (const [text, exitCode] of [
    [whole.slice(0, -9), 0],
    [whole, 0],
  ] as const) {
    t.is((await played(text)).exitCode, exitCode);
  }
  await cp(String(one), String(copy), { recursive: true });
  await cp(join(String(other), 'n1.1.tape'), join(String(copy), 'n2.1.tape'));
  const { exitCode, stderr } = await balsa(['sim', 'playback', String(copy)]);
  t.is(exitCode, 2);
  t.regex(stderr, /RAFT_INVALID_TAPE: n2.1.tape is of another run than n1.1.tape/);
});

test('a directory that cannot hold the tapes of a run is refused before a node starts', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'balsa-tapes-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'n1.1.tape'), '');

  for (const recordTo of ['/dev/null/tapes', directory]) {
    const refusal = { code: 'RAFT_INVALID_OPTION', message: /^recordTo / };
    await t.throwsAsync(createCluster({ size: 1, recordTo }), refusal);
    const { exitCode, stderr } = await balsa(['chaos', '--nemesis', 'none', '--record', recordTo]);
    t.is(exitCode, 2);
    t.regex(stderr, /RAFT_INVALID_OPTION: --record /);
  }
});

test('a directory without tapes is bad input', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'balsa-tapes-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));

  const { exitCode, stderr } = await balsa(['sim', 'playback', directory]);

  t.is(exitCode, 2);
  t.regex(stderr, /has no tapes/);
});
