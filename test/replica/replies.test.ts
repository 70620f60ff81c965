import test from 'ava';
import type { Channel } from '../../src/replica/channel.js';
import { Replies } from '../../src/replica/replies.js';
import { clientFrame, refusalCode } from '../../src/store/protocol.js';

/** A channel that has room for nothing, until it has. */
class Narrow implements Channel {
  readonly bytes: Buffer = Buffer.alloc(256);
  readonly offset = 0;
  refusal: Channel['refusal'] = 'full';
  isOpen = false;
  /** Longer frames are refused for ever. */
  frameBytesMax = 256;
  readonly sent: { requestId: number; kind: number; body: Buffer }[] = [];
  #requestId = 0;
  #kind = 0;

  begin(_lane: unknown, kind: number, bytes: number, requestId = 0): boolean {
    this.#requestId = requestId;
    this.#kind = kind;
    this.refusal = bytes > this.frameBytesMax ? 'too-large' : 'full';
    return this.isOpen && bytes <= this.frameBytesMax;
  }

  end(bodyBytes: number): void {
    this.sent.push({
      requestId: this.#requestId,
      kind: this.#kind,
      body: Buffer.from(this.bytes.subarray(0, bodyBytes)),
    });
  }
}

test('answers that wait for room keep their own bytes (seed 3009 of the simulator)', (t) => {
  const channel = new Narrow();
  const exchange = { channel: () => channel, hold: () => {}, unhold: () => {} };
  const replies = new Replies(exchange, () => true);
  const scratch = Buffer.from('first');

  replies.send({ actor: 9, incarnation: 1, requestId: 1 }, 'control', 67, scratch);
  scratch.write('other');
  replies.refuse({ actor: 9, incarnation: 1, requestId: 2 }, 'overloaded', undefined);
  replies.refuse({ actor: 9, incarnation: 1, requestId: 3 }, 'not-leader', 1);
  channel.isOpen = true;
  replies.flush();

  t.deepEqual(
    channel.sent.map(({ requestId }) => requestId),
    [1, 2, 3],
  );
  t.is(channel.sent[0]?.body.toString('latin1'), 'first');
  t.is(channel.sent[1]?.body.readUInt32LE(0), refusalCode.overloaded);
  t.is(channel.sent[2]?.body.readUInt32LE(0), refusalCode['not-leader']);
});

for (const [kind, reason] of [
  [clientFrame.readReply, 'answer-too-large'],
  [clientFrame.writeReply, 'in-doubt'],
] as const) {
  test(`an answer of kind ${kind} that fits into no ring is refused as ${reason}`, (t) => {
    const channel = new Narrow();
    channel.isOpen = true;
    const exchange = { channel: () => channel, hold: () => {}, unhold: () => {} };
    const replies = new Replies(exchange, () => true);

    replies.send({ actor: 9, incarnation: 1, requestId: 1 }, 'bulk', kind, Buffer.alloc(257));

    const [refusal] = channel.sent;
    t.like(refusal, { requestId: 1, kind: clientFrame.refusal });
    t.is(refusal?.body.readUInt32LE(0), refusalCode[reason]);
    t.is(replies.size, 0);
  });
}
