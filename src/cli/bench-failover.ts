/** `balsa bench failover`: how long writes stand still when the leader dies. */
import type { Command } from 'commander';
import { type FailoverResult, measureFailover } from '../../benchmarks/failover.js';
import { count, counted, fixed, ms } from '../../benchmarks/figures.js';
import { addCommonOptions, type CommonFlags } from './bench-options.js';
import { indented, measureWith, printResult } from './bench-run.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface FailoverFlags extends CommonFlags {
  readonly nodes: number;
  readonly kills: number;
  readonly rate: number;
}

export function failoverCommand(
  bench: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const command = bench
    .command('failover')
    .summary('how long writes stand still when the leader dies')
    .description(
      'Ends the thread of the leader under a steady load, again and again, and measures the ' +
        'time until a write that was sent afterwards is acknowledged. Reads back every write.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 3 to 9', nodes, 3)
    .option('--kills <n>', 'how often the leader is killed', kills, 20)
    .option('--rate <ops>', 'writes a second meanwhile', rate, 5_000);
  addCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (flags: FailoverFlags) => end(await run(flags, terminal)));
}

const nodes = whole('--nodes', { min: 3, max: 9 }, ': fewer do not survive their leader');
const kills = whole('--kills', { min: 1, max: 1_000 });
const rate = whole('--rate', { min: 1, max: 100_000 });

const examples = `
Examples:
  balsa bench failover
  balsa bench failover --nodes 5 --kills 100 --json`;

async function run(flags: FailoverFlags, terminal: Terminal): Promise<number> {
  const { signal } = terminal;
  const { nodes: size, kills: killCount, rate: writesPerSecond, seed, json } = flags;
  const load = { kills: killCount, rate: writesPerSecond };
  const result = await measureWith(terminal, (onPhase) => {
    const onProgress = (done: number): void => onPhase(done / killCount, counted(done, 'kill'));
    return measureFailover({ size, ...load, seed, signal, onProgress });
  });
  const config = { nodes: size, ...load, seed: result.seed };
  const report = { config, ...result };
  await printResult(terminal, { json, report, text: () => failoverText(result) });
  const { lost, undead } = result.verified;
  return lost === 0 && undead === 0 ? exitCode.ok : exitCode.failed;
}

function failoverText({ spread, electionTimeouts, elections, verified }: FailoverResult): string {
  const { acknowledged, lost, undead, unknown } = verified;
  const lines = [
    ['writes again', `after ${ms(spread.median)} (median of ${counted(spread.count, 'kill')})`],
    ['', `${fixed(electionTimeouts, 2)} of the longest election timeout`],
    ['spread', `min ${ms(spread.min)}   p99 ${ms(spread.p99)}   max ${ms(spread.max)}`],
    ['elections', count(elections)],
    ['verified', `${count(acknowledged)} acknowledged writes, ${count(lost)} lost`],
    ...(unknown > 0 ? [['', `${counted(unknown, 'write')} without an answer`]] : []),
    ...(undead > 0 ? [['', `${counted(undead, 'rejected write')} done all the same`]] : []),
  ];
  return indented(lines.map(([name = '', text = '']) => `${name.padEnd(14)}${text}`));
}
