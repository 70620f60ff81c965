/**
 * A cluster of etcd: one process for each member, on free ports of this machine, in a directory of
 * its own; nothing of it is left however this process ends.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../src/clock.js';
import { type EtcdStatus, statusOf } from './etcd-messages.js';
import { GrpcChannel } from './grpc-channel.js';

/** The program that is measured beside balsa cannot be used any more, or not at all. */
export class PeerFailure extends Error {
  override readonly name = 'PeerFailure';
}

export interface EtcdOptions {
  /** Members. */
  readonly size: number;
  /** Empty; removed by whoever made it, after the members have ended. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

export interface EtcdLeader {
  /** Where it serves clients. */
  readonly port: number;
  /** Of its store: 1 at first, one more with each write. */
  readonly revision: number;
}

interface Member {
  readonly port: number;
  readonly process: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
}

const startTimeoutMs = 20_000;
const pollMs = 50;
/** A port that was free may be taken when etcd wants it. */
const attemptsMax = 3;
const portTaken = /address already in use/;
const whyItEnded = / C \| |^panic: |"level":"(?:fatal|panic)"/;
/** The unit of the times in /proc. */
const ticksPerSecond = 100;

/** What is installed, such as `3.4.23`; `undefined` if nothing is. Rejects with a `PeerFailure`. */
export async function etcdVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('etcd', ['--version'], {
      timeout: startTimeoutMs,
      env: environment(),
    });
    return /etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new PeerFailure(`etcd cannot be run: ${oneLine(why)}`, { cause: error });
  }
}

/** etcd takes options from variables, too; the ones of this machine are not about this cluster. */
function environment(): NodeJS.ProcessEnv {
  const isOurs = (name: string): boolean =>
    !name.startsWith('ETCD_') || name === 'ETCD_UNSUPPORTED_ARCH';
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isOurs(name)));
}

export class EtcdMembers implements AsyncDisposable {
  readonly #members: Member[] = [];
  readonly #failure = new AbortController();
  readonly #kill = (): void => this.#killAll();
  #isStopping = false;

