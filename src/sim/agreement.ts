/** Whether a cluster that nobody disturbs has come to rest, and if not, why not. */
import type { SimClient } from './client.js';
import type { SimNode } from './node.js';

export class LeaderWatch {
  readonly #nodes: readonly SimNode[];

  constructor(nodes: readonly SimNode[]) {
    this.#nodes = nodes;
  }

  /** Who leads the highest term in which anybody does. */
  get leader(): SimNode | undefined {
    let found: SimNode | undefined;
    let term = -1;
    for (const node of this.#nodes) {
      const raft = node.life?.raft;
      if (raft?.role !== 'leader' || raft.currentTerm <= term) continue;
      found = node;
      term = raft.currentTerm;
    }
    return found;
  }

  /** What is still missing; `undefined` when all agree and nothing waits. */
  disagreement(clients: readonly SimClient[]): string | undefined {
    const { leader } = this;
    const led = leader?.life;
    if (leader === undefined || led === undefined) return 'nobody leads';
    const digest = led.machine.digest();
    for (const node of this.#nodes) {
      // Its directory has lost something: it stays away until somebody repairs it.
      if (node.isRefused) continue;
      const life = node.life;
      if (life === undefined) return `${node.id} is down`;
      const { raft, replica, machine } = life;
      const { id } = node;
      if (node.isStalled) return `${id} waits for its disk`;
      if (raft.leaderId !== leader.id) return `${id} follows ${raft.leaderId ?? 'nobody'}`;
      if (raft.currentTerm !== led.raft.currentTerm) return `${id} is in term ${raft.currentTerm}`;
      const last = led.raft.lastLogIndex;
      if (raft.lastLogIndex !== last) return `${id} has ${raft.lastLogIndex} of ${last} entries`;
      if (raft.commitIndex !== last) return `${id} has committed ${raft.commitIndex} of ${last}`;
      if (replica.lastApplied !== last)
        return `${id} has applied ${replica.lastApplied} of ${last}`;
      if (machine.digest() !== digest) return `${id} has another state`;
      const { pending } = replica.gauges;
      if (pending > 0) return `${pending} requests wait at ${id}`;
    }
    for (const [id, progress] of Object.entries(led.raft.status().progress ?? {})) {
      const { inflightEntries } = progress;
      const isHere = this.#nodes.some((node) => node.id === id && !node.isRefused);
      if (isHere && inflightEntries > 0) return `${inflightEntries} entries are under way to ${id}`;
    }
    for (const { store } of clients) {
      const { pendingCalls } = store.counters;
      if (pendingCalls > 0) return `${pendingCalls} calls are pending`;
    }
    return undefined;
  }
}
