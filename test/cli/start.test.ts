import test from 'ava';
import { balsa, eventsOf } from './balsa.js';

test.serial(
  'balsa start --json tells the whole story, one event a line, and ends with its sum',
  async (t) => {
    const ended = await balsa(['start', '--json', '--seconds', '0.3', '--seed', '7']);
    t.is(ended.stderr, '');
    t.is(ended.exitCode, 0);

    const events = eventsOf(ended.stdout);
    const kinds = events.map(({ event }) => event);
    const find = (kind: string): Record<string, unknown> =>
      events.find(({ event }) => event === kind) ?? t.fail(`no ${kind}`);

    t.is(kinds[0], 'cluster-started');
    t.is(kinds.at(-1), 'summary');
    t.is(kinds.filter((kind) => kind === 'summary').length, 1);
    t.is(kinds.filter((kind) => kind === 'leader-elected').length, 3);
    t.is(kinds.filter((kind) => kind === 'writes-resumed').length, 2);
    for (const kind of ['leader-killed', 'leader-isolated', 'write-refused', 'converged']) {
      t.true(kinds.includes(kind), kind);
    }
    t.is(find('cluster-started')['seed'], 7);
    const times = events.map(({ at }) => at as number);
    t.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    t.is(find('checked')['lost'], 0);
    t.true((find('benchmark')['opsPerSecond'] as number) > 0);
    const { acknowledged, lost, undead, elections } = find('summary');
    t.true((acknowledged as number) > (find('checked')['acknowledged'] as number));
    t.deepEqual({ lost, undead }, { lost: 0, undead: 0 });
    t.true((elections as number) >= 3);
  },
);

test.serial('balsa alone is the demonstration, in plain text off a terminal', async (t) => {
  const ended = await balsa(['--seconds', '0.3', '--nodes', '5']);

  t.is(ended.stderr, '');
  t.is(ended.exitCode, 0);
  t.false(ended.stdout.includes('\u001b'));
  t.regex(ended.stdout, /^5 nodes in one process/);
  t.regex(ended.stdout, /killed {3}the thread of n\d/);
  t.regex(ended.stdout, /not acknowledged: RAFT_TIMEOUT, (rejected|unknown)/);
  t.regex(ended.stdout, /[\d,]+ committed sets a second/);
  t.regex(
    ended.stdout,
    /\nNothing was lost: [\d,]+ acknowledged writes, \d+ elections, [\d.]+ s\.\n$/,
  );
  t.deepEqual(
    ended.stdout.split('\n').filter((line) => line.length > 100),
    [],
  );
});

test.serial('what the cluster forgets is found, and the demonstration has failed', async (t) => {
  const args = ['start', '--json', '--seconds', '0.1'];
  const ended = await balsa(args, { preload: 'forgetful' });

  t.is(ended.exitCode, 1);
  t.true((eventsOf(ended.stdout).at(-1)?.['lost'] as number) > 0);
});
