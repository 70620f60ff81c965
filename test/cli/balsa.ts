/** Runs `balsa` as a user does: a process of its own, with what it printed and how it ended. */
import { type ChildProcess, execFile } from 'node:child_process';
import { on } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that hangs is ended, and its test fails for the exit code. */
const timeoutMs = 110_000;

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** Its lines on standard output, as they come. */
  readonly lines: Interface;
  readonly ended: Promise<Ended>;
}

export interface Preload {
  /** A module of fixtures/ that the process loads first. Default: none. */
  readonly preload?: string;
  /** The program. Default: 'main', which is `balsa`. */
  readonly program?: 'main' | 'chistributed';
  /** Default: that of the tests. */
  readonly cwd?: string;
  /** What differs from the environment of the tests. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The file that a program is. */
export function pathOf(program: 'main' | 'chistributed'): string {
  return fileURLToPath(new URL(`../../src/cli/${program}.js`, import.meta.url));
}

export function start(
  args: readonly string[],
  { preload, program = 'main', cwd, env = {} }: Preload = {},
): Running {
  let finish: (ended: Ended) => void = () => {};
  const ended = new Promise<Ended>((resolve) => {
    finish = resolve;
  });
  const fixture = new URL(`fixtures/${preload}.js`, import.meta.url);
  const first = preload === undefined ? [] : ['--import', fixture.href];
  const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 } as const;
  const around = { ...(cwd === undefined ? {} : { cwd }), env: { ...process.env, ...env } };
  const options = { ...limits, ...around };
  const words = [...first, pathOf(program), ...args];
  const child = execFile(process.execPath, words, options, (_error, stdout, stderr) => {
    finish({ exitCode: child.exitCode, stdout, stderr });
  });
  if (child.stdout === null) throw new Error('no standard output');
  return { process: child, lines: createInterface({ input: child.stdout }), ended };
}

/**
 * Resolves to the next line that contains this; rejects when standard output ends without one.
 * Lines that come together count one by one, which `once` would not see to.
 */
export async function lineWith({ lines }: Running, text: string): Promise<string> {
  for await (const [line] of on(lines, 'line', { close: ['close'] }) as AsyncIterable<[string]>) {
    if (line.includes(text)) return line;
  }
  throw new Error(`there was no line with ${text}`);
}

/** Runs a command to its end, with `input` as its whole standard input. */
export async function balsa(
  args: readonly string[],
  { input = '', ...preload }: Preload & { readonly input?: string } = {},
): Promise<Ended> {
  const running = start(args, preload);
  running.process.stdin?.end(input);
  return running.ended;
}

/** The events of `--json` of `balsa start`; throws for a line that is none. */
export function eventsOf(
  stdout: string,
): { readonly event: string; readonly [field: string]: unknown }[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
