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
   * What it is, such as `counter 2`; not empty. With a `dataDir` a log is opened by a machine of
   * its name only, others are refused with `RAFT_WRONG_MACHINE`: a version that treats old commands
   * differently is another machine. Default: none; one may be given later.
   */
  readonly name?: string;
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
  /**
   * The whole state: as bytes, or as pieces of them. Equal states should give equal bytes:
   * `waitForConverged` compares them.
   *
   * Bytes are made in one go, and the node does nothing else meanwhile. Of pieces the node takes
   * the first one at once and then one in each turn, applying commands in between: together they
   * must be the state as it was when the first one was taken. Take them from data that is never
   * changed, or keep what `apply` or `restore` is about to change before it was given. The end may
   * never be reached: then `return` of the iterator is called, and `finally` blocks of a generator
   * run. A piece should take a few ms to make; its memory may be used again for the next one.
   *
   * @example
   * *snapshot() {
   *   const rows = this.rows; // apply() replaces the array and never changes it
   *   for (let at = 0; at < rows.length; at += 1000) yield encode(rows.slice(at, at + 1000));
   * }
   */
  snapshot(): Uint8Array | Iterable<Uint8Array>;
  /**
   * Puts the state of a snapshot in the place of this one: when a node starts, and whenever it was
   * away so long that the leader sends it a whole snapshot. `image`: all bytes, in one piece.
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
