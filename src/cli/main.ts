#!/usr/bin/env node
/** `balsa`: runs one command and gives its exit code. */
import { runCommandLine } from './command-line.js';
import { Interruption } from './interruption.js';
import { createTerminal } from './terminal.js';

using interruption = new Interruption();
const terminal = createTerminal(interruption.signal);
process.exitCode = await runCommandLine(process.argv.slice(2), { terminal, interruption });
