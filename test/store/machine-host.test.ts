import test from 'ava';
import { BatchWriter } from '../../src/store/batch-writer.js';
import type { Machine } from '../../src/store/machine.js';
import { MachineHost } from '../../src/store/machine-host.js';
import { outcomeName } from '../../src/store/outcome.js';
import { ReplyReader } from '../../src/store/reply.js';
import { StoreStateMachine } from '../../src/store/store-state-machine.js';
import { decodeValue, type Value } from '../../src/store/value.js';
import { type Answer, Answers, type Batch, type Command, payloadOf, register } from './batches.js';
import { restore, snapshotOf } from './images.js';

const limits = { sessionsMax: 2, serialWindowMax: 8 };

/** Keeps every command that it was given; its result is how many there are. */
class Journal implements Machine {
  commands: Value[] = [];

  apply(command: Value): Value {
    if (command === 'throw') throw new Error(`at ${this.commands.length}: ${'x'.repeat(5000)}`);
    this.commands.push(command);
    return command === 'long' ? 'x'.repeat(5000) : this.commands.length;
  }

  query(question: Value): Value {
    return [question, this.commands.length];
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify(this.commands));
  }

  restore(image: Uint8Array): void {
    this.commands = JSON.parse(Buffer.from(image).toString());
  }
}

const command = (value: Value): Command => ({ kind: 'command', value });
const query = (value: Value): Command => ({ kind: 'query', value });
const by = (firstSerial: number, ...values: Value[]): Batch => ({
  clientId: 1,
  firstSerial,
  commands: values.map(command),
});

function apply(host: MachineHost, index: number, ...batches: Batch[]): Answer[] {
  const answers = new Answers();
  host.apply(payloadOf(batches), index, answers);
  return answers.batches.flat();
}

function withClient(journal: Machine = new Journal()): MachineHost {
  const host = new MachineHost(journal, limits);
  apply(host, 1, { commands: [register] });
  return host;
}

const done = (index: number, current: Value): Answer => ({ outcome: 'done', index, current });

test('a command that is repeated gets its first result and is not applied again (§6.3)', (t) => {
  const journal = new Journal();
  const host = withClient(journal);

  const first = apply(host, 2, by(1, 'a', 'throw', 'long', 'b'));
  const late = apply(host, 3, by(5, 'c'));

  t.deepEqual(
    first.map(({ outcome }) => outcome),
    ['done', 'failed', 'result-lost', 'done'],
  );
  t.deepEqual(late, [done(3, 4)]);
  t.deepEqual(apply(host, 4, by(1, 'a', 'throw', 'long', 'b')), first);
  t.deepEqual(apply(host, 5, by(5, 'c'), by(6, 'd')), [done(3, 4), done(5, 5)]);
  t.deepEqual(journal.commands, ['a', 'long', 'b', 'c', 'd']);
});

test('what was thrown is told in at most 1,000 characters', (t) => {
  const [answer] = apply(withClient(), 2, by(1, 'throw'));

  t.regex(String(answer?.current), /^at 0: x+$/);
  t.is(String(answer?.current).length, 1000);
});

test('a result is kept until the client says that it has it, and not longer', (t) => {
  const host = withClient();
  apply(host, 2, by(1, 'a', 'b', 'c'));
  const full = snapshotOf(host).length;

  const repeated = apply(host, 3, { ...by(1, 'a', 'b', 'c'), lowestSerial: 3 });

  t.deepEqual(repeated, [
    { outcome: 'answered-long-ago', index: 3 },
    { outcome: 'answered-long-ago', index: 3 },
    done(2, 3),
  ]);
  t.true(snapshotOf(host).length < full);
});

test('a session that was evicted is not known, and its commands are not applied', (t) => {
  const journal = new Journal();
  const host = withClient(journal);

  apply(host, 2, { commands: [register, register] });

  t.deepEqual(apply(host, 3, by(1, 'a')), [{ outcome: 'session-expired', index: 3 }]);
  t.deepEqual(journal.commands, []);
});

test('a snapshot carries machine, sessions and results', (t) => {
  const journal = new Journal();
  const host = withClient(journal);
  const first = apply(host, 2, by(1, 'a', 'throw', 'b'));
  const heir = new Journal();
  const copy = new MachineHost(heir, limits);

  restore(copy, snapshotOf(host));

  t.deepEqual(heir.commands, ['a', 'b']);
  t.is(copy.digest(), host.digest());
  for (const each of [host, copy]) {
    t.deepEqual(apply(each, 3, by(1, 'a', 'throw', 'b')), first);
    t.deepEqual(apply(each, 4, by(4, 'c')), [done(4, 3)]);
  }
  t.is(copy.digest(), host.digest());
  t.deepEqual(snapshotOf(copy), snapshotOf(host));
});

