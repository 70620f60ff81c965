/**
 * How does balsa on disk stand beside etcd?
 *
 * The same load, by the same generator on one thread, on a cluster of balsa and on one of etcd that
 * are both there, in turn, so that both meet the same disk in the same mood:
 *
 *     disk │ for each number outstanding: warm-up both │ balsa etcd balsa etcd … │ read back both
 *
 * Where h2load is installed it drives etcd, too, after each of its turns.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { LatencyMicros } from '../src/store/load-latency.js';
import { verifyLoad } from '../src/store/load-ledger.js';
import { type Clients, clientHere, type Window, type Workload } from './clients.js';
import type { DiskFigures } from './disk.js';
import { EtcdMembers } from './etcd-members.js';
import { EtcdStore } from './etcd-store.js';
import { counted } from './figures.js';
import { H2load, type H2loadFigures, h2loadKey } from './h2load.js';
import { type OnPhase, Phases } from './phases.js';
import { type Spread, spreadOf } from './spread.js';
import { Subject } from './subject.js';
import { isWell, judge, type Verdict } from './verdict.js';
import { Windows } from './windows.js';

export interface PeersOptions extends Pick<Workload, 'keys' | 'valueBytes'> {
  /** Members of either cluster, 1 to 9. */
  readonly nodes: number;
  /** Each is measured by itself. */
  readonly outstanding: readonly number[];
  /** Time that is measured, of each cluster at each number outstanding. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** A directory on the disk that both are to use. */
  readonly dataDir: string;
  readonly seed?: number | undefined;
  /** Whether h2load is to drive etcd, too. Default: false. */
  readonly h2load?: boolean;
  readonly signal: AbortSignal;
  readonly onPhase?: OnPhase;
}

/** What one of the two came to. */
export interface PeerFigures {
  /** Over the rounds. */
  readonly writesPerSecond: Spread;
  readonly latencyMicros: LatencyMicros;
  /** CPU time divided by time: nodes, network and generator of balsa; the generator for etcd. */
  readonly cores: number;
  /** That of the members' processes, where the system tells. */
  readonly memberCores?: number;
  /** Calls that failed, by code or by what was said; warm-up included. */
  readonly errors: Readonly<Record<string, number>>;
}

/** How balsa stands to etcd; absent if etcd got nothing done, in most rounds or at all. */
export interface PeerRatios {
  /** Of the median speeds. */
  readonly ratio?: number;
  /** Of the 99th percentiles. */
  readonly p99Ratio?: number;
}

export interface PeerCase extends PeerRatios {
  readonly outstanding: number;
  readonly balsa: PeerFigures;
  readonly etcd: PeerFigures;
  /** etcd, driven by h2load. */
  readonly h2load?: H2loadFigures & PeerRatios;
}

/** What reading back said. */
export interface PeerVerdict extends Omit<Verdict, 'digestsEqual'> {
  /** Writes of ours that etcd says it has done; it counts all of them in its revision. */
  readonly done: number;
  /** Those of h2load: that it was told of, and that the version of its key counts. */
  readonly h2load?: { readonly acknowledged: number; readonly done: number };
}

export interface PeersResult {
  readonly cases: readonly PeerCase[];
  readonly disk: DiskFigures | undefined;
  readonly verified: { readonly balsa: Verdict; readonly etcd: PeerVerdict };
  readonly rounds: number;
  readonly seed: number;
}

const rounds = 5;
/** Before a window, so that what the other one has left to do is done. */
const restMs = 250;

