/**
 * balsa: a whole Raft cluster inside one Node.js process. This is the public door; nothing else is
 * meant to be imported, but for `balsa/actor`, `balsa/chaos` and `balsa/raft`, doors of their own.
 */
export type { BackupOptions, ExportedSnapshot, ImportedSnapshot } from './cluster/backup.js';
export { type Cluster, createCluster } from './cluster/cluster.js';
export type { DiskFaults } from './cluster/disk-faults.js';
export type { SyncPolicy } from './cluster/durability.js';
export type { ClusterEvent, DownReason } from './cluster/event.js';
export type {
  ClusterOptions,
  ResolvedOptions,
  RestartOptions,
  TimeoutRange,
} from './cluster/options.js';
export type {
  ClusterMetrics,
  ClusterStatus,
  Inspection,
  NodeMetrics,
  NodeState,
  NodeStatus,
  TurnReport,
} from './cluster/status.js';
export type { WaitOptions } from './cluster/waiting.js';
export type { Fault, HeldMessage, InjectedMessage } from './cluster/weather.js';
export { type ErrorCode, type ErrorDetails, errorCodes, RaftError } from './errors.js';
export type { Distribution } from './network/distribution.js';
export type { PartitionOptions, ReleaseOptions } from './network/installed.js';
export type { PartitionShape } from './network/partition.js';
export type { Effect, LinkOptions, Rule } from './network/rule.js';
export type { Selector } from './network/selector.js';
export type { Client } from './store/client.js';
export { type ClientPort, connect } from './store/connect.js';
export type { Machine, MachineFactory } from './store/machine.js';
export type {
  CallOptions,
  CasResult,
  Consistency,
  DeleteResult,
  ReadOptions,
  SetResult,
  Store,
  SubmitResult,
  Value,
} from './store/store.js';
