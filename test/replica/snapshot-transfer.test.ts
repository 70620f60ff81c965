/** A snapshot under way to members while the leader takes the next ones (§7). */
import test from 'ava';
import { Fleet } from './fleet.js';

const entryBytesMax = 4096;
/** Some eight entries, and then the log has to be trimmed. */
const tiny = { entryBytesMax, logBytesMax: 16 * entryBytesMax, checkpointBytes: entryBytesMax };
const value = 'v'.repeat(entryBytesMax / 2 - 1);
/** A state of thirty parts of a snapshot. */
const keys = 60;

/** A fleet with a leader that writes once in each round. */
function busyFleet(size: number): { fleet: Fleet; write: (rounds: number) => void } {
  const fleet = new Fleet({ ...tiny, size });
  const leader = fleet.elect();
  let count = 0;
  const write = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      fleet.set(leader.id, `k${count % keys}`, value);
      count += 1;
      fleet.round();
    }
  };
  return { fleet, write };
}

function followersOf(fleet: Fleet): string[] {
  return fleet.nodes.filter((node) => node !== fleet.leader).map(({ id }) => id);
}

test('pitfall 26: a snapshot arrives, however many the leader takes meanwhile', (t) => {
  const { fleet, write } = busyFleet(3);
  const away = followersOf(fleet)[0] as string;
  fleet.isolate(away);
  write(3 * keys);
  fleet.heal();

  const applied = [fleet.node(away).replica.lastApplied];
  for (let turn = 0; turn < 3; turn += 1) {
    write(60);
    applied.push(fleet.node(away).replica.lastApplied);
  }

  // The log is too short for it to come up with the leader, but each transfer gets it further.
  for (const [at, index] of applied.slice(1).entries()) {
    t.true(index > (applied[at] as number), `${applied}`);
  }
  // When the writes cease, it has all of it.
  fleet.until(() => new Set(fleet.nodes.map(({ replica }) => replica.lastApplied)).size === 1);
  const digests = fleet.nodes.map(({ machine }) => machine.digest());
  t.is(new Set(digests).size, 1);
  t.true(
    [...fleet.answers.values()].every(({ kind }) => kind === 'ok'),
    'no write had to wait',
  );
});

test('pitfall 26: of two members that need snapshots each gets its own in turn', (t) => {
  const { fleet, write } = busyFleet(5);
  const [first, second] = followersOf(fleet) as [string, string];
  fleet.isolate(first);
  fleet.isolate(second);
  write(3 * keys);

  fleet.heal();
  fleet.isolate(second);
  write(15);
  // In the middle of the transfer to the first.
  fleet.heal();
  write(120);

  const after = [first, second].map((id) => fleet.node(id).replica.lastApplied);
  t.true(Math.min(...after) > 3 * keys, `${after}`);
});

test('nothing is kept for a member that is gone in the middle of a transfer', (t) => {
  const { fleet, write } = busyFleet(3);
  const [away, other] = followersOf(fleet) as [string, string];
  fleet.isolate(away);
  write(3 * keys);
  fleet.heal();
  write(10);
  const { raft } = fleet.leader as NonNullable<Fleet['leader']>;
  t.truthy(raft.transfer);

  fleet.isolate(away);
  write(30);

  t.is(raft.transfer, undefined);
  t.true(raft.status().progress?.[other]?.state === 'replicate');
});
