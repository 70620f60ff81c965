/** Entries on their way into the logs, and what counts as committed. */
import type { Exhibit } from './exhibit.js';
import { acknowledgedBefore } from './pinned.js';

export const logs: readonly Exhibit[] = [
  {
    id: 'figure-8',
    pitfall: 11,
    title: 'entries of earlier terms are committed by counting replicas',
    seen: 'logcabin #44; nats-server c8687fc4d; liferaft',
    edits: [
      {
        file: 'raft/replication.js',
        find: 'index > state.commitIndex && termAt(log, index) === state.currentTerm',
        replace: 'index > state.commitIndex',
      },
    ],
  },
  {
    id: 'truncate-always',
    pitfall: 12,
    title: 'a follower gives up everything after prevLogIndex, equal or not',
    seen: 'openraft 9540c904; PySyncObj; nats-server f871570fb',
    edits: [
      {
        file: 'raft/follower.js',
        find: 'if (index < log.baseIndex || ownTerm === term)',
        replace: 'if (index < log.baseIndex)',
      },
    ],
  },
  {
    id: 'truncate-committed',
    pitfall: 13,
    title: 'the same, and committed entries go as well',
    seen: 'willemt/raft 396f7b7; openraft ac3e5a89',
    edits: [
      {
        file: 'raft/follower.js',
        find: 'if (index < log.baseIndex || ownTerm === term)',
        replace: 'if (index < log.baseIndex)',
      },
      {
        file: 'raft/follower.js',
        find: "assert(index > state.commitIndex, 'a committed",
        replace: "assert(true, 'a committed",
      },
    ],
  },
  {
    id: 'no-previous-check',
    title: 'a follower takes entries without comparing what stands before them',
    seen: 'PySyncObj; @usex/raft',
    edits: [
      {
        file: 'raft/follower.js',
        find: 'prevLogIndex < log.baseIndex || termAt(log, prevLogIndex) === message.prevLogTerm',
        replace: 'prevLogIndex <= lastIndex(log)',
      },
    ],
  },
  {
    id: 'commit-unverified',
    pitfall: 14,
    title: 'a follower commits up to its own last entry, verified by the leader or not',
    seen: 'cowsql/raft 000eacf2; rabbitmq/ra #508; PySyncObj',
    edits: [
      {
        file: 'raft/follower.js',
        find: 'Math.min(leaderCommit, verifiedThrough(state))',
        replace: 'Math.min(leaderCommit, lastIndex(state.log))',
      },
      {
        file: 'raft/replication.js',
        find: 'const leaderCommit = Math.min(peer.matchIndex, state.commitIndex);\n    peer',
        replace: 'const leaderCommit = state.commitIndex;\n    peer',
      },
    ],
  },
  {
    id: 'old-acknowledgements',
    pitfall: 15,
    title: 'acknowledgements of an earlier term count in this one',
    seen: 'openraft cecb5de8, fbbf37b1; rabbitmq/ra #637',
    scenario: acknowledgedBefore,
    edits: [
      {
        file: 'raft/step.js',
        find: 'if (message.term < state.currentTerm)',
        replace:
          "if (message.term < state.currentTerm && message.kind !== 'append-entries-response')",
      },
    ],
  },
  {
    id: 'match-goes-back',
    pitfall: 15,
    title: 'a stale acknowledgement takes matchIndex back',
    seen: 'ongardie/raft.tla #18, #19',
    edits: [
      {
        file: 'raft/replication.js',
        find: 'if (matchIndex < peer.matchIndex)\n        return;',
        replace: '',
      },
    ],
  },
  {
    id: 'next-below-match',
    pitfall: 20,
    title: 'a stale refusal takes nextIndex below what is acknowledged',
    seen: 'etcd 76f1249',
    edits: [
      {
        file: 'raft/replication.js',
        find: "if (peer.state === 'replicate') {\n        // At",
        replace: 'if (false) {\n        // At',
      },
      {
        file: 'raft/replication.js',
        find: 'if (message.prevLogIndex !== peer.nextIndex - 1)\n        return;',
        replace: '',
      },
      {
        file: 'raft/replication.js',
        find: 'Math.max(Math.min(hint + 1, prevLogIndex), peer.matchIndex + 1)',
        replace: 'Math.max(1, Math.min(hint + 1, prevLogIndex))',
      },
    ],
  },
  {
    id: 'sorted-as-text',
    pitfall: 16,
    title: 'match indexes are sorted as texts: 10 comes before 9',
    seen: 'MicroRaft c768342, another order that was lost',
    edits: [
      {
        file: 'raft/quorum.js',
        find: '.sort((a, b) => b - a)',
        replace: '.sort().reverse()',
      },
    ],
  },
  {
    id: 'acknowledged-before-disk',
    pitfall: 17,
    title: 'a follower acknowledges entries before they are stored',
    seen: 'etcd-io/etcd #14370; Jepsen: NATS 2.12.1',
    edits: [
      {
        file: 'raft/outbox.js',
        find: 'const queue = state.outbox.messagesAfterDurable;',
        replace: 'const queue = state.outbox.messages;',
      },
    ],
  },
  {
    id: 'leader-counts-unstored',
    pitfall: 17,
    title: 'a leader counts itself for entries that it has not stored',
    seen: 'openraft a9f696a9; rabbitmq/ra 324d9bc5',
    edits: [
      {
        file: 'raft/replication.js',
        find: 'voter === id ? log.stableIndex',
        replace: 'voter === id ? lastIndex(log)',
      },
    ],
  },
  {
    id: 'late-sync-confirms-all',
    pitfall: 17,
    title: 'a sync that ends late confirms what was written after it began',
    seen: 'etcd async_storage_writes_append_aba_race',
    edits: [
      {
        file: 'replica/replica.js',
        find: 'this.#raft.durable(index, term, batch);',
        replace: 'this.#raft.durable(this.#storage.lastIndex, this.#raft.currentTerm);',
      },
    ],
  },
  {
    id: 'acknowledged-by-later-sync',
    pitfall: 18,
    title: 'what a batch promises is sent when an earlier sync ends',
    seen: 'openraft #1960',
    edits: [
      {
        file: 'replica/replica.js',
        find: 'this.#storage.sync(() => {\n            this.#send(messagesAfterDurable);',
        replace: 'this.#send(messagesAfterDurable);\n        this.#storage.sync(() => {',
      },
    ],
  },
  {
    id: 'no-noop',
    title: 'a leader opens its term without an entry: what is older is never committed',
    seen: 'the Raft paper, section 8; zmq-raft',
    edits: [
      {
        file: 'raft/transition.js',
        find: 'append(log, { index: termStartIndex, term: currentTerm,',
        replace: 'void (log, { index: termStartIndex, term: currentTerm,',
      },
    ],
  },
  {
    id: 'lost-tail',
    pitfall: 20,
    title: 'a lost append is never sent again while nothing new is written',
    seen: 'etcd 8ecce32, a370b6f',
    edits: [
      {
        file: 'raft/replication.js',
        find: 'else if (peer.matchIndex < lastIndex(state.log))\n        peer.emptyDue = true;',
        replace: '',
      },
    ],
  },
  {
    id: 'stuck-probe',
    pitfall: 21,
    title: 'a probe that was lost is never repeated',
    seen: 'openraft #1828, 6d53aa12',
    edits: [
      {
        file: 'raft/replication.js',
        find: "peer.probeSent = false;\n    else if (peer.state === 'snapshot')",
        replace: "return;\n    else if (peer.state === 'snapshot')",
      },
    ],
  },
  {
    id: 'no-way-back',
    pitfall: 21,
    title: 'the leader goes back to the hint of the follower, which may be where it was',
    seen: 'yugabyte-db #32876',
    edits: [
      {
        file: 'raft/replication.js',
        find: 'Math.max(Math.min(hint + 1, prevLogIndex), peer.matchIndex + 1)',
        replace: 'Math.max(prevLogIndex + 1, peer.matchIndex + 1)',
      },
    ],
  },
  {
    id: 'trimmed-too-far',
    pitfall: 24,
    title: 'the log is trimmed to what all hold, be it in a snapshot or not',
    seen: 'openraft 71a290cd; MicroRaft d300e13',
    edits: [
      {
        file: 'replica/checkpoint.js',
        find: 'Math.min(storage.snapshotIndex, raft.stableIndex,',
        replace: 'Math.min(raft.stableIndex,',
      },
    ],
  },
  {
    id: 'commit-not-told',
    pitfall: 9,
    title: 'followers learn of a commit with the next entry only',
    seen: 'rabbitmq/ra #607',
    edits: [
      {
        file: 'raft/follower.js',
        find: 'advanceCommitTo(state, message.leaderCommit);\n    send',
        replace: 'send',
      },
    ],
  },
  {
    id: 'proposal-overwritten',
    pitfall: 37,
    title: 'two proposals of one drain share the memory of their payloads',
    seen: 'sofa-jraft #1246; openraft 1d5cc706',
    edits: [
      {
        file: 'replica/replica.js',
        find: '#store() {\n        this.#propose();\n        this.#pump();\n',
        replace: '#store() {\n        this.#propose();\n',
      },
    ],
  },
];
