import test from 'ava';
import { resolve, roles, type Selector, type SelectorContext } from '../../src/network/selector.js';
import { Prng } from '../../src/prng.js';

const nodesOf = (size: number): string[] =>
  Array.from({ length: size }, (_, place) => `n${place + 1}`);

const contextOf = (size: number, leaderId?: string, seed = 1): SelectorContext => ({
  nodes: nodesOf(size),
  leaderId,
  prng: new Prng(seed),
});

const fixed: [Selector, string[]][] = [
  ['all', ['n1', 'n2', 'n3', 'n4', 'n5']],
  ['leader', ['n2']],
  ['followers', ['n1', 'n3', 'n4', 'n5']],
  ['n4', ['n4']],
  [
    ['n4', 'n1', 'n4'],
    ['n1', 'n4'],
  ],
  [
    ['n5', 'leader'],
    ['n2', 'n5'],
  ],
  [[], []],
];

for (const [selector, expected] of fixed) {
  test(`${JSON.stringify(selector)} of five nodes that n2 leads is ${expected.join(' ')}`, (t) => {
    t.deepEqual(resolve(selector, contextOf(5, 'n2')), expected);
  });
}

// Role, nodes in the cluster, nodes drawn, and whether the leader is among them.
const drawn: [string, number, number, boolean | undefined][] = [
  ['random', 5, 1, undefined],
  ['random follower', 5, 1, false],
  ['majority', 5, 3, undefined],
  ['majority', 4, 3, undefined],
  ['minority', 5, 2, undefined],
  ['minority', 4, 1, undefined],
  ['majority with the leader', 5, 3, true],
  ['majority without the leader', 5, 3, false],
  ['majority without the leader', 4, 3, false],
  ['minority with the leader', 5, 2, true],
  ['minority with the leader', 3, 1, true],
  ['minority without the leader', 5, 2, false],
];

for (const [role, size, count, hasLeader] of drawn) {
  test(`'${role}' draws ${count} of ${size} nodes, any that fit`, (t) => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const selected = resolve(role, contextOf(size, 'n2', seed));

      t.is(new Set(selected).size, count);
      t.deepEqual(selected, [...selected].sort());
      if (hasLeader !== undefined) t.is(selected.includes('n2'), hasLeader);
      for (const id of selected) seen.add(id);
    }
    const possible = hasLeader === false ? size - 1 : count === 1 && hasLeader ? 1 : size;
    t.is(seen.size, possible, [...seen].join(' '));
  });
}

test('a selector is resolved anew each time: the leader of the moment is meant', (t) => {
  t.deepEqual(resolve('leader', contextOf(3, 'n1')), ['n1']);
  t.deepEqual(resolve('leader', contextOf(3, 'n3')), ['n3']);
});

test('the same seed draws the same nodes', (t) => {
  for (const role of roles) {
    t.deepEqual(resolve(role, contextOf(7, 'n1', 3)), resolve(role, contextOf(7, 'n1', 3)));
  }
});

test('while no leader is known, all are followers and whoever means it gets RAFT_NO_LEADER', (t) => {
  t.deepEqual(resolve('followers', contextOf(3)), ['n1', 'n2', 'n3']);
  for (const role of roles.filter((role) => role.includes('leader'))) {
    t.throws(() => resolve(role, contextOf(3)), { code: 'RAFT_NO_LEADER' });
  }
});

test('a node that is called like a role is itself', (t) => {
  const context = { nodes: ['leader', 'other'], leaderId: 'other', prng: new Prng(1) };

  t.deepEqual(resolve('leader', context), ['leader']);
});

test('what is neither a node nor a role is refused, and what there is is named', (t) => {
  for (const selector of ['n9', '', ['n1', 'n9']]) {
    const error = t.throws(() => resolve(selector, contextOf(3, 'n1')), {
      code: 'RAFT_UNKNOWN_NODE',
    });
    t.regex(error.message, /n1, n2, n3/);
  }
  t.throws(() => resolve('leader', contextOf(3, 'n9')), { code: 'RAFT_UNKNOWN_NODE' });
});

test('what so few nodes cannot give is refused', (t) => {
  const cases: [Selector, number][] = [
    ['minority', 2],
    ['minority', 1],
    ['minority with the leader', 2],
    ['majority without the leader', 2],
    ['random follower', 1],
    ['random', 0],
  ];
  for (const [selector, size] of cases) {
    const leaderId = size === 0 ? undefined : 'n1';
    t.throws(() => resolve(selector, contextOf(size, leaderId)), { code: 'RAFT_INVALID_OPTION' });
  }
});

test('a selector that is no string and no list is refused', (t) => {
  const wrong = 7 as unknown as Selector;

  t.throws(() => resolve(wrong, contextOf(3)), { code: 'RAFT_INVALID_OPTION' });
});
