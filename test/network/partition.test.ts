import test from 'ava';
import fc from 'fast-check';
import type { Link } from '../../src/network/link.js';
import {
  allLinks,
  bridge,
  cutLinks,
  halves,
  isolate,
  majoritiesRing,
  majorityMinority,
  oneWay,
  type PartitionShape,
  symmetric,
} from '../../src/network/partition.js';
import { Prng } from '../../src/prng.js';

const nodesOf = (size: number): string[] =>
  Array.from({ length: size }, (_, place) => `n${place + 1}`);

const show = (links: readonly Link[]): string[] =>
  links.map(({ source, destination }) => `${source}>${destination}`).sort();

/** Who hears whom in both directions, itself included. */
function views(nodes: readonly string[], cut: readonly Link[]): Map<string, Set<string>> {
  const isCut = new Set(show(cut));
  const hears = (some: string, other: string) =>
    !isCut.has(`${some}>${other}`) && !isCut.has(`${other}>${some}`);
  return new Map(nodes.map((id) => [id, new Set(nodes.filter((other) => hears(id, other)))]));
}

const majority = (size: number): number => Math.floor(size / 2) + 1;
const sizes = fc.integer({ min: 1, max: 12 });

test('a symmetric partition cuts both ways between groups, and nothing within', (t) => {
  t.deepEqual(show(symmetric([['n1', 'n2'], ['n3']])), ['n1>n3', 'n2>n3', 'n3>n1', 'n3>n2']);
});

test('three groups hear nothing of each other', (t) => {
  const cut = symmetric([['n1'], ['n2'], ['n3']]);

  t.deepEqual(show(cut), show(allLinks(nodesOf(3))));
});

test('a node in no group keeps its links, and a node in two loses those to both', (t) => {
  t.deepEqual(show(symmetric([['n1'], ['n2']])), ['n1>n2', 'n2>n1']);
  t.deepEqual(
    show(
      symmetric([
        ['n1', 'n2'],
        ['n2', 'n3'],
      ]),
    ),
    ['n1>n2', 'n1>n3', 'n2>n1', 'n2>n3', 'n3>n1', 'n3>n2'],
  );
});

test('an empty side cuts nothing (chistributed 4, create_partition)', (t) => {
  t.deepEqual(symmetric([['n1'], []]), []);
});

test('a one-way partition leaves the way back', (t) => {
  t.deepEqual(show(oneWay({ from: ['n1'], to: ['n2', 'n3'] })), ['n1>n2', 'n1>n3']);
});

test('an isolated node has no link left, and those not isolated keep theirs', (t) => {
  fc.assert(
    fc.property(fc.subarray(nodesOf(7)), (lonely) => {
      const cut = isolate(nodesOf(7), lonely);
      for (const [id, view] of views(nodesOf(7), cut)) {
        t.is(view.size, lonely.includes(id) ? 1 : 7 - lonely.length);
      }
    }),
  );
});

test('halves are as even as can be, the smaller one first', (t) => {
  t.deepEqual(
    halves(nodesOf(4)),
    symmetric([
      ['n1', 'n2'],
      ['n3', 'n4'],
    ]),
  );
  t.deepEqual(
    halves(nodesOf(5)),
    symmetric([
      ['n1', 'n2'],
      ['n3', 'n4', 'n5'],
    ]),
  );
});

test('a cut-off minority is as large as it can be while the rest has a majority', (t) => {
  fc.assert(
    fc.property(sizes, (size) => {
      fc.pre(size > 2);
      const nodes = nodesOf(size);
      const groups = [...views(nodes, majorityMinority(nodes)).values()].map((view) => view.size);
      t.is(Math.max(...groups), majority(size));
      t.is(Math.min(...groups), size - majority(size));
    }),
  );
});

