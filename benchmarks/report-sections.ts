/** The sections of docs/benchmarks.md: from the JSON of runs to Markdown. Pure. */
import type { DiskFigures } from './disk.js';
import type { FailoverResult } from './failover.js';
import { count, fixed, mebibytes, micros, ms } from './figures.js';
import type { H2loadFigures } from './h2load.js';
import type { PeerFigures, PeerRatios, PeersResult } from './peers.js';
import type { ReelectionResult } from './reelection.js';
import type { RestartResult } from './restart.js';
import type { SizeResult } from './sizes.js';
import { spreadOf } from './spread.js';
import { markdownLines } from './table.js';
import type { ThroughputResult } from './throughput.js';

/** What `--json` of one of the benchmarks gave; which it is, the command says. */
export interface Run {
  readonly commit?: string;
  readonly [field: string]: unknown;
}

/** One command, and what its runs gave. */
export interface Row {
  readonly label: string;
  readonly command: string;
  readonly results: readonly Run[];
}

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

export function durableSection(rows: readonly Row[]): string {
  const cells = rows.map(({ label, command, results }) => {
    const runs = results as unknown as readonly ThroughputResult[];
    const late = runs.map(({ latencyMicros }) => latencyMicros);
    return [
      label,
      ranged(
        runs.map(({ opsPerSecond }) => opsPerSecond),
        count,
      ),
      micros(median(late.map(({ p50 }) => p50))),
      micros(median(late.map(({ p99 }) => p99))),
      micros(median(late.map(({ p999 }) => p999))),
      fixed(median(runs.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds)), 2),
      code(command),
    ];
  });
  const runs = rows.flatMap(({ results }) => results as unknown as readonly ThroughputResult[]);
  return [
    '## On disk',
    '',
    'Three nodes that keep their logs on one disk, 100-byte values, 10,000 keys; sets only. What',
    'each policy may lose is told in [durability.md](durability.md).',
    '',
    ...markdownLines({
      head: ['load', 'sets/s', 'p50', 'p99', 'p99.9', 'cores', 'command'],
      rows: cells,
      texts: ['command'],
    }),
    '',
    ...diskLines(runs.flatMap(({ disk }) => (disk === undefined ? [] : [disk]))),
  ].join('\n');
}

export function etcdSection(rows: readonly Row[]): string {
  const skipped = rows.flatMap(({ results }) => results.flatMap((run) => run['skipped'] ?? []));
  const opening = ['## Beside etcd', ''];
  if (skipped.length > 0) return [...opening, `Not measured: ${skipped[0]}.`].join('\n');
  const runs = rows.flatMap(({ results }) => results as unknown as readonly EtcdRun[]);
  const cells = (runs[0]?.cases ?? []).flatMap(({ outstanding }) => {
    const same = runs.flatMap(({ cases }) =>
      cases.filter((one) => one.outstanding === outstanding),
    );
    const byH2load = same.flatMap(({ h2load }) => (h2load === undefined ? [] : [h2load]));
    const rows = [
      [count(outstanding), 'balsa', ...peerCells(same.map(({ balsa }) => balsa))],
      ['', 'etcd', ...peerCells(same.map(({ etcd }) => etcd))],
      ['', 'balsa / etcd', ...ratioCells(same)],
    ];
    if (byH2load.length === 0) return rows;
    return [
      ...rows,
      ['', 'etcd by h2load', ...speedCells(byH2load)],
      ['', 'balsa / etcd by h2load', ...ratioCells(byH2load)],
    ];
  });
  const versions = [...new Set(runs.map(({ etcd }) => etcd.version))].join(', ');
  const writes = runs.flatMap(({ verified }) => [verified.balsa, verified.etcd]);
  return [
    ...opening,
    `Durable sets on balsa and on etcd ${versions}, three members each on one`,
    'disk, in turn, from the same generator on one thread; 100-byte values, 10,000 keys.',
    ...h2loadLines(runs),
    '[durability.md](durability.md) says what is the same and what is not. Measured by',
    `${code(rows[0]?.command ?? '')}.`,
    '',
    ...markdownLines({
      head: ['outstanding', 'store', 'sets/s', 'p50', 'p99', 'cores'],
      rows: cells.map((row) => [...row, ...Array<string>(6 - row.length).fill('')]),
      texts: ['store'],
    }),
    '',
    ...diskLines(runs.flatMap(({ disk }) => (disk === undefined ? [] : [disk]))),
    `Of ${count(sum(writes.map(({ acknowledged }) => acknowledged)))} acknowledged writes`,
    `${count(sum(writes.map(({ lost }) => lost)))} were lost.`,
  ].join('\n');
}

interface EtcdRun extends PeersResult {
  readonly etcd: { readonly version: string };
  readonly h2load?: { readonly version: string };
}

