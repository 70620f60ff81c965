import test from 'ava';
import fc from 'fast-check';
import type { Installed } from '../../src/network/installed.js';
import { dropReasons, type Link, type LinkCounters } from '../../src/network/link.js';
import { Network } from '../../src/network/network.js';
import { allLinks } from '../../src/network/partition.js';
import type { Between, Effect } from '../../src/network/rule.js';
import { frame } from './traffic.js';

/** One thing that happens to a network. Handles are meant by their place among those installed. */
type Step =
  | {
      readonly kind: 'submit';
      readonly link: Link;
      readonly message: string;
      readonly bytes: number;
    }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'install';
      readonly effect: Effect;
      readonly between: Between;
      readonly limit: number;
    }
  | { readonly kind: 'cut'; readonly links: readonly Link[]; readonly mode: 'drop' | 'hold' }
  | { readonly kind: 'release'; readonly place: number; readonly deliver: boolean }
  | { readonly kind: 'discard'; readonly remainder: number }
  | { readonly kind: 'heal'; readonly deliver: boolean };

const nodes = ['n1', 'n2', 'n3'];
const links = fc.constantFrom(...allLinks(nodes));
const rates = fc.constantFrom(0.2, 0.5, 1);

const keepingOrder: fc.Arbitrary<Effect>[] = [
  rates.map((rate) => ({ kind: 'drop', rate }) as const),
  rates.map((rate) => ({ kind: 'duplicate', rate, copies: 2 }) as const),
  rates.map((rate) => ({ kind: 'corrupt', rate }) as const),
  fc.nat(30).map((delay) => ({ kind: 'delay', delay }) as const),
  fc.constant({ kind: 'delay', delay: { kind: 'pareto', minMs: 1, shape: 1 } } as const),
  fc.constant({ kind: 'throttle', bytesPerSecond: 5_000, queueBytesMax: 300 } as const),
];

const breakingOrder: fc.Arbitrary<Effect>[] = [
  rates.map((rate) => ({ kind: 'reorder', rate, withinMs: 20 }) as const),
  fc.constant({ kind: 'hold' } as const),
];

function stepsOf(effects: readonly fc.Arbitrary<Effect>[]): fc.Arbitrary<Step[]> {
  const submit = fc.record({
    kind: fc.constant('submit' as const),
    link: links,
    message: fc.constantFrom('append-entries', 'heartbeat'),
    bytes: fc.nat(150),
  });
  const others: fc.Arbitrary<Step>[] = [
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(25) }),
    fc.record({
      kind: fc.constant('install' as const),
      effect: fc.oneof(...effects),
      between: fc.constantFrom<Between>('nodes', { from: 'n1' }, { to: 'n1' }),
      limit: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
    }),
    fc.record({
      kind: fc.constant('cut' as const),
      links: fc.subarray(allLinks(nodes)),
      mode: fc.constantFrom('drop' as const, 'hold' as const),
    }),
    fc.record({ kind: fc.constant('release' as const), place: fc.nat(9), deliver: fc.boolean() }),
  ];
  const rare: fc.Arbitrary<Step>[] = [
    fc.record({ kind: fc.constant('discard' as const), remainder: fc.nat(2) }),
    fc.record({ kind: fc.constant('heal' as const), deliver: fc.boolean() }),
  ];
  const step = fc.oneof(
    { weight: 12, arbitrary: submit },
    ...others.map((arbitrary) => ({ weight: 2, arbitrary })),
    ...rare.map((arbitrary) => ({ weight: 1, arbitrary })),
  );
  return fc.array(step, { maxLength: 60, size: 'max' });
}

interface Seen {
  readonly link: string;
  readonly payload: number;
  readonly isCopy: boolean;
}

/** A network that is taken through steps, and everything that came out of it. */
class Run {
  readonly delivered: Seen[] = [];
  readonly dropped: Seen[] = [];
  readonly trace: unknown[] = [];
  readonly network: Network<number>;
  nowMs = 0;
  #installed: Installed[] = [];
  #submitted = 0;

  constructor(seed = 1) {
    this.network = new Network<number>({
      nodes,
      seed,
      delayedFramesMax: 12,
      heldBytesMax: 600,
      onDrop: ({ source, destination, payload }, isCopy) => {
        this.dropped.push({ link: `${source}>${destination}`, payload, isCopy });
      },
    });
  }

