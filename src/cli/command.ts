/** What every command is: something that adds itself to `balsa`. */
import type { Command } from 'commander';
import type { Terminal } from './terminal.js';

/** Writes to `terminal`, and says with `end` with which exit code it ended. */
export type CommandMaker = (
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
) => void;
