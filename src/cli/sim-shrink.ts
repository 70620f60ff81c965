/** `balsa sim shrink`: a failing seed, reduced to what it takes. */
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { RaftError } from '../errors.js';
import { testSource, timelineOf } from '../sim/report.js';
import { shrinkScenario } from '../sim/shrink.js';
import { runScenario } from '../sim/simulation.js';
import { drawScenario } from '../sim/swarm.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import { createProgress } from './progress.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly runs: number;
  readonly out: string;
}

export function shrinkCommand(
  sim: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  sim
    .command('shrink')
    .summary('reduce a failing seed to a small scenario')
    .description(
      'Leaves out calls, faults, nodes and time as long as the same invariant breaks, and ' +
        'writes what is left as a test for test/sim/ and as a timeline.',
    )
    .argument('<seed>', 'the seed', whole('seed', { min: 0, max: 2 ** 40 }))
    .option('--runs <n>', 'runs to spend', whole('--runs', { min: 1, max: 1_000_000 }), 2_000)
    .addHelpText('after', '\nCtrl-C ends it early, with the smallest scenario found so far.')
    .option('--out <directory>', 'where the two files go', '.')
    .action(async (seed: number, flags: Flags) => end(await run(seed, flags, terminal)));
}

async function run(seed: number, { runs, out }: Flags, terminal: Terminal): Promise<number> {
  await prepare(out);
  using progress = createProgress(terminal.stderr);
  const shrunk = await shrinkScenario(drawScenario(seed), {
    runsMax: runs,
    signal: terminal.signal,
    run: async (scenario) => {
      // A run does all of its work at once: nobody would hear of a Ctrl-C.
      await setImmediate();
      return runScenario(scenario);
    },
    onProgress: ({ faults, operations }, spent) => {
      progress.update(spent / runs, `${faults.length} faults, ${operations.length} calls`);
    },
  });
  if (shrunk === undefined) {
    terminal.stdout.write(`seed ${seed} broke nothing\n`);
    return exitCode.ok;
  }
  const { scenario, violation } = shrunk;
  const base = join(out, `seed-${seed}`);
  await writeFile(`${base}.test.ts`, testSource(seed, scenario, violation));
  await writeFile(`${base}.timeline.txt`, await timelineOf(seed, scenario));
  const { nodes, faults, operations, safetyMs } = scenario;
  terminal.stdout.write(
    `seed ${seed} broke '${violation.invariant}': ${violation.text}\n` +
      `${nodes} nodes, ${faults.length} faults, ${operations.length} calls, ${safetyMs} ms are ` +
      `left after ${shrunk.runs} runs\n${base}.test.ts\n${base}.timeline.txt\n`,
  );
  return exitCode.failed;
}

/** That nothing can be written there is found out before an hour of runs. */
async function prepare(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    await access(out, constants.W_OK);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const details = { option: '--out' };
    throw new RaftError('RAFT_INVALID_OPTION', `--out cannot be written: ${why}`, {
      cause,
      details,
    });
  }
}
