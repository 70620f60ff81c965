/** What a nemesis does to a live cluster, in the words of `FaultTarget`. */
import type { FaultTarget } from '../chaos/nemesis.js';
import { systemClock } from '../clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { isRaftError, RaftError } from '../errors.js';
import { resolve, type Selector } from '../network/selector.js';
import { Prng } from '../prng.js';
import { isStorageFailure } from '../replica/node-storage.js';
import type { DiskFaults } from '../storage/faulty.js';

/** How long a node is waited for that may stand still. */
const patienceMs = 1_000;

/** So long after a disk has lied a node writes soundly before it has to start again. */
const soundMs = 300;

/** Starts those of these nodes that are down; one whose directory has lost something stays so. */
export async function restartStopped(cluster: Cluster, ids: readonly string[]): Promise<void> {
  const { nodes } = cluster.status();
  const stopped = nodes.filter(({ id, state }) => ids.includes(id) && state === 'down');
  const down = stopped.map(({ id }) => id);
  if (down.length > 0) await restart(cluster, down);
}

/** The status of a cluster tells which of its nodes stay down, and why. */
async function restart(cluster: Cluster, ids: readonly string[]): Promise<void> {
  await cluster.restart(ids).catch((error: unknown) => {
    if (!isStorageFailure(error)) throw error;
  });
}

/** Nodes that a nemesis kills come back at the end of the fault, and those that stopped as well. */
export function faultTarget(cluster: Cluster): FaultTarget {
  const prng = new Prng(cluster.options.seed);
  const heirs = prng.fork('heirs');
  const disks = new Disks(cluster, prng.fork('disks'));
  return {
    partition: (shape, options) => cluster.partition(shape, options),
    link: (options) => cluster.link(options),
    pause: (who) => cluster.pause(who),
    resume: (ids) => {
      cluster.resume(ids);
    },
    crash: (who) => cluster.crash(disks.without(who), { restart: false }),
    restart: (ids) => restart(cluster, ids),
    transfer: async () => {
      const { leaderId } = cluster;
      const others = cluster.nodes.filter((id) => id !== leaderId);
      if (others.length === 0) throw new RaftError('RAFT_NODE_DOWN', 'nobody else could lead');
      await cluster.transferLeadership(heirs.pick(others), { timeoutMs: 1_000 });
    },
    failDisks: (who, faults) => disks.fail(who, faults),
    mendDisks: (ids) => disks.mend(ids),
  };
}

/**
 * The disks of a cluster. Those that lie belong to a minority, for a node may never come back from
 * that; and while they lie their nodes are not killed: what was written last could be gone without
 * a trace then, which no log can notice.
 */
class Disks {
  readonly #cluster: Cluster;
  readonly #prng: Prng;
  readonly #liars: readonly string[];
  readonly #lying = new Set<string>();

  constructor(cluster: Cluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng.fork('victims');
    const minority = Math.ceil(cluster.nodes.length / 2) - 1;
    this.#liars = prng.shuffle([...cluster.nodes]).slice(0, minority);
  }

  /** The nodes that are meant, but for those whose disks lie. */
  without(who: Selector): string[] {
    const { nodes, leaderId } = this.#cluster;
    const meant = resolve(who, { nodes, leaderId, prng: this.#prng });
    return meant.filter((id) => !this.#lying.has(id));
  }

  async fail(who: Selector, faults: DiskFaults): Promise<string[]> {
    const isSilent = faults.silentMax !== undefined;
    const meant = isSilent ? this.#liars : this.without(who);
    const running = meant.filter((id) => this.#stateOf(id) === 'running');
    if (running.length === 0) throw new RaftError('RAFT_NODE_DOWN', 'no disk that could fail');
    if (isSilent) for (const id of running) this.#lying.add(id);
    // Who stands still hears of it later, who is about to stop never: nobody waits for them.
    for (const id of running) void this.#order(id, faults);
    return running;
  }

  async mend(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => Promise.race([this.#order(id, {}), pass(patienceMs)])));
    const lying = ids.filter((id) => this.#lying.delete(id));
    if (lying.length > 0) {
      await pass(soundMs);
      await this.#cluster.crash(lying, { restart: false });
    }
    await restartStopped(this.#cluster, ids);
  }

  /** Resolves when the disk fails like this, or its node is down. */
  #order(id: string, faults: DiskFaults): Promise<unknown> {
    return this.#cluster.disk(id, faults).catch((error: unknown) => {
      if (!isRaftError(error)) throw error;
    });
  }

  #stateOf(nodeId: string): string | undefined {
    return this.#cluster.status().nodes.find(({ id }) => id === nodeId)?.state;
  }
}

function pass(ms: number): Promise<void> {
  return new Promise((done) => {
    systemClock.setTimer(ms, done);
  });
}
