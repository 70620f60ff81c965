/**
 * What a client has under way, from the submission of a batch to its end.
 *
 * Everything happens in a turn (frames have come), at a submission, or in a pass: one timer, set
 * only while calls are pending, looks at deadlines, silence and deaths. So a process lives exactly
 * as long as its work, and a call costs no timer.
 *
 * A batch is settled once, by whichever comes first: the answer to any of its attempts, its
 * deadline, an abort, the end of the client.
 */
import type { Frame } from '../actor/mailbox.js';
import type { Clock, Timer } from '../clock.js';
import { Prng } from '../prng.js';
import { Aborts } from './client-aborts.js';
import { answerReads, answerRegistration, answerWrites } from './client-answers.js';
import type { Batch, BatchPool, LastWord } from './client-batch.js';
import {
  answerTooLarge,
  majorityLost,
  malformed,
  nodeDown,
  sessionExpired,
  stopped,
  timedOut,
  wrongMachine,
} from './client-failure.js';
import type { ClientNode, ResolvedClientOptions } from './client-options.js';
import type { ClientRoute } from './client-route.js';
import { type ClientRoom, Sender, type SenderCounters } from './client-sender.js';
import type { ByteRange } from './command.js';
import type { FailureBoard, NodeFailure } from './failure-board.js';
import {
  clientFrame,
  leaderHintBytes,
  type RefusalReason,
  readHeaderBytes,
  refusalBytes,
  refusalReason,
} from './protocol.js';
import { Fragments } from './read-fragments.js';
import { ReplyReader } from './reply.js';
import { Routing } from './routing.js';

export interface RequestsOptions {
  readonly room: ClientRoom;
  readonly nodes: readonly ClientNode[];
  readonly limits: ResolvedClientOptions;
  readonly pool: BatchPool;
  readonly clock: Clock;
  /** Says which nodes are down for good. Default: none ever is. */
  readonly failures?: FailureBoard;
}

/** Since the client was opened. */
export interface RequestCounters extends SenderCounters {
  /** Attempts that a node refused. */
  readonly refusals: number;
  /** Attempts that nobody answered in time. */
  readonly silences: number;
}

const passMs = 5;
/** An attempt is given up after this long, or a third of the time that the call has. */
const attemptMs = 500;

export class Requests {
  readonly routing: Routing;
  /** Calls that are not settled. Whoever makes one counts it. */
  pendingCalls = 0;
  readonly #room: ClientRoom;
  readonly #pool: BatchPool;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #sender: Sender;
  readonly #unsettled = new Set<Batch>();
  readonly #aborts = new Aborts((batch, reason) => this.#fail(batch, reason));
  readonly #reader = new ReplyReader();
  readonly #counts = { refusals: 0, silences: 0 };
  readonly #failures: FailureBoard | undefined;
  /**
   * Batches that nobody could answer when they were made, and why. They are told in the next pass:
   * a caller that tries again for ever must not keep its thread from everything else.
   */
  #doomed: { readonly batch: Batch; readonly reason: unknown }[] = [];
  #timer: Timer | undefined;

