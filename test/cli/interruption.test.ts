import test, { type ExecutionContext } from 'ava';
import { type Ended, lineWith, type Running, start } from './balsa.js';

/** Starts the demonstration and waits until it is in the middle of its story. */
async function inTheMiddle(preload?: string): Promise<Running> {
  const running = start(['start', '--json'], preload === undefined ? {} : { preload });
  await lineWith(running, '"event":"leader-killed"');
  return running;
}

function assertGone(t: ExecutionContext, { process: child }: Running): void {
  t.throws(() => process.kill(child.pid as number, 0), { code: 'ESRCH' });
}

const signals = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

for (const [signal, exitCode] of signals) {
  test.serial(`${signal} closes the cluster and ends with ${exitCode}, quietly`, async (t) => {
    const running = await inTheMiddle();

    running.process.kill(signal);
    const ended = await running.ended;

    t.is(ended.exitCode, exitCode);
    t.is(ended.stderr, '');
    t.false(ended.stdout.includes('"event":"summary"'));
    assertGone(t, running);
  });
}

const benchmarks = [
  ['bench', '--seconds', '40', '--json'],
  ['bench', '--seconds', '40', '--json', '--clients', '2'],
  ['bench', 'failover', '--kills', '1000', '--json'],
];

for (const args of benchmarks) {
  test.serial(`SIGINT ends balsa ${args.join(' ')} with 130 and without a report`, async (t) => {
    const running = start(args, { preload: 'tells-of-leaders' });
    await lineWith(running, 'a leader is there');

    running.process.kill('SIGINT');
    const ended = await running.ended;

    t.is(ended.exitCode, 130);
    t.is(ended.stderr, '');
    t.false(ended.stdout.includes('{'));
    assertGone(t, running);
  });
}

test.serial('a second signal does not wait for the cluster to close', async (t) => {
  const running = await inTheMiddle('never-closes');

  running.process.kill('SIGINT');
  await lineWith(running, 'closing');
  running.process.kill('SIGTERM');
  const ended = await running.ended;

  // The exit code is that of the second one: the first one was still at work.
  t.is(ended.exitCode, 143);
  assertGone(t, running);
});

test.serial(
  'a cluster that does not close in time is left to the end of the process',
  async (t) => {
    const running = await inTheMiddle('never-closes');

    running.process.kill('SIGINT');
    const ended = await running.ended;

    t.is(ended.exitCode, 130);
    assertGone(t, running);
  },
);

test.serial('a reader that goes away ends the command without a word', async (t) => {
  const running = await inTheMiddle();

  running.process.stdout?.destroy();
  const ended: Ended = await running.ended;

  t.is(ended.exitCode, 0);
  t.is(ended.stderr, '');
  assertGone(t, running);
});
