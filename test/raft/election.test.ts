/**
 * Elections: rows C4 to C7 of the conformance list, and pitfalls 1 to 6, on single cores.
 */
import test from 'ava';
import { Prng } from '../../src/prng.js';
import { append, appended, heartbeat, only, requestVote, vote } from './harness/messages.js';
import { candidate, follower, leader, storedVote } from './harness/roles.js';

const votersOf = (size: number): string[] => Array.from({ length: size }, (_, i) => `n${i + 1}`);

/** All ways in which the given number of voters can answer. */
function answersOf(count: number): ('yes' | 'no' | 'silent')[][] {
  if (count === 0) return [[]];
  return answersOf(count - 1).flatMap((rest) =>
    (['yes', 'no', 'silent'] as const).map((answer) => [...rest, answer]),
  );
}

for (const size of [1, 3, 5]) {
  test(`C4: every outcome of a voting round of ${size} (etcd TestLeaderElectionInOneRoundRPC)`, (t) => {
    for (const answers of answersOf(size - 1)) {
      const node = candidate({ voters: votersOf(size) });

      for (const [i, answer] of answers.entries()) {
        if (answer === 'silent') continue;
        node.step(vote({ term: 1, from: `n${i + 2}`, granted: answer === 'yes' }));
      }

      const yes = 1 + answers.filter((answer) => answer === 'yes').length;
      const no = answers.filter((answer) => answer === 'no').length;
      const lost = no * 2 > size ? 'follower' : 'candidate';
      t.is(node.raft.role, yes * 2 > size ? 'leader' : lost, answers.join(' '));
      t.is(node.raft.currentTerm, 1);
    }
  });
}

test('C4: a vote that arrives twice counts once (etcd TestLeaderElectionInOneRoundRPC)', (t) => {
  const node = candidate({ voters: votersOf(5) });

  node.step(vote({ term: 1, from: 'n2' }), vote({ term: 1, from: 'n2' }));
  t.is(node.raft.role, 'candidate');
  node.step(vote({ term: 1, from: 'n3' }));

  t.is(node.raft.role, 'leader');
});

for (const { votedFor, from, granted } of [
  { votedFor: undefined, from: 'n2', granted: true },
  { votedFor: undefined, from: 'n3', granted: true },
  { votedFor: 'n2', from: 'n2', granted: true },
  { votedFor: 'n3', from: 'n3', granted: true },
  { votedFor: 'n2', from: 'n3', granted: false },
  { votedFor: 'n3', from: 'n2', granted: false },
]) {
  test(`C5a: with its vote at ${votedFor}, ${from} asking: ${granted} (etcd TestFollowerVote)`, (t) => {
    const hardState = { currentTerm: 1, ...(votedFor === undefined ? {} : { votedFor }) };
    const node = follower({ hardState });
    node.isDiskSlow = true;

    node.step(requestVote({ term: 1, from }));

    t.deepEqual(node.sent(), [], 'nothing leaves before term and vote are stored');
    node.flush();
    t.is(only(node.sent(), 'request-vote-response')[0]?.granted, granted);
    t.is(storedVote(node), granted ? from : votedFor);
  });
}

for (const role of ['follower', 'candidate'] as const) {
  test(`C6a: every election timeout of a ${role} occurs (etcd TestFollowerElectionTimeoutRandomized)`, (t) => {
    const prng = new Prng('C6a');
    const seen = new Set<number>();
    for (let round = 0; round < 500; round += 1) {
      const make = role === 'follower' ? follower : candidate;
      const node = make({
        drawElectionTicks: (min, max) => prng.int(min, max),
        voters: votersOf(3),
      });
      const { currentTerm } = node.raft;
      // The candidate maker waited ten ticks; a timeout above that leaves it a follower.
      if (role === 'candidate' && node.raft.role !== 'candidate') continue;
      let ticks = 0;
      while (node.raft.currentTerm === currentTerm) {
        node.tick();
        ticks += 1;
      }
      seen.add(ticks);
    }

    t.deepEqual(
      [...seen].sort((a, b) => a - b),
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    );
  });
}

test('C6b: few timeouts of five nodes collide (etcd TestFollowersElectionTimeoutNonconflict)', (t) => {
  const rounds = 1000;
  let collisions = 0;
  const generators = votersOf(5).map((id) => new Prng('C6b').fork(id));
  for (let round = 0; round < rounds; round += 1) {
    const nodes = generators.map((prng) =>
      follower({ drawElectionTicks: (min, max) => prng.int(min, max) }),
    );
    let fired = 0;
    while (fired === 0) {
      for (const { raft } of nodes) raft.tick();
      fired = nodes.filter(({ raft }) => raft.role === 'candidate').length;
    }
    if (fired > 1) collisions += 1;
  }

  t.true(collisions / rounds <= 0.3, `${collisions} of ${rounds}`);
});

test('C7: a candidate that follows a rival keeps its vote (etcd TestCandidateFallback)', (t) => {
  const node = candidate();

  node.step(append({ term: 1, from: 'n2' }), requestVote({ term: 1, from: 'n3' }));

  t.is(node.raft.leaderId, 'n2');
  t.is(storedVote(node), 'n1');
  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
});

test('C7: a deposed leader votes once in the new term (MicroRaft, …itShouldNotDeleteItsVote)', (t) => {
  const node = leader();
  const log = { lastLogIndex: 1, lastLogTerm: 1 };

  node.step(requestVote({ term: 2, from: 'n2', ...log }));
  node.step(requestVote({ term: 2, from: 'n3', ...log }));

  t.deepEqual(
    only(node.sent(), 'request-vote-response').map(({ to, granted }) => [to, granted]),
    [
      ['n2', true],
      ['n3', false],
    ],
  );
});

