/** From the options of a cluster to what each of its threads is started with. */
import type { ChildSpec } from '../actor/child.js';
import { packError } from '../errors.js';
import type { NodeRecord } from '../replica/node.js';
import type { NodeStorage } from '../replica/node-storage.js';
import type { NodeDirectories } from './node-directories.js';
import type { ResolvedOptions } from './options.js';
import type { Roster, RosterNode } from './roster.js';

/**
 * Named here once: dist/ mirrors the sources, so the path is the same everywhere. Bundled from
 * `workers/replica.ts`: a thread that loads a hundred modules takes 60 ms of CPU time more.
 */
const replicaWorker = new URL('../../workers/replica-bundle.js', import.meta.url);

/** Bytes of entries that one turn of a replica applies before its mailbox is looked at again. */
const applyBytesMax = 2 ** 18;
/** Client batches that may be on their way through one follower. */
const forwardsMax = 65_536;

/** Capacity of the bulk ring of a link: room for several of the largest frames. */
export function bulkBytesOf({ entryBytesMax }: ResolvedOptions): number {
  return 2 ** Math.ceil(Math.log2(4 * entryBytesMax));
}

/** What a client may have under way in one session, and so what the nodes remember of it. */
export function serialWindowOf({ outstandingMax }: ResolvedOptions): number {
  return outstandingMax;
}

export function specOf(
  node: RosterNode,
  { roster, data }: { readonly roster: Roster; readonly data: NodeDirectories | undefined },
  options: ResolvedOptions,
): ChildSpec {
  const record: NodeRecord = {
    self: { id: node.id, actor: node.actor },
    members: roster.nodes.map(({ id, actor }) => ({ id, actor })),
    storage: storageOf(node, data, options),
    gauges: node.gaugeMemory,
    seed: options.seed,
    isOneProcess: true,
    ...(options.stateMachine === undefined ? {} : { machineUrl: options.stateMachine }),
    tickMs: options.tickMs,
    ...recordingOf(options),
    raft: raftOptionsOf(options),
    store: { sessionsMax: options.sessionsMax, serialWindowMax: serialWindowOf(options) },
    limits: {
      entryBytesMax: options.entryBytesMax,
      applyBytesMax,
      checkpointBytes: options.checkpointBytes,
      forwardsMax,
      patienceTicks: 2 * Math.ceil(options.electionTimeout.maxMs / options.tickMs),
    },
  };
  return {
    id: node.id,
    actor: node.actor,
    worker: replicaWorker,
    restart: 'permanent',
    data: record,
    startTimeoutMs: options.startTimeoutMs,
    shutdownTimeoutMs: 1000,
  };
}

function recordingOf({
  recordTo,
  newClusterId: run,
}: ResolvedOptions): Pick<NodeRecord, 'recordTo'> {
  return recordTo === undefined ? {} : { recordTo: { directory: recordTo, run } };
}

function storageOf(
  { id, memory }: RosterNode,
  data: NodeDirectories | undefined,
  options: ResolvedOptions,
): NodeStorage {
  if (memory !== undefined) return { kind: 'memory', buffers: memory };
  const own = data?.of(id);
  if (own?.refusal !== undefined) return { kind: 'refused', error: packError(own.refusal) };
  const { logBytesMax, entryBytesMax, snapshotBytesMax, durability } = options;
  return {
    kind: 'file',
    options: {
      directory: own?.directory ?? '',
      directoryId: own?.directoryId ?? 0,
      mustExist: true,
      syncPolicy: durability?.syncPolicy ?? 'always',
      intervalMs: durability?.syncIntervalMs ?? 0,
      logBytesMax,
      entryBytesMax,
      snapshotBytesMax,
    },
  };
}

function raftOptionsOf(options: ResolvedOptions): NodeRecord['raft'] {
  const { tickMs, electionTimeout, heartbeatMs, leaseDriftMs, entryBytesMax } = options;
  const heartbeatTicks = Math.max(1, Math.round(heartbeatMs / tickMs));
  const electionTicksMin = Math.max(heartbeatTicks + 1, Math.ceil(electionTimeout.minMs / tickMs));
  return {
    heartbeatTicks,
    electionTicksMin,
    electionTicksMax: Math.max(electionTicksMin + 1, Math.floor(electionTimeout.maxMs / tickMs)),
    preVote: options.preVote,
    checkQuorum: options.checkQuorum,
    leaseDriftTicks: Math.min(electionTicksMin, Math.ceil(leaseDriftMs / tickMs)),
    appendBytesMax: entryBytesMax,
    // Entries without bytes have a header each in a frame, and a frame has to fit into the ring.
    inflightEntriesMax: Math.min(1024, Math.floor(entryBytesMax / 32)),
    inflightBytesMax: bulkBytesOf(options) / 2,
    uncommittedBytesMax: Math.min(2 ** 26, options.logBytesMax / 4),
  };
}