  take(step: Step): void {
    const { network } = this;
    switch (step.kind) {
      case 'submit': {
        this.#submitted += 1;
        const { link, message: kind, bytes: byteLength } = step;
        const sent = frame(this.#submitted, { ...link, kind, byteLength });
        this.trace.push(network.submit(sent, this.nowMs));
        return;
      }
      case 'wait':
        this.nowMs += step.ms;
        this.#takeDue();
        return;
      case 'install': {
        const { effect, between, limit } = step;
        const kinds = effect.kind === 'hold' ? { kinds: ['heartbeat'] } : {};
        this.#installed.push(network.install({ effect, between, limit, ...kinds }));
        return;
      }
      case 'cut':
        this.#installed.push(network.partition(step.links, { mode: step.mode }));
        return;
      case 'release':
        this.#installed.splice(step.place, 1)[0]?.release({ deliver: step.deliver });
        return;
      case 'discard':
        network.discard(({ payload }) => payload % 3 === step.remainder);
        return;
      case 'heal':
        network.heal({ deliver: step.deliver });
    }
  }

  heal(): void {
    this.network.heal();
    this.#takeDue();
  }

  #takeDue(): void {
    const nextMs = this.network.nextDueMs();
    const deliveries = this.network.due(this.nowMs);
    this.trace.push(
      nextMs,
      deliveries.map(({ frame, dueMs }) => [frame.payload, dueMs]),
    );
    for (const { frame, isCopy } of deliveries) {
      const link = `${frame.source}>${frame.destination}`;
      this.delivered.push({ link, payload: frame.payload, isCopy });
    }
  }
}

const anySteps = stepsOf([...keepingOrder, ...breakingOrder]);
const orderlySteps = stepsOf(keepingOrder);

function pendingOf(network: Network<number>): number {
  const counts = allLinks(nodes).map(({ source, destination }) => {
    const { scheduled, held } = network.pending(source, destination);
    return scheduled + held;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

function isConserved(sum: LinkCounters, pending: number): boolean {
  const droppedBy = dropReasons.reduce((drops, reason) => drops + sum.droppedBy[reason], 0);
  const came = sum.submitted + sum.duplicated;
  return came === sum.delivered + sum.dropped + pending && sum.dropped === droppedBy;
}

test('nothing is lost or made up: submitted + duplicated = delivered + dropped + pending', (t) => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const run = new Run();
      for (const step of steps) {
        run.take(step);
        const { network } = run;
        t.true(isConserved(network.totals(), pendingOf(network)));
        for (const { source, destination } of allLinks(nodes)) {
          const { scheduled, held } = network.pending(source, destination);
          t.true(isConserved(network.counters(source, destination), scheduled + held));
        }
      }
      t.is(run.delivered.length, run.network.totals().delivered);
      t.is(run.dropped.length, run.network.totals().dropped);
    }),
  );
});

test('each frame ends once, delivered or dropped, and so does each copy that was counted', (t) => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const run = new Run();
      for (const step of steps) run.take(step);
      run.heal();

      const ends = [...run.delivered, ...run.dropped];
      const originals = ends.filter(({ isCopy }) => !isCopy).map(({ payload }) => payload);
      const { submitted, duplicated } = run.network.totals();
      t.deepEqual(
        originals.sort((some, other) => some - other),
        Array.from({ length: submitted }, (_, place) => place + 1),
      );
      t.is(ends.length, submitted + duplicated);
    }),
  );
});

test('the order of each link is kept under delay, loss, copies, bandwidth and partitions', (t) => {
  fc.assert(
    fc.property(orderlySteps, (steps) => {
      const run = new Run();
      for (const step of steps) run.take(step);
      run.heal();

      const last = new Map<string, number>();
      for (const { link, payload } of run.delivered) {
        t.true(payload >= (last.get(link) ?? 0), `${payload} after ${last.get(link)} on ${link}`);
        last.set(link, payload);
      }
    }),
    { numRuns: 300 },
  );
});

test('due gives exactly what is due, and nextDueMs says when the next is', (t) => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const run = new Run();
      for (const step of steps) run.take(step);
      const { network } = run;
      for (;;) {
        const nextMs = network.nextDueMs();
        if (nextMs === undefined) break;
        if (nextMs > run.nowMs) t.deepEqual(network.due((run.nowMs + nextMs) / 2), []);
        run.nowMs = Math.max(run.nowMs, nextMs);
        const deliveries = network.due(run.nowMs);
        t.true(deliveries.length > 0);
        t.true(
          deliveries.every(({ dueMs, submittedMs }) => dueMs <= run.nowMs && dueMs >= submittedMs),
        );
      }
      t.is(pendingOf(network), network.held().length);
    }),
  );
});

test('after healing everything that waited arrives at once and every link is clean', (t) => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const run = new Run();
      for (const step of steps) run.take(step);
      run.heal();

      t.is(pendingOf(run.network), 0);
      t.is(run.network.cleanLinks().length, 6);
    }),
  );
});

test('a link is clean only if a frame sent now would pass untouched behind nothing', (t) => {
  fc.assert(
    fc.property(anySteps, links, (steps, link) => {
      const run = new Run();
      for (const step of steps) run.take(step);
      fc.pre(run.network.isClean(link.source, link.destination));

      const verdict = run.network.submit(frame(0, { ...link, kind: 'heartbeat' }), run.nowMs);

      t.like(verdict, { outcome: 'passed', copies: 0, isReordered: false, isCorrupted: false });
    }),
  );
});

