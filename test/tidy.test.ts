/**
 * The rules of the house that a compiler and a linter do not hold: who may import whom, sizes,
 * names, and what pure code does without. The tables are data; change them with the design.
 */

import test from 'ava';
import * as rules from './tidy/rules.js';
import { importsOf, parseSource, readSources, type SourceFile } from './tidy/source.js';

const leaves = ['clock', 'errors', 'events', 'prng'];

/** Who may import whom. `(types)`: types only. A new room gets a row, or nothing may be in it. */
const importTable: rules.ImportTable = {
  clock: [],
  errors: [],
  events: [],
  prng: [],
  raft: [],
  actor: ['clock', 'errors', 'events'],
  network: ['actor', ...leaves],
  storage: ['raft (types)', 'errors', 'prng'],
  store: ['raft (types)', 'actor', ...leaves],
  replica: ['raft', 'storage', 'store', 'actor', 'network', ...leaves],
  cluster: ['raft (types)', 'storage', 'store', 'actor', 'network', 'replica', ...leaves],
  sim: ['raft', 'storage', 'store', 'actor (types)', 'network', 'replica', 'chaos', ...leaves],
  chaos: ['storage (types)', 'store', 'network', ...leaves],
  zeromq: ['raft (types)', 'storage', 'store', 'actor', 'replica', ...leaves],
  chistributed: ['cluster', 'sim', 'store (types)', 'replica', 'network', ...leaves],
  index: ['cluster', 'store', 'network', ...leaves],
  cli: ['*'],
  // The rest of the project stands outside; only `cli`, the threads and the tests look into it.
  workers: ['replica', 'store', 'sim', 'chaos', 'chistributed', 'benchmarks'],
  benchmarks: [
    'raft (types)',
    'cluster',
    'sim',
    'replica',
    'storage',
    'store',
    'actor',
    'network',
    ...leaves,
  ],
  examples: ['index', 'actor'],
  test: ['*'],
};

/** Who may use which package, by how paths begin. A package without a row is used by nobody. */
const packageTable: rules.PackageTable = {
  ava: ['test/'],
  'cli-progress': ['src/cli/'],
  comlink: ['src/actor/control.ts', 'src/actor/comlink-node-adapter.d.ts'],
  commander: ['src/cli/'],
  'fast-check': ['test/'],
  'hdr-histogram-js': ['src/store/load-latency.ts', 'benchmarks/'],
  msgpackr: ['src/store/value.ts'],
  picocolors: ['src/cli/'],
  piscina: ['src/chaos/history-check.ts', 'src/cli/', 'benchmarks/', 'examples/', 'test/'],
  yaml: ['src/chistributed/configuration.ts'],
  zeromq: ['src/zeromq/broker-sockets.ts', 'test/zeromq/'],
  'node:assert': ['test/'],
  'node:child_process': ['benchmarks/', 'test/'],
  'node:events': ['src/actor/', 'test/'],
  'node:fs': [
    'src/chistributed/',
    'src/cli/',
    'src/replica/tape-file.ts',
    // What Linux counts of a thread; only while a live node is watched.
    'src/replica/turn-watch.ts',
    'src/storage/file-system.ts',
    'src/storage/directory-lock.ts',
    'src/storage/life-sign.ts',
    'src/storage/lock-holder.ts',
    'benchmarks/',
    'test/',
  ],
  'node:http2': ['benchmarks/grpc-channel.ts', 'test/cli/'],
  'node:module': ['src/cli/', 'test/'],
  'node:net': ['src/storage/life-sign.ts', 'benchmarks/', 'test/cli/'],
  'node:os': [
    'src/chistributed/',
    'src/cli/',
    'src/storage/lock-holder.ts',
    'src/storage/directory-lock.ts',
    'benchmarks/',
    'test/',
  ],
  'node:path': [
    'src/chistributed/',
    'src/cli/',
    'src/cluster/backup.ts',
    'src/cluster/durability.ts',
    'src/replica/tape-file.ts',
    'src/storage/',
    'benchmarks/',
    'test/',
  ],
  'node:perf_hooks': ['src/replica/turn-watch.ts'],
  'node:readline': ['src/cli/', 'test/'],
  'node:timers': ['src/chistributed/run-script.ts', 'src/cli/', 'benchmarks/', 'test/'],
  'node:url': ['benchmarks/', 'test/'],
  'node:util': ['src/chistributed/', 'src/cli/', 'src/store/', 'benchmarks/', 'test/'],
  'node:v8': ['src/actor/', 'src/store/', 'test/'],
  'node:vm': ['test/'],
  'node:worker_threads': ['src/actor/', 'src/storage/life-sign.ts', 'examples/', 'test/'],
  'node:zlib': [
    'src/actor/envelope.ts',
    'src/replica/tape-file.ts',
    'src/storage/',
    'benchmarks/recovery-steps.ts',
  ],
};

