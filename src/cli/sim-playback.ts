/** `balsa sim playback`: a run on threads again, turn by turn, compared with what it was. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { RaftError } from '../errors.js';
import type { TapeRecord } from '../replica/tape.js';
import { playBack, type TapedLine } from '../sim/playback.js';
import { exitCode } from './exit-code.js';
import type { Terminal } from './terminal.js';

export function playbackCommand(
  sim: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  sim
    .command('playback')
    .summary('play back what balsa chaos --record has written')
    .description(
      'Each node takes in the same frames, ticks and calls in the same turns as on its thread,\n' +
        'and after each turn has to be what it was; the invariants of Raft are watched.',
    )
    .argument('<dir>', 'the directory with the tapes')
    .option('--json', 'the result as one JSON object')
    .action(async (directory: string, flags: { readonly json?: true }) => {
      end(await run(directory, flags.json === true, terminal));
    });
}

async function run(directory: string, asJson: boolean, { stdout }: Terminal): Promise<number> {
  const lines = await readTapes(directory);
  const result = playBack(lines);
  const { departure, turns, frames, elections, commitIndex, digests } = result;
  if (asJson) {
    stdout.write(`${JSON.stringify({ ...result, departure: departure ?? null })}\n`);
  } else {
    const where = departure && `${departure.tape}, line ${departure.line}: ${departure.text}\n`;
    stdout.write(
      `${turns} turns with ${frames} frames, ${elections} elections, ${commitIndex} entries; ` +
        `${digests} digests compared\n${where ?? 'every turn went as it had gone\n'}`,
    );
  }
  return departure === undefined ? exitCode.ok : exitCode.failed;
}

/** All lines of all tapes, in the order of their times. */
async function readTapes(directory: string): Promise<TapedLine[]> {
  const names = (await listOf(directory)).filter((name) => name.endsWith('.tape')).sort();
  if (names.length === 0) throw unusable(directory, 'has no tapes');
  const timed: (TapedLine & { readonly atMs: number })[] = [];
  for (const tape of names) {
    let atMs = 0;
    const text = await readFile(join(directory, tape), 'utf8');
    const lines = text.split('\n');
    // A thread that was killed may have left half a line: its last turn did not end.
    for (const [at, json] of lines.slice(0, -1).entries()) {
      const record = parse(json, `${tape}, line ${at + 1}`);
      if (record.kind !== 'call') atMs = record.atMs;
      timed.push({ tape, line: at + 1, record, atMs });
    }
  }
  return timed.sort((one, other) => one.atMs - other.atMs);
}

async function listOf(directory: string): Promise<string[]> {
  return readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    throw unusable(directory, `cannot be read (${cause.code})`);
  });
}

function parse(json: string, where: string): TapeRecord {
  try {
    return JSON.parse(json) as TapeRecord;
  } catch {
    throw unusable(where, 'is no record of a tape');
  }
}

function unusable(what: string, why: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${what} ${why}`, { details: { option: 'dir' } });
}
