/** What clients are told: reads, leases, sessions, answers. */
import type { Exhibit } from './exhibit.js';
import {
  answeredLate,
  deposedWithinLease,
  handedOverWithinLease,
  stalledWithinLease,
} from './pinned.js';
import { confirmedLate, replacedUnderWaiters } from './pinned-logs.js';

export const clients: readonly Exhibit[] = [
  {
    id: 'read-before-noop',
    pitfall: 29,
    title: 'a new leader serves reads before it has committed in its term',
    seen: 'etcd-io/etcd #7331; redisraft #22; tikv #6340, #9239; sofa-jraft 8cdde763',
    edits: [
      {
        file: 'raft/read-index.js',
        find: 'reads.waiting.length > 0 && state.commitIndex >= termStartIndex',
        replace: 'reads.waiting.length > 0',
      },
    ],
  },
  {
    id: 'read-confirmed-by-any-round',
    pitfall: 30,
    title: 'an answer to an older heartbeat confirms a younger read',
    seen: 'etcd-io/raft #397; etcd-io/etcd #20418',
    scenario: confirmedLate,
    edits: [
      {
        file: 'raft/read-index.js',
        find: 'round === undefined || round.id !== readId',
        replace: 'round === undefined',
      },
    ],
  },
  {
    id: 'read-unconfirmed',
    pitfall: 30,
    title: 'a leader serves reads without asking whether it still leads',
    seen: 'hashicorp/raft #603; the classic',
    edits: [
      {
        file: 'raft/read-index.js',
        find: 'if (!hasQuorum(state.configuration, (id) => round.confirmedBy.has(id)))',
        replace: 'if (false)',
      },
    ],
  },
  {
    id: 'read-before-apply',
    pitfall: 29,
    title: 'a confirmed read is served before its index is applied',
    seen: 'RedisLabs/redisraft #22',
    edits: [
      {
        file: 'replica/reads.js',
        find: 'this.#confirmed.filter(({ index }) => index <= lastApplied)',
        replace: 'this.#confirmed.filter(() => true)',
      },
      {
        file: 'replica/reads.js',
        find: 'this.#confirmed.filter(({ index }) => index > lastApplied)',
        replace: 'this.#confirmed.filter(() => false)',
      },
    ],
  },
  {
    id: 'lease-from-answer',
    pitfall: 31,
    title: 'a lease runs from when the answer came, not from when it was asked for',
    seen: 'openraft leader-lease; MicroRaft QueryPolicy',
    scenario: answeredLate,
    edits: [
      {
        file: 'raft/leader.js',
        find: 'peer.ackedSentAt = Math.max(peer.ackedSentAt, message.sentAt);',
        replace: 'peer.ackedSentAt = state.timers.leaseNow;',
      },
    ],
  },
  {
    id: 'lease-during-transfer',
    pitfall: 31,
    title: 'a lease is kept while the leadership is handed over',
    seen: 'etcd-io/raft #99',
    scenario: handedOverWithinLease,
    edits: [
      {
        file: 'raft/lease.js',
        find: '!checkQuorum || leadership.transferee !== undefined || leadership.isLeaseForfeited',
        replace: '!checkQuorum',
      },
    ],
  },
  {
    id: 'lease-sleeps',
    pitfall: 43,
    title: 'a lease does not grow old while its node is stalled',
    seen: 'hashicorp/raft #603',
    scenario: stalledWithinLease,
    edits: [
      {
        file: 'raft/raft.js',
        find: 'state.timers.leaseNow += Math.max(1, elapsedTicks);',
        replace: 'state.timers.leaseNow += 1;',
      },
    ],
  },
  {
    id: 'lease-unprotected',
    pitfall: 31,
    title: 'voters depose a leader that they hear, though leases rest on their promise',
    seen: 'the dissertation, section 6.4.1',
    scenario: deposedWithinLease,
    edits: [
      {
        file: 'raft/election.js',
        find: 'return state.options.checkQuorum && !isTransfer && hearsLeader(state);',
        replace: 'return false;',
      },
      {
        file: 'raft/election.js',
        find: ' && !hearsLeader(state)',
        replace: '',
      },
    ],
  },
  {
    id: 'applied-twice',
    pitfall: 33,
    title: 'a command that is repeated is applied again',
    seen: 'etcd-io/etcd #18424; raftos #2; dissertation 6.3',
    edits: [
      {
        file: 'store/exactly-once.js',
        find: 'if (record === recall.unseen) {',
        replace: 'if (record === recall.unseen || record > 0) {',
      },
    ],
  },
  {
    id: 'renumbered-repeat',
    pitfall: 33,
    title: 'the client numbers a command anew when it repeats it',
    seen: 'etcd-io/etcd #18424',
    edits: [
      {
        file: 'store/client-sender.js',
        find: 'if (wantsSerials(batch))\n                fresh.push(batch);\n            else if',
        replace:
          'if (!batch.terms.isRead && batch.registers === undefined) ' +
          '{ batch.session = undefined; fresh.push(batch); }\n            else if',
      },
    ],
  },
  {
    id: 'session-kept-by-leader',
    pitfall: 34,
    title: 'a session is renewed at the node that answers only: replicas evict others',
    seen: 'logcabin 445f383; zmq-raft',
    edits: [
      {
        file: 'store/exactly-once.js',
        find: 'const session = this.#memory.sessions.open(reader.clientId, reader);',
        replace:
          'const { sessions } = this.#memory; ' +
          'const session = sink ? sessions.open(reader.clientId, reader) : ' +
          '[...sessions.values()].find((one) => one.clientId === reader.clientId);',
      },
    ],
  },
  {
    id: 'diverging-machine',
    pitfall: 37,
    title: 'what a command does depends on who waits for its outcome',
    seen: 'sofa-jraft #1246',
    edits: [
      {
        file: 'store/exactly-once.js',
        find: 'session.record(serial, code, index);',
        replace: 'if (sink) session.record(serial, code, index);',
      },
    ],
  },
  {
    id: 'failure-for-doubt',
    pitfall: 35,
    title: 'a write whose fate nobody knows is reported as not done',
    seen: 'openraft 43dd8b6f; Jepsen, again and again',
    edits: [
      {
        file: 'store/client-requests.js',
        find: "if (reason !== 'in-doubt')\n            batch.clearDoubt();",
        replace: 'batch.clearDoubt();',
      },
      {
        file: 'store/client-batch.js',
        find: 'if (!this.isDetoured)\n            this.doubts -= 1;',
        replace: 'this.doubts = 0;',
      },
    ],
  },
  {
    id: 'waiters-forgotten',
    pitfall: 35,
    title: 'a leader that steps down forgets who waits for its entries',
    seen: 'braft #91',
    scenario: replacedUnderWaiters,
    edits: [
      {
        file: 'replica/replica.js',
        find: "if (this.#isLeader && role !== 'leader')",
        replace: 'if (false)',
      },
    ],
  },
  {
    id: 'answer-of-another-term',
    pitfall: 35,
    title: 'whoever waits at an index gets the outcome of the entry that replaced his',
    seen: 'openraft 43dd8b6f; braft #91',
    edits: [
      {
        file: 'replica/replica.js',
        find: "if (this.#isLeader && role !== 'leader')",
        replace: 'if (false)',
      },
      {
        file: 'replica/proposals.js',
        find: 'proposed.term === term ? { waiting',
        replace: 'true ? { waiting',
      },
    ],
  },
  {
    id: 'success-before-commit',
    pitfall: 35,
    title: 'a write is acknowledged when the leader has it',
    seen: '@usex/raft appendLog',
    edits: [
      {
        file: 'replica/applier.js',
        find: 'const { commitIndex } = raft;\n        if (this',
        replace:
          "const isLeader = raft.role === 'leader';\n" +
          '        const commitIndex = isLeader ? storage.lastIndex : raft.commitIndex;\n' +
          '        if (this',
      },
      {
        file: 'replica/applier.js',
        find: 'raft.applied(this.#lastApplied);',
        replace: 'raft.applied(Math.min(this.#lastApplied, raft.commitIndex));',
      },
    ],
  },
  {
    id: 'answer-is-a-view',
    pitfall: 42,
    title: 'an answer that waits for room is a view of memory that is used again',
    seen: 'balsa, seed 3009 of the simulator',
    edits: [
      {
        file: 'replica/replies.js',
        find: 'body: new Uint8Array(body)',
        replace: 'body: body.slice()',
      },
    ],
  },
  {
    id: 'forwards-never-given-up',
    pitfall: 36,
    title: 'a request that was passed on to a leader that died is never answered',
    seen: 'nats-server eac92e553, b4506ec4a',
    edits: [
      {
        file: 'replica/replica.js',
        find: 'for (const origin of this.#forwards.takeOlderThan(oldest))',
        replace: 'for (const origin of [])',
      },
      {
        file: 'replica/replica.js',
        find: "this.#refuseAll(this.#forwards.takeLost(this.#leaderActor), 'in-doubt');",
        replace: '',
      },
    ],
  },
];
