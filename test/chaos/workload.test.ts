import test from 'ava';
import type { HistoryEvent } from '../../src/chaos/event.js';
import { checkHistory } from '../../src/chaos/history-check.js';
import { operationsOf } from '../../src/chaos/operation.js';
import { HistoryRecorder } from '../../src/chaos/recorder.js';
import { parseWorkload, type WorkloadName, workloadNames } from '../../src/chaos/workload.js';
import { Prng } from '../../src/prng.js';
import { type Defect, defects, faultyStore } from './faulty-store.js';
import { HurriedClock } from './hurried-clock.js';

interface Run {
  readonly workload: WorkloadName;
  readonly seed?: number;
  readonly defect?: Defect;
  readonly signal?: AbortSignal;
}

/** Two virtual seconds of eight processes. */
async function record({ workload, seed = 1, defect, signal }: Run): Promise<HistoryEvent[]> {
  const clock = new HurriedClock();
  const events: HistoryEvent[] = [];
  const store = faultyStore({ clock, prng: new Prng(seed), defect });
  const recorder = new HistoryRecorder({
    stores: new Array(8).fill(store),
    workload,
    seed,
    clock,
    endMs: clock.nowMs() + 2_000,
    signal: signal ?? new AbortController().signal,
    onEvent: (event) => events.push(event),
  });
  await recorder.run();
  await recorder.readAll();
  return events;
}

for (const workload of workloadNames) {
  test(`${workload}: what a store does that is right is linearizable`, async (t) => {
    const events = await record({ workload });
    const { verdict } = await checkHistory(operationsOf(events));

    t.is(verdict, 'linearizable');
    const count = (type: HistoryEvent['type']): number =>
      events.filter((event) => event.type === type).length;
    t.true(count('ok') > 500);
    t.true(count('info') > 10, 'writes of unknown outcome');
    t.true(count('fail') > 10);
  });

  for (const defect of defects) {
    if (defect === 'dirty cas' && workload === 'register') continue;
    test(`${workload}: a ${defect} is found`, async (t) => {
      const { verdict } = await checkHistory(operationsOf(await record({ workload, defect })));

      t.is(verdict, 'illegal');
    });
  }
}

test('one seed fixes a history, and another one gives another', async (t) => {
  const first = await record({ workload: 'cas', seed: 5 });

  t.deepEqual(await record({ workload: 'cas', seed: 5 }), first);
  t.notDeepEqual(await record({ workload: 'cas', seed: 6 }), first);
});

test('a process whose operation ended as unknown is not heard of again', async (t) => {
  const events = await record({ workload: 'register' });

  for (const [at, { process, type }] of events.entries()) {
    if (type === 'info') t.false(events.slice(at + 1).some((event) => event.process === process));
  }
});

test('an abort ends the processes, and every operation is completed', async (t) => {
  const abort = new AbortController();
  abort.abort();

  t.deepEqual(await record({ workload: 'bank', signal: abort.signal }), []);
});

test('an append carries the list that was read and one element, a transfer all accounts', async (t) => {
  const casOf = async (workload: WorkloadName): Promise<HistoryEvent[]> =>
    (await record({ workload })).filter(({ op, type }) => op === 'cas' && type === 'invoke');

  for (const { expected, value } of await casOf('append')) {
    t.deepEqual((value as number[]).slice(0, -1), expected ?? []);
  }
  for (const { value } of await casOf('bank')) {
    const total = Object.values(value as Record<string, number>).reduce((sum, one) => sum + one, 0);
    t.is(total, 500);
  }
});

test('a workload that does not exist is refused', (t) => {
  t.is(parseWorkload('--workload', 'bank'), 'bank');
  t.throws(() => parseWorkload('--workload', 'queue'), {
    code: 'RAFT_INVALID_OPTION',
    message: "--workload is 'queue'; expected one of register, cas, append, bank",
  });
});
