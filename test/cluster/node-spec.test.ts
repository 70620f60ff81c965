import test from 'ava';
import { allocateLink, LinkWriter } from '../../src/actor/link.js';
import { allocateSpace, Space } from '../../src/actor/space.js';
import { bulkBytesOf, specOf } from '../../src/cluster/node-spec.js';
import { resolveOptions } from '../../src/cluster/options.js';
import type { Roster, RosterNode } from '../../src/cluster/roster.js';
import type { NodeRecord } from '../../src/replica/node.js';
import { encodeMessage } from '../../src/replica/wire.js';

for (const entryBytesMax of [4096, 5000, 2 ** 15, 2 ** 20, 2 ** 24]) {
  test(`the largest append fits into the ring, with entries of ${entryBytesMax}`, (t) => {
    const options = resolveOptions({ entryBytesMax, logBytesMax: 16 * entryBytesMax });
    const node = { id: 'n1', actor: 1, memory: {} } as RosterNode;
    const world = { roster: { nodes: [node] } as unknown as Roster, data: undefined };
    const { raft } = specOf(node, world, options).data as NodeRecord;
    const space = new Space(allocateSpace(4));
    space.setIncarnation(2, 1);
    const link = new LinkWriter(
      space,
      allocateLink(1, 2, { bulkBytes: bulkBytesOf(options) }),
      undefined,
      1,
    );
    // All that may be under way in one message: most of it in no-ops of leaders that came and went.
    const { inflightEntriesMax: count = 1024, appendBytesMax = 0 } = raft;
    const entries = Array.from({ length: count }, (_, at) => ({
      index: at + 1,
      term: at + 1,
      kind: 'noop' as const,
      byteLength: at === 0 ? appendBytesMax : 0,
    }));
    const payload = Buffer.alloc(appendBytesMax);

    const isSent = encodeMessage(
      link,
      {
        kind: 'append-entries',
        from: 'n1',
        to: 'n2',
        term: count + 1,
        prevLogIndex: 0,
        prevLogTerm: 0,
        leaderCommit: 0,
        replicatedByAll: 0,
        entries,
      },
      {
        termAt: (index) => index,
        payload: (index) => ({ bytes: payload, start: 0, end: index === 1 ? appendBytesMax : 0 }),
        snapshotPart: () => undefined,
      },
    );

    t.true(isSent, link.refusal);
  });
}
