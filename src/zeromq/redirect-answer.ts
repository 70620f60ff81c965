/**
 * The leader's answer to a `redirectSet`, as a message: where the command was applied and, if it
 * was not done, why.
 */
import type { Frame } from '../actor/mailbox.js';
import { RaftError } from '../errors.js';
import type { RecordFields } from '../replica/message-record.js';
import type { BareFrame } from '../replica/record-frame.js';
import { outcome, outcomeName } from '../store/outcome.js';
import {
  clientFrame,
  noActor,
  type RefusalReason,
  refusalBytes,
  refusalCode,
} from '../store/protocol.js';
import { ReplyReader, WriteReplyWriter, writeReplyBytesMax } from '../store/reply.js';

/** What a write reply says beside its number. */
export function answerFields({ bytes, start, end }: Frame): RecordFields {
  const reader = new ReplyReader();
  reader.reset({ bytes, start, end });
  reader.next();
  const { outcome: code, index } = reader;
  return { index, ...(code === outcome.ok ? {} : { error: outcomeName(code) }) };
}

/** The way back. Throws `RAFT_INVALID_OPTION` for an error that no node gives. */
export function answerFrame({ id, index = 0, error = 'ok' }: RecordFields): BareFrame {
  const head = { lane: 'control', correlationId: Number(id) } as const;
  if (isRefusalReason(error)) {
    const body = Buffer.alloc(refusalBytes);
    body.writeUInt32LE(refusalCode[error], 0);
    // Who leads only matters to a client that chooses between nodes.
    body.writeUInt32LE(noActor, 4);
    return { ...head, kind: clientFrame.refusal, body };
  }
  const code = Object.values(outcome).find((one) => outcomeName(one) === error);
  if (code === undefined) {
    const found = JSON.stringify(error);
    throw new RaftError('RAFT_INVALID_OPTION', `error is ${found}; expected what nodes give`);
  }
  const writer = new WriteReplyWriter();
  const body = Buffer.alloc(writeReplyBytesMax(1));
  writer.reset({ bytes: body, start: 0, end: body.length }, { count: 1, requestId: 0 });
  writer.push(code, Number(index));
  return { ...head, kind: clientFrame.writeReply, body: body.subarray(0, writer.finish()) };
}

function isRefusalReason(value: unknown): value is RefusalReason {
  return typeof value === 'string' && Object.hasOwn(refusalCode, value);
}
