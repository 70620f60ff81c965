/** Saving the state piece by piece, when something else comes in between. */
import test from 'ava';
import type { Raft } from '../../src/raft/index.js';
import { Checkpoint } from '../../src/replica/checkpoint.js';
import { SnapshotOrder } from '../../src/replica/snapshot-order.js';
import { BackupReader } from '../../src/storage/backup-file.js';
import { createMemory, openMemoryStorage } from '../../src/storage/index.js';
import { SimulatedDisk } from '../../src/storage/simulated-disk.js';
import { StoreStateMachine } from '../../src/store/store-state-machine.js';
import { makeEntry } from '../storage/model.js';
import { payloadOf, set } from '../store/batches.js';
import { snapshotOf } from '../store/images.js';

/** What a checkpoint wants to know of a core that holds everything back. */
const raft = {
  snapshotTaken: () => {},
  compact: () => {},
  indexLeaving: () => 0,
  stableIndex: 0,
  replicatedByAll: 0,
  transfer: undefined,
} as unknown as Raft;

test('an order whose snapshot is overtaken gets the next one, as it then stands', async (t) => {
  const storage = openMemoryStorage(createMemory({}));
  const machine = new StoreStateMachine();
  for (let index = 1; index <= 40; index += 1) {
    storage.append([makeEntry(index, 1, 8)]);
    machine.apply(payloadOf([{ commands: [set(`k${index}`, 'v'.repeat(100_000))] }]), index);
  }
  const limits = { checkpointBytes: 2 ** 30, room: { bytes: 2 ** 30, entries: 2 ** 20 } };
  const checkpoint = new Checkpoint({ raft, storage, machine, ...limits });
  const disk = new SimulatedDisk();
  disk.makeDirectory('/out');
  const place = { path: '/out/backup', partPath: '/out/backup.part', minIndex: 39 };
  const order = new SnapshotOrder(disk, { machine: 'store' }, place);

  t.false(checkpoint.step(40), 'nobody wants a snapshot yet');
  checkpoint.order(order);
  t.false(checkpoint.step(38), 'what is wanted was not applied yet');
  t.true(checkpoint.step(40));
  // A leader begins to send its own snapshot to this node.
  storage.beginSnapshot({ index: 41, term: 1 }).abandon();
  machine.apply(payloadOf([{ commands: [set('k1', 'later')] }]), 41);
  storage.append([makeEntry(41, 1, 8)]);
  t.false(checkpoint.step(41));
  while (checkpoint.step(41));

  t.is((await order.done).index, 41);
  t.is(storage.snapshotIndex, 41);
  using reader = new BackupReader(disk, place.path);
  t.deepEqual(reader.read(0, reader.byteLength), Buffer.from(snapshotOf(machine)));
});

test('pitfall 19: a snapshot has the index of what was applied, whatever is committed', (t) => {
  const storage = openMemoryStorage(createMemory({}));
  const machine = new StoreStateMachine();
  for (let index = 1; index <= 40; index += 1) {
    storage.append([makeEntry(index, 1, 8)]);
    if (index <= 30) machine.apply(payloadOf([{ commands: [set(`k${index}`, 1)] }]), index);
  }
  const ahead = Object.assign({ commitIndex: 40 }, raft);
  const limits = { checkpointBytes: 8, room: { bytes: 2 ** 30, entries: 2 ** 20 } };
  const checkpoint = new Checkpoint({ raft: ahead, storage, machine, ...limits });

  checkpoint.note(8);
  while (checkpoint.step(30));

  t.is(storage.snapshotIndex, 30);
});
