/** Votes, terms and who may lead. */
import type { Exhibit } from './exhibit.js';
import { begunAtOnce, longAgainstNew } from './pinned-logs.js';

export const elections: readonly Exhibit[] = [
  {
    id: 'vote-before-disk',
    pitfall: 1,
    title: 'a vote is answered before it is stored',
    seen: 'PySyncObj #84, #202; seaweedfs/raft #9; NodeDB #161',
    edits: [
      {
        file: 'raft/election.js',
        find: "sendAfterDurable(state, {\n        kind: 'request-vote-response'",
        replace: "send(state, {\n        kind: 'request-vote-response'",
      },
    ],
  },
  {
    id: 'request-before-disk',
    pitfall: 1,
    title: 'a candidate asks for votes before its own is stored',
    seen: 'sofa-jraft #1245',
    edits: [
      {
        file: 'raft/candidate.js',
        find: "sendAfterDurable(state, {\n            kind: 'request-vote'",
        replace: "send(state, {\n            kind: 'request-vote'",
      },
    ],
  },
  {
    id: 'own-vote-before-disk',
    pitfall: 1,
    title: 'a candidate counts its own vote before it is stored',
    seen: 'etcd-io/etcd #14370, for votes',
    edits: [
      {
        file: 'raft/candidate.js',
        find: 'becomeCandidate(state);',
        replace: 'becomeCandidate(state);\n    recordOwnVote(state);',
      },
    ],
  },
  {
    id: 'vote-stored-before-term',
    pitfall: 2,
    title: 'term and vote are stored in two writes, the vote first',
    seen: 'hashicorp/raft #661; willemt/raft #47; ClickHouse #111454',
    edits: [
      {
        file: 'replica/replica.js',
        find: 'this.#storage.saveHardState(hardState);',
        replace:
          'if (hardState.votedFor) this.#storage.saveHardState({ ' +
          'currentTerm: this.#storage.hardState.currentTerm, votedFor: hardState.votedFor }), ' +
          'this.#storage.saveHardState(hardState); else this.#storage.saveHardState(hardState);',
      },
    ],
  },
  {
    id: 'step-down-clears-vote',
    pitfall: 3,
    title: 'stepping down within a term forgets the vote',
    seen: 'microsoft/CCF #5891, #8094; nats-server f4aca783c, bf8ebe7dd; akka-raft #56',
    edits: [
      {
        file: 'raft/transition.js',
        find: "state.role = 'follower';",
        replace: "state.role = 'follower';\n    state.votedFor = undefined;",
      },
    ],
  },
  {
    id: 'vote-forgotten-silently',
    pitfall: 3,
    title: 'stepping down forgets the vote, and nothing in storage notices',
    seen: 'the same, where the storage keeps whatever it is given',
    edits: [
      {
        file: 'raft/transition.js',
        find: "state.role = 'follower';",
        replace: "state.role = 'follower';\n    state.votedFor = undefined;",
      },
      {
        file: 'storage/hard-state.js',
        find: 'assertFollows(this.#current, next);',
        replace: '',
      },
      {
        file: 'raft/election.js',
        find: 'votedFor === undefined && leaderId === undefined',
        replace: 'votedFor === undefined',
      },
    ],
  },
  {
    id: 'leader-as-vote',
    pitfall: 3,
    title: 'the leader that is heard is recorded as the vote',
    seen: 'willemt/raft bdabd1d',
    edits: [
      {
        file: 'raft/transition.js',
        find: 'state.timers.leaderHeardAt = state.timers.now;',
        replace: 'state.timers.leaderHeardAt = state.timers.now;\n    state.votedFor = leaderId;',
      },
    ],
  },
  {
    id: 'votes-counted',
    pitfall: 4,
    title: 'answers to a request for votes are counted, and a copy counts twice',
    seen: 'xraft #27; jgroups-raft #24; coyote-samples #8; PySyncObj',
    edits: [
      {
        file: 'raft/candidate.js',
        find: 'if (!state.votes.has(from))\n        state.votes.set(from, granted);',
        replace:
          'const voter = state.votes.has(from) ? ' +
          'votersOf(state.configuration).find((id) => !state.votes.has(id)) ?? from : from;\n' +
          '    state.votes.set(voter, granted);',
      },
    ],
  },
  {
    id: 'any-candidate',
    pitfall: 6,
    title: 'votes are given whatever the candidate has in its log',
    seen: 'akka-raft #30',
    edits: [
      {
        file: 'raft/election.js',
        find: 'if (lastLogTerm !== lastTerm(log))',
        replace: 'return true;\n    if (lastLogTerm !== lastTerm(log))',
      },
    ],
  },
  {
    id: 'length-before-term',
    pitfall: 6,
    title: 'logs are compared by length first and by term second',
    seen: 'openraft a48a3282',
    scenario: longAgainstNew,
    edits: [
      {
        file: 'raft/election.js',
        find: 'if (lastLogTerm !== lastTerm(log))',
        replace: 'if (lastLogIndex !== lastIndex(log))',
      },
      {
        file: 'raft/election.js',
        find: 'return lastLogTerm > lastTerm(log);',
        replace: 'return lastLogIndex > lastIndex(log);',
      },
      {
        file: 'raft/election.js',
        find: 'return lastLogIndex >= lastIndex(log);',
        replace: 'return lastLogTerm >= lastTerm(log);',
      },
    ],
  },
  {
    id: 'pre-vote-consent-raises-term',
    pitfall: 7,
    title: 'consent to a pre-vote is taken for a message of that term',
    seen: 'openraft 511f33c7',
    edits: [
      {
        file: 'raft/step.js',
        find: 'message.term > state.currentTerm && !isConsentToPreVote(message)',
        replace: 'message.term > state.currentTerm',
      },
    ],
  },
  {
    id: 'even-quorum',
    pitfall: 16,
    title: 'half of an even number of nodes counts as a majority',
    seen: 'hashicorp/raft 163a55f',
    edits: [
      {
        file: 'raft/quorum.js',
        find: 'Math.floor(count / 2) + 1',
        replace: 'Math.ceil(count / 2)',
      },
    ],
  },
  {
    id: 'one-node-too-few',
    pitfall: 16,
    title: 'a quorum is one node short of a majority',
    seen: 'openraft #1802, d60f1e85',
    edits: [
      {
        file: 'raft/quorum.js',
        find: 'Math.floor(count / 2) + 1',
        replace: 'Math.max(1, Math.floor(count / 2))',
      },
    ],
  },
  {
    id: 'same-timeouts',
    pitfall: 32,
    title: 'all nodes draw their election timeouts from one sequence',
    seen: 'hashicorp/raft #50; openraft 5e15946d',
    scenario: begunAtOnce,
    edits: [
      {
        file: 'replica/boot.js',
        find: 'new Prng(seed).fork(',
        replace: 'new Prng(seed).fork(true ? 0 : ',
      },
    ],
  },
  {
    id: 'leader-keeps-leading',
    title: 'a leader that sees a higher term follows, and leads on',
    seen: 'seen in teaching code again and again',
    edits: [
      {
        file: 'raft/transition.js',
        find: 'state.leadership = undefined;\n    if (term',
        replace: 'if (term',
      },
    ],
  },
];
