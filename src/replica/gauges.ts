/**
 * What a replica shows of itself in shared memory, so that anybody may look at any time: also
 * when the replica's thread is paused, busy or dead.
 *
 * Written by one thread under a sequence word (odd while a write is under way), read by any:
 * a reader that saw the word move reads again, so it never sees half of an update.
 */
import type { NodeId } from '../raft/message.js';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

const roles: readonly Role[] = ['follower', 'pre-candidate', 'candidate', 'leader'];

/** Plain counts and indexes of one replica; all zero before its first turn. */
export interface Gauges {
  readonly role: Role;
  readonly currentTerm: number;
  /** `undefined` while this replica knows of no leader. */
  readonly leaderId: NodeId | undefined;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly lastLogIndex: number;
  readonly firstLogIndex: number;
  readonly replicatedByAll: number;
  readonly logBytes: number;
  /** Commands applied since this incarnation began. */
  readonly commandsApplied: number;
  readonly entriesProposed: number;
  readonly readsServed: number;
  /** Campaigns that this incarnation began. */
  readonly campaigns: number;
  /** Elections that this incarnation won. */
  readonly electionsWon: number;
  /** Client batches that were passed on to the leader. */
  readonly forwarded: number;
  /** Messages that a full or dead link refused; the core treats them as lost. */
  readonly messagesRefused: number;
  /** Requests of clients that have not been answered yet. */
  readonly pending: number;
}

const fields = [
  'currentTerm',
  'commitIndex',
  'lastApplied',
  'lastLogIndex',
  'firstLogIndex',
  'replicatedByAll',
  'logBytes',
  'commandsApplied',
  'entriesProposed',
  'readsServed',
  'campaigns',
  'electionsWon',
  'forwarded',
  'messagesRefused',
  'pending',
] as const satisfies readonly (keyof Gauges)[];

const sequenceBytes = 8;
const f64 = 8;
const roleAt = fields.length;
const leaderAt = fields.length + 1;
const noLeader = -1;

export function allocateGauges(): SharedArrayBuffer {
  return new SharedArrayBuffer(sequenceBytes + (fields.length + 2) * f64);
}

/** Both ends of one replica's gauges. `members` fixes the numbers of the nodes. */
export class GaugeBoard {
  readonly #sequence: Int32Array;
  readonly #values: Float64Array;
  readonly #members: readonly NodeId[];

  constructor(memory: SharedArrayBuffer, members: readonly NodeId[]) {
    this.#sequence = new Int32Array(memory, 0, 1);
    this.#values = new Float64Array(memory, sequenceBytes);
    this.#members = members;
  }

  write(gauges: Gauges): void {
    // A predecessor that was killed in the middle of a write left the word odd.
    Atomics.or(this.#sequence, 0, 1);
    for (let at = 0; at < fields.length; at += 1) {
      this.#values[at] = gauges[fields[at] as (typeof fields)[number]];
    }
    this.#values[roleAt] = roles.indexOf(gauges.role);
    this.#values[leaderAt] =
      gauges.leaderId === undefined ? noLeader : this.#members.indexOf(gauges.leaderId);
    Atomics.add(this.#sequence, 0, 1);
  }

  /** `undefined` when the writer was killed, or is being paused, in the middle of a write. */
  read(): Gauges | undefined {
    const triesMax = 64;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const before = Atomics.load(this.#sequence, 0);
      if ((before & 1) === 1) continue;
      const gauges = this.#copy();
      if (Atomics.load(this.#sequence, 0) === before) return gauges;
    }
    return undefined;
  }

  #copy(): Gauges {
    const counts = {} as Record<(typeof fields)[number], number>;
    for (let at = 0; at < fields.length; at += 1) {
      counts[fields[at] as (typeof fields)[number]] = this.#values[at] ?? 0;
    }
    return {
      ...counts,
      role: roles[this.#values[roleAt] ?? 0] ?? 'follower',
      leaderId: this.#members[this.#values[leaderAt] ?? noLeader],
    };
  }
}
