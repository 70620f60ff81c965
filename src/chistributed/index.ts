/**
 * chistributed: scripts that start nodes, set and get, cut the network, and print what came of it.
 *
 * `runScript` executes one on any cluster that stands behind a `ChiTarget`.
 */
export { clusterStartLimitMs, createClusterTarget } from './cluster-target.js';
export type { ConfigurationSource } from './configuration.js';
export type { ChiOutput } from './printer.js';
export type { JsonValue } from './python.js';
export {
  type ChiSession,
  type RunScriptOptions,
  type RunScriptResult,
  runScript,
} from './run-script.js';
export type {
  ChiAnswer,
  ChiLaboratory,
  ChiPartition,
  ChiTarget,
  HeldMessage,
  PartitionSides,
} from './target.js';
export { VirtualRun } from './virtual-run.js';
