/** The commands of `balsa`, and what they have in common. */
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { benchCommand } from './bench.js';
import { chaosCommand } from './chaos.js';
import { checkCommand } from './check.js';
import { chiCommand } from './chi.js';
import type { CommandMaker } from './command.js';
import { oneLine } from './failure.js';
import { logCommand } from './log.js';
import { runCommand } from './run.js';
import { simCommand } from './sim.js';
import { snapshotCommand } from './snapshot.js';
import { startCommand } from './start.js';
import type { Terminal } from './terminal.js';

const makers: readonly CommandMaker[] = [
  startCommand,
  runCommand,
  chiCommand,
  simCommand,
  benchCommand,
  chaosCommand,
  checkCommand,
  logCommand,
  snapshotCommand,
];

export function createProgram(terminal: Terminal, end: (exitCode: number) => void): Command {
  const program = new Command('balsa')
    .description('A Raft cluster on worker threads: watch it, hurt it, measure it.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      outputError: (message, write) => {
        const line = `balsa: ${oneLine(message)}; see balsa --help`;
        write(`${terminal.stderr.colours.red(line)}\n`);
      },
    })
    .addHelpText('after', examples);
  for (const add of makers) add(program, terminal, end);
  return program;
}

const examples = `
Examples:
  balsa                                     the demonstration (the same as balsa start)
  balsa start --nodes 5
  balsa run examples/chistributed/tour.chi
  balsa sim --seeds 1..1000
  balsa bench --outstanding 64 --seconds 5
  balsa chaos --nemesis all --history history.jsonl
  balsa check history.jsonl
  balsa log verify data
  balsa snapshot export backup.balsa --data-dir data

Exit codes:
  0    done, and everything that was checked is right
  1    something failed, or a check did not hold
  2    the command line, or what it names, cannot be used
  3    a check came to no end: there was not enough time or memory
  130  ended by Ctrl-C; 143 by SIGTERM`;

/** That of the package: this file is dist/src/cli/program.js there. */
function version(): string {
  const manifest = createRequire(import.meta.url)('../../../package.json') as { version: string };
  return manifest.version;
}
