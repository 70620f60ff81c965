/**
 * The power fails while directories are founded or made anew: at every write, in three ways. What
 * comes back is a node that knows all it must know, or none at all.
 */
import test from 'ava';
import { NodeDirectories } from '../../src/cluster/node-directories.js';
import { Prng } from '../../src/prng.js';
import { type Identity, readIdentity, writeIdentity } from '../../src/storage/identity.js';
import { openFileStorage, rebuildDirectory } from '../../src/storage/index.js';
import { SimulatedDisk, type Survival } from '../../src/storage/simulated-disk.js';
import { disksOn } from '../storage/fixtures/simulated-disks.js';
import { makeEntry } from '../storage/model.js';

const directories = { n1: '/d/n1', n2: '/d/n2', n3: '/d/n3' };
const survivals: readonly Survival[] = ['none', 'all', 'some'];

function openAll(disk: SimulatedDisk): NodeDirectories {
  return new NodeDirectories({ directories, newClusterId: 'abc', disks: disksOn(disk) });
}

/** Every state of the disk while `action` runs, as a loss of power leaves it. */
function* cutsDuring(disk: SimulatedDisk, action: () => void): Generator<SimulatedDisk> {
  const film: SimulatedDisk[] = [disk.clone()];
  disk.onChange = () => film.push(disk.clone());
  action();
  disk.onChange = () => {};
  for (const [seed, cut] of film.entries()) {
    for (const survival of survivals) {
      const left = cut.clone();
      left.losePower(survival, new Prng(seed));
      yield left;
    }
  }
}

function refusalsIn(disk: SimulatedDisk): (string | undefined)[] {
  using found = openAll(disk);
  return Object.keys(directories).map((node) => found.of(node)?.refusal?.code);
}

test('power lost at any write of a founding: the next start finishes it', (t) => {
  let cuts = 0;
  const disk = new SimulatedDisk();

  for (const left of cutsDuring(disk, () => openAll(disk)[Symbol.dispose]())) {
    t.deepEqual(refusalsIn(left), [undefined, undefined, undefined]);
    cuts += 1;
  }

  t.true(cuts > 150, `${cuts} cuts`);
});

test('an identity that names other nodes is damage of its node, not of the cluster', (t) => {
  const disk = new SimulatedDisk();
  openAll(disk)[Symbol.dispose]();
  const identity = readIdentity(disk, '/d/n2') as Identity;

  for (const change of [{ nodes: ['n1', 'n2', 'm3'] }, { clusterId: 'xyz', nodes: ['n1', 'n2'] }]) {
    writeIdentity(disk, '/d/n2', { ...identity, ...change });
    t.deepEqual(refusalsIn(disk), [undefined, 'RAFT_STORAGE_CORRUPT', undefined]);
  }
});

/** A cluster that ran: n1 and n3 have all that is committed, n2 is to be made anew. */
function ranCluster(): SimulatedDisk {
  const disk = new SimulatedDisk();
  using found = openAll(disk);
  for (const node of ['n1', 'n2', 'n3'] as const) {
    const { directory, directoryId } = found.of(node) ?? { directory: '', directoryId: 0 };
    const storage = openFileStorage({
      fileSystem: disk,
      ...disksOn(disk).sizes,
      directory,
      directoryId,
    });
    storage.saveHardState({ currentTerm: node === 'n2' ? 4 : 3, votedFor: 'n1' });
    for (let index = 1; index <= 60; index += 1) storage.append([makeEntry(index, 3, 64)]);
    storage.saveSnapshot({ index: 40, term: 3, bytes: new Uint8Array(100).fill(7) });
    storage.sync(() => {});
    storage.close();
  }
  return disk;
}

for (const [what, spoil] of [
  ['lost', (disk: SimulatedDisk) => removeAll(disk, '/d/n2')],
  ['damaged', (disk: SimulatedDisk) => disk.damage('/d/n2/0000000001.wal', 400, 1)],
] as const) {
  test(`power lost at any write while a ${what} node is made anew: it serves whole or not at all`, (t) => {
    const disk = ranCluster();
    spoil(disk);
    const outcomes = new Set<string>();
    const rebuild = (on: SimulatedDisk): unknown =>
      rebuildDirectory('/d/n2', ['/d/n1', '/d/n3'], disksOn(on));

    for (const left of cutsDuring(disk, () => rebuild(disk))) {
      const state = stateOfSecond(left);
      outcomes.add(state);
      if (state !== 'whole') rebuild(left);
      t.is(stateOfSecond(left), 'whole', state);
    }

    const refusal = what === 'lost' ? [] : ['RAFT_STORAGE_CORRUPT'];
    t.deepEqual([...outcomes].sort(), ['RAFT_STORAGE_LOST', ...refusal, 'whole'].sort());
  });
}

function removeAll(disk: SimulatedDisk, directory: string): void {
  for (const name of disk.list(directory)) disk.remove(`${directory}/${name}`);
  disk.syncDirectory(directory);
}

/** What a cluster that starts says of n2: `whole`, or why it does not serve. */
function stateOfSecond(disk: SimulatedDisk): string {
  using found = openAll(disk);
  const { directory = '', directoryId = 0, refusal } = found.of('n2') ?? {};
  if (refusal !== undefined) return refusal.code;
  try {
    const place = { fileSystem: disk, directory, directoryId, mustExist: true };
    const { hardState, lastIndex, snapshotIndex } = openFileStorage({
      ...place,
      ...disksOn(disk).sizes,
    });
    // Its own vote in term 4 is forgotten: a term that nobody has voted in comes after all others.
    const isWhole = lastIndex === 60 && snapshotIndex === 40 && hardState.currentTerm === 4;
    return isWhole ? 'whole' : `entries to ${lastIndex}, term ${hardState.currentTerm}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
