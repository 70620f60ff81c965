/** What can be seen of a cluster at one moment. */
import type { MailboxCounters } from '../actor/mailbox.js';
import type { NodeId } from '../raft/index.js';
import type { Gauges } from '../replica/gauges.js';

export type { TurnReport } from '../replica/turn-watch.js';

export type NodeState = 'starting' | 'running' | 'paused' | 'down';

/** One node, as its gauges in shared memory show it; also of a node that is paused or down. */
export interface NodeStatus extends Gauges {
  readonly id: NodeId;
  readonly state: NodeState;
  /** Threads that have played this node so far. */
  readonly incarnation: number;
  /** Why the node's storage keeps it down, if it does. */
  readonly failure?: { readonly code: string; readonly message: string };
}

export interface ClusterStatus {
  /** The running leader of the newest term, if there is one. */
  readonly leaderId: NodeId | undefined;
  /** The newest term that any node knows. */
  readonly currentTerm: number;
  readonly nodes: readonly NodeStatus[];
}

/** What a replica tells when it is asked; all at one moment between two of its turns. */
export interface Inspection {
  readonly lastApplied: number;
  /** Equal on all replicas that have applied equally far. */
  readonly digest: string;
  /** Keys in the map. */
  readonly keys: number;
}

/** Counters since the cluster began, or since an incarnation began where it says so. */
export interface ClusterMetrics {
  readonly uptimeMs: number;
  /** Elections won, over all nodes and incarnations. */
  readonly elections: number;
  readonly restarts: number;
  readonly nodes: Readonly<Record<NodeId, NodeMetrics>>;
  /** What the network did to routed frames. */
  readonly network: Readonly<Record<string, number>>;
  /** Resident memory of the process, in bytes. */
  readonly rssBytes: number;
}

export interface NodeMetrics extends Gauges {
  readonly incarnation: number;
  /** Absent while the node cannot answer. */
  readonly mailbox?: MailboxCounters;
  /** Frames that found a full ring, over all links of the node. */
  readonly refusedFull: number;
}
