/** Writes the answer to one batch of reads, in as many frames as it needs. */
import { isRaftError } from '../errors.js';
import type { ByteRange } from '../store/command.js';
import { clientFrame, readHeaderBytes } from '../store/protocol.js';
import type { StateMachine } from '../store/state-machine.js';
import type { Origin, Replies } from './replies.js';

/** A get batch and who asked for it. */
export interface ReadRequest extends Origin {
  readonly batch: ByteRange;
}

/** The longest piece of an answer in one frame. */
const fragmentBytesMax = 2 ** 18;
/** An answer that needs more than this is refused: its client asked for too much at once. */
const answerBytesMax = 2 ** 28;

/** Where answers are put together: room for a fragment's header, then the answer itself. */
let scratch: Buffer = Buffer.alloc(readHeaderBytes + fragmentBytesMax);

/** Reads from the state at `index` and sends the values; refuses a request of too many, or none. */
export function answerRead(
  machine: StateMachine,
  request: ReadRequest,
  index: number,
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
 * Writes the whole answer, in as much room as it needs; its length, or why there is none:
 * `malformed` beyond all bounds too. What comes from a client must not end a replica.
 */
function query(
  machine: StateMachine,
  batch: ByteRange,
  index: number,
): number | 'malformed' | 'wrong-machine' {
  try {
    for (;;) {
      const region = { bytes: scratch, start: readHeaderBytes, end: scratch.length };
      const end = machine.query(batch, index, region);
      if (end >= 0) return end - readHeaderBytes;
      if (scratch.length >= answerBytesMax) return 'malformed';
      scratch = Buffer.alloc(2 * scratch.length);
    }
  } catch (error) {
    if (isRaftError(error, 'RAFT_BROKEN_INVARIANT')) return 'malformed';
    if (isRaftError(error, 'RAFT_WRONG_MACHINE')) return 'wrong-machine';
    throw error;
  }
}
