/**
 * The same writes to etcd from a generator that is written in C: `h2load` of nghttp2.
 *
 * A call to etcd costs a generator in Node.js CPU time that the members want on a small machine.
 * Where h2load is installed its figures stand beside ours, so that nobody takes the one for the
 * other. It writes one key, and an acknowledgement is a status of HTTP; what was done in fact, the
 * version of that key tells.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  countLatency,
  emptyLatencies,
  type LatencyMicros,
  summarizeLatencies,
} from '../src/store/load-latency.js';
import { PeerFailure } from './etcd-members.js';
import { putRequest } from './etcd-messages.js';
import { frameOf } from './grpc-channel.js';
import { type Spread, spreadOf } from './spread.js';

/** What it came to, over the rounds. */
export interface H2loadFigures {
  readonly writesPerSecond: Spread;
  readonly latencyMicros: LatencyMicros;
}

export interface H2loadOptions {
  /** Where its files may be. */
  readonly directory: string;
  readonly valueBytes: number;
  readonly signal: AbortSignal;
}

export interface H2loadWindow {
  /** Of the member that leads. */
  readonly port: number;
  readonly seconds: number;
  readonly outstanding: number;
}

/** What all its writes go to; no other load does. */
export const h2loadKey = 'h2load';
/** 16 MiB: no answer ever waits for leave to be sent. */
const windowBits = 24;
const endMsMax = 20_000;

/** What is installed, such as `nghttp2/1.52.0`; `undefined` if nothing is, or nothing that runs. */
export async function h2loadVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('h2load', ['--version'], { timeout: endMsMax });
    return /^h2load (\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** Windows of load at one number outstanding. */
export class H2load {
  /** Writes that it was told are done. */
  acknowledged = 0;
  readonly #options: H2loadOptions;
  readonly #perWindow: number[] = [];
  readonly #latencies = emptyLatencies();

  constructor(options: H2loadOptions) {
    this.#options = options;
  }

  /** Rejects with a `PeerFailure` if it fails, or a call does; with the signal's reason. */
  async measure(window: H2loadWindow): Promise<void> {
    const { signal } = this.#options;
    try {
      await this.#run(window);
    } catch (error) {
      signal.throwIfAborted();
      throw new PeerFailure(`h2load: ${whyOf(error)}`, { cause: error });
    }
  }

  figures(): H2loadFigures {
    return {
      writesPerSecond: spreadOf(this.#perWindow),
      latencyMicros: summarizeLatencies([this.#latencies]),
    };
  }

  async #run({ port, seconds, outstanding }: H2loadWindow): Promise<void> {
    const { directory, valueBytes, signal } = this.#options;
    const body = join(directory, 'h2load-request');
    const log = join(directory, 'h2load-log');
    await writeFile(body, frameOf(putRequest(h2loadKey, Buffer.alloc(valueBytes, 'v'))));
    await writeFile(log, '');
    const flags = [
      ...['--threads', '1', '--clients', '1', '--max-concurrent-streams', String(outstanding)],
      ...['--window-bits', String(windowBits), '--connection-window-bits', String(windowBits)],
      ...['--duration', `${Math.ceil(seconds * 1_000)}ms`, '--log-file', log, '--data', body],
      ...['--header', 'content-type: application/grpc', '--header', 'te: trailers'],
    ];
    const url = `http://127.0.0.1:${port}/etcdserverpb.KV/Put`;
    const timeout = seconds * 1_000 + endMsMax;
    const { stdout } = await promisify(execFile)('h2load', [...flags, url], { signal, timeout });
    const { succeeded, failed } = countsOf(stdout);
    if (failed > 0) throw new Error(`${failed} calls failed`);
    this.acknowledged += succeeded;
    this.#perWindow.push(Math.round(succeeded / seconds));
    for (const line of (await readFile(log, 'utf8')).split('\n')) {
      const micros = Number(line.split('\t')[2] ?? Number.NaN);
      if (micros >= 0) countLatency(this.#latencies, micros / 1_000);
    }
  }
}

/** What it said itself, or else what is said of it, in one line. */
function whyOf(error: unknown): string {
  const { stderr = '', message = String(error) } = error as { stderr?: string; message?: string };
  const words = stderr.trim() === '' ? message : stderr;
  return words.trim().replace(/\s+/g, ' ').slice(0, 300);
}

/** `requests: 100 total, 110 started, 100 done, 99 succeeded, 1 failed, 0 errored, 0 timeout`. */
function countsOf(report: string): { succeeded: number; failed: number } {
  const found = /^requests: .* (\d+) succeeded, (\d+) failed, /m.exec(report);
  if (found === null) throw new Error(`it said nothing of its requests: ${report}`);
  return { succeeded: Number(found[1]), failed: Number(found[2]) };
}
