/** `balsa chaos`: clients and faults at work on a live cluster, and what the clients saw. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { HistoryEvent } from '../chaos/event.js';
import {
  diskNames,
  drawPlan,
  type NemesisName,
  nemesisNames,
  parseNemesis,
} from '../chaos/fault-plan.js';
import { checkHistory } from '../chaos/history-check.js';
import type { Band } from '../chaos/history-page.js';
import { Nemesis } from '../chaos/nemesis.js';
import { operationsOf } from '../chaos/operation.js';
import { HistoryRecorder } from '../chaos/recorder.js';
import { parseWorkload, type WorkloadName } from '../chaos/workload.js';
import { systemClock } from '../clock.js';
import { type Cluster, createCluster } from '../cluster/cluster.js';
import { RaftError } from '../errors.js';
import { prepareTapes } from '../replica/tape-file.js';
import type { Client } from '../store/client.js';
import { connect } from '../store/connect.js';
import { type HistoryFile, openHistory } from './chaos-files.js';
import { faultTarget, restartStopped } from './chaos-target.js';
import { decimal, seedRange, whole } from './option-value.js';
import { createProgress } from './progress.js';
import type { Terminal } from './terminal.js';
import { attempt, counted, exitCodeOf, sentence, worstOf, writePage } from './verdict.js';

interface ChaosFlags {
  readonly nodes: number;
  readonly clients: number;
  readonly seconds: number;
  readonly nemesis: readonly NemesisName[];
  readonly workload: WorkloadName;
  readonly timeout: number;
  readonly history?: string;
  readonly html?: string;
  readonly record?: string;
  readonly seed?: number;
}

export function chaosCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const names = (text: string): readonly NemesisName[] => parseNemesis('--nemesis', text);
  const workload = (text: string): WorkloadName => parseWorkload('--workload', text);
  program
    .command('chaos')
    .summary('hurt a live cluster under load, and check what its clients saw')
    .description(
      'Clients work on a cluster while faults come and go. What they asked and were told is ' +
        'written as a history and checked: is it linearizable?',
    )
    .option('--nodes <n>', 'nodes of the cluster, 1 to 9', nodes, 3)
    .option('--clients <n>', 'processes, each with one call at a time', clients, 8)
    .option('--seconds <s>', 'how long', seconds, 10)
    .option('--nemesis <names>', 'all, none, or names with commas; see below', names, names('all'))
    .option('--workload <name>', 'register, cas, append or bank', workload, workload('register'))
    .option('--history <file>', 'where to write the history (default: nowhere)')
    .option('--html <out>', 'write a page of the history, to look at in a browser')
    .option('--record <dir>', 'write tapes of all nodes, for balsa sim playback')
    .option('--timeout <s>', 'give up the check after this long', timeout, 60)
    .option('--seed <n>', 'fixes faults and requests', whole('--seed', seedRange))
    .addHelpText('after', examples)
    .action(async (flags: ChaosFlags) => end(await run(flags, terminal)));
}

const nodes = whole('--nodes', { min: 1, max: 9 });
const clients = whole('--clients', { min: 1, max: 64 });
const seconds = decimal('--seconds', { min: 0.1, max: 86_400 });
const timeout = decimal('--timeout', { min: 0.001, max: 1_000_000 });

const examples = `
Nemeses: partition, one-way, loss, delay, duplication, reordering, corruption, pause, crash,
restart, transfer, disk-error, disk-full, disk-stall, disk-flip, disk-astray; disk stands for the
last five. With any of them the nodes keep their data in a temporary directory.

Examples:
  balsa chaos
  balsa chaos --nodes 5 --workload append --nemesis partition,crash --history history.jsonl
  balsa chaos --seconds 60 --html page.html

Exit codes:
  0    the history is linearizable
  1    it is not, or the nodes do not agree at the end
  2    the command line cannot be used, or a file cannot be written
  3    nobody knows: there was not enough time or memory`;

/** A machine that is busy with other things is slow, which says nothing about the cluster. */
const patienceMs = 60_000;

async function run(given: ChaosFlags, terminal: Terminal): Promise<number> {
  const flags = { ...given, nemesis: nemesisOf(given) };
  const { nodes: size, history, html, seed: givenSeed, record: recordTo } = flags;
  // Before the history is opened, which empties it.
  if (recordTo !== undefined) await prepareTapes(recordTo, '--record');
  await using output = await openHistory(history);
  if (html !== undefined) await writePage(html);
  await using data = await openData(flags.nemesis);
  await using cluster = await createCluster({
    size,
    ...data.options,
    ...(givenSeed === undefined ? {} : { seed: givenSeed }),
    ...(recordTo === undefined ? {} : { recordTo }),
    // What a nemesis kills is no sign of a node that cannot live.
    restart: { intensity: 1_000_000 },
    startTimeoutMs: patienceMs,
  });
  const { seed } = cluster.options;
  terminal.stderr.write(`seed ${seed}\n`);
  const recorded = await record(cluster, flags, terminal, output);
  terminal.signal.throwIfAborted();
  const { events, bands } = recorded;
  const operations = operationsOf(events);
  const beganMs = systemClock.nowMs();
  const { signal, stdout } = terminal;
  const result = await checkHistory(operations, { timeoutMs: flags.timeout * 1_000, signal });
  const took = (systemClock.nowMs() - beganMs) / 1_000;
  const name = history ?? `${flags.workload}, seed ${seed}`;
  stdout.write(`${sentence({ file: name, operations, result, seconds: took })}\n`);
  stdout.write(`  ${summary(events, bands, recorded.missed)}\n`);
  const codes = [exitCodeOf[result.verdict]];
  codes.push(await attempt(terminal, '', () => output.finish(bands)));
  const pages = [{ name, result, bands }];
  if (html !== undefined) codes.push(await attempt(terminal, '', () => writePage(html, pages)));
  // Replicas that have applied the same log must be the same: this throws when they are not.
  await cluster.waitForConverged({ timeoutMs: patienceMs, signal });
  return worstOf(codes);
}

