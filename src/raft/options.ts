/**
 * Options of the core: documented, defaulted and validated here and nowhere else.
 *
 * All times are in ticks; how long a tick is, only the caller knows.
 */
import {
  type Configuration,
  type ConfigurationOptions,
  createConfiguration,
} from './configuration.js';
import type { EntryHeader, HardState, NodeId } from './message.js';

/** The log as storage found it. */
export interface RecoveredLog {
  /** The newest entry that the state machine's snapshot contains; 0 without a snapshot. */
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /**
   * The entries still stored, consecutive. The first has at most index `snapshotIndex + 1`: a node
   * keeps older entries for followers that lag.
   */
  readonly entries: readonly EntryHeader[];
  /**
   * Term of the entry just before `entries`, wanted only when these begin at or below
   * `snapshotIndex`. Without it the first of them serves as the base of the log and can no longer
   * be sent.
   */
  readonly baseTerm?: number;
}

export interface RaftOptions {
  readonly id: NodeId;
  readonly configuration: ConfigurationOptions;
  /** Term and vote as stored; default term 0 and no vote, a node that never ran. */
  readonly hardState?: HardState;
  /** Default: an empty log. */
  readonly log?: RecoveredLog;
  /** What the state machine has applied already; default `snapshotIndex`. */
  readonly applied?: number;
  /** Shortest and longest election timeout, both inclusive; min > heartbeatTicks. */
  readonly electionTicksMin: number;
  readonly electionTicksMax: number;
  /** Time between two heartbeats of a leader. */
  readonly heartbeatTicks: number;
  /**
   * Draws an election timeout, a whole number from min to max. The only source of chance; nodes
   * must not share one sequence, or they collide for ever (§5.2).
   */
  readonly drawElectionTicks: (min: number, max: number) => number;
  /** Ask before campaigning (dissertation 9.6); default true. */
  readonly preVote?: boolean;
  /**
   * A leader that hears no quorum for electionTicksMin resigns, and voters refuse to depose a
   * leader that they hear (dissertation 4.2.3, 6.2). Leases need it. The same on all nodes; default
   * true.
   */
  readonly checkQuorum?: boolean;
  /**
   * Entries and bytes under way to one follower; defaults 1,024 and 8 MiB. One entry always fits.
   */
  readonly inflightEntriesMax?: number;
  readonly inflightBytesMax?: number;
  /** Payload bytes in one AppendEntries; default 1 MiB. One entry always fits. */
  readonly appendBytesMax?: number;
  /** Payload bytes of own-term entries that a leader holds uncommitted; default 64 MiB. */
  readonly uncommittedBytesMax?: number;
  /** Reads waiting at this node, its own and those of its followers; default 65,536. */
  readonly readsMax?: number;
  /**
   * How many ticks the clocks of two nodes may drift apart during electionTicksMin, taken off the
   * lease; default 2. The rounding of ticks is accounted for on top of it.
   */
  readonly leaseDriftTicks?: number;
  /**
   * Whether a leader that lives may hold a promise of this node to depose nobody for a while
   * (`lease.ts`). False where all that may have led are known to be gone: then the node votes and
   * campaigns from its first tick on. Default: true for a node that ran before.
   */
  readonly mayHavePromised?: boolean;
  /**
   * Differs between two runs of one node, so that the ids of reads do, too: a late answer to the
   * previous run must not be taken for one to this. From 0 to 1,000,000; default 0.
   */
  readonly incarnation?: number;
}

/** Options with nothing left open. */
export interface ResolvedOptions extends Required<Omit<RaftOptions, 'configuration'>> {
  readonly configuration: Configuration;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/**
 * Fills in the defaults and checks everything. Throws TypeError or RangeError saying what is wrong.
 */
export function resolveOptions(options: RaftOptions): ResolvedOptions {
  const log = options.log ?? { snapshotIndex: 0, snapshotTerm: 0, entries: [] };
  const resolved: ResolvedOptions = {
    ...options,
    configuration: createConfiguration(options.configuration),
    hardState: options.hardState ?? { currentTerm: 0 },
    log,
    applied: options.applied ?? log.snapshotIndex,
    preVote: options.preVote ?? true,
    checkQuorum: options.checkQuorum ?? true,
    inflightEntriesMax: options.inflightEntriesMax ?? 1024,
    inflightBytesMax: options.inflightBytesMax ?? 8 * mebibyte,
    appendBytesMax: options.appendBytesMax ?? mebibyte,
    uncommittedBytesMax: options.uncommittedBytesMax ?? 64 * mebibyte,
    readsMax: options.readsMax ?? 65_536,
    leaseDriftTicks: options.leaseDriftTicks ?? 2,
    mayHavePromised: options.mayHavePromised ?? (options.hardState?.currentTerm ?? 0) > 0,
    incarnation: options.incarnation ?? 0,
  };
  if (typeof resolved.id !== 'string' || resolved.id === '') {
    throw new TypeError("id must be the name of a node, such as 'n1'");
  }
  if (typeof resolved.drawElectionTicks !== 'function') {
    throw new TypeError('drawElectionTicks must be a function (min, max) => ticks');
  }
  checkTimes(resolved);
  checkBounds(resolved);
  checkRecovered(resolved);
  return resolved;
}

function checkTimes(options: ResolvedOptions): void {
  const { heartbeatTicks, electionTicksMin, electionTicksMax, leaseDriftTicks } = options;
  checkWhole('heartbeatTicks', heartbeatTicks, 1);
  checkWhole('electionTicksMin', electionTicksMin, heartbeatTicks + 1);
  checkWhole('electionTicksMax', electionTicksMax, electionTicksMin);
  checkWhole('leaseDriftTicks', leaseDriftTicks, 0, electionTicksMin);
}

function checkBounds(options: ResolvedOptions): void {
  checkWhole('inflightEntriesMax', options.inflightEntriesMax, 1);
  checkWhole('inflightBytesMax', options.inflightBytesMax, 1);
  checkWhole('appendBytesMax', options.appendBytesMax, 1);
  checkWhole('uncommittedBytesMax', options.uncommittedBytesMax, 1);
  checkWhole('readsMax', options.readsMax, 1);
  checkWhole('incarnation', options.incarnation, 0, 1_000_000);
}

function checkRecovered(options: ResolvedOptions): void {
  const { hardState, log, applied } = options;
  checkWhole('hardState.currentTerm', hardState.currentTerm, 0);
  checkWhole('log.snapshotIndex', log.snapshotIndex, 0);
  checkWhole('log.snapshotTerm', log.snapshotTerm, 0, hardState.currentTerm);
  const first = log.entries[0]?.index ?? log.snapshotIndex + 1;
  checkWhole('log.entries[0].index', first, 1, log.snapshotIndex + 1);
  let index = first;
  let term = 0;
  for (const entry of log.entries) {
    // Written out, since a log may hold very many entries and names are needed for bad ones only.
    if (entry.index !== index || entry.term < term || entry.term > hardState.currentTerm) {
      checkWhole('index of a log entry', entry.index, index, index);
      checkWhole(`term of log entry ${index}`, entry.term, term, hardState.currentTerm);
    }
    index += 1;
    term = entry.term;
  }
  const last = first + log.entries.length - 1;
  if (last < log.snapshotIndex) {
    throw new RangeError(`log.entries end at ${last}, before snapshotIndex ${log.snapshotIndex}`);
  }
  checkWhole('applied', applied, log.snapshotIndex, last);
}

function checkWhole(
  name: string,
  value: number,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RangeError(`${name} must be a whole number ${range}, not ${String(value)}`);
}
