/** Writes the answer to one batch of reads, in as many frames as it needs. */
import { isRaftError } from '../errors.js';
import type { ByteRange } from '../store/command.js';
import { clientFrame, type RefusalReason, readHeaderBytes } from '../store/protocol.js';
import type { StateMachine } from '../store/state-machine.js';
import type { Origin, Replies } from './replies.js';

/** A get batch and who asked for it. */
export interface ReadRequest extends Origin {
  readonly batch: ByteRange;
}

export interface ReadAnswerOptions {
  /** Of the last entry that the state has seen. */
  readonly index: number;
  /** The longest piece of the answer in one frame: what the ring to the client surely takes. */
  readonly fragmentBytesMax: number;
}

/** A longer piece would keep other answers waiting. */
const fragmentBytesLimit = 2 ** 18;
/** An answer that needs more than this is refused: its client asked for too much at once. */
const answerBytesMax = 2 ** 28;

/** Where answers are put together: room for a fragment's header, then the answer itself. */
let scratch: Buffer = Buffer.alloc(readHeaderBytes + fragmentBytesLimit);

/** The longest piece of an answer where entries have at most so many bytes: rings take both. */
export function fragmentBytesMaxOf(entryBytesMax: number): number {
  return Math.min(fragmentBytesLimit, entryBytesMax);
}

/** Reads from the state and sends the values; refuses a request of too many, or none. */
export function answerRead(
  machine: StateMachine,
  request: ReadRequest,
  { index, fragmentBytesMax }: ReadAnswerOptions,
  replies: Replies,
): void {
  const total = query(machine, request.batch, index);
  if (typeof total === 'string') {
    replies.refuse(request, total, undefined);
    return;
  }
  for (let offset = 0; offset < total; offset += fragmentBytesMax) {
    const end = Math.min(total, offset + fragmentBytesMax);
    // The header goes before its fragment: over bytes that have been sent already.
    scratch.writeUInt32LE(offset, offset);
    scratch.writeUInt32LE(total, offset + 4);
    const body = scratch.subarray(offset, readHeaderBytes + end);
    replies.send(request, 'bulk', clientFrame.readReply, body);
  }
}

/**
 * Writes the whole answer, in as much room as it needs; its length, or why there is none. What
 * comes from a client must not end a replica.
 */
function query(machine: StateMachine, batch: ByteRange, index: number): number | RefusalReason {
  try {
    for (;;) {
      const region = { bytes: scratch, start: readHeaderBytes, end: scratch.length };
      const end = machine.query(batch, index, region);
      if (end >= 0) return end - readHeaderBytes;
      if (scratch.length >= answerBytesMax) return 'answer-too-large';
      scratch = Buffer.alloc(2 * scratch.length);
    }
  } catch (error) {
    if (isRaftError(error, 'RAFT_BROKEN_INVARIANT')) return 'malformed';
    if (isRaftError(error, 'RAFT_WRONG_MACHINE')) return 'wrong-machine';
    throw error;
  }
}
