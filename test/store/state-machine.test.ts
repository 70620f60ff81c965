import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { isRaftError } from '../../src/errors.js';
import { absent, BatchWriter } from '../../src/store/batch-writer.js';
import type { ByteRange } from '../../src/store/command.js';
import { ReplyReader } from '../../src/store/reply.js';
import { StoreStateMachine } from '../../src/store/store-state-machine.js';
import { decodeStored, decodeValue } from '../../src/store/value.js';
import {
  type Answer,
  Answers,
  type Batch,
  type Command,
  del,
  get,
  payloadOf,
  register,
  set,
  stampOf,
} from './batches.js';
import { restore, snapshotOf } from './images.js';
import { StoreModel } from './model.js';

const limits = { keysMax: 3, sessionsMax: 3, serialWindowMax: 4 };

function apply(machine: StoreStateMachine, index: number, ...batches: Batch[]): Answer[] {
  const answers = new Answers();
  machine.apply(payloadOf(batches), index, answers);
  return answers.batches.flat();
}

function outcomes(machine: StoreStateMachine, index: number, ...batches: Batch[]): string[] {
  return apply(machine, index, ...batches).map(({ outcome }) => outcome);
}

function restored(machine: StoreStateMachine, options: object = limits): StoreStateMachine {
  const copy = new StoreStateMachine(options);
  restore(copy, snapshotOf(machine));
  return copy;
}

function contents(machine: StoreStateMachine): Record<string, unknown> {
  return Object.fromEntries(
    [...machine.entries()].map(([key, value]) => [key, decodeStored(value)]),
  );
}

/** A machine with a session for client 1. */
function withClient(options: object = {}): StoreStateMachine {
  const machine = new StoreStateMachine(options);
  apply(machine, 1, { commands: [register] });
  return machine;
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'é');
const value = fc.constantFrom(1, 2, 'x');
const asLiteral = { noNullPrototype: true } as const;
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key, value }, asLiteral),
  fc.record({ kind: fc.constantFrom('delete' as const, 'get' as const), key }, asLiteral),
  fc.record(
    {
      kind: fc.constant('cas' as const),
      key,
      expected: fc.oneof(value, fc.constant(absent)),
      value,
      wantsCurrent: fc.boolean(),
    },
    asLiteral,
  ),
  fc.record({ kind: fc.constant('command' as const), value }, asLiteral),
  fc.constant(register),
);
const batch: fc.Arbitrary<Batch> = fc.record(
  {
    clientId: fc.nat({ max: 6 }),
    firstSerial: fc.integer({ min: 1, max: 12 }),
    lowestSerial: fc.oneof(fc.constant(0), fc.nat({ max: 10 })),
    commands: fc.array(command, { maxLength: 6 }),
  },
  asLiteral,
);
const sessionsFirst: Batch = { commands: [register, register] };
const log = fc
  .array(fc.array(batch, { minLength: 1, maxLength: 3 }), { maxLength: 15 })
  .map((entries) => [[sessionsFirst], ...entries]);

test('a log has the outcomes and the state of a plain map with exactly-once clients', (t) => {
  const property = fc.property(log, (entries) => {
    const machine = new StoreStateMachine(limits);
    const model = new StoreModel(limits);
    for (const [i, batches] of entries.entries()) {
      const answers = apply(machine, i + 1, ...batches);

      assert.deepStrictEqual(
        answers,
        batches.flatMap((each) => model.apply(each, i + 1)),
      );
      assert.deepStrictEqual(contents(machine), Object.fromEntries(model.values));
      assert.equal(machine.size, model.values.size);
      assert.equal(machine.sessionCount, model.clients.size);
    }
  });

  t.notThrows(() => fc.assert(property, { numRuns: 800 }));
});

