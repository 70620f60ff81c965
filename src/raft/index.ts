/**
 * The pure core of Raft: one node's protocol as a deterministic state machine.
 *
 * It has no clock, no chance, no promise, no I/O and no import from outside this folder (the
 * compiler proves it: see `tsconfig.json`). Whatever happens to a node comes in as a call, whatever
 * it wants done goes out in a `Ready`. The same calls give the same batches, on threads and under
 * virtual time.
 *
 * ## The loop of the caller
 *
 *     tick() step(message) propose(payload) readIndex() …      any number of them, in any order
 *     while (raft.hasReady()) {
 *       const ready = raft.ready();
 *       1. store    ready.hardState and ready.entries, as one unit, in order of the batches;
 *                   then ready.snapshotParts, and call installed() behind the last of them
 *       2. send     ready.messages, with payloads from storage, without waiting for the disk
 *       3. wait     until this batch and all before it are on stable storage; then
 *                     send ready.messagesAfterDurable
 *                     raft.durable(last index stored, its term, ready.batch)
 *       4. apply    what is committed, up to ready.commitIndex, in pages of any size; then
 *                     raft.applied(index)
 *       5. answer   ready.reads once applied, ready.readsAborted with "try again"
 *     }
 *
 * Steps 4 and 5 may come later. While the caller waits in step 3 it may go on with new calls and
 * new batches: many may be on their way to the disk at once. Handling many
 * messages before one `ready()` is how batching happens: AppendEntries are made in `ready()`, so
 * all proposals since the last one travel in one message, and acknowledgements to one leader melt
 * into the newest.
 *
 * A call comes from one thread, never from within another. Before a caller that was stalled serves
 * a read by lease it calls `tick(missedTicks)`: without it the core cannot know that time has
 * passed.
 *
 * ## What is durable
 *
 * The core trusts `durable()` and nothing else. Until then its own vote is not counted, its own
 * entries do not count for a commit, and no message that promises something has left
 * (`messagesAfterDurable`: votes, answers to appends, the own requests for votes). All else may
 * leave at once; a leader's appends overlap with its own write (dissertation 10.2.1).
 *
 * `durable(index, term, batch)` says: every batch up to `batch` is stored, its hard state included,
 * and so is the log up to entry (index, term). The rules behind it:
 *
 * - Without `batch` it speaks of all batches taken so far. That is right for storage that is done
 *   when it returns; storage that takes time passes the number of the batch that was completed.
 * - If the log holds another term at `index`, the entry was replaced since: the log counts for
 *   nothing, the hard state still does.
 * - What a later batch rewrites, and is not stored yet, does not count even if index and term
 *   agree: an entry may be replaced and come back (A, B, A) while the first write is on its way.
 * - It is due after a batch with nothing but a hard state, too; index and term are then those of
 *   the last entry stored, 0 and 0 if there is none.
 *
 * A commit index may run ahead of the own disk, for a quorum of others suffices. So what is
 * persisted of the state machine must not run ahead of what is persisted of the log.
 *
 * ## Time
 *
 * `tick()` lets one tick pass. Election timeouts are drawn with the function that the caller
 * passes. Two clocks run: the timers, which a stalled thread does not make jump, and the lease
 * clock, which counts `elapsedTicks`.
 *
 * ## Elections
 *
 * PreVote asks before it campaigns and so leaves terms alone; CheckQuorum makes a leader resign
 * that hears no quorum, and voters deny their vote while they hear a leader. A node that restarts
 * hears, for that purpose, a leader for one shortest election timeout: it may have promised that
 * just before. A leader opens its term with a noop; older entries commit with it, never before
 * (§5.4.2).
 *
 * ## Replication
 *
 * `progress.ts` has the two states of a peer and its window. A refused append names the place where
 * terms can agree, and both sides skip whole terms. `Ready.entries` that start at or before the end
 * of the log replace it from there on. A commit causes no message: the next append carries it, or
 * else the next tick does.
 *
 * `replicatedByAll` is what every member has stored: nobody will ask for it again. A caller may
 * compact whatever is in a snapshot; a follower that needs what is gone is sent the snapshot in
 * parts (§7, `snapshot.ts`). The core says which part is to go and to come; the bytes, and what
 * they mean, are the caller's, who keeps the snapshot that `transfer` names until it is through.
 *
 * ## Reads
 *
 * `readIndex()` works at the leader and at followers. Each read ends in exactly one of `reads` and
 * `readsAborted`, unless the node stops: `read-index.ts` tells how rounds are shared and why an id
 * is never used twice. `leaseReadIndex()` asks nobody and rests on clocks: `lease.ts`.
 *
 * ## Errors
 *
 * A refusal is a value. Options out of range throw TypeError or RangeError in the constructor. All
 * else that is thrown is an InvariantError: the node must stop, since its state is not to be
 * trusted.
 */
export { InvariantError } from './assert.js';
export type { Configuration, ConfigurationOptions } from './configuration.js';
export type * from './message.js';
export type { RaftOptions, RecoveredLog } from './options.js';
export { Raft } from './raft.js';
export type * from './ready.js';