test('a minority that would leave no majority, or is none, is refused', (t) => {
  const code = 'RAFT_INVALID_OPTION';

  t.throws(() => majorityMinority(nodesOf(4), ['n1', 'n2']), { code });
  t.throws(() => majorityMinority(nodesOf(3), []), { code });
  t.throws(() => majorityMinority(nodesOf(2)), { code });
  t.throws(() => majorityMinority(nodesOf(3), ['n9']), { code: 'RAFT_UNKNOWN_NODE' });
});

test('a bridge hears everyone; the others hear the bridge and their own side only', (t) => {
  fc.assert(
    fc.property(sizes, fc.option(fc.nat(11)), (size, place) => {
      fc.pre(size > 2);
      const nodes = nodesOf(size);
      const middle = place === null ? undefined : nodes[place % size];
      const seen = views(nodes, bridge(nodes, middle));
      const centre = middle ?? nodes[Math.floor(size / 2)];
      const small = Math.floor((size - 1) / 2);
      for (const [id, view] of seen) {
        if (id === centre) t.is(view.size, size);
        else t.true(view.has(centre as string));
      }
      const counts = [...seen].filter(([id]) => id !== centre).map(([, view]) => view.size);
      t.is(Math.min(...counts), small + 1);
      t.is(Math.max(...counts), size - 1 - small + 1);
    }),
  );
});

test('without its bridge a network of five falls into two and two', (t) => {
  t.deepEqual(
    show(bridge(nodesOf(5))),
    show(
      symmetric([
        ['n1', 'n2'],
        ['n4', 'n5'],
      ]),
    ),
  );
});

test('in a majorities ring every node hears a bare majority, both ways', (t) => {
  for (let size = 1; size <= 15; size++) {
    const nodes = nodesOf(size);
    const seen = [...views(nodes, majoritiesRing(nodes)).values()].map((view) => view.size);
    // An odd number of nodes cannot all have an odd number of neighbours: one has one more.
    const isUneven = size % 2 === 1 && (majority(size) - 1) % 2 === 1;
    const expected = new Array<number>(size).fill(majority(size));
    if (isUneven) expected[0] = majority(size) + 1;
    t.deepEqual(seen.sort(), expected.sort(), `${size} nodes`);
  }
});

test('in a majorities ring no two nodes hear the same majority', (t) => {
  for (let size = 3; size <= 15; size++) {
    const nodes = nodesOf(size);
    const seen = [...views(nodes, majoritiesRing(nodes)).values()];
    t.is(new Set(seen.map((view) => [...view].sort().join())).size, size, `${size} nodes`);
  }
});

test('a majorities ring cuts no link one way only', (t) => {
  for (let size = 1; size <= 15; size++) {
    const cut = new Set(show(majoritiesRing(nodesOf(size))));
    for (const link of cut) t.true(cut.has(link.split('>').reverse().join('>')));
  }
});

test('the ring of five is the one that is drawn', (t) => {
  const expected = ['n1-n3', 'n1-n4', 'n2-n4', 'n2-n5', 'n3-n5'].flatMap((pair) => {
    const [some, other] = pair.split('-');
    return [`${some}>${other}`, `${other}>${some}`];
  });

  t.deepEqual(show(majoritiesRing(nodesOf(5))), expected.sort());
});

test('two nodes or fewer have no ring and no bridge to cut', (t) => {
  for (const size of [0, 1, 2]) {
    t.deepEqual(majoritiesRing(nodesOf(size)), []);
    t.deepEqual(bridge(nodesOf(size)), []);
  }
});

test('no shape cuts a link twice, from a node to itself, or to a stranger', (t) => {
  fc.assert(
    fc.property(sizes, fc.integer(), (size, seed) => {
      fc.pre(size > 2);
      const nodes = nodesOf(size);
      const real = new Set(show(allLinks(nodes)));
      for (const shape of shapes) {
        const cut = show(cutLinks(shape, { nodes, leaderId: 'n2', prng: new Prng(seed) }));
        t.is(new Set(cut).size, cut.length);
        t.true(cut.every((link) => real.has(link)));
      }
    }),
  );
});

