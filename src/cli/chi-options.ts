/** The options of the tool, with the words in which it refuses what it does not know. */
import { type Command, InvalidArgumentError } from 'commander';

/** What the tool is started with. */
export interface ChiOptions {
  readonly configFile?: string;
  readonly config?: readonly string[];
  readonly pubPort: number;
  readonly routerPort: number;
  readonly run?: string;
  readonly verbose?: true;
  readonly debug?: true;
  readonly showNodeOutput?: true;
}

/** The tool whose scripts and texts these are. */
const versionText = 'chistributed, version 0.2.0';

/** Adds the options of chistributed 0.2.0, all of them and no others. */
export function addChiOptions(command: Command): Command {
  return command
    .option('--config-file <file>', 'YAML with an entry nodes (default: chistributed.conf)')
    .option(
      '-c, --config <name=value>',
      'one entry of it, as in nodes="a b c"; repeatable',
      collect,
    )
    .option('--pub-port <n>', 'taken and not used: the nodes live in this process', port, 23_310)
    .option('--router-port <n>', 'the same', port, 23_311)
    .option('--run <file>', 'run this script, then read lines from standard input')
    .option('-v, --verbose', 'tell on standard error what becomes of the nodes')
    .option('--debug', 'tell of elections, too; show where a line failed')
    .option('--show-node-output', 'taken and not used: nodes write nothing')
    .version(versionText, '--version', 'print the version of the tool that this stands for')
    .showSuggestionAfterError(false)
    .configureOutput({
      outputError: (message, write) => write(refusalText(command, message)),
    });
}

/** Usage, an empty line, and `Error: …`. */
function refusalText(command: Command, message: string): string {
  return `Usage: ${nameOf(command)} [options]\n\nError: ${toolMessage(message.trim())}\n`;
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** Commander's message in the tool's words. */
function toolMessage(message: string): string {
  const unknown = /unknown option '([^'=]*)/.exec(message);
  if (unknown) return `No such option: ${unknown[1]}`;
  const missing = /option '(?:-c, )?(--[a-z-]+) <.*' argument missing/.exec(message);
  if (missing) return `Option '${missing[1]}' requires an argument.`;
  const invalid = /option '(--[a-z-]+) <.*' argument '(.*)' is invalid/s.exec(message);
  if (invalid) return `Invalid value for '${invalid[1]}': '${invalid[2]}' is not a valid integer.`;
  if (/too many arguments|unknown command/.test(message)) return 'Got unexpected extra argument';
  return message.replace(/^error: /, '');
}

function port(text: string): number {
  if (/^\s*[+-]?\d+\s*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('');
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
