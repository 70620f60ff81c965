/** What all benchmarks do around what they measure: progress, and the result in two forms. */
import { describeCommit, describeMachine, type Machine } from '../../benchmarks/machine.js';
import type { OnPhase } from '../../benchmarks/phases.js';
import { isWell, type Verdict } from '../../benchmarks/verdict.js';
import { commandLine } from './bench-options.js';
import { exitCode } from './exit-code.js';
import { createProgress } from './progress.js';
import type { Terminal } from './terminal.js';

/** Where figures come from. */
export interface Provenance {
  readonly machine: Machine;
  readonly commit: string | undefined;
  readonly command: string;
}

export async function provenance(): Promise<Provenance> {
  const machine = describeMachine();
  return { machine, commit: await describeCommit(), command: commandLine() };
}

/** Measures, and shows a person meanwhile how far it is. */
export async function measureWith<Result>(
  { stderr }: Terminal,
  measure: (onPhase: OnPhase) => Promise<Result>,
): Promise<Result> {
  using progress = createProgress(stderr);
  return await measure((done, what) => progress.update(done, what));
}

/** A result for programs, and as a text for people. */
export interface Printed {
  readonly json: true | undefined;
  readonly report: object;
  readonly text: () => string;
}

/** Prints one of the two. */
export async function printResult({ stdout }: Terminal, printed: Printed): Promise<void> {
  const { json, report, text } = printed;
  if (json !== true) stdout.write(text());
  else stdout.write(`${JSON.stringify({ ...report, ...(await provenance()) })}\n`);
}

/** Says what is wrong, if anything is, and gives the exit code of the measurement. */
export function judged({ stderr }: Terminal, verified: Verdict): number {
  const { problem } = verified;
  if (problem !== undefined) stderr.write(`balsa: ${problem}\n`);
  return isWell(verified) ? exitCode.ok : exitCode.failed;
}

/** Lines as a benchmark prints them. */
export function indented(lines: readonly string[]): string {
  return lines.map((line) => (line === '' ? '\n' : `  ${line}\n`)).join('');
}