test('the digest tells states, sessions and results apart', (t) => {
  const digestOf = (...batches: Batch[]): string => {
    const host = withClient();
    apply(host, 2, ...batches);
    return host.digest();
  };

  const digests = [
    digestOf(by(1, 'a')),
    digestOf(by(1, 'b')),
    digestOf(by(2, 'a')),
    digestOf({ commands: [command('a')] }),
    digestOf(by(1, 'a'), { commands: [register] }),
  ];

  t.is(new Set(digests).size, digests.length);
  t.true(digests.includes(digestOf(by(1, 'a'))));
});

test('bytes that are no snapshot of a machine are refused, and change nothing', (t) => {
  const host = withClient();
  apply(host, 2, by(1, 'a', 'b'));
  const image = snapshotOf(host);
  const journal = new Journal();
  const copy = new MachineHost(journal, limits);

  for (const bad of [
    snapshotOf(new StoreStateMachine()),
    new Uint8Array(0),
    image.subarray(0, 40),
    Uint8Array.from(image, (byte, at) => (at === 4 ? 9 : byte)),
  ]) {
    t.throws(() => restore(copy, bad), { code: 'RAFT_STORAGE_CORRUPT' });
  }
  t.throws(() => restore(new StoreStateMachine(), image), { code: 'RAFT_STORAGE_CORRUPT' });

  t.deepEqual(journal.commands, []);
});

test('a machine that cannot restore, or gives no bytes, is named as what failed', (t) => {
  const image = snapshotOf(withClient());
  const bad: Machine = {
    apply: () => undefined,
    query: () => undefined,
    snapshot: () => 'text' as unknown as Uint8Array,
    restore() {
      throw new Error('too old');
    },
  };

  const code = 'RAFT_MACHINE_FAILED';
  t.throws(() => restore(new MachineHost(bad), image), { code, message: /restore.*too old/ });
  t.throws(() => snapshotOf(new MachineHost(bad)), { code, message: /snapshot.*string/ });
});

test('a malformed entry throws before the machine sees anything of it (pitfall 37)', (t) => {
  const journal = new Journal();
  const host = withClient(journal);
  const entry = payloadOf([by(1, 'a'), by(2, 'b', 'c')]);

  for (const end of [entry.end - 8, 8]) {
    t.throws(() => host.apply({ ...entry, end }, 2), { code: 'RAFT_BROKEN_INVARIANT' });
  }
  for (const index of [1, 0, Number.NaN]) {
    t.throws(() => host.apply(entry, index), { code: 'RAFT_BROKEN_INVARIANT' });
  }

  t.deepEqual(journal.commands, []);
});

test('commands of the key-value store are refused one by one', (t) => {
  const host = withClient();
  const set: Command = { kind: 'set', key: 'k', value: 1 };

  const answers = apply(host, 2, { ...by(1), commands: [set, command('a'), register] });

  t.deepEqual(
    answers.map(({ outcome }) => outcome),
    ['refused', 'done', 'refused'],
  );
});

/** The answers to a batch of reads, in a region of so many bytes; undefined without room. */
function ask(host: MachineHost, bytes: number, ...commands: Command[]): Value[] | undefined {
  const region = { bytes: Buffer.alloc(bytes), start: 0, end: bytes };
  const end = host.query(payloadOf([{ requestId: 7, commands }]), 5, region);
  if (end < 0) return undefined;
  const reader = new ReplyReader();
  reader.reset({ ...region, end });
  const answers: Value[] = [reader.requestId, reader.replyIndex];
  while (reader.next()) {
    const value = decodeValue(reader.bytes, reader.valueStart, reader.valueEnd);
    answers.push([outcomeName(reader.outcome), value]);
  }
  return answers;
}

test('questions are answered in their order, if there is room', (t) => {
  const host = withClient();
  apply(host, 2, by(1, 'a', 'b'));

  const answers = ask(host, 1000, query('x'), query(null));

  t.deepEqual(answers, [7, 5, ['done', ['x', 2]], ['done', [null, 2]]]);
  for (let bytes = 24; bytes < 70; bytes += 1) {
    t.is(ask(host, bytes, query('x'), query(null)), undefined);
  }
});

test('reads of keys and of anything else are not for such a machine', (t) => {
  const host = withClient();

  t.throws(() => ask(host, 1000, { kind: 'get', key: 'k' }), { code: 'RAFT_WRONG_MACHINE' });
  t.throws(() => ask(host, 1000, command('a')), { code: 'RAFT_BROKEN_INVARIANT' });
  t.throws(() => host.query(payloadOf([]), 1, payloadOf([])), { code: 'RAFT_BROKEN_INVARIANT' });
});

test('a command that does not fit leaves the batch as it was', (t) => {
  const writer = new BatchWriter({ valueBytesMax: 100 });
  const bytes = Buffer.alloc(80);
  writer.reset(bytes);

  t.true(writer.command('a'));
  const { byteLength } = writer;
  t.false(writer.command('b'.repeat(40)));
  t.throws(() => writer.command('b'.repeat(200)), { code: 'RAFT_VALUE_TOO_LARGE' });
  t.throws(() => writer.query(() => 1), { code: 'RAFT_VALUE_NOT_CLONEABLE' });

  t.is(writer.byteLength, byteLength);
  t.is(writer.count, 1);
});
