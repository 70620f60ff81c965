/** The files of the project as the tidy rules see them: with and without comments and strings. */

import { readdirSync, readFileSync } from 'node:fs';

/** A file that a rule looks at. Blanked parts are spaces, so lines and columns stay. */
export interface SourceFile {
  /** From the root of the project, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  readonly code: string;
  /** The text without comments and without what strings and regular expressions say. */
  readonly bare: string;
}

/** An `import`, an `export … from` or an `import()`. */
export interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
  /** From 1. */
  readonly line: number;
}

/** What is made, brought by npm, or none of ours. */
const skipped: ReadonlySet<string> = new Set(['.git', 'node_modules', 'dist', 'coverage']);

export function parseSource(path: string, text: string): SourceFile {
  const isCode = /\.[cm]?[jt]s$/.test(path);
  return {
    path,
    text,
    code: isCode ? blank(text, { strings: false }) : text,
    bare: isCode ? blank(text, { strings: true }) : text,
  };
}

/** All files below `root` whose name ends as `pattern` says. */
export function readSources(root: URL, pattern: RegExp, folder = ''): SourceFile[] {
  return readdirSync(new URL(folder, root), { withFileTypes: true }).flatMap((entry) => {
    const path = folder + entry.name;
    if (entry.isDirectory()) {
      return skipped.has(entry.name) ? [] : readSources(root, pattern, `${path}/`);
    }
    return pattern.test(path) ? [parseSource(path, readFileSync(new URL(path, root), 'utf8'))] : [];
  });
}

export function importsOf({ code }: SourceFile): Import[] {
  const found: Import[] = [];
  const statement = /^(?:import|export)\b([^'";]*?)\bfrom\s+'([^']+)'|^import\s+'([^']+)'/gm;
  for (const { index, 1: clause = '', 2: from, 3: bare } of code.matchAll(statement)) {
    const specifier = from ?? bare ?? '';
    found.push({ specifier, isTypeOnly: isTypeClause(clause), line: lineAt(code, index) });
  }
  for (const { index, 1: specifier = '' } of code.matchAll(/\bimport\(\s*['"`]([^'"`]+)/g)) {
    found.push({ specifier, isTypeOnly: false, line: lineAt(code, index) });
  }
  return found;
}

/** The file that a relative specifier names, from the root of the project. */
export function resolveImport(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** The number, from 1, of the line that `index` is on. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function isTypeClause(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const names = clause
    .match(/\{([^}]*)\}/)?.[1]
    ?.split(',')
    .filter((name) => name.trim() !== '');
  return names?.every((name) => name.trim().startsWith('type ')) ?? false;
}

/** Comments, strings, templates up to an expression, and what can be a regular expression. */
const pieces = new RegExp(
  [
    /\/\/[^\n]*|\/\*[\s\S]*?\*\//,
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`/,
    /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//,
    /[{}]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** A slash after one of these begins a regular expression; after anything else it divides. */
const beforeRegExp = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in))\s*$/;

const template = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(`|\$\{)/y;

function blank(text: string, { strings }: { readonly strings: boolean }): string {
  let out = '';
  let at = 0;
  // For each open template expression, how many braces are open inside it.
  const depths: number[] = [];
  const keep = (end: number): void => {
    out += text.slice(at, end);
    at = end;
  };
  const wipe = (end: number): void => {
    out += text.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  };
  const skipTemplate = (): void => {
    template.lastIndex = at;
    const match = template.exec(text);
    const end = match === null ? text.length : template.lastIndex;
    if (strings) wipe(end);
    else keep(end);
    if (match?.[1] === '${') depths.push(0);
  };
  for (;;) {
    pieces.lastIndex = at;
    const match = pieces.exec(text);
    if (match === null) break;
    const [piece] = match;
    keep(match.index);
    const end = at + piece.length;
    const depth = depths.at(-1);
    if (piece.startsWith('//') || piece.startsWith('/*')) wipe(end);
    else if (piece === '`') {
      keep(end);
      skipTemplate();
    } else if (piece === '{' || piece === '}') {
      const change = piece === '{' ? 1 : -1;
      keep(end);
      if (depth === 0 && piece === '}') {
        depths.pop();
        skipTemplate();
      } else if (depth !== undefined) depths[depths.length - 1] = depth + change;
    } else if (piece.startsWith('/') && !beforeRegExp.test(out)) keep(at + 1);
    else if (strings) wipe(end);
    else keep(end);
  }
  keep(text.length);
  return out;
}