/** Rejects with the signal's reason, with a `PeerFailure`, or as `createCluster` does. */
export async function measurePeers(options: PeersOptions): Promise<PeersResult> {
  const { nodes, dataDir, onPhase = () => {} } = options;
  using phases = new Phases(totalSecondsOf(options), onPhase);
  phases.begin('starting a cluster of balsa');
  await using subject = await Subject.open({
    ...options,
    size: nodes,
    durable: { dataDir, syncPolicy: 'always' },
  });
  phases.begin('starting a cluster of etcd');
  await using members = await EtcdMembers.start({
    size: nodes,
    directory: subject.directory?.path ?? dataDir,
    signal: subject.signal,
  });
  using store = new EtcdStore(members);
  const signal = AbortSignal.any([subject.signal, members.signal]);
  const comparison = new Comparison({ options: { ...options, signal }, subject, members, store });
  const cases: PeerCase[] = [];
  for (const outstanding of options.outstanding) {
    cases.push(await comparison.measure(outstanding, phases));
  }
  phases.begin('reading everything back');
  const verified = await comparison.verify();
  const { disk } = subject;
  return { cases, disk, verified, rounds, seed: subject.cluster.options.seed };
}

/** Whether both have kept every write that they acknowledged. */
export function areWell({ balsa, etcd }: PeersResult['verified']): boolean {
  return isWell(balsa) && etcd.problem === undefined;
}

interface Parties {
  readonly options: PeersOptions;
  readonly subject: Subject;
  readonly members: EtcdMembers;
  readonly store: EtcdStore;
}

class Comparison {
  readonly #parties: Parties;
  /** All windows so far, for their ledgers. */
  readonly #balsa: Windows[] = [];
  readonly #etcd: Windows[] = [];
  readonly #h2loads: H2load[] = [];

  constructor(parties: Parties) {
    this.#parties = parties;
  }

  async measure(outstanding: number, phases: Phases): Promise<PeerCase> {
    const { options, subject, members, store } = this.#parties;
    const { seconds, warmupSeconds, signal } = options;
    const workload = { ...options, outstanding, readRatio: 0 };
    // Loads that write the same keys have different ids.
    const firstLoadId = this.#balsa.length * (rounds + 1) + 1;
    const balsa = new Windows(clientHere(subject.cluster, workload, firstLoadId));
    const etcd = new Windows(atLeader(store, clientHere(store, workload, firstLoadId)));
    this.#balsa.push(balsa);
    this.#etcd.push(etcd);
    const { seed } = subject.cluster.options;
    const windowOf = (length: number): Window => ({ seconds: length, seed, signal });
    const what = `${counted(outstanding, 'call')} outstanding`;
    phases.begin(`warming up, ${what}`);
    await balsa.warmUp(windowOf(warmupSeconds));
    await etcd.warmUp(windowOf(warmupSeconds));
    const memberCpu = new MemberCpu(members);
    const h2load = this.#h2load();
    for (let round = 0; round < rounds; round += 1) {
      phases.begin(`measuring balsa, ${what}`);
      await rest(signal);
      await balsa.measure(windowOf(seconds / rounds));
      phases.begin(`measuring etcd, ${what}`);
      await rest(signal);
      await memberCpu.during(() => etcd.measure(windowOf(seconds / rounds)));
      if (h2load === undefined) continue;
      phases.begin(`measuring etcd by h2load, ${what}`);
      await rest(signal);
      const { port } = await members.leader(signal);
      await h2load.measure({ port, seconds: seconds / rounds, outstanding });
    }
    const theirs = {
      ...figuresOf(etcd),
      ...memberCpu.cores(etcd.summary().seconds),
      ...(Object.keys(store.errors).length > 0 ? { errors: { ...store.errors } } : {}),
    };
    return caseOf({ outstanding, balsa: figuresOf(balsa), etcd: theirs }, h2load?.figures());
  }

