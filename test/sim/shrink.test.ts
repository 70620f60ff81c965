import { execFile } from 'node:child_process';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { testSource, timelineOf } from '../../src/sim/report.js';
import type { Scenario } from '../../src/sim/scenario.js';
import { shrinkScenario } from '../../src/sim/shrink.js';
import { type RunResult, runScenario } from '../../src/sim/simulation.js';
import { drawScenario } from '../../src/sim/swarm.js';

const nothing: Omit<RunResult, 'violation'> = {
  seed: 1,
  history: [],
  verdict: 'unknown',
  digest: '',
  counts: {
    simulatedMs: 0,
    events: 0,
    deliveries: 0,
    ok: 0,
    fail: 0,
    info: 0,
    elections: 0,
    committed: 0,
    reached: {},
    agreedAfterMs: 0,
  },
};

/** A world in which exactly the scenarios that `breaks` says break something. */
function world(breaks: (scenario: Scenario) => boolean) {
  return (scenario: Scenario): Promise<RunResult> =>
    Promise.resolve(
      breaks(scenario)
        ? { ...nothing, violation: { invariant: 'i', text: 't', atMs: scenario.safetyMs } }
        : nothing,
    );
}

/** Gives a program a source on standard input, to be formatted. */
function run(program: string, source: string): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const words = ['format', '--stdin-file-path=test/sim/seed.test.ts'];
    const child = execFile(program, words, (_error, stdout, stderr) => {
      resolve({ stdout, stderr });
    });
    child.stdin?.end(source);
  });
}

test('what does not matter is left out: calls, faults, nodes, clients, time', async (t) => {
  const drawn = drawScenario(34);
  const culprit = drawn.operations[Math.floor(drawn.operations.length / 2)];
  const fault = drawn.faults.at(-1);
  const run = world(({ operations, faults, nodes }) => {
    const hasCulprit = operations.some(({ value, key }) => {
      return value === culprit?.value && key === culprit?.key;
    });
    return nodes >= 2 && hasCulprit && faults.some(({ at }) => at === fault?.at);
  });

  const shrunk = await shrinkScenario(drawn, { run });

  t.true(drawn.faults.length > 3 && drawn.nodes > 2);
  t.is(shrunk?.scenario.operations.length, 1);
  t.is(shrunk?.scenario.faults.length, 1);
  t.is(shrunk?.scenario.nodes, 2);
  t.is(shrunk?.scenario.clients, 1);
  t.true((shrunk?.scenario.safetyMs ?? 0) <= drawn.safetyMs);
});

test('a scenario that breaks nothing cannot be shrunk', async (t) => {
  t.is(await shrinkScenario(drawScenario(1), { run: world(() => false) }), undefined);
});

test('a smaller scenario that breaks another invariant is another bug', async (t) => {
  const drawn = drawScenario(34);
  const run = (scenario: Scenario): Promise<RunResult> => {
    const invariant = scenario.operations.length === drawn.operations.length ? 'one' : 'other';
    return Promise.resolve({ ...nothing, violation: { invariant, text: '', atMs: 1e6 } });
  };

  const shrunk = await shrinkScenario(drawn, { run });

  t.is(shrunk?.scenario.operations.length, drawn.operations.length);
  t.is(shrunk?.scenario.faults.length, 0);
});

test('no more runs are spent than allowed', async (t) => {
  let runs = 0;
  const run = world(() => {
    runs += 1;
    return true;
  });

  const shrunk = await shrinkScenario(drawScenario(34), { run, runsMax: 10 });

  t.true(runs <= 10);
  t.is(shrunk?.runs, runs);
});

test('a real run is shrunk to a scenario, a test and a timeline that show the same', async (t) => {
  const drawn = drawScenario(2);
  const crash = { at: 5, until: drawn.safetyMs, fault: { kind: 'crash', nodes: 'all' } } as const;
  const scenario = { ...drawn, faults: [...drawn.faults, crash], livenessMs: 5 };

  const shrunk = await shrinkScenario(scenario, { runsMax: 200 });

  t.truthy(shrunk);
  if (shrunk === undefined) return;
  t.deepEqual((await runScenario(shrunk.scenario)).violation, shrunk.violation);
  t.true(shrunk.scenario.operations.length < drawn.operations.length / 4);
  const source = testSource(2, shrunk.scenario, shrunk.violation);
  const [, text = ''] = /const scenario: Scenario = (\{.*?\n\});\n/s.exec(source) ?? [];
  const written = runInNewContext(`JSON.stringify(${text})`) as string;
  t.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(shrunk.scenario)));
  t.regex(source, /Broke 'the cluster comes to rest/);
  const timeline = await timelineOf(2, shrunk.scenario);
  t.regex(timeline, /^seed 2 of the swarm, made small; nodes: \d+, .*\nbroke 'the cluster comes/);
  t.regex(await timelineOf(2, scenario), /fault \d+ begins: .*"crash","nodes":"all"\} \(n1 /);
  t.regex(timeline, /violation: the cluster comes to rest.*\n.* {2}then n1 /);
});

/** The first line in which two texts differ. */
function firstDifference(one: string, other: string): string | undefined {
  const others = other.split('\n');
  return one
    .split('\n')
    .find((line, at) => line !== others[at])
    ?.slice(0, 120);
}

test('what is written is formatted as the project is, whatever a scenario holds', async (t) => {
  const violation = {
    invariant: 'i',
    text: `${'word '.repeat(40)}\n*/ '${'x'.repeat(120)}`,
    atMs: 1,
  };
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const source = testSource(seed, drawScenario(seed), violation);

    // A name in a folder of the project: its settings are used.
    const { stdout, stderr } = await run('node_modules/.bin/biome', source);

    t.is(firstDifference(stdout, source), undefined, stderr);
  }
});

test('an abort ends the shrinking with the smallest scenario so far', async (t) => {
  const abort = new AbortController();
  let runs = 0;
  const breaks = world(() => {
    runs += 1;
    if (runs === 20) abort.abort();
    return true;
  });

  const shrunk = await shrinkScenario(drawScenario(34), { run: breaks, signal: abort.signal });

  t.is(runs, 20);
  t.true((shrunk?.scenario.operations.length ?? 0) < drawScenario(34).operations.length);
});
