/** The command line of the tool: from its words to an exit code. */
import { Command } from 'commander';
import { addChiOptions, type ChiOptions } from './chi-options.js';
import { runChi, strictConfiguration } from './chi-run.js';
import type { Surroundings } from './command-line.js';
import { exitCode } from './exit-code.js';
import { failureOf } from './failure.js';

/** Runs the tool to its end and resolves to its exit code. Never rejects. */
export async function runTool(
  args: readonly string[],
  { terminal, interruption }: Surroundings,
): Promise<number> {
  let ended: number = exitCode.ok;
  const command = addChiOptions(new Command('balsa-chistributed'))
    .description('Runs scripts of chistributed 0.2.0 on a cluster in this process.')
    .helpOption('--help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .action(async (options: ChiOptions) => {
      ended = await runChi({ options, terminal, configuration: strictConfiguration(options) });
    });
  try {
    await command.parseAsync(args, { from: 'user' });
    return interruption.exitCode ?? ended;
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    const failure = failureOf(error);
    if (failure.text !== undefined) terminal.stderr.write(`${failure.text}\n`);
    return failure.exitCode;
  }
}
