/** What came of a batch: a table for people, JSON, TAP and JUnit for programs. */
import { fixed } from '../../benchmarks/figures.js';
import { alignedLines } from '../../benchmarks/table.js';
import type { BatchScript, JudgedRun } from './chi-batch-run.js';

/** What came of one script. */
export interface ScriptOutcome {
  readonly name: string;
  readonly hasExpectation: boolean;
  readonly runs: number;
  readonly passed: number;
  readonly failed: number;
  /** Distinct standard outputs. */
  readonly transcripts: number;
  /** Lines `ERROR: …` of a run, the fewest and the most. */
  readonly errors: Range;
  /** Elections won in a run. */
  readonly elections: Range;
  readonly medianMs: number;
  readonly maxMs: number;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** One for each script, in their order; scripts without a run are left out. */
export function outcomesOf(
  scripts: readonly BatchScript[],
  runs: readonly JudgedRun[],
): ScriptOutcome[] {
  return scripts.flatMap((script) => {
    const own = runs.filter((run) => run.script === script);
    return own.length === 0 ? [] : [outcomeOf(script, own)];
  });
}

function outcomeOf(script: BatchScript, runs: readonly JudgedRun[]): ScriptOutcome {
  const ended = runs.flatMap(({ run }) => (run === undefined ? [] : [run]));
  const times = runs.map(({ durationMs }) => durationMs).sort((one, other) => one - other);
  const failed = runs.filter(({ failure }) => failure !== undefined).length;
  return {
    name: script.name,
    hasExpectation: script.expectation !== undefined,
    runs: runs.length,
    passed: runs.length - failed,
    failed,
    transcripts: new Set(ended.map(({ stdout }) => stdout)).size,
    errors: rangeOf(ended.map(({ stdout }) => stdout.match(/^ERROR: /gm)?.length ?? 0)),
    elections: rangeOf(ended.map(({ elections }) => elections)),
    medianMs: Math.round(medianOf(times)),
    maxMs: Math.round(times.at(-1) ?? 0),
  };
}

/** Of numbers in order; 0 of none. */
function medianOf(sorted: readonly number[]): number {
  const [low = 0, high = low] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

function rangeOf(values: readonly number[]): Range {
  if (values.length === 0) return { min: 0, max: 0 };
  return { min: Math.min(...values), max: Math.max(...values) };
}

/** The table, and under it each failed run with its reason and its seed. */
export function batchText(outcomes: readonly ScriptOutcome[], runs: readonly JudgedRun[]): string {
  const head = ['script', 'runs', 'passed', 'transcripts', 'errors', 'elections', 'median', 'max'];
  const rows = outcomes.map((outcome) => [
    outcome.hasExpectation ? outcome.name : `${outcome.name} (no expectation)`,
    String(outcome.runs),
    String(outcome.passed),
    String(outcome.transcripts),
    shown(outcome.errors),
    shown(outcome.elections),
    `${fixed(outcome.medianMs / 1_000, 2)} s`,
    `${fixed(outcome.maxMs / 1_000, 2)} s`,
  ]);
  const failures = failedRuns(runs).map((run) => `${titleOf(run)}: ${run.failure}`);
  const lines = alignedLines({ head, rows });
  return `${[...lines, ...(failures.length === 0 ? [] : ['', ...failures])].join('\n')}\n`;
}

function shown({ min, max }: Range): string {
  return min === max ? String(min) : `${min}–${max}`;
}

export function batchJson(outcomes: readonly ScriptOutcome[], runs: readonly JudgedRun[]): string {
  const failures = failedRuns(runs).map(({ script, number, failure, run }) => {
    return { script: script.name, run: number, seed: run?.seed, failure };
  });
  const passed = runs.length - failures.length;
  return `${JSON.stringify({ passed, failed: failures.length, scripts: outcomes, failures })}\n`;
}

/** Version 14 of the Test Anything Protocol, one test point for each run. */
export function batchTap(runs: readonly JudgedRun[]): string {
  const lines = ['TAP version 14', `1..${runs.length}`];
  for (const [at, run] of inOrder(runs).entries()) {
    const isOk = run.failure === undefined;
    lines.push(`${isOk ? 'ok' : 'not ok'} ${at + 1} - ${titleOf(run)}`);
    if (!isOk) lines.push('  ---', `  message: ${JSON.stringify(run.failure)}`, '  ...');
  }
  return `${lines.join('\n')}\n`;
}

/** JUnit's XML, as continuous integration reads it: a suite for each script. */
export function batchJunit(outcomes: readonly ScriptOutcome[], runs: readonly JudgedRun[]): string {
  const failed = failedRuns(runs).length;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="balsa chi batch" tests="${runs.length}" failures="${failed}">`,
  ];
  for (const { name, runs: tests, failed: failures } of outcomes) {
    const attributes = `name="${xml(name)}" tests="${tests}" failures="${failures}"`;
    lines.push(`  <testsuite ${attributes}>`);
    const own = inOrder(runs).filter(({ script }) => script.name === name);
    for (const run of own) lines.push(...testCase(name, run));
    lines.push('  </testsuite>');
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

function testCase(name: string, run: JudgedRun): string[] {
  const time = (run.durationMs / 1_000).toFixed(3);
  const head = `<testcase classname="${xml(name)}" name="${xml(titleOf(run))}" time="${time}"`;
  if (run.failure === undefined) return [`    ${head}/>`];
  return [
    `    ${head}>`,
    `      <failure message="${xml(run.failure)}"/>`,
    `      <system-out>${xml(run.run?.stdout ?? '')}</system-out>`,
    `      <system-err>${xml(run.run?.stderr ?? '')}</system-err>`,
    '    </testcase>',
  ];
}

function titleOf({ script, number, run }: JudgedRun): string {
  const seed = run?.seed === undefined ? '' : ` (seed ${run.seed})`;
  return `${script.name}, run ${number}${seed}`;
}

function failedRuns(runs: readonly JudgedRun[]): JudgedRun[] {
  return inOrder(runs).filter(({ failure }) => failure !== undefined);
}

function inOrder(runs: readonly JudgedRun[]): JudgedRun[] {
  return [...runs].sort(
    (one, other) => one.number - other.number || (one.script.name < other.script.name ? -1 : 1),
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Text for XML; what XML cannot say at all is replaced. */
function xml(text: string): string {
  return text
    .replace(/[&<>"]/g, (character) => entities[character] ?? character)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}
