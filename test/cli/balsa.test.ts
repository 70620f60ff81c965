import test from 'ava';
import { lineWith, start } from './balsa.js';

test('a line is found among others that came in the same piece', async (t) => {
  t.is(await lineWith(start(['--help']), 'Commands:'), 'Commands:');
});

test('a line that never comes is an error, not a wait without end', async (t) => {
  await t.throwsAsync(lineWith(start(['--help']), 'no such line'), { message: /no such line/ });
});
