/** From the words after `balsa` to an exit code. */
import { exitCode } from './exit-code.js';
import { failureOf } from './failure.js';
import { createProgram } from './program.js';
import type { Terminal } from './terminal.js';

/** What a newcomer who types nothing but `balsa` gets to see. */
const defaultCommand = 'start';

export interface Surroundings {
  readonly terminal: Terminal;
  /** Says with which exit code the command was told to end, if it was. */
  readonly interruption: { readonly exitCode: number | undefined };
}

/** Runs one command to its end and resolves to its exit code. Never rejects. */
export async function runCommandLine(
  args: readonly string[],
  { terminal, interruption }: Surroundings,
): Promise<number> {
  let ended: number = exitCode.ok;
  const program = createProgram(terminal, (code) => {
    ended = code;
  });
  try {
    await program.parseAsync(withCommand(args), { from: 'user' });
    return interruption.exitCode ?? ended;
  } catch (error) {
    // What was under way when the command was told to end fails because of that.
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    const failure = failureOf(error);
    if (failure.text !== undefined) {
      terminal.stderr.write(`${terminal.stderr.colours.red(failure.text)}\n`);
    }
    return failure.exitCode;
  }
}

/** `balsa --nodes 5` is `balsa start --nodes 5`. */
function withCommand(args: readonly string[]): readonly string[] {
  const [first] = args;
  const isForProgram = first !== undefined && ['-h', '--help', '-V', '--version'].includes(first);
  return first === undefined || (first.startsWith('-') && !isForProgram)
    ? [defaultCommand, ...args]
    : args;
}
