/** What a person who types a line may mean: commands, options, nodes, partitions and files. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { commandNames, isOptionCommand, optionTables } from './commands.js';
import type { OptionSpec } from './options.js';

/** The names that a line may have. */
export interface Vocabulary {
  readonly nodes: readonly string[];
  readonly partitions: readonly string[];
}

/** What the last word of a line may become. */
export interface Completion {
  /** The end of the line that the candidates stand for. */
  readonly fragment: string;
  readonly candidates: readonly string[];
}

/** Completes the last word of a line, up to where the cursor stands. */
export function complete(line: string, vocabulary: Vocabulary): Completion {
  const text = line.trimStart();
  if (text.startsWith('@')) {
    const fragment = text.replace(/^@@?\s*/, '');
    return { fragment, candidates: paths(fragment) };
  }
  const words = text.split(/\s+/);
  const fragment = words.at(-1) ?? '';
  const [command] = words;
  if (command === undefined || words.length === 1) return matching(fragment, commandNames);
  if (command === 'load') return { fragment, candidates: paths(fragment) };
  if (!isOptionCommand(command)) return { fragment, candidates: [] };
  const specs = optionTables[command];
  const before = words.at(-2) ?? '';
  const taken = specs.find((spec) => spec.takes !== 'nothing' && isWrittenAs(spec, before));
  if (taken !== undefined) return completeValue(command, taken, fragment, vocabulary);
  const options = specs.flatMap(({ short, long }) =>
    short === undefined ? [long] : [short, long],
  );
  return matching(fragment, [...options, '--help']);
}

function completeValue(
  command: string,
  { long }: OptionSpec,
  fragment: string,
  { nodes, partitions }: Vocabulary,
): Completion {
  switch (long) {
    case '--node_id':
      return matching(fragment, nodes);
    case '--partition':
    case '--partition2': {
      // A list with commas: the last name of it is the one that is being typed.
      const listed = fragment.split(',');
      const rest = nodes.filter((node) => !listed.slice(0, -1).includes(node));
      return matching(listed.at(-1) ?? '', rest);
    }
    case '--name':
      return matching(fragment, command === 'remove_partition' ? partitions : []);
    default:
      return { fragment, candidates: [] };
  }
}

function isWrittenAs({ short, long }: OptionSpec, word: string): boolean {
  return word === short || word === long;
}

function matching(fragment: string, all: readonly string[]): Completion {
  return { fragment, candidates: all.filter((one) => one.startsWith(fragment)) };
}

/** Folders and scripts that begin like this; none where nothing can be read. */
function paths(fragment: string): string[] {
  const folder = fragment.endsWith('/') ? fragment : dirname(fragment);
  const prefix = fragment === '' || folder === '.' ? '' : join(folder, '/');
  try {
    return readdirSync(fragment === '' ? '.' : folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.name.endsWith('.chi'))
      .map((entry) => `${prefix}${entry.name}${entry.isDirectory() ? '/' : ''}`)
      .filter((path) => path.startsWith(fragment));
  } catch {
    return [];
  }
}
