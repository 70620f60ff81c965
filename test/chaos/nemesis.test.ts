import test from 'ava';
import { type Fault, faultText, type PlannedFault } from '../../src/chaos/fault.js';
import { diskNames, drawPlan, nemesisNames, parseNemesis } from '../../src/chaos/fault-plan.js';
import { type FaultTarget, Nemesis } from '../../src/chaos/nemesis.js';
import { RaftError } from '../../src/errors.js';
import { cutLinks } from '../../src/network/partition.js';
import { resolve } from '../../src/network/selector.js';
import { Prng } from '../../src/prng.js';
import { HurriedClock } from './hurried-clock.js';

/** Notes what is done to it, with the time since the start. */
function notingTarget(clock: HurriedClock): { target: FaultTarget; notes: string[] } {
  const notes: string[] = [];
  const startMs = clock.nowMs();
  const note = (text: string): void => void notes.push(`${clock.nowMs() - startMs} ${text}`);
  const installed = (name: string): Disposable => {
    note(name);
    return { [Symbol.dispose]: () => note(`no ${name}`) };
  };
  const target: FaultTarget = {
    partition: ({ kind }) => installed(kind),
    link: () => installed('link'),
    pause: (who) => {
      if (who === 'leader') throw new RaftError('RAFT_NO_LEADER', 'none');
      note('pause');
      return Promise.resolve(['n1']);
    },
    resume: (nodes) => note(`resume ${nodes}`),
    crash: () => {
      note('crash');
      return Promise.resolve(['n2', 'n3']);
    },
    restart: (nodes) => Promise.resolve(note(`restart ${nodes}`)),
    transfer: () => Promise.resolve(note('transfer')),
    failDisks: () => {
      note('disks fail');
      return Promise.resolve(['n3']);
    },
    mendDisks: (nodes) => Promise.resolve(note(`disks of ${nodes} are sound`)),
  };
  return { target, notes };
}

const crash: Fault = { kind: 'crash', nodes: 'minority' };
const halves: Fault = { kind: 'partition', shape: { kind: 'halves' }, mode: 'drop' };

test('faults begin and end when the plan says so, and tell what is in force', async (t) => {
  const clock = new HurriedClock();
  const { target, notes } = notingTarget(clock);
  const told: string[] = [];
  const plan: PlannedFault[] = [
    { at: 10, until: 40, fault: crash },
    { at: 20, until: 30, fault: halves },
    { at: 50, until: 60, fault: { kind: 'pause', nodes: 'random' } },
    { at: 70, until: 70, fault: { kind: 'transfer', to: 'random' } },
    { at: 80, until: 90, fault: { kind: 'disk', nodes: 'random', faults: { fullChance: 1 } } },
  ];
  const nemesis = new Nemesis({
    target,
    clock,
    plan,
    onChange: (names) => told.push(names.join('; ')),
  });

  await nemesis.run(new AbortController().signal);

  t.deepEqual(notes, [
    '10 crash',
    '20 halves',
    '30 no halves',
    '40 restart n2,n3',
    '50 pause',
    '60 resume n1',
    '70 transfer',
    '80 disks fail',
    '90 disks of n3 are sound',
  ]);
  t.deepEqual(told.slice(0, 4), [
    'crash: minority',
    'crash: minority; partition: halves',
    'crash: minority',
    '',
  ]);
  t.deepEqual(
    nemesis.happened.map(({ name, atMs, untilMs }) => [name, untilMs - atMs]),
    [
      ['partition: halves', 10],
      ['crash: minority', 30],
      ['pause: random', 10],
      ['transfer: to random', 0],
      ['disk: random fullChance 1', 10],
    ],
  );
});

test('an abort takes back what is in force, and nothing else begins', async (t) => {
  const clock = new HurriedClock();
  const { target, notes } = notingTarget(clock);
  const abort = new AbortController();
  const plan = [
    { at: 10, until: 100, fault: crash },
    { at: 90, until: 100, fault: halves },
  ];

  const running = new Nemesis({ target, clock, plan }).run(abort.signal);
  await clock.after(50);
  abort.abort();
  await running;

  t.deepEqual(notes, ['10 crash', '50 restart n2,n3']);
});

