/**
 * `balsa bench --peers etcd`: what is said where etcd is missing or ends, and that nothing of it is
 * left. The tests with a real etcd are skipped where it is not installed.
 */
import { once } from 'node:events';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { etcdVersion } from '../../benchmarks/etcd-members.js';
import { h2loadVersion } from '../../benchmarks/h2load.js';
import { balsa, type Ended, lineWith, type Running, start } from './balsa.js';

const isInstalled = (await etcdVersion()) !== undefined && process.platform === 'linux';
const withEtcd = isInstalled ? test.serial : test.serial.skip;

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'balsa-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the comparison with a script in the place of etcd; `SEEN` is a file for it to write. */
async function withScript(t: ExecutionContext, script: string): Promise<Ended & { seen: string }> {
  const places = { bin: folderFor(t), data: folderFor(t) };
  const file = join(places.bin, 'etcd');
  const seen = join(places.bin, 'seen');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  writeFileSync(seen, '');
  chmodSync(file, 0o755);
  const env = { PATH: `${places.bin}:${process.env['PATH']}`, SEEN: seen };

  const ended = await balsa(['bench', '--peers', 'etcd', '--data-dir', places.data], { env });

  t.deepEqual(readdirSync(places.data), [], 'what was made there is gone');
  return { ...ended, seen: readFileSync(seen, 'utf8') };
}

const version = `if [ "$1" = --version ]; then echo 'etcd Version: 9.9.9'; exit; fi`;

test.serial('where etcd is not installed the comparison is skipped, with a word', async (t) => {
  const env = { PATH: folderFor(t) };
  const [text, json] = await Promise.all([
    balsa(['bench', '--peers', 'etcd'], { env }),
    balsa(['bench', '--peers', 'etcd', '--json'], { env }),
  ]);

  const why = 'etcd is not installed (on Debian: apt-get install etcd-server)';
  t.deepEqual(text, { exitCode: 0, stdout: `skipped: ${why}\n`, stderr: '' });
  t.is(json.exitCode, 0);
  t.deepEqual(JSON.parse(json.stdout), { skipped: why });
});

