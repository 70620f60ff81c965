import test from 'ava';
import type { Frame } from '../../src/network/link.js';
import type { Between, Effect, LinkOptions, Rule } from '../../src/network/rule.js';
import { arrived, createNetwork, frame, submitAll } from './traffic.js';

const drop: Effect = { kind: 'drop' };

/** The frames, written as 'n1>n2', that a rule which drops everything lets through. */
function survivors(rule: Omit<Rule, 'effect'>): string[] {
  const network = createNetwork({ clients: ['c1', 'c2'] });
  network.install({ effect: drop, ...rule });
  const ends = ['n1', 'n2', 'n3', 'c1', 'c2'];
  const links = ends.flatMap((source) => ends.map((destination) => ({ source, destination })));
  for (const link of links) network.submit(frame(0, link), 0);
  return network.due(0).map(({ frame }) => `${frame.source}>${frame.destination}`);
}

const isClient = (link: string): boolean => link.includes('c');
const isToItself = (link: string): boolean => link.slice(0, 2) === link.slice(3);

test('a rule acts between nodes unless told otherwise: clients are not affected', (t) => {
  const left = survivors({});

  t.true(left.every((link) => isClient(link) || isToItself(link)));
  t.is(left.filter(isClient).length, 16);
});

test('a rule between everyone acts on clients too, never on what an end sends to itself', (t) => {
  t.deepEqual(survivors({ between: 'everyone' }), ['n1>n1', 'n2>n2', 'n3>n3', 'c1>c1', 'c2>c2']);
});

const between: [string, Between, string[]][] = [
  ['from one node', { from: 'n1' }, ['n1>n2', 'n1>n3']],
  ['to one node', { to: 'n1' }, ['n2>n1', 'n3>n1']],
  ['one link', { from: 'n1', to: 'n3' }, ['n1>n3']],
  [
    'both ways',
    { from: 'n1', to: ['n2', 'n3'], bothWays: true },
    ['n1>n2', 'n1>n3', 'n2>n1', 'n3>n1'],
  ],
  ['from one client', { from: 'c1' }, ['c1>n1', 'c1>n2', 'c1>n3']],
  ['a client and a node', { from: 'c1', to: 'n2', bothWays: true }, ['c1>n2', 'n2>c1']],
  ['from clients', { from: 'clients', to: 'n1' }, ['c1>n1', 'c2>n1']],
  ['to everyone', { from: 'n3', to: 'everyone' }, ['n3>n1', 'n3>n2', 'n3>c1', 'n3>c2']],
  [
    'listed links',
    [
      { source: 'n2', destination: 'n1' },
      { source: 'c1', destination: 'n1' },
    ],
    ['c1>n1', 'n2>n1'],
  ],
  ['no links', [], []],
];

for (const [what, where, expected] of between) {
  test(`a rule between ${what} acts there and nowhere else`, (t) => {
    const all = survivors({ between: [] });

    const left = new Set(survivors({ between: where }));

    t.deepEqual(all.filter((link) => !left.has(link)).sort(), [...expected].sort());
  });
}

test('a rule asks for message kinds', (t) => {
  const network = createNetwork();
  network.install({ effect: drop, kinds: ['heartbeat', 'request-vote'] });

  network.submit(frame(1, { kind: 'heartbeat' }), 0);
  network.submit(frame(2, { kind: 'append-entries' }), 0);
  network.submit(frame(3, { kind: 'request-vote' }), 0);

  t.deepEqual(arrived(network, 0), [2]);
});

const votes: Frame<number>[] = [
  frame(1, { content: { kind: 'request-vote', isTransfer: true, term: 4 } }),
  frame(2, { content: { kind: 'request-vote', isTransfer: false, term: 4 } }),
  frame(3, { content: { kind: 'request-vote', isTransfer: true, term: 5 } }),
  frame(4, { content: 'no object' }),
  frame(5, { content: null }),
  frame(6),
];

