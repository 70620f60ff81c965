import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { isRaftError } from '../../src/errors.js';
import { ByteMap } from '../../src/store/byte-map.js';
import { batchField } from '../../src/store/command.js';
import { digestKeys } from '../../src/store/digest.js';
import { StoreStateMachine } from '../../src/store/store-state-machine.js';
import { decodeStored } from '../../src/store/value.js';
import { Answers, type Batch, del, payloadOf, register, set } from './batches.js';
import { restore, snapshotOf } from './images.js';

function apply(machine: StoreStateMachine, index: number, ...batches: Batch[]): string[] {
  const answers = new Answers();
  machine.apply(payloadOf(batches), index, answers);
  return answers.batches.flat().map(({ outcome }) => outcome);
}

function restored(machine: StoreStateMachine): StoreStateMachine {
  const copy = new StoreStateMachine();
  restore(copy, snapshotOf(machine));
  return copy;
}

/** A small state with everything in it. */
function populated(): StoreStateMachine {
  const machine = new StoreStateMachine();
  apply(machine, 1, { commands: [register, register] });
  apply(machine, 2, {
    clientId: 2,
    firstSerial: 1,
    commands: [set('é', 1), set('b', [1]), set('', '')],
  });
  apply(machine, 3, { clientId: 1, firstSerial: 4, commands: [set('c', 'x'), del('b')] });
  return machine;
}

test('client records survive two compactions with plain writes between (C50, pitfall 25)', (t) => {
  const original = populated();
  const once = restored(original);
  for (const machine of [original, once]) {
    for (let index = 4; index < 14; index++) apply(machine, index, { commands: [set('p', index)] });
  }

  const twice = restored(once);

  t.is(twice.digest(), original.digest());
  const repeat: Batch = { clientId: 1, firstSerial: 4, commands: [set('c', 'again'), del('c')] };
  for (const machine of [original, twice]) {
    const answers = new Answers();
    machine.apply(payloadOf([repeat]), 14, answers);
    t.deepEqual(answers.batches, [
      [
        { outcome: 'ok', index: 3 },
        { outcome: 'ok', index: 3 },
      ],
    ]);
  }
  t.is(twice.digest(), original.digest());
});

test('the next client gets the next id after a restore, and the oldest goes first', (t) => {
  const limits = { sessionsMax: 2 };
  const machine = new StoreStateMachine(limits);
  apply(machine, 1, { commands: [register, register] });
  apply(machine, 2, { clientId: 1, firstSerial: 1, commands: [set('a', 1)] });
  const copy = new StoreStateMachine(limits);
  restore(copy, snapshotOf(machine));

  const answers = new Answers();
  copy.apply(payloadOf([{ commands: [register] }]), 3, answers);

  t.is(answers.batches[0]?.[0]?.clientId, 3);
  const write = (clientId: number): Batch => ({
    clientId,
    firstSerial: 2,
    commands: [set('a', 2)],
  });
  t.deepEqual(apply(copy, 4, write(2), write(1), write(3)), ['session-expired', 'ok', 'ok']);
});

test('a machine goes on from the snapshot that it restored, even from an older one', (t) => {
  const image = snapshotOf(populated());
  const machine = populated();
  apply(machine, 90, { commands: [set('late', 1)] });

  restore(machine, image);

  t.is(machine.get('late'), undefined);
  t.deepEqual(apply(machine, 4, { commands: [set('c', 2)] }), ['ok']);
});

test('equal states have equal digests and each difference makes another', (t) => {
  const base = populated().digest();
  const after = (batch: Batch): string => {
    const machine = populated();
    apply(machine, 9, batch);
    return machine.digest();
  };
  const changes: Batch[] = [
    { commands: [set('c', 'y')] },
    { commands: [set('c', 'x\0')] },
    { commands: [set('d', 'x')] },
    { commands: [del('c')] },
    { commands: [register] },
    { clientId: 1, firstSerial: 6, commands: [] },
    { clientId: 2, firstSerial: 1, commands: [] },
    { clientId: 1, firstSerial: 1, lowestSerial: 2, commands: [] },
    { clientId: 1, firstSerial: 3, commands: [del('none')] },
    { clientId: 1, firstSerial: 3, commands: [set('c', 'x')] },
  ];

  const digests = [base, ...changes.map(after)];

  t.is(populated().digest(), base);
  t.is(after({ commands: [set('c', 'x')] }), base);
  t.is(
    new Set(digests).size,
    digests.length - 1,
    'only the batch without commands changes nothing',
  );
});

