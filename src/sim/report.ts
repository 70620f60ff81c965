/** A scenario that breaks something, written out: as a test to keep, and as a timeline to read. */
import type { Scenario } from './scenario.js';
import { runScenario } from './simulation.js';
import type { Violation } from './stage.js';

/** The source of an ava test that fails as long as the scenario breaks something. */
export function testSource(scenario: Scenario, { invariant, text }: Violation): string {
  const lines = [
    "import test from 'ava';",
    "import type { Scenario } from '../../src/sim/scenario.js';",
    "import { runScenario } from '../../src/sim/simulation.js';",
    '',
    `// Broke '${invariant}': ${text}`,
    `const scenario: Scenario = ${JSON.stringify(scenario, undefined, 2)};`,
    '',
    `test('seed ${scenario.seed} of the simulator, made small, breaks nothing', async (t) => {`,
    '  const { violation } = await runScenario(scenario);',
    '',
    '  t.is(violation, undefined);',
    '});',
  ];
  return `${lines.join('\n')}\n`;
}

/** Lines at the end of a timeline that are kept whole. */
const tailMax = 60;

/**
 * What happened on the way to the violation: every fault, every call, every vote and change of a
 * term, and of the rest the last lines.
 */
export async function timelineOf(scenario: Scenario): Promise<string> {
  const lines: string[] = [];
  await runScenario(scenario, { trace: (line) => lines.push(line) });
  const violated = lines.findIndex((line) => line.includes('  violation: '));
  const end = violated < 0 ? lines.length : violated + 1;
  const kept = lines.slice(0, end).filter((line, place) => {
    return place >= end - tailMax || isLandmark(line);
  });
  return `${kept.join('\n')}\n`;
}

function isLandmark(line: string): boolean {
  return /\s(?:fault|violation|\{"process")|> n\d+ {2}(?:request-vote|timeout-now)/.test(line);
}
