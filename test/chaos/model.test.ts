import test from 'ava';
import { checkCalls } from '../../src/chaos/call-check.js';
import { appendModel, bankModel, type Call, casModel, type Model } from '../../src/chaos/model.js';

type Turn = readonly [input: object, output?: unknown];

/** One call after the other. */
function inTurn<Input, Output>(
  ...calls: readonly (readonly [Input, Output?])[]
): Call<Input, Output>[] {
  return calls.map(([input, output], at) => {
    const given = output === undefined ? {} : { output };
    return { input, ...given, outcome: 'ok', invokedAt: 2 * at, completedAt: 2 * at + 1 };
  });
}

test('append: a list is read as it was appended to', (t) => {
  const append = (value: number): [{ kind: 'append'; value: number }] => [
    { kind: 'append', value },
  ];
  const read = (list: number[]): [{ kind: 'read' }, number[]] => [{ kind: 'read' }, list];
  const verdict = (...calls: Turn[]): string =>
    checkCalls(appendModel, inTurn(...calls) as never).verdict;

  t.is(verdict(append(1), append(2), read([1, 2])), 'linearizable');
  t.is(verdict(append(1), append(2), read([2, 1])), 'illegal', 'in another order');
  t.is(verdict(append(1), append(2), read([2])), 'illegal', 'a lost update');
  t.is(verdict(append(1), read([1, 1])), 'illegal', 'applied twice');
});

test('append: one of unknown outcome may come at any later time, once', (t) => {
  const unknown = { input: { kind: 'append', value: 9 }, outcome: 'info', invokedAt: 0 } as const;
  const reads = (...lists: number[][]): Call<never, never>[] =>
    inTurn(...lists.map((list) => [{ kind: 'read' }, list] as const)) as never;
  const verdict = (...lists: number[][]): string =>
    checkCalls(appendModel, [...reads(...lists), unknown]).verdict;

  t.is(verdict([], [], [9]), 'linearizable');
  t.is(verdict([], []), 'linearizable');
  t.is(verdict([9], []), 'illegal');
  t.is(verdict([9], [9, 9]), 'illegal');
});

test('cas: a register with a value from the start', (t) => {
  const verdict = (...calls: Turn[]): string =>
    checkCalls(casModel, inTurn(...calls) as never).verdict;
  const cas = (expected: number, value: number): object => ({ kind: 'cas', expected, value });

  t.is(verdict([{ kind: 'read' }, 0], [cas(0, 1), true], [{ kind: 'read' }, 1]), 'linearizable');
  t.is(
    verdict([cas(1, 2), false], [{ kind: 'write', value: 1 }], [cas(1, 2), true]),
    'linearizable',
  );
  t.is(verdict([cas(1, 2), true]), 'illegal', 'a dirty cas');
  t.is(verdict([cas(0, 1), false]), 'illegal');
});

test('bank: money is neither made nor lost, and no account falls below 0', (t) => {
  const model = bankModel({ a: 10, b: 0 });
  const pay = (amount: number): object => ({ kind: 'transfer', from: 'a', to: 'b', amount });
  const verdict = (...calls: Turn[]): string =>
    checkCalls(model, inTurn(...calls) as never).verdict;

  t.is(verdict([pay(4), true], [{ kind: 'read' }, { a: 6, b: 4 }]), 'linearizable');
  t.is(verdict([pay(4), true], [{ kind: 'read' }, { b: 4, a: 6 }]), 'linearizable');
  t.is(verdict([pay(4), true], [{ kind: 'read' }, { a: 6, b: 0 }]), 'illegal', 'half of it');
  t.is(verdict([pay(6), true], [pay(6), true]), 'illegal');
  t.is(verdict([pay(6), true], [pay(6), false]), 'linearizable');
});

test('a model of one’s own: a queue', (t) => {
  type Input = { readonly enqueue: number } | 'dequeue';
  const queue: Model<readonly number[], Input, number> = {
    name: 'queue',
    initial: [],
    step: (state, input, output) => {
      if (input !== 'dequeue') return [...state, input.enqueue];
      return output === undefined || state[0] === output ? state.slice(1) : undefined;
    },
    keyOf: JSON.stringify,
  };
  const concurrent = (...calls: readonly (readonly [Input, number?])[]): Call<Input, number>[] =>
    inTurn<Input, number>(...calls).map((call) => ({ ...call, invokedAt: 0, completedAt: 1 }));

  const both = concurrent([{ enqueue: 1 }], [{ enqueue: 2 }]);
  const first = {
    input: 'dequeue',
    output: 2,
    outcome: 'ok',
    invokedAt: 2,
    completedAt: 3,
  } as const;

  const found = checkCalls(queue, [...both, first]);
  t.is(found.verdict, 'linearizable');
  t.deepEqual(found.order, [1, 0, 2]);
  const again = checkCalls(queue, [...both, first, { ...first, invokedAt: 4, completedAt: 5 }]);
  t.is(again.verdict, 'illegal');
  t.deepEqual(again.stuck, [3]);
  t.is(checkCalls(queue, both, { cacheMax: 0 }).verdict, 'unknown');
});

test('a call that would be passed over by mistake is refused, and so is a time limit that is none', (t) => {
  const read = {
    input: { kind: 'read' },
    output: [1],
    outcome: 'ok',
    invokedAt: 2,
    completedAt: 3,
  };
  const check = (call: object, options = {}): unknown =>
    checkCalls(appendModel, [call] as never, options);

  t.notThrows(() => check(read));
  for (const [change, message] of [
    [{ outcome: undefined }, /^calls\[0\] has the outcome undefined; expected ok, fail or info$/],
    [{ outcome: 'OK' }, /has the outcome OK/],
    [{ invokedAt: '2' }, /has invokedAt 2; expected a time/],
    [{ completedAt: undefined }, /is ok with completedAt undefined; expected a time >= 2/],
    [{ completedAt: 1 }, /is ok with completedAt 1; expected a time >= 2/],
  ] as const) {
    t.throws(() => check({ ...read, ...change }), { code: 'RAFT_INVALID_HISTORY', message });
  }
  for (const options of [{ timeoutMs: Number.NaN }, { timeoutMs: 0 }, { cacheMax: -1 }]) {
    t.throws(() => check(read, options), { code: 'RAFT_INVALID_OPTION' });
  }
});