test('the order in which keys came does not count, what stands at which key does', (t) => {
  const digestOf = (...commands: ReturnType<typeof set>[]): string => {
    const machine = new StoreStateMachine();
    apply(machine, 1, { commands });
    return machine.digest();
  };

  t.is(digestOf(set('a', 1), set('b', 2)), digestOf(set('b', 2), set('a', 1)));
  t.not(digestOf(set('a', 1), set('b', 2)), digestOf(set('a', 2), set('b', 1)));
  t.not(digestOf(set('ab', 'c')), digestOf(set('a', 'bc')));
  t.not(digestOf(set('a', 1), set('b', 1)), digestOf());
});

test('a digest reads each byte of 10,000 keys and values once', (t) => {
  const bytes = Buffer.alloc(110, 'v');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let words = 0;
  view.getInt32 = (at, littleEndian) => {
    words += 1;
    return DataView.prototype.getInt32.call(view, at, littleEndian);
  };
  const record = { bytes, view, keyStart: 0, keyEnd: 8, valueStart: 8, valueEnd: 108 };
  const values = Object.create(ByteMap.prototype, {
    forEach: {
      value: (visit: (each: typeof record) => void): void => {
        for (let key = 0; key < 10_000; key++) visit(record);
      },
    },
  }) as ByteMap;

  digestKeys(values);

  t.is(words, (10_000 * (8 + 100)) / 4);
});

test('400 overwrites of one key make a snapshot of at most 500 bytes (C93)', (t) => {
  const machine = new StoreStateMachine();
  apply(machine, 1, { commands: [register] });
  for (let serial = 1; serial <= 400; serial++) {
    const write = { clientId: 1, firstSerial: serial, lowestSerial: serial };
    apply(machine, serial + 1, { ...write, commands: [set('key', serial)] });
  }

  t.true(snapshotOf(machine).length <= 500);
});

test('100,000 clients with one write each cost less than 200 bytes a client (C93)', (t) => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const used = (): number => {
    gc();
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  };
  const machine = new StoreStateMachine();
  const registration = payloadOf([{ commands: [register] }]);
  const write = payloadOf([
    { clientId: 1, firstSerial: 1, commands: [set('key', new Uint8Array(1_000))] },
  ]);
  const before = used();

  for (let clientId = 1; clientId <= 100_000; clientId++) {
    machine.apply(registration, 2 * clientId - 1);
    write.bytes.writeDoubleLE(clientId, batchField.clientId);
    machine.apply(write, 2 * clientId);
  }

  t.true(used() - before < 200 * 100_000);
  t.is(machine.size, 1);
  t.is(machine.sessionCount, 10_000);
});

test('a snapshot that is cut, too long or of another kind changes nothing', (t) => {
  const image = snapshotOf(populated());
  const machine = populated();
  const before = machine.digest();
  const versioned = Buffer.from(image);
  versioned.writeUInt32LE(1, 4);
  const foreign = Buffer.from(image);
  foreign.writeUInt32LE(1, 0);
  const endless = Buffer.from(image);
  endless.writeDoubleLE(1e9, image.length - 16 - 8 * 6);

  const bad = [versioned, foreign, endless, Buffer.concat([image, Buffer.alloc(1)])];
  for (let length = 0; length < image.length; length++)
    bad.push(Buffer.from(image.subarray(0, length)));
  for (const bytes of bad) {
    t.true(
      isRaftError(
        t.throws(() => restore(machine, bytes)),
        'RAFT_STORAGE_CORRUPT',
      ),
    );
  }

  t.is(machine.digest(), before);
});

test('a snapshot is bytes of its own, whatever is done to the machine or to them', (t) => {
  const machine = populated();
  const image = snapshotOf(machine);
  const copy = new StoreStateMachine();
  restore(copy, image);
  const before = copy.digest();

  apply(machine, 9, { commands: [set('c', 'later')] });
  image.fill(0);

  t.is(copy.digest(), before);
  t.is(decodeStored(copy.get('c') ?? ''), 'x');
});
