/**
 * The cluster that is measured: made for it, in memory or on a disk.
 *
 * A minority whose disk fails does not stop a cluster, but figures of it would be about something
 * else: the measurement ends with what the disk said.
 */
import { type Cluster, createCluster } from '../src/cluster/cluster.js';
import type { ClusterOptions } from '../src/cluster/options.js';
import { RaftError } from '../src/errors.js';
import { type DiskFigures, measureDisk } from './disk.js';
import type { OnPhase } from './phases.js';
import { ScratchDirectory } from './scratch-directory.js';

export type SyncPolicy = NonNullable<ClusterOptions['syncPolicy']>;

/** Where a cluster that is measured keeps its data. */
export interface DurableOptions {
  /** A directory on the disk that is meant; what is made in it is removed again. */
  readonly dataDir: string;
  readonly syncPolicy: SyncPolicy;
}

export interface SubjectOptions {
  /** Nodes, 1 to 9. */
  readonly size: number;
  readonly seed?: number | undefined;
  /** Default: in memory. */
  readonly durable?: DurableOptions | undefined;
  /** What else the cluster is made with. Default: nothing. */
  readonly cluster?: Pick<ClusterOptions, 'logBytesMax' | 'checkpointBytes' | 'snapshotBytesMax'>;
  readonly signal: AbortSignal;
}

/** What is asked for where a cluster is written to at a steady rate. */
export interface SteadyOptions extends Pick<SubjectOptions, 'seed' | 'durable' | 'signal'> {
  /** Nodes, 1 to 9. */
  readonly nodes: number;
  readonly keys: number;
  readonly valueBytes: number;
  /** Writes a second. */
  readonly rate: number;
  /** Time that is measured. */
  readonly seconds: number;
  readonly onPhase?: OnPhase;
}

const diskSeconds = 0.25;

export class Subject implements AsyncDisposable {
  readonly cluster: Cluster;
  /** That of the options, or aborted when a node's disk fails. */
  readonly signal: AbortSignal;
  /** Of the disk, measured before the cluster was there. */
  readonly disk: DiskFigures | undefined;
  /** Where the cluster keeps its data, and others may keep theirs. */
  readonly directory: ScratchDirectory | undefined;

  private constructor(cluster: Cluster, rest: Pick<Subject, 'signal' | 'disk' | 'directory'>) {
    this.cluster = cluster;
    this.signal = rest.signal;
    this.disk = rest.disk;
    this.directory = rest.directory;
  }

  /** Resolves when the cluster has a leader. Leaves nothing behind when it rejects. */
  static async open(options: SubjectOptions): Promise<Subject> {
    const { size, seed, durable, signal } = options;
    const directory = durable === undefined ? undefined : new ScratchDirectory(durable.dataDir);
    let cluster: Cluster | undefined;
    try {
      const disk = directory === undefined ? undefined : measureDisk(directory, diskSeconds);
      cluster = await createCluster({
        ...options.cluster,
        size,
        ...(seed === undefined ? {} : { seed }),
        ...(directory === undefined ? {} : { dataDir: directory.path }),
        ...(durable === undefined ? {} : { syncPolicy: durable.syncPolicy }),
      });
      const failure = new AbortController();
      cluster.on('storage-failed', ({ nodeId, code, message }) => {
        failure.abort(new RaftError('RAFT_STORAGE_FAILED', message, { details: { nodeId, code } }));
      });
      const both = AbortSignal.any([signal, failure.signal]);
      await cluster.waitForLeader({ signal: both });
      return new Subject(cluster, { signal: both, disk, directory });
    } catch (error) {
      await cluster?.close();
      directory?.[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.close();
    this.directory?.[Symbol.dispose]();
  }
}