test('pitfall 1: a crash between vote and answer never gives two votes in one term', (t) => {
  for (const stored of [false, true]) {
    const node = follower();
    node.isDiskSlow = true;
    node.step(requestVote({ term: 1, from: 'n2' }));
    if (stored) node.flush();
    const granted = only(node.sent(), 'request-vote-response').filter((m) => m.granted);

    node.crash();
    node.isDiskSlow = false;
    node.restart();
    node.step(requestVote({ term: 1, from: 'n3' }));
    granted.push(...only(node.sent(), 'request-vote-response').filter((m) => m.granted));

    t.deepEqual(
      granted.map(({ to }) => to),
      [stored ? 'n2' : 'n3'],
    );
  }
});

test('pitfall 2: term and vote travel to storage together, in one hard state', (t) => {
  const node = follower({ hardState: { currentTerm: 1, votedFor: 'n3' } });

  node.raft.step(requestVote({ term: 2 }));

  t.deepEqual(node.raft.ready().hardState, { currentTerm: 2, votedFor: 'n2' });
});

test('pitfall 2: a new term without a vote forgets the old vote in the same write', (t) => {
  const node = follower({ hardState: { currentTerm: 1, votedFor: 'n3' } });

  node.raft.step(heartbeat({ term: 2 }));

  t.deepEqual(node.raft.ready().hardState, { currentTerm: 2 });
});

test('pitfall 3: hearing the leader of the own term neither clears nor sets the vote', (t) => {
  const node = follower({ hardState: { currentTerm: 1, votedFor: 'n3' } });

  node.step(append({ term: 1, from: 'n2' }), heartbeat({ term: 1, from: 'n2' }));
  t.is(storedVote(node), 'n3');

  const voteless = follower({ hardState: { currentTerm: 1 } });
  voteless.step(append({ term: 1, from: 'n2' }));
  t.is(storedVote(voteless), undefined);
});

test('pitfall 3: a leader that loses its quorum keeps its vote', (t) => {
  const node = leader({ checkQuorum: true });

  node.tick(11);
  node.step(requestVote({ term: 1, from: 'n3', lastLogIndex: 9, lastLogTerm: 1 }));

  t.is(node.raft.role, 'follower');
  t.is(storedVote(node), 'n1');
  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
});

test('a node that knows the leader of the term gives its unspent vote to nobody', (t) => {
  const node = follower();
  node.step(append({ term: 1, from: 'n2' }));

  node.step(requestVote({ term: 1, from: 'n3', lastLogIndex: 9, lastLogTerm: 1 }));

  t.is(only(node.sent(), 'request-vote-response')[0]?.granted, false);
});

test('pitfall 4: acknowledgements are a set of nodes: a doubled one does not commit', (t) => {
  const node = leader({ voters: votersOf(5) });

  for (let i = 0; i < 4; i += 1) node.step(appended({ term: 1, matchIndex: 1, from: 'n2' }));

  t.is(node.raft.commitIndex, 0);
});

test('pitfall 4: a voter that restarts in the middle of an election counts once', (t) => {
  const node = candidate({ voters: votersOf(5) });
  const voter = follower({ id: 'n2', voters: votersOf(5) });
  const request = requestVote({ term: 1, from: 'n1', to: 'n2' });

  voter.step(request);
  node.step(...voter.sent());
  voter.crash();
  voter.restart();
  voter.step(request);
  node.step(...voter.sent());

  t.is(node.raft.role, 'candidate');
});

test('pitfall 5: votes and acknowledgements of unknown nodes count for nothing', (t) => {
  const node = candidate();
  for (const from of ['n8', 'n9']) node.step(vote({ term: 1, from }));
  t.is(node.raft.role, 'candidate');

  const head = leader();
  for (const from of ['n8', 'n9']) head.step(appended({ term: 1, matchIndex: 1, from }));
  t.is(head.raft.commitIndex, 0);
});

test('pitfall 5: an answer of an unknown node moves no term', (t) => {
  const node = leader();

  node.step(vote({ term: 9, from: 'n9' }), appended({ term: 9, from: 'n9', success: false }));

  t.is(node.raft.role, 'leader');
  t.is(node.raft.currentTerm, 1);
});

test('pitfall 5: votes of learners count for nothing', (t) => {
  const node = candidate({ voters: votersOf(3), learners: ['n4', 'n5'] });

  for (const from of ['n4', 'n5']) node.step(vote({ term: 1, from }));

  t.is(node.raft.role, 'candidate');
});

test('pitfall 6: the later last term wins even with the shorter log, in both directions', (t) => {
  const long = follower({ terms: [1, 1, 1] });
  const late = follower({ terms: [2] });

  long.step(requestVote({ term: 3, lastLogIndex: 1, lastLogTerm: 2 }));
  late.step(requestVote({ term: 3, lastLogIndex: 3, lastLogTerm: 1 }));

  t.is(only(long.sent(), 'request-vote-response')[0]?.granted, true);
  t.is(only(late.sent(), 'request-vote-response')[0]?.granted, false);
});

test('pitfall 32: ticks beyond 2^31 neither overflow nor stall a timer', (t) => {
  const node = follower({ electionTicksMin: 2 ** 32, electionTicksMax: 2 ** 32 });

  for (let i = 0; i < 1000; i += 1) node.raft.tick(2 ** 40);
  t.is(node.raft.role, 'follower');

  const head = leader({ checkQuorum: true });
  head.raft.tick(2 ** 40);
  const sentAt = only(head.sent(), 'heartbeat').at(-1)?.sentAt;
  t.is(sentAt, undefined, 'the first heartbeat is due after two ticks');
  head.tick();
  t.is(only(head.sent(), 'heartbeat')[0]?.sentAt, 10 + 2 ** 40 + 1);
});
