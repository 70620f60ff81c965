/** The nodes by name, and the state that the broker believes each to be in (6.1). */

/**
 *     initial ─start─► starting ─ready─► running ◄─recover_node─┐
 *                         │  │              └────fail_node────► partitioned
 *                         │  └─not ready in time─► failed (a node ready later is running)
 *                         └─died─► crashed
 *
 * A node that dies later is not noticed: it stays running, as in the tool. The state matters to
 * start, fail_node and recover_node only, never to the delivery of messages.
 */
type NodeState = 'initial' | 'starting' | 'running' | 'partitioned' | 'failed' | 'crashed';

export interface ChiNode {
  readonly id: string;
  state: NodeState;
  /** The start that is under way; resolves, never rejects, once the node is up or dead. */
  starting?: Promise<void> | undefined;
}

export class Nodes {
  readonly #byId: ReadonlyMap<string, ChiNode>;

  constructor(ids: Iterable<string>) {
    this.#byId = new Map([...ids].map((id) => [id, { id, state: 'initial' }]));
  }

  /** All names, in the order of the configuration. */
  get ids(): string[] {
    return [...this.#byId.keys()];
  }

  find(id: string): ChiNode | undefined {
    return this.#byId.get(id);
  }

  /** The first of these names that the configuration does not have. */
  firstUnknown(ids: readonly string[]): string | undefined {
    return ids.find((id) => !this.#byId.has(id));
  }
}
