import test from 'ava';
import { optionTables } from '../../src/chistributed/commands.js';
import { type ParsedOptions, parseOptions, usageLines } from '../../src/chistributed/options.js';
import { splitWords } from '../../src/chistributed/words.js';

const { get, set, start, wait } = optionTables;

/** Texts of section 3: what is written, the value, the stray words. */
const written: readonly (readonly [string, string, string[]])[] = [
  ['-v "x y"', 'x y', []],
  ["-v 'x y'", 'x y', []],
  ["-v it's", "it's", []],
  [`-v "it's"`, "it's", []],
  ['-v "x # y"', 'x # y', []],
  ['-v ""', '', []],
  ['-v {"x":1}', '{"x":1}', []],
  ['-v "c d"e', 'c d', ['e']],
  ['-v ab"c d"e', 'ab"c', ['d"e']],
  ['--value="5 6"', '"5', ['6"']],
  ['-v a\\ b', 'a\\', ['b']],
  ['-v=5', '=5', []],
  ['-v -5', '-5', []],
  ['-v --wait', '--wait', []],
];

for (const [text, value, words] of written) {
  test(`${text} is the value ${JSON.stringify(value)} (§3, table)`, (t) => {
    const options = parseOptions(set, text);

    t.is(options.texts.get('value'), value);
    t.deepEqual(options.words, words);
    t.is(options.refused, undefined);
    t.false(options.flags.has('wait'));
  });
}

function shown(options: ParsedOptions): string {
  const parts = [...options.texts, ...options.numbers].map(([name, value]) => `${name}=${value}`);
  return [...parts, ...options.flags, ...options.words.map((word) => `'${word}'`)].join(' ');
}

test('options are written -nX, -n X, --long X and --long=X (§3)', (t) => {
  for (const text of ['-nX', '-n X', '--node_id X', '--node_id=X', '--node X', '--n=X']) {
    t.is(shown(parseOptions(get, text)), 'node_id=X', text);
  }
});

test('free words stand anywhere, -- ends the options, the last of an option counts (§3)', (t) => {
  t.is(shown(parseOptions(get, 'a -n x b --wait c -n y')), "node_id=y wait 'a' 'b' 'c'");
  t.is(shown(parseOptions(start, '-n x -- --role leader')), "node_id=x '--role' 'leader'");
  t.is(shown(parseOptions(get, '- "-n" --wait')), "wait '-' '-n'");
  t.is(shown(parseOptions(optionTables.recover_node, '-dn x')), 'node_id=x deliver');
  t.is(shown(parseOptions(get, '')), '');
});

/** Command, arguments, the line that is printed. */
const refusals: readonly (readonly [keyof typeof optionTables, string, string])[] = [
  ['get', '--x', 'no such option: --x'],
  ['get', '-x', 'no such option: -x'],
  ['get', '-xk 5', 'no such option: -x'],
  ['set', '-v', '-v option requires 1 argument'],
  ['set', '-n a --val', '--value option requires 1 argument'],
  ['wait', '-t abc', "option -t: invalid floating-point value: 'abc'"],
  ['wait', '--ti=1s', "option --time: invalid floating-point value: '1s'"],
  ['wait', '-t "5"', 'option -t: invalid floating-point value: \'"5"\''],
  ['get', '--wait=3', '--wait option does not take a value'],
  ['create_partition', '--part a', 'ambiguous option: --part (--partition, --partition2?)'],
  ['get', '--', ''],
];

for (const [command, text, refused] of refusals) {
  test(`${command} ${text} prints '${refused}' (§3)`, (t) => {
    t.is(parseOptions(optionTables[command], text).refused ?? '', refused);
  });
}

test('a whole name is never ambiguous', (t) => {
  const options = parseOptions(optionTables.create_partition, '--partition a --partition2=b');

  t.is(shown(options), 'partition=a partition2=b');
});

