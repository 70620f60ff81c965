/** A scenario that breaks something, written out: as a test to keep, and as a timeline to read. */
import { literal } from './literal.js';
import type { Scenario } from './scenario.js';
import { runScenario } from './simulation.js';
import type { Violation } from './stage.js';

/**
 * The source of an ava test that fails as long as the scenario breaks something, formatted as the
 * other tests are. `seed` is that of the swarm.
 */
export function testSource(seed: number, scenario: Scenario, violation: Violation): string {
  const { invariant, text } = violation;
  const lines = [
    "import test from 'ava';",
    "import type { Scenario } from '../../src/sim/scenario.js';",
    "import { runScenario } from '../../src/sim/simulation.js';",
    '',
    ...comment(`Broke '${invariant}': ${text}`),
    `const scenario: Scenario = ${literal(scenario)};`,
    '',
    `test('seed ${seed} of the swarm, made small, breaks nothing', async (t) => {`,
    '  const { violation } = await runScenario(scenario);',
    '',
    '  t.is(violation, undefined);',
    '});',
  ];
  return `${lines.join('\n')}\n`;
}

const columnsMax = 100;

/** A text as lines of a comment, whatever stands in it. */
function comment(text: string): string[] {
  const lines: string[] = [];
  let line = '//';
  for (const word of text.split(/\s+/)) {
    if (line !== '//' && line.length + 1 + word.length > columnsMax) {
      lines.push(line);
      line = '//';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** Lines at the end of a timeline that are kept, whatever they are but routine. */
const tailMax = 60;

/**
 * What happened on the way to the violation: every fault, every call, every vote and change of a
 * leader, and of the rest the last lines; and what the nodes were then.
 */
export async function timelineOf(seed: number, scenario: Scenario): Promise<string> {
  const lines: string[] = [];
  const { violation } = await runScenario(scenario, { trace: (line) => lines.push(line) });
  const violated = lines.findIndex((line) => line.includes('  violation: '));
  const end = violated < 0 ? lines.length : violated;
  const tail = lines.slice(0, end).filter((line) => !isRoutine(line));
  const isLast = new Set(tail.slice(-tailMax));
  const kept = lines.filter((line, at) => at >= end || isLast.has(line) || isLandmark(line));
  const { nodes, clients, faults, operations } = scenario;
  const head = [
    `seed ${seed} of the swarm, made small; nodes: ${nodes}, clients: ${clients}, ` +
      `faults: ${faults.length}, calls: ${operations.length}`,
    violation === undefined ? 'broke nothing' : `broke '${violation.invariant}': ${violation.text}`,
    'Virtual time in ms; n1 > n2: a frame from n1 arrives at n2; entries=[2]: two of them. Of all',
    'frames, those of elections are told, and the last ones before the end that are not routine.',
    '',
  ];
  return `${[...head, ...kept].join('\n')}\n`;
}

function isLandmark(line: string): boolean {
  const told = /^\s*[\d.]+ {2}(?:fault|\{"process"|n\d+ (?:leads|stops)|n\d+ > n\d+ {2}(\S+))/;
  const found = told.exec(line);
  if (found === null) return false;
  return found[1] === undefined || /^(?:request-vote|timeout-now)/.test(found[1]);
}

/**
 * Clients ask one node after the other who leads, as long as nobody knows; heartbeats that no read
 * waits for go on and on, also after what went wrong.
 */
function isRoutine(line: string): boolean {
  return /> client \d+ {2}(?:refusal|leader-hint)|\bheartbeat(?:-response)? .* readId=0 /.test(
    line,
  );
}
