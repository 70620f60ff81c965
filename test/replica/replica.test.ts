import test from 'ava';
import { Fleet } from './fleet.js';

test('a leader commits a write, applies it everywhere and answers who asked', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();

  const answer = fleet.answer(fleet.set(leader.id, 'a', 1));

  t.is(answer.kind, 'ok');
  fleet.until(() => fleet.nodes.every(({ machine }) => machine.size === 1));
  t.is(new Set(fleet.nodes.map(({ machine }) => machine.digest())).size, 1);
});
