/** The sections of docs/benchmarks.md about disks and what is kept there. Pure. */
import type { LatencyMicros } from '../src/store/load-latency.js';
import type { DiskFigures } from './disk.js';
import { count, fixed, mebibytes, micros, ms } from './figures.js';
import type { H2loadFigures } from './h2load.js';
import type { PeerFigures, PeerRatios, PeersResult } from './peers.js';
import { code, median, type Row, ranged, sum } from './report-row.js';
import type { RestartResult } from './restart.js';
import { spreadOf } from './spread.js';
import type { SyncFigures } from './sync.js';
import { markdownLines } from './table.js';
import type { ThroughputResult } from './throughput.js';

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

export function syncSection(rows: readonly Row[]): string {
  const runs = rows.flatMap(({ results }) => results as unknown as readonly SyncFigures[]);
  const row = (how: string, of: (run: SyncFigures) => LatencyMicros): string[] => {
    const late = runs.map(of);
    const half = late.map(({ p50 }) => p50);
    return [how, ranged(half, micros), micros(median(late.map(({ p99 }) => p99)))];
  };
  const disks = [...new Set(runs.map(({ fileSystem }) => fileSystem))].join(', ');
  return [
    '## Waiting for the disk in the call, or through the thread pool',
    '',
    `4 KiB written and synced (fdatasync) on ${disks}, both ways in turn on one file. Measured by`,
    `${code(rows[0]?.command ?? '')}.`,
    '',
    ...markdownLines({
      head: ['how', 'p50', 'p99'],
      rows: [
        row('in the call', ({ inTheCall }) => inTheCall),
        row('through the thread pool', ({ throughThePool }) => throughThePool),
      ],
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
