/**
 * How fast does virtual time pass, and what does one event of a simulated cluster cost?
 *
 *     node dist/benchmarks/simulation.js [--seeds 200] [--first 1] [--json]
 *
 * `swarm` runs seeds as `balsa sim` draws them, with all their faults and checks, on one thread;
 * `calm` runs a cluster of three nodes without faults, at 100 calls a simulated second. Figures by
 * `CpuSecond` are those of a machine that has nothing else to do. Without arguments it runs for an
 * instant, to show that it runs.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.js';
import type { PlannedOperation, Scenario } from '../src/sim/scenario.js';
import { runScenario } from '../src/sim/simulation.js';
import { drawScenario } from '../src/sim/swarm.js';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    first: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const seeds = Number(options.seeds);
const first = Number(options.first);

/** What one kind of scenario came to; `--json` prints them as `{ kinds }`. */
export interface SimulationFigures {
  readonly name: string;
  readonly seedsPerSecond: number;
  readonly simulatedSecondsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly framesPerSecond: number;
  readonly simulatedSecondsPerCpuSecond: number;
  readonly eventsPerCpuSecond: number;
}

const kinds = [await measure('swarm', (seed) => drawScenario(seed)), await measure('calm', calm)];
const lines = options.json ? [{ kinds }] : kinds;
for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);

async function measure(
  name: string,
  scenarioOf: (seed: number) => Scenario,
): Promise<SimulationFigures> {
  let simulatedMs = 0;
  let events = 0;
  let deliveries = 0;
  const startedMs = systemClock.nowMs();
  const startedCpu = process.cpuUsage();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { counts } = await runScenario(scenarioOf(seed));
    simulatedMs += counts.simulatedMs;
    events += counts.events;
    deliveries += counts.deliveries;
  }
  const ms = systemClock.nowMs() - startedMs;
  const { user, system } = process.cpuUsage(startedCpu);
  const cpuMs = (user + system) / 1_000;
  return {
    name,
    seedsPerSecond: Math.round((10_000 * seeds) / ms) / 10,
    simulatedSecondsPerSecond: Math.round(simulatedMs / ms),
    eventsPerSecond: Math.round((1_000 * events) / ms),
    framesPerSecond: Math.round((1_000 * deliveries) / ms),
    simulatedSecondsPerCpuSecond: Math.round(simulatedMs / cpuMs),
    eventsPerCpuSecond: Math.round((1_000 * events) / cpuMs),
  };
}

/** Three nodes as a cluster has them by default, for ten seconds. */
function calm(seed: number): Scenario {
  const drawn = drawScenario(1);
  const { syncMs: _none, ...rest } = drawn.options;
  const operations = Array.from({ length: 1_000 }, (_, place): PlannedOperation => {
    const common = { process: place % 8, at: 10 * place, key: `k${place % 16}` };
    return place % 2 === 0 ? { ...common, op: 'set', value: place } : { ...common, op: 'get' };
  });
  return {
    ...drawn,
    seed,
    nodes: 3,
    clients: 2,
    clockRates: [1, 1, 1],
    options: {
      ...rest,
      tickMs: 10,
      heartbeatTicks: 5,
      electionTicksMin: 15,
      electionTicksMax: 30,
      preVote: true,
      checkQuorum: true,
      inflightEntriesMax: 1024,
      sessionsMax: 1000,
      serialWindowMax: 256,
      forwardsMax: 1024,
      controlBytes: 2 ** 16,
      bulkBytes: 2 ** 16,
      answerBytes: 2 ** 16,
      requestTimeoutMs: 3000,
      latencyMs: { minMs: 0.02, maxMs: 0.1 },
    },
    faults: [],
    operations,
    absent: [],
    safetyMs: 10_000,
  };
}
