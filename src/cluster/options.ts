/**
 * Every option of a cluster: documented, defaulted and validated here and nowhere else.
 */
import { RaftError } from '../errors.js';
import {
  type DurabilityOptions,
  type ResolvedDurability,
  resolveDurability,
} from './durability.js';

/** A range of milliseconds; both ends are drawn. */
export interface TimeoutRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How often a node's thread may die before the cluster gives it up (OTP's intensity and period).
 */
export interface RestartOptions {
  /** Deaths within `periodMs` that are answered with a restart. Whole number >= 0, default 100. */
  readonly intensity?: number;
  /** Whole ms > 0, default 10,000. */
  readonly periodMs?: number;
}

/** All have defaults: `createCluster()` is three nodes in memory. */
export interface ClusterOptions extends DurabilityOptions {
  /**
   * Number of nodes, 1 to 9, default 3. An even size is allowed; it needs one more node alive for
   * a majority than the odd size below it and survives no more failures.
   */
  readonly size?: number;
  /** Names of the nodes, unique and not empty; default `n1`, `n2`, … Gives the size, too. */
  readonly nodes?: readonly string[];
  /** Whether the nodes run at once; otherwise each is down until `restart`. Default true. */
  readonly autostart?: boolean;
  /** Drawn anew for each wait; §5.2. Default 150 to 300 ms; at least two heartbeats. */
  readonly electionTimeout?: Partial<TimeoutRange>;
  /** Time between heartbeats of an idle leader. Whole ms >= 10, default 50. */
  readonly heartbeatMs?: number;
  /** The unit of all timers of a node. Whole ms >= 1, default 10. */
  readonly tickMs?: number;
  /**
   * A node asks whether it could win before it raises its term (dissertation §9.6). Default true.
   */
  readonly preVote?: boolean;
  /** A leader that hears no quorum for an election timeout resigns (§6.2). Default true. */
  readonly checkQuorum?: boolean;
  /**
   * By how much clocks may drift apart during an election timeout, in ms: a lease is shorter by
   * this. Whole ms >= 0, default 20.
   */
  readonly leaseDriftMs?: number;
  /** Time limit of a request. Whole ms > 0, default 5,000. */
  readonly requestTimeoutMs?: number;
  /** Operations that one client may have under way. 1 to 1,048,576, default 65,536. */
  readonly outstandingMax?: number;
  /** Sessions of clients that the nodes remember. 1 to 1,000,000, default 10,000. */
  readonly sessionsMax?: number;
  /** The longest value, encoded, in bytes. 64 to half of `entryBytesMax`; default 512 KiB. */
  readonly valueBytesMax?: number;
  /** The longest payload of a log entry, in bytes. 4 KiB to 16 MiB, default 1 MiB. */
  readonly entryBytesMax?: number;
  /**
   * Log bytes that one node may hold, default 256 MiB; memory is used only as the log grows.
   * A quarter of it is kept for followers that lag; whoever lags further is sent a snapshot. Full
   * means that the state cannot be saved: writes are then refused with `RAFT_LOG_FULL`.
   */
  readonly logBytesMax?: number;
  /** Log bytes after which a node saves its state and trims its log. Default 16 MiB. */
  readonly checkpointBytes?: number;
  /**
   * The largest saved state of one node, in bytes, up to 2 GiB; default 512 MiB, used as needed.
   */
  readonly snapshotBytesMax?: number;
  /** Seeds election timeouts, back-off and the network's draws. Default: a random one. */
  readonly seed?: number;
  readonly restart?: RestartOptions;
  /**
   * A directory in which each life of a node leaves a tape of all that it took in, to be played
   * back by `balsa sim playback`. It costs a write for every turn of a node, and is for key-value
   * stores in memory. Default: no tapes.
   */
  readonly recordTo?: string;
  /** Time that a node's thread may take to start. Whole ms > 0, default 30,000. */
  readonly startTimeoutMs?: number;
  /**
   * The module of a state machine of your own, which exports `createStateMachine` (`Machine`);
   * every node imports it in its own thread. It is replicated instead of the key-value store:
   * `submit` and `query` work, `set`, `get` and the others reject with `RAFT_WRONG_MACHINE`.
   * Default: the store.
   */
  readonly stateMachine?: URL;
}