/** Tapes are made of nodes in memory, so a recorded run has no disks that could fail. */
function nemesisOf({ nemesis, record }: ChaosFlags): readonly NemesisName[] {
  if (record === undefined || !needsDisks(nemesis)) return nemesis;
  if (nemesis === nemesisNames) return nemesis.filter((name) => !diskNames.includes(name));
  const text = '--record is for nodes in memory; expected a --nemesis without disks';
  throw new RaftError('RAFT_INVALID_OPTION', text, { details: { option: '--record' } });
}

function needsDisks(nemesis: readonly NemesisName[]): boolean {
  return nemesis.some((name) => diskNames.includes(name));
}

interface Data extends AsyncDisposable {
  readonly options: { readonly dataDir?: string };
}

/** A directory for the data of the nodes, if their disks are to fail; it goes with the run. */
async function openData(nemesis: readonly NemesisName[]): Promise<Data> {
  if (!needsDisks(nemesis)) return { options: {}, [Symbol.asyncDispose]: async () => {} };
  const dataDir = await mkdtemp(join(tmpdir(), 'balsa-chaos-'));
  return {
    options: { dataDir },
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

interface Recorded {
  readonly events: readonly HistoryEvent[];
  readonly bands: readonly Band[];
  readonly missed: number;
}

/** Time without faults at the end, for what is left to show. */
const calmMs = 500;

/** Progress is shown again after so many events. */
const eventsPerUpdate = 64;

async function record(
  cluster: Cluster,
  flags: ChaosFlags,
  { stderr, signal }: Terminal,
  output: HistoryFile,
): Promise<Recorded> {
  const { seed } = cluster.options;
  await cluster.waitForLeader({ signal, timeoutMs: patienceMs });
  const events: HistoryEvent[] = [];
  // A nemesis that fails ends the clients, too.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const stores = await openClients(cluster, flags.clients);
  const startMs = systemClock.nowMs();
  const durationMs = flags.seconds * 1_000;
  using progress = createProgress(stderr);
  let inForce: readonly string[] = [];
  const recorder = new HistoryRecorder({
    stores,
    workload: flags.workload,
    seed,
    clock: systemClock,
    endMs: startMs + durationMs + calmMs,
    signal: either,
    onEvent: (event) => {
      events.push(event);
      output.write(event);
      if (events.length % eventsPerUpdate !== 0) return;
      const done = (systemClock.nowMs() - startMs) / (durationMs + calmMs);
      progress.update(done, `${events.length} events  ${inForce.join('; ')}`);
    },
  });
  const nemesis = new Nemesis({
    target: faultTarget(cluster),
    clock: systemClock,
    plan: drawPlan({ seed, names: flags.nemesis, durationMs, size: flags.nodes }),
    onChange: (names) => {
      inForce = names;
    },
  });
  try {
    const hurting = nemesis.run(either).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
    await Promise.all([hurting, recorder.run()]);
    await restartStopped(cluster, cluster.nodes);
    await cluster.waitForLeader({ signal, timeoutMs: patienceMs });
    await recorder.readAll();
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
  const bands = nemesis.happened.map(({ name, atMs, untilMs }) => {
    return { name, at: recorder.nanoseconds(atMs), until: recorder.nanoseconds(untilMs) };
  });
  return { events, bands, missed: nemesis.missed };
}

/** Each client is one of its own, with its own session, as if on a thread of its own. */
async function openClients(cluster: Cluster, count: number): Promise<Client[]> {
  const opened: Client[] = [];
  for (let at = 0; at < count; at++) opened.push(await connect(await cluster.port()));
  return opened;
}

/** `12,345 ok, 67 fail, 8 info; 9 faults, 1 of them had nobody to act on`. */
function summary(events: readonly HistoryEvent[], bands: readonly Band[], missed: number): string {
  const count = (type: HistoryEvent['type']): number =>
    events.filter((event) => event.type === type).length;
  const outcomes = (['ok', 'fail', 'info'] as const).map((type) => `${count(type)} ${type}`);
  const nobody = missed === 0 ? '' : `, ${missed} more found nobody to act on`;
  return `${outcomes.join(', ')}; ${counted(bands.length, 'fault')}${nobody}`;
}