/** The one clock, and the timer of a live node, which the tick of the core hangs on. */
const ownClocks = ['src/clock.ts', 'src/replica/node.ts'];

/** Where the seed of a cluster, or of a swarm, comes from that was given none. */
const ownChance = ['src/cluster/options.ts', 'src/cli/sim.ts'];

/** Code that also runs under virtual time: it does all its work in the call. */
const isPure = (path: string): boolean =>
  /^src\/(?:raft|network|storage|sim)\//.test(path) && path !== 'src/network/router.ts';

/** No message may interleave here (ARCHITECTURE.md). */
const isSynchronous = (path: string): boolean =>
  path.startsWith('src/raft/') || path === 'src/replica/replica.ts';

/** The rules and their bad samples. */
const self = 'test/tidy';

const root = new URL('../../', import.meta.url);
const isCode = (path: string): boolean =>
  /^(?:src|workers|test|benchmarks|examples)\/.*\.ts$/.test(path);
/** Not the declarations for foreign code, nor the entry of a thread, whose default Piscina runs. */
const isOurs = (path: string): boolean =>
  isCode(path) && !/\.d\.ts$|^workers\/|^test\/.*\/fixtures\//.test(path);
const isProduct = (path: string): boolean => /^(?:src|workers)\/.*\.ts$/.test(path);

interface Held {
  readonly title: string;
  readonly rule: rules.Rule;
  readonly where: (path: string) => boolean;
}

const held: readonly Held[] = [
  {
    title: 'a room imports the rooms in its row of the table, and no others',
    rule: rules.importsFollow(importTable),
    where: isCode,
  },
  {
    title: 'a package is imported where the table says, and nowhere else',
    rule: rules.packagesFollow(packageTable),
    where: isCode,
  },
  {
    title: 'a worker is a thin entry that imports one file',
    rule: rules.importsOneFile,
    where: (path) => /^workers\/.*\.ts$/.test(path),
  },
  {
    title: 'relative imports end in .js',
    rule: rules.relativeImportsEndInJs,
    where: isCode,
  },
  { title: 'exports have names', rule: rules.namedExportsOnly, where: isOurs },
  { title: 'a file has at most 500 lines', rule: rules.linesAtMost(500), where: isCode },
  { title: 'a function has at most 70 lines', rule: rules.functionsAtMost(70), where: isCode },
  {
    title: 'a line has at most 100 columns, the title of a test 120',
    rule: rules.columnsAtMost(100, 120),
    where: isCode,
  },
  {
    title: 'files are kebab-case nouns that say something',
    rule: rules.nameIsANoun,
    where: isCode,
  },
  {
    title: 'a TODO names its issue',
    rule: rules.todoHasAnIssue,
    where: (path) => !path.startsWith(self),
  },
  {
    title: 'no file knows where it lies on somebody’s machine',
    rule: rules.noMachinePath,
    where: () => true,
  },
  {
    title: 'time comes from a Clock',
    rule: rules.noOwnClock,
    where: (path) => isProduct(path) && !ownClocks.includes(path),
  },
  {
    title: 'chance comes from a Prng',
    rule: rules.noOwnChance,
    where: (path) => isProduct(path) && !ownChance.includes(path),
  },
  { title: 'pure rooms do their work in the call', rule: rules.noLater, where: isPure },
  {
    title: 'the core and the loop of a replica never wait',
    rule: rules.noPromise,
    where: isSynchronous,
  },
];

