/** Runs lines on a fake cluster and keeps everything that was printed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type RunScriptOptions,
  type RunScriptResult,
  runScript,
} from '../../src/chistributed/index.js';
import { FakeTarget } from './fake-target.js';
import { VirtualClock } from './virtual-clock.js';

export interface Transcript extends RunScriptResult {
  readonly stdout: string;
  readonly stderr: string;
  /** What was printed up to now, the end of the run included. */
  readonly printed: { readonly stdout: string; readonly stderr: string };
  /** What the cluster was asked for; absent when none was made. */
  readonly target: FakeTarget | undefined;
  readonly clock: VirtualClock;
  /** The virtual time that the run took, and the timers that it left. */
  readonly elapsedMs: number;
  readonly timersLeft: number;
}

export interface TranscriptOptions extends Omit<RunScriptOptions, 'createTarget'> {
  /** Changes the cluster before the first line. */
  readonly prepare?: (target: FakeTarget, clock: VirtualClock) => void;
  readonly isTerminal?: boolean;
}

export async function transcribe(options: TranscriptOptions): Promise<Transcript> {
  const clock = new VirtualClock();
  const printed = { stdout: '', stderr: '' };
  const outputTo = (stream: 'stdout' | 'stderr'): RunScriptOptions['stdout'] => ({
    isTTY: options.isTerminal ?? false,
    write: (text) => {
      printed[stream] += text;
    },
  });
  let target: FakeTarget | undefined;
  const result = await runScript({
    clock,
    stdout: outputTo('stdout') ?? process.stdout,
    stderr: outputTo('stderr') ?? process.stderr,
    ...options,
    createTarget: (nodes) => {
      target = new FakeTarget(nodes, clock);
      options.prepare?.(target, clock);
      return target;
    },
  });
  const end = { elapsedMs: clock.nowMs(), timersLeft: clock.pending };
  return { ...result, ...printed, ...end, printed, target, clock };
}

/** Runs these lines as a script on three nodes, all of them started unless `nodes` says others. */
export async function transcribeLines(
  lines: readonly string[],
  options: TranscriptOptions & { readonly nodes?: string } = {},
): Promise<Transcript> {
  await using folder = await temporaryFolder();
  const script = await folder.write('test.chi', `${lines.join('\n')}\n`);
  const nodes = options.nodes ?? 'node-1 node-2 node-3';
  return await transcribe({
    script,
    configuration: { overrides: [`nodes=${nodes}`] },
    ...options,
  });
}

/** `start` lines for these nodes. */
export function started(...nodes: readonly string[]): string[] {
  return nodes.map((node) => `start -n ${node}`);
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, content: string | Uint8Array): Promise<string>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'balsa-chi-'));
  return {
    path,
    write: async (name, content) => {
      const file = join(path, name);
      await writeFile(file, content);
      return file;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
