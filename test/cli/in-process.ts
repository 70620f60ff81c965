/** Runs a command line in this process: a hundred processes would take their time. */
import type { Surroundings } from '../../src/cli/command-line.js';
import { createOutput } from '../../src/cli/terminal.js';
import type { Ended } from './balsa.js';

type Program = (args: readonly string[], surroundings: Surroundings) => Promise<number>;

export async function inProcess(program: Program, args: readonly string[]): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => {
    const write = (text: string): void => {
      texts[name] += text;
    };
    return createOutput({ write }, {});
  };
  const { signal } = new AbortController();
  const terminal = { stdout: output('stdout'), stderr: output('stderr'), signal };
  const interruption = { exitCode: undefined };
  return { exitCode: await program(args, { terminal, interruption }), ...texts };
}
