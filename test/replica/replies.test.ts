import test from 'ava';
import type { Channel } from '../../src/replica/channel.js';
import { Replies } from '../../src/replica/replies.js';
import { refusalCode } from '../../src/store/protocol.js';

/** A channel that has room for nothing, until it has. */
class Narrow implements Channel {
  readonly bytes: Buffer = Buffer.alloc(256);
  readonly offset = 0;
  readonly refusal = 'full';
  isOpen = false;
  readonly sent: { requestId: number; body: Buffer }[] = [];
  #requestId = 0;

  begin(_lane: unknown, _kind: number, _bytes: number, requestId = 0): boolean {
    this.#requestId = requestId;
    return this.isOpen;
  }

  end(bodyBytes: number): void {
    this.sent.push({
      requestId: this.#requestId,
      body: Buffer.from(this.bytes.subarray(0, bodyBytes)),
    });
  }
}

test('answers that wait for room keep their own bytes (seed 3009 of the simulator)', (t) => {
  const channel = new Narrow();
  const exchange = { channel: () => channel, hold: () => {}, unhold: () => {} };
  const replies = new Replies(exchange, () => true);
  const scratch = Buffer.from('first');

  replies.send({ actor: 9, requestId: 1 }, 'control', 67, scratch);
  scratch.write('other');
  replies.refuse({ actor: 9, requestId: 2 }, 'overloaded', undefined);
  replies.refuse({ actor: 9, requestId: 3 }, 'not-leader', 1);
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
