/** The options that the benchmarks share. */
import { tmpdir } from 'node:os';
import { type Command, Option } from 'commander';
import type { DurableOptions, SyncPolicy } from '../../benchmarks/subject.js';
import { RaftError } from '../errors.js';
import { decimal, seedRange, whole } from './option-value.js';

/** What to ask of the store. */
export interface LoadFlags {
  readonly outstanding: number;
  readonly valueBytes: number;
  readonly keys: number;
  readonly readRatio: number;
}

/** Where the nodes keep their data. */
export interface DurabilityFlags {
  /** True: in a directory for temporary files. */
  readonly dataDir?: string | true;
  readonly syncPolicy?: SyncPolicy;
}

/** How long to measure. */
export interface TimeFlags {
  readonly seconds: number;
  readonly warmup?: number;
}

export interface CommonFlags {
  readonly seed?: number;
  readonly json?: true;
}

/** A cluster that is written to at a steady rate. */
export interface SteadyFlags extends DurabilityFlags, CommonFlags {
  readonly nodes: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly rate: number;
  readonly seconds: number;
}

const valueRange = { min: 8, max: 524_000 };
const keysRange = { min: 1, max: 1_000_000 };

export function addLoadOptions(command: Command): Command {
  return command
    .option('--outstanding <k>', 'calls under way, each its own promise', outstanding, 1_024)
    .option('--value-bytes <b>', 'length of a value', whole('--value-bytes', valueRange), 100)
    .option('--keys <n>', 'different keys', whole('--keys', keysRange), 10_000)
    .option('--read-ratio <r>', 'share of linearizable gets, 0 to 1', readRatio, 0);
}

export function addTimeOptions(command: Command, defaultSeconds: number): Command {
  return command
    .option('--seconds <s>', 'time that is measured', seconds, defaultSeconds)
    .option('--warmup <s>', 'time before it (default: as long, 4 s at most)', warmup);
}

export function addDurabilityOptions(command: Command): Command {
  return command
    .option(
      '--data-dir [dir]',
      'keep the data on disk, in a new directory in this one, removed at the end ' +
        `(default: ${tmpdir()})`,
    )
    .addOption(
      new Option(
        '--sync-policy <policy>',
        'when a node waits for its disk (default: always)',
      ).choices(['always', 'interval', 'none']),
    );
}

/** What the options ask for; `undefined` means memory. Throws `RAFT_INVALID_OPTION`. */
export function durableOf({ dataDir, syncPolicy }: DurabilityFlags): DurableOptions | undefined {
  if (dataDir !== undefined) {
    return { dataDir: dataDir === true ? tmpdir() : dataDir, syncPolicy: syncPolicy ?? 'always' };
  }
  if (syncPolicy === undefined) return undefined;
  const found = `--sync-policy is '${syncPolicy}', for data in memory`;
  throw new RaftError('RAFT_INVALID_OPTION', `${found}; expected --data-dir beside it`, {
    details: { option: '--sync-policy' },
  });
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--seed <n>', 'fixes what is drawn', whole('--seed', seedRange))
    .option('--json', 'one JSON object on standard output, and nothing else there');
}

const outstanding = whole('--outstanding', { min: 1, max: 65_536 });
const readRatio = decimal('--read-ratio', { min: 0, max: 1 });
const seconds = decimal('--seconds', { min: 0.1, max: 3_600 });
const warmup = decimal('--warmup', { min: 0, max: 600 });

/** It takes several seconds until the compiler has seen enough of what runs on every thread. */
const warmupSecondsMax = 4;

export function warmupOf({ seconds: measured, warmup: given }: TimeFlags): number {
  return given ?? Math.min(warmupSecondsMax, measured);
}

/** Every node holds all of it, and again as much while it saves its state. */
const dataBytesMax = 2 ** 28;

/** Throws `RAFT_INVALID_OPTION` for more data than a benchmark should put into memory. */
export function checkData({ keys, valueBytes }: Pick<LoadFlags, 'keys' | 'valueBytes'>): void {
  if (keys * valueBytes <= dataBytesMax) return;
  const data = `--keys is '${keys}', with values of ${valueBytes} bytes`;
  const text = `${data}; expected at most 256 MiB of values`;
  throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--keys' } });
}

/** Reads a list of sizes, `1,3,5`. */
export function sizes(option: string): (text: string) => number[] {
  return (text) => {
    const list = text.split(',').map((word) => (/^[1-9]$/.test(word) ? Number(word) : undefined));
    const valid = list.filter((size) => size !== undefined);
    if (valid.length === list.length) return valid;
    throw new RaftError('RAFT_INVALID_OPTION', `${option} is '${text}'; expected such as 1,3,5`, {
      details: { option },
    });
  };
}

/** The command as it was typed, for whoever finds the figures later. */
export function commandLine(): string {
  return ['balsa', ...process.argv.slice(2)].join(' ');
}
