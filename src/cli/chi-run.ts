/** Runs what `balsa chi` and `balsa-chistributed` were asked for: a script, then lines. */
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  type ChiOutput,
  type ConfigurationSource,
  clusterStartLimitMs,
  createClusterTarget,
  runScript,
  VirtualRun,
} from '../chistributed/index.js';
import type { ChiOptions } from './chi-options.js';
import { exitCode as exitCodes } from './exit-code.js';
import { Shell } from './shell.js';
import type { Output, Terminal } from './terminal.js';

export interface ChiRun {
  readonly options: ChiOptions;
  readonly terminal: Terminal;
  /** Where the nodes come from. Default: the nodes that the script starts. */
  readonly configuration: ConfigurationSource | undefined;
  /** Default: a random one. */
  readonly seed?: number | undefined;
  /** Whether time is virtual. Default: false. */
  readonly virtualTime?: boolean | undefined;
}

/** Resolves to the exit code. */
export async function runChi(run: ChiRun): Promise<number> {
  const { options, terminal, configuration, seed } = run;
  let shell: Shell | undefined;
  const outputOf = ({ write, colours }: Output): ChiOutput => ({
    write: (text: string) => (shell ? shell.print(() => write(text)) : write(text)),
    isTTY: colours.isColorSupported,
  });
  const virtual = run.virtualTime === true ? new VirtualRun({ seed: seed ?? 0 }) : undefined;
  const { exitCode } = await runScript({
    ...(options.run === undefined ? {} : { script: options.run }),
    ...(configuration === undefined ? {} : { configuration }),
    input: (session) => {
      if (!process.stdin.isTTY) return linesOfStandardInput();
      // Opened when the script is at its end: one that quits leaves the terminal alone.
      const open = (): Shell => {
        shell = new Shell(session);
        return shell;
      };
      return { [Symbol.asyncIterator]: open };
    },
    createTarget: (nodes, log) =>
      virtual?.createTarget(nodes) ?? createClusterTarget(nodes, { seed, log }),
    ...(virtual === undefined ? {} : { clock: virtual.clock }),
    startLimitMs: clusterStartLimitMs,
    stdout: outputOf(terminal.stdout),
    stderr: outputOf(terminal.stderr),
    signal: terminal.signal,
    debug: options.debug === true,
    // The tool looks at -v last.
    logLevel: options.verbose ? 'info' : options.debug ? 'debug' : 'warning',
  });
  if (virtual?.violation === undefined) return exitCode;
  terminal.stderr.write(`balsa: ${virtual.violation}\n`);
  return exitCodes.failed;
}

/** What the tool does: the file, which has to be there, and the overrides. */
export function strictConfiguration({ configFile, config }: ChiOptions): ConfigurationSource {
  return { file: configFile ?? defaultFile, overrides: config ?? [] };
}

/**
 * What `balsa chi` does when no file is named: the file beside the script, else the tool's default
 * if it is there, else the overrides, else the nodes that the script starts.
 */
export function lenientConfiguration(options: ChiOptions): ConfigurationSource | undefined {
  const { configFile, config, run } = options;
  if (configFile !== undefined) return strictConfiguration(options);
  const beside = run?.replace(/\.chi$/, '.conf');
  const candidates = [...(beside === undefined || beside === run ? [] : [beside]), defaultFile];
  const file = candidates.find((path) => existsSync(path));
  if (file !== undefined) return { file, overrides: config ?? [] };
  if (config !== undefined) return { overrides: config };
  return run === undefined ? strictConfiguration(options) : undefined;
}

const defaultFile = 'chistributed.conf';

/** Opened when the first line is asked for: lines that come before that would be lost. */
export function linesOfStandardInput(): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]: () => createInterface({ input: process.stdin })[Symbol.asyncIterator](),
  };
}
