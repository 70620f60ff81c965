import test from 'ava';
import type { Assembly } from '../../src/cluster/assembly.js';
import type { ClusterStatus, Inspection } from '../../src/cluster/status.js';
import { ClusterView } from '../../src/cluster/view.js';
import { RaftError } from '../../src/errors.js';

/** Two nodes under constant writes: level at every look, and at two indexes when they are asked. */
class Restless extends ClusterView {
  protected readonly assembly = { closing: new AbortController().signal } as Assembly;
  inspections = 0;

  override status(): ClusterStatus {
    const level = { state: 'running', lastApplied: 7, lastLogIndex: 7 };
    const nodes = [
      { ...level, id: 'n1' },
      { ...level, id: 'n2' },
    ];
    return { leaderId: 'n1', currentTerm: 1, nodes } as unknown as ClusterStatus;
  }

  override async inspect(): Promise<Inspection> {
    this.inspections += 1;
    return { lastApplied: this.inspections, digest: '', keys: 0 };
  }
}

test('waiting for nodes that never stand at one index ends in time', async (t) => {
  const view = new Restless();

  await t.throwsAsync(view.waitForConverged({ timeoutMs: 20 }), {
    code: 'RAFT_TIMEOUT',
    message: 'waited 20 ms for all nodes to converge, in vain',
  });

  t.true(view.inspections >= 2);
});

/** A leader of term 5, and a node that campaigns in term 6. */
class Contested extends ClusterView {
  protected readonly assembly = { closing: new AbortController().signal } as Assembly;

  override get nodes(): readonly string[] {
    return ['n1', 'n2'];
  }

  override status(): ClusterStatus {
    const nodes = [
      { state: 'running', id: 'n1', role: 'leader', currentTerm: 5 },
      { state: 'running', id: 'n2', role: 'candidate', currentTerm: 6 },
    ];
    return { leaderId: 'n1', currentTerm: 6, nodes } as unknown as ClusterStatus;
  }
}

test('a campaign in a later term makes no later leader of the one that is there', async (t) => {
  const view = new Contested();

  t.is(await view.waitForLeader({ afterTerm: 4 }), 'n1');
  await t.throwsAsync(view.waitForLeader({ afterTerm: 5, timeoutMs: 20 }), {
    code: 'RAFT_TIMEOUT',
  });
});

/** A node goes down between the look at all of them and the question. */
class Falling extends Restless {
  override async inspect(): Promise<Inspection> {
    this.inspections += 1;
    if (this.inspections === 2) throw new RaftError('RAFT_NODE_DOWN', 'n2 is down');
    return { lastApplied: 7, digest: 'same', keys: 0 };
  }
}

test('a node that goes down while nodes are compared is waited for', async (t) => {
  const view = new Falling();

  t.like(await view.waitForConverged(), { lastApplied: 7, digest: 'same' });
  t.is(view.inspections, 4);
});
