/** Snapshots that are taken a piece at a time, while entries are applied in between. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import type { Machine } from '../../src/store/machine.js';
import { MachineHost } from '../../src/store/machine-host.js';
import type { StateMachine } from '../../src/store/state-machine.js';
import { StoreStateMachine } from '../../src/store/store-state-machine.js';
import type { Value } from '../../src/store/value.js';
import { type Batch, del, payloadOf, register, set } from './batches.js';
import { restore, snapshotOf } from './images.js';

const limits = { sessionsMax: 4, serialWindowMax: 16 };

/** Rows in a persistent list: what a snapshot reads is never changed. */
class Rows implements Machine {
  rows: readonly string[] = [];
  /** Snapshots that were begun and not ended. */
  open = 0;

  apply(command: Value): Value {
    this.rows = [...this.rows.slice(-20), String(command)];
    return this.rows.length;
  }

  query(): Value {
    return null;
  }

  *snapshot(): Generator<Uint8Array> {
    const { rows } = this;
    const piece = Buffer.alloc(64);
    this.open += 1;
    try {
      for (const row of rows) yield piece.subarray(0, piece.write(`${row}\n`));
    } finally {
      this.open -= 1;
    }
  }

  restore(image: Uint8Array): void {
    this.rows = Buffer.from(image).toString().split('\n').slice(0, -1);
  }
}

interface Step {
  readonly clientId: number;
  readonly key: number;
  readonly length: number;
  readonly kind: 'set' | 'delete' | 'register' | 'repeat';
  readonly takesPiece: boolean;
}

const steps = fc.array(
  fc.record<Step>({
    clientId: fc.nat({ max: 5 }),
    key: fc.nat({ max: 30 }),
    length: fc.constantFrom(0, 10, 100, 5_000, 100_000),
    kind: fc.constantFrom('set', 'set', 'set', 'delete', 'register', 'repeat'),
    takesPiece: fc.boolean(),
  }),
  { maxLength: 60 },
);

/** Batches of few clients, numbered as clients do. */
class Writer {
  readonly #serials = new Map<number, number>();
  #index = 0;
  readonly #isStore: boolean;

  constructor(isStore: boolean) {
    this.#isStore = isStore;
  }

