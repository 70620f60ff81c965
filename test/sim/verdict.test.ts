import test from 'ava';
import type { HistoryEvent } from '../../src/chaos/event.js';
import { verdictOf } from '../../src/sim/verdict.js';

const set = { process: 0, op: 'set', key: 'x' } as const;
const get = { process: 1, op: 'get', key: 'x' } as const;

function history(read: string): HistoryEvent[] {
  return [
    { ...set, type: 'invoke', value: 'new', time: 1 },
    { ...set, type: 'ok', time: 2 },
    { ...get, type: 'invoke', time: 3 },
    { ...get, type: 'ok', value: read, time: 4_000_000 },
  ];
}

test('a read that sees what was acknowledged before is linearizable', (t) => {
  t.deepEqual(verdictOf(history('new')), { verdict: 'linearizable' });
});

test('a read that sees what nobody wrote is illegal, and the verdict names it', (t) => {
  const { verdict, text } = verdictOf(history('old'));

  t.is(verdict, 'illegal');
  t.is(text, 'x: no place for the get that gave "old" of process 1 at 0.000 ms');
});
