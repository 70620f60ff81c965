/**
 * What a script acts on: a cluster seen the way chistributed sees one.
 *
 * The runner keeps what belongs to the broker of the tool: names, states, numbers, texts. The
 * target does what belongs to the nodes and to the network between them. Nodes are called by the
 * names of the configuration, which are free strings.
 *
 * No promise of a target stays pending: requests settle within 2.5 s, everything else sooner.
 */
import type { JsonValue } from './python.js';

/** A cluster that a script can drive. Disposing it stops the nodes; a second time does nothing. */
export interface ChiTarget extends AsyncDisposable {
  /**
   * Starts a node that does not run, or starts it again after it died, and resolves when the node
   * takes requests. `words` is what the script wants passed to the node; it may be ignored.
   * A rejection means that the node died while starting: the run ends with its message.
   */
  start(nodeId: string, words: readonly string[]): Promise<void>;

  /** Whether the node was started and has not died since. */
  isAlive(nodeId: string): boolean;

  /**
   * The request goes to this very node, past every partition, and this node answers it.
   *
   * A rejection is printed as an error of the node, with its message as the text.
   */
  get(nodeId: string, key: string): Promise<ChiAnswer>;
  set(nodeId: string, key: string, value: JsonValue): Promise<ChiAnswer>;

  /**
   * Holds back every message between a node of `side1` and one of `side2`, both ways, until the
   * partition is removed. Partitions add up; one message may be held by several. A node may be on
   * both sides; a side may be empty; nodes need not have been started.
   */
  createPartition(sides: PartitionSides): Promise<ChiPartition>;

  /** The messages held at the moment, oldest first. Absent: `show_queue` is refused. */
  heldMessages?(): Promise<readonly HeldMessage[]>;

  /**
   * Hands a message to a node directly, past every partition, with nobody named as its sender.
   * A node that does not run never sees it. Absent: `send_msg` takes get and set only.
   */
  deliver?(nodeId: string, message: ChiMessage): Promise<void>;

  /** What the commands that the tool does not know act on. Absent: they are refused. */
  readonly laboratory?: ChiLaboratory;
}

/** A message as `send_msg` has it. */
export interface ChiMessage {
  readonly [field: string]: JsonValue;
}

/** The messages that `delay` and `drop` are about: all between nodes, or those of one of them. */
export interface LinkFault {
  /** Default: all nodes. */
  readonly nodeId?: string | undefined;
}

/** What a person may do to a cluster, beside what the tool can. */
export interface ChiLaboratory {
  /** Ends the node at whatever instruction it is. It stays down until it is started. */
  crash(nodeId: string): Promise<void>;
  /** Ends the node if it runs, and starts it; resolves and rejects as `ChiTarget.start` does. */
  restart(nodeId: string): Promise<void>;
  /** Stops the node as SIGSTOP would; its mail waits. */
  pause(nodeId: string): Promise<void>;
  resume(nodeId: string): Promise<void>;
  /** Messages take this much longer from now on, in ms >= 0; it replaces the delay before it. */
  delay(fault: LinkFault & { readonly ms: number }): Promise<void>;
  /** This share of the messages is lost from now on, 0 to 1; it replaces the one before it. */
  drop(fault: LinkFault & { readonly rate: number }): Promise<void>;
  /** Who leads the newest term; `undefined` while nobody does. */
  leader(): { readonly nodeId: string; readonly term: number } | undefined;
  /** All nodes in order; none before the first one was started. */
  status(): readonly NodeReport[];
  /** The seed of the run; from then on it is fixed. */
  seed(): Promise<number>;
  /** Sets the seed. False once something was asked of the cluster, which has its seed by then. */
  reseed(seed: number): boolean;
}

/** How a node fares. */
export interface NodeReport {
  readonly nodeId: string;
  /** `running`, `paused`, `starting` or `down`. */
  readonly state: string;
  readonly role: string;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
}

/** How a node answered a request. */
export type ChiAnswer =
  /** Done. The node repeats what it did; the runner compares it with what was asked. */
  | { readonly kind: 'ok'; readonly key: string; readonly value: JsonValue }
  /** A get of a key that is not there. */
  | { readonly kind: 'missing' }
  /** No majority within the time limit, or nobody leads. A set may or may not have been done. */
  | { readonly kind: 'no-quorum' }
  /** Refused or failed for another reason, in words of the node. */
  | { readonly kind: 'failed'; readonly text: string }
  /** The node died, or is not there: nobody answers, and nothing is printed. */
  | { readonly kind: 'lost' };

/** Who is cut off from whom. */
export interface PartitionSides {
  /** For traces only. */
  readonly name: string;
  readonly side1: readonly string[];
  readonly side2: readonly string[];
}

/** A partition that is in force. */
export interface ChiPartition {
  /**
   * Ends the partition. Of the messages held, oldest first, each one that this partition separates
   * is delivered or dropped, whatever other partitions say of it; all others stay held.
   */
  remove(options: { readonly deliver: boolean }): Promise<void>;
}

/** A message between two nodes that a partition holds back. */
export interface HeldMessage {
  readonly source: string;
  readonly destination: string;
  /** The name of the course project, `appendEntries`. */
  readonly type: string;
  /** All other fields. */
  readonly fields: { readonly [field: string]: JsonValue };
}
