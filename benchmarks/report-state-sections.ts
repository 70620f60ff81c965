/** The sections of docs/benchmarks.md about coming back and about large states. Pure. */
import type { BackupResult } from './backup.js';
import type { CatchUpResult } from './catch-up.js';
import { count, fixed, mebibytes, micros, ms } from './figures.js';
import type { LiveSnapshotResult, SnapshotSide } from './live-snapshot.js';
import type { RecoveryCase, RecoveryResult } from './recovery.js';
import { boundOf, recoverySteps } from './recovery-steps.js';
import { code, median, type Row, ranged, sum } from './report-row.js';
import type { Spread } from './spread.js';
import { markdownLines } from './table.js';

export function recoverySection(rows: readonly Row[]): string {
  const runs = rows.flatMap(({ results }) => results as unknown as readonly RecoveryResult[]);
  const caches = (runs[0]?.cases ?? []).map(({ cache }) => cache);
  const of = (cache: RecoveryCase['cache']): RecoveryCase[] =>
    runs.flatMap(({ cases }) => cases.filter((one) => one.cache === cache));
  const served = caches.flatMap((cache) => {
    const same = of(cache);
    return [
      ms(median(same.flatMap(({ servedMs }) => servedMs))),
      ms(median(same.flatMap(({ cpuMs }) => cpuMs))),
    ];
  });
  const steps = recoverySteps.map((name) => [
    name,
    ...caches.flatMap((cache) => {
      const times = of(cache).map((one) => one.steps[name]);
      return [ms(median(times.map((time) => time.ms))), ms(median(times.map((t) => t.cpuMs)))];
    }),
  ]);
  const bounds = caches.map(
    (cache) => `${cache}: ${of(cache).map((one) => boundOf(one.steps))[0]}`,
  );
  const bytes = median(runs.map(({ logBytes }) => logBytes));
  const writes = median(runs.map((run) => run.writes));
  return [
    '## How long a node takes to come back from a long log',
    '',
    `${mebibytes(bytes)} of log with ${count(writes)} sets, no state saved, and a node that was`,
    'killed. `serves again` is the time from the call of `createCluster` until a linearizable',
    'read is answered, with the CPU time of the whole process beside it; below it are the same',
    'steps once more, alone on one thread. `cold`: the operating system had forgotten the files.',
    'Measured by',
    `${code(rows[0]?.command ?? '')}.`,
    '',
    ...markdownLines({
      head: ['', ...caches.flatMap((cache) => [cache, 'CPU'])],
      rows: [['serves again', ...served], ...steps],
    }),
    '',
    `What takes longest: ${bounds.join('; ')}.`,
  ].join('\n');
}

export function catchUpSection(rows: readonly Row[]): string {
  const cells = rows.map(({ label, command, results }) => {
    const runs = results as unknown as readonly CatchUpResult[];
    const p99 = (stage: 'before' | 'during' | 'after'): string =>
      micros(median(runs.map(({ stages }) => stages[stage].latencyMicros.p99)));
    return [
      label,
      count(median(runs.map(({ entries }) => entries))),
      [...new Set(runs.map(({ by }) => by))].join(', '),
      ranged(
        runs.map(({ caughtUpMs }) => caughtUpMs),
        ms,
      ),
      count(median(runs.map(({ stages }) => stages.during.writes))),
      ...[p99('before'), p99('during'), p99('after')],
      micros(Math.max(...runs.map(({ stages }) => stages.during.latencyMicros.max))),
      count(sum(runs.map(({ verified }) => verified.lost))),
      code(command),
    ];
  });
  return [
    '## How long a follower that was away takes to catch up',
    '',
    'The thread of one of three nodes is ended, the others take many writes, then go on at a',
    'steady rate, while it is started again. `level` is the time from then until it has applied',
    'all that was committed; p99 is that of the writes before, during and after it.',
    '',
    ...markdownLines({
      head: [
        ...['away for', 'entries', 'by', 'level', 'writes meanwhile'],
        ...['p99 before', 'during', 'after', 'max during', 'lost', 'command'],
      ],
      rows: cells,
      texts: ['by', 'command'],
    }),
  ].join('\n');
}

