/**
 * How a message becomes the body of a frame and back, and the errors of those who send it.
 */
import { deserialize, serialize } from 'node:v8';
import { packError, RaftError } from '../errors.js';
import type { LinkWriter } from './link.js';
import type { Frame } from './mailbox.js';
import type { ActorId } from './space.js';

/** Frames of a raw behavior use kinds 0 to 239; these belong to the messenger. */
export const messageKinds = { tell: 240, ask: 241, answer: 242, failure: 243 } as const;

export function encode(message: unknown): Buffer {
  const body = tryEncode(message);
  if (body instanceof RaftError) throw body;
  return body;
}

export function tryEncode(message: unknown): Buffer | RaftError {
  try {
    return serialize(message);
  } catch (cause) {
    return new RaftError('RAFT_VALUE_NOT_CLONEABLE', `the message cannot be cloned: ${cause}`, {
      cause,
      details: { outcome: 'rejected' },
    });
  }
}

export function encodeFailure(error: unknown): Buffer {
  const record = packError(error);
  const body = tryEncode(record);
  // Details may hold anything; without them every record can be encoded.
  return body instanceof RaftError ? serialize({ ...record, details: {} }) : body;
}

/** Copied out first: a typed array that is read back would else be a view of the ring itself. */
export function decode({ bytes, start, end }: Frame): unknown {
  return deserialize(Buffer.copyBytesFrom(bytes, start, end - start));
}

export function refused(link: LinkWriter): RaftError {
  if (link.refusal === 'dead') {
    return new RaftError('RAFT_NODE_DOWN', `actor ${link.destination} is down`, {
      details: { outcome: 'rejected', nodeId: `actor ${link.destination}` },
    });
  }
  if (link.refusal === 'too-large') return tooLarge(link.destination);
  return overloaded(`the ring to actor ${link.destination} is full`);
}

export function overloaded(message: string): RaftError {
  return new RaftError('RAFT_OVERLOADED', message, { details: { outcome: 'rejected' } });
}

export function tooLarge(peer: ActorId): RaftError {
  return new RaftError(
    'RAFT_VALUE_TOO_LARGE',
    `the message does not fit the ring to actor ${peer}`,
    {
      details: { outcome: 'rejected' },
    },
  );
}

export function timedOut(peer: ActorId, timeoutMs: number): RaftError {
  return new RaftError('RAFT_TIMEOUT', `actor ${peer} did not answer within ${timeoutMs} ms`, {
    details: { outcome: 'unknown', nodeId: `actor ${peer}`, timeoutMs },
  });
}

export function invalidTimeout(timeoutMs: number): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `timeoutMs is ${timeoutMs}; expected ms > 0`, {
    details: { option: 'timeoutMs', outcome: 'rejected' },
  });
}

export function refusedMessage(): RaftError {
  return new RaftError('RAFT_CONTROL_FAILED', 'this actor takes no messages', {
    details: { outcome: 'rejected' },
  });
}