test('numbers are Python floats', (t) => {
  const times: readonly (readonly [string, number])[] = [
    ['2', 2],
    ['.5', 0.5],
    ['5.', 5],
    ['1e-2', 0.01],
    ['1_000', 1000],
    ['-1', -1],
    ['inf', Number.POSITIVE_INFINITY],
    ['nan', Number.NaN],
  ];
  for (const [text, number] of times) {
    t.is(parseOptions(wait, `-t ${text}`).numbers.get('time'), number, text);
  }
  for (const text of ['0x10', '1__0', '1e', '.', '', '1 0']) {
    t.truthy(parseOptions(wait, `-t ${text === '' ? '""' : text.replace(' ', ',')}`).refused, text);
  }
});

test('words split at white space, quotes kept, and an open quote is refused (§3.6)', (t) => {
  t.is(parseOptions(set, '--value="').texts.get('value'), '"');
  t.deepEqual(splitWords(' a\t"b c" \'d "e\'f  '), ['a', '"b c"', "'d \"e'", 'f']);
  t.throws(() => splitWords('-v "open'), { message: 'No closing quotation' });
});

test('-h and --help are counted, and reading goes on behind them', (t) => {
  t.is(parseOptions(get, '-h --help').helpAsked, 2);
  const options = parseOptions(get, '-h --nope');
  t.is(options.helpAsked, 1);
  t.is(options.refused, 'no such option: --nope');
});

/** As printed by the tool; trailing spaces shown as dots. */
const usages: Readonly<Record<keyof typeof optionTables, readonly string[]>> = {
  start: ['  -n NODE_ID, --node_id=NODE_ID', '  --no-wait.............'],
  get: ['  -n NODE_ID, --node_id=NODE_ID', '  -k KEY, --key=KEY.....', '  --wait................'],
  set: [
    '  -n NODE_ID, --node_id=NODE_ID',
    '  -k KEY, --key=KEY.....',
    '  -v VALUE, --value=VALUE',
    '  --wait................',
  ],
  wait: ['  -t TIME, --time=TIME..'],
  fail_node: ['  -n NODE_ID, --node_id=NODE_ID'],
  recover_node: ['  -n NODE_ID, --node_id=NODE_ID', '  -d, --deliver.........'],
  create_partition: [
    '  -n NAME, --name=NAME..',
    '  -p PARTITION, --partition=PARTITION',
    '  -2 PARTITION2, --partition2=PARTITION2',
  ],
  remove_partition: ['  -n NAME, --name=NAME..', '  -d, --deliver.........'],
  show_queue: ['  -v, --verbose..'],
  show_partitions: ['  -f, --include-failed-nodes'],
  crash: ['  -n NODE_ID, --node_id=NODE_ID'],
  restart: ['  -n NODE_ID, --node_id=NODE_ID'],
  pause: ['  -n NODE_ID, --node_id=NODE_ID'],
  resume: ['  -n NODE_ID, --node_id=NODE_ID'],
  delay: ['  -n NODE_ID, --node_id=NODE_ID', '  -t TIME, --time=TIME..'],
  drop: ['  -n NODE_ID, --node_id=NODE_ID', '  -r RATE, --rate=RATE..'],
  leader: ['  --wait......'],
  status: [],
  seed: ['  -s SEED, --seed=SEED..'],
};

for (const [name, specs] of Object.entries(optionTables)) {
  test(`the usage text of ${name} (§3)`, (t) => {
    const rows = Object.entries(usages).find(([of]) => of === name)?.[1] ?? [];
    // The column is as wide as the longest option asks for: 24, but less where all are short.
    const narrow: Record<string, number> = { show_queue: 17, leader: 14, status: 14 };
    const help = '  -h, --help'.padEnd(narrow[name] ?? 24);

    t.deepEqual(usageLines(name, specs), [
      `Usage: ${name} [options] arg`,
      '',
      'Options:',
      `${help}show this help message and exit`,
      ...rows.map((row) => row.replace(/\.+$/, (dots) => ' '.repeat(dots.length))),
    ]);
  });
}
