import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runBatchTask } from '../../src/chistributed/batch-task.js';
import { Expectation } from '../../src/chistributed/expectation.js';
import { runScript, VirtualRun } from '../../src/chistributed/index.js';
import { systemClock } from '../../src/clock.js';

const examples = fileURLToPath(new URL('../../../examples/chistributed/', import.meta.url));
const scripts = readdirSync(examples).filter((file) => file.endsWith('.chi'));

/** Runs lines on simulated nodes; resolves to what they printed and to the time that passed. */
async function run(lines: string, seed = 1): Promise<{ text: string; ms: number }> {
  const virtual = new VirtualRun({ seed });
  let text = '';
  await runScript({
    input: (async function* () {
      yield* lines.trim().split('\n');
    })(),
    configuration: { overrides: ['nodes=a b c'] },
    createTarget: (nodes) => virtual.createTarget(nodes),
    clock: virtual.clock,
    stdout: {
      write: (piece) => {
        text += piece;
      },
    },
  });
  return { text, ms: virtual.clock.nowMs() };
}

const startAll = 'start -n a\nstart -n b\nstart -n c\nwait -t 2\n';

test('every example prints in virtual time what is expected of it, the same each time', async (t) => {
  t.true(scripts.length > 10);
  for (const script of scripts) {
    const task = { script: examples + script, seed: 5, virtualTime: true, limitMs: 60_000 };

    const first = await runBatchTask(task);
    const second = await runBatchTask(task);

    t.is(first.exitCode, 0, script);
    t.is(first.stdout, second.stdout, script);
    const expected = readFileSync(examples + script.replace('.chi', '.expected'), 'utf8');
    t.is(new Expectation(expected).departure(first.stdout), undefined, script);
    t.true(first.elections > 0, script);
  }
});

test('a wait of an hour takes no time', async (t) => {
  const beganMs = systemClock.nowMs();

  const { text, ms } = await run(`${startAll}set -n a -k x -v 1 --wait\nwait -t 3600`);

  t.regex(text, /^SET id=1 OK: x = 1$/m);
  t.true(ms >= 3_602_000);
  t.true(systemClock.nowMs() - beganMs < 3_600_000 / 10);
});

test('a request without a majority ends after its time, like on threads', async (t) => {
  const { text } = await run(
    `${startAll}fail_node -n a\nset -n a -k x -v 1 --wait\nrecover_node -n a\nwait -t 2\n` +
      'set -n b -k x -v 2 --wait\nget -n a -k x --wait',
  );

  t.regex(text, /ERROR: SET id=1 failed .*no quorum or no leader/);
  t.regex(text, /SET id=2 OK: x = 2/);
  t.regex(text, /GET id=3 OK: x = 2/);
});

test('people’s commands work on simulated nodes, too', async (t) => {
  const { text } = await run(
    `${startAll}leader\ncrash -n a\nstatus\nrestart -n a\npause -n b\nresume -n b\n` +
      'delay -t 0.005\ndrop -r 0.1\nset -n c -k x -v 1 --wait\nseed',
  );

  t.regex(text, /Leader: [abc] \(term \d+\)/);
  t.regex(text, /a.*down/);
  t.regex(text, /SET id=1 OK: x = 1/);
});

test('what a partition holds back is shown', async (t) => {
  const { text } = await run(
    `${startAll}create_partition -p p a\nwait -t 1\nshow_queue\nremove_partition -p p --deliver`,
  );

  t.notRegex(text, /not available/);
});

test('other seeds elect others', async (t) => {
  const leaders = new Set<string>();
  for (let seed = 0; seed < 8; seed += 1) leaders.add((await run(`${startAll}leader`, seed)).text);

  t.true(leaders.size > 1);
});
