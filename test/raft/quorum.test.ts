/**
 * Quorum arithmetic against the naive way to count: row C17 and pitfall 16.
 */
import test from 'ava';
import fc from 'fast-check';
import { createConfiguration } from '../../src/raft/configuration.js';
import { hasQuorum, quorumValue, voteResult } from '../../src/raft/quorum.js';

const ids = Array.from({ length: 12 }, (_, i) => `n${i + 1}`);

/** 1 to 9 voters of twelve nodes; the rest may be learners. */
const voters = fc.shuffledSubarray(ids, { minLength: 1, maxLength: 9 });
const reached = fc
  .array(fc.integer({ min: 0, max: 8 }), { minLength: ids.length, maxLength: ids.length })
  .map((values) => new Map(ids.map((id, i) => [id, values[i] ?? 0])));

/** The highest value that more than half of the nodes have reached, by trying them all. */
function naive(nodes: readonly string[], values: ReadonlyMap<string, number>): number {
  for (let value = 8; value > 0; value -= 1) {
    const count = nodes.filter((id) => (values.get(id) ?? 0) >= value).length;
    if (count > nodes.length / 2) return value;
  }
  return 0;
}

test('C17, pitfall 16: what a majority reached, 1 to 9 voters (etcd quorum/quick_test.go)', (t) => {
  fc.assert(
    fc.property(voters, reached, (members, values) => {
      const configuration = createConfiguration({ voters: members });
      const of = (id: string): number => values.get(id) ?? 0;
      return quorumValue(configuration, of) === naive(members, values);
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('C17: what both majorities of a joint configuration reached (etcd joint_commit.txt)', (t) => {
  fc.assert(
    fc.property(voters, voters, reached, (incoming, outgoing, values) => {
      const configuration = createConfiguration({ voters: incoming, outgoing });
      const of = (id: string): number => values.get(id) ?? 0;
      const expected = Math.min(naive(incoming, values), naive(outgoing, values));
      return quorumValue(configuration, of) === expected;
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('C17: learners never count, whatever they have reached', (t) => {
  fc.assert(
    fc.property(voters, reached, (members, values) => {
      const learners = ids.filter((id) => !members.includes(id));
      const withLearners = createConfiguration({ voters: members, learners });
      const without = createConfiguration({ voters: members });
      const of = (id: string): number => values.get(id) ?? 0;
      return quorumValue(withLearners, of) === quorumValue(without, of);
    }),
  );
  t.pass();
});

test('an election is won by a majority of yes, lost when none is possible, else open', (t) => {
  const answer = fc.constantFrom(true, false, undefined);
  const answers = fc.array(answer, { minLength: ids.length, maxLength: ids.length });
  const outgoings = fc.option(voters, { nil: undefined });
  fc.assert(
    fc.property(voters, outgoings, answers, (incoming, outgoing, given) => {
      const votes = new Map<string, boolean>();
      for (const [i, id] of ids.entries()) {
        const vote = given[i];
        if (vote !== undefined) votes.set(id, vote);
      }
      const options = outgoing === undefined ? {} : { outgoing };
      const configuration = createConfiguration({ voters: incoming, ...options });

      const lists = outgoing === undefined ? [incoming] : [incoming, outgoing];
      const count = (list: readonly string[], vote: boolean | undefined): number =>
        list.filter((id) => votes.get(id) === vote).length;
      const isWon = lists.every((list) => count(list, true) > list.length / 2);
      const isOpen = lists.every(
        (list) => count(list, true) + count(list, undefined) > list.length / 2,
      );
      const expected = isWon ? 'won' : isOpen ? 'pending' : 'lost';
      return voteResult(configuration, votes) === expected;
    }),
    { numRuns: 500 },
  );
  t.pass();
});

for (const [size, majority] of [1, 2, 2, 3, 3, 4, 4, 5, 5].entries()) {
  test(`pitfall 16: ${majority} of ${size + 1} are a quorum, one less is not`, (t) => {
    const members = ids.slice(0, size + 1);
    const configuration = createConfiguration({ voters: members });
    const some = (count: number) => (id: string) => members.indexOf(id) < count;

    t.true(hasQuorum(configuration, some(majority)));
    t.false(hasQuorum(configuration, some(majority - 1)));
  });
}

test('two quorums of one configuration always share a voter', (t) => {
  const subset = fc.uniqueArray(fc.constantFrom(...ids));
  fc.assert(
    fc.property(voters, subset, subset, (members, some, others) => {
      const configuration = createConfiguration({ voters: members });
      fc.pre(hasQuorum(configuration, (id) => some.includes(id)));
      fc.pre(hasQuorum(configuration, (id) => others.includes(id)));
      return members.some((id) => some.includes(id) && others.includes(id));
    }),
  );
  t.pass();
});
