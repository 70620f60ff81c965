/** `balsa check FILE…`: whether histories are linearizable. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { readHistory } from '../chaos/history.js';
import { checkHistory } from '../chaos/history-check.js';
import type { PageHistory } from '../chaos/history-page.js';
import type { Operation } from '../chaos/operation.js';
import { systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import { decimal } from './option-value.js';
import type { Terminal } from './terminal.js';
import {
  attempt,
  bandsOf,
  type Checked,
  exitCodeOf,
  sentence,
  worstOf,
  writePage,
} from './verdict.js';

interface CheckFlags {
  readonly timeout: number;
  readonly html?: string;
}

export function checkCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  program
    .command('check')
    .summary('whether histories are linearizable')
    .description(
      'Reads histories of get, set, cas and delete, one event a line, and says of each whether ' +
        'it is linearizable. docs/laboratory.md has the format.',
    )
    .argument('<files...>', 'histories; - is standard input')
    .option('--timeout <s>', 'give up on a history after this long', timeout, 60)
    .option('--html <out>', 'write a page of the histories, to look at in a browser')
    .addHelpText('after', examples)
    .action(async (files: string[], flags: CheckFlags) => end(await run(files, flags, terminal)));
}

const timeout = decimal('--timeout', { min: 0.001, max: 1_000_000 });

const examples = `
Examples:
  balsa check history.jsonl
  balsa check --timeout 10 runs/*.jsonl
  balsa check --html page.html history.jsonl

Each line of the output begins with linearizable, illegal or unknown.

Exit codes:
  0    all are linearizable
  1    one is not
  2    one cannot be read, and the others are linearizable or unknown
  3    of one nobody knows: there was not enough time or memory`;

async function run(
  files: readonly string[],
  { timeout: seconds, html }: CheckFlags,
  terminal: Terminal,
): Promise<number> {
  const { stdout, signal } = terminal;
  const codes: number[] = [];
  const histories: PageHistory[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const code = await attempt(terminal, ` (${file})`, async () => {
      const checked = await check(file, seconds, signal);
      stdout.write(`${sentence(checked)}\n`);
      const { result } = checked;
      if (html !== undefined) histories.push({ name: file, result, bands: await bandsOf(file) });
      return exitCodeOf[result.verdict];
    });
    codes.push(code);
  }
  if (html !== undefined) codes.push(await attempt(terminal, '', () => writePage(html, histories)));
  return worstOf(codes);
}

async function check(file: string, timeoutSeconds: number, signal: AbortSignal): Promise<Checked> {
  const operations = await read(file);
  const beganMs = systemClock.nowMs();
  const result = await checkHistory(operations, { timeoutMs: timeoutSeconds * 1_000, signal });
  return { file, operations, result, seconds: (systemClock.nowMs() - beganMs) / 1_000 };
}

async function read(file: string): Promise<Operation[]> {
  const chunks = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 2 ** 20 });
  try {
    return await readHistory(chunks);
  } catch (error) {
    if (error instanceof RaftError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RaftError('RAFT_INVALID_HISTORY', `cannot be read: ${why}`, { cause: error });
  }
}
