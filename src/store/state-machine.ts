/**
 * What a replica applies its log to. The store is one such machine (`store-state-machine.ts`), the
 * host of a machine that a program brings is another (`machine-host.ts`).
 *
 * A machine is deterministic: what it does follows from the payloads and their indexes alone, never
 * from a clock, from randomness, from the sink or from what was asked of it in between. It never
 * keeps the memory that it is given, which is shared and used again.
 */
import type { ByteRange } from './command.js';
import type { Outcome } from './outcome.js';
import type { StateImage, StateIntake } from './state-image.js';

/** What a sink is told about the batch whose outcomes follow. */
export interface BatchHeader {
  readonly clientId: number;
  readonly firstSerial: number;
  readonly originActor: number;
  readonly requestId: number;
  /** Outcomes to come, one a command. */
  readonly count: number;
  /** Bytes that the values of its outcomes take at most. Absent: they may be left out. */
  readonly valueBytesMax?: number;
}

/** Where outcomes go at the one replica that has to answer. */
export interface ResultSink {
  /** A batch begins; false if nobody waits for its outcomes, which are then kept back. */
  begin(batch: BatchHeader): boolean;
  /**
   * The next command ended so. `index`: where it was first applied, which is another entry's index
   * for a command that was repeated. `current`: what a cas found there, or what a machine of the
   * user's gave, a character for each byte.
   */
  push(code: Outcome, index: number, current?: string): void;
  /** The next command opened a session. */
  registered(clientId: number, index: number): void;
  /** The batch is complete. Called only if `begin` gave true. */
  end(): void;
}

export interface StateMachine {
  /** Keys in it; 0 for a machine that has none. */
  readonly size: number;
  /**
   * Applies the entry at `index`. Called once for each entry with commands, in the log's order.
   *
   * A command that cannot be done is an outcome, the same on every replica, and the rest of the
   * batch goes on. An error is thrown for a payload that no client can have written, before
   * anything of it has an effect.
   */
  apply(payload: ByteRange, index: number, sink?: ResultSink): void;
  /**
   * Answers one batch of reads from the state at `index` and gives the offset after the answer, or
   * -1 if it needs more room than `region` has. Throws `RAFT_WRONG_MACHINE` for reads that are
   * meant for another kind of machine.
   */
  query(request: ByteRange, index: number, region: ByteRange): number;
  /**
   * The whole state as it stands now, with everything that decides how the next entry is applied.
   * Applying goes on while the pieces are taken. One at a time: one that was not read to its end is
   * worth nothing from the next call on.
   */
  snapshot(): StateImage;
  /** Begins to take in another state. */
  restore(): StateIntake;
  /** Equal where the state is equal, however it came about; else different, almost certainly. */
  digest(): string;
}
