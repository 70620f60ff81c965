/** What is stored, what is found again, and what a snapshot leaves out. */
import type { Exhibit } from './exhibit.js';
import {
  committedInOneMoment,
  partLost,
  partsTwice,
  replacedBeforeRestart,
  tailBeyondSnapshot,
  twoSenders,
} from './pinned-logs.js';

export const storage: readonly Exhibit[] = [
  {
    id: 'conflict-kept',
    pitfall: 22,
    title: 'entries in conflict stay behind those that replace them',
    seen: 'hashicorp/raft #697, for the tail of the log',
    scenario: replacedBeforeRestart,
    edits: [
      {
        file: 'storage/memory.js',
        find: 'this.#bounds.save({ lastIndex: keptIndex + entries.length });',
        replace:
          'this.#bounds.save({ lastIndex: Math.max(this.lastIndex, keptIndex + entries.length) });',
      },
      {
        file: 'storage/memory.js',
        find: 'this.#bounds.save({ lastIndex: keptIndex });',
        replace: '',
      },
    ],
  },
  {
    id: 'base-term-lost',
    pitfall: 24,
    title: 'the term before the first entry is not kept when the log is trimmed',
    seen: 'openraft 71a290cd; RedisLabs/raft #49',
    edits: [
      {
        file: 'storage/memory.js',
        find: 'termBeforeFirst: this.#index.termAt(last) }',
        replace: 'termBeforeFirst: 0 }',
      },
    ],
  },
  {
    id: 'snapshot-not-restored',
    pitfall: 23,
    title: 'a node that restarts does not load its snapshot',
    seen: 'RedisLabs/raft #49; camunda #15046',
    edits: [
      {
        file: 'replica/boot.js',
        find: 'if (storage.snapshotIndex > 0)\n        restoreSnapshot(storage, machine);',
        replace: '',
      },
    ],
  },
  {
    id: 'sessions-not-in-snapshot',
    pitfall: 25,
    title: 'sessions are missing from a snapshot',
    seen: 'logcabin 445f383; nats-server 1fae6111c',
    edits: [
      {
        file: 'store/store-state-machine.js',
        find: 'const { sessions } = this.#entries.memory;\n        return new StoreImage',
        replace: 'const sessions = new SessionTable(this.#options);\n        return new StoreImage',
      },
    ],
  },
  {
    id: 'stale-snapshot-index',
    pitfall: 19,
    title: 'a snapshot is labelled with the commit index instead of what was applied',
    seen: 'rabbitmq/ra #562; PySyncObj #197',
    scenario: committedInOneMoment,
    edits: [
      {
        file: 'replica/checkpoint.js',
        find: '#begin(index) {',
        replace:
          '#begin(applied) { const index = Math.max(applied, this.#options.raft.commitIndex);',
      },
    ],
  },
  {
    id: 'snapshot-keeps-conflict',
    pitfall: 22,
    title: 'a snapshot leaves entries in conflict with it behind it',
    seen: 'hashicorp/raft #697; openraft 674e78aa',
    scenario: tailBeyondSnapshot,
    edits: [
      {
        file: 'storage/memory.js',
        find: 'const continues = this.termAt(index) === term;',
        replace: 'const continues = index <= this.lastIndex;',
      },
    ],
  },
  {
    id: 'older-snapshot-installed',
    pitfall: 23,
    title: 'a snapshot that comes late takes the state back',
    seen: 'RedisLabs/raft #49; NuRaft #407; openraft eed681d5; canonical/raft #191',
    scenario: partsTwice,
    edits: [
      {
        file: 'raft/snapshot.js',
        find: 'if (snapshotIndex <= state.commitIndex) {',
        replace: 'if (snapshotIndex < 0) {',
      },
      // Else what is overtaken is forgotten before it is taken.
      {
        file: 'raft/snapshot.js',
        find: 'if (outbox.snapshotParts.length === 0)',
        replace: '',
      },
    ],
  },
  {
    id: 'snapshot-parts-mixed',
    pitfall: 23,
    title: 'parts of two snapshots are put together',
    seen: 'camunda #15046',
    scenario: twoSenders,
    edits: [
      {
        file: 'raft/snapshot.js',
        find:
          'known?.from === message.from && ' +
          'known.index === snapshotIndex && known.term === snapshotTerm',
        replace: 'known !== undefined',
      },
    ],
  },
  {
    id: 'snapshot-state-left',
    pitfall: 25,
    title: 'a snapshot that came is stored, and the old state goes on',
    seen: 'openraft dba24036',
    edits: [
      {
        file: 'replica/snapshot-install.js',
        find: 'coming.intake.finish();',
        replace: '',
      },
    ],
  },
  {
    id: 'snapshot-part-lost',
    pitfall: 26,
    title: 'a part of a snapshot that was lost is never sent again',
    seen: 'rabbitmq/ra #619, #641, e1256f81',
    scenario: partLost,
    edits: [
      {
        file: 'raft/snapshot.js',
        find: 'if (timers.now - transfer.sentAt >= options.electionTicksMin)',
        replace: 'if (options.electionTicksMin < 0)',
      },
    ],
  },
  {
    id: 'uncommitted-applied',
    pitfall: 35,
    title: 'entries are applied when they are stored, not when they are committed',
    seen: '@usex/raft; braft #91',
    edits: [
      {
        file: 'replica/applier.js',
        find: 'const { commitIndex } = raft;\n        if (this',
        replace: 'const commitIndex = storage.lastIndex;\n        if (this',
      },
      {
        file: 'replica/applier.js',
        find: 'raft.applied(this.#lastApplied);',
        replace: 'raft.applied(Math.min(this.#lastApplied, raft.commitIndex));',
      },
    ],
  },
];
