/**
 * Random histories on the network of cores. After every delivery `harness/invariants.ts` checks:
 * one leader a term, Log Matching, Leader Completeness, commits present on a majority of disks and
 * never changed, votes and terms and commits and matches that never go back.
 */
import test from 'ava';
import fc from 'fast-check';
import { TestNetwork } from './harness/network.js';
import {
  type Outcome,
  requireConvergence,
  runTurmoil,
  type TurmoilOptions,
} from './harness/turmoil.js';

const rate = (max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 100 }).map((percent) => (percent * max) / 100);

const weather = fc.record({ loss: rate(0.3), duplication: rate(0.5), reorder: rate(0.5) });

const history = (sizes: readonly number[]): fc.Arbitrary<TurmoilOptions> =>
  fc.record({
    seed: fc.integer(),
    size: fc.constantFrom(...sizes),
    steps: fc.constant(150),
    weather,
    hasSlowDisks: fc.boolean(),
    preVote: fc.boolean(),
    checkQuorum: fc.boolean(),
    crash: rate(0.05),
    cut: rate(0.2),
    transfer: rate(0.05),
    compact: rate(0.2),
    gathering: rate(0.5),
    inflightEntriesMax: fc.integer({ min: 1, max: 8 }),
    appendBytesMax: fc.integer({ min: 1, max: 20 }),
  });

for (const sizes of [
  [1, 2, 3],
  [4, 5],
  [6, 7],
]) {
  test(`C88: loss, repeats, reordering, cuts, crashes, slow disks: ${sizes} nodes (tigerbeetle vopr)`, (t) => {
    fc.assert(
      fc.property(history(sizes), (options) => {
        requireConvergence(runTurmoil(options), 300);
      }),
      { numRuns: 40 },
    );
    t.pass();
  });
}

test('C88: a learner takes part and counts for nothing', (t) => {
  fc.assert(
    fc.property(history([3]), (options) => {
      const voters = ['n1', 'n2', 'n3'];
      requireConvergence(runTurmoil({ ...options, voters, learners: ['n4'] }), 300);
    }),
    { numRuns: 20 },
  );
  t.pass();
});

test('an answer that comes late to a deposed leader is no lie (seed 1156587455)', (t) => {
  // The learner's answer of term 3 arrives when the leader of term 5 has replaced the entry.
  const options: TurmoilOptions = {
    seed: 1156587455,
    size: 3,
    steps: 150,
    weather: { loss: 0.291, duplication: 0.005, reorder: 0.36 },
    hasSlowDisks: true,
    preVote: false,
    checkQuorum: false,
    cut: 0.006000000000000001,
    inflightEntriesMax: 2,
    appendBytesMax: 1,
    voters: ['n1', 'n2', 'n3'],
    learners: ['n4'],
  };
  t.notThrows(() => requireConvergence(runTurmoil(options), 300));
});

test('late votes may elect a leader of a past term, who lacks what was committed since (§5.4.3)', (t) => {
  const net = new TestNetwork({ size: 5, preVote: false });
  net.at('n1', (node) => node.campaign());
  net.deliver();
  net.deliver();
  const votes = net.queue.splice(0).filter(({ to }) => to === 'n1');
  net.isolate('n1');
  net.elect('n2');
  net.propose('n2', 'kept');
  net.mend();
  net.queue.push(...votes);

  net.deliver();
  net.deliver();

  t.is(net.node('n1').raft.role, 'leader');
  net.until(() => net.isConverged, 60);
  t.deepEqual(net.node('n1').texts, ['kept']);
});

test('C88: the same seed gives the same trace, byte for byte', (t) => {
  const options: TurmoilOptions = {
    seed: 88,
    size: 5,
    steps: 300,
    weather: { loss: 0.1, duplication: 0.1, reorder: 0.2 },
    hasSlowDisks: true,
    crash: 0.03,
    cut: 0.1,
    transfer: 0.02,
    compact: 0.1,
  };

  t.is(runTurmoil(options).trace, runTurmoil(options).trace);
  t.not(runTurmoil(options).trace, runTurmoil({ ...options, seed: 89 }).trace);
});

test('the histories are worth something: commits, reads, many terms', (t) => {
  let terms = 0;
  let acknowledged = 0;
  let readsServed = 0;
  for (let seed = 0; seed < 10; seed += 1) {
    const outcome = runTurmoil({
      seed,
      size: 5,
      steps: 150,
      weather: { loss: 0.1, duplication: 0.2, reorder: 0.2 },
      hasSlowDisks: seed % 2 === 0,
      preVote: seed % 3 === 0,
      crash: 0.03,
      cut: 0.1,
      transfer: 0.02,
    });
    terms += Math.max(...[...outcome.net.nodes.values()].map(({ raft }) => raft.currentTerm));
    acknowledged += outcome.acknowledged.size;
    readsServed += outcome.readsServed;
  }

  t.true(terms > 20, `${terms} terms`);
  t.true(acknowledged > 150, `${acknowledged} commands`);
  t.true(readsServed > 100, `${readsServed} reads`);
});

