/** `balsa bench reelection`: how many terms it takes to have a leader again. */
import { type Command, Option } from 'commander';
import { counted, fixed, ms } from '../../benchmarks/figures.js';
import {
  measureReelection,
  type ReelectionCase,
  type ReelectionFault,
  type ReelectionResult,
} from '../../benchmarks/reelection.js';
import { alignedLines } from '../../benchmarks/table.js';
import { RaftError } from '../errors.js';
import { addCommonOptions, type CommonFlags, sizes } from './bench-options.js';
import { indented, measureWith, printResult } from './bench-run.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface ReelectionFlags extends CommonFlags {
  readonly nodes: number;
  readonly failed: readonly number[];
  readonly trials: number;
  readonly fault: ReelectionFault;
}

export function reelectionCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('reelection')
    .summary('how many terms it takes to have a leader again')
    .description(
      'Lets nodes fail, the leader always among them, and counts the terms and the time until ' +
        'another node leads. A term is lost when the votes split. Then all nodes come back, and ' +
        'the next trial begins when they have the same log again.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 3 to 9', nodes, 8)
    .option('--failed <list>', 'how many fail at once', sizes('--failed'), [1, 2, 3])
    .option('--trials <n>', 'how often each', trials, 100)
    .addOption(
      new Option('--fault <kind>', 'cut off from the others, or the thread ended')
        .choices(['cut', 'crash'])
        .default('cut'),
    );
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: ReelectionFlags) => end(await run(flags, terminal)));
}

const nodes = whole('--nodes', { min: 3, max: 9 }, ': fewer do not survive their leader');
const trials = whole('--trials', { min: 1, max: 100_000 });

const examples = `
Examples:
  balsa bench reelection
  balsa bench reelection --nodes 5 --failed 1,2 --trials 1000
  balsa bench reelection --fault crash --json`;

async function run(flags: ReelectionFlags, terminal: Terminal): Promise<number> {
  const { signal } = terminal;
  const { nodes: size, failed: counts, trials: trialCount, fault, seed, json } = flags;
  checkFailed(size, counts);
  const total = trialCount * counts.length;
  const failures = { failed: counts, trials: trialCount, fault };
  const result = await measureWith(terminal, (onPhase) => {
    const onProgress = (done: number): void => onPhase(done / total, counted(done, 'trial'));
    return measureReelection({ size, ...failures, seed, signal, onProgress });
  });
  const report = { config: { nodes: size, ...failures, seed: result.seed }, ...result };
  await printResult(terminal, { json, report, text: () => reelectionText(result) });
  return exitCode.ok;
}

/** Throws `RAFT_INVALID_OPTION` if nobody could be elected by those who are left. */
function checkFailed(size: number, counts: readonly number[]): void {
  const most = Math.ceil(size / 2) - 1;
  const found = `--failed is '${counts.join(',')}'`;
  const text = `${found}; of ${counted(size, 'node')} at most ${most} may fail`;
  if (counts.every((count) => count <= most)) return;
  throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--failed' } });
}

function reelectionText({ cases, electionTimeoutMs }: ReelectionResult): string {
  const { minMs, maxMs } = electionTimeoutMs;
  const lines = [
    ...alignedLines({
      head: ['failed', 'trials', '1 term', '2', '3', 'more', 'median', 'p99', 'ms', 'p99', 'max'],
      rows: cases.map(rowOf),
    }),
    `election timeouts from ${minMs} to ${ms(maxMs)}`,
  ];
  return indented(lines);
}

function rowOf({ failed: count, terms, termSpread, msSpread }: ReelectionCase): string[] {
  const share = (isMeant: (term: number) => boolean): string =>
    `${fixed((100 * terms.filter(isMeant).length) / terms.length, 1)} %`;
  return [
    String(count),
    String(terms.length),
    ...[1, 2, 3].map((number) => share((term) => term === number)),
    share((term) => term > 3),
    fixed(termSpread.median, termSpread.median % 1 === 0 ? 0 : 1),
    String(termSpread.p99),
    ...[msSpread.median, msSpread.p99, msSpread.max].map(ms),
  ];
}
