/**
 * Assertions: the core throws for one reason only, a broken invariant. An expected refusal is a
 * value.
 *
 * After an InvariantError the state is not to be trusted: the caller must stop the node, never go
 * on.
 */

/**
 * A fact that Raft guarantees turned out false: a bug here, or a peer or a disk that broke its
 * promise.
 */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError';
}

/** Throws an InvariantError unless the condition holds. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new InvariantError(invariant);
}

/** Marks the end of a switch that has handled every member of a union. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value: ${JSON.stringify(value)}`);
}
