/** From the options of a scenario to what its nodes are started with. */
import type { ReplicaRecord } from '../replica/boot.js';
import type { DiskSizes } from './disk.js';
import type { Scenario, ScenarioOptions } from './scenario.js';
import type { End } from './wire.js';

/** Rows of the smallest log; the replica keeps 2,048 of them in reserve. */
const entriesMin = 4096;
const snapshotBytesMin = 2 ** 16;

export function recordOf(
  self: End,
  nodes: readonly End[],
  { options, seed }: Pick<Scenario, 'options' | 'seed'>,
): ReplicaRecord {
  return {
    self,
    members: nodes,
    seed,
    raft: {
      heartbeatTicks: options.heartbeatTicks,
      electionTicksMin: options.electionTicksMin,
      electionTicksMax: options.electionTicksMax,
      preVote: options.preVote,
      checkQuorum: options.checkQuorum,
      leaseDriftTicks: options.leaseDriftTicks,
      inflightEntriesMax: options.inflightEntriesMax,
      inflightBytesMax: options.bulkBytes / 2,
      appendBytesMax: options.entryBytesMax,
      uncommittedBytesMax: options.logBytesMax / 4,
    },
    store: { sessionsMax: options.sessionsMax, serialWindowMax: options.serialWindowMax },
    limits: {
      entryBytesMax: options.entryBytesMax,
      applyBytesMax: 4 * options.entryBytesMax,
      checkpointBytes: options.checkpointBytes,
      forwardsMax: options.forwardsMax,
      patienceTicks: 2 * options.electionTicksMax,
    },
  };
}

export function diskSizesOf({ logBytesMax, entryBytesMax }: ScenarioOptions): DiskSizes {
  return {
    logBytesMax,
    entryBytesMax,
    entriesMax: Math.max(entriesMin, logBytesMax / 128),
    snapshotBytesMax: Math.max(snapshotBytesMin, logBytesMax / 4),
  };
}
