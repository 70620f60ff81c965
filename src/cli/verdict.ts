/** What the commands say and write about a history that was checked. */
import { existsSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { shown } from '../chaos/event.js';
import type { HistoryResult, KeyResult } from '../chaos/history-check.js';
import { type Band, historyPage, type PageHistory } from '../chaos/history-page.js';
import { parseJson } from '../chaos/json.js';
import type { Operation } from '../chaos/operation.js';
import type { Verdict } from '../chaos/search.js';
import { RaftError } from '../errors.js';
import { exitCode } from './exit-code.js';
import { failureOf } from './failure.js';
import type { Terminal } from './terminal.js';

/** A history that was read and checked. */
export interface Checked {
  readonly file: string;
  readonly operations: readonly Operation[];
  readonly result: HistoryResult;
  readonly seconds: number;
}

export const exitCodeOf: Readonly<Record<Verdict, number>> = {
  linearizable: exitCode.ok,
  illegal: exitCode.failed,
  unknown: exitCode.unknown,
};

/** The exit code of several things: a violation that was found is never hidden by what failed. */
export function worstOf(codes: readonly number[]): number {
  const byWeight = [exitCode.failed, exitCode.badInput, exitCode.unknown];
  return byWeight.find((code) => codes.includes(code)) ?? exitCode.ok;
}

/**
 * Does one thing of several, and says what is wrong with its input, `about` included; resolves to
 * its exit code. Rejects with any other failure.
 */
export async function attempt(
  { stderr, signal }: Pick<Terminal, 'stderr' | 'signal'>,
  about: string,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = failureOf(error);
    if (failure.exitCode !== exitCode.badInput) throw error;
    stderr.write(`${stderr.colours.red(`${failure.text ?? ''}${about}`)}\n`);
    return exitCode.badInput;
  }
}

/** Where the faults of a history stand: other checkers need not know of them. */
export function faultsFile(history: string): string {
  return `${history}.faults`;
}

/** The faults that `balsa chaos` has written beside a history. */
export async function bandsOf(file: string): Promise<Band[]> {
  const text = await readFile(faultsFile(file), 'utf8').catch(() => '');
  try {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parseJson(line) as unknown as Band)
      .filter(({ name, at, until = at }) => {
        return typeof name === 'string' && isInteger(at) && isInteger(until);
      });
  } catch {
    // Faults are for the eye only: what is no list of them changes no verdict.
    return [];
  }
}

function isInteger(time: unknown): boolean {
  return typeof time === 'bigint' || Number.isInteger(time);
}

/** Rejects with `RAFT_INVALID_OPTION` if the page cannot be written, also before there is one. */
export async function writePage(file: string, histories?: readonly PageHistory[]): Promise<number> {
  const page = histories && historyPage(histories);
  try {
    if (page === undefined) await tryToWrite(file);
    else await writeFile(file, page);
    return exitCode.ok;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RaftError('RAFT_INVALID_OPTION', `--html cannot be written: ${why}`, {
      cause: error,
      details: { option: '--html' },
    });
  }
}

/** Leaves a file as it was, and none where none was. */
async function tryToWrite(file: string): Promise<void> {
  const wasThere = existsSync(file);
  await (await open(file, 'a')).close();
  if (!wasThere) await rm(file);
}

/** One line, of which the first word is the verdict. */
export function sentence({ file, operations, result, seconds }: Checked): string {
  const { verdict, keys } = result;
  const amount = `${counted(operations.length, 'operation')} on ${counted(keys.length, 'key')}`;
  const size = `${amount}, ${seconds.toFixed(2)} s`;
  const blamed = keys.filter((key) => key.verdict === verdict);
  const [first] = blamed;
  if (verdict === 'linearizable' || first === undefined) return `${verdict} ${file}: ${size}`;
  const others = blamed.length > 1 ? ` (and ${counted(blamed.length - 1, 'other key')})` : '';
  const detail = verdict === 'illegal' ? violation(first) : exhaustion(first);
  return `${verdict} ${file}: key ${shown(first.key)}${others}: ${detail}; ${size}`;
}

function violation({ linearization, stuck }: KeyResult): string {
  const [culprit] = stuck;
  if (culprit === undefined) return 'no order explains it';
  const count = linearization.length;
  const before = count === 0 ? '' : ` after the ${counted(count, 'operation')} that can be placed`;
  return `there is no place for ${operationText(culprit)}${before}`;
}

function exhaustion({ exhausted, linearization, operations }: KeyResult): string {
  const what = exhausted === 'memory' ? 'memory' : 'time';
  return `out of ${what} with ${linearization.length} of ${operations.length} operations placed`;
}

/** `1 key`, `12 keys`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** `process 3's get, which gave 5 (line 12)`. */
function operationText({ process, op, value, expected, outcome, result, line }: Operation): string {
  const input =
    op === 'set'
      ? ` to ${shown(value)}`
      : op === 'cas'
        ? ` of ${shown(expected)} to ${shown(value)}`
        : '';
  const mismatch = outcome === 'fail' ? ', which did not match' : '';
  const output = op === 'get' || result !== undefined ? `, which gave ${shown(result)}` : '';
  return `the ${op}${input} of process ${process}${mismatch || output} (line ${line})`;
}
