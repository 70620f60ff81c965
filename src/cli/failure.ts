/** What a command that failed says, and the exit code that goes with it. */
import { CommanderError } from 'commander';
import { isRaftError } from '../errors.js';
import { exitCode } from './exit-code.js';

/** How a command ended that threw. */
export interface Failure {
  readonly exitCode: number;
  /** For standard error, without a newline; `undefined` when all was said already. */
  readonly text?: string;
}

/** Codes that blame what was typed rather than what happened. */
const badInputCodes: ReadonlySet<string> = new Set([
  'RAFT_INVALID_HISTORY',
  'RAFT_INVALID_OPTION',
  'RAFT_INVALID_SCRIPT',
  'RAFT_INVALID_TAPE',
  'RAFT_UNKNOWN_NODE',
]);

export function failureOf(error: unknown): Failure {
  // Commander has printed the help, the version or the fault by now.
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? exitCode.ok : exitCode.badInput };
  }
  if (isRaftError(error)) {
    const code = badInputCodes.has(error.code) ? exitCode.badInput : exitCode.failed;
    return { exitCode: code, text: `balsa: ${error.code}: ${error.message}` };
  }
  // Anything else is a defect, and its stack says where.
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: exitCode.failed, text: `balsa: unexpected: ${text}` };
}

/** Commander's message as one line: it puts the suggestion on a second one. */
export function oneLine(message: string): string {
  const text = message.trim().replace(/^error: /, '');
  return text.replace(/\n\(Did you mean (.*)\?\)$/s, ' (did you mean $1?)').replace(/\s+/g, ' ');
}
