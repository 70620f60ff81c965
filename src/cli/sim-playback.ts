/** `balsa sim playback`: a run on threads again, turn by turn, compared with what it was. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { RaftError } from '../errors.js';
import type { TapeRecord } from '../replica/tape.js';
import { readTape, tapesIn } from '../replica/tape-file.js';
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

async function run(
  directory: string,
  asJson: boolean,
  { stdout, signal }: Terminal,
): Promise<number> {
  const tapes = await readTapes(directory);
  const result = await playBack(paced(inOrder(tapes), signal));
  const { departure, turns, frames, elections, commitIndex, digests } = result;
  const cut = tapes.filter(({ records }) => records.at(-1)?.kind !== 'end').length;
  if (asJson) {
    const counts = { tapes: tapes.length, tapesCutOff: cut };
    stdout.write(`${JSON.stringify({ ...result, ...counts, departure: departure ?? null })}\n`);
  } else {
    const where = departure && `${departure.tape}, line ${departure.line}: ${departure.text}\n`;
    const ends = cut === 0 ? '' : `, ${cut} of them cut off as when a thread is killed`;
    stdout.write(
      `${tapes.length} tapes${ends}\n${turns} turns with ${frames} frames, ` +
        `${elections} elections, ${commitIndex} entries; ${digests} digests compared\n` +
        `${where ?? 'every turn went as it had gone\n'}`,
    );
  }
  return departure === undefined ? exitCode.ok : exitCode.failed;
}

interface ReadTape {
  readonly tape: string;
  readonly records: readonly TapeRecord[];
}

async function readTapes(directory: string): Promise<ReadTape[]> {
  const names = await tapesIn(directory).catch((cause: NodeJS.ErrnoException) => {
    throw unusable(directory, `cannot be read (${cause.code})`);
  });
  if (names.length === 0) throw unusable(directory, 'has no tapes');
  const tapes: ReadTape[] = [];
  for (const tape of names) {
    const text = await readFile(join(directory, tape), 'utf8').catch((cause: Error) => {
      throw unusable(tape, `cannot be read: ${cause.message}`);
    });
    tapes.push({ tape, records: readTape(text, tape) });
  }
  checkRuns(tapes);
  return tapes;
}

/** Tapes of two runs would look like one that went wrong. */
function checkRuns(tapes: readonly ReadTape[]): void {
  // A thread that was killed as it began may have left no whole line.
  const begun = tapes.filter(({ records }) => records.length > 0);
  const [first, ...others] = begun;
  if (first === undefined) throw unusable('every tape', 'is empty; expected one with a whole line');
  const stranger = others.find((other) => runOf(other) !== runOf(first));
  if (stranger === undefined) return;
  throw unusable(stranger.tape, `is of another run than ${first.tape}; expected those of one run`);
}

function runOf({ records: [first] }: ReadTape): string | undefined {
  return first?.kind === 'begin' ? first.run : undefined;
}

/** Lines played before Ctrl-C is listened for. */
const linesPerPause = 1_024;

async function* paced(lines: readonly TapedLine[], signal: AbortSignal): AsyncGenerator<TapedLine> {
  for (const [at, line] of lines.entries()) {
    if (at % linesPerPause === 0) {
      await setImmediate();
      signal.throwIfAborted();
    }
    yield line;
  }
}

/** All lines of all tapes, in the order of their times. */
function inOrder(tapes: readonly ReadTape[]): TapedLine[] {
  const timed = tapes.flatMap(({ tape, records }) => {
    let atMs = 0;
    return records.map((record, at) => {
      if (record.kind !== 'call') atMs = record.atMs;
      return { tape, line: at + 1, record, atMs };
    });
  });
  return timed.sort((one, other) => one.atMs - other.atMs);
}

function unusable(what: string, why: string): RaftError {
  return new RaftError('RAFT_INVALID_TAPE', `${what} ${why}`);
}
