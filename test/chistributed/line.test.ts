import test from 'ava';
import { readLine } from '../../src/chistributed/line.js';

function read(line: string): string | undefined {
  const found = readLine(line);
  if (found === undefined) return undefined;
  return found.kind === 'refused' ? 'refused' : `${found.name}|${found.argumentText}`;
}

test('a line is a command and the text of its arguments (§3.1, §3.5)', (t) => {
  t.is(read('get -n node-1 -k A'), 'get|-n node-1 -k A');
  t.is(read('  \tget\t -k  "a  b" \r'), 'get|-k  "a  b"');
  t.is(read('quit'), 'quit|');
  t.is(read('stop -n node-1'), 'stop|-n node-1');
});

test('lines with nothing to run are skipped (§3.1)', (t) => {
  for (const line of [
    '',
    '   ',
    '\t',
    '# a comment',
    '/* all */',
    '/* open',
    ';',
    '; get',
    '/**/',
  ]) {
    t.is(read(line), undefined, line);
  }
});

test('# starts a comment outside quotes, also within a word (§3.2)', (t) => {
  t.is(read('get -k a#b'), 'get|-k a');
  t.is(read('get -k A # the first'), 'get|-k A');
  t.is(read('set -v "x # y" # z'), 'set|-v "x # y"');
  t.is(read("set -v '# x'"), "set|-v '# x'");
  t.is(read('remove_partition -n "#fail-node-1#"'), 'remove_partition|-n "#fail-node-1#"');
});

test('/* */ is a comment outside quotes, to the end of the line if unclosed (§3.2)', (t) => {
  t.is(read('get /* who */ -k A'), 'get|-k A');
  t.is(read('get -k A /* rest -n x'), 'get|-k A');
  t.is(read('get /* who */ -k A # why'), 'get|-k A');
  t.is(read('set -v "a /* b */ c"'), 'set|-v "a /* b */ c"');
  t.is(read('ge/* */t -k A'), 'get|-k A');
  t.is(read('/* one */ get /* two */ -k /* three */A'), 'get|-k A');
});

test('// and a lone / are ordinary characters (§3.3)', (t) => {
  t.is(read('set -v http://x -k x//y'), 'set|-v http://x -k x//y');
});

test('; ends the command outside quotes (§3.3)', (t) => {
  t.is(read('get -k A; set -k B'), 'get|-k A');
  t.is(read('set -v "a;b"'), 'set|-v "a;b"');
  t.is(read('get -k A; | cat > file'), 'get|-k A');
});

test('| and > are refused outside quotes, => is not (§3.4)', (t) => {
  for (const line of ['show_queue | cat', 'get -k A > f', 'get -k A >> f', 'get -k a>b', '> f']) {
    t.is(read(line), 'refused', line);
  }
  t.is(read('set -v a=>b'), 'set|-v a=>b');
  t.is(read('set -v "a | b > c"'), 'set|-v "a | b > c"');
  t.is(read('get -k A # | >'), 'get|-k A');
});

test('a quote that is never closed is an ordinary character (§3.6)', (t) => {
  t.is(read("set -v it's # a comment"), "set|-v it's");
  t.is(read('set -v "open ; get'), 'set|-v "open');
  t.is(read(`set -v it's -k "a;b"`), `set|-v it's -k "a;b"`);
});

test('@, @@ and ! are read as the tool reads them', (t) => {
  t.is(read('@other.chi'), 'load|other.chi');
  t.is(read('@ other.chi'), 'load|other.chi');
  t.is(read('@@other.chi'), '_relative_load|other.chi');
  t.is(read('!ls -l'), 'shell|ls -l');
});

test('a line of a million quotes is read in linear time', (t) => {
  const line = `set -v ${`'"`.repeat(500_000)}`;

  t.is(read(line)?.length, line.length);
});
