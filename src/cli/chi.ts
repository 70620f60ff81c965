/** `balsa chi`: the simulator of the course, with its options, on a cluster in this process. */
import type { Command } from 'commander';
import { batchCommand } from './chi-batch.js';
import { addChiOptions, type ChiOptions } from './chi-options.js';
import { lenientConfiguration, runChi } from './chi-run.js';
import { seedRange, whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface ChiFlags extends ChiOptions {
  readonly seed?: number;
  readonly virtualTime?: true;
}

export function chiCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const chi = program
    .command('chi')
    .summary('the simulator of scripts: a script, a shell, or many scripts')
    .description(
      'Runs scripts of chistributed 0.2.0 on a cluster in this process: the script of ' +
        '--run, then the lines of standard input; on a terminal it is a shell. Without ' +
        '--config-file the nodes are those of NAME.conf beside NAME.chi, else those of ' +
        './chistributed.conf, else those that the script starts.',
    );
  addChiOptions(chi)
    .option('--seed <n>', 'makes election timeouts repeatable', whole('--seed', seedRange))
    .option('--virtual-time', 'simulated nodes on one thread; the same seed prints the same')
    .addHelpText('after', examples)
    .action(async (options: ChiFlags) => {
      const configuration = lenientConfiguration(options);
      const { seed, virtualTime } = options;
      end(await runChi({ options, terminal, configuration, seed, virtualTime }));
    });
  batchCommand(chi, terminal, end);
}

const examples = `
Examples:
  balsa chi --run examples/chistributed/tour.chi
  balsa chi --run examples/chistributed/tour.chi --virtual-time --seed 7 < /dev/null
  balsa chi -c nodes="a b c"
  balsa chi batch examples/chistributed --repeat 10

Exit codes:
  0    at the end of the lines, or quit, or a node crashed while it started
  2    the command line cannot be used
  130  ended by Ctrl-C
  255  the configuration is wrong`;
