/** What a cluster tells its listeners: past-tense facts, plain data, `at` in ms of its clock. */
import type { DownReason } from '../actor/monitor.js';
import type { NodeId } from '../raft/index.js';

/** Why a node's thread ended; see the runtime's `monitor.ts`. */
export type { DownReason };

interface At {
  /** Monotonic ms; its zero means nothing, differences do. */
  readonly at: number;
}

export type ClusterEvent = At &
  (
    | { readonly kind: 'node-started'; readonly nodeId: NodeId; readonly incarnation: number }
    | { readonly kind: 'node-down'; readonly nodeId: NodeId; readonly reason: DownReason }
    | { readonly kind: 'node-paused'; readonly nodeId: NodeId }
    | { readonly kind: 'node-resumed'; readonly nodeId: NodeId }
    /** A node died more often than the restart intensity allows: it stays down. */
    | { readonly kind: 'node-given-up'; readonly nodeId: NodeId }
    /** A node's disk or directory refused it: it stays down until it is restarted. */
    | {
        readonly kind: 'storage-failed';
        readonly nodeId: NodeId;
        /** `RAFT_STORAGE_FAILED`, or another that is about the storage. */
        readonly code: string;
        readonly message: string;
      }
    /** A node won an election. */
    | { readonly kind: 'leader-elected'; readonly nodeId: NodeId; readonly term: number }
    /** A leader went back to being a follower. */
    | { readonly kind: 'leader-stepped-down'; readonly nodeId: NodeId; readonly term: number }
    | { readonly kind: 'campaign-started'; readonly nodeId: NodeId; readonly term: number }
    /** Rules or a partition were installed. */
    | { readonly kind: 'fault-installed'; readonly name: string }
    | { readonly kind: 'fault-healed'; readonly name: string }
    | { readonly kind: 'closed' }
  );
