/**
 * A scenario: everything that decides a run, as plain data. It can be written down, sent to another
 * thread, and made smaller piece by piece until only what breaks is left.
 */
import type { PlannedFault } from '../chaos/fault.js';
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
  /** A minority that stays down after that until the others have agreed. */
  readonly absent: readonly string[];
  /** How long the cluster may take to agree, without them and then with them. */
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
  /** A write-ahead log on a disk that may fail. Absent: memory. */
  readonly disk?: { readonly segmentBytes: number };
}

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
