import test from 'ava';
import { Fleet, type FleetNode } from './fleet.js';

/** A leader that cannot commit, and a follower whose forwarded write waits with it. */
function inDoubt(): { fleet: Fleet; leader: FleetNode; follower: FleetNode } {
  const fleet = new Fleet();
  const leader = fleet.elect();
  const [follower, other] = fleet.nodes.filter((node) => node !== leader) as [FleetNode, FleetNode];
  fleet.crash(other.id);
  fleet.cut.add(`${leader.id}>${follower.id}`);
  fleet.set(follower.id, 'before', 1);
  fleet.until(() => leader.replica.gauges.entriesProposed === 1);
  return { fleet, leader, follower };
}

test('a node is not given the answer to what it forwarded in an earlier life', (t) => {
  const { fleet, leader, follower } = inDoubt();
  const before = leader.raft.lastLogIndex;

  // It comes back and forwards again, under the same number, before the first write is committed.
  fleet.crash(follower.id);
  fleet.restart(follower.id);
  fleet.cut.clear();
  fleet.cut.add(`${follower.id}>${leader.id}`);
  fleet.until(() => follower.raft.leaderId === leader.id);
  fleet.cut.clear();
  const answer = fleet.answer(fleet.set(follower.id, 'after', 2));

  t.is(leader.raft.role, 'leader');
  t.is(answer.kind === 'ok' && answer.index, before + 1);
});

test('a client is not given the answer to what its predecessor asked', (t) => {
  const { fleet, leader } = inDoubt();
  const early = fleet.set(leader.id, 'early', 1);
  fleet.until(() => leader.replica.gauges.entriesProposed === 2);

  // Its number is given to another client before the write is committed.
  fleet.replaceClient();
  fleet.cut.clear();
  fleet.until(() => leader.replica.gauges.pending === 0);
  fleet.round();

  t.false(fleet.answers.has(early));
});
