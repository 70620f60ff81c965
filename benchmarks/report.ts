/**
 * Writes docs/benchmarks.md: every figure measured, none typed.
 *
 * Each figure comes from several runs, each in a process of its own, by the very command that
 * stands beside it. Shown is the median, with the smallest and the largest where they matter.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeCommit, describeMachine, type Machine } from './machine.js';
import {
  programs,
  type ReportScale,
  type SectionName,
  sections as sectionsByName,
} from './report-experiments.js';
import type { Row, Run } from './report-row.js';

export interface ReportOptions extends ReportScale {
  /** Runs of each command. */
  readonly runs: number;
  readonly sections: readonly SectionName[];
  readonly signal: AbortSignal;
  /** Called before each run. */
  readonly onRun?: (done: number, command: string) => void;
}

const outputBytesMax = 2 ** 26;

/** Resolves to the whole page. Rejects if a run fails, or with the signal's reason. */
export async function measureReport(options: ReportOptions): Promise<string> {
  const { runs, sections, onRun = () => {} } = options;
  const plan = sections.map((name) => {
    const { experiments, text } = sectionsByName[name];
    return { experiments: experiments(options), text };
  });
  const total = plan.reduce((sum, { experiments }) => sum + experiments.length * runs, 0);
  let done = 0;
  const parts: string[] = [];
  const commits = new Set<string>();
  for (const { experiments, text } of plan) {
    const rows: Row[] = [];
    for (const { label, program, args } of experiments) {
      const command = [program, ...args].join(' ');
      const results: Run[] = [];
      for (let run = 0; run < runs; run += 1) {
        onRun(done / total, command);
        const result = await measure(programs[program], args, options.signal);
        // Programs without a command of their own do not say which commit they are.
        const commit = program === 'balsa' ? result.commit : await describeCommit();
        if (result['skipped'] === undefined) commits.add(commit ?? 'unknown');
        results.push(result);
        done += 1;
      }
      rows.push({ label, command, results });
    }
    parts.push(text(rows));
  }
  const opening = openingOf({ machine: describeMachine(), commits: [...commits], runs });
  return `${[opening, ...parts].join('\n\n')}\n`;
}

async function measure(program: URL, args: readonly string[], signal: AbortSignal): Promise<Run> {
  const words = [fileURLToPath(program), ...args, '--json'];
  const options = { signal, maxBuffer: outputBytesMax };
  const { stdout } = await promisify(execFile)(process.execPath, words, options);
  return JSON.parse(stdout) as Run;
}

function openingOf({
  machine,
  commits,
  runs,
}: {
  readonly machine: Machine;
  readonly commits: readonly string[];
  readonly runs: number;
}): string {
  const { cpu, cores, memoryBytes, system, node } = machine;
  const isChanged = commits.some((commit) => commit.endsWith('+'));
  const changes = isChanged ? ' (the `+` marks changes on top of it)' : '';
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return [
    '# Benchmarks',
    '',
    'Written by `balsa bench report`; do not edit. Every row is measured by the command beside it,',
    'in a process of its own, which holds everything: the nodes, the network between them and the',
    'clients. At the end of each run every acknowledged write was read back, and all nodes were',
    'compared.',
    '',
    `- Machine: ${cpu}, ${cores} cores, ${memory}, ${system}`,
    `- Node.js: ${node}`,
    `- Commit: ${commits.join(', ') || 'nothing was measured'}${changes}`,
    `- Runs: ${runs === 1 ? '1' : `${runs}; shown are medians (smallest–largest)`}`,
  ].join('\n');
}