const files = readSources(root, /\.(?:ts|js|mjs|cjs|json|md|txt|chi|yml|yaml|sh)$|^\.ci\/run$/);

for (const { title, rule, where } of held) {
  test(title, (t) => {
    const findings = files.filter(({ path }) => where(path)).flatMap(rule);

    t.deepEqual(findings, []);
  });
}

test('the rules look at all of the project', (t) => {
  for (const path of [
    'src/errors.ts',
    'src/raft/index.ts',
    `${self}.test.ts`,
    'package.json',
    'README.md',
  ]) {
    t.true(
      files.some((file) => file.path === path),
      path,
    );
  }
  t.false(files.some(({ path }) => /(?:^|\/)(?:node_modules|dist)\//.test(path)));
  for (const { title, where } of held) {
    t.true(
      files.some(({ path }) => where(path)),
      title,
    );
  }
});

/** How many findings a rule has for a text. */
function count(rule: rules.Rule, text: string, path = 'src/raft/sample.ts'): number {
  return rule(parseSource(path, text)).length;
}

/** Breaks a rule at will, without a file that does. */
const lines = (...text: string[]): string => `${text.join('\n')}\n`;

test('the import table is enforced, types and values apart', (t) => {
  const rule = rules.importsFollow({ raft: [], storage: ['raft (types)', 'errors'], cli: ['*'] });
  const inStorage = (text: string): number => count(rule, text, 'src/storage/sample.ts');

  t.is(inStorage(`import { RaftError } from '../errors.js';`), 0);
  t.is(inStorage(`import { same } from './same.js';`), 0);
  t.is(inStorage(`import type { Entry } from '../raft/index.js';`), 0);
  t.is(inStorage(`import { type Entry, type Raft } from '../raft/index.js';`), 0);
  t.is(inStorage(`export type { Entry } from '../raft/index.js';`), 0);
  t.is(inStorage(`import { type Entry, Raft } from '../raft/index.js';`), 1);
  t.is(inStorage(`export * from '../raft/index.js';`), 1);
  t.is(inStorage(`import {\n  type Entry,\n  Raft,\n} from '../raft/index.js';`), 1);
  t.is(inStorage(`import type { Loop } from '../actor/index.js';`), 1);
  t.is(inStorage(`import '../cli/main.js';`), 1);
  t.is(inStorage(`const cli = await import('../cli/main.js');`), 1);
  t.is(inStorage(`// import '../cli/main.js';`), 0);
  t.is(count(rule, `import { RaftError } from '../errors.js';`), 1);
  t.is(count(rule, '', 'src/strange/sample.ts'), 1);
  t.is(count(rule, `import '../strange/sample.js';`, 'src/cli/sample.ts'), 0);
  t.is(count(rule, `import '../../test/model.js';`, 'src/storage/sample.ts'), 1);
});

test('nobody may import the command line, and raft and the leaves nothing at all', (t) => {
  for (const [room, allowed] of Object.entries(importTable)) {
    t.false(allowed.includes('cli'), room);
  }
  for (const room of ['raft', ...leaves]) t.deepEqual(importTable[room], []);
});

test('packages, suffixes, workers and default exports are checked', (t) => {
  const packages = rules.packagesFollow({ comlink: ['src/actor/control.ts'], 'node:fs': [] });

  t.is(count(packages, `import * as Comlink from 'comlink';`, 'src/actor/control.ts'), 0);
  t.is(count(packages, `import 'comlink/dist/esm/adapter.mjs';`, 'src/actor/ref.ts'), 1);
  t.is(count(packages, `import { readFile } from 'node:fs/promises';`), 1);
  t.is(count(packages, `import x from '@scope/unknown/deep';`), 1);
  t.is(count(rules.relativeImportsEndInJs, `import './state.ts';\nimport '../raft';`), 2);
  t.is(count(rules.relativeImportsEndInJs, `import './state.js';\nimport 'ava';`), 0);
  t.is(count(rules.importsOneFile, `import '../src/replica/node.js';`), 0);
  t.is(count(rules.importsOneFile, `import './a.js';\nimport './b.js';`), 1);
  t.is(count(rules.importsOneFile, `import 'piscina';`), 1);
  t.is(count(rules.namedExportsOnly, 'export default class Raft {}'), 1);
  t.is(count(rules.namedExportsOnly, 'export { a as default };'), 1);
  t.is(count(rules.namedExportsOnly, `export const text = 'export default';`), 0);
});

test('files and lines that are too long are found', (t) => {
  t.is(count(rules.linesAtMost(3), lines('a', 'b', 'c')), 0);
  t.is(count(rules.linesAtMost(3), lines('a', 'b', 'c', 'd')), 1);
  const columns = rules.columnsAtMost(30, 40);
  t.is(count(columns, '─'.repeat(30)), 0);
  t.is(count(columns, 'x'.repeat(31)), 1);
  t.is(count(columns, `  test('${'x'.repeat(30)}`), 0);
  t.is(count(columns, `  test('${'x'.repeat(40)}`), 1);
  t.is(count(columns, `  contest('${'x'.repeat(30)}`), 1);
});

test('functions that are too long are found, whatever their form', (t) => {
  const rule = rules.functionsAtMost(4);
  const body = (indent: string, length: number): string[] =>
    new Array(length).fill(`${indent}x();`);
  for (const [head, close = '}'] of [
    ['function longName(a: number): void {'],
    ['export async function* each<T>(list: T[]): AsyncGenerator<T> {'],
    ['const arrow = (a: number): void => {', '};'],
    [`test('a title { in braces', async (t) => {`, '});'],
    ['  method(a: number): void {', '  }'],
    ['  async #hidden<T extends object>(a: T): Promise<{ b: T }> {', '  }'],
    ['  get size(): number {', '  }'],
    ['  [Symbol.dispose](): void {', '  }'],
    ['  static from(): Log {', '  }'],
    ['function broken(\n  a: number,\n): void {'],
    ['  constructor(\n    a: number,\n  ) {', '  }'],
  ] as const) {
    const indent = head.startsWith(' ') ? '    ' : '  ';
    const rows = head.split('\n').length + 1;
    t.is(count(rule, lines(head, ...body(indent, 5 - rows), close)), 1, head);
    t.is(count(rule, lines(head, ...body(indent, 4 - rows), close)), 0, head);
  }
});

test('long blocks that are no functions are let be', (t) => {
  const rule = rules.functionsAtMost(4);
  for (const head of [
    'class Raft {',
    'export interface Message {',
    'const table = {',
    'if (isLeader()) {',
    'for (const peer of peers()) {',
    'while (next()) {',
    'switch (kind()) {',
    'if (\n  isLeader()\n) {',
    '} else if (isLeader()) {',
  ]) {
    t.is(count(rule, lines(head, '', '', '', '', '', '}')), 0, head);
  }
});

test('vague and oddly spelt names are found', (t) => {
  const rule = rules.nameIsANoun;

  t.is(count(rule, '', 'src/raft/read-index.ts'), 0);
  t.is(count(rule, '', 'test/raft/read-index.test.ts'), 0);
  t.is(count(rule, '', 'src/utils/read-index.ts'), 1);
  t.is(count(rule, '', 'src/raft/log-helpers.ts'), 1);
  t.is(count(rule, '', 'src/raft/data.ts'), 1);
  t.is(count(rule, '', 'src/raft/database.ts'), 0);
  t.is(count(rule, '', 'src/raft/readIndex.ts'), 1);
  t.is(count(rule, '', 'src/raft/read_index.ts'), 1);
});

test('TODOs without an issue and paths of one machine are found', (t) => {
  const path = (...parts: string[]): string => ['', ...parts].join('/');

  t.is(count(rules.todoHasAnIssue, '// TODO: later'), 1);
  t.is(count(rules.todoHasAnIssue, '// FIXME'), 1);
  t.is(count(rules.todoHasAnIssue, '// TODO (#12): snapshots'), 0);
  t.is(count(rules.noMachinePath, `const at = '${path('home', 'me', 'balsa')}';`), 1);
  t.is(count(rules.noMachinePath, path('Users', 'me'), 'docs/a.md'), 1);
  t.is(count(rules.noMachinePath, `see ${path('root', 'x')}`, '.ci/run'), 1);
  t.is(count(rules.noMachinePath, `https://example.org${path('home', 'page')}`), 0);
  t.is(count(rules.noMachinePath, `import './home/page.js'; // ../work/x`), 0);
});

test('clocks, chance and waiting are found in code, not in words about them', (t) => {
  for (const text of [
    'Date.now()',
    'new Date()',
    'performance.now()',
    'process.hrtime()',
    'setTimeout(f, 1)',
    'setInterval(f, 1)',
  ]) {
    t.is(count(rules.noOwnClock, `const x = ${text};`), 1, text);
    t.is(count(rules.noOwnClock, `// ${text}\nconst x = '${text}'; /* ${text} */`), 0, text);
    t.is(count(rules.noOwnClock, `const x = \`\${${text}}\`;`), 1, text);
    t.is(count(rules.noOwnClock, `const x = \`\${{ a: 1 }.a + ${text}}\`;`), 1, text);
    t.is(count(rules.noOwnClock, `const x = \`${text} \${{ a: 1 }.a} ${text}\`;`), 0, text);
  }
  t.is(count(rules.noOwnClock, 'clock.setTimer(1, f); isDate(x); updateDate(y);'), 0);
  t.is(count(rules.noOwnChance, 'const x = Math.random();'), 1);
  t.is(count(rules.noOwnChance, 'prng.random();'), 0);
  t.is(count(rules.noLater, 'queueMicrotask(f);\nsetImmediate(f);\nprocess.nextTick(f);'), 3);
  t.is(count(rules.noPromise, 'async function f(): Promise<void> {\n  await g();\n}'), 3);
  t.is(count(rules.noPromise, 'const awaited = promise; // never await'), 0);
});

test('what stands in comments, strings and regular expressions is told from code', (t) => {
  const source: SourceFile = parseSource(
    'src/raft/sample.ts',
    lines(
      `const a = 'it\\'s // no comment'; // a comment`,
      `const b = /['"\`/]\\/\\/ [/]/.test(a) ? x / y / z : 4 / 2; // 'one'`,
      'const c = `a $' + '{b ? `b $' + '{c}` : "}"} d`; f();',
      '/* import',
      `'./a.js' */ import { g } from './g.js';`,
    ),
  );

  const [a, b, c, , e] = source.bare.split('\n').map((line) => line.trimEnd());
  t.regex(a ?? '', /^const a = +;$/);
  t.regex(b ?? '', /^const b = +\.test\(a\) \? x \/ y \/ z : 4 \/ 2;$/);
  t.regex(c ?? '', /^const c = `\s+b \? `\s+c\}\s+: +\} +; f\(\);$/);
  t.regex(e ?? '', /import \{ g \}/);
  t.is(source.bare.length, source.text.length);
  t.true(source.code.includes(`'it\\'s // no comment';`));
  t.false(source.code.includes('a comment'));
  t.false(source.code.includes('import\n'));
});

test('imports are found with their lines', (t) => {
  const text = lines(
    '/** import { no } from "./no.js"; */',
    `import type { A } from './a.js';`,
    'import {',
    '  b,',
    `} from './b.js';`,
    `export const from = 'nowhere';`,
    `export * from './c.js';`,
  );

  t.deepEqual(importsOf(parseSource('src/raft/sample.ts', text)), [
    { specifier: './a.js', isTypeOnly: true, line: 2 },
    { specifier: './b.js', isTypeOnly: false, line: 3 },
    { specifier: './c.js', isTypeOnly: false, line: 7 },
  ]);
});