  batch({ clientId, key, length, kind }: Step): { index: number; payload: Batch } {
    this.#index += 1;
    const commands =
      kind === 'register'
        ? [register]
        : !this.#isStore
          ? [{ kind: 'command' as const, value: `${key}:${length}` }]
          : [kind === 'delete' ? del(`key${key}`) : set(`key${key}`, 'v'.repeat(length))];
    if (clientId === 0 || kind === 'register') return { index: this.#index, payload: { commands } };
    const newest = this.#serials.get(clientId) ?? 0;
    const firstSerial = kind === 'repeat' && newest > 0 ? newest : newest + 1;
    this.#serials.set(clientId, firstSerial);
    return { index: this.#index, payload: { clientId, firstSerial, commands } };
  }
}

function isImageOfItsMoment(make: () => StateMachine, before: Step[], after: Step[]): void {
  const machine = make();
  const writer = new Writer(machine instanceof StoreStateMachine);
  const apply = (step: Step): void => {
    const { index, payload } = writer.batch(step);
    machine.apply(payloadOf([payload]), index);
  };
  for (const step of before) apply(step);
  const expected = Buffer.from(snapshotOf(machine));

  const image = machine.snapshot();
  const pieces: Buffer[] = [];
  for (const step of after) {
    apply(step);
    const piece = step.takesPiece ? image.next() : undefined;
    if (piece) pieces.push(Buffer.from(piece));
  }
  for (let piece = image.next(); piece; piece = image.next()) pieces.push(Buffer.from(piece));

  assert(Buffer.concat(pieces).equals(expected));
  const copy = make();
  const intake = copy.restore();
  for (const piece of pieces) intake.write(piece);
  intake.finish();
  assert.deepEqual(Buffer.from(snapshotOf(copy)), expected);
}

test('a snapshot is the state at its beginning, whatever is applied between its pieces', (t) => {
  const property = fc.property(steps, steps, (before, after) => {
    isImageOfItsMoment(() => new StoreStateMachine(limits), before, after);
  });

  t.notThrows(() => fc.assert(property, { numRuns: 150 }));
});

test('so is that of a machine of the user’s that gives pieces, with its results', (t) => {
  const property = fc.property(steps, steps, (before, after) => {
    isImageOfItsMoment(() => new MachineHost(new Rows(), limits), before, after);
  });

  t.notThrows(() => fc.assert(property, { numRuns: 150 }));
});

test('a digest in the middle of a snapshot leaves the snapshot as it is', (t) => {
  class Talkative extends Rows {
    override apply(command: Value): Value {
      super.apply(command);
      return String(command).padEnd(4000);
    }
  }
  const clients = 200;
  const host = new MachineHost(new Talkative(), { sessionsMax: clients, serialWindowMax: 16 });
  let index = 0;
  const apply = (batch: Batch): void => host.apply(payloadOf([batch]), ++index);
  const writeAll = (serial: number): void => {
    for (let clientId = 1; clientId <= clients; clientId += 1) {
      const commands = [{ kind: 'command', value: `${serial}` } as const];
      apply({ clientId, firstSerial: serial, commands });
    }
  };
  for (let i = 0; i < clients; i += 1) apply({ commands: [register] });
  writeAll(1);
  const expected = Buffer.from(snapshotOf(host));

  const image = host.snapshot();
  const pieces: Buffer[] = [];
  for (let serial = 2; serial < 5; serial += 1) {
    pieces.push(Buffer.from(image.next() ?? []));
    if (serial === 3) writeAll(serial);
    host.digest();
    if (serial !== 3) writeAll(serial);
  }
  for (let piece = image.next(); piece; piece = image.next()) pieces.push(Buffer.from(piece));

  t.true(pieces.length > 3, 'the sessions are in more than one piece');
  t.true(Buffer.concat(pieces).equals(expected));
});

test('a snapshot of a store that another one took over ends with an error', (t) => {
  const machine = new StoreStateMachine(limits);
  machine.apply(payloadOf([{ commands: [set('a', 'x')] }]), 1);
  const first = machine.snapshot();
  const second = machine.snapshot();

  t.throws(() => first.next(), { code: 'RAFT_BROKEN_INVARIANT' });

  t.truthy(second.next());
});

test('an image is taken in as it comes, in pieces of any length', (t) => {
  const machine = new StoreStateMachine(limits);
  machine.apply(payloadOf([{ commands: [register, register] }]), 1);
  for (let key = 0; key < 20; key += 1) {
    const commands = [set(`key${key}`, 'v'.repeat(key))];
    machine.apply(payloadOf([{ clientId: 1, firstSerial: key + 1, commands }]), key + 2);
  }
  const image = snapshotOf(machine);

  for (let length = 1; length < 70; length += 1) {
    const copy = new StoreStateMachine(limits);
    const intake = copy.restore();
    const piece = new Uint8Array(length);
    for (let at = 0; at < image.length; at += length) {
      // The same memory for each of them, as a mailbox has it.
      const part = image.subarray(at, at + length);
      piece.set(part);
      intake.write(piece.subarray(0, part.length));
      piece.fill(0xff);
    }
    t.is(copy.size, 0, 'nothing counts before the end');
    intake.finish();
    assert.deepEqual(snapshotOf(copy), image);
  }
});

test('a snapshot that is given up lets go of the machine, and of its iterator', (t) => {
  const rows = new Rows();
  const host = new MachineHost(rows, limits);
  host.apply(payloadOf([{ commands: [{ kind: 'command', value: 'a' }] }]), 1);

  const image = host.snapshot();
  t.is(rows.open, 1, 'its first piece is taken at once');
  image.next();
  image.close();
  image.close();

  t.is(rows.open, 0);
  t.is(image.next(), undefined);
});

test('a machine whose pieces are no bytes, or whose iterator throws, is named as what failed', (t) => {
  class Bad extends Rows {
    override *snapshot(): Generator<Uint8Array> {
      yield Buffer.from('good');
      if (this.rows.length > 0) throw new Error('out of paper');
      yield 'text' as unknown as Uint8Array;
    }
  }
  const bad = new Bad();

  const code = 'RAFT_MACHINE_FAILED';
  t.throws(() => snapshotOf(new MachineHost(bad)), { code, message: /snapshot.*a string/ });
  bad.rows = ['a'];
  t.throws(() => snapshotOf(new MachineHost(bad)), { code, message: /snapshot.*out of paper/ });
});

test('what an older version wrote is read: records in any order', (t) => {
  const machine = new StoreStateMachine(limits);
  machine.apply(payloadOf([{ commands: [set('a', 'x'), set('b', 'y'), register] }]), 1);
  const image = Buffer.from(snapshotOf(machine));
  const record = 8 + 4 + 4;
  const first = image.subarray(24, 24 + record);
  const second = image.subarray(24 + record, 24 + 2 * record);
  const copy = new StoreStateMachine(limits);

  const sessions = image.subarray(24 + 2 * record, image.length - 16);
  const older = Buffer.concat([image.subarray(0, 24), second, first, sessions]);
  older.writeUInt32LE(2, 4);

  restore(copy, older);

  t.is(copy.digest(), machine.digest());
  t.deepEqual(Buffer.from(snapshotOf(copy)), image);
});
