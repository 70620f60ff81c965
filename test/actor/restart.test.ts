import test from 'ava';
import {
  backoffMs,
  decideRestart,
  isRestarted,
  planRestart,
  type RestartLimits,
  recentDeaths,
  type Sibling,
} from '../../src/actor/restart.js';

const limits: RestartLimits = {
  intensity: 2,
  periodMs: 1_000,
  backoff: { initialMs: 10, factor: 3, maxMs: 50 },
};

for (const [type, reason, expected] of [
  ['permanent', 'normal', true],
  ['permanent', 'error', true],
  ['permanent', 'crashed', true],
  ['transient', 'normal', false],
  ['transient', 'error', true],
  ['transient', 'crashed', true],
  ['temporary', 'normal', false],
  ['temporary', 'error', false],
  ['temporary', 'crashed', false],
] as const) {
  test(`a ${type} child that ended '${reason}' is ${expected ? '' : 'not '}restarted (OTP)`, (t) => {
    t.is(isRestarted(type, reason), expected);
  });
}

for (const [deaths, expectedMs] of [
  [0, 10],
  [1, 10],
  [2, 30],
  [3, 50],
  [9, 50],
] as const) {
  test(`death ${deaths} in a row waits ${expectedMs} ms`, (t) => {
    t.is(backoffMs(deaths, limits.backoff), expectedMs);
  });
}

test('as many deaths as the intensity allows are restarts, one more gives up (OTP)', (t) => {
  t.deepEqual(decideRestart([], 100, limits), { kind: 'restart', afterMs: 10 });
  t.deepEqual(decideRestart([100], 100, limits), { kind: 'restart', afterMs: 10 });
  t.deepEqual(decideRestart([50, 100], 100, limits), { kind: 'restart', afterMs: 30 });
  t.deepEqual(decideRestart([0, 50, 100], 100, limits), { kind: 'give-up' });
});

test('deaths older than the period count neither for giving up nor for the wait', (t) => {
  t.deepEqual(decideRestart([0, 50, 1_000], 1_000, limits), { kind: 'restart', afterMs: 30 });
  t.deepEqual(decideRestart([0, 50, 1_050], 1_050, limits), { kind: 'restart', afterMs: 10 });
  t.deepEqual(recentDeaths([0, 1, 2], 1_001, limits), [2]);
});

test('an intensity of 0 never restarts after a death that counts', (t) => {
  t.deepEqual(decideRestart([5], 5, { ...limits, intensity: 0 }), { kind: 'give-up' });
});

const children: readonly Sibling[] = [
  { id: 'a', restart: 'permanent', isAlive: true },
  { id: 'b', restart: 'temporary', isAlive: true },
  { id: 'c', restart: 'transient', isAlive: false },
  { id: 'd', restart: 'permanent', isAlive: false },
  { id: 'e', restart: 'transient', isAlive: true },
];

test('one-for-one starts the dead child alone', (t) => {
  t.deepEqual(planRestart('one-for-one', children, 'd'), { stop: [], start: ['d'] });
});

test('one-for-all stops the living in reverse and starts them in order (OTP)', (t) => {
  const plan = planRestart('one-for-all', children, 'd');

  t.deepEqual(plan.stop, ['e', 'b', 'a']);
  t.deepEqual(plan.start, ['a', 'd', 'e'], 'not the temporary one, nor one that was down before');
});
