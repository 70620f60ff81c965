/**
 * A scenario: everything that decides a run, as plain data. It can be written down, sent to another
 * thread, and made smaller piece by piece until only what breaks is left.
 */
import type { PartitionMode } from '../network/installed.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions } from '../network/rule.js';
import type { Selector } from '../network/selector.js';
import type { Consistency } from '../store/protocol.js';

/** Times are virtual ms since the run began; ticks are those of the nodes. */
export interface Scenario {
  /** Fixes every draw of the run that is not written down here. */
  readonly seed: number;
  readonly nodes: number;
  readonly clients: number;
  readonly options: ScenarioOptions;
  /** How fast the clock of each node runs, 1 being right. */
  readonly clockRates: readonly number[];
  readonly faults: readonly PlannedFault[];
  readonly operations: readonly PlannedOperation[];
  /** Faults are drawn and operations begin until here; then everything heals. */
  readonly safetyMs: number;
  /** How long the cluster may take to agree after that. */
  readonly livenessMs: number;
}

/** What the nodes, their clients and the machines under them are like. */
export interface ScenarioOptions {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly electionTicksMin: number;
  readonly electionTicksMax: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseDriftTicks: number;
  readonly entryBytesMax: number;
  readonly logBytesMax: number;
  readonly checkpointBytes: number;
  readonly inflightEntriesMax: number;
  readonly sessionsMax: number;
  readonly serialWindowMax: number;
  readonly forwardsMax: number;
  readonly requestTimeoutMs: number;
  /** Bytes under way on one link, in either lane, and in the control lane to a client. */
  readonly controlBytes: number;
  readonly bulkBytes: number;
  readonly answerBytes: number;
  /** Time under way between two actors when nothing is wrong. */
  readonly latencyMs: { readonly minMs: number; readonly maxMs: number };
  /** Time that a sync takes; absent: none, and a crash forgets nothing. */
  readonly syncMs?: { readonly minMs: number; readonly maxMs: number };
}

/** A fault from `at` until `until`. What it is for is resolved when it begins. */
export interface PlannedFault {
  readonly at: number;
  readonly until: number;
  readonly fault: Fault;
}

export type Fault =
  | { readonly kind: 'partition'; readonly shape: PartitionShape; readonly mode: PartitionMode }
  | { readonly kind: 'link'; readonly options: LinkOptions }
  | { readonly kind: 'pause'; readonly nodes: Selector }
  /** The nodes die, and start again at the end. */
  | { readonly kind: 'crash'; readonly nodes: Selector }
  /** The thread of one client, counted from 0, stands still. */
  | { readonly kind: 'stall'; readonly client: number }
  /** Their clocks jump by so much, once. */
  | { readonly kind: 'clock-jump'; readonly nodes: Selector; readonly byMs: number }
  /** Every sync takes so much longer. */
  | { readonly kind: 'slow-disk'; readonly nodes: Selector; readonly byMs: number }
  /** The leader is asked to hand over. */
  | { readonly kind: 'transfer'; readonly to: Selector }
  | { readonly kind: 'campaign'; readonly nodes: Selector };

/**
 * One call of a client. A process makes its calls one after the other: this one not before `at`.
 */
export interface PlannedOperation {
  readonly process: number;
  readonly at: number;
  readonly op: 'get' | 'set' | 'cas' | 'delete';
  readonly key: string;
  /** What a set or a cas writes; different for all operations of a scenario. */
  readonly value?: string | number;
  /** The node that is asked; default: the leader. */
  readonly node?: string;
  readonly consistency?: Consistency;
}
