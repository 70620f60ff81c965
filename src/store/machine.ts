/**
 * A state machine of the user's: what `createCluster({ stateMachine })` replicates instead of the
 * key-value store.
 *
 * The module at that URL exports a factory. Every node imports it in its own thread and makes a
 * machine of its own, to which it applies the same commands in the same order:
 *
 *     // counter-machine.ts
 *     export function createStateMachine(): Machine { … }
 *
 * A machine is deterministic: what it does follows from the commands and their indexes alone, never
 * from a clock, from chance, from a file, or from what was asked of it in between. And it is
 * synchronous: while it works, its node does nothing else and hears nobody.
 */
import type { Value } from './value.js';

export interface Machine {
  /**
   * Changes the state and gives the result of the command, which `submit` resolves to.
   *
   * Called once for each command, whatever was repeated on the way. `index`: of the log entry;
   * commands that travelled together have the same one. Commands and results are values as the
   * store has them; a result has at most 4,096 encoded bytes, since the nodes keep it for repeats.
   *
   * A command that cannot be done should be a result. What is thrown here rejects `submit` with
   * `RAFT_MACHINE_FAILED` and must have left the state as it was, on every node alike.
   */
  apply(command: Value, index: number): Value;
  /** Answers a question from the state, which it must not change. */
  query(question: Value): Value;
  /** The whole state. Equal states should give equal bytes: `waitForConverged` compares them. */
  snapshot(): Uint8Array;
  /**
   * Puts the state of a snapshot in the place of this one: when a node starts, and whenever it was
   * away so long that the leader sends it a whole snapshot.
   */
  restore(image: Uint8Array): void;
}

/** What the module of a machine exports as `createStateMachine`. */
export type MachineFactory = () => Machine;

/** Encoded bytes of the largest result of a command. */
export const resultBytesMax = 4096;

/** What a result takes in an answer, beside its bytes. */
const resultOverhead = 24;

/**
 * Commands that may travel together: their results have to fit into one answer, which is at most as
 * long as half of a ring of four times `entryBytesMax` bytes (`bulkBytesOf`).
 */
export function commandsMaxOf(entryBytesMax: number): number {
  const answerBytesMax = 2 * entryBytesMax - 1024;
  return Math.max(1, Math.floor(answerBytesMax / (resultBytesMax + resultOverhead)));
}
