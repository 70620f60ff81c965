import test from 'ava';
import fc from 'fast-check';
import { checkCalls } from '../../src/chaos/call-check.js';
import type { Nanoseconds } from '../../src/chaos/event.js';
import { checkHistory } from '../../src/chaos/history-check.js';
import { type RegisterInput, registerModel } from '../../src/chaos/model.js';
import { type Operation, operationsOf } from '../../src/chaos/operation.js';
import { Prng } from '../../src/prng.js';
import { isLinearizable, outputOf } from './brute-force.js';
import { drawHistory, drawShape } from './random-history.js';

function callOf(operation: Operation): Parameters<typeof checkCalls>[1][number] {
  const { outcome, error, invokedAt, completedAt } = operation;
  const isMismatch = outcome === 'fail' && error === 'precondition';
  const input = operation as RegisterInput;
  const output = outputOf(operation);
  return { input, output, outcome: isMismatch ? 'ok' : outcome, invokedAt, completedAt };
}

/** Both verdicts have to come up, or nothing was compared. */
test('both searches agree with one that tries every order, on small random histories', async (t) => {
  const counts = { linearizable: 0, illegal: 0, unknown: 0 };
  const property = fc.asyncProperty(fc.integer(), async (seed) => {
    const prng = new Prng(seed);
    const operations = operationsOf(drawHistory(prng, drawShape(prng, 7)));

    const expected = isLinearizable(operations) ? 'linearizable' : 'illegal';
    counts[expected] += 1;
    t.is((await checkHistory(operations)).verdict, expected);
    t.is(checkCalls(registerModel, operations.map(callOf) as never).verdict, expected);
  });

  await fc.assert(property, { numRuns: 5_000 });
  t.true(counts.illegal > 500);
  t.true(counts.linearizable > 500);
});

test('the fast search agrees with the plain one on longer histories', async (t) => {
  const property = fc.asyncProperty(fc.integer(), async (seed) => {
    const prng = new Prng(seed);
    const shape = { ...drawShape(prng, 30), operations: 30, lieRate: prng.pick([0, 0.03]) };
    const operations = operationsOf(drawHistory(prng, shape));

    const plain = checkCalls(registerModel, operations.map(callOf) as never, { timeoutMs: 200 });
    const { verdict } = await checkHistory(operations);
    if (plain.verdict !== 'unknown') t.is(verdict, plain.verdict);
  });

  await fc.assert(property, { numRuns: 300 });
});

/** Each of these was judged wrongly by a search with one rule a little off. */
const pinned = [48, 144, 498, 2152, 5041, 7939, 7998, 8672, 12603, 17008, 19986];

for (const seed of pinned) {
  test(`a history that is hard to judge, seed ${seed}: linearizable`, async (t) => {
    const prng = new Prng(seed);
    const operations = 8 + (seed % 50);
    const shape = {
      ...drawShape(prng, operations),
      operations,
      processes: 2 + (seed % 9),
      lieRate: [0, 0, 0.02, 0.05][seed % 4] ?? 0,
      infoRate: [0, 0.2, 0.5, 0.8][(seed >> 2) % 4] ?? 0,
    };

    const { verdict } = await checkHistory(operationsOf(drawHistory(prng, shape)));
    t.is(verdict, 'linearizable');
  });
}

test('a history that is hard to judge: writes of one value with one reader', async (t) => {
  const prng = new Prng('big836');
  const shape = {
    ...drawShape(prng, 60),
    processes: prng.int(2, 10),
    operations: prng.int(10, 60),
    lieRate: prng.pick([0, 0, 0.02, 0.1]),
  };

  const { verdict } = await checkHistory(operationsOf(drawHistory(prng, shape)));
  t.is(verdict, 'linearizable');
});

test('what is called a linearization is one', async (t) => {
  const property = fc.asyncProperty(fc.integer(), async (seed) => {
    const prng = new Prng(seed);
    const shape = { ...drawShape(prng, 60), operations: 60, processes: prng.int(1, 8) };
    const operations = operationsOf(drawHistory(prng, shape));

    const { keys } = await checkHistory(operations);
    for (const { linearization, verdict, stuck } of keys) {
      t.is(stuck.length, verdict === 'linearizable' ? 0 : 1);
      let state = registerModel.initial;
      let latestCall = Number.NEGATIVE_INFINITY;
      for (const operation of linearization) {
        // An operation that was open at the end of a legal beginning may have done what it could.
        const output = verdict === 'linearizable' ? outputOf(operation) : undefined;
        const next = registerModel.step(state, operation as RegisterInput, output);
        if (next === undefined) return void t.fail('an operation with another result');
        state = next;
        latestCall = Math.max(latestCall, Number(operation.invokedAt));
        const end = operation.outcome === 'info' ? undefined : operation.completedAt;
        if (end !== undefined) t.true(Number(end) >= latestCall, 'placed after its return');
      }
      if (verdict !== 'linearizable') continue;
      const required = operations.filter(
        ({ op, outcome, error }) =>
          outcome === 'ok' || (op === 'cas' && outcome === 'fail' && error === 'precondition'),
      );
      t.true(required.every((operation) => linearization.includes(operation)));
    }
  });

  await fc.assert(property, { numRuns: 300 });
});

test('an illegal history is so from the operation on that is named, and not before', async (t) => {
  let illegal = 0;
  const property = fc.asyncProperty(fc.integer(), async (seed) => {
    const prng = new Prng(seed);
    const shape = { ...drawShape(prng, 8), lieRate: 0.3 };
    const events = drawHistory(prng, shape);
    const { keys } = await checkHistory(operationsOf(events));
    const culprit = keys[0]?.stuck[0];
    if (culprit === undefined) return;

    illegal += 1;
    const end = culprit.completedAt ?? 0;
    // What failed later, or found nothing to delete, has had no effect, which is known now.
    const idle = operationsOf(events).filter(
      ({ outcome, op, result }) => outcome === 'fail' || (op === 'delete' && result === false),
    );
    const idleLines = new Set(idle.map(({ line }) => line));
    // Events are in the order of their times, so those of a beginning keep their lines.
    const beginning = (isIn: (time: Nanoseconds) => boolean): Operation[] =>
      operationsOf(events.filter(({ time }) => isIn(time))).filter(
        ({ outcome, line }) => outcome !== 'info' || !idleLines.has(line),
      );
    t.false(isLinearizable(beginning((time) => time <= end)));
    t.true(isLinearizable(beginning((time) => time < end)));
  });

  await fc.assert(property, { numRuns: 2_000 });
  t.true(illegal > 200);
});
