/** `balsa bench`: what a committed operation costs here. */
import { type Command, Option } from 'commander';
import { measureThroughput } from '../../benchmarks/throughput.js';
import { RaftError } from '../errors.js';
import { backupCommand } from './bench-backup.js';
import { catchUpCommand } from './bench-catch-up.js';
import { failoverCommand } from './bench-failover.js';
import {
  addCommonOptions,
  addDurabilityOptions,
  addLoadOptions,
  addTimeOptions,
  type CommonFlags,
  checkData,
  type DurabilityFlags,
  durableOf,
  type LoadFlags,
  type TimeFlags,
  warmupOf,
} from './bench-options.js';
import { runPeers } from './bench-peers.js';
import { recoveryCommand } from './bench-recovery.js';
import { reelectionCommand } from './bench-reelection.js';
import { reportCommand } from './bench-report.js';
import { restartCommand } from './bench-restart.js';
import { judged, measureWith, provenance } from './bench-run.js';
import { sizesCommand } from './bench-sizes.js';
import { liveSnapshotCommand } from './bench-snapshot.js';
import { benchText } from './bench-text.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

interface BenchFlags extends LoadFlags, TimeFlags, DurabilityFlags, CommonFlags {
  readonly nodes: number;
  readonly rate?: number;
  readonly clients: number;
  readonly baseline: boolean;
  readonly peers?: 'etcd';
}

export function benchCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const bench = program
    .command('bench')
    .summary('measure throughput and latency; its subcommands measure all else')
    .description(
      'Puts load on a cluster in this process, and in the same run on the same store on ' +
        'one thread without consensus. At the end every acknowledged write is read back and ' +
        'all nodes are compared; exits with 1 if anything is lost or differs.',
    )
    .option('--nodes <n>', 'nodes of the cluster, 1 to 9', whole('--nodes', { min: 1, max: 9 }), 3);
  addLoadOptions(bench)
    .option('--rate <ops>', 'calls a second, latency from the intended start (open loop)', rate)
    .option('--clients <c>', 'more than 1: each on a thread of its own', clients, 1)
    .option('--no-baseline', 'do not measure the store without consensus')
    .addOption(
      new Option(
        '--peers <who>',
        'durable writes beside a real etcd, in turn, at 64 and at 1,024 calls outstanding, ' +
          'and by h2load where that is installed, too; skipped without etcd',
      ).choices(['etcd']),
    );
  addDurabilityOptions(bench);
  addTimeOptions(bench, 10);
  addCommonOptions(bench)
    .addHelpText('after', examples)
    .action(async (flags: BenchFlags, command: Command) => {
      end(await (flags.peers ? runPeers(flags, command, terminal) : run(flags, terminal)));
    });
  failoverCommand(bench, terminal, end);
  reelectionCommand(bench, terminal, end);
  restartCommand(bench, terminal, end);
  recoveryCommand(bench, terminal, end);
  sizesCommand(bench, terminal, end);
  liveSnapshotCommand(bench, terminal, end);
  catchUpCommand(bench, terminal, end);
  backupCommand(bench, terminal, end);
  reportCommand(bench, terminal, end);
}

const rate = whole('--rate', { min: 1, max: 100_000_000 });
const clients = whole('--clients', { min: 1, max: 16 });

const examples = `
Examples:
  balsa bench
  balsa bench --outstanding 64 --seconds 5
  balsa bench --outstanding 1 --no-baseline
  balsa bench --data-dir --outstanding 64
  balsa bench --data-dir /mnt/disk --sync-policy none
  balsa bench --read-ratio 1 --value-bytes 1000
  balsa bench --rate 100000 --clients 2 --json
  balsa bench --peers etcd`;

async function run(flags: BenchFlags, terminal: Terminal): Promise<number> {
  const { stdout, signal } = terminal;
  const { nodes, seconds, clients: clientCount, baseline, json } = flags;
  const { outstanding, valueBytes, keys, readRatio } = flags;
  checkData(flags);
  if (outstanding < clientCount) {
    const text = `--outstanding is '${outstanding}'; expected at least one call for each client`;
    throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--outstanding' } });
  }
  const workload = { outstanding, valueBytes, keys, readRatio, rate: flags.rate };
  const warmupSeconds = warmupOf(flags);
  const durable = durableOf(flags);
  const settings = { nodes, ...workload, seconds, warmupSeconds, clients: clientCount };
  const subject = { baseline, machine: true, durable, seed: flags.seed };
  const measured = await measureWith(terminal, (onPhase) =>
    measureThroughput({ ...settings, ...subject, signal, onPhase }),
  );
  const { seed, machine, ...result } = measured;
  const origin = await provenance();
  const report = {
    config: { ...settings, baseline, seed, ...durable },
    ...result,
    ...origin,
    machine: { ...machine, ...origin.machine },
  };
  stdout.write(json === true ? `${JSON.stringify(report)}\n` : benchText(report, stdout.colours));
  return judged(terminal, measured.verified);
}
