/** The sections of docs/benchmarks.md that need no disk. Pure. */
import type { FailoverResult } from './failover.js';
import { count, fixed, mebibytes, micros, ms } from './figures.js';
import type { ReelectionResult } from './reelection.js';
import { code, median, type Row, ranged, sum } from './report-row.js';
import type { SimulationFigures } from './simulation.js';
import type { SizeResult } from './sizes.js';
import { spreadOf } from './spread.js';
import { markdownLines } from './table.js';
import type { ThroughputResult } from './throughput.js';

export function throughputSection(rows: readonly Row[]): string {
  const cells = rows.map(({ label, command, results }) => {
    const runs = results as unknown as readonly ThroughputResult[];
    const late = runs.map(({ latencyMicros }) => latencyMicros);
    const ratios = runs.flatMap(({ baseline }) => (baseline === undefined ? [] : [baseline.ratio]));
    const busy = runs.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds);
    return [
      label,
      ranged(
        runs.map(({ opsPerSecond }) => opsPerSecond),
        count,
      ),
      ratios.length === 0 ? '' : fixed(median(ratios), 2),
      micros(median(late.map(({ p50 }) => p50))),
      micros(median(late.map(({ p99 }) => p99))),
      micros(median(late.map(({ p999 }) => p999))),
      fixed(median(busy), 2),
      code(command),
    ];
  });
  const machines = rows.flatMap(({ results }) =>
    (results as unknown as readonly ThroughputResult[]).map(({ machine }) => machine),
  );
  const trips = machines.map((machine) => machine?.roundTripMicros ?? Number.NaN);
  const rings = machines.map((machine) => machine?.ringMessagesPerSecond ?? Number.NaN);
  return [
    '## Throughput and latency',
    '',
    'Three nodes, 100-byte values, 10,000 keys. `ratio` is the speed divided by that of the same',
    'client and the same store on one thread without consensus, measured in turn in the same run;',
    '`cores` is the CPU time of the whole process divided by the time.',
    '',
    ...markdownLines({
      head: ['load', 'operations/s', 'ratio', 'p50', 'p99', 'p99.9', 'cores', 'command'],
      rows: cells,
      texts: ['command'],
    }),
    '',
    `In the same runs: a message to another thread and back takes ${micros(median(trips))},`,
    `and a ring carries ${fixed(median(rings) / 1e6, 1)} million messages a second.`,
  ].join('\n');
}

export function sizesSection(rows: readonly Row[]): string {
  const cells = rows.flatMap(({ command, results }) => {
    const runs = results.map(({ sizes }) => sizes as readonly SizeResult[]);
    return (runs[0] ?? []).map(({ nodes }) => {
      const same = runs.flatMap((sizes) => sizes.filter((one) => one.nodes === nodes));
      const late = same.map(({ latencyMicros }) => latencyMicros);
      return [
        String(nodes),
        ranged(
          same.map(({ opsPerSecond }) => opsPerSecond),
          count,
        ),
        fixed(median(same.map(({ ratioToFirst }) => ratioToFirst)), 2),
        micros(median(late.map(({ p50 }) => p50))),
        micros(median(late.map(({ p99 }) => p99))),
        fixed(median(same.map(({ cpuMicrosPerOp }) => cpuMicrosPerOp)), 2),
        code(command),
      ];
    });
  });
  return [
    '## What another node costs',
    '',
    'The same load on clusters of different sizes. All nodes share the cores of the machine.',
    '',
    ...markdownLines({
      head: ['nodes', 'sets/s', 'to the first', 'p50', 'p99', 'CPU µs/set', 'command'],
      rows: cells,
      texts: ['command'],
    }),
  ].join('\n');
}

export function failoverSection(rows: readonly Row[]): string {
  const cells = rows.map(({ label, command, results }) => {
    const runs = results as unknown as readonly FailoverResult[];
    const all = spreadOf(runs.flatMap(({ resumedAfterMs }) => resumedAfterMs));
    const timeouts = runs.map(({ electionTimeoutMs }) => electionTimeoutMs);
    const verified = runs.map((run) => run.verified);
    return [
      label,
      count(all.count),
      ms(all.median),
      fixed(all.median / median(timeouts), 2),
      ms(all.p99),
      ms(all.max),
      count(sum(verified.map(({ acknowledged }) => acknowledged))),
      count(sum(verified.map(({ lost }) => lost))),
      code(command),
    ];
  });
  return [
    '## How long writes stand still when the leader dies',
    '',
    'The thread of the leader is ended under load, again and again. Measured is the time from then',
    'until a write that was sent afterwards is acknowledged; `timeouts` is the median in units of',
    'the longest election timeout.',
    '',
    ...markdownLines({
      head: [
        ...['cluster', 'kills', 'median', 'timeouts', 'p99', 'max'],
        ...['writes', 'lost', 'command'],
      ],
      rows: cells,
      texts: ['command'],
    }),
  ].join('\n');
}

