import { readFile } from 'node:fs/promises';
import test from 'ava';
import { runCommandLine } from '../../src/cli/command-line.js';
import { balsa, type Ended } from './balsa.js';
import { inProcess } from './in-process.js';

const run = (args: readonly string[]): Promise<Ended> => inProcess(runCommandLine, args);

interface Refusal {
  readonly args: string;
  /** The whole of standard error but for its newline. */
  readonly says: string | RegExp;
}

const seeds = 'expected a whole number from 0 to 4,294,967,295';

const refused: readonly Refusal[] = [
  { args: 'strat', says: "unknown command 'strat' (did you mean start?); see balsa --help" },
  { args: 'frobnicate', says: "unknown command 'frobnicate'; see balsa --help" },
  { args: '--nodez 3', says: "unknown option '--nodez' (did you mean --nodes?); see balsa --help" },
  { args: 'bench --secnds 1', says: /^unknown option '--secnds' \(did you mean .*--seconds/ },
  { args: 'start --nodes', says: "option '--nodes <n>' argument missing; see balsa --help" },
  { args: 'start extra', says: /^too many arguments for 'start'.* see balsa --help$/ },
  { args: 'run', says: "missing required argument 'file'; see balsa --help" },
  { args: 'bench flood', says: /^too many arguments for 'bench'.*|^unknown .*'flood'/ },
  {
    args: 'start --nodes 2',
    says:
      "RAFT_INVALID_OPTION: --nodes is '2'; expected a whole number from 3 to 9: " +
      'fewer do not survive their leader',
  },
  { args: 'start --nodes 10', says: /^RAFT_INVALID_OPTION: --nodes is '10'; .* from 3 to 9/ },
  { args: 'start --seed -1', says: `RAFT_INVALID_OPTION: --seed is '-1'; ${seeds}` },
  {
    args: 'start --seed 4294967296',
    says: `RAFT_INVALID_OPTION: --seed is '4294967296'; ${seeds}`,
  },
  { args: 'start --seconds soon', says: /^RAFT_INVALID_OPTION: --seconds is 'soon'; expected a n/ },
  { args: 'run --seed x a.chi', says: `RAFT_INVALID_OPTION: --seed is 'x'; ${seeds}` },
  { args: 'bench --nodes 0', says: /^RAFT_INVALID_OPTION: --nodes is '0'; .* from 1 to 9$/ },
  { args: 'bench --nodes 3.5', says: /^RAFT_INVALID_OPTION: --nodes is '3.5'; .* from 1 to 9$/ },
  { args: 'bench --outstanding 0', says: /^RAFT_INVALID_OPTION: --outstanding is '0'; / },
  { args: 'bench --outstanding 65537', says: /^RAFT_INVALID_OPTION: --outstanding is '65537'; / },
  { args: 'bench --value-bytes 1e9', says: /^RAFT_INVALID_OPTION: --value-bytes is '1e9'; / },
  { args: 'bench --keys 0', says: /^RAFT_INVALID_OPTION: --keys is '0'; / },
  { args: 'bench --seconds 0', says: /^RAFT_INVALID_OPTION: --seconds is '0'; / },
  { args: 'bench --seconds NaN', says: /^RAFT_INVALID_OPTION: --seconds is 'NaN'; / },
  { args: 'bench --warmup -1', says: /^RAFT_INVALID_OPTION: --warmup is '-1'; / },
  {
    args: 'bench --read-ratio 1.1',
    says: /^RAFT_INVALID_OPTION: --read-ratio is '1.1'; .* 0 to 1$/,
  },
  { args: 'bench --rate 0', says: /^RAFT_INVALID_OPTION: --rate is '0'; / },
  { args: 'bench --clients 17', says: /^RAFT_INVALID_OPTION: --clients is '17'; .* 1 to 16$/ },
  {
    args: 'bench --keys 1000 --value-bytes 500000',
    says:
      "RAFT_INVALID_OPTION: --keys is '1000', with values of 500000 bytes; " +
      'expected at most 256 MiB of values',
  },
  {
    args: 'bench --sync-policy none',
    says: /^RAFT_INVALID_OPTION: --sync-policy is 'none', for data in memory; .* --data-dir /,
  },
  {
    args: 'bench --data-dir --sync-policy maybe',
    says: /'maybe' is invalid.* choices are always, /,
  },
  {
    args: 'bench --data-dir /nowhere/at/all',
    says: /^RAFT_INVALID_OPTION: --data-dir cannot be used: ENOENT: /,
  },
  { args: 'bench --peers zookeeper', says: /'zookeeper' is invalid.* Allowed choices are etcd/ },
  {
    args: 'bench --peers etcd --rate 5',
    says: /^RAFT_INVALID_OPTION: --rate is set, beside --peers; expected durable writes in a clo/,
  },
  { args: 'bench --peers etcd --clients 2', says: /^RAFT_INVALID_OPTION: --clients is set, / },
  { args: 'bench --peers etcd --read-ratio 1', says: /^RAFT_INVALID_OPTION: --read-ratio is set/ },
  {
    args: 'bench --peers etcd --sync-policy none',
    says: /^RAFT_INVALID_OPTION: --sync-policy is set, beside --peers; expected always, /,
  },
  { args: 'bench failover --kills 0', says: /^RAFT_INVALID_OPTION: --kills is '0'; / },
  { args: 'bench failover --nodes 1', says: /^RAFT_INVALID_OPTION: --nodes is '1'; .* 3 to 9/ },
  { args: 'bench sizes --sizes 1,2,x', says: /^RAFT_INVALID_OPTION: --sizes is '1,2,x'; / },
  {
    args: 'bench sizes --keys 1000000 --value-bytes 1000',
    says: /^RAFT_INVALID_OPTION: --keys is /,
  },
  {
    args: 'bench reelection --failed 4',
    says: /^RAFT_INVALID_OPTION: --failed is '4'; of 8 nodes at most 3 may fail$/,
  },
  { args: 'bench reelection --failed 0', says: /^RAFT_INVALID_OPTION: --failed is '0'; / },
  { args: 'bench reelection --trials 0', says: /^RAFT_INVALID_OPTION: --trials is '0'; / },
  {
    args: 'bench restart --keys 100000 --value-bytes 8000',
    says: /^RAFT_INVALID_OPTION: --keys is '100000', .* at most 448 MiB/,
  },
  {
    args: 'bench recovery --bytes 2GiB',
    says: "RAFT_INVALID_OPTION: --bytes is '2GiB'; expected a size from 32MiB to 1GiB",
  },
  { args: 'bench recovery --bytes many', says: /^RAFT_INVALID_OPTION: --bytes is 'many'; / },
  { args: 'bench recovery --bytes -1', says: /^RAFT_INVALID_OPTION: --bytes is '-1'; / },
  { args: 'bench recovery --value-bytes 30001', says: /^RAFT_INVALID_OPTION: --value-bytes is / },
  { args: 'bench recovery --recoveries 0', says: /^RAFT_INVALID_OPTION: --recoveries is '0'; / },
  {
    args: 'bench recovery --data-dir /nowhere/at/all',
    says: /^RAFT_INVALID_OPTION: --data-dir cannot be used: ENOENT: /,
  },
  { args: 'bench catch-up --nodes 2', says: /--nodes is '2'; .* fewer do not survive a follower$/ },
  { args: 'bench catch-up --writes 0', says: /^RAFT_INVALID_OPTION: --writes is '0'; / },
  { args: 'bench catch-up --sync-policy none', says: /, for data in memory; .* --data-dir beside/ },
  { args: 'bench snapshot --keys 0', says: /^RAFT_INVALID_OPTION: --keys is '0'; / },
  { args: 'bench snapshot --rate 0', says: /^RAFT_INVALID_OPTION: --rate is '0'; / },
  {
    args: 'bench snapshot --value-bytes 1000',
    says: /^RAFT_INVALID_OPTION: --keys is '1000000', with values of 1000 bytes; .* 256 MiB/,
  },
  { args: 'bench backup --rounds 0', says: /^RAFT_INVALID_OPTION: --rounds is '0'; / },
  {
    args: 'bench backup --value-bytes 1000',
    says: /^RAFT_INVALID_OPTION: --keys is '1000000', with values of 1000 bytes; .* 256 MiB/,
  },
  {
    args: 'bench backup --data-dir /nowhere/at/all',
    says: /^RAFT_INVALID_OPTION: --data-dir cannot be used: ENOENT: /,
  },
  { args: 'bench reelection --fault rain', says: /'rain' is invalid.* Allowed choices are cut, / },
  { args: 'bench report weather', says: /'weather' is invalid.* Allowed choices are throughput, / },
  { args: 'bench report --runs 0', says: /^RAFT_INVALID_OPTION: --runs is '0'; / },
];

for (const { args, says } of refused) {
  test(`balsa ${args} is one clear line and exit code 2`, async (t) => {
    const ended = await run(args.split(' '));

    t.is(ended.exitCode, 2);
    t.is(ended.stdout, '');
    t.true(ended.stderr.startsWith('balsa: '), ended.stderr);
    const said = ended.stderr.slice('balsa: '.length, -1);
    t.false(said.includes('\n'), said);
    if (typeof says === 'string') t.is(said, says);
    else t.regex(said, says);
  });
}

test('--version prints that of the package, and nothing else', async (t) => {
  const manifest = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');

  const ended = await balsa(['--version']);

  t.deepEqual(ended, { exitCode: 0, stdout: `${JSON.parse(manifest).version}\n`, stderr: '' });
});

const commands = [
  '',
  'start',
  'run',
  'bench',
  'bench failover',
  'bench reelection',
  'bench restart',
  'bench sizes',
  'bench snapshot',
  'bench catch-up',
  'bench recovery',
  'bench backup',
  'bench report',
];

for (const command of commands) {
  test(`balsa ${command} --help gives usage and examples`, async (t) => {
    const ended = await run([...command.split(' '), '--help'].filter((word) => word !== ''));

    t.is(ended.exitCode, 0);
    t.is(ended.stderr, '');
    t.regex(ended.stdout, new RegExp(`^Usage: balsa ${command}`));
    t.regex(ended.stdout, /\nExamples:\n {2}balsa /);
    t.deepEqual(
      ended.stdout.split('\n').filter((line) => line.length > 90),
      [],
    );
  });
}

test('balsa help COMMAND is balsa COMMAND --help', async (t) => {
  const [long, short] = await Promise.all([run(['help', 'run']), run(['run', '--help'])]);

  t.deepEqual(long, short);
});

test('the process itself ends with the exit code, and says why on standard error', async (t) => {
  const ended = await balsa(['bench', '--nodes', '0']);

  t.is(ended.exitCode, 2);
  t.is(ended.stdout, '');
  t.regex(ended.stderr, /^balsa: RAFT_INVALID_OPTION: --nodes is '0'; expected .*\n$/);
});