function h2loadLines(runs: readonly EtcdRun[]): string[] {
  const versions = new Set(runs.flatMap(({ h2load }) => h2load?.version ?? []));
  if (versions.size === 0) return [];
  return [
    `In the rows with h2load (${[...versions].join(', ')}) etcd is driven by that program, which`,
    'is written in C.',
  ];
}

function peerCells(figures: readonly PeerFigures[]): string[] {
  const cores = figures.map((one) => one.cores + (one.memberCores ?? 0));
  return [...speedCells(figures), fixed(median(cores), 2)];
}

function speedCells(figures: readonly H2loadFigures[]): string[] {
  return [
    ranged(
      figures.map(({ writesPerSecond }) => writesPerSecond.median),
      count,
    ),
    micros(median(figures.map(({ latencyMicros }) => latencyMicros.p50))),
    micros(median(figures.map(({ latencyMicros }) => latencyMicros.p99))),
  ];
}

function ratioCells(all: readonly PeerRatios[]): string[] {
  const bold = (values: readonly number[], digits: number): string =>
    values.length === 0 ? '' : `**${fixed(median(values), digits)}**`;
  const speeds = all.flatMap(({ ratio }) => ratio ?? []);
  const late = all.flatMap(({ p99Ratio }) => p99Ratio ?? []);
  return [bold(speeds, 1), '', bold(late, 3)];
}

/** What the disk did in the same runs when nothing else was asked of it. */
function diskLines(disks: readonly DiskFigures[]): string[] {
  const names = [...new Set(disks.map(({ fileSystem }) => fileSystem))].join(', ');
  const half = micros(median(disks.map(({ syncMicros }) => syncMicros.p50)));
  const most = micros(median(disks.map(({ syncMicros }) => syncMicros.p99)));
  return [
    `In the same runs the disk (${names}) by itself wrote and synced 4 KiB in ${half} (p50),`,
  ].concat(`${most} (p99).`);
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

export function restartSection(rows: readonly Row[]): string {
  const cells = rows.map(({ label, command, results }) => {
    const runs = results as unknown as readonly RestartResult[];
    const served = spreadOf(runs.flatMap(({ servedMs }) => servedMs));
    return [
      label,
      String(served.count),
      ...[served.median, served.max].map(ms),
      ms(median(runs.flatMap(({ cpuMs }) => cpuMs))),
      ms(median(runs.flatMap(({ closedMs }) => closedMs))),
      ...[
        median(runs.map(({ directoryBytes }) => directoryBytes)),
        median(runs.map(({ directoryBytesMost }) => directoryBytesMost)),
      ].map(mebibytes),
      code(command),
    ];
  });
  return [
    '## How long until a closed cluster serves again',
    '',
    'Three nodes on one disk, 100-byte values; the keys are written, over and over where there are',
    'more writes than keys. `serves` is the time from the call of `createCluster` until a',
    'linearizable read is answered, `CPU` that of the whole process until then; `directory` is the',
    'fullest one of a node after the close, and at its largest.',
    '',
    ...markdownLines({
      head: ['load', 'starts', 'serves', 'max', 'CPU', 'close', 'directory', 'most', 'command'],
      rows: cells,
      texts: ['command'],
    }),
  ].join('\n');
}

/** What `benchmarks/snapshot.ts` measured of one kind of work. */
interface PauseFigures {
  readonly name: string;
  readonly longestMs: number;
  readonly meanMs: number;
  readonly count: number;
}

export function snapshotSection(rows: readonly Row[]): string {
  const runs = rows.flatMap(({ results }) => results);
  const all = runs.map(({ pauses }) => pauses as readonly PauseFigures[]);
  const cells = (all[0] ?? []).map(({ name }) => {
    const same = all.flatMap((pauses) => pauses.filter((one) => one.name === name));
    return [
      name,
      ranged(
        same.map(({ longestMs }) => longestMs),
        ms,
      ),
      ms(median(same.map(({ meanMs }) => meanMs))),
      count(median(same.map((one) => one.count))),
    ];
  });
  const keys = median(runs.map((run) => run['keys'] as number));
  return [
    '## How long a large state keeps its node busy',
    '',
    `The longest time that a node does nothing else while it takes and restores a snapshot of`,
    `${count(keys)} keys with 100 bytes each, without a disk. Measured by`,
    `${code(rows[0]?.command ?? '')}.`,
    '',
    ...markdownLines({
      head: ['work', 'longest', 'mean', 'times'],
      rows: cells,
      texts: ['work'],
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

/** `612,345 (598,002–640,310)`; the range only if there are several. */
function ranged(values: readonly number[], show: (value: number) => string): string {
  const { min, max } = spreadOf(values);
  const middle = show(median(values));
  return values.length === 1 ? middle : `${middle} (${show(min)}–${show(max)})`;
}

function median(values: readonly number[]): number {
  return spreadOf(values).median;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function code(command: string): string {
  return `\`${command}\``;
}
