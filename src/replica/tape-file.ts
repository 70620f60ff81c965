/**
 * The tapes of a run in their directory: a file for each life of each node, a line for each record.
 *
 * A line is JSON, and its last field is a checksum of the line and of all before it. So a line that
 * was altered, left out or moved is told, whatever it says.
 */
import { openSync, writeSync } from 'node:fs';
import { access, constants, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RaftError } from '../errors.js';
import { type BeginRecord, type TapeRecord, tapeFormat } from './tape.js';

const suffix = '.tape';

/** `n1.2.tape` is the tape of the second life of n1. */
export function tapeName(nodeId: string, incarnation: number): string {
  return `${encodeURIComponent(nodeId)}.${incarnation}${suffix}`;
}

/** The names of the tapes in a directory, sorted. Rejects as `readdir` does. */
export async function tapesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(suffix)).sort();
}

/**
 * Makes a directory for the tapes of a run: a node that cannot write its tape would never live.
 * Rejects with `RAFT_INVALID_OPTION`, which names `option`, if it cannot be written or has tapes.
 */
export async function prepareTapes(directory: string, option: string): Promise<void> {
  const details = { option };
  const found = await mkdir(directory, { recursive: true })
    .then(() => access(directory, constants.W_OK))
    .then(() => tapesIn(directory))
    .catch((cause: Error) => {
      const text = `${option} cannot be written: ${cause.message}`;
      throw new RaftError('RAFT_INVALID_OPTION', text, { cause, details });
    });
  if (found.length === 0) return;
  // Played back together, two runs would seem to be one that broke every promise.
  const text = `${option} is '${directory}', which has tapes already; expected a directory without`;
  throw new RaftError('RAFT_INVALID_OPTION', text, { details });
}

/**
 * Opens a new file to write records to. Each is written before the next thing is done: a thread
 * that is killed has lost no more than the turn in which it was.
 */
export function openTapeFile(directory: string, name: string): (record: TapeRecord) => void {
  // The thread closes it as it ends.
  const file = openSync(join(directory, name), 'wx');
  let check = 0;
  return (record) => {
    const json = JSON.stringify(record);
    check = crc32(json, check);
    const line = Buffer.from(`${json.slice(0, -1)}${checkField(check)}\n`);
    for (let done = 0; done < line.length; ) done += writeSync(file, line, done);
  };
}

/**
 * Reads the text of a tape. What follows its last newline is passed over: a thread that was killed
 * may have left half a line. Throws `RAFT_INVALID_TAPE`; `name` is for the message.
 */
export function readTape(text: string, name: string): TapeRecord[] {
  const lines = text.split('\n').slice(0, -1);
  let check = 0;
  return lines.map((line, at) => {
    const json = `${line.slice(0, -checkLength)}}`;
    check = crc32(json, check);
    const number = at + 1;
    if (!fieldForm.test(line)) throw invalid(name, number, 'is no record of a tape');
    if (!line.endsWith(checkField(check))) {
      throw invalid(name, number, 'is damaged, or does not follow the line before it');
    }
    const record = JSON.parse(json) as TapeRecord;
    if ((record.kind === 'begin') !== (at === 0)) {
      throw invalid(name, number, 'stands where it cannot: one record begins a tape, the first');
    }
    if (record.kind === 'begin') checkFormat(record, name);
    return record;
  });
}

/** The error for a tape that cannot be played; `line` counts from 1. */
function invalid(name: string, line: number, problem: string): RaftError {
  const text = `line ${line} of ${name} ${problem}`;
  return new RaftError('RAFT_INVALID_TAPE', text, { details: { line } });
}

const fieldForm = /,"check":"[0-9a-f]{8}"\}$/;
const checkLength = ',"check":"00000000"}'.length;

function checkField(check: number): string {
  return `,"check":"${check.toString(16).padStart(8, '0')}"}`;
}

function checkFormat({ format }: BeginRecord, name: string): void {
  if (format === tapeFormat) return;
  throw invalid(name, 1, `has format ${format}; expected ${tapeFormat}: another version made it`);
}
