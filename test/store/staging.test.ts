/** States that are imported while the cluster serves: step by step, beside the one that counts. */
import test from 'ava';
import type { Machine } from '../../src/store/machine.js';
import { MachineHost } from '../../src/store/machine-host.js';
import { abandonToken } from '../../src/store/staging.js';
import type { StateMachine } from '../../src/store/state-machine.js';
import { StoreStateMachine } from '../../src/store/store-state-machine.js';
import { decodeStored, type Value } from '../../src/store/value.js';
import {
  type Answer,
  Answers,
  adopt,
  type Batch,
  payloadOf,
  register,
  set,
  stage,
} from './batches.js';
import { restore, snapshotOf } from './images.js';

function apply(machine: StateMachine, index: number, ...batches: Batch[]): Answer[] {
  const answers = new Answers();
  machine.apply(payloadOf(batches), index, answers);
  return answers.batches.flat();
}

function outcomesOf(answers: readonly Answer[]): string[] {
  return answers.map(({ outcome }) => outcome);
}

/** A store with a client, and keys of its own. */
function populated(name: string): StoreStateMachine {
  const machine = new StoreStateMachine();
  apply(machine, 1, { commands: [register] });
  for (let i = 0; i < 30; i += 1) {
    apply(machine, i + 2, by(i + 1, set(`${name}${i}`, `value ${i}`)));
  }
  return machine;
}

const by = (firstSerial: number, ...commands: Batch['commands']): Batch => ({
  clientId: 1,
  firstSerial,
  commands,
});

/** The steps of an import, in bytes of this length. */
function steps(image: Uint8Array, id: number, length = 100): Batch['commands'] {
  const commands = [];
  for (let at = 0; at < image.length; at += length) {
    commands.push(stage(`${id}:${at}`, Uint8Array.from(image.subarray(at, at + length))));
  }
  return [...commands, adopt(`${id}:${image.length}`)];
}

test('an import puts the keys of another store in place, at its last step, and keeps sessions', (t) => {
  const source = populated('source');
  const machine = populated('own');
  const all = steps(snapshotOf(source), 7);

  const write = by(31, set('own0', 'meanwhile'));
  t.deepEqual(outcomesOf(apply(machine, 40, { commands: all.slice(0, -1) }, write)).at(-1), 'ok');
  t.is(machine.get('source0'), undefined);
  t.deepEqual(outcomesOf(apply(machine, 41, { commands: all.slice(-1) })), ['ok']);

  t.deepEqual(machine.entries().sort(), source.entries().sort());
  t.deepEqual(apply(machine, 42, write), [{ outcome: 'ok', index: 40 }], 'a repeat is answered');
  t.is(machine.get('own0'), undefined, 'and not applied again');
  t.deepEqual(outcomesOf(apply(machine, 43, by(32, set('own0', 'later')))), ['ok']);
  t.is(decodeStored(machine.get('own0') ?? ''), 'later');
});

test('a node that restores a snapshot in the middle of an import goes on with it', (t) => {
  const image = snapshotOf(populated('source'));
  const all = steps(image, 9);
  for (let done = 0; done <= all.length; done += 3) {
    const machine = populated('own');
    apply(machine, 40, { commands: all.slice(0, done) });
    const copy = new StoreStateMachine();
    restore(copy, snapshotOf(machine));
    t.is(copy.digest(), machine.digest());

    for (const each of [machine, copy]) apply(each, 41, { commands: all.slice(done) });

    t.is(copy.digest(), machine.digest());
    t.deepEqual(snapshotOf(copy), snapshotOf(machine));
    t.is(copy.get('own0'), undefined);
  }
});

test('an import that another one overtook, or that lacks a step, changes nothing', (t) => {
  const image = snapshotOf(populated('source'));
  const machine = populated('own');
  const before = machine.entries();
  const first = steps(image, 1);
  const second = steps(image, 2);

  apply(machine, 40, { commands: first.slice(0, 3) });
  apply(machine, 41, { commands: second.slice(0, 1) });

  t.deepEqual(outcomesOf(apply(machine, 42, { commands: first.slice(3) })), [
    ...first.slice(3).map(() => 'mismatch'),
  ]);
  t.deepEqual(outcomesOf(apply(machine, 43, { commands: second.slice(2) })).at(-1), 'mismatch');
  t.deepEqual(machine.entries(), before);
});

test('an import that is given up leaves nothing, unless another one has taken over', (t) => {
  const image = snapshotOf(populated('source'));
  const machine = populated('own');
  const before = machine.digest();
  const giveUp = (id: number): Batch => ({
    commands: [stage(abandonToken(id), new Uint8Array())],
  });

  apply(machine, 40, { commands: steps(image, 1).slice(0, 3) });
  t.deepEqual(outcomesOf(apply(machine, 41, giveUp(1))), ['ok']);
  t.is(machine.digest(), before);
  t.deepEqual(outcomesOf(apply(machine, 42, { commands: steps(image, 1).slice(3, 4) })), [
    'mismatch',
  ]);

  apply(machine, 43, { commands: steps(image, 2).slice(0, 3) });
  t.deepEqual(outcomesOf(apply(machine, 44, giveUp(1))), ['mismatch']);
  t.is(outcomesOf(apply(machine, 45, { commands: steps(image, 2).slice(3) })).at(-1), 'ok');
  t.truthy(machine.get('source0'));
});

test('bytes that are no state of this machine end the import', (t) => {
  const machine = populated('own');
  const before = machine.digest();
  const image = Buffer.from(snapshotOf(populated('source')));
  const foreign = Buffer.from(image);
  foreign.writeUInt32LE(1, 0);
  const short = image.subarray(0, -20);

  t.deepEqual(
    outcomesOf(apply(machine, 40, { commands: steps(foreign, 1, 1000) })).at(-1),
    'mismatch',
  );
  t.deepEqual(outcomesOf(apply(machine, 41, { commands: steps(short, 2) })).at(-1), 'refused');

  t.is(machine.digest(), before);
});

class Log implements Machine {
  rows: string[] = [];
  isFull = false;

  apply(command: Value): Value {
    return this.rows.push(String(command));
  }

  query(): Value {
    return this.rows;
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify(this.rows));
  }

  restore(image: Uint8Array): void {
    const rows = JSON.parse(Buffer.from(image).toString());
    this.rows = [];
    if (this.isFull && rows.length > 1) throw new Error('too many rows');
    this.rows = rows;
  }
}

test('a machine of the user’s takes a state, or keeps its own when it cannot', (t) => {
  const command = (value: Value) => ({ kind: 'command' as const, value });
  const source = new MachineHost(new Log());
  apply(source, 1, { commands: [command('a'), command('b')] });
  const log = new Log();
  const host = new MachineHost(log);
  apply(host, 1, { commands: [command('own')] });
  const all = steps(snapshotOf(source), 3, 10);

  log.isFull = true;
  const refused = apply(host, 2, { commands: all });
  t.is(refused.at(-1)?.outcome, 'failed');
  t.regex(String(refused.at(-1)?.current), /too many rows/);
  t.deepEqual(log.rows, ['own']);
  log.isFull = false;
  apply(host, 3, { commands: all.slice(0, 3) });
  const copy = new MachineHost(new Log());
  restore(copy, snapshotOf(host));
  for (const each of [host, copy]) {
    t.is(apply(each, 4, { commands: all.slice(3) }).at(-1)?.outcome, 'ok');
  }

  t.deepEqual(log.rows, ['a', 'b']);
  t.is(copy.digest(), host.digest());
});
