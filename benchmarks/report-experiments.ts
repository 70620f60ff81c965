/** The sections of docs/benchmarks.md: what is run for each, and what is written of it. */
import {
  durableSection,
  etcdSection,
  restartSection,
  snapshotSection,
  syncSection,
} from './report-disk-sections.js';
import type { Row } from './report-row.js';
import {
  failoverSection,
  memorySection,
  reelectionSection,
  simulationSection,
  sizesSection,
  throughputSection,
} from './report-sections.js';
import {
  backupSection,
  catchUpSection,
  recoverySection,
  savingSection,
} from './report-state-sections.js';

/** How large the runs are. */
export interface ReportScale {
  /** Time that each run measures; the memory section takes six times as long. */
  readonly seconds: number;
  /** How often the leader is killed in each run. */
  readonly kills: number;
  /** How often one, two and three nodes fail in each run. */
  readonly trials: number;
}

/** What is run, as a command calls it. */
type Program = 'balsa' | `node dist/benchmarks/${'snapshot' | 'sync' | 'simulation'}.js`;

/** This file is dist/benchmarks/report-experiments.js. */
export const programs: Readonly<Record<Program, URL>> = {
  balsa: new URL('../src/cli/main.js', import.meta.url),
  'node dist/benchmarks/snapshot.js': new URL('snapshot.js', import.meta.url),
  'node dist/benchmarks/sync.js': new URL('sync.js', import.meta.url),
  'node dist/benchmarks/simulation.js': new URL('simulation.js', import.meta.url),
};

/** What can be measured alone, in the order of the page. */
export const sectionNames = [
  'throughput',
  'sizes',
  'durable',
  'sync',
  'etcd',
  'failover',
  'reelection',
  'restart',
  'recovery',
  'catch-up',
  'snapshot',
  'saving',
  'backup',
  'memory',
  'simulation',
] as const;
export type SectionName = (typeof sectionNames)[number];

interface Experiment {
  readonly label: string;
  readonly program: Program;
  readonly args: readonly string[];
}

interface Section {
  experiments(scale: ReportScale): readonly Experiment[];
  text(rows: readonly Row[]): string;
}

function balsa(label: string, ...args: readonly string[]): Experiment {
  return { label, program: 'balsa', args };
}

function bench(seconds: number, label: string, ...args: readonly string[]): Experiment {
  return balsa(label, 'bench', ...args, '--seconds', String(seconds));
}

function onDisk(seconds: number, label: string, ...args: readonly string[]): Experiment {
  return bench(seconds, label, '--data-dir', ...args, '--no-baseline');
}

/** What is not measured by its time is as large as it is meant to be, or a hundredth to try it. */
function sized(full: number, seconds: number): number {
  return seconds >= 1 ? full : Math.round(full / 100);
}

/** In memory, and on disk. */
function both(label: string, ...args: readonly string[]): Experiment[] {
  return [
    balsa(`${label}in memory`, 'bench', ...args),
    balsa(`${label}on disk`, 'bench', ...args, '--data-dir'),
  ];
}

