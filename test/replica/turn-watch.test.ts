import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { TurnWatch } from '../../src/replica/turn-watch.js';

interface Turn {
  readonly beganMs: number;
  readonly tookMs: number;
  readonly isSaving?: boolean;
}

function note(watch: TurnWatch, { beganMs, tookMs, isSaving = false }: Turn): void {
  watch.begin();
  watch.note({ beganMs, endedMs: beganMs + tookMs, isSaving });
}

test('turns that save are counted apart, each with the longest and the long ones', (t) => {
  using watch = new TurnWatch();

  note(watch, { beganMs: 0, tookMs: 3 });
  note(watch, { beganMs: 10, tookMs: 20, isSaving: true });
  note(watch, { beganMs: 40, tookMs: 5, isSaving: true });
  note(watch, { beganMs: 50, tookMs: 10 });
  const { saving, otherwise } = watch.take();

  t.like(saving, { turns: 2, longestMs: 20, longTurns: 1 });
  t.like(otherwise, { turns: 2, longestMs: 10, longTurns: 0 });
  for (const { own, longestMs } of [saving, otherwise]) {
    if (own !== undefined) t.true(own.longestMs <= longestMs);
  }
});

test('a stretch of saving goes from its first turn to the first one after it', (t) => {
  using watch = new TurnWatch();

  note(watch, { beganMs: 5, tookMs: 1, isSaving: true });
  note(watch, { beganMs: 7, tookMs: 1, isSaving: true });
  const before = watch.take();
  note(watch, { beganMs: 9, tookMs: 1 });
  note(watch, { beganMs: 11, tookMs: 1, isSaving: true });
  note(watch, { beganMs: 13, tookMs: 1 });

  t.deepEqual(before.saved, []);
  t.is(before.savingSinceMs, 5);
  const after = watch.take();
  t.deepEqual(after.saved, [
    { beganMs: 5, endedMs: 9 },
    { beganMs: 11, endedMs: 13 },
  ]);
  t.is(after.savingSinceMs, undefined);
});

test('what was told is not told again', (t) => {
  using watch = new TurnWatch();
  note(watch, { beganMs: 0, tookMs: 30 });
  watch.take();

  const { otherwise, saved } = watch.take();

  t.like(otherwise, { turns: 0, longestMs: 0, longTurns: 0 });
  t.like(otherwise.loopDelayMs, { p99: 0, max: 0 });
  t.deepEqual(saved, []);
});

test('a loop that is held up shows as a delay of its timer', async (t) => {
  using watch = new TurnWatch();
  watch.take();

  for (let turn = 1; turn <= 6; turn += 1) {
    await setTimeout(5);
    if (turn === 3) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
  }

  t.true(watch.take().otherwise.loopDelayMs.max >= 40);
});