test('a fault for a leader that is not there is missed; any other failure is one', async (t) => {
  const clock = new HurriedClock();
  const { target } = notingTarget(clock);
  const run = (fault: Fault): Nemesis =>
    new Nemesis({ target, clock, plan: [{ at: 0, until: 1, fault }] });

  const missing = run({ kind: 'pause', nodes: 'leader' });
  await missing.run(new AbortController().signal);
  t.is(missing.missed, 1);
  t.deepEqual(missing.happened, []);

  const impossible = run({ kind: 'clock-jump', nodes: 'all', byMs: 5 });
  await t.throwsAsync(impossible.run(new AbortController().signal), {
    code: 'RAFT_INVALID_OPTION',
  });
});

test('a seed fixes a plan; everything in it ends in time and is of the kinds asked for', (t) => {
  const durationMs = 20_000;
  const seen = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const plan = drawPlan({ seed, names: nemesisNames, durationMs, size: 3 });
    t.deepEqual(drawPlan({ seed, names: nemesisNames, durationMs, size: 3 }), plan);
    t.true(plan.length > 5);
    for (const { at, until, fault } of plan) {
      t.true(at >= 0 && at <= until && until <= durationMs);
      seen.add(faultText(fault).replace(/[ :].*/, ''));
      seen.add(faultText(fault).replace(/^partition: (\S+).*/, '$1'));
    }
    t.true(
      drawPlan({ seed, names: ['pause'], durationMs, size: 3 }).every(
        ({ fault }) => fault.kind === 'pause',
      ),
    );
    t.deepEqual(drawPlan({ seed, names: [], durationMs, size: 3 }), []);
  }
  for (const kind of [
    'link',
    'pause',
    'crash',
    'transfer',
    'disk',
    'halves',
    'one-way',
    'bridge',
  ]) {
    t.true(seen.has(kind), kind);
  }
});

test('whom a plan means is there, however few the nodes: one or two have no minority', (t) => {
  for (const size of [1, 2, 3, 4, 9]) {
    const nodes = Array.from({ length: size }, (_, at) => `n${at + 1}`);
    const context = { nodes, leaderId: 'n1', prng: new Prng(1) };
    for (let seed = 0; seed < 50; seed += 1) {
      for (const { fault } of drawPlan({ seed, names: nemesisNames, durationMs: 20_000, size })) {
        if (fault.kind === 'partition') t.notThrows(() => cutLinks(fault.shape, context));
        else if ('nodes' in fault) t.notThrows(() => resolve(fault.nodes, context));
      }
    }
  }
});

test('nemeses are named on the command line', (t) => {
  t.is(parseNemesis('--nemesis', 'all'), nemesisNames);
  t.deepEqual(parseNemesis('--nemesis', 'none'), []);
  t.deepEqual(parseNemesis('--nemesis', 'pause, crash'), ['pause', 'crash']);
  t.deepEqual(parseNemesis('--nemesis', 'disk,pause'), [...diskNames, 'pause']);
  t.throws(() => parseNemesis('--nemesis', 'pause,fire'), {
    code: 'RAFT_INVALID_OPTION',
    message: /^--nemesis has 'fire'; expected all, none, or a list of partition, one-way/,
  });
});

test('every fault has a few words', (t) => {
  const faults: Fault[] = [
    { kind: 'partition', shape: { kind: 'isolate', nodes: 'leader' }, mode: 'hold' },
    { kind: 'link', options: { between: 'everyone', lossRate: 0.5 } },
    { kind: 'stall', client: 2 },
    { kind: 'slow-disk', nodes: 'all', byMs: 5 },
  ];

  t.deepEqual(faults.map(faultText), [
    'partition: isolate nodes leader, held',
    'link: lossRate 0.5',
    'stall: client 2',
    'slow-disk: all by 5 ms',
  ]);
});
