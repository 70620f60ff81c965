/** What comes from outside is checked before it gets into the log, or near the state machine. */
import test from 'ava';
import { batchField, batchHeaderBytes } from '../../src/store/command.js';
import { outcome } from '../../src/store/outcome.js';
import { clientFrame } from '../../src/store/protocol.js';
import { payloadOf, set } from '../store/batches.js';
import { type Answer, Fleet, type FleetNode } from './fleet.js';

function bytesOf(...batches: Parameters<typeof payloadOf>[0]): Buffer {
  const { bytes, end } = payloadOf(batches);
  return Buffer.from(bytes.subarray(0, end));
}

function damaged(offset: number, word: number): Buffer {
  const bytes = bytesOf({ commands: [set('a', 'x'.repeat(50))] });
  bytes.writeUInt32LE(word, offset);
  return bytes;
}

const good = bytesOf({ commands: [set('a', 1)] });
const nonsense: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  'half a header': good.subarray(0, batchHeaderBytes / 2),
  'a batch that claims more bytes': damaged(batchField.byteLength, 4096),
  'more commands than there are': damaged(batchField.count, 9),
  'a value that ends after its batch': damaged(batchHeaderBytes + 4, 0xffff_fff0),
  'two batches, of which one would answer for another client': Buffer.concat([good, good]),
  'a batch and a rest': Buffer.concat([good, Buffer.alloc(8)]),
  'a client that is not a number': bytesOf({ clientId: Number.NaN, commands: [set('a', 1)] }),
};

const malformed: Answer = { kind: 'refused', reason: 'malformed', leader: 0 };

for (const [name, body] of Object.entries(nonsense)) {
  test(`a leader refuses ${name}, and nothing of it gets into the log`, (t) => {
    const fleet = new Fleet();
    const leader = fleet.elect();
    const { lastLogIndex } = leader.replica.gauges;

    const refusal = fleet.answer(fleet.send(leader.id, clientFrame.write, body));
    const byProxy = fleet.answer(fleet.send(other(fleet).id, clientFrame.write, body));

    t.deepEqual(refusal, { ...malformed, leader: leader.actor });
    t.deepEqual(byProxy, { ...malformed, leader: leader.actor });
    t.is(leader.replica.gauges.lastLogIndex, lastLogIndex);
    t.is(leader.replica.gauges.pending + other(fleet).replica.gauges.pending, 0);
  });
}

test('a malformed batch costs its own client only: the others of its drain are served', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();

  const first = fleet.set(leader.id, 'a', 1);
  const bad = fleet.send(leader.id, clientFrame.write, damaged(batchField.count, 9));
  const last = fleet.set(leader.id, 'b', 2);

  t.deepEqual(fleet.answer(first), { kind: 'ok', index: 2, outcomes: [outcome.ok] });
  t.is(fleet.answer(bad).kind, 'refused');
  t.deepEqual(fleet.answer(last), { kind: 'ok', index: 2, outcomes: [outcome.ok] });
  fleet.until(() => fleet.nodes.every(({ machine }) => machine.size === 2));
});

test('a read that is none is refused, at any consistency, and the replica lives on', (t) => {
  const fleet = new Fleet();
  const leader = fleet.elect();
  fleet.answer(fleet.set(leader.id, 'a', 1));

  for (const consistency of [0, 1, 2]) {
    for (const body of [...Object.values(nonsense), good]) {
      const frame = Buffer.concat([Buffer.alloc(8, 0), body]);
      frame.writeUInt32LE(consistency, 0);
      const answer = fleet.answer(fleet.send(leader.id, clientFrame.read, frame));
      t.is(answer.kind === 'refused' && answer.reason, 'malformed');
    }
  }
  t.is(fleet.answer(fleet.send(leader.id, clientFrame.read, Buffer.alloc(3))).kind, 'refused');
  const read = fleet.answer(fleet.get(leader.id, ['a']));
  t.deepEqual(read.kind === 'values' && read.values, [1]);
});

function other(fleet: Fleet): FleetNode {
  return fleet.nodes.find((node) => node !== fleet.leader) as FleetNode;
}