export const sections: Readonly<Record<SectionName, Section>> = {
  throughput: {
    experiments: ({ seconds }) => [
      bench(seconds, 'sets, 1,024 outstanding', '--outstanding', '1024'),
      bench(seconds, 'sets, 64 outstanding', '--outstanding', '64'),
      bench(seconds, 'sets, 1 outstanding', '--outstanding', '1'),
      bench(seconds, 'gets, 1,024 outstanding', ...['--outstanding', '1024', '--read-ratio', '1']),
      bench(seconds, 'half gets, half sets', ...['--outstanding', '1024', '--read-ratio', '0.5']),
      bench(
        seconds,
        'sets from 2 threads',
        ...['--outstanding', '1024', '--clients', '2', '--no-baseline'],
      ),
      bench(seconds, 'sets at 100,000 a second', '--rate', '100000', '--no-baseline'),
    ],
    text: throughputSection,
  },
  sizes: {
    experiments: ({ seconds }) => [bench(seconds, 'sets, 1,024 outstanding', 'sizes')],
    text: sizesSection,
  },
  durable: {
    experiments: ({ seconds }) => [
      onDisk(seconds, 'waits for each batch, 1,024 outstanding', '--outstanding', '1024'),
      onDisk(seconds, 'waits for each batch, 64 outstanding', '--outstanding', '64'),
      onDisk(seconds, 'waits for each batch, 1 outstanding', '--outstanding', '1'),
      onDisk(seconds, 'waits every 100 ms, 1,024 outstanding', '--sync-policy', 'interval'),
      onDisk(seconds, 'never waits, 1,024 outstanding', '--sync-policy', 'none'),
    ],
    text: durableSection,
  },
  sync: {
    experiments: ({ seconds }) => [
      {
        label: '',
        program: 'node dist/benchmarks/sync.js',
        args: ['--seconds', String(seconds)],
      },
    ],
    text: syncSection,
  },
  etcd: {
    experiments: ({ seconds }) => [bench(seconds, 'durable sets', '--peers', 'etcd')],
    text: etcdSection,
  },
  failover: {
    experiments: ({ kills }) =>
      ['3', '5'].map((nodes) =>
        balsa(
          `${nodes} nodes`,
          ...['bench', 'failover', '--nodes', nodes, '--kills', String(kills)],
        ),
      ),
    text: failoverSection,
  },
  reelection: {
    experiments: ({ trials }) =>
      ['cut', 'crash'].map((fault) =>
        balsa(fault, ...['bench', 'reelection', '--fault', fault, '--trials', String(trials)]),
      ),
    text: reelectionSection,
  },
  restart: {
    experiments: ({ seconds }) =>
      [sized(100_000, seconds), sized(2_000_000, seconds)].map((writes) =>
        balsa(
          `${writes.toLocaleString('en')} writes`,
          ...['bench', 'restart', '--keys', String(sized(100_000, seconds))],
          ...['--writes', String(writes), '--restarts', '3'],
        ),
      ),
    text: restartSection,
  },
  recovery: {
    experiments: ({ seconds }) => {
      const size = seconds >= 1 ? '1GiB' : '32MiB';
      return [balsa(size, 'bench', 'recovery', '--bytes', size)];
    },
    text: recoverySection,
  },
  'catch-up': {
    experiments: ({ seconds }) => {
      const writes = sized(1_000_000, seconds);
      const args = ['catch-up', '--writes', String(writes), '--seconds', String(seconds)];
      return both(`${writes.toLocaleString('en')} writes, `, ...args);
    },
    text: catchUpSection,
  },
  snapshot: {
    experiments: ({ seconds }) => [
      {
        label: '',
        program: 'node dist/benchmarks/snapshot.js',
        args: ['--keys', String(sized(1_000_000, seconds)), '--rounds', '3'],
      },
    ],
    text: snapshotSection,
  },
  saving: {
    experiments: ({ seconds }) => {
      const keys = ['--keys', String(sized(1_000_000, seconds))];
      return both('', 'snapshot', ...keys, '--seconds', seconds >= 1 ? '30' : '3');
    },
    text: savingSection,
  },
  backup: {
    experiments: ({ seconds }) => {
      const keys = String(sized(1_000_000, seconds));
      return [balsa('', 'bench', 'backup', '--keys', keys, '--rounds', '3')];
    },
    text: backupSection,
  },
  memory: {
    experiments: ({ seconds }) => [
      bench(Math.round(6_000 * seconds) / 1_000, 'sets, 1,024 outstanding', ...['--no-baseline']),
    ],
    text: memorySection,
  },
  simulation: {
    experiments: ({ seconds }) => [
      {
        label: '',
        program: 'node dist/benchmarks/simulation.js',
        args: ['--seeds', String(Math.max(1, Math.round(20 * seconds)))],
      },
    ],
    text: simulationSection,
  },
};