  private constructor() {
    // Before the directory is removed, so that nobody writes into it meanwhile.
    process.prependListener('exit', this.#kill);
  }

  /** Resolves when all members know a leader. Leaves nothing behind when it rejects. */
  static async start(options: EtcdOptions): Promise<EtcdMembers> {
    for (let attempt = 1; ; attempt += 1) {
      const members = new EtcdMembers();
      try {
        await members.#start({ ...options, directory: join(options.directory, `${attempt}`) });
        return members;
      } catch (error) {
        await members[Symbol.asyncDispose]();
        const isTaken = error instanceof PeerFailure && portTaken.test(error.message);
        if (!isTaken || attempt === attemptsMax) throw error;
      }
    }
  }

  /** Aborted with a `PeerFailure` when a member has ended, or has been given up. */
  get signal(): AbortSignal {
    return this.#failure.signal;
  }

  /** Gives the members up. Only the first reason counts. */
  fail(why: string, cause?: unknown): void {
    if (!this.#isStopping) this.#failure.abort(new PeerFailure(why, { cause }));
  }

  /** Whom all members take for the leader. Rejects with a `PeerFailure` after 20 s without one. */
  async leader(stop?: AbortSignal): Promise<EtcdLeader> {
    const signals = stop === undefined ? [this.signal] : [stop, this.signal];
    const signal = AbortSignal.any(signals);
    const endMs = systemClock.nowMs() + startTimeoutMs;
    while (systemClock.nowMs() < endMs) {
      signal.throwIfAborted();
      const all = await Promise.all(this.#members.map(statusAt));
      const leader = agreed(all);
      if (leader !== undefined) return leader;
      await wait(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    throw new PeerFailure(`etcd has no leader after ${startTimeoutMs / 1_000} s`);
  }

  /** CPU time of all members so far; `undefined` where the system does not tell. */
  cpuSeconds(): number | undefined {
    try {
      return this.#members.reduce((sum, { process: child }) => sum + cpuSecondsOf(child.pid), 0);
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    // What they have stored is of no use to anybody.
    this.#killAll();
    await Promise.all(this.#members.map(({ ended }) => ended));
    process.off('exit', this.#kill);
  }

  async #start({ size, directory, signal }: EtcdOptions): Promise<void> {
    const ports = await freePorts(2 * size);
    signal.throwIfAborted();
    const plans = Array.from({ length: size }, (_, at) => ({
      name: `m${at + 1}`,
      port: ports[at] ?? 0,
      peerUrl: `http://127.0.0.1:${ports[size + at]}`,
    }));
    const cluster = plans.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join();
    for (const plan of plans) {
      const place = join(directory, plan.name);
      mkdirSync(place, { recursive: true });
      const flags = flagsOf({ ...plan, cluster });
      this.#members.push(this.#spawn({ ...plan, directory: place, flags }));
    }
    await this.leader(signal);
  }

  #spawn({ name, port, directory, flags }: MemberPlan): Member {
    const logFile = join(directory, 'log');
    const log = openSync(logFile, 'a');
    // A group of its own: Ctrl-C is for us, and we end it.
    const child = spawn('sh', ['-c', guard, 'balsa', 'etcd', ...flags], {
      cwd: directory,
      env: environment(),
      detached: true,
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    // Nobody writes into the pipe; it may break.
    child.stdin?.on('error', () => {});
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        this.fail(`etcd cannot be run: ${error.message}`, error);
        resolve();
      });
      child.once('exit', (code, signalName) => {
        killGroup(child);
        const words = lastWordsOf(logFile);
        this.fail(`member ${name} of etcd ended with ${code ?? signalName}: ${words}`);
        resolve();
      });
    });
    return { port, process: child, ended };
  }

  #killAll(): void {
    for (const { process: child } of this.#members) killGroup(child);
  }
}

interface MemberPlan {
  readonly name: string;
  readonly port: number;
  readonly directory: string;
  readonly flags: readonly string[];
}

/**
 * Ends etcd when the pipe to this process closes, for whatever reason: `kill -9` included. The
 * reader is a child of what becomes etcd, whose process id is that of the shell.
 */
const guard = 'exec 3<&0; (read -r _ <&3; kill -KILL $$ 2>/dev/null) & exec "$@" </dev/null 3<&-';

/** All that differs from the defaults: names, and where everything is. */
function flagsOf({
  name,
  port,
  peerUrl,
  cluster,
}: {
  readonly name: string;
  readonly port: number;
  readonly peerUrl: string;
  readonly cluster: string;
}): string[] {
  const clientUrl = `http://127.0.0.1:${port}`;
  return [
    ...['--name', name, '--data-dir', 'data'],
    ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
  ];
}

/** Ports that nobody listened to a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      return new Promise<Server>((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

type Told = (EtcdStatus & { readonly port: number }) | undefined;

/** What a member says; `undefined` if it does not answer. */
async function statusAt({ port }: Member): Promise<Told> {
  using channel = new GrpcChannel({ port, onLost: () => {} });
  try {
    const answer = await channel.call('/etcdserverpb.Maintenance/Status', new Uint8Array());
    return { ...statusOf(answer), port };
  } catch {
    return undefined;
  }
}

function agreed(all: readonly Told[]): EtcdLeader | undefined {
  const [first] = all;
  if (first === undefined || first.leaderId === 0n) return undefined;
  const isSame = all.every((one) => one?.leaderId === first.leaderId);
  const leader = all.find((one) => one?.memberId === first.leaderId);
  return isSame ? leader : undefined;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function cpuSecondsOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may contain anything; user and system time are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** What a member said at last: the line that tells why, if there is one, or the last one. */
function lastWordsOf(file: string): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  const lines = text === '' ? ['it said nothing'] : text.split('\n');
  // Behind it stands the stack of a panic.
  return oneLine(lines.findLast((line) => whyItEnded.test(line)) ?? lines.at(-1) ?? '');
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ').slice(0, 300);
}
