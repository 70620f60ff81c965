import { Worker } from 'node:worker_threads';
import test from 'ava';
import { systemClock } from '../src/clock.js';

function fireAfter(delayMs: number): Promise<number> {
  const start = systemClock.nowMs();
  return new Promise((resolve) => {
    systemClock.setTimer(delayMs, () => resolve(systemClock.nowMs() - start));
  });
}

test('a timer never fires before its delay is over, fractions included', async (t) => {
  for (const delayMs of [0, 0.4, 1, 2.5, 7.9]) {
    const tookMs = await fireAfter(delayMs);
    t.true(tookMs >= delayMs, `${delayMs} ms took ${tookMs}`);
  }
});

test('a timer that is set at the end of a millisecond is not early by the rest of it', async (t) => {
  for (let round = 0; round < 30; round++) {
    while (systemClock.nowMs() % 1 < 0.9);

    const tookMs = await fireAfter(2);
    t.true(tookMs >= 2, `${tookMs} ms`);
  }
});

test('a timer that was disposed of does not fire, and may be disposed of again', async (t) => {
  const timer = systemClock.setTimer(1, () => t.fail());
  timer[Symbol.dispose]();
  timer[Symbol.dispose]();

  await fireAfter(5);
  t.pass();
});

test('a delay beyond 2^31 ms does not fire at once (pitfall 32)', async (t) => {
  const fail = (): void => t.fail();
  process.on('warning', fail);
  const timer = systemClock.setTimer(2 ** 31 + 1_000, fail);

  await fireAfter(5);
  timer[Symbol.dispose]();
  process.off('warning', fail);
  t.pass();
});

test('a delay that is no time is refused', (t) => {
  for (const delayMs of [-1, Number.NaN]) {
    t.throws(() => systemClock.setTimer(delayMs, () => {}), { instanceOf: RangeError });
  }
});

// A thread of its own: only there can it be seen whether a timer keeps one alive.
test('a timer keeps its thread alive, unless it says that it does not', async (t) => {
  const clock = new URL('../src/clock.js', import.meta.url).href;
  const run = (delayMs: number, options: string): Promise<number> => {
    const program = `import(${JSON.stringify(clock)}).then(({ systemClock }) => {
      systemClock.setTimer(${delayMs}, () => process.exit(7), ${options});
    });`;
    const worker = new Worker(program, { eval: true });
    return new Promise((resolve) => worker.once('exit', resolve));
  };

  t.is(await run(30, '{}'), 7);
  t.is(await run(86_400_000, '{ keepsAlive: false }'), 0);
});

// A thread of its own: performance.now() would begin at 0 in it.
test('the time of two threads can be compared', async (t) => {
  const clock = new URL('../src/clock.js', import.meta.url).href;
  const program = `import(${JSON.stringify(clock)}).then(({ systemClock }) => {
    require('node:worker_threads').parentPort.postMessage(systemClock.nowMs());
  });`;
  const before = systemClock.nowMs();

  const worker = new Worker(program, { eval: true });
  const between = await new Promise<number>((resolve) => worker.once('message', resolve));

  t.true(before <= between && between <= systemClock.nowMs());
});
