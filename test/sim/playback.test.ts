/** Needs threads: what is played back was recorded on them. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createCluster } from '../../src/index.js';
import type { TapeRecord } from '../../src/replica/tape.js';
import { playBack, type TapedLine } from '../../src/sim/playback.js';
import { balsa } from '../cli/balsa.js';

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

async function linesOf(directory: string): Promise<TapedLine[]> {
  const lines: (TapedLine & { readonly atMs: number })[] = [];
  for (const tape of await readdir(directory)) {
    const text = await readFile(join(directory, tape), 'utf8');
    let atMs = 0;
    for (const [at, json] of text.split('\n').slice(0, -1).entries()) {
      const taped = JSON.parse(json) as TapeRecord;
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
  const result = playBack(lines);

  t.is(result.departure, undefined);
  t.is(lines.filter(({ record: { kind } }) => kind === 'begin').length, 4);
  t.true(result.turns > 50 && result.frames > 100 && result.digests > 0);
  t.true(result.elections >= 2 && result.commitIndex > 20);
  const { exitCode, stdout } = await balsa(['sim', 'playback', directory]);
  t.is(exitCode, 0);
  t.regex(stdout, /every turn went as it had gone/);

  const at = lines.findLastIndex(({ record: taped }) => {
    return taped.kind === 'turn' && taped.frames.some(({ kind }) => kind === 1);
  });
  const altered = lines.map((line, place): TapedLine => {
    const { record: taped } = line;
    if (place !== at || taped.kind !== 'turn') return line;
    return { ...line, record: { ...taped, frames: [] } };
  });
  const departed = playBack(altered).departure;
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
  const alter = (change: Partial<TapeRecord>): string | undefined => {
    const altered = lines.map((line, at) => {
      return at === place ? { ...line, record: { ...line.record, ...change } as TapeRecord } : line;
    });
    return playBack(altered).departure?.text;
  };

  t.regex(alter({ state: '9 leader n1 9 9 9' }) ?? '', /^is '.*'; it was '9 leader n1 9 9 9'$/s);
  t.regex(alter({ attempts: '' }) ?? '', /sends more than it did/);
  t.regex(alter({ attempts: '.'.repeat(500) }) ?? '', /sends less than it did/);
});

test('a directory without tapes is bad input', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'balsa-tapes-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));

  const { exitCode, stderr } = await balsa(['sim', 'playback', directory]);

  t.is(exitCode, 2);
  t.regex(stderr, /has no tapes/);
});
