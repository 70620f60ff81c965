import test from 'ava';
import { createOutput } from '../../src/cli/terminal.js';

const cases = [
  { isTTY: true, env: {}, isColoured: true },
  { isTTY: true, env: { NO_COLOR: '' }, isColoured: true },
  { isTTY: true, env: { NO_COLOR: '1' }, isColoured: false },
  { isTTY: true, env: { TERM: 'dumb' }, isColoured: false },
  { isTTY: false, env: {}, isColoured: false },
  { isTTY: false, env: { CI: 'true', FORCE_COLOR: '1' }, isColoured: false },
];

for (const { isTTY, env, isColoured } of cases) {
  const where = `${isTTY ? 'on' : 'off'} a terminal with ${JSON.stringify(env)}`;
  test(`${where} there is ${isColoured ? '' : 'no '}colour`, (t) => {
    const written: string[] = [];
    const output = createOutput({ isTTY, write: (text: string) => written.push(text) }, env);

    output.write(output.colours.red('x'));

    t.deepEqual(written, [isColoured ? '\u001b[31mx\u001b[39m' : 'x']);
    t.is(output.isTerminal, isTTY);
  });
}