  constructor({ room, nodes, limits, pool, clock, failures }: RequestsOptions) {
    this.#failures = failures;
    this.#room = room;
    this.#pool = pool;
    this.#clock = clock;
    this.#prng = new Prng(limits.seed).fork(room.id);
    this.routing = new Routing(nodes, room.space, (actor) => room.link(actor) !== undefined);
    this.#sender = new Sender({
      room,
      routing: this.routing,
      clock,
      adopt: (batch) => this.#unsettled.add(batch),
      fail: (batch, reason) => this.#fail(batch, reason),
    });
  }

  get counters(): RequestCounters {
    return { ...this.#counts, ...this.#sender.counters };
  }

  addRoute(route: ClientRoute): void {
    this.#sender.addRoute(route);
  }

  /** Takes over a sealed batch and sends it as soon as it may go. */
  submit(batch: Batch): void {
    const { signal } = batch.terms;
    batch.state = 'queued';
    this.#unsettled.add(batch);
    if (signal?.aborted) {
      this.#fail(batch, signal.reason);
      return;
    }
    if (signal) this.#aborts.add(batch, signal);
    this.#timer ??= this.#clock.setTimer(passMs, this.#pass);
    const lost = this.#failures?.lostMajority();
    if (lost && needsMajority(batch, lost, this.routing)) {
      this.#doomed.push({ batch, reason: majorityLost(batch, lost) });
      return;
    }
    const outbox = batch.route.outboxOf(batch);
    outbox.fresh.push(batch);
    this.#sender.pump(batch.route, outbox);
  }

  /** Takes in what has come and sends what may go now; true when something had come. */
  turn(): boolean {
    const { mailbox } = this.#room;
    const frames = mailbox.drain(this.#receive);
    mailbox.release();
    this.#sender.pumpAll();
    return frames > 0;
  }

  /** A node has died, or another one leads: what a dead one had is tried again at once. */
  lookForDeaths(): void {
    for (const batch of this.#unsettled) if (this.#hasDied(batch)) this.#lost(batch);
    this.#sender.pumpAll();
  }

  /** Rejects everything that is under way with `RAFT_STOPPED`. */
  close(): void {
    for (const batch of [...this.#unsettled]) this.#fail(batch, stopped(batch.failedOutcome));
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  readonly #receive = (frame: Frame): void => {
    const slot = this.routing.slotOf(frame.source);
    if (slot < 0) return;
    if (frame.kind === clientFrame.leaderHint) {
      this.#hinted(slot, frame);
      return;
    }
    const batch = this.#sender.awaited(frame.correlationId);
    if (batch === undefined) return;
    this.routing.heard(slot);
    try {
      if (frame.kind === clientFrame.writeReply) this.#answered(batch, frame);
      else if (frame.kind === clientFrame.readReply) this.#answeredInPart(batch, frame);
      else if (frame.kind === clientFrame.refusal) this.#refused(batch, slot, frame);
    } catch (error) {
      // Nonsense in an answer fails its batch, not the client.
      this.#fail(batch, malformed(batch, error));
    }
  };

  #answered(batch: Batch, answer: ByteRange): void {
    const reader = this.#reader;
    reader.reset(answer);
    batch.route.outboxOf(batch).accepted();
    if (batch.registers) {
      batch.registers.clientId = answerRegistration(batch, reader);
      batch.registers.registration = undefined;
    } else if (batch.terms.isRead) {
      answerReads(batch, reader);
    } else if (!answerWrites(batch, reader)) {
      this.#expired(batch);
      return;
    }
    this.#retire(batch);
  }

  #answeredInPart(batch: Batch, { bytes, start, end, correlationId }: Frame): void {
    if (end - start < readHeaderBytes) return;
    const offset = bytes.readUInt32LE(start);
    const total = bytes.readUInt32LE(start + 4);
    const partStart = start + readHeaderBytes;
    if (offset === 0 && end - partStart >= total) {
      this.#answered(batch, { bytes, start: partStart, end });
      return;
    }
    if (correlationId !== batch.requestId) return;
    // A long answer may take longer than a node may be silent.
    batch.sentAtMs = this.#clock.nowMs();
    if (batch.fragments?.requestId !== correlationId) {
      batch.fragments = new Fragments(correlationId, total);
    }
    if (!batch.fragments.add(bytes.subarray(partStart, end), offset)) return;
    this.#answered(batch, { bytes: batch.fragments.bytes, start: 0, end: total });
  }

  /** The nodes do not know the session. What they surely did not apply goes into the next one. */
  #expired(batch: Batch): void {
    if (batch.session) batch.route.renewSession(batch.session);
    batch.clearDoubt();
    if (batch.doubts > 0) {
      this.#fail(batch, sessionExpired(batch));
      return;
    }
    this.#sender.unnumber(batch);
    // One that waits for its repeat already stays where it is.
    if (batch.state === 'queued') return;
    batch.state = 'queued';
    batch.route.writes.fresh.push(batch);
  }

  #refused(batch: Batch, slot: number, { bytes, start, end, correlationId }: Frame): void {
    if (end - start < refusalBytes) return;
    const reason = refusalReason(bytes.readUInt32LE(start));
    const isCurrent = correlationId === batch.requestId && batch.state === 'sent';
    this.#counts.refusals += 1;
    this.#sender.refused(correlationId);
    if (reason !== 'in-doubt') batch.clearDoubt();
    const failure = finalFailure(batch, reason);
    if (failure !== undefined) {
      this.#fail(batch, failure);
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (reason === 'stopping') this.routing.suspect(slot, nowMs);
    const hasOther = this.routing.refused(slot, bytes.readUInt32LE(start + 4));
    // The word about an attempt that was given up before says nothing about the one under way.
    if (!isCurrent) return;
    batch.refusals += 1;
    // The first refusal that names somebody else is followed at once; no chain of hints is.
    const isFollowed = hasOther && batch.route.pin === undefined && batch.refusals === 1;
    if (!isFollowed) batch.route.outboxOf(batch).backOff(nowMs, this.#prng);
    this.#repeat(batch, reason);
  }

  #hinted(slot: number, { bytes, start, end }: Frame): void {
    if (end - start < leaderHintBytes) return;
    const leader = bytes.readUInt32LE(start);
    if (this.routing.hint(slot, leader, bytes.readDoubleLE(start + 8))) this.#sender.endBackOffs();
    for (const batch of this.#unsettled) if (this.#hasDied(batch)) this.#lost(batch);
  }

  readonly #pass = (): void => {
    this.#timer = undefined;
    // What has come counts, also if this thread was kept from reading it until now.
    this.turn();
    const doomed = this.#doomed;
    this.#doomed = [];
    for (const { batch, reason } of doomed) this.#fail(batch, reason);
    const nowMs = this.#clock.nowMs();
    const lost = this.#failures?.lostMajority();
    for (const batch of this.#unsettled) {
      if (lost && needsMajority(batch, lost, this.routing)) {
        this.#fail(batch, majorityLost(batch, lost));
      } else {
        this.#inspect(batch, nowMs);
      }
    }
    if (this.pendingCalls > 0) {
      this.#sender.pumpAll();
      this.#timer ??= this.#clock.setTimer(passMs, this.#pass);
    } else {
      // Only registrations are left, and nobody waits for them.
      for (const batch of [...this.#unsettled]) this.#fail(batch, undefined);
    }
  };

  #inspect(batch: Batch, nowMs: number): void {
    if (nowMs >= batch.deadlineMs) {
      this.#fail(batch, timedOut(batch, batch.route.outboxOf(batch).lastWord));
    } else if (this.#hasDied(batch)) {
      this.#lost(batch);
    } else if (isSilent(batch, nowMs)) {
      this.#counts.silences += 1;
      this.routing.suspect(batch.slot, nowMs);
      this.#repeat(batch, 'silent');
    }
  }

  #hasDied(batch: Batch): boolean {
    return batch.state === 'sent' && this.routing.incarnation(batch.slot) !== batch.incarnation;
  }

  #lost(batch: Batch): void {
    this.routing.died(batch.slot);
    if (batch.route.pin === undefined) this.#repeat(batch, 'died');
    else this.#fail(batch, nodeDown(batch, batch.nodeId));
  }

  #repeat(batch: Batch, reason: LastWord['reason']): void {
    const outbox = batch.route.outboxOf(batch);
    batch.lastWord = { nodeId: batch.nodeId, reason };
    outbox.lastWord = batch.lastWord;
    batch.state = 'queued';
    outbox.repeats.push(batch);
  }

  #fail(batch: Batch, reason: unknown): void {
    if (batch.state === 'settled') return;
    if (batch.registers) batch.registers.registration = undefined;
    this.#retire(batch);
    for (const reject of batch.rejects) reject(reason);
  }

  #retire(batch: Batch): void {
    batch.state = 'settled';
    this.#unsettled.delete(batch);
    this.#sender.forgetAttempts(batch);
    this.pendingCalls -= batch.codes.length;
    if (batch.terms.signal) this.#aborts.delete(batch, batch.terms.signal);
    this.#pool.give(batch.memory);
  }
}

/** Any node that lives answers a stale read. */
function needsMajority({ terms }: Batch, lost: readonly NodeFailure[], { ids }: Routing): boolean {
  return !terms.isRead || terms.consistency !== 'stale' || lost.length === ids.length;
}

function isSilent({ state, sentAtMs, terms }: Batch, nowMs: number): boolean {
  return state === 'sent' && nowMs - sentAtMs >= Math.min(attemptMs, terms.timeoutMs / 3);
}

/** What no repeat would mend. */
function finalFailure(batch: Batch, reason: RefusalReason): Error | undefined {
  if (reason === 'malformed') return malformed(batch);
  if (reason === 'wrong-machine') return wrongMachine();
  return reason === 'answer-too-large' ? answerTooLarge(batch) : undefined;
}
