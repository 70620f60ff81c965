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
    .action(async (seed: number, flags: Flags) => end(await run(seed, flags, terminal)));
}

async function run(seed: number, flags: Flags, { stdout }: Terminal): Promise<number> {
  const scenario = drawScenario(seed);
  if (flags.scenario === true) stdout.write(`${JSON.stringify(scenario, undefined, 2)}\n`);
  const write = (line: string): void => stdout.write(`${line}\n`);
  const result = await runScenario(scenario, flags.trace === true ? { trace: write } : {});
  const { history, verdict, violation, digest, counts } = result;
  if (flags.history === true) for (const event of history) write(JSON.stringify(event));
  if (flags.json === true) {
    write(JSON.stringify({ seed, digest, verdict, counts, violation: violation ?? null }));
  } else if (violation === undefined) {
    write(`seed ${seed} broke nothing; its history is ${verdict}; trace ${digest}`);
  } else {
    write(`seed ${seed} broke '${violation.invariant}' at ${violation.atMs.toFixed(3)} ms`);
    write(`  ${violation.text}`);
    write(`  trace ${digest}`);
  }
  if (violation !== undefined) return exitCode.failed;
  return verdict === 'unknown' ? exitCode.unknown : exitCode.ok;
}
