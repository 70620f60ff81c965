/**
 * Who belongs to a cluster: its nodes with what outlives their threads, and its clients.
 */

import { RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import { allocateGauges, GaugeBoard, type Gauges } from '../replica/gauges.js';
import type { Member } from '../replica/replica.js';
import { createMemory, type MemoryStorageBuffers } from '../storage/index.js';
import type { ResolvedOptions } from './options.js';

/** One node: its name, its actor, and the shared memory that its incarnations hand on. */
export interface RosterNode extends Member {
  /** Absent where the node keeps its data on disk. */
  readonly memory: MemoryStorageBuffers | undefined;
  readonly gaugeMemory: SharedArrayBuffer;
  /** The newest gauges that could be read. */
  gauges(): Gauges;
}

/** The names of actors: of nodes as they were given, of clients `c` and their number. */
export class Roster {
  readonly nodes: readonly RosterNode[];
  readonly #byId: ReadonlyMap<NodeId, RosterNode>;
  readonly #byActor: ReadonlyMap<number, RosterNode>;
  readonly #clients = new Map<number, string>();

  constructor(options: ResolvedOptions, allocateActor: () => number) {
    const members = options.nodes.map((id) => ({ id, actor: allocateActor() }));
    this.nodes = members.map((member) => createNode(member, options));
    this.#byId = new Map(this.nodes.map((node) => [node.id, node]));
    this.#byActor = new Map(this.nodes.map((node) => [node.actor, node]));
  }

  /** Throws `RAFT_UNKNOWN_NODE`. */
  node(id: NodeId): RosterNode {
    const node = this.#byId.get(id);
    if (node !== undefined) return node;
    const known = [...this.#byId.keys()].join(', ');
    throw new RaftError('RAFT_UNKNOWN_NODE', `there is no node '${id}'; there are ${known}`, {
      details: { nodeId: id },
    });
  }

  addClient(actor: number): string {
    const short = `c${actor}`;
    // A node may be called like that.
    const name = this.#byId.has(short) ? `client ${actor}` : short;
    this.#clients.set(actor, name);
    return name;
  }

  removeClient(actor: number): string | undefined {
    const name = this.#clients.get(actor);
    this.#clients.delete(actor);
    return name;
  }

  /** The name of an actor, for the network's rules. */
  endOf(actor: number): string {
    return this.#byActor.get(actor)?.id ?? this.#clients.get(actor) ?? `actor ${actor}`;
  }

  /** Every name and its actor. */
  ends(): ReadonlyMap<string, number> {
    const ends = new Map<string, number>(this.nodes.map(({ id, actor }) => [id, actor]));
    for (const [actor, name] of this.#clients) ends.set(name, actor);
    return ends;
  }

  isNode(actor: number): boolean {
    return this.#byActor.has(actor);
  }
}

function createNode(member: Member, options: ResolvedOptions): RosterNode {
  const { logBytesMax, entryBytesMax, snapshotBytesMax, nodes, durability } = options;
  const gaugeMemory = allocateGauges();
  const board = new GaugeBoard(gaugeMemory, nodes);
  let last = board.read() as Gauges;
  return {
    ...member,
    memory: durability ? undefined : createMemory({ logBytesMax, entryBytesMax, snapshotBytesMax }),
    gaugeMemory,
    gauges: () => {
      last = board.read() ?? last;
      return last;
    },
  };
}
