/** `balsa bench report`: measures everything and writes docs/benchmarks.md. */
import { writeFile } from 'node:fs/promises';
import { Argument, type Command, Option } from 'commander';
import { measureReport } from '../../benchmarks/report.js';
import { type SectionName, sectionNames } from '../../benchmarks/report-experiments.js';
import { RaftError } from '../errors.js';
import { exitCode } from './exit-code.js';
import { decimal, whole } from './option-value.js';
import { createProgress } from './progress.js';
import type { Terminal } from './terminal.js';

interface ReportFlags {
  readonly runs: number;
  readonly seconds: number;
  readonly kills: number;
  readonly trials: number;
  readonly out: string;
}

export function reportCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  bench
    .command('report')
    .summary('measure everything several times and write docs/benchmarks.md')
    .description(
      'Runs the other benchmarks, each several times and in a process of its own, and writes a ' +
        'page with the medians, the machine, the commit and the commands. Takes a while: about ' +
        'a minute for each run and second.',
    )
    .addArgument(
      new Argument('[sections...]', 'what to measure (default: all)').choices(sectionNames),
    )
    .option('--runs <n>', 'runs of each command', whole('--runs', { min: 1, max: 100 }), 3)
    .option('--seconds <s>', 'time that each run measures', seconds, 10)
    .option('--kills <n>', 'kills of the leader in a run', kills, 20)
    .option('--trials <n>', 'failures of each kind in a run of reelection', trials, 100)
    .addOption(new Option('--out <file>', 'where to').default('docs/benchmarks.md'))
    .addHelpText('after', examples)
    .action(async (sections: SectionName[], flags: ReportFlags) => {
      end(await run(sections, flags, terminal));
    });
}

const seconds = decimal('--seconds', { min: 0.1, max: 600 });
const kills = whole('--kills', { min: 1, max: 1_000 });
const trials = whole('--trials', { min: 1, max: 100_000 });

const examples = `
Examples:
  balsa bench report
  balsa bench report --runs 5 throughput failover
  balsa bench report --runs 1 --seconds 1 --out /tmp/benchmarks.md`;

async function run(
  sections: readonly SectionName[],
  { out, ...flags }: ReportFlags,
  { stdout, stderr, signal }: Terminal,
): Promise<number> {
  // Found out now: at the end it would cost the whole measurement.
  await write(out, '', 'a');
  let page: string;
  {
    using progress = createProgress(stderr);
    page = await measureReport({
      ...flags,
      sections: sections.length === 0 ? sectionNames : sections,
      signal,
      onRun: (done, command) => progress.update(done, command),
    });
  }
  await write(out, page, 'w');
  stdout.write(`${out} is written\n`);
  return exitCode.ok;
}

async function write(file: string, text: string, flag: 'a' | 'w'): Promise<void> {
  try {
    await writeFile(file, text, { flag });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RaftError('RAFT_INVALID_OPTION', `--out cannot be written: ${why}`, {
      cause: error,
      details: { option: '--out' },
    });
  }
}