/** What a cluster runs with: no option is absent. */
export interface ResolvedOptions {
  readonly nodes: readonly string[];
  readonly autostart: boolean;
  readonly electionTimeout: TimeoutRange;
  readonly heartbeatMs: number;
  readonly tickMs: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseDriftMs: number;
  readonly requestTimeoutMs: number;
  readonly outstandingMax: number;
  readonly sessionsMax: number;
  readonly valueBytesMax: number;
  readonly entryBytesMax: number;
  readonly logBytesMax: number;
  readonly checkpointBytes: number;
  readonly snapshotBytesMax: number;
  readonly seed: number;
  /** Absent: in memory. */
  readonly durability: ResolvedDurability | undefined;
  /** Names a cluster that is founded now; drawn at random whatever the seed. */
  readonly newClusterId: string;
  readonly restart: Required<RestartOptions>;
  /** Absent: no tapes. */
  readonly recordTo: string | undefined;
  readonly startTimeoutMs: number;
  /** The URL of its module. Absent: the key-value store. */
  readonly stateMachine: string | undefined;
}

const sizeMax = 9;
const dayMs = 86_400_000;
const mebibyte = 2 ** 20;

const known: ReadonlySet<string> = new Set<keyof ClusterOptions>([
  'size',
  'nodes',
  'autostart',
  'electionTimeout',
  'heartbeatMs',
  'tickMs',
  'preVote',
  'checkQuorum',
  'leaseDriftMs',
  'requestTimeoutMs',
  'outstandingMax',
  'sessionsMax',
  'valueBytesMax',
  'entryBytesMax',
  'logBytesMax',
  'checkpointBytes',
  'snapshotBytesMax',
  'dataDir',
  'syncPolicy',
  'syncIntervalMs',
  'seed',
  'restart',
  'recordTo',
  'startTimeoutMs',
  'stateMachine',
]);

const rangeNames: ReadonlySet<string> = new Set<keyof TimeoutRange>(['minMs', 'maxMs']);
const restartNames: ReadonlySet<string> = new Set<keyof RestartOptions>(['intensity', 'periodMs']);

/** Checks all options at once and fills in the defaults. Throws `RAFT_INVALID_OPTION`. */
export function resolveOptions(options: ClusterOptions = {}): ResolvedOptions {
  checkNames(undefined, options, known);
  checkNames('electionTimeout', options.electionTimeout ?? {}, rangeNames);
  checkNames('restart', options.restart ?? {}, restartNames);
  const tickMs = whole('tickMs', options.tickMs ?? 10, 1, 1000);
  const heartbeatMs = whole('heartbeatMs', options.heartbeatMs ?? 50, 10, dayMs);
  const electionTimeout = resolveElectionTimeout(options.electionTimeout, heartbeatMs);
  const entryBytesMax = whole(
    'entryBytesMax',
    options.entryBytesMax ?? mebibyte,
    4096,
    16 * mebibyte,
  );
  const logBytesMax = whole(
    'logBytesMax',
    options.logBytesMax ?? 256 * mebibyte,
    16 * entryBytesMax,
    2 ** 31,
  );
  const nodes = resolveNodes(options);
  return {
    nodes,
    autostart: flag('autostart', options.autostart ?? true),
    electionTimeout,
    heartbeatMs,
    tickMs,
    preVote: flag('preVote', options.preVote ?? true),
    checkQuorum: flag('checkQuorum', options.checkQuorum ?? true),
    leaseDriftMs: whole('leaseDriftMs', options.leaseDriftMs ?? 20, 0, electionTimeout.minMs),
    requestTimeoutMs: whole('requestTimeoutMs', options.requestTimeoutMs ?? 5000, 1, dayMs),
    outstandingMax: whole('outstandingMax', options.outstandingMax ?? 65_536, 1, 2 ** 20),
    sessionsMax: whole('sessionsMax', options.sessionsMax ?? 10_000, 1, 1_000_000),
    valueBytesMax: whole(
      'valueBytesMax',
      options.valueBytesMax ?? Math.min(mebibyte / 2, entryBytesMax / 2),
      64,
      entryBytesMax / 2,
    ),
    entryBytesMax,
    logBytesMax,
    checkpointBytes: whole(
      'checkpointBytes',
      options.checkpointBytes ?? Math.min(16 * mebibyte, logBytesMax / 4),
      entryBytesMax,
      logBytesMax / 2,
    ),
    snapshotBytesMax: whole('snapshotBytesMax', options.snapshotBytesMax ?? 2 ** 29, 4096, 2 ** 31),
    seed: whole('seed', options.seed ?? randomSeed(), 0, 2 ** 32 - 1),
    durability: resolveDurability(options, nodes),
    newClusterId: `${randomSeed().toString(16)}-${randomSeed().toString(16)}`,
    restart: {
      intensity: whole('restart.intensity', options.restart?.intensity ?? 100, 0, 1_000_000),
      periodMs: whole('restart.periodMs', options.restart?.periodMs ?? 10_000, 1, dayMs),
    },
    recordTo: resolveRecordTo(options),
    startTimeoutMs: whole('startTimeoutMs', options.startTimeoutMs ?? 30_000, 1, dayMs),
    stateMachine: resolveStateMachine(options.stateMachine),
  };
}

