/**
 * Where load comes from: the thread that measures, or several threads of a pool, each with a
 * client of its own that talks to the nodes directly.
 */
import { Piscina } from 'piscina';
import type { Cluster } from '../src/cluster/cluster.js';
import { Prng } from '../src/prng.js';
import { type LoadOptions, type LoadReport, type LoadTarget, runLoad } from '../src/store/load.js';
import type { LoadTask } from './load-thread.js';

/** What is asked of a store. */
export interface Workload {
  /** Calls under way, over all clients; of an open loop, the most that are. */
  readonly outstanding: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** Share of reads, 0 to 1. */
  readonly readRatio: number;
  /** Calls a second, over all clients. Default: a closed loop. */
  readonly rate?: number | undefined;
}

/** A stretch of load. */
export interface Window {
  readonly seconds: number;
  /** Seeds the draws. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Those who make the load. */
export interface Clients extends AsyncDisposable {
  /** Runs a window; resolves to one report for each client. */
  run(window: Window): Promise<LoadReport[]>;
}

/** Part of a load that can go to another thread. */
export type PlainLoad = Omit<
  LoadOptions,
  'store' | 'prng' | 'signal' | 'clock' | 'onProgress' | 'onDone'
>;

/**
 * One client, on this thread. Its windows are loads with ids from `firstLoadId` on; loads that
 * write the same keys have different ones.
 */
export function clientHere(store: LoadTarget, workload: Workload, firstLoadId = 1): Clients {
  let nextLoadId = firstLoadId;
  return {
    run: async ({ seconds, seed, signal }) => {
      const loadId = nextLoadId;
      nextLoadId += 1;
      const load = share(workload, { seconds, loadId, at: 0, of: 1 });
      const report = await runLoad({ ...load, store, prng: new Prng(seed).fork(loadId), signal });
      signal.throwIfAborted();
      return [report];
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** This file is dist/benchmarks/clients.js. */
const loadWorker = new URL('../workers/load.js', import.meta.url);

/** Several clients, each on a thread of a pool. */
export function clientsOnThreads(cluster: Cluster, workload: Workload, of: number): Clients {
  const pool = new Piscina<LoadTask, LoadReport>({
    filename: loadWorker.href,
    minThreads: of,
    maxThreads: of,
    // A thread that has compiled the code stays.
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  let loads = 0;
  return {
    run: async ({ seconds, seed, signal }) => {
      const tasks = Array.from({ length: of }, async (_, at) => {
        loads += 1;
        const load = share(workload, { seconds, loadId: loads, at, of });
        const port = await cluster.port();
        const transferList = [port.guest.control];
        return pool.run({ port, load, seed: seed + at }, { transferList, signal });
      });
      try {
        return await Promise.all(tasks);
      } catch (error) {
        // The pool has an error of its own for a task that was aborted.
        signal.throwIfAborted();
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

/** The load of client number `at` (from 0) of so many. */
function share(
  { outstanding, valueBytes, keys, readRatio, rate }: Workload,
  { at, of, ...load }: { seconds: number; loadId: number; at: number; of: number },
): PlainLoad {
  return {
    ...load,
    valueBytes,
    keys,
    readRatio,
    // Warming up is a window of its own, so that what is around a window can be measured, too.
    warmupSeconds: 0,
    outstanding: Math.floor(outstanding / of) + (at < outstanding % of ? 1 : 0),
    ...(rate === undefined ? {} : { rate: rate / of }),
  };
}
