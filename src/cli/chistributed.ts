#!/usr/bin/env node
/** `balsa-chistributed`: stands in for the tool, with its options, its files and its statuses. */
import { runTool } from './chistributed-program.js';
import { Interruption } from './interruption.js';
import { createTerminal } from './terminal.js';

using interruption = new Interruption();
const terminal = createTerminal(interruption.signal);
process.exitCode = await runTool(process.argv.slice(2), { terminal, interruption });