test.serial('balsa bench report says that etcd was not measured, and why', async (t) => {
  const file = join(folderFor(t), 'benchmarks.md');
  const args = ['bench', 'report', 'etcd', '--runs', '1', '--out', file];

  const ended = await balsa(args, { env: { PATH: folderFor(t) } });

  t.deepEqual(ended, { exitCode: 0, stdout: `${file} is written\n`, stderr: '' });
  const page = readFileSync(file, 'utf8');
  t.regex(page, /\n## Beside etcd\n\nNot measured: etcd is not installed \(/);
  t.regex(page, /\n- Commit: nothing was measured\n/);
});

test.serial('an etcd that cannot be run is told from one that is not there', async (t) => {
  const ended = await withScript(t, 'echo no such luck >&2; exit 7');

  t.is(ended.exitCode, 1);
  t.regex(ended.stderr, /^balsa: etcd cannot be run: .*no such luck\n$/);
});

test.serial('a member that does not start is named, with what it said', async (t) => {
  const ended = await withScript(t, `${version}; echo 'panic: no room'; echo main.go:28; exit 3`);

  t.is(ended.exitCode, 1);
  t.is(ended.stdout, '');
  t.regex(ended.stderr, /^balsa: member m\d of etcd ended with 3: panic: no room\n$/);
});

test.serial('ports that somebody took meanwhile are tried anew, three times', async (t) => {
  const words = `echo "$PWD $6" >> "$SEEN"; echo 'bind: address already in use'`;
  const script = `${version}; ${words}; exit 1`;
  const ended = await withScript(t, script);

  t.is(ended.exitCode, 1);
  t.regex(ended.stderr, /^balsa: member m\d of etcd ended with 1: bind: address already in use\n$/);
  // The end of one member is that of the others, which may have said nothing yet.
  const tries = [...ended.seen.matchAll(/\/([123])\/m\d (\S+)$/gm)];
  t.deepEqual([...new Set(tries.map(([, attempt]) => attempt))].sort(), ['1', '2', '3']);
  t.is(new Set(tries.map(([, , url]) => url)).size, tries.length, ended.seen);
});

test.serial('variables of etcd in the environment are not for this cluster', async (t) => {
  const script = `${version}; env | grep ^ETCD_ >> "$SEEN"; exit 1`;
  process.env['ETCD_DATA_DIR'] = '/elsewhere';
  t.teardown(() => {
    delete process.env['ETCD_DATA_DIR'];
  });

  t.is((await withScript(t, script)).seen, '');
});

withEtcd('balsa and etcd are measured in turn, and all their writes are there', async (t) => {
  const folder = folderFor(t);
  const args = ['--peers', 'etcd', '--data-dir', folder, '--seconds', '0.5', '--keys', '500'];

  const { exitCode, stdout, stderr } = await balsa(['bench', ...args, '--json']);

  t.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  const { cases, config, disk, etcd, h2load, verified } = JSON.parse(stdout);
  t.like(config, { peer: 'etcd', nodes: 3, outstanding: [64, 1_024], keys: 500, dataDir: folder });
  t.regex(etcd.version, /^\d+\.\d+/);
  t.true(disk.syncMicros.p50 > 0);
  t.deepEqual(
    cases.map(({ outstanding }: { outstanding: number }) => outstanding),
    [64, 1_024],
  );
  for (const one of cases) {
    const { balsa: ours, etcd: theirs } = one;
    t.deepEqual([ours.errors, theirs.errors], [{}, {}]);
    t.is(ours.writesPerSecond.count, 5);
    t.is(theirs.writesPerSecond.count, 5);
    t.true(theirs.memberCores >= 0);
    // A machine that is busy with others may get nothing done in so short a time.
    const speed = theirs.writesPerSecond.median;
    t.is('ratio' in one, speed > 0);
    if (speed > 0) t.true(Math.abs(one.ratio - ours.writesPerSecond.median / speed) <= 0.001);
    const p99 = theirs.latencyMicros.p99;
    t.is('p99Ratio' in one, p99 > 0);
    if (p99 > 0) t.true(Math.abs(one.p99Ratio - ours.latencyMicros.p99 / p99) <= 0.001);
  }
  t.like(verified.balsa, { lost: 0, ghosts: 0, digestsEqual: true });
  t.like(verified.etcd, { lost: 0, ghosts: 0 });
  t.true(verified.balsa.acknowledged > 0 && verified.etcd.acknowledged > 0);
  t.is(verified.etcd.done, verified.etcd.acknowledged);
  t.is(h2load?.version, await h2loadVersion());
  if (h2load !== undefined) {
    const { acknowledged, done } = verified.etcd.h2load;
    t.true(acknowledged > 0 && done >= acknowledged);
    for (const one of cases) t.is(one.h2load.writesPerSecond.count, 5);
  }
  t.deepEqual(readdirSync(folder), []);
});

/** Runs the comparison with a real etcd, and a script in the place of h2load. */
async function withH2load(t: ExecutionContext, script: string): Promise<Ended> {
  const places = { bin: folderFor(t), data: folderFor(t) };
  const file = join(places.bin, 'h2load');
  const report = 'requests: 9 total, 9 started, 9 done, 5 succeeded, $FAILED failed, 0 errored';
  const lines = ['if [ "$1" = --version ]; then echo h2load nghttp2/9.9; exit; fi', script];
  writeFileSync(file, `#!/bin/sh\n${lines.join('\n')}\necho "${report}"\n`);
  chmodSync(file, 0o755);
  const env = { PATH: `${places.bin}:${process.env['PATH']}` };
  const size = ['--nodes', '1', '--seconds', '0.1', '--outstanding', '1'];
  const args = ['bench', '--peers', 'etcd', '--data-dir', places.data, ...size, '--json'];

  const ended = await balsa(args, { env });

  t.deepEqual(readdirSync(places.data), []);
  return ended;
}

withEtcd('what h2load takes for acknowledged has to be in etcd', async (t) => {
  const { exitCode, stdout, stderr } = await withH2load(t, 'FAILED=0');

  t.is(exitCode, 1);
  t.is(stderr, 'balsa: etcd did 0 writes and acknowledged 25\n');
  t.deepEqual(JSON.parse(stdout).verified.etcd.h2load, { acknowledged: 25, done: 0 });
});

withEtcd('an h2load that fails, or whose calls do, ends the comparison', async (t) => {
  const broken = await withH2load(t, 'echo no such option >&2; exit 1');
  const refused = await withH2load(t, 'FAILED=4');

  t.deepEqual([broken.exitCode, refused.exitCode], [1, 1]);
  t.regex(broken.stderr, /^balsa: h2load: no such option\n$/);
  t.is(refused.stderr, 'balsa: h2load: 4 calls failed\n');
});

withEtcd('what etcd forgets, or has never done, is found, and the run has failed', async (t) => {
  const args = ['bench', '--peers', 'etcd', '--data-dir', folderFor(t), '--seconds', '0.2'];

  const ended = await balsa([...args, '--keys', '1', '--json'], { preload: 'forgetful-etcd' });

  t.is(ended.exitCode, 1);
  t.regex(
    ended.stderr,
    /^balsa: wrong values in etcd at key0; etcd did (\d+) writes and ackn.*\n$/,
  );
  t.is(JSON.parse(ended.stdout).verified.etcd.lost, 1);
});

interface InTheMiddle extends Running {
  readonly folder: string;
  /** Its members: process ids by name. */
  readonly members: ReadonlyMap<string, number>;
}

/** A comparison that has begun to put load on both. */
async function inTheMiddle(t: ExecutionContext): Promise<InTheMiddle> {
  const folder = folderFor(t);
  const args = ['bench', '--peers', 'etcd', '--data-dir', folder, '--seconds', '40', '--json'];
  const running = start(args, { preload: 'tells-of-load' });
  t.teardown(() => running.process.kill('SIGKILL'));
  await lineWith(running, 'load begins');
  const members = membersIn(folder);
  t.deepEqual([...members.keys()].toSorted(), ['m1', 'm2', 'm3']);
  return { ...running, folder, members };
}

/** The processes of etcd that work in a folder, by their names. */
function membersIn(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const isHere = readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      if (isHere && words[0] === 'etcd') found.set(words[2] ?? '', Number(pid));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** A connection of a client to a member, which closes when the member ends. */
async function connectionTo(pid: number): Promise<Socket> {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const url = new URL(words[words.indexOf('--listen-client-urls') + 1] ?? '');
  const socket = connect(Number(url.port), url.hostname);
  // The end of a member may reset it.
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  return socket;
}

withEtcd('Ctrl-C ends the comparison, and no member and no directory is left', async (t) => {
  const running = await inTheMiddle(t);

  running.process.kill('SIGINT');
  const { exitCode, stderr } = await running.ended;

  t.deepEqual({ exitCode, stderr }, { exitCode: 130, stderr: '' });
  t.is(membersIn(running.folder).size, 0);
  t.deepEqual(readdirSync(running.folder), []);
});

withEtcd('a member that is killed ends the comparison with its name', async (t) => {
  const running = await inTheMiddle(t);

  process.kill(running.members.get('m2') as number, 'SIGKILL');
  const { exitCode, stdout, stderr } = await running.ended;

  t.is(exitCode, 1);
  t.false(stdout.includes('{'));
  t.regex(stderr, /^balsa: member m2 of etcd ended with SIGKILL: [^\n]+\n$/);
  t.is(membersIn(running.folder).size, 0);
  t.deepEqual(readdirSync(running.folder), []);
});

withEtcd('even kill -9 of balsa leaves no member behind', async (t) => {
  const running = await inTheMiddle(t);

  const connections = await Promise.all([...running.members.values()].map(connectionTo));
  const ends = connections.map((one) => new Promise((resolve) => one.once('close', resolve)));

  running.process.kill('SIGKILL');
  await running.ended;

  // They are ended by the pipe that closed with it, each by itself.
  await Promise.all(ends);
  t.is(membersIn(running.folder).size, 0);
});
