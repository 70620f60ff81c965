/**
 * The rules of the house, each a function from a file to what is wrong with it. A finding says
 * where, what, and what to do. Which rule holds where is data in `test/tidy.test.ts`.
 */

import { importsOf, lineAt, resolveImport, type SourceFile } from './source.js';

export type Rule = (file: SourceFile) => string[];

/**
 * What a room may import: rooms by name, `raft (types)` for types only, `*` for anything. A room is
 * a folder or file of `src`, or another folder of the project.
 */
export type ImportTable = Readonly<Record<string, readonly string[]>>;

/** Who may use a package: files and folders, by how their path begins. */
export type PackageTable = Readonly<Record<string, readonly string[]>>;

/** The room that a file belongs to: `src/raft/log.ts` to `raft`, `src/errors.ts` to `errors`. */
export function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? second.replace(/(\.d)?\.[jt]s$/, '') : top;
}

export function importsFollow(table: ImportTable): Rule {
  return (file) => {
    const room = roomOf(file.path);
    const allowed = table[room];
    if (allowed === undefined) {
      return [`${file.path}: '${room}' is no known room; give it a row in the import table`];
    }
    if (allowed.includes('*')) return [];
    return importsOf(file).flatMap(({ specifier, isTypeOnly, line }) => {
      if (!specifier.startsWith('.')) return [];
      const target = roomOf(resolveImport(file.path, specifier));
      if (target === room || allowed.includes(target)) return [];
      const where = `${file.path}:${line}: ${room} may not import`;
      const advice = 'hand in what is needed, or move the code to the room that may';
      if (!allowed.includes(`${target} (types)`)) return [`${where} ${target}; ${advice}`];
      return isTypeOnly ? [] : [`${where} values of ${target}, only types; ${advice}`];
    });
  };
}

export function packagesFollow(table: PackageTable): Rule {
  return (file) =>
    importsOf(file).flatMap(({ specifier, line }) => {
      if (specifier.startsWith('.')) return [];
      const name = packageOf(specifier);
      const users = table[name];
      if (users?.some((user) => file.path.startsWith(user))) return [];
      const who = users === undefined ? 'nobody yet' : users.join(', ');
      return [
        `${file.path}:${line}: '${name}' is for ${who}; change the package table or do without`,
      ];
    });
}

/** `node:fs/promises` is `node:fs`, `comlink/dist/x.mjs` is `comlink`. */
function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

export const relativeImportsEndInJs: Rule = (file) =>
  importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('.') && !specifier.endsWith('.js'))
    .map(({ specifier, line }) => `${file.path}:${line}: write '${specifier}' with its '.js'`);

export const importsOneFile: Rule = (file) => {
  const imports = importsOf(file);
  if (imports.length === 1 && imports[0]?.specifier.startsWith('.')) return [];
  return [
    `${file.path}: ${imports.length} imports; a worker is a thin entry that imports one file of ` +
      'the project, so move what it does there',
  ];
};

export function linesAtMost(limit: number): Rule {
  return ({ path, text }) => {
    const count = text.split('\n').length - 1;
    return count <= limit
      ? []
      : [`${path}: ${count} lines, at most ${limit}; find the second idea in it and move that out`];
  };
}