test('the bounds hold whatever happens', (t) => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const run = new Run();
      for (const step of steps) {
        run.take(step);
        const heldBytes = run.network.held().reduce((sum, { frame }) => sum + frame.byteLength, 0);
        t.true(heldBytes <= 600);
      }
    }),
  );
});

test('the same seed and steps give the same verdicts and deliveries', (t) => {
  fc.assert(
    fc.property(anySteps, fc.integer(), (steps, seed) => {
      const [first, second] = [new Run(seed), new Run(seed)];
      for (const step of steps) {
        first.take(step);
        second.take(step);
      }
      t.deepEqual(first.trace, second.trace);
    }),
  );
});

/** Which of 64 frames of a link survive a rule that loses half of them. */
function survivors(
  prepare: (network: Network<number>) => void,
  seed: number | string = 1,
): number[] {
  const network = new Network<number>({ nodes, seed });
  prepare(network);
  const passed: number[] = [];
  for (let number = 1; number <= 64; number++) {
    // Traffic on other links, which must not matter.
    for (let other = 0; other < number % 3; other++) {
      network.submit(frame(0, { source: 'n2', destination: 'n3' }), number);
    }
    const verdict = network.submit(frame(number), number);
    if (!(verdict.outcome === 'dropped' && verdict.reason === 'loss')) passed.push(number);
  }
  return passed;
}

const half: Effect = { kind: 'drop', rate: 0.5 };

test('different seeds give different draws', (t) => {
  const seeds = [1, 2, 3, 'a', 'b'];
  const seen = seeds.map((seed) => survivors((network) => network.install({ effect: half }), seed));

  t.is(new Set(seen.map((passed) => passed.join())).size, seeds.length);
});

test('two rules of one network draw differently', (t) => {
  const first = survivors((network) => network.install({ effect: half }));
  const second = survivors((network) => {
    network.install({ effect: half }).release();
    network.install({ effect: half });
  });

  t.notDeepEqual(first, second);
});

test('a rule draws the same whatever is installed beside it, or happens on other links', (t) => {
  const alone = survivors((network) => network.install({ effect: half }));
  const beside = survivors((network) => {
    network.install({ effect: half });
    network.install({ effect: { kind: 'delay', delay: { kind: 'exponential', meanMs: 5 } } });
    network.install({ effect: { kind: 'duplicate', rate: 0.5 } });
    network.install({ effect: { kind: 'corrupt', rate: 0.5 } });
    network.partition([{ source: 'n2', destination: 'n1' }]);
  });

  t.true(alone.length > 20 && alone.length < 44);
  t.deepEqual(beside, alone);
});

test('a rule draws on where it was when others come and go', (t) => {
  const alone = survivors((network) => network.install({ effect: half }));
  const network = new Network<number>({ nodes, seed: 1 });
  network.install({ effect: half });
  const passed: number[] = [];

  for (let number = 1; number <= 64; number++) {
    using _other = network.install({ effect: { kind: 'delay', delay: 1 } });
    if (network.submit(frame(number), number).outcome !== 'dropped') passed.push(number);
  }

  t.deepEqual(passed, alone);
});

test('a rule draws for each link by itself', (t) => {
  const network = new Network<number>({ nodes, seed: 1 });
  network.install({ effect: half });
  const passedOn = (link: Partial<Link>): string =>
    Array.from({ length: 64 }, () => network.submit(frame(0, link), 0).outcome).join();

  const seen = new Set(allLinks(nodes).map(passedOn));

  t.is(seen.size, 6);
});

test('delays are the same whether another rule loses or repeats frames or not', (t) => {
  const delaysWith = (...effects: Effect[]): Map<number, number> => {
    const network = new Network<number>({ nodes, seed: 1 });
    network.install({ effect: { kind: 'reorder', withinMs: 50 } });
    for (const effect of effects) network.install({ effect });
    for (let number = 1; number <= 50; number++) network.submit(frame(number), 0);
    const originals = network.due(100).filter(({ isCopy }) => !isCopy);
    return new Map(originals.map(({ frame, dueMs }) => [frame.payload, dueMs]));
  };
  const alone = delaysWith();

  const beside = delaysWith({ kind: 'duplicate', copies: 2 }, half);

  t.true(beside.size > 10 && beside.size < 40);
  for (const [number, dueMs] of beside) t.is(alone.get(number), dueMs);
});

test('a rule with a seed of its own draws the same in any network and at any place', (t) => {
  const first = survivors((network) => network.install({ effect: half, seed: 'mine' }));
  const later = survivors((network) => {
    network.install({ effect: { kind: 'delay', delay: 1 } });
    network.install({ effect: half, seed: 'mine' });
  }, 99);

  t.deepEqual(first, later);
});
