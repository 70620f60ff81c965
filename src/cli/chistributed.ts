#!/usr/bin/env node
/** `balsa-chistributed`: stands in for the tool, with its options, its files and its statuses. */
import { Command, CommanderError } from 'commander';
import { addChiOptions, type ChiOptions } from './chi-options.js';
import { runChi, strictConfiguration } from './chi-run.js';
import { exitCode } from './exit-code.js';
import { failureOf } from './failure.js';
import { Interruption } from './interruption.js';
import { createTerminal } from './terminal.js';

using interruption = new Interruption();
const terminal = createTerminal(interruption.signal);
process.exitCode = await runTool(process.argv.slice(2));

async function runTool(args: readonly string[]): Promise<number> {
  let ended: number = exitCode.ok;
  const command = addChiOptions(new Command('balsa-chistributed'))
    .description('Runs scripts of chistributed 0.2.0 on a cluster in this process.')
    .helpOption('--help', 'print this help')
    .exitOverride()
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
    return error instanceof CommanderError ? failure.exitCode : exitCode.failed;
  }
}