/** A title of a test is one string, which no formatter can break: it has `titleLimit` columns. */
export function columnsAtMost(limit: number, titleLimit: number): Rule {
  const title = /^\s*(?:test(?:\.\w+)*|fact)\(\s*(?:\w+, )?['"`]/;
  return ({ path, text }) =>
    text.split('\n').flatMap((line, at) => {
      const columns = [...line].length;
      const most = title.test(line) ? titleLimit : limit;
      if (columns <= most) return [];
      return [`${path}:${at + 1}: ${columns} columns, at most ${most}; break the line`];
    });
}

/**
 * By indentation, which is exact on formatted code: a function ends where a line begins with its
 * closing brace. Counted from its first line to its last.
 */
export function functionsAtMost(limit: number): Rule {
  return ({ path, bare, text }) => {
    const lines = bare.split('\n');
    // A key in quotes at the start of a line is blank in the bare text, but not in its indentation.
    const raw = text.split('\n');
    return lines.flatMap((line, at) => {
      if (!line.trimEnd().endsWith('{')) return [];
      const indent = indentOf(raw[at] ?? '');
      const first = headOf(lines, at, indent);
      if (!isFunctionHead(lines.slice(first, at + 1).join(' '))) return [];
      let end = at + 1;
      while (end < lines.length && !isClosing(lines[end] ?? '', indent)) end++;
      const count = end - first + 1;
      if (count <= limit) return [];
      const advice = 'find the steps in it and give them names';
      return [`${path}:${first + 1}: a function of ${count} lines, at most ${limit}; ${advice}`];
    });
  };
}

function indentOf(line: string): number {
  return line.search(/\S|$/);
}

function isClosing(line: string, indent: number): boolean {
  return line[indent] === '}' && indentOf(line) === indent;
}

/**
 * Where the statement begins whose last line is `at`: parameters may stand on lines of their own.
 */
function headOf(lines: readonly string[], at: number, indent: number): number {
  let first = at;
  if (!/^\s*[)\]}>]/.test(lines[at] ?? '')) return first;
  do first--;
  while (
    first > 0 &&
    (indentOf(lines[first] ?? '') > indent || (lines[first] ?? '').trim() === '')
  );
  return first;
}

function isFunctionHead(head: string): boolean {
  if (/^\s*\}?\s*(?:if|else|for|while|switch|do|try|catch|finally)\b/.test(head)) {
    return /=>\s*\{\s*$/.test(head);
  }
  if (/=>\s*\{\s*$/.test(head) || /\bfunction\b/.test(head)) return true;
  // A method or accessor: a name, parameters, and perhaps the type of the result.
  const method =
    /^\s*(?:(?:static|override|async|get|set)\s+)*\*?[#\w$.[\]]+\s*(?:<.*>)?\(.*\).*\{\s*$/;
  return method.test(head);
}

const vagueWords = ['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'data'];

/** Kebab case, and no word that only says that its concept was not found. */
export const nameIsANoun: Rule = ({ path }) => {
  const parts = path.split('/').map((part) => part.replace(/(\.test|\.d)?\.ts$/, ''));
  const problems = parts.flatMap((part) => {
    const vague = part.split('-').find((word) => vagueWords.includes(word));
    if (vague !== undefined) return [`'${vague}' says nothing; name it for what it is`];
    if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part)) return [];
    return [`'${part}' is not kebab-case; use lower case and hyphens`];
  });
  return problems.map((problem) => `${path}: ${problem}`);
};

/** A rule that a pattern is nowhere in the code. */
export function forbids(
  pattern: RegExp,
  advice: string,
  where: 'text' | 'code' | 'bare' = 'bare',
): Rule {
  const global = new RegExp(pattern.source, `${pattern.flags.replace('g', '')}g`);
  return (file) =>
    [...file[where].matchAll(global)].map(({ index, 0: found }) => {
      return `${file.path}:${lineAt(file[where], index)}: '${found.trim()}'; ${advice}`;
    });
}

export const namedExportsOnly: Rule = forbids(
  /\bexport default\b|\bexport \{[^}]*\bas default\b/,
  'export it by its name',
);

export const todoHasAnIssue: Rule = forbids(
  /\b(?:TODO|FIXME|XXX)\b(?![^\n]*#\d)[^\n]*/,
  'write the number of its issue (#12), or do it',
  'text',
);

/** Home directories and working copies: true on one machine only. */
export const noMachinePath: Rule = forbids(
  /(?<![\w.:/~-])\/(?:home|root|Users|work|workspace)\/[\w.-]+|\b[A-Z]:\\\\?Users\\/,
  'a path of one machine; use one that is relative, or import.meta.url',
  'text',
);

const clocks = /\b(?:Date\.now|performance\.now|process\.hrtime|set(?:Timeout|Interval)|Date)\s*\(/;

export const noOwnClock: Rule = forbids(clocks, 'take a Clock (src/clock.ts)');

export const noOwnChance: Rule = forbids(
  /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b/,
  'take a Prng (src/prng.ts), so that one seed fixes the run',
);

export const noLater: Rule = forbids(
  /\b(?:setImmediate|queueMicrotask|process\.nextTick)\b/,
  'pure code does its work in the call; let the caller decide when',
);

export const noPromise: Rule = forbids(
  /\b(?:async|await|Promise)\b/,
  'no message may come in between a check and the write that it guards; return a value',
);
