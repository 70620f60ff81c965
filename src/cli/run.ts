/** `balsa run FILE.chi`: runs a script of chistributed on a cluster in this process. */
import type { Command } from 'commander';
import {
  type ChiOutput,
  type ConfigurationSource,
  clusterStartLimitMs,
  createClusterTarget,
  runScript,
} from '../chistributed/index.js';
import { linesOfStandardInput } from './chi-run.js';
import { seedRange, whole } from './option-value.js';
import type { Output, Terminal } from './terminal.js';

interface RunOptions {
  readonly configFile?: string;
  readonly config?: readonly string[];
  readonly seed?: number;
}

export function runCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  program
    .command('run')
    .summary('run a .chi script')
    .description(
      'Runs a script of chistributed: start, set, get, wait, fail_node, recover_node, ' +
        'create_partition, remove_partition, show_partitions, load, quit. Its nodes are ' +
        'one cluster in memory, and none of them runs before the script starts it.',
    )
    .argument('<file>', 'the script; - reads its lines from standard input')
    .option(
      '--config-file <file>',
      'YAML with an entry nodes (default: the nodes that are started)',
    )
    .option(
      '-c, --config <name=value>',
      'one entry of it, as in nodes="a b c"; repeatable',
      collect,
    )
    .option('--seed <n>', 'makes election timeouts repeatable', whole('--seed', seedRange))
    .addHelpText('after', examples)
    .action(async (file: string, options: RunOptions) => {
      end(await run(file, options, terminal));
    });
}

const examples = `
Examples:
  balsa run examples/chistributed/tour.chi
  balsa run -c nodes="a b c d e" script.chi
  echo 'start -n a' | balsa run -c nodes=a -

Exit codes:
  0    at the end of the script
  2    the script cannot be read; 255 when the configuration is wrong`;

async function run(file: string, options: RunOptions, terminal: Terminal): Promise<number> {
  const configuration = configurationOf(options);
  const { exitCode } = await runScript({
    ...(file === '-' ? { input: linesOfStandardInput() } : { script: file }),
    ...(configuration === undefined ? {} : { configuration }),
    createTarget: (nodes) => createClusterTarget(nodes, { seed: options.seed }),
    startLimitMs: clusterStartLimitMs,
    stdout: chiOutput(terminal.stdout),
    stderr: chiOutput(terminal.stderr),
    signal: terminal.signal,
  });
  return exitCode;
}

function configurationOf({ configFile, config }: RunOptions): ConfigurationSource | undefined {
  if (configFile === undefined && config === undefined) return undefined;
  return {
    ...(configFile === undefined ? {} : { file: configFile }),
    ...(config === undefined ? {} : { overrides: config }),
  };
}

function chiOutput(output: Output): ChiOutput {
  return { write: output.write, isTTY: output.colours.isColorSupported };
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
