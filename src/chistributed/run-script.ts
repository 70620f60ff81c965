/** The front door: runs a `.chi` script on a cluster that the caller makes. */
import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.js';
import { isRaftError, RaftError } from '../errors.js';
import { type Completion, complete } from './completion.js';
import { type ConfigurationSource, readNodes } from './configuration.js';
import { allLines } from './lines.js';
import { Log, type LogLevel } from './log.js';
import { type ChiOutput, Printer } from './printer.js';
import { Runner, type Verdict } from './runner.js';
import { nodesStarted, readScript, type Script, ScriptLines } from './script.js';
import type { ChiTarget } from './target.js';

/** What a run needs, and how it behaves. */
export interface RunScriptOptions {
  /** The script's path. Default: none, then `input` has all the lines. */
  readonly script?: string;
  /**
   * Lines to run after the script, such as those of standard input. Its end prints an empty line,
   * as the tool does. With it, a script that cannot be read is reported and the run goes on.
   * A function is called once, when the nodes are known. Default: none, so the run ends with the
   * script.
   */
  readonly input?: AsyncIterable<string> | ((session: ChiSession) => AsyncIterable<string>);
  /**
   * Which nodes there are. Default: the nodes that the script's `start` commands name, in order of
   * first mention, those of the scripts that it loads included.
   */
  readonly configuration?: ConfigurationSource;
  /**
   * Makes the cluster for these nodes, none of them started. Called once, before the first line,
   * unless there is no node at all. The run disposes the target.
   */
  readonly createTarget: (nodes: readonly string[], log: Log) => ChiTarget | Promise<ChiTarget>;
  /** Default: those of the process. Colours are used where `isTTY` is true. */
  readonly stdout?: ChiOutput;
  readonly stderr?: ChiOutput;
  /** Ends the run when aborted: prints `SIGINT received`. Default: never. */
  readonly signal?: AbortSignal;
  /**
   * The longest wait of `--wait`, and of the end of a script for the answers still pending, in
   * ms > 0. Default: 30,000.
   */
  readonly waitLimitMs?: number;
  /**
   * How long `start` waits for a node before it counts as failed, in ms > 0. Default: 4,500, as in
   * the tool.
   */
  readonly startLimitMs?: number;
  /** Whether lines that fail show a stack trace. Default: false. */
  readonly debug?: boolean;
  /** How much the run tells about itself on standard error. Default: 'warning', so nothing. */
  readonly logLevel?: LogLevel;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** What a person who types lines may ask about the run. */
export interface ChiSession {
  /** What the last word of a line may become. */
  complete(line: string): Completion;
}

/** How a run ended. */
export interface RunScriptResult {
  /**
   * 0: to the end, or `quit`, or a node crashed while it started, as in the tool. 2: the script
   * cannot be read. 130: interrupted. 255: the configuration is wrong.
   */
  readonly exitCode: 0 | 2 | 130 | 255;
  readonly ended: 'end' | 'quit' | 'node-crashed' | 'interrupted' | 'refused';
}

const waitLimitMsDefault = 30_000;
const startLimitMsDefault = 4_500;

/** Lines between two turns of the event loop: answers come through a script that never waits. */
const linesPerTurn = 64;

/**
 * Runs a script to its end or to `quit`, with the texts of chistributed 0.2.0.
 *
 * Answers are printed when they come. At the end of a script without `quit` the run waits for the
 * answers that are still pending, `waitLimitMs` at most; `quit` does not wait. What goes wrong in
 * a line is printed and the run goes on; a script or a configuration that cannot be used is one
 * line and the exit code.
 *
 * Rejects with `RAFT_INVALID_OPTION` for a limit out of range, or neither script nor input,
 * and with the error of `createTarget`.
 *
 * @example
 * const { exitCode } = await runScript({ script: 'basic.chi', createTarget });
 */
export async function runScript(options: RunScriptOptions): Promise<RunScriptResult> {
  checkOptions(options);
  const { stdout = process.stdout, stderr = process.stderr } = options;
  const printer = new Printer(stdout, stderr);
  const signal = options.signal ?? new AbortController().signal;
  const script = await readOrReport(options, printer);
  if (script === 'unreadable') return { exitCode: 2, ended: 'refused' };
  const nodes = await nodesOrReport(options, script, printer);
  if (nodes === undefined) return { exitCode: 255, ended: 'refused' };

  const lines = new ScriptLines();
  if (script !== undefined) lines.insert(script);
  const clock = options.clock ?? systemClock;
  const log = new Log({ output: stderr, level: options.logLevel ?? 'warning', clock });
  log.write('info', 'Starting broker');
  await using target = nodes.length === 0 ? nobody : await options.createTarget(nodes, log);
  const runner = new Runner({
    nodes,
    target,
    printer,
    signal,
    script: lines,
    clock,
    waitLimitMs: options.waitLimitMs ?? waitLimitMsDefault,
    startLimitMs: options.startLimitMs ?? startLimitMsDefault,
    debug: options.debug ?? false,
  });
  const session: ChiSession = { complete: (line) => complete(line, runner.vocabulary) };
  const input = typeof options.input === 'function' ? options.input(session) : options.input;
  const ended = await runLines(runner, allLines({ script: lines, input, signal }));
  if (ended === 'end' && options.input === undefined) await runner.drain();
  runner.close();
  if (signal.aborted) {
    printer.line('SIGINT received');
    return { exitCode: 130, ended: 'interrupted' };
  }
  if (ended === 'end' && options.input !== undefined) printer.line('');
  return { exitCode: 0, ended };
}

async function runLines(
  runner: Runner,
  lines: AsyncIterable<string>,
): Promise<Exclude<Verdict, 'go-on'> | 'end'> {
  let count = 0;
  for await (const line of lines) {
    const verdict = await runner.execute(line);
    if (verdict !== 'go-on') return verdict;
    count += 1;
    if (count % linesPerTurn === 0) await setImmediate();
  }
  return 'end';
}

function checkOptions(options: RunScriptOptions): void {
  const { script, input, waitLimitMs = 1, startLimitMs = 1 } = options;
  for (const [option, ms] of Object.entries({ waitLimitMs, startLimitMs })) {
    if (ms > 0 && ms < Number.POSITIVE_INFINITY) continue;
    throw invalidOption(option, `${option} is ${ms}; expected ms > 0`);
  }
  if (script === undefined && input === undefined) {
    throw invalidOption('script', 'there is nothing to run; expected a script or an input');
  }
}

function invalidOption(option: string, message: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', message, { details: { option } });
}

async function readOrReport(
  { script, input }: RunScriptOptions,
  printer: Printer,
): Promise<Script | 'unreadable' | undefined> {
  if (script === undefined) return undefined;
  try {
    return await readScript(script);
  } catch (error) {
    if (!isRaftError(error, 'RAFT_INVALID_SCRIPT')) throw error;
    printer.error(error.message);
    return input === undefined ? 'unreadable' : undefined;
  }
}

/** A configuration that is wrong goes to standard output, as in the tool. */
async function nodesOrReport(
  { configuration }: RunScriptOptions,
  script: Script | undefined,
  printer: Printer,
): Promise<string[] | undefined> {
  if (configuration === undefined) return script === undefined ? [] : nodesStarted(script);
  try {
    return await readNodes(configuration);
  } catch (error) {
    if (!isRaftError(error, 'RAFT_INVALID_OPTION')) throw error;
    printer.line(`ERROR: ${error.message}`);
    return undefined;
  }
}

/** Stands for the cluster of a script that starts no node: no line gets as far as to ask it. */
const nobody: ChiTarget = {
  start: () => Promise.reject(new RaftError('RAFT_UNKNOWN_NODE', 'this cluster has no nodes')),
  isAlive: () => false,
  get: () => Promise.resolve({ kind: 'lost' }),
  set: () => Promise.resolve({ kind: 'lost' }),
  createPartition: () => Promise.resolve({ remove: () => Promise.resolve() }),
  heldMessages: () => Promise.resolve([]),
  deliver: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
