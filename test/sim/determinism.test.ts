import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import type { Scenario } from '../../src/sim/scenario.js';
import { runScenario } from '../../src/sim/simulation.js';
import { drawScenario } from '../../src/sim/swarm.js';

const fixture = fileURLToPath(new URL('fixtures/digests.js', import.meta.url));
/** Some with memory, some with slow disks, some with a write-ahead log and disks that fail. */
const seeds = [1, 2, 3, 5, 8, 13, ...seedsOnDisks(3)];

function seedsOnDisks(count: number): number[] {
  const found: number[] = [];
  for (let seed = 14; found.length < count; seed += 1) {
    const { options, faults } = drawScenario(seed);
    if (options.disk && faults.some(({ fault }) => fault.kind === 'disk')) found.push(seed);
  }
  return found;
}

async function traceOf(scenario: Scenario): Promise<{ trace: string; digest: string }> {
  const lines: string[] = [];
  const { digest } = await runScenario(scenario, { trace: (line) => lines.push(line) });
  return { trace: lines.join('\n'), digest };
}

test.serial('the same seed gives the same trace, byte for byte', async (t) => {
  for (const seed of seeds) {
    const first = await traceOf(drawScenario(seed));
    const second = await traceOf(drawScenario(seed));

    t.true(first.trace.length > 10_000);
    t.true(first.trace === second.trace, `seed ${seed}`);
    t.is(first.digest, second.digest);
  }
});

test.serial('another process gives the same trace', async (t) => {
  const here: string[] = [];
  for (const seed of seeds) here.push((await runScenario(drawScenario(seed))).digest);

  const { stdout } = await promisify(execFile)(process.execPath, [fixture, ...seeds.map(String)]);

  t.deepEqual(stdout.trim().split('\n'), here);
  t.is(new Set(here).size, seeds.length);
});

test.serial('a trace that is written down goes the way of one that is not', async (t) => {
  const { digest } = await runScenario(drawScenario(4));

  t.is((await traceOf(drawScenario(4))).digest, digest);
});

test.serial('a scenario is plain data: read back from JSON it gives the same run', async (t) => {
  for (const seed of seeds) {
    const scenario = drawScenario(seed);
    const copy = JSON.parse(JSON.stringify(scenario)) as Scenario;

    t.deepEqual(copy, scenario);
    t.is((await traceOf(copy)).digest, (await traceOf(scenario)).digest);
  }
});

test.serial('runs that go on at the same time do not disturb each other', async (t) => {
  const alone = await runScenario(drawScenario(6));

  const [first, second] = await Promise.all([
    runScenario(drawScenario(6)),
    runScenario(drawScenario(6)),
  ]);

  t.is(first.digest, alone.digest);
  t.is(second.digest, alone.digest);
});

/** Everything that tells time, draws, or calls back by the machine's time, as owner and name. */
const entropy: readonly (readonly [object, string])[] = [
  [globalThis, 'Date'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'setImmediate'],
  [globalThis, 'queueMicrotask'],
  [Math, 'random'],
  [performance, 'now'],
  [process, 'hrtime'],
  [process, 'nextTick'],
  [crypto, 'getRandomValues'],
  [crypto, 'randomUUID'],
  [Atomics, 'wait'],
  [Atomics, 'waitAsync'],
];

for (const seed of [9, ...seedsOnDisks(1)]) {
  test.serial(
    `neither clock nor chance of the machine can be reached from seed ${seed}`,
    async (t) => {
      const clean = await traceOf(drawScenario(seed));
      const touched: string[] = [];
      const originals = entropy.map(([owner, name]) => {
        const descriptor = Object.getOwnPropertyDescriptor(owner, name);
        const poison = (): never => {
          touched.push(name);
          throw new Error(`${name} was reached`);
        };
        Object.defineProperty(owner, name, { configurable: true, writable: true, value: poison });
        return { owner, name, descriptor };
      });

      let digest = '';
      try {
        digest = (await runScenario(drawScenario(seed))).digest;
      } finally {
        for (const { owner, name, descriptor } of originals) {
          if (descriptor === undefined) Reflect.deleteProperty(owner, name);
          else Object.defineProperty(owner, name, descriptor);
        }
      }

      t.deepEqual(touched, []);
      t.is(digest, clean.digest);
    },
  );
}
