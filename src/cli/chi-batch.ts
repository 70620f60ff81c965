/** `balsa chi batch`: the scripts of a folder, many times. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { RaftError } from '../errors.js';
import { batchJson, batchJunit, batchTap, batchText, outcomesOf } from './chi-batch-report.js';
import { findScripts, runBatch } from './chi-batch-run.js';
import { exitCode } from './exit-code.js';
import { decimal, seedRange, whole } from './option-value.js';
import { createProgress } from './progress.js';
import type { Terminal } from './terminal.js';

interface BatchFlags {
  readonly repeat: number;
  readonly parallel: number;
  readonly timeout: number;
  readonly seed?: number;
  readonly virtualTime?: true;
  readonly transcripts?: string;
  readonly junit?: string;
  readonly tap?: true;
  readonly json?: true;
}

export function batchCommand(
  chi: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const range = (option: string, max: number) => whole(option, { min: 1, max });
  const limit = decimal('--timeout', { min: 0.1, max: 86_400 });
  const parallel = Math.min(64, availableParallelism());
  chi
    .command('batch')
    // It is no part of the tool: it refuses in the words of balsa.
    .copyInheritedSettings(chi.parent ?? chi)
    .summary('run the scripts of a folder many times')
    .description(
      'Runs every script of a folder, each with its configuration (NAME.conf, else ' +
        'chistributed.conf, else the nodes that it starts), and compares what it prints ' +
        'with NAME.expected, where there is one.',
    )
    .argument('<dir>', 'the folder')
    .option('--repeat <n>', 'runs of each script', range('--repeat', 1_000_000), 1)
    .option('--parallel <p>', 'runs at the same time', range('--parallel', 64), parallel)
    .option('--timeout <s>', 'time limit of one run', limit, 120)
    .option('--seed <n>', 'seed of the first runs; run n adds n - 1', whole('--seed', seedRange))
    .option('--virtual-time', 'simulated nodes on one thread; a run takes milliseconds')
    .option('--transcripts <dir>', 'stores what every run printed there')
    .option('--junit <file>', "writes a report in JUnit's XML")
    .option('--tap', 'the report in TAP on standard output, not as a table')
    .option('--json', 'the report as one JSON object on standard output')
    .addHelpText('after', examples)
    .action(async (folder: string, flags: BatchFlags) => end(await run(folder, flags, terminal)));
}

const examples = `
Examples:
  balsa chi batch examples/chistributed --repeat 50
  balsa chi batch examples/chistributed --repeat 1000 --virtual-time
  balsa chi batch scripts --repeat 10 --parallel 4 --transcripts out --junit report.xml

Exit codes:
  0    every run passed: it came to its end, and printed what is expected of it
  1    a run failed
  2    there is nothing that could be run
  130  ended by Ctrl-C`;

async function run(folder: string, flags: BatchFlags, terminal: Terminal): Promise<number> {
  const { stdout, stderr, signal } = terminal;
  if (flags.tap && flags.json) {
    const text = '--tap and --json are both for standard output; expected one of them';
    throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--tap' } });
  }
  const scripts = await findScripts(folder);
  const total = scripts.length * flags.repeat;
  let done = 0;
  let failed = 0;
  using progress = createProgress(stderr);
  const runs = await runBatch({
    scripts,
    repeat: flags.repeat,
    parallel: flags.parallel,
    limitMs: flags.timeout * 1_000,
    // Virtual time wants a seed: without chance there is nothing that runs could differ by.
    seed: flags.virtualTime ? (flags.seed ?? 0) : flags.seed,
    virtualTime: flags.virtualTime,
    transcripts: flags.transcripts,
    signal,
    onRun: ({ script, failure }) => {
      done += 1;
      if (failure !== undefined) failed += 1;
      progress.update(done / total, `${done} of ${total}, ${failed} failed; ${script.name}`);
    },
  });
  progress[Symbol.dispose]();
  if (signal.aborted) return exitCode.interrupted;
  const outcomes = outcomesOf(scripts, runs);
  if (flags.junit !== undefined) await writeFile(flags.junit, batchJunit(outcomes, runs));
  if (flags.tap) stdout.write(batchTap(runs));
  else if (flags.json) stdout.write(batchJson(outcomes, runs));
  else stdout.write(batchText(outcomes, runs));
  return failed === 0 ? exitCode.ok : exitCode.failed;
}
