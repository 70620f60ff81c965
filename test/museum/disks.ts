/** The write-ahead log, its snapshots and the disk below them. */
import type { Exhibit } from './exhibit.js';
import { failedBeforePowerLoss, powerAgainAndAgain, rotInTheMiddle } from './pinned-disks.js';
import { replacedBeforeRestartOnDisk, tailBeyondSnapshotOnDisk } from './pinned-logs.js';

export const disks: readonly Exhibit[] = [
  {
    id: 'log-not-synced',
    pitfall: 38,
    title: 'what is written is taken for durable, without fdatasync',
    seen: 'Jepsen: NATS 2.12.1; etcd-io/etcd #14143',
    edits: [
      {
        file: 'storage/wal.js',
        find: 'this.#file.sync();\n        this.#durableTo',
        replace: 'this.#durableTo',
      },
    ],
  },
  {
    id: 'sync-failure-ignored',
    pitfall: 39,
    title: 'a sync that fails is passed over, and the node goes on',
    seen: 'nats-server 860e23645; the fsync of PostgreSQL in 2018',
    scenario: failedBeforePowerLoss,
    edits: [
      {
        file: 'storage/wal.js',
        find: 'this.#file.sync();\n        this.#durableTo',
        replace: 'try { this.#file.sync(); } catch { }\n        this.#durableTo',
      },
    ],
  },
  {
    id: 'write-failure-ignored',
    pitfall: 39,
    title: 'a write that fails is passed over, and the node goes on',
    seen: 'hashicorp/raft #503; nats-server 860e23645',
    scenario: failedBeforePowerLoss,
    edits: [
      {
        file: 'storage/wal.js',
        find: 'this.#file.write(this.#staging.subarray(0, this.#staged), this.#writtenTo);',
        replace:
          'try { this.#file.write(this.#staging.subarray(0, this.#staged), this.#writtenTo); } ' +
          'catch { }',
      },
    ],
  },
  {
    id: 'acknowledged-before-sync',
    pitfall: 17,
    title: 'a storage says that it is done before it begins to sync',
    seen: 'etcd-io/etcd #14370; rabbitmq/ra 324d9bc5',
    edits: [
      {
        file: 'storage/file.js',
        find: "this.#attempt('making its log durable', () => {",
        replace: "done();\n        this.#attempt('making its log durable', () => {",
      },
    ],
  },
  {
    id: 'vote-record-before-term',
    pitfall: 2,
    title: 'term and vote are stored in two steps, and power goes between them',
    seen: 'hashicorp/raft #661; willemt/raft #47; ClickHouse #111454',
    edits: [
      {
        file: 'storage/file.js',
        find: 'this.#memory.saveHardState(hardState);',
        replace:
          'const old = this.hardState.currentTerm;\n' +
          '        this.#memory.saveHardState(hardState);\n' +
          '        if (hardState.votedFor && hardState.currentTerm > old) {\n' +
          '            const half = { currentTerm: old, votedFor: hardState.votedFor };\n' +
          '            const size = hardStateBodyBytes(half);\n' +
          '            const at = this.#wal.begin(recordType.hardState, size);\n' +
          '            writeHardState(this.#wal.bytes, at, half);\n' +
          '            this.#wal.end();\n' +
          '            this.#wal.sync();\n' +
          '        }',
      },
    ],
  },
  {
    id: 'vote-not-logged',
    pitfall: 1,
    title: 'the vote is kept in memory and never stored',
    seen: 'PySyncObj #84, #202; seaweedfs/raft #9',
    edits: [
      {
        file: 'storage/wal-state.js',
        find: "bytes.write(votedFor, at + f64, 'utf8');",
        replace: 'bytes.fill(0, at + f64, at + f64 + Buffer.byteLength(votedFor));',
      },
    ],
  },
  {
    id: 'corruption-taken-for-torn',
    pitfall: 38,
    title: 'a damaged record in the middle of the log ends it, as a torn tail would',
    seen: 'etcd-io/etcd #14143; Jepsen: NATS 2.12.1',
    scenario: rotInTheMiddle,
    edits: [
      {
        file: 'storage/wal-record.js',
        find: "isClaimed ? 'corrupt' : 'torn'",
        replace: "'torn'",
      },
    ],
  },
  {
    id: 'checksum-not-compared',
    pitfall: 38,
    title: 'records are believed whatever their checksum says',
    seen: 'PySyncObj; the classic',
    edits: [
      {
        file: 'storage/wal-record.js',
        find: 'if (crc !== bytes.readUInt32LE(offset))',
        replace: 'if (crc < 0)',
      },
    ],
  },
  {
    id: 'torn-tail-left',
    pitfall: 19,
    title: 'what a torn write left stays behind the end of the log',
    seen: 'rabbitmq/ra #562',
    safeguard: 'a record is valid in one place only, and counts where the one before it ends',
    edits: [
      {
        file: 'storage/wal.js',
        find: 'file.write(active.bytes.subarray(durableOffset, zeroFrom), durableOffset);',
        replace: '',
      },
      {
        file: 'storage/wal.js',
        find: 'active.bytes.fill(0, offset, zeroFrom);',
        replace: '',
      },
    ],
  },
  {
    id: 'segment-name-not-synced',
    pitfall: 2,
    title: 'the name of a new segment is not durable when the log goes on in it',
    seen: 'LevelDB and many after it; willemt/raft #47',
    scenario: powerAgainAndAgain,
    edits: [
      {
        file: 'storage/wal-segment.js',
        find: 'this.#fs.syncDirectory(this.#directory);\n        return',
        replace: 'return',
      },
    ],
  },
  {
    id: 'snapshot-not-synced',
    pitfall: 38,
    title: 'a snapshot gets its name before its bytes are durable',
    seen: 'ClickHouse #111454; nats-server, lost stream snapshots',
    edits: [
      {
        file: 'storage/piece-file.js',
        find: 'this.#file.write(words, headerBytes);\n        this.#file.sync();',
        replace: 'this.#file.write(words, headerBytes);',
      },
    ],
  },
  {
    id: 'snapshot-name-not-synced',
    pitfall: 23,
    title: 'the name of a snapshot is not durable when the log relies on it',
    seen: 'canonical/raft #191, the same race in another place',
    edits: [
      {
        file: 'storage/snapshot-files.js',
        find: 'this.#fs.syncDirectory(directory);',
        replace: '',
      },
    ],
  },
  {
    id: 'old-files-removed-early',
    pitfall: 26,
    title: 'what a snapshot replaces is removed before the log says so',
    seen: 'rabbitmq/ra #619; PySyncObj #197',
    edits: [
      {
        file: 'storage/file.js',
        find: 'this.#fallbackIndex = continues ? before : index;',
        replace:
          'this.#fallbackIndex = index;\n' +
          '        for (const name of listSnapshots(this.#fs, this.#options.directory))\n' +
          '            if (name.index < index)\n' +
          '                this.#fs.remove(snapshotPath(this.#options.directory, name));\n' +
          '        this.#fs.syncDirectory(this.#options.directory);',
      },
    ],
  },
  {
    id: 'snapshot-not-logged',
    pitfall: 19,
    title: 'the log is not told that a snapshot has replaced it',
    seen: 'rabbitmq/ra #562; PySyncObj #197',
    edits: [
      {
        file: 'storage/file.js',
        find: 'writer.finish();\n            this.#logBounds({ continues });',
        replace: 'writer.finish();',
      },
    ],
  },
  {
    id: 'snapshot-keeps-conflict-on-disk',
    pitfall: 22,
    title: 'on disk, a snapshot leaves entries in conflict with it behind it',
    seen: 'hashicorp/raft #697; openraft 674e78aa',
    scenario: tailBeyondSnapshotOnDisk,
    edits: [
      {
        file: 'storage/file.js',
        find: 'const continues = this.termAt(index) === term;',
        replace: 'const continues = index <= this.lastIndex;',
      },
      {
        // The log in memory, which tells the one on disk where it begins, would make up for it.
        file: 'storage/memory.js',
        find: 'const continues = this.termAt(index) === term;',
        replace: 'const continues = index <= this.lastIndex;',
      },
    ],
  },
  {
    id: 'truncation-not-replayed',
    pitfall: 12,
    title: 'a restart finds the entries again that others had replaced',
    seen: 'openraft 9540c904; PySyncObj; nats-server f871570fb',
    scenario: replacedBeforeRestartOnDisk,
    edits: [
      {
        file: 'storage/wal-recovery.js',
        find: 'this.#bounds = { ...this.#bounds, lastIndex: index };',
        replace:
          'this.#bounds = { ...this.#bounds, lastIndex: Math.max(index, this.#bounds.lastIndex) };',
      },
      {
        file: 'storage/wal-recovery.js',
        find: 'this.#rows.length = index - first;\n        this.#rows.push(row);',
        replace: 'this.#rows[index - first] = row;',
      },
    ],
  },
  {
    id: 'base-term-not-logged',
    pitfall: 24,
    title: 'the term before the first entry is not found again after a restart',
    seen: 'openraft 71a290cd; RedisLabs/raft #49',
    edits: [
      {
        file: 'storage/wal-state.js',
        find: 'termBeforeFirst: bytes.readDoubleLE(at + 2 * f64),',
        replace: 'termBeforeFirst: 0,',
      },
    ],
  },
  {
    id: 'lost-directory-begins-anew',
    pitfall: 38,
    title: 'a node whose directory is gone comes back empty, and votes',
    seen: 'Jepsen: NATS 2.12.1; etcd-io/etcd #14143',
    edits: [
      {
        file: 'storage/file.js',
        find: 'if (this.#options.mustExist === true)',
        replace: 'if (this.#options.mustExist === undefined)',
      },
    ],
  },
];