export function savingSection(rows: readonly Row[]): string {
  const cells = rows.flatMap(({ label, command, results }) => {
    const runs = results as unknown as readonly LiveSnapshotResult[];
    const row = (name: string, sides: readonly SnapshotSide[]): string[] => {
      const late = sides.map(({ latencyMicros }) => latencyMicros);
      const own = sides.map((side) => (side.own ?? side).longestMs);
      return [
        label,
        name,
        ...[sides.map(({ longestMs }) => longestMs), own].map((values) => ranged(values, ms)),
        ms(median(sides.map(({ loopDelayMs }) => loopDelayMs.p99))),
        count(median(sides.map(({ writes }) => writes))),
        ...[late.map(({ p99 }) => p99), late.map(({ p999 }) => p999)].map((values) =>
          micros(median(values)),
        ),
        code(command),
      ];
    };
    return [
      row(
        'saving',
        runs.map(({ saving }) => saving),
      ),
      row(
        'otherwise',
        runs.map(({ otherwise }) => otherwise),
      ),
    ];
  });
  const all = rows.flatMap(({ results }) => results as unknown as readonly LiveSnapshotResult[]);
  const saved = all.flatMap(({ snapshotMs }) => snapshotMs ?? []);
  return [
    '## What saving a large state costs those who write',
    '',
    'Three nodes on threads save their states as they do by themselves, while writes come at a',
    'steady rate. `turn` is the longest time that a node did nothing else, `own` the same without',
    'the time in which others had the CPUs, `loop p99` how late the event loop of a node was; p99',
    'and p99.9 are those of the writes. `saving` has the time in which some node saved its state.',
    '',
    ...markdownLines({
      head: [...['nodes', 'while', 'turn', 'own', 'loop p99', 'writes', 'p99', 'p99.9', 'command']],
      rows: cells,
      texts: ['while', 'command'],
    }),
    '',
    `${count(sum(all.map(({ snapshots }) => snapshots)))} states were saved` +
      (saved.length === 0 ? '.' : `, in ${fixed(median(saved) / 1_000, 1)} s each.`),
  ].join('\n');
}

interface BackupRun extends BackupResult {
  readonly config: { readonly keys: number; readonly valueBytes: number };
}

export function backupSection(rows: readonly Row[]): string {
  const runs = rows.flatMap(({ results }) => results as unknown as readonly BackupRun[]);
  const keys = median(runs.map(({ config }) => config.keys));
  const bytes = median(runs.map(({ config }) => config.valueBytes));
  const row = (
    name: string,
    side: keyof BackupResult['writes'],
    spreadIn?: (run: BackupResult) => Spread,
  ): string[] => {
    const late = runs.map(({ writes }) => writes[side]);
    const times = spreadIn && runs.map((run) => spreadIn(run).median);
    return [
      name,
      times === undefined ? '' : ranged(times, ms),
      micros(median(late.map(({ p99 }) => p99))),
      ranged(
        late.map(({ max }) => max),
        micros,
      ),
    ];
  };
  return [
    '## How long a backup takes, and who waits for it',
    '',
    `Three nodes in memory with ${count(keys)} keys of ${bytes} bytes each are exported to a file`,
    'and import it again, while one client writes, one write after the',
    `other. The file has ${mebibytes(median(runs.map(({ fileBytes }) => fileBytes)))}. Measured by`,
    `${code(rows[0]?.command ?? '')}.`,
    '',
    ...markdownLines({
      head: ['while', 'takes', 'p99 of a write', 'longest write'],
      rows: [
        row('only writing', 'alone'),
        row('exporting', 'exporting', ({ exportedMs }) => exportedMs),
        row('importing', 'importing', ({ importedMs }) => importedMs),
      ],
    }),
  ].join('\n');
}
