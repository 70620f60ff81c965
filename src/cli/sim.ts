/** `balsa sim`: clusters under virtual time, one a seed, with everything that can go wrong. */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { Piscina } from 'piscina';
import { systemClock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { SeedReport, SeedsTask } from '../sim/task.js';
import { exitCode } from './exit-code.js';
import { decimal, whole } from './option-value.js';
import { createProgress } from './progress.js';
import { playbackCommand } from './sim-playback.js';
import { replayCommand } from './sim-replay.js';
import { shrinkCommand } from './sim-shrink.js';
import { jsonOf, type SwarmReport, swarmText } from './sim-text.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly seeds?: SeedRange;
  readonly parallel: number;
  readonly minutes?: number;
  readonly json?: true;
}

interface SeedRange {
  readonly first: number;
  readonly last: number;
}

export function simCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const sim = program
    .command('sim')
    .summary('simulate clusters under faults and check that nothing breaks')
    .description(
      'Runs real nodes and clients in one thread under virtual time, hundreds of times faster ' +
        'than the clock. Each seed draws a cluster, a load and faults of its own; after every ' +
        'turn of a node the invariants of Raft are checked, and at the end the history of the ' +
        'clients. The same seed always gives the same run.',
    )
    .option('--seeds <a..b>', `which seeds (default: ${freshSeeds} fresh ones)`, seedsOf)
    .option('--parallel <p>', 'threads', whole('--parallel', { min: 1, max: 64 }), threads())
    .option(
      '--minutes <m>',
      'end after this time',
      decimal('--minutes', { min: 0.01, max: 10_000 }),
    )
    .option('--json', 'one JSON object on standard output, and nothing else there')
    .addHelpText('after', examples)
    .action(async (flags: Flags) => end(await run(flags, terminal)));
  replayCommand(sim, terminal, end);
  shrinkCommand(sim, terminal, end);
  playbackCommand(sim, terminal, end);
}

const freshSeeds = 300;
/** Seeds that a thread gets at once: enough to be busy, few enough to end soon. */
const seedsPerTask = 2;
const seedMax = 2 ** 40;

const examples = `
Examples:
  balsa sim
  balsa sim --seeds 1..10000 --minutes 5
  balsa sim replay 4711 --trace
  balsa sim shrink 4711

Exit codes:
  0    no invariant was broken, and every history is linearizable
  1    something broke; the first seed is named, with the command that runs it again
  2    the command line cannot be used
  3    no violation, but a history could not be decided`;

function threads(): number {
  return Math.min(64, availableParallelism());
}

/** Reads `A..B`, or one seed. */
function seedsOf(text: string): SeedRange {
  const [, first, last = first] = /^(\d{1,13})(?:\.\.(\d{1,13}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (first !== undefined && range.first <= range.last && range.last <= seedMax) return range;
  const message = `--seeds is '${text}'; expected two seeds as in 1..1000, from 0 to ${seedMax}`;
  throw new RaftError('RAFT_INVALID_OPTION', message, { details: { option: '--seeds' } });
}

/** Seeds that nobody has run before, in all likelihood. */
function freshRange(): SeedRange {
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  const first = 1_000 * drawn;
  return { first, last: first + freshSeeds - 1 };
}

async function run(flags: Flags, { stdout, stderr, signal }: Terminal): Promise<number> {
  const range = flags.seeds ?? freshRange();
  if (flags.seeds === undefined) stderr.write(`base seed ${range.first}\n`);
  const report = await runSwarm(range, flags, { stderr, signal });
  stdout.write(flags.json === true ? jsonOf(report) : swarmText(report, stdout.colours));
  if (report.failure !== undefined) return exitCode.failed;
  return report.undecided === 0 ? exitCode.ok : exitCode.unknown;
}

async function runSwarm(
  range: SeedRange,
  flags: Flags,
  { stderr, signal }: Pick<Terminal, 'stderr' | 'signal'>,
): Promise<SwarmReport> {
  const startedMs = systemClock.nowMs();
  const deadlineMs = startedMs + (flags.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const totals = emptyTotals();
  let failure: SeedReport | undefined;
  let next = range.first;
  await using pool = createPool(flags.parallel);
  using progress = createProgress(stderr);
  const isOver = (): boolean =>
    signal.aborted || next > range.last || systemClock.nowMs() >= deadlineMs;
  const work = async (): Promise<void> => {
    // After a violation no further seed is begun; what runs may still find an earlier one.
    while (failure === undefined && !isOver()) {
      const count = Math.min(seedsPerTask, range.last - next + 1);
      const task: SeedsTask = { firstSeed: next, count };
      next += count;
      const reports: SeedReport[] = await pool.run(task, { signal });
      for (const report of reports) {
        add(totals, report);
        if (report.violation === undefined) continue;
        if (failure === undefined || report.seed < failure.seed) failure = report;
      }
      const share = (next - range.first) / (range.last - range.first + 1);
      progress.update(share, `${totals.seeds} seeds, ${totals.elections} elections`);
    }
  };
  await Promise.all(Array.from({ length: flags.parallel }, work));
  return { range, ...totals, seconds: (systemClock.nowMs() - startedMs) / 1_000, failure };
}

type Totals = Omit<SwarmReport, 'range' | 'seconds' | 'failure'>;

function emptyTotals(): { -readonly [K in keyof Totals]: Totals[K] } {
  return {
    seeds: 0,
    simulatedSeconds: 0,
    events: 0,
    deliveries: 0,
    operations: 0,
    elections: 0,
    committed: 0,
    reached: {},
    undecided: 0,
  };
}

function add(totals: ReturnType<typeof emptyTotals>, report: SeedReport): void {
  const { counts, verdict, violation } = report;
  totals.seeds += 1;
  totals.simulatedSeconds += counts.simulatedMs / 1_000;
  totals.events += counts.events;
  totals.deliveries += counts.deliveries;
  totals.operations += counts.ok + counts.fail + counts.info;
  totals.elections += counts.elections;
  totals.committed += counts.committed;
  const reached: Record<string, number> = { ...totals.reached };
  for (const [what, times] of Object.entries(counts.reached)) {
    reached[what] = (reached[what] ?? 0) + times;
  }
  totals.reached = reached;
  if (verdict === 'unknown' && violation === undefined) totals.undecided += 1;
}

function createPool(parallel: number): Piscina & AsyncDisposable {
  const filename = new URL('../../workers/simulate.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: parallel, maxThreads: parallel });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.destroy() });
}
