/**
 * Writes docs/benchmarks.md: every figure measured, none typed.
 *
 * Each figure comes from several runs, each in a process of its own, by the very command that
 * stands beside it. Shown is the median, with the smallest and the largest where they matter.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeMachine, type Machine } from './machine.js';
import {
  durableSection,
  etcdSection,
  failoverSection,
  memorySection,
  type Row,
  type Run,
  reelectionSection,
  restartSection,
  sizesSection,
  snapshotSection,
  throughputSection,
} from './report-sections.js';

/** What can be measured alone. */
export const sectionNames = [
  'throughput',
  'sizes',
  'durable',
  'etcd',
  'failover',
  'reelection',
  'restart',
  'snapshot',
  'memory',
] as const;
export type SectionName = (typeof sectionNames)[number];

export interface ReportOptions {
  /** Runs of each command. */
  readonly runs: number;
  /** Time that each run measures; the memory section takes six times as long. */
  readonly seconds: number;
  /** How often the leader is killed in each run. */
  readonly kills: number;
  /** How often one, two and three nodes fail in each run. */
  readonly trials: number;
  readonly sections: readonly SectionName[];
  readonly signal: AbortSignal;
  /** Called before each run. */
  readonly onRun?: (done: number, command: string) => void;
}

interface Experiment {
  readonly label: string;
  /** Default `balsa`. */
  readonly program?: keyof typeof programs;
  readonly args: readonly string[];
}

/** What is run, by what a command calls it. This file is dist/benchmarks/report.js. */
const programs = {
  balsa: new URL('../src/cli/main.js', import.meta.url),
  'node dist/benchmarks/snapshot.js': new URL('snapshot.js', import.meta.url),
} as const;
const outputBytesMax = 2 ** 26;

/** Resolves to the whole page. Rejects if a run fails, or with the signal's reason. */
export async function measureReport(options: ReportOptions): Promise<string> {
  const { runs, sections, onRun = () => {} } = options;
  const plan = sections.map((name) => ({ name, experiments: experimentsOf(name, options) }));
  const total = plan.reduce((sum, { experiments }) => sum + experiments.length * runs, 0);
  let done = 0;
  const parts: string[] = [];
  const commits = new Set<string>();
  for (const { name, experiments } of plan) {
    const rows: Row[] = [];
    for (const { label, program = 'balsa', args } of experiments) {
      const command = [program, ...args].join(' ');
      const results: Run[] = [];
      for (let run = 0; run < runs; run += 1) {
        onRun(done / total, command);
        const result = await measure(programs[program], args, options.signal);
        if (program === 'balsa' && result['skipped'] === undefined)
          commits.add(result.commit ?? 'unknown');
        results.push(result);
        done += 1;
      }
      rows.push({ label, command, results });
    }
    parts.push(sectionOf(name, rows));
  }
  const opening = openingOf({ machine: describeMachine(), commits: [...commits], runs });
  return `${[opening, ...parts].join('\n\n')}\n`;
}

function experimentsOf(name: SectionName, { seconds, kills, trials }: ReportOptions): Experiment[] {
  const time = ['--seconds', String(seconds)];
  const bench = (label: string, ...args: string[]): Experiment => ({
    label,
    args: ['bench', ...args, ...time],
  });
  const onDisk = (label: string, ...args: string[]): Experiment =>
    bench(label, '--data-dir', ...args, '--no-baseline');
  switch (name) {
    case 'throughput':
      return [
        bench('sets, 1,024 outstanding', '--outstanding', '1024'),
        bench('sets, 64 outstanding', '--outstanding', '64'),
        bench('sets, 1 outstanding', '--outstanding', '1'),
        bench('gets, 1,024 outstanding', '--outstanding', '1024', '--read-ratio', '1'),
        bench('half gets, half sets', '--outstanding', '1024', '--read-ratio', '0.5'),
        bench('sets from 2 threads', '--outstanding', '1024', '--clients', '2', '--no-baseline'),
        bench('sets at 100,000 a second', '--rate', '100000', '--no-baseline'),
      ];
    case 'sizes':
      return [{ label: 'sets, 1,024 outstanding', args: ['bench', 'sizes', ...time] }];
    case 'durable':
      return [
        onDisk('waits for each batch, 1,024 outstanding', '--outstanding', '1024'),
        onDisk('waits for each batch, 64 outstanding', '--outstanding', '64'),
        onDisk('waits for each batch, 1 outstanding', '--outstanding', '1'),
        onDisk('waits every 100 ms, 1,024 outstanding', '--sync-policy', 'interval'),
        onDisk('never waits, 1,024 outstanding', '--sync-policy', 'none'),
      ];
    case 'etcd':
      return [bench('durable sets', '--peers', 'etcd')];
    case 'failover':
      return [3, 5].map((nodes) => ({
        label: `${nodes} nodes`,
        args: ['bench', 'failover', '--nodes', String(nodes), '--kills', String(kills)],
      }));
    case 'reelection':
      return ['cut', 'crash'].map((fault) => ({
        label: fault,
        args: ['bench', 'reelection', '--fault', fault, '--trials', String(trials)],
      }));
    case 'restart':
      return [keysOf(seconds), 10 * keysOf(seconds)].map((writes) => ({
        label: `${writes.toLocaleString('en')} writes`,
        args: [
          ...['bench', 'restart', '--keys', String(keysOf(seconds))],
          ...['--writes', String(writes), '--restarts', '3'],
        ],
      }));
    case 'snapshot':
      return [
        {
          label: '',
          program: 'node dist/benchmarks/snapshot.js',
          args: ['--keys', String(10 * keysOf(seconds)), '--rounds', '3'],
        },
      ];
    case 'memory': {
      const long = ['--seconds', String(Math.round(6_000 * seconds) / 1_000)];
      return [{ label: 'sets, 1,024 outstanding', args: ['bench', '--no-baseline', ...long] }];
    }
  }
}

function sectionOf(name: SectionName, rows: readonly Row[]): string {
  switch (name) {
    case 'throughput':
      return throughputSection(rows);
    case 'sizes':
      return sizesSection(rows);
    case 'durable':
      return durableSection(rows);
    case 'etcd':
      return etcdSection(rows);
    case 'failover':
      return failoverSection(rows);
    case 'reelection':
      return reelectionSection(rows);
    case 'restart':
      return restartSection(rows);
    case 'snapshot':
      return snapshotSection(rows);
    case 'memory':
      return memorySection(rows);
  }
}

/** What is not measured by its time follows it all the same: 100,000 keys in the default one. */
function keysOf(seconds: number): number {
  return Math.max(1_000, Math.min(100_000, Math.round(10_000 * seconds)));
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