  #h2load(): H2load | undefined {
    const { options, subject } = this.#parties;
    if (options.h2load !== true) return undefined;
    const directory = subject.directory?.path ?? options.dataDir;
    const h2load = new H2load({ ...options, directory });
    this.#h2loads.push(h2load);
    return h2load;
  }

  async verify(): Promise<PeersResult['verified']> {
    const { options, subject } = this.#parties;
    const ofBalsa = this.#balsa.flatMap(({ ledgers }) => ledgers);
    return {
      balsa: await judge(subject.cluster, ofBalsa, options.signal),
      etcd: await this.#judgeEtcd(),
    };
  }

  async #judgeEtcd(): Promise<PeerVerdict> {
    const { options, members, store } = this.#parties;
    const { signal } = options;
    await store.toLeader();
    const ledgers = this.#etcd.flatMap((windows) => windows.ledgers);
    const { samples, ...found } = await verifyLoad(store, ledgers, { signal });
    const version = await store.version(h2loadKey);
    const done = (await members.leader(signal)).revision - 1 - version;
    const told = this.#h2loads.reduce((sum, h2load) => sum + h2load.acknowledged, 0);
    const { acknowledged } = found;
    const problems = [
      ...(samples.length > 0 ? [`wrong values in etcd at ${samples.join(', ')}`] : []),
      ...fewer(acknowledged, done),
      ...fewer(told, version),
    ];
    return {
      ...found,
      done,
      ...(this.#h2loads.length > 0 ? { h2load: { acknowledged: told, done: version } } : {}),
      ...(problems.length > 0 ? { problem: problems.join('; ') } : {}),
    };
  }
}

function fewer(acknowledged: number, done: number): string[] {
  if (done >= acknowledged) return [];
  return [`etcd did ${done} writes and acknowledged ${acknowledged}`];
}

/** The same clients, with nobody between them and the leader when a window begins. */
function atLeader(store: EtcdStore, clients: Clients): Clients {
  return {
    run: async (window) => {
      await store.toLeader();
      return clients.run(window);
    },
    [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
  };
}

/** CPU time of the members of etcd, in windows only. */
class MemberCpu {
  readonly #members: EtcdMembers;
  #seconds: number | undefined = 0;

  constructor(members: EtcdMembers) {
    this.#members = members;
  }

  async during(run: () => Promise<void>): Promise<void> {
    const before = this.#members.cpuSeconds();
    await run();
    const after = this.#members.cpuSeconds();
    if (before === undefined || after === undefined) this.#seconds = undefined;
    else if (this.#seconds !== undefined) this.#seconds += after - before;
  }

  cores(seconds: number): Pick<PeerFigures, 'memberCores'> {
    return this.#seconds === undefined ? {} : { memberCores: rounded(this.#seconds / seconds) };
  }
}

function figuresOf(windows: Windows): PeerFigures {
  const { latencyMicros, cpuSeconds, seconds, errors, windows: speeds } = windows.summary();
  return {
    writesPerSecond: spreadOf(speeds),
    latencyMicros,
    cores: rounded(cpuSeconds / seconds),
    errors,
  };
}

function caseOf(
  { outstanding, balsa, etcd }: Pick<PeerCase, 'outstanding' | 'balsa' | 'etcd'>,
  h2load: H2loadFigures | undefined,
): PeerCase {
  return {
    outstanding,
    balsa,
    etcd,
    ...ratiosOf(balsa, etcd),
    ...(h2load === undefined ? {} : { h2load: { ...h2load, ...ratiosOf(balsa, h2load) } }),
  };
}

function ratiosOf(balsa: H2loadFigures, other: H2loadFigures): PeerRatios {
  const speed = ({ writesPerSecond }: H2loadFigures): number => writesPerSecond.median;
  const late = ({ latencyMicros }: H2loadFigures): number => latencyMicros.p99;
  return {
    ...(speed(other) > 0 ? { ratio: rounded(speed(balsa) / speed(other)) } : {}),
    ...(late(other) > 0 ? { p99Ratio: rounded(late(balsa) / late(other)) } : {}),
  };
}

async function rest(signal: AbortSignal): Promise<void> {
  await wait(restMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function totalSecondsOf({ outstanding, h2load, ...options }: PeersOptions): number {
  const turn = options.seconds + (rounds * restMs) / 1_000;
  const turns = h2load === true ? 3 : 2;
  return 3 + outstanding.length * (2 * options.warmupSeconds + turns * turn);
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
