/** `balsa sim replay`: one seed again, with everything that happens. */
import type { Command } from 'commander';
import { runScenario } from '../sim/simulation.js';
import { drawScenario } from '../sim/swarm.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly trace?: true;
  readonly history?: true;
  readonly scenario?: true;
  readonly json?: true;
}

export function replayCommand(
  sim: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  sim
    .command('replay')
    .summary('run one seed again')
    .argument('<seed>', 'the seed', whole('seed', { min: 0, max: 2 ** 40 }))
    .option('--trace', 'a line for every frame that arrives, every fault and every call')
    .option('--history', 'the history of the clients, as JSON lines')
    .option('--scenario', 'what the seed has drawn, as JSON')
    .option('--json', 'the result as one JSON object')
    .addHelpText('after', `\n${after}`)
    .action(async (seed: number, flags: Flags) => end(await run(seed, flags, terminal)));
}

const after = `With --history or --scenario the sentence about the result goes to standard error:
  balsa sim replay 4711 --history | balsa check -`;

async function run(seed: number, flags: Flags, { stdout, stderr }: Terminal): Promise<number> {
  const scenario = drawScenario(seed);
  if (flags.scenario === true) stdout.write(`${JSON.stringify(scenario, undefined, 2)}\n`);
  const write = (line: string): void => stdout.write(`${line}\n`);
  const result = await runScenario(scenario, flags.trace === true ? { trace: write } : {});
  const { history, verdict, violation, digest, counts } = result;
  if (flags.history === true) for (const event of history) write(JSON.stringify(event));
  // What a program reads has nothing else beside it.
  const isForPrograms = flags.history === true || flags.scenario === true;
  const say = (line: string): void => (isForPrograms ? stderr : stdout).write(`${line}\n`);
  if (flags.json === true) {
    write(JSON.stringify({ seed, digest, verdict, counts, violation: violation ?? null }));
  } else if (violation === undefined) {
    say(`seed ${seed} broke nothing; its history is ${verdict}; trace ${digest}`);
  } else {
    say(`seed ${seed} broke '${violation.invariant}' at ${violation.atMs.toFixed(3)} ms`);
    say(`  ${violation.text}`);
    say(`  trace ${digest}`);
  }
  if (violation !== undefined) return exitCode.failed;
  return verdict === 'unknown' ? exitCode.unknown : exitCode.ok;
}