test('a rule asks for fields of the content, all of them', (t) => {
  const network = createNetwork();
  network.install({ effect: drop, content: { isTransfer: true, term: 4 } });

  for (const vote of votes) network.submit(vote, 0);

  t.deepEqual(arrived(network, 0), [2, 3, 4, 5, 6]);
});

test('a rule asks a function about the content; a frame without content does not match', (t) => {
  const network = createNetwork();
  const seen: unknown[] = [];
  network.install({
    effect: drop,
    content: (content) => {
      seen.push(content);
      return content === null;
    },
  });

  for (const vote of votes) network.submit(vote, 0);

  t.deepEqual(arrived(network, 0), [1, 2, 3, 4, 6]);
  t.is(seen.length, 5);
});

test('the content is read only if a rule of the link and kind looks inside', (t) => {
  const network = createNetwork();
  let reads = 0;
  const submit = (fields: Partial<Frame<number>>) => {
    const counted = {
      ...frame(1, fields),
      get content() {
        reads += 1;
        return {};
      },
    };
    network.submit(counted, 0);
  };
  network.install({ effect: { kind: 'delay', delay: 1 } });
  network.install({
    effect: drop,
    kinds: ['heartbeat'],
    between: { from: 'n1' },
    content: { a: 1 },
  });

  submit({ kind: 'append-entries' });
  submit({ kind: 'heartbeat', source: 'n2', destination: 'n3' });
  t.is(reads, 0);

  submit({ kind: 'heartbeat' });
  t.is(reads, 1);
});

test('a content function that throws leaves the frame outside and the network as it was', (t) => {
  const network = createNetwork();
  const counted = network.install({ effect: { kind: 'duplicate' } });
  network.install({
    effect: drop,
    content: () => {
      throw new Error('no idea');
    },
  });

  t.throws(() => network.submit(frame(1, { content: {} }), 0), { message: 'no idea' });

  t.is(network.totals().submitted, 0);
  t.is(counted.matched, 0);
  t.deepEqual(arrived(network, 0), []);
});

test('skip and limit pick frames by count, over all links of the rule', (t) => {
  const network = createNetwork();
  const rule = network.install({ effect: drop, skip: 2, limit: 3 });

  submitAll(network, [1, 3]);
  submitAll(network, [4, 8], { source: 'n3' });

  t.deepEqual(arrived(network, 0), [1, 2, 6, 7, 8]);
  t.is(rule.matched, 5);
});

test('a rule that reached its limit acts no more: its links are clean, and that is told', (t) => {
  let changes = 0;
  const network = createNetwork({ onChange: () => (changes += 1) });
  network.install({ effect: drop, limit: 2 });
  t.is(changes, 1);

  submitAll(network, [1, 1]);
  t.false(network.isClean('n1', 'n2'));
  submitAll(network, [2, 2]);

  t.true(network.isClean('n1', 'n2'));
  t.true(network.isClean('n3', 'n1'));
  t.is(changes, 2);
});

test('link makes one rule of each option, and its handle takes all of them away', (t) => {
  const network = createNetwork();
  const options: LinkOptions = {
    between: { from: 'n1' },
    kinds: ['append-entries'],
    content: { term: 1 },
    lossRate: 0,
    delayMs: 5,
    duplicateRate: 1,
    reorderRate: 1,
    reorderWithinMs: 0,
    corruptRate: 1,
    bytesPerSecond: 100_000,
  };

  const storm = network.link(options);
  const names = network.rules.map((rule) => rule.name);
  network.submit(frame(1, { content: { term: 1 } }), 0);
  network.submit(frame(2, { content: { term: 2 } }), 0);
  network.submit(frame(3, { content: { term: 1 }, source: 'n3' }), 0);
  const [early, late] = [network.due(4), network.due(10)];
  storm.release();

  t.deepEqual(names, ['drop', 'delay', 'duplicate', 'reorder', 'corrupt', 'throttle']);
  t.deepEqual(
    early.map((delivery) => delivery.frame.payload),
    [2, 3],
  );
  // 1 ms for 100 bytes, then 5 ms; the copy leaves a ms later.
  t.deepEqual(
    late.map(({ dueMs, isCopy, corruption }) => [dueMs, isCopy, corruption !== undefined]),
    [
      [6, false, true],
      [7, true, true],
    ],
  );
  t.false(storm.isInstalled);
  t.deepEqual(network.rules, []);
});

