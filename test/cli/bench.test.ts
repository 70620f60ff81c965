import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { balsa } from './balsa.js';

/** Runs a benchmark with `--json` and reads the one object that it prints. */
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await balsa(['bench', ...args, '--json']);
  if (exitCode !== 0 || stderr !== '') throw new Error(`exit code ${exitCode}: ${stderr}`);
  if (stdout.indexOf('\n') !== stdout.length - 1) throw new Error(`not one line: ${stdout}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

interface Shape {
  readonly config: Record<string, unknown>;
  readonly opsPerSecond: number;
  readonly latencyMicros: Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly baseline?: { readonly opsPerSecond: number; readonly ratio: number };
  readonly machine: { readonly roundTripMicros: number; readonly ringMessagesPerSecond: number };
  readonly verified: Record<string, unknown> & { readonly acknowledged: number };
  readonly elections: number;
  readonly errors: Record<string, number>;
  readonly command: string;
}

/** The names that are promised to whoever reads the object. */
const promised: readonly (readonly [string, (report: Shape) => object])[] = [
  ['config opsPerSecond latencyMicros cpuSeconds rssBytes baseline machine', (all) => all],
  ['verified elections', (all) => all],
  ['p50 p90 p99 p999 max', ({ latencyMicros }) => latencyMicros],
  ['opsPerSecond ratio', ({ baseline }) => baseline ?? {}],
  ['roundTripMicros ringMessagesPerSecond', ({ machine }) => machine],
  ['acknowledged lost digestsEqual', ({ verified }) => verified],
];

function missing(names: string, part: object): string[] {
  return names.split(' ').filter((name) => !(name in part));
}

test.serial('balsa bench --json prints one object with the names that others read', async (t) => {
  const args = ['--nodes', '3', '--seconds', '0.3', '--outstanding', '64', '--seed', '5'];
  const report = (await json(...args)) as unknown as Shape;
  const { config, latencyMicros, baseline, machine, verified } = report;

  for (const [names, part] of promised) t.deepEqual(missing(names, part(report)), [], names);
  t.like(config, { nodes: 3, outstanding: 64, valueBytes: 100, keys: 10_000, readRatio: 0 });
  t.like(config, { seconds: 0.3, clients: 1, seed: 5, baseline: true });
  t.true(report.opsPerSecond > 0);
  const { p50, p90, p99, p999, max } = latencyMicros;
  t.true(p50 > 0);
  t.deepEqual(
    [p50, p90, p99, p999, max],
    [p50, p90, p99, p999, max].toSorted((a, b) => a - b),
  );
  t.true(report.cpuSeconds > 0 && report.cpuSeconds < 60);
  t.true(report.rssBytes > 2 ** 25);
  const ratio = report.opsPerSecond / (baseline?.opsPerSecond ?? 0);
  t.true(Math.abs((baseline?.ratio ?? 0) - ratio) < 0.001, `${baseline?.ratio} of ${ratio}`);
  t.true(machine.roundTripMicros > 0 && machine.ringMessagesPerSecond > 0);
  t.like(verified, { lost: 0, ghosts: 0, digestsEqual: true });
  t.true(verified.acknowledged >= report.opsPerSecond * 0.3 * 0.9);
  t.true(report.elections >= 1);
  t.deepEqual(report.errors, {});
  t.is(report.command, `balsa bench ${args.join(' ')} --json`);
});

test.serial('one node, no baseline, gets at a rate from two threads', async (t) => {
  const args = ['--nodes', '1', '--seconds', '0.5', '--no-baseline', '--read-ratio', '1'];
  const report = (await json(...args, '--rate', '2000', '--clients', '2')) as unknown as Shape;

  t.false('baseline' in report);
  t.like(report.config, { nodes: 1, clients: 2, rate: 2_000, readRatio: 1 });
  t.true(report.opsPerSecond > 0 && report.opsPerSecond <= 2_200, `${report.opsPerSecond}`);
  t.like(report.verified, { acknowledged: 0, lost: 0, digestsEqual: true });
});

test.serial('values of the longest and the shortest length are taken', async (t) => {
  const tiny = ['--seconds', '0.1', '--no-baseline'];
  const [long, short] = await Promise.all([
    json(...tiny, '--value-bytes', '524000', '--keys', '100', '--outstanding', '2'),
    json(...tiny, '--value-bytes', '8', '--keys', '1'),
  ]);

  for (const report of [long, short] as unknown as Shape[]) {
    t.deepEqual(report.errors, {});
    t.is(report.verified['lost'], 0);
  }
});

test.serial('off a terminal the table is plain, and there is no progress bar', async (t) => {
  const ended = await balsa(['bench', '--nodes', '1', '--seconds', '0.2']);

  t.is(ended.exitCode, 0);
  t.is(ended.stderr, '');
  t.false(ended.stdout.includes('\u001b'));
  const names = ended.stdout.match(/^ {2}\w+/gm)?.map((name) => name.trim());
  const expected = ['load', 'throughput', 'latency', 'cost', 'machine', 'elections', 'verified'];
  t.deepEqual(names, expected);
  t.regex(ended.stdout, /of [\d,]+ on one thread without consensus/);
  t.regex(ended.stdout, /acknowledged writes, 0 lost\n$/);
});

test.serial('what the cluster forgets is found, and the run has failed', async (t) => {
  const args = ['bench', '--seconds', '0.2', '--nodes', '1', '--keys', '1', '--no-baseline'];
  const ended = await balsa([...args, '--json'], { preload: 'forgetful' });

  t.is(ended.exitCode, 1);
  t.regex(ended.stderr, /^balsa: wrong values at key0\n$/);
  t.true(JSON.parse(ended.stdout).verified.lost > 0);
});

test.serial('more clients than calls is an option out of range', async (t) => {
  const ended = await balsa(['bench', '--outstanding', '2', '--clients', '3']);

  t.is(ended.exitCode, 2);
  t.regex(ended.stderr, /^balsa: RAFT_INVALID_OPTION: --outstanding is '2'; expected at least/);
});

test.serial(
  'balsa bench failover --json gives one time for each kill, and nothing is lost',
  async (t) => {
    const report = await json('failover', '--kills', '2');

    const times = report['resumedAfterMs'] as number[];
    t.is(times.length, 2);
    t.true(times.every((time) => time > 0));
    t.is((report['spread'] as { count: number }).count, 2);
    t.is(report['electionTimeoutMs'], 300);
    t.true((report['elections'] as number) >= 3);
    t.like(report['verified'], { lost: 0, undead: 0, digestsEqual: true });
  },
);

test.serial(
  'balsa bench sizes --json gives a result for each size, the first one as the measure',
  async (t) => {
    const report = await json('sizes', '--sizes', '1,2', '--seconds', '0.1', '--outstanding', '16');

    const sizes = report['sizes'] as Record<string, unknown>[];
    t.deepEqual(
      sizes.map(({ nodes }) => nodes),
      [1, 2],
    );
    t.is(sizes[0]?.['ratioToFirst'], 1);
    for (const { verified } of sizes) t.like(verified, { lost: 0, digestsEqual: true });
  },
);

test.serial(
  'balsa bench report writes a page with commit, machine and the command of each row',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'balsa-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const file = join(folder, 'benchmarks.md');

    const ended = await balsa([
      ...['bench', 'report', 'failover', '--runs', '1', '--kills', '1', '--out', file],
    ]);
    const page = await readFile(file, 'utf8');

    t.deepEqual(ended, { exitCode: 0, stdout: `${file} is written\n`, stderr: '' });
    t.regex(page, /^# Benchmarks\n/);
    t.regex(page, /\n- Machine: .+, \d+ cores, \d+ GiB, /);
    t.regex(page, /\n- Node\.js: v\d+/);
    t.regex(page, /\n- Commit: \S+/);
    t.regex(
      page,
      /\| 3 nodes \| 1 \| [\d.,]+ m?s \|.*\| 0 \| `balsa bench failover --nodes 3 --kills 1` \|/,
    );
    t.notRegex(page, /NaN|undefined/);
  },
);

test.serial(
  'balsa bench report finds out before it measures that its file cannot be written',
  async (t) => {
    const ended = await balsa(['bench', 'report', '--out', '/nowhere/at/all.md']);

    t.is(ended.exitCode, 2);
    t.regex(ended.stderr, /^balsa: RAFT_INVALID_OPTION: --out cannot be written: ENOENT/);
  },
);
