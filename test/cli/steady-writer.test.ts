import test from 'ava';
import { SteadyWriter, type Verified } from '../../benchmarks/steady-writer.js';
import { RaftError } from '../../src/errors.js';
import type { Store, Value } from '../../src/store/store.js';

type Fault = 'none' | 'lost' | 'rejected' | 'undead' | 'unknown' | 'unknown but done';

/** A store that does to its first writes what `faults` says, and keeps all others. */
function storeWith(faults: readonly Fault[]): Store {
  const values = new Map<string, Value>();
  let writes = 0;
  const set = (key: string, value: Value): Promise<{ index: number }> => {
    const fault = faults[writes] ?? 'none';
    writes += 1;
    if (fault === 'none' || fault === 'undead' || fault === 'unknown but done') {
      values.set(key, value);
    }
    if (fault === 'none' || fault === 'lost') return Promise.resolve({ index: writes });
    const outcome = fault.startsWith('unknown') ? 'unknown' : 'rejected';
    return Promise.reject(new RaftError('RAFT_TIMEOUT', fault, { details: { outcome } }));
  };
  const getMany = (keys: Iterable<string>): Promise<(Value | undefined)[]> =>
    Promise.resolve(Array.from(keys, (key) => values.get(key)));
  return { set, getMany } as unknown as Store;
}

/** Writes until something was acknowledged behind all faults, then reads everything back. */
async function verified(faults: readonly Fault[]): Promise<Verified> {
  const writer = new SteadyWriter(storeWith(faults), { prefix: 'w', rate: 20_000 });
  while (writer.acknowledged < faults.length + 1) await writer.nextAcknowledged();
  writer.stop();
  await writer.settled();
  return writer.verify();
}

test('a store that keeps its word is found to have lost nothing', async (t) => {
  const { acknowledged, ...rest } = await verified([]);

  t.true(acknowledged > 0);
  t.deepEqual(rest, { lost: 0, rejected: 0, undead: 0, unknown: 0, unknownDone: 0 });
});

test('what was acknowledged and is not there is lost; what was rejected and is there, undead', async (t) => {
  const faults: Fault[] = ['lost', 'rejected', 'undead', 'undead', 'unknown', 'unknown but done'];

  const { acknowledged, ...rest } = await verified(faults);

  t.true(acknowledged > faults.length);
  t.deepEqual(rest, { lost: 1, rejected: 3, undead: 2, unknown: 2, unknownDone: 1 });
});

test('an acknowledgement counts only for a write that was sent after the question', async (t) => {
  const answers: ((result: { index: number }) => void)[] = [];
  const set = (): Promise<{ index: number }> =>
    new Promise((resolve) => {
      answers.push(resolve);
    });
  const settleMicrotasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const writer = new SteadyWriter({ set } as unknown as Store, { prefix: 'w', rate: 1_000 });
  while (answers.length === 0) await settleMicrotasks();
  let isResolved = false;

  const resumed = writer.nextAcknowledged().then(() => {
    isResolved = true;
  });
  for (const answer of answers.splice(0)) answer({ index: 1 });
  await settleMicrotasks();
  t.false(isResolved);

  while (answers.length === 0) await settleMicrotasks();
  writer.stop();
  for (const answer of answers.splice(0)) answer({ index: 2 });
  await resumed;
  t.true(isResolved);
});

test('whoever waits for an acknowledgement can leave', async (t) => {
  const set = (): Promise<never> => new Promise(() => {});
  const writer = new SteadyWriter({ set } as unknown as Store, { prefix: 'w', rate: 1_000 });
  t.teardown(() => writer.stop());
  const leaving = new AbortController();

  const resumed = writer.nextAcknowledged(leaving.signal);
  leaving.abort(new Error('enough'));

  await t.throwsAsync(resumed, { message: 'enough' });
});