test('replicas agree at every index, whoever answers and whoever restored (pitfalls 25, 34)', (t) => {
  const property = fc.property(log, fc.array(fc.boolean(), { maxLength: 16 }), (entries, when) => {
    const answering = new StoreStateMachine(limits);
    const silent = new StoreStateMachine(limits);
    let restarting = new StoreStateMachine(limits);
    for (const [i, batches] of entries.entries()) {
      if (when[i]) restarting = restored(restarting);
      const payload = payloadOf(batches);
      for (const machine of [silent, restarting]) machine.apply(payload, i + 1);
      answering.apply(payload, i + 1, new Answers(({ requestId }) => requestId % 2 === 0));

      assert.equal(silent.digest(), answering.digest());
      assert.equal(restarting.digest(), answering.digest());
      assert.deepEqual(snapshotOf(silent), snapshotOf(answering));
    }
  });

  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('client records: unknown, new, again, below the lowest outstanding, expired (C75)', (t) => {
  const machine = withClient({ sessionsMax: 2 });
  const ofClient = (
    clientId: number,
    firstSerial: number,
    value: number,
    lowestSerial = 0,
  ): Batch => ({
    clientId,
    firstSerial,
    lowestSerial,
    commands: [set('k', value)],
  });

  t.deepEqual(outcomes(machine, 2, ofClient(9, 1, 1)), ['session-expired']);
  t.is(machine.size, 0);
  t.deepEqual(apply(machine, 3, ofClient(1, 1, 1)), [{ outcome: 'ok', index: 3 }]);
  t.deepEqual(apply(machine, 4, ofClient(1, 1, 2)), [{ outcome: 'ok', index: 3 }]);
  t.deepEqual(contents(machine), { k: 1 });
  t.deepEqual(outcomes(machine, 5, ofClient(1, 3, 3, 3)), ['ok']);
  t.deepEqual(outcomes(machine, 6, ofClient(1, 2, 4)), ['answered-long-ago']);
  t.deepEqual(contents(machine), { k: 3 });
  apply(machine, 7, { commands: [register, register] });
  t.deepEqual(outcomes(machine, 8, ofClient(1, 4, 5)), ['session-expired']);
  t.deepEqual(contents(machine), { k: 3 });
});

test('two clients with equal serial numbers do not know of each other (C75)', (t) => {
  const machine = withClient();
  apply(machine, 2, { commands: [register] });

  const first = outcomes(machine, 3, { clientId: 1, firstSerial: 1, commands: [set('k', 1)] });
  const second = outcomes(machine, 4, { clientId: 2, firstSerial: 1, commands: [set('k', 2)] });

  t.deepEqual([first, second], [['ok'], ['ok']]);
  t.deepEqual(contents(machine), { k: 2 });
});

test('clients that register in one entry get different ids', (t) => {
  const machine = new StoreStateMachine();

  const answers = apply(machine, 7, { commands: [register] }, { commands: [register, register] });

  t.deepEqual(
    answers.map(({ clientId }) => clientId),
    [1, 2, 3],
  );
  t.deepEqual(
    answers.map(({ index }) => index),
    [7, 7, 7],
  );
});

test('a command that is sent again after its reply was lost is applied once (pitfall 33)', (t) => {
  const machine = withClient();
  const increment: Batch = {
    clientId: 1,
    firstSerial: 1,
    commands: [
      set('n', 1),
      { kind: 'cas', key: 'n', expected: 1, value: 2 },
      del('gone'),
      set('n', 3),
    ],
  };
  const first = apply(machine, 2, increment);
  apply(machine, 3, { commands: [set('n', 99)] });

  const again = apply(machine, 4, increment, increment);

  t.deepEqual(again, [...first, ...first]);
  t.deepEqual(contents(machine), { n: 99 });
});

test('a part of a batch that never arrived is applied, the part that did is not', (t) => {
  const machine = withClient();
  apply(machine, 2, { clientId: 1, firstSerial: 2, commands: [set('b', 1)] });

  const answers = apply(machine, 3, {
    clientId: 1,
    firstSerial: 1,
    commands: [set('a', 2), set('b', 2), set('c', 2)],
  });

  t.deepEqual(
    answers.map(({ index }) => index),
    [3, 2, 3],
  );
  t.deepEqual(contents(machine), { a: 2, b: 1, c: 2 });
});

test('conditional writes: created, mismatch, missing key (C72 a)', (t) => {
  const machine = new StoreStateMachine();
  const put = (key: string, expected: unknown, value: unknown): Batch => ({
    commands: [{ kind: 'cas', key, expected, value, wantsCurrent: true }],
  });

  t.deepEqual(apply(machine, 1, put('k', absent, 'v1')), [{ outcome: 'ok', index: 1 }]);
  t.deepEqual(apply(machine, 2, put('k', absent, 'v2')), [
    { outcome: 'mismatch', index: 2, current: 'v1' },
  ]);
  t.deepEqual(apply(machine, 3, put('other', 'v1', 'v2')), [{ outcome: 'absent', index: 3 }]);
  t.deepEqual(apply(machine, 4, put('k', 'v1', { deep: [1] })), [{ outcome: 'ok', index: 4 }]);
  t.deepEqual(outcomes(machine, 5, put('k', { deep: [1] }, 'v3')), ['ok']);
  t.deepEqual(contents(machine), { k: 'v3' });
  t.is(machine.get('other'), undefined);
});

test('100 conditional writes over a link that loses messages are each done once (C72 b)', (t) => {
  const machine = withClient();
  let index = 1;
  let dice = 7;
  let unknown = 0;
  const isLost = (): boolean => {
    dice = (dice * 1103515245 + 12345) % 2 ** 31;
    return dice % 10 === 0;
  };
  const applied: unknown[] = [];

  for (let version = 1; version <= 100; version++) {
    const expected = version === 1 ? absent : version - 1;
    const put: Command = { kind: 'cas', key: 'k', expected, value: version };
    const write: Batch = { clientId: 1, firstSerial: version, commands: [put] };
    for (let isKnown = false; !isKnown; ) {
      if (isLost()) continue;
      const [answer] = apply(machine, ++index, write);
      t.is(answer?.outcome, 'ok');
      isKnown = !isLost();
      if (!isKnown) unknown++;
      else applied.push(answer?.index);
    }
  }

  t.true(unknown > 0);
  t.is(new Set(applied).size, 100);
  t.deepEqual(contents(machine), { k: 100 });
});

test('a batch keeps the outcomes of its own commands, wherever it stands in the entry (C74)', (t) => {
  const machine = withClient();
  const answers = new Answers(({ requestId }) => requestId !== 2);
  machine.apply(
    payloadOf([
      { requestId: 1, originActor: 5, commands: [set('a', 1), del('nothing')] },
      { requestId: 2, originActor: 6, commands: [del('nothing')] },
      { requestId: 3, clientId: 77, firstSerial: 4, commands: [set('a', 2)] },
      { requestId: 4, clientId: 1, firstSerial: 1, commands: [del('a')] },
    ]),
    2,
    answers,
  );

  t.deepEqual(
    answers.batches.map((batch) => batch.map(({ outcome }) => outcome)),
    [['ok', 'absent'], ['session-expired'], ['ok']],
  );
  t.deepEqual(
    answers.headers.map(({ requestId, originActor, count }) => [requestId, originActor, count]),
    [
      [1, 5, 2],
      [2, 6, 1],
      [3, 0, 1],
      [4, 0, 1],
    ],
  );
});

test('a command that cannot be done is an outcome, and the batch goes on (pitfall 37)', (t) => {
  const machine = withClient({ keysMax: 2 });
  const commands = [
    set('a', 1),
    set('b', 1),
    set('c', 1),
    get('a'),
    register,
    set('a', 2),
    del('b'),
    set('d', 1),
  ];

  const first = apply(machine, 2, { clientId: 1, firstSerial: 1, commands });

  t.deepEqual(
    first.map(({ outcome }) => outcome),
    ['ok', 'ok', 'full', 'refused', 'refused', 'ok', 'ok', 'ok'],
  );
  t.deepEqual(contents(machine), { a: 2, d: 1 });
  t.deepEqual(apply(machine, 3, { clientId: 1, firstSerial: 1, commands }), first);
  t.deepEqual(
    outcomes(machine, 4, { commands: [{ kind: 'cas', key: 'e', expected: absent, value: 1 }] }),
    ['full'],
  );
});

test('a malformed entry throws before anything of it was applied (pitfall 37)', (t) => {
  const machine = withClient();
  const good: Batch = { clientId: 1, firstSerial: 1, commands: [set('a', 1)] };
  const entry = payloadOf([good, good, { commands: [set('b', 1), set('c', 1)] }]);
  const before = machine.digest();

  for (const end of [entry.end - 8, entry.end - 1, 8]) {
    const error = t.throws(() => machine.apply({ ...entry, end }, 2));
    t.true(isRaftError(error, 'RAFT_BROKEN_INVARIANT'));
  }

  t.is(machine.digest(), before);
  t.deepEqual(outcomes(machine, 2, good), ['ok']);
});

test('an entry is not applied twice, and none below the last one (C33)', (t) => {
  const machine = withClient();
  apply(machine, 5, { commands: [set('a', 1)] });

  for (const index of [5, 4, 0, -1, Number.NaN, 2 ** 49]) {
    const error = t.throws(() => machine.apply(payloadOf([{ commands: [set('a', 2)] }]), index));
    t.true(isRaftError(error, 'RAFT_BROKEN_INVARIANT'));
  }

  t.deepEqual(contents(machine), { a: 1 });
});

test('a log that is replayed from its beginning tells nobody anything (C39)', (t) => {
  const entries = [
    payloadOf([{ commands: [register] }]),
    payloadOf([{ clientId: 1, firstSerial: 1, commands: [set('a', 1), del('a'), set('b', 2)] }]),
  ];
  const first = new StoreStateMachine();
  const answers = new Answers();
  for (const [i, entry] of entries.entries()) first.apply(entry, i + 1, answers);
  const told = answers.batches.length;

  const replayed = new StoreStateMachine();
  for (const [i, entry] of entries.entries()) replayed.apply(entry, i + 1);

  t.is(answers.batches.length, told);
  t.is(replayed.digest(), first.digest());
});

test('the state does not share memory with the entry that made it (pitfalls 37, 42)', (t) => {
  const machine = withClient();
  const entry = payloadOf([
    { commands: [set('key', 'value'), set('a long key of many characters', { list: [1, 2] })] },
  ]);
  machine.apply(entry, 2);
  const before = machine.digest();

  entry.bytes.fill(0xff);

  t.is(machine.digest(), before);
  t.deepEqual(contents(machine), {
    key: 'value',
    'a long key of many characters': { list: [1, 2] },
  });
});

test('logs and serial numbers that begin near 2^31 and 2^32 are like any other (pitfall 44)', (t) => {
  for (const start of [2 ** 31 - 2, 2 ** 32 - 2, 2 ** 40]) {
    const machine = withClient();
    for (let i = 0; i < 4; i++) {
      const write = { clientId: 1, firstSerial: start + i, commands: [set('k', i)] };
      t.deepEqual(apply(machine, start + 2 * i, write), [{ outcome: 'ok', index: start + 2 * i }]);
    }
    const copy = restored(machine, {});

    const again = { clientId: 1, firstSerial: start + 1, commands: [set('k', 'again')] };
    t.deepEqual(apply(copy, start + 20, again), [{ outcome: 'ok', index: start + 2 }]);
    t.deepEqual(contents(copy), { k: 3 });
  }
});

test('100,000 commands in one batch are applied once and answered in short form', (t) => {
  const machine = withClient();
  const count = 100_000;
  const writer = new BatchWriter();
  const bytes = Buffer.from(new SharedArrayBuffer(5 * 2 ** 20));
  writer.reset(bytes);
  for (let i = 0; i < count; i++) writer.set(`key${i}`, i);
  const end = writer.finish(stampOf({ clientId: 1, firstSerial: 1 }));
  const entry: ByteRange = { bytes, start: 0, end };

  machine.apply(entry, 2);
  const answers = new Answers();
  machine.apply(entry, 3, answers);

  t.is(machine.size, count);
  t.true(answers.batches[0]?.every(({ outcome, index }) => outcome === 'ok' && index === 2));
  t.is(answers.batches[0]?.length, count);
});

test('reads are answered from the state, in the order of the keys', (t) => {
  const machine = new StoreStateMachine();
  apply(machine, 1, { commands: [set('a', 'x'), set('é', { deep: [1] })] });
  const request = payloadOf([{ requestId: 9, commands: [get('é'), get('none'), get('a')] }]);
  const region = { bytes: Buffer.alloc(4096), start: 16, end: 4096 };

  const end = machine.query(request, 5, region);

  const reader = new ReplyReader();
  reader.reset({ ...region, end });
  const values: unknown[] = [];
  while (reader.next()) {
    const { bytes, hasValue, valueStart, valueEnd } = reader;
    values.push(hasValue ? decodeValue(bytes, valueStart, valueEnd) : absent);
  }
  t.deepEqual(values, [{ deep: [1] }, absent, 'x']);
  t.deepEqual([reader.requestId, reader.replyIndex], [9, 5]);
  t.is(machine.query(request, 5, { ...region, end: end - 1 }), -1);
});

test('a read between two commands of an entry changes nothing, and writes are no reads', (t) => {
  const machine = new StoreStateMachine();
  apply(machine, 1, { commands: [set('a', 1)] });
  const before = machine.digest();
  const region = { bytes: Buffer.alloc(256), start: 0, end: 256 };

  for (const commands of [[set('a', 2)], [del('a')], [register]]) {
    const error = t.throws(() => machine.query(payloadOf([{ commands }]), 1, region));
    t.true(isRaftError(error, 'RAFT_BROKEN_INVARIANT'));
  }
  t.throws(() => machine.query(payloadOf([]), 1, region));

  t.is(machine.digest(), before);
});

test('the limit of keys is checked', (t) => {
  for (const keysMax of [0, 1.5, 2 ** 23 + 1, Number.NaN]) {
    const error = t.throws(() => new StoreStateMachine({ keysMax }));
    t.true(isRaftError(error, 'RAFT_INVALID_OPTION'));
  }
});
