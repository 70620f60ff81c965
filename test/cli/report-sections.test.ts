/** The sections of docs/benchmarks.md about disks, from figures that are made up. */
import test from 'ava';
import { durableSection, etcdSection } from '../../benchmarks/report-sections.js';

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

test('without a ratio, or without etcd, the section says nothing that was not measured', (t) => {
  const row = { label: 'durable sets', command: 'balsa bench --peers etcd' };
  const cases = comparison.cases.map(({ ratio: _, p99Ratio: __, ...rest }) => rest);

  const idle = etcdSection([{ ...row, results: [{ ...comparison, cases }] }]);
  const none = etcdSection([{ ...row, results: [{ skipped: 'etcd is not there' }] }]);

  t.true(idle.includes('\n|  | balsa / etcd |  |  |  |  |\n'), idle);
  t.is(none, '## Beside etcd\n\nNot measured: etcd is not there.');
});