/** What the report of the course gives for its own nodes: terms by the number that failed. */
const courseTerms: readonly string[] = ['', '3 to 4', '6 to 7', 'about 13'];

export function reelectionSection(rows: readonly Row[]): string {
  const cells = rows.flatMap(({ label, command, results }) => {
    const runs = results as unknown as readonly ReelectionResult[];
    return (runs[0]?.cases ?? []).map(({ failed }) => {
      const same = runs.flatMap(({ cases }) => cases.filter((one) => one.failed === failed));
      const terms = same.flatMap((one) => one.terms);
      const spread = spreadOf(terms);
      const times = spreadOf(same.flatMap((one) => one.ms));
      const share = (isMeant: (term: number) => boolean): string =>
        `${fixed((100 * terms.filter(isMeant).length) / terms.length, 1)} %`;
      return [
        label,
        ...[failed, terms.length].map(String),
        ...[share((term) => term === 1), share((term) => term === 2), share((term) => term > 2)],
        ...[spread.median, spread.p99, spread.max].map(String),
        ...[times.median, times.p99, times.max].map(ms),
        courseTerms[failed] ?? '',
        code(command),
      ];
    });
  });
  return [
    '## How many terms a new leader takes',
    '',
    'Eight nodes, of which some fail, the leader always among them: `cut` off from all others, or',
    'their threads ended (`crash`). A term is lost whenever the votes split. `course` is what the',
    'report of a course project found with its own nodes in the same experiment, in terms.',
    '',
    ...markdownLines({
      head: [
        ...['fault', 'failed', 'trials', '1 term', '2 terms', 'more', 'median', 'p99', 'max'],
        ...['time', 'p99', 'max', 'course', 'command'],
      ],
      rows: cells,
      texts: ['course', 'command'],
    }),
  ].join('\n');
}

const scenarios: Readonly<Record<string, string>> = {
  swarm: 'swarm, with all faults and checks',
  calm: 'three nodes, no faults',
};

export function simulationSection(rows: readonly Row[]): string {
  const runs = rows.flatMap(({ results }) =>
    results.map(({ kinds }) => kinds as readonly SimulationFigures[]),
  );
  const cells = (runs[0] ?? []).map(({ name }) => {
    const same = runs.flatMap((kinds) => kinds.filter((kind) => kind.name === name));
    return [
      scenarios[name] ?? name,
      ranged(
        same.map((kind) => kind.simulatedSecondsPerSecond),
        count,
      ),
      count(median(same.map((kind) => kind.simulatedSecondsPerCpuSecond))),
      count(median(same.map((kind) => kind.eventsPerSecond))),
      count(median(same.map((kind) => kind.framesPerSecond))),
      fixed(median(same.map((kind) => kind.seedsPerSecond)), 1),
    ];
  });
  return [
    '## How fast virtual time passes',
    '',
    'The simulator on one thread. `times real time` is simulated seconds by seconds, `by CPU time`',
    'the same by seconds of CPU time on all threads that Node.js uses. Measured by',
    `${code(rows[0]?.command ?? '')}.`,
    '',
    ...markdownLines({
      head: ['clusters', 'times real time', 'by CPU time', 'events/s', 'frames/s', 'seeds/s'],
      rows: cells,
    }),
  ].join('\n');
}

export function memorySection(rows: readonly Row[]): string {
  const cells = rows.map(({ label, command, results }) => {
    const runs = results as unknown as readonly ThroughputResult[];
    const begin = runs.map(({ rssBytesAtStart }) => rssBytesAtStart);
    const most = runs.map(({ rssBytes }) => rssBytes);
    return [
      label,
      fixed(median(runs.map(({ seconds }) => seconds)), 0),
      count(median(runs.map(({ verified }) => verified.acknowledged))),
      ranged(begin, mebibytes),
      ranged(most, mebibytes),
      code(command),
    ];
  });
  return [
    '## Memory of a long run',
    '',
    'Resident memory of the whole process when the measured time begins, and the most in it. The',
    'log of each node is trimmed as it grows, so this depends on the load and not on its length.',
    '',
    ...markdownLines({
      head: ['load', 'seconds', 'writes', 'at the start', 'at most', 'command'],
      rows: cells,
      texts: ['command'],
    }),
  ].join('\n');
}
