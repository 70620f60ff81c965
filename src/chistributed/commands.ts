/** The commands of a script and their options, as data. */
import type { OptionSpec } from './options.js';

const nodeId: OptionSpec = { short: '-n', long: '--node_id', takes: 'text' };
const key: OptionSpec = { short: '-k', long: '--key', takes: 'text' };
const partitionName: OptionSpec = { short: '-n', long: '--name', takes: 'text' };
const wait: OptionSpec = { long: '--wait', takes: 'nothing' };
const deliver: OptionSpec = { short: '-d', long: '--deliver', takes: 'nothing' };

/** The commands that take options and that the tool knows. */
type ToolCommand =
  | 'start'
  | 'get'
  | 'set'
  | 'wait'
  | 'fail_node'
  | 'recover_node'
  | 'create_partition'
  | 'remove_partition'
  | 'show_queue'
  | 'show_partitions';

/** The commands for people: the tool does not know them, so scripts for both do without. */
export type LaboratoryCommand =
  | 'crash'
  | 'restart'
  | 'pause'
  | 'resume'
  | 'delay'
  | 'drop'
  | 'leader'
  | 'status'
  | 'seed';

/** The commands that take options. */
export type OptionCommand = ToolCommand | LaboratoryCommand;

const laboratoryTables: Readonly<Record<LaboratoryCommand, readonly OptionSpec[]>> = {
  crash: [nodeId],
  restart: [nodeId],
  pause: [nodeId],
  resume: [nodeId],
  delay: [nodeId, { short: '-t', long: '--time', takes: 'number' }],
  drop: [nodeId, { short: '-r', long: '--rate', takes: 'number' }],
  leader: [wait],
  status: [],
  seed: [{ short: '-s', long: '--seed', takes: 'number' }],
};

/** The options of each, in the order of its usage text. */
export const optionTables: Readonly<Record<OptionCommand, readonly OptionSpec[]>> = {
  start: [nodeId, { long: '--no-wait', takes: 'nothing' }],
  get: [nodeId, key, wait],
  set: [nodeId, key, { short: '-v', long: '--value', takes: 'text' }, wait],
  wait: [{ short: '-t', long: '--time', takes: 'number' }],
  fail_node: [nodeId],
  recover_node: [nodeId, deliver],
  create_partition: [
    partitionName,
    { short: '-p', long: '--partition', takes: 'text' },
    { short: '-2', long: '--partition2', takes: 'text' },
  ],
  remove_partition: [partitionName, deliver],
  show_queue: [{ short: '-v', long: '--verbose', takes: 'nothing' }],
  show_partitions: [{ short: '-f', long: '--include-failed-nodes', takes: 'nothing' }],
  ...laboratoryTables,
};

/** The commands that take the rest of the line as it is. */
const plainCommands = ['send_msg', 'load', '_relative_load', 'quit'] as const;
export type PlainCommand = (typeof plainCommands)[number];

/** Commands of the tool that would run foreign programs. They are refused by name. */
export const refusedCommands: ReadonlySet<string> = new Set(['shell', 'edit', 'py', 'pyscript']);

export function isOptionCommand(name: string): name is OptionCommand {
  return Object.hasOwn(optionTables, name);
}

export function isLaboratoryCommand(name: OptionCommand): name is LaboratoryCommand {
  return Object.hasOwn(laboratoryTables, name);
}

/** The names of all commands, for those who type them. */
export const commandNames: readonly string[] = [
  ...Object.keys(optionTables),
  'send_msg',
  'load',
  'quit',
];

export function isPlainCommand(name: string): name is PlainCommand {
  return plainCommands.some((plain) => plain === name);
}
