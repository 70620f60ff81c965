/** `balsa start`: the demonstration. */
import type { Command } from 'commander';
import { systemClock } from '../clock.js';
import { demonstrate } from './demonstration.js';
import type { Tell } from './demonstration-event.js';
import { tellAsText } from './demonstration-text.js';
import { exitCode } from './exit-code.js';
import { decimal, seedRange, whole } from './option-value.js';
import type { Output, Terminal } from './terminal.js';

interface StartOptions {
  readonly nodes: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly json?: true;
}

export function startCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  program
    .command('start')
    .summary('the demonstration: elect, serve, lose the leader, heal, measure')
    .description(
      'A cluster elects a leader, takes writes and reads at any node, loses its leader ' +
        'under load, is cut in two, heals, reads back every write that it acknowledged, ' +
        'and is measured. Takes about 8 s. Exits with 1 if anything was lost.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 3 to 9', nodesOption, 3)
    .option('--seconds <s>', 'length of the benchmark at the end', secondsOption, 3)
    .option('--seed <n>', 'makes election timeouts repeatable', whole('--seed', seedRange))
    .option('--json', 'events as JSON lines on standard output, the last one the summary')
    .addHelpText('after', examples)
    .action(async (options: StartOptions) => {
      end(await start(options, terminal));
    });
}

const nodesOption = whole('--nodes', { min: 3, max: 9 }, ': fewer do not survive their leader');
const secondsOption = decimal('--seconds', { min: 0.1, max: 60 });

const examples = `
Examples:
  balsa start
  balsa start --nodes 5 --seconds 1
  balsa start --json | jq -r .event`;

async function start(options: StartOptions, { stdout, signal }: Terminal): Promise<number> {
  const { lost, undead } = await demonstrate({
    size: options.nodes,
    seed: options.seed,
    benchSeconds: options.seconds,
    signal,
    tell: options.json === true ? tellAsJson(stdout) : tellAsText(stdout),
  });
  return lost === 0 && undead === 0 ? exitCode.ok : exitCode.failed;
}

/** One line for each event; `at` is in ms since the command began. */
function tellAsJson(output: Output): Tell {
  const beganMs = systemClock.nowMs();
  return ({ event, ...fields }) => {
    const line = JSON.stringify({ event, at: systemClock.nowMs() - beganMs, ...fields }, rounded);
    output.write(`${line}\n`);
  };
}

/** Times to the µs: what follows is noise. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value;
}