function resolveRecordTo({ recordTo, dataDir, stateMachine }: ClusterOptions): string | undefined {
  if (recordTo === undefined) return undefined;
  if (typeof recordTo !== 'string' || recordTo === '') {
    refuse('recordTo', `is ${describe(recordTo)}`, 'the path of a directory');
  }
  if (dataDir !== undefined) refuse('recordTo', 'is set', 'no `dataDir` beside it');
  if (stateMachine !== undefined) refuse('recordTo', 'is set', 'no `stateMachine` beside it');
  return recordTo;
}

/** A misspelt option is refused: it would be left out, and its default would hold. */
function checkNames(group: string | undefined, options: object, names: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuse(group ?? 'options', `is ${describe(options)}`, 'an object, or nothing');
  }
  const stranger = Object.keys(options).find((name) => !names.has(name));
  if (stranger === undefined) return;
  const option = group === undefined ? stranger : `${group}.${stranger}`;
  refuse(option, 'is no option of a cluster', `one of ${[...names].join(', ')}`);
}

function resolveNodes({ size, nodes }: ClusterOptions): readonly string[] {
  if (nodes === undefined) {
    const count = whole('size', size ?? 3, 1, sizeMax);
    return Array.from({ length: count }, (_, at) => `n${at + 1}`);
  }
  const isList = Array.isArray(nodes) && nodes.every((id) => typeof id === 'string' && id !== '');
  if (!isList || new Set(nodes).size !== nodes.length) {
    refuse('nodes', `is ${describe(nodes)}`, 'a list of different names that are not empty');
  }
  whole('size', nodes.length, 1, sizeMax);
  if (size !== undefined && size !== nodes.length) {
    refuse('size', `is ${size}, but ${nodes.length} nodes are named`, 'one of the two');
  }
  return [...nodes];
}

function resolveElectionTimeout(
  range: Partial<TimeoutRange> | undefined,
  heartbeatMs: number,
): TimeoutRange {
  const minMs = whole(
    'electionTimeout.minMs',
    range?.minMs ?? Math.max(150, 2 * heartbeatMs),
    20,
    dayMs,
  );
  const maxMs = whole('electionTimeout.maxMs', range?.maxMs ?? 2 * minMs, minMs + 1, 2 * dayMs);
  if (minMs < 2 * heartbeatMs) {
    refuse(
      'electionTimeout.minMs',
      `is ${minMs}, with a heartbeat every ${heartbeatMs} ms`,
      'at least two heartbeats, or one lost heartbeat deposes a healthy leader',
    );
  }
  return { minMs, maxMs };
}

function resolveStateMachine(url: URL | undefined): string | undefined {
  if (url === undefined || url instanceof URL) return url?.href;
  const expected = "a URL, such as new URL('./counter-machine.js', import.meta.url)";
  return refuse('stateMachine', `is ${describe(url)}`, expected);
}

function whole(option: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  return refuse(option, `is ${describe(value)}`, `a whole number from ${min} to ${max}`);
}

function flag(option: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  return refuse(option, `is ${describe(value)}`, 'true or false');
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function refuse(option: string, found: string, expected: string): never {
  throw new RaftError('RAFT_INVALID_OPTION', `${option} ${found}; expected ${expected}`, {
    details: { option },
  });
}

/** Only the seed of a run comes from outside; everything else is drawn from it. */
function randomSeed(): number {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}