test('link with an option that is wrong installs nothing', (t) => {
  const network = createNetwork();

  t.throws(() => network.link({ lossRate: 0.5, delayMs: -1 }), { code: 'RAFT_INVALID_OPTION' });
  t.throws(() => network.link({ lossRate: 0.5, between: { to: 'n9' } }), {
    code: 'RAFT_UNKNOWN_NODE',
  });

  t.deepEqual(network.rules, []);
});

const invalid: [string, unknown, string][] = [
  ['no object', 7, 'rule'],
  ['no effect', {}, 'rule.effect'],
  ['an effect that does not exist', { effect: { kind: 'explode' } }, 'rule.effect.kind'],
  ['a rate above 1', { effect: { kind: 'drop', rate: 1.5 } }, 'rule.effect.rate'],
  ['a negative rate', { effect: { kind: 'corrupt', rate: -0.1 } }, 'rule.effect.rate'],
  ['a rate that is no number', { effect: { kind: 'drop', rate: '1' } }, 'rule.effect.rate'],
  ['no delay', { effect: { kind: 'delay' } }, 'rule.effect.delay'],
  ['half a copy', { effect: { kind: 'duplicate', copies: 0.5 } }, 'rule.effect.copies'],
  ['101 copies', { effect: { kind: 'duplicate', copies: 101 } }, 'rule.effect.copies'],
  ['no withinMs', { effect: { kind: 'reorder' } }, 'rule.effect.withinMs'],
  [
    'no bandwidth',
    { effect: { kind: 'throttle', bytesPerSecond: 0 } },
    'rule.effect.bytesPerSecond',
  ],
  [
    'no queue',
    { effect: { kind: 'throttle', bytesPerSecond: 1, queueBytesMax: 0 } },
    'rule.effect.queueBytesMax',
  ],
  ['kinds that are no list', { effect: drop, kinds: 'heartbeat' }, 'rule.kinds'],
  ['content that is no predicate', { effect: drop, content: 'term' }, 'rule.content'],
  ['a negative skip', { effect: drop, skip: -1 }, 'rule.skip'],
  ['half a limit', { effect: drop, limit: 1.5 }, 'rule.limit'],
  ['a seed of 0.5', { effect: drop, seed: 0.5 }, 'rule.seed'],
  ['between that is no place', { effect: drop, between: 'clients' }, 'rule.between'],
  ['ends that are no ids', { effect: drop, between: { from: 7 } }, 'rule.between.from'],
  [
    'a link to itself',
    { effect: drop, between: [{ source: 'n1', destination: 'n1' }] },
    'rule.between',
  ],
];

for (const [what, rule, option] of invalid) {
  test(`a rule with ${what} is refused, and ${option} is named`, (t) => {
    const network = createNetwork();

    const error = t.throws(() => network.install(rule as Rule));

    t.like(error, { code: 'RAFT_INVALID_OPTION', details: { option } });
    t.deepEqual(network.rules, []);
  });
}

test('a rule for an end that is not there is refused with RAFT_UNKNOWN_NODE', (t) => {
  const network = createNetwork();
  const places: Between[] = [
    { from: 'n9' },
    { to: ['n1', 'n9'] },
    [{ source: 'n9', destination: 'n1' }],
  ];

  for (const between of places) {
    const error = t.throws(() => network.install({ effect: drop, between }), {
      code: 'RAFT_UNKNOWN_NODE',
    });
    t.regex(error.message, /'n9'.*n1, n2, n3, c1/);
  }
});
