/** Sections of docs/benchmarks.md, from figures that are made up. */
import test from 'ava';
import {
  durableSection,
  etcdSection,
  restartSection,
  snapshotSection,
  syncSection,
} from '../../benchmarks/report-disk-sections.js';
import { simulationSection } from '../../benchmarks/report-sections.js';
import {
  backupSection,
  catchUpSection,
  recoverySection,
  savingSection,
} from '../../benchmarks/report-state-sections.js';

const disk = {
  fileSystem: 'ext4',
  syncMicros: { p50: 90, p90: 95, p99: 310, p999: 400, max: 500 },
};
const latencyMicros = { p50: 100, p90: 200, p99: 1_500, p999: 2_000, max: 3_000 };

test('the section of disks has a row for each command, and what the disk does by itself', (t) => {
  const run = (opsPerSecond: number): Record<string, unknown> => ({
    ...{ opsPerSecond, latencyMicros, cpuSeconds: 3, seconds: 2, disk },
  });
  const row = { label: 'waits', command: 'balsa bench --data-dir' };

  const text = durableSection([{ ...row, results: [run(1_000), run(3_000), run(2_000)] }]);

  t.regex(text, /^## On disk\n/);
  const cells = '| waits | 2,000 (1,000–3,000) | 100 µs | 1.50 ms | 2.00 ms | 1.50 |';
  t.true(text.includes(`\n${cells} \`balsa bench --data-dir\` |\n`), text);
  t.regex(text, /the disk \(ext4\) by itself wrote and synced 4 KiB in 90 µs \(p50\),\n310 µs/);
});

const spread = (median: number): object => ({ count: 5, min: 1, median, p99: 9, max: 9 });

const comparison = {
  cases: [
    {
      outstanding: 1_024,
      balsa: { writesPerSecond: spread(400_000), latencyMicros, cores: 1.5, errors: {} },
      etcd: {
        ...{ writesPerSecond: spread(10_000), latencyMicros, errors: {} },
        ...{ cores: 0.75, memberCores: 1 },
      },
      ratio: 40,
      p99Ratio: 1,
    },
  ],
  ...{ disk, etcd: { version: '3.4.23' } },
  verified: { balsa: { acknowledged: 900, lost: 1 }, etcd: { acknowledged: 100, lost: 1 } },
};

test('the section of etcd has both and their ratios, with the CPU of the members', (t) => {
  const row = { label: 'durable sets', command: 'balsa bench --peers etcd' };

  const text = etcdSection([{ ...row, results: [comparison] }]);

  t.regex(text, /^## Beside etcd\n\nDurable sets on balsa and on etcd 3\.4\.23, /);
  t.true(text.includes('\n| 1,024 | balsa | 400,000 | 100 µs | 1.50 ms | 1.50 |\n'), text);
  t.true(text.includes('\n|  | etcd | 10,000 | 100 µs | 1.50 ms | 1.75 |\n'), text);
  t.true(text.includes('\n|  | balsa / etcd | **40.0** |  | **1.000** |  |\n'), text);
  t.regex(text, /\nOf 1,000 acknowledged writes\n2 were lost\.$/);
});

test('where h2load drove etcd, too, its rows and ratios stand beside', (t) => {
  const row = { label: 'durable sets', command: 'balsa bench --peers etcd' };
  const h2load = { writesPerSecond: spread(20_000), latencyMicros, ratio: 20, p99Ratio: 2 };
  const cases = comparison.cases.map((one) => ({ ...one, h2load }));
  const run = { ...comparison, cases, h2load: { version: 'nghttp2/1.2.3' } };

  const text = etcdSection([{ ...row, results: [run] }]);

  t.true(text.includes('\nIn the rows with h2load (nghttp2/1.2.3) etcd is driven by'), text);
  t.true(text.includes('\n|  | etcd by h2load | 20,000 | 100 µs | 1.50 ms |  |\n'), text);
  t.true(text.includes('\n|  | balsa / etcd by h2load | **20.0** |  | **2.000** |  |\n'), text);
  t.false(etcdSection([{ ...row, results: [comparison] }]).includes('h2load'));
});

test('without a ratio, or without etcd, the section says nothing that was not measured', (t) => {
  const row = { label: 'durable sets', command: 'balsa bench --peers etcd' };
  const cases = comparison.cases.map(({ ratio: _, p99Ratio: __, ...rest }) => rest);

  const idle = etcdSection([{ ...row, results: [{ ...comparison, cases }] }]);
  const none = etcdSection([{ ...row, results: [{ skipped: 'etcd is not there' }] }]);

  t.true(idle.includes('\n|  | balsa / etcd |  |  |  |  |\n'), idle);
  t.is(none, '## Beside etcd\n\nNot measured: etcd is not there.');
});

test('the section of restarts has all starts of all runs, and the disk they take', (t) => {
  const run = (servedMs: readonly number[]): Record<string, unknown> => ({
    ...{ servedMs, cpuMs: [300, 500, 400], closedMs: [20, 40, 30] },
    ...{ directoryBytes: 16 * 2 ** 20, directoryBytesMost: 48 * 2 ** 20 },
  });
  const row = { label: '9 writes', command: 'balsa bench restart --keys 9' };

  const text = restartSection([{ ...row, results: [run([500, 700, 600]), run([900, 650, 550])] }]);

  t.regex(text, /^## How long until a closed cluster serves again\n/);
  const cells = '| 9 writes | 6 | 625 ms | 900 ms | 400 ms | 30 ms | 16 MiB | 48 MiB |';
  t.true(text.includes(`\n${cells} \`balsa bench restart --keys 9\` |`), text);
});

test('the section of snapshots has the longest of each kind of work, over its runs', (t) => {
  const run = (longestMs: number): Record<string, unknown> => ({
    keys: 1_000_000,
    pauses: [
      { name: 'a piece of it', longestMs, meanMs: 2, count: 1_500 },
      { name: 'a restore ends', longestMs: 1, meanMs: 1, count: 3 },
    ],
  });
  const row = { label: '', command: 'node dist/benchmarks/snapshot.js' };

  const text = snapshotSection([{ ...row, results: [run(20), run(40), run(30)] }]);

  t.regex(text, /a snapshot of\n1,000,000 keys /);
  t.true(text.includes('\n| a piece of it | 30 ms (20 ms–40 ms) | 2.0 ms | 1,500 |\n'), text);
  t.true(text.includes('\n| a restore ends | 1.0 ms (1.0 ms–1.0 ms) | 1.0 ms | 3 |'), text);
});

test('the section of syncs has both ways, over its runs', (t) => {
  const late = (p50: number): object => ({ ...latencyMicros, p50 });
  const run = (p50: number): Record<string, unknown> => ({
    ...{ fileSystem: 'ext4', inTheCall: late(p50), throughThePool: late(2 * p50) },
  });
  const row = { label: '', command: 'node dist/benchmarks/sync.js' };

  const text = syncSection([{ ...row, results: [run(90), run(70), run(80)] }]);

  t.regex(text, /\(fdatasync\) on ext4, .* Measured by\n`node dist\/benchmarks\/sync\.js`\./);
  t.true(text.includes('\n| in the call | 80 µs (70 µs–90 µs) | 1.50 ms |\n'), text);
  t.true(text.includes('\n| through the thread pool | 160 µs (140 µs–180 µs) | 1.50 ms |'), text);
});

test('the section of the simulator has each kind of scenario, over its runs', (t) => {
  const kind = (name: string, times: number): object => ({
    ...{ name, seedsPerSecond: 12.34, simulatedSecondsPerSecond: times },
    ...{ eventsPerSecond: 150_000, framesPerSecond: 60_000 },
    ...{ simulatedSecondsPerCpuSecond: times - 1, eventsPerCpuSecond: 1 },
  });
  const run = (times: number): Record<string, unknown> => ({
    kinds: [kind('swarm', times), kind('calm', 10 * times)],
  });
  const row = { label: '', command: 'node dist/benchmarks/simulation.js --seeds 9' };

  const text = simulationSection([{ ...row, results: [run(60), run(80), run(70)] }]);

  const figures = '69 | 150,000 | 60,000 | 12.3 |';
  t.true(text.includes(`\n| swarm, with all faults and checks | 70 (60–80) | ${figures}\n`), text);
  t.true(text.includes('\n| three nodes, no faults | 700 (600–800) | 699 | '), text);
});

const stepTimes = (ms: number): object => ({ ms, cpuMs: ms / 2 });

test('the section of recovery has the whole and its steps, from disk and from the cache', (t) => {
  const run = (slowest: number): Record<string, unknown> => ({
    ...{ fileSystem: 'ext4', logBytes: 2 ** 30, entries: 8_000, writes: 8_000_000 },
    cases: ['cold', 'warm'].map((cache) => ({
      ...{ cache, servedMs: [5_000, 7_000, 6_000], cpuMs: [4_000, 4_500, 5_000] },
      steps: {
        ...{ read: stepTimes(cache === 'cold' ? 900 : 100), crc: stepTimes(50) },
        ...{ decode: stepTimes(40), copy: stepTimes(10), apply: stepTimes(slowest) },
      },
    })),
  });
  const row = { label: '1GiB', command: 'balsa bench recovery --bytes 1GiB' };

  const text = recoverySection([{ ...row, results: [run(3_900), run(3_700), run(3_800)] }]);

  t.regex(text, /\n1,024 MiB of log with 8,000,000 sets, /);
  const serves = '| serves again | 6,000 ms | 4,500 ms | 6,000 ms | 4,500 ms |';
  t.true(text.includes(`\n|  | cold | CPU | warm | CPU |\n`), text);
  t.true(text.includes(`\n${serves}\n`), text);
  t.true(text.includes('\n| read | 900 ms | 450 ms | 100 ms | 50 ms |\n'), text);
  t.true(text.includes('\n| apply | 3,800 ms | 1,900 ms | 3,800 ms | 1,900 ms |\n'), text);
  t.regex(text, /takes longest: cold: apply \(80 % of the steps\); warm: apply \(95 % /);
});

test('the section of catching up has its time, and the writes before, during and after', (t) => {
  const stage = (p99: number): object => ({
    ...{ seconds: 3, writes: 60_000, latencyMicros: { ...latencyMicros, p99 } },
  });
  const run = (caughtUpMs: number): Record<string, unknown> => ({
    ...{ entries: 1_500, by: 'snapshot', caughtUpMs, verified: { lost: 0 } },
    stages: { before: stage(1_000), during: stage(30_000), after: stage(2_000) },
  });
  const row = { label: '9 writes', command: 'balsa bench catch-up --writes 9' };

  const text = catchUpSection([{ ...row, results: [run(900), run(700), run(800)] }]);

  const level = '| 9 writes | 1,500 | snapshot | 800 ms (700 ms–900 ms) | 60,000 |';
  const rest = '1.00 ms | 30.0 ms | 2.00 ms | 3.00 ms | 0 | `balsa bench catch-up --writes 9` |';
  t.true(text.includes(`\n${level} ${rest}`), text);
});

test('the section of saving has a row for the time in which it happened, and one for the rest', (t) => {
  const side = (longestMs: number): object => ({
    ...{ turns: 9, longestMs, longTurns: 1, own: { longestMs: longestMs / 2, longTurns: 0 } },
    ...{ loopDelayMs: { p99: 1, p999: 2, max: 3 }, writes: 100_000, latencyMicros },
  });
  const run = (longestMs: number): Record<string, unknown> => ({
    ...{ snapshots: 3, snapshotMs: 1_500, saving: side(longestMs), otherwise: side(4) },
  });
  const row = { label: 'in memory', command: 'balsa bench snapshot' };

  const text = savingSection([{ ...row, results: [run(8), run(12), run(10)] }]);

  const saving = '| in memory | saving | 10 ms (8.0 ms–12 ms) | 5.0 ms (4.0 ms–6.0 ms) | 1.0 ms |';
  t.true(text.includes(`\n${saving} 100,000 | 1.50 ms | 2.00 ms | `), text);
  t.true(text.includes('\n| in memory | otherwise | 4.0 ms (4.0 ms–4.0 ms) | 2.0 ms '), text);
  t.regex(text, /\n9 states were saved, in 1\.5 s each\.$/);
});

test('the section of backups has both ways, and the writes beside them', (t) => {
  const run = (median: number): Record<string, unknown> => ({
    config: { keys: 1_000_000, valueBytes: 100 },
    fileBytes: 118 * 2 ** 20,
    exportedMs: spread(median),
    importedMs: spread(3 * median),
    writes: {
      alone: { ...latencyMicros, max: 10_000 },
      exporting: { ...latencyMicros, max: 20_000 },
      importing: { ...latencyMicros, max: 30_000 },
    },
  });
  const row = { label: '', command: 'balsa bench backup --keys 9' };

  const text = backupSection([{ ...row, results: [run(2_000), run(1_000), run(1_500)] }]);

  t.true(text.includes('with 1,000,000 keys of 100 bytes each are exported'), text);
  t.true(text.includes(' The file has 118 MiB. Measured by\n`balsa bench backup --keys 9`.'), text);
  const longest = (value: string): string => `${value} (${value}–${value})`;
  t.true(text.includes(`\n| only writing |  | 1.50 ms | ${longest('10.0 ms')} |\n`), text);
  const times = '1,500 ms (1,000 ms–2,000 ms)';
  t.true(text.includes(`\n| exporting | ${times} | 1.50 ms | ${longest('20.0 ms')} |\n`), text);
  t.true(text.includes('\n| importing | 4,500 ms ('), text);
});