test('C85: after any faulty run all converge without a write (openraft liveness.rs)', (t) => {
  for (let seed = 0; seed < 20; seed += 1) {
    const outcome: Outcome = runTurmoil({
      seed: 8500 + seed,
      size: 5,
      steps: 200,
      weather: { loss: 0.2, duplication: 0.2, reorder: 0.3 },
      hasSlowDisks: seed % 2 === 1,
      crash: 0.05,
      cut: 0.2,
      transfer: 0.03,
    });
    // Detection, an election that may be split once or twice, catching up.
    requireConvergence(outcome, 100);
    const { net } = outcome;
    const head = net.leader;
    if (head === undefined) return t.fail();
    net.propose(head.id, 'afterwards');
    const readId = net.at(head.id, (node) => node.read());
    net.tick(2);
    t.is(head.reads.get(readId), head.raft.commitIndex);
    t.true([...net.nodes.values()].every(({ texts }) => texts.at(-1) === 'afterwards'));
  }
});

test('C87: a connected majority is enough, the others cut off or dead (tigerbeetle random core)', (t) => {
  for (let seed = 0; seed < 20; seed += 1) {
    const { net } = runTurmoil({
      seed: 8700 + seed,
      size: 5,
      steps: 100,
      weather: { loss: 0.2, duplication: 0.1, reorder: 0.2 },
      crash: 0.05,
      cut: 0.2,
    });
    net.heal();
    const all = [...net.nodes.values()];
    const core = all.filter(({ id }) => net.prng.next() < 0.7 || id > 'n3').slice(0, 3);
    while (core.length < 3) core.push(...all.filter((node) => !core.includes(node)).slice(0, 1));
    for (const node of all) {
      if (core.includes(node)) {
        if (!node.isRunning) node.restart();
      } else if (net.prng.next() < 0.5) {
        node.crash();
      } else {
        net.isolate(node.id);
      }
    }

    const leads = () => core.find(({ raft }) => raft.role === 'leader');
    net.until(() => leads() !== undefined && core.includes(net.leader ?? net.node('n1')), 120);
    const head = leads();
    if (head === undefined) return t.fail();
    net.propose(head.id, 'finished');
    net.tick(6);

    for (const node of core) t.is(node.texts.at(-1), 'finished', `seed ${seed}, ${node.id}`);
  }
});

test('C16: the tail of a deposed leader never appears (MIT raft TestRejoin3B), 20 seeds', (t) => {
  for (let seed = 0; seed < 20; seed += 1) {
    const { net } = runTurmoil({ seed, size: 3, steps: 20 });
    net.heal();
    net.until(() => net.isConverged, 100);
    const head = net.leader;
    if (head === undefined) return t.fail();
    net.isolate(head.id);
    for (const text of ['lost 1', 'lost 2', 'lost 3']) net.propose(head.id, text);
    net.until(() => net.leader !== undefined && net.leader !== head, 60);
    net.propose(net.leader?.id ?? '', 'kept');
    net.heal();
    net.until(() => net.isConverged, 60);

    for (const { texts } of net.nodes.values()) {
      t.true(texts.includes('kept'));
      t.false(texts.some((text) => text.startsWith('lost')));
    }
  }
});

test('C29: long wrong tails are backed up quickly (MIT raft TestBackup3B)', (t) => {
  const net = runTurmoil({ seed: 29, size: 5, steps: 30 }).net;
  net.heal();
  net.until(() => net.isConverged, 100);
  const burst = (name: string): void => {
    for (let i = 0; i < 50; i += 1) net.propose(net.leader?.id ?? '', `${name} ${i}`);
  };
  const first = net.leader?.id ?? '';
  const [mate = '', ...rest] = [...net.nodes.keys()].filter((id) => id !== first);

  net.partition(first, mate);
  for (let i = 0; i < 50; i += 1) net.propose(first, `wrong ${i}`);
  net.until(() => rest.includes(net.leader?.id ?? ''), 60);
  burst('right');
  const second = net.leader?.id ?? '';
  const lagging = rest.find((id) => id !== second) ?? '';
  net.isolate(lagging, first, mate);
  for (let i = 0; i < 50; i += 1) net.propose(second, `kept ${i}`);
  net.isolate(...net.nodes.keys());
  net.heal();
  net.isolate(second);
  net.until(() => net.leader !== undefined && net.leader.id !== second, 100);
  burst('again');
  net.heal();
  net.until(() => net.isConverged, 100);

  for (const { texts } of net.nodes.values()) {
    t.is(texts.filter((text) => text.startsWith('right')).length, 50);
    t.is(texts.filter((text) => text.startsWith('again')).length, 50);
    t.is(texts.filter((text) => text.startsWith('wrong')).length, 0);
  }
});
