#!/usr/bin/env node
/** `balsa`: runs one command and gives its exit code. */
import { runCommandLine } from './command-line.js';

process.exitCode = await runCommandLine(process.argv.slice(2));