const shapes: PartitionShape[] = [
  { kind: 'symmetric', groups: ['leader', 'followers'] },
  { kind: 'symmetric', groups: ['minority'] },
  { kind: 'one-way', from: 'leader' },
  { kind: 'one-way', to: 'leader' },
  { kind: 'isolate', nodes: 'followers' },
  {
    kind: 'symmetric',
    groups: [
      ['n1', 'n2'],
      ['n2', 'n3'],
    ],
  },
  { kind: 'halves' },
  { kind: 'majority-minority' },
  { kind: 'bridge' },
  { kind: 'majorities-ring' },
];

const resolved: [string, PartitionShape, readonly Link[]][] = [
  [
    'one group is cut off from the rest',
    { kind: 'symmetric', groups: ['leader'] },
    symmetric([['n2'], ['n1', 'n3']]),
  ],
  [
    'a mute leader',
    { kind: 'one-way', from: 'leader' },
    oneWay({ from: ['n2'], to: ['n1', 'n3'] }),
  ],
  ['a deaf leader', { kind: 'one-way', to: 'leader' }, oneWay({ from: ['n1', 'n3'], to: ['n2'] })],
  ['one link', { kind: 'one-way', from: 'n1', to: 'n3' }, oneWay({ from: ['n1'], to: ['n3'] })],
  ['the leader alone', { kind: 'isolate', nodes: 'leader' }, isolate(nodesOf(3), ['n2'])],
  [
    'the leader in the minority',
    { kind: 'majority-minority', minority: 'minority with the leader' },
    symmetric([['n2'], ['n1', 'n3']]),
  ],
  ['the leader as bridge', { kind: 'bridge', bridge: 'leader' }, symmetric([['n1'], ['n3']])],
];

for (const [what, shape, expected] of resolved) {
  test(`a shape means nodes by role: ${what}`, (t) => {
    const cut = cutLinks(shape, { nodes: nodesOf(3), leaderId: 'n2', prng: new Prng(1) });

    t.deepEqual(show(cut), show(expected));
  });
}

test('random shapes follow their seed and reach different nodes', (t) => {
  const kinds = ['halves', 'majority-minority', 'bridge', 'majorities-ring'] as const;
  for (const kind of kinds) {
    const cut = (seed: number) =>
      show(cutLinks({ kind }, { nodes: nodesOf(5), prng: new Prng(seed) })).join();
    const seen = new Set(Array.from({ length: 40 }, (_, seed) => cut(seed)));

    t.is(cut(3), cut(3));
    t.true(seen.size > 5, kind);
  }
});

test('shapes that mean nothing are refused', (t) => {
  const context = { nodes: nodesOf(5), leaderId: 'n1', prng: new Prng(1) };
  const cases: [PartitionShape, string][] = [
    [{ kind: 'one-way' }, 'RAFT_INVALID_OPTION'],
    [{ kind: 'bridge', bridge: ['n1', 'n2'] }, 'RAFT_INVALID_OPTION'],
    [{ kind: 'majority-minority', minority: 'majority' }, 'RAFT_INVALID_OPTION'],
    [{ kind: 'triangle' } as unknown as PartitionShape, 'RAFT_INVALID_OPTION'],
    [{ kind: 'isolate', nodes: 'n6' }, 'RAFT_UNKNOWN_NODE'],
    [{ kind: 'symmetric', groups: [['n1'], ['n6']] }, 'RAFT_UNKNOWN_NODE'],
  ];
  for (const [shape, code] of cases) t.throws(() => cutLinks(shape, context), { code });
  t.throws(() => isolate(nodesOf(3), ['n4']), { code: 'RAFT_UNKNOWN_NODE' });
  t.throws(() => bridge(nodesOf(3), 'n4'), { code: 'RAFT_UNKNOWN_NODE' });
});
