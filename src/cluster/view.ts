/** What can be seen of a cluster and awaited: its nodes' gauges, counters, digests, leaders. */
import type { ChildState } from '../actor/child.js';
import { systemClock } from '../clock.js';
import { isRaftError, RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import type { Assembly } from './assembly.js';
import type { ResolvedOptions } from './options.js';
import type {
  ClusterMetrics,
  ClusterStatus,
  Inspection,
  NodeState,
  NodeStatus,
  TurnReport,
} from './status.js';
import { invalidWait, timedOut, type WaitOptions, waitUntil } from './waiting.js';

/** Time that nodes get to converge. */
const convergeMs = 10_000;

/** The half of a cluster that looks and changes nothing. */
export abstract class ClusterView {
  protected abstract readonly assembly: Assembly;

  /** What the cluster runs with; the seed among it repeats its draws. */
  get options(): ResolvedOptions {
    return this.assembly.options;
  }

  get nodes(): readonly NodeId[] {
    return this.options.nodes;
  }

  /** The running leader of the newest term; `undefined` while there is none. */
  get leaderId(): NodeId | undefined {
    return this.status().leaderId;
  }

  /** A look at all nodes; it costs them nothing, and works on a node that is paused or dead. */
  status(): ClusterStatus {
    const nodes = this.assembly.roster.nodes.map((node): NodeStatus => {
      const { incarnation, state } = this.assembly.supervisor.child(node.id);
      const failure = this.assembly.failures.get(node.id);
      return {
        ...node.gauges(),
        id: node.id,
        incarnation,
        ...(failure && { failure: { code: failure.code, message: failure.message } }),
        state: stateOf(state, this.assembly.supervisor.space.isPaused(node.actor)),
      };
    });
    const leaders = nodes.filter(({ role, state }) => role === 'leader' && state === 'running');
    const newest = leaders.sort((a, b) => b.currentTerm - a.currentTerm)[0];
    return {
      leaderId: newest?.id,
      currentTerm: Math.max(...nodes.map(({ currentTerm }) => currentTerm)),
      nodes,
    };
  }

  /** Counters of everything; nodes that do not answer at once are left without their own. */
  async metrics(): Promise<ClusterMetrics> {
    this.assembly.assertOpen();
    const { links } = this.assembly.supervisor.counters();
    const nodes = this.assembly.roster.nodes.map(async (node) => {
      const child = this.assembly.supervisor.child(node.id);
      const counters = await child.counters({ timeoutMs: 200 }).catch(() => undefined);
      const own = links.filter(({ source }) => source === node.actor);
      const refusedFull = own.reduce((sum, link) => sum + link.refusedFull, 0);
      const mailbox = counters === undefined ? {} : { mailbox: counters.mailbox };
      const { incarnation } = child;
      return [node.id, { ...node.gauges(), incarnation, refusedFull, ...mailbox }] as const;
    });
    const { droppedBy, ...network } = this.assembly.weather.totals;
    return {
      uptimeMs: systemClock.nowMs() - this.assembly.startedMs,
      elections: this.assembly.counts.elections,
      restarts: this.assembly.counts.restarts,
      nodes: Object.fromEntries(await Promise.all(nodes)),
      network: { ...network, ...prefixed('dropped', droppedBy) },
      rssBytes: process.memoryUsage.rss(),
    };
  }

  /** Asks a node for its digest, between two of its turns. Rejects with `RAFT_NODE_DOWN`. */
  async inspect(node: NodeId, { timeoutMs = 5000 }: WaitOptions = {}): Promise<Inspection> {
    return (await this.#call(node, 'inspect', timeoutMs)) as Inspection;
  }

  /**
   * What kept a node busy since the last call; the first call begins to look, which costs the node
   * a timer of 1 ms. Rejects with `RAFT_NODE_DOWN`.
   */
  async turns(node: NodeId, { timeoutMs = 5000 }: WaitOptions = {}): Promise<TurnReport> {
    return (await this.#call(node, 'turns', timeoutMs)) as TurnReport;
  }

  /** Resolves to the leader as soon as there is one (of a term after `afterTerm`, if given). */
  waitForLeader(
    options: WaitOptions & { readonly afterTerm?: number; readonly among?: readonly NodeId[] } = {},
  ): Promise<NodeId> {
    const { afterTerm = 0, among = this.nodes } = options;
    return this.waitUntil('a leader', options, () => {
      const { leaderId, nodes } = this.status();
      const leader = nodes.find(({ id }) => id === leaderId);
      const isWanted = leader !== undefined && among.includes(leader.id);
      // Its own term: somebody else may campaign in a later one.
      return isWanted && leader.currentTerm > afterTerm ? leader.id : undefined;
    });
  }

  /**
   * Resolves when these nodes (default: all that run, at least one) have applied the log up to
   * `index`, 0 or more. Rejects with `RAFT_UNKNOWN_NODE`, and as `WaitOptions` say.
   */
  async waitForApplied(
    index: number,
    options: WaitOptions & { readonly nodes?: readonly NodeId[] } = {},
  ): Promise<void> {
    if (!Number.isSafeInteger(index) || index < 0) {
      throw invalidWait('index', index, 'a log index, a whole number from 0');
    }
    for (const id of options.nodes ?? []) this.assembly.roster.node(id);
    await this.waitUntil(`index ${index} to be applied`, options, () => {
      const { nodes } = this.status();
      const wanted = options.nodes
        ? nodes.filter(({ id }) => options.nodes?.includes(id))
        : running(nodes);
      const isDone = wanted.every(({ lastApplied }) => lastApplied >= index);
      return (isDone && (options.nodes ?? wanted).length > 0) || undefined;
    });
  }

  /**
   * Resolves when all running nodes have applied the same log, with what they have in common.
   * Rejects with `RAFT_BROKEN_INVARIANT` when equally long logs led to different states, and as
   * `WaitOptions` say.
   */
  async waitForConverged(
    options: WaitOptions = {},
  ): Promise<Pick<Inspection, 'lastApplied' | 'digest'>> {
    const deadlineMs = systemClock.nowMs() + (options.timeoutMs ?? convergeMs);
    for (;;) {
      const timeoutMs = Math.max(1, deadlineMs - systemClock.nowMs());
      await this.waitUntil('all nodes to converge', { ...options, timeoutMs }, () => {
        return isLevel(running(this.status().nodes)) || undefined;
      });
      const ids = running(this.status().nodes).map(({ id }) => id);
      const seen = await Promise.all(ids.map((id) => this.#inspectIfUp(id, { timeoutMs })));
      const [first] = seen;
      if (first === undefined || seen.some((one) => one?.lastApplied !== first.lastApplied)) {
        // Under constant writes they may be level whenever one looks, and never stand at one index.
        if (systemClock.nowMs() < deadlineMs) continue;
        throw timedOut('all nodes to converge', options.timeoutMs ?? convergeMs);
      }
      if (seen.every((one) => one?.digest === first.digest)) return first;
      const found = ids.map((id, at) => `${id} has ${seen[at]?.digest}`).join(', ');
      throw new RaftError('RAFT_BROKEN_INVARIANT', `at index ${first.lastApplied} ${found}`);
    }
  }

  /** Calls a method of a node's control that takes nothing. */
  async #call(node: NodeId, method: string, timeoutMs: number): Promise<unknown> {
    this.assembly.assertOpen();
    this.assembly.roster.node(node);
    return await this.assembly.supervisor.child(node).call(method, [], { timeoutMs });
  }

  /** `undefined` for a node that went down, or did not answer in time. */
  async #inspectIfUp(node: NodeId, options: WaitOptions): Promise<Inspection | undefined> {
    try {
      return await this.inspect(node, options);
    } catch (error) {
      if (isRaftError(error, 'RAFT_NODE_DOWN') || isRaftError(error, 'RAFT_TIMEOUT')) {
        return undefined;
      }
      throw error;
    }
  }

  /** Looks every few ms until it finds something. */
  protected waitUntil<T>(
    what: string,
    options: WaitOptions,
    look: () => T | undefined,
  ): Promise<T> {
    const { timeoutMs, signal } = options;
    return waitUntil({
      clock: systemClock,
      what,
      look,
      closing: this.assembly.closing,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function stateOf(state: ChildState, isPaused: boolean): NodeState {
  if (state === 'ready') return isPaused ? 'paused' : 'running';
  return state === 'starting' || state === 'waiting' ? 'starting' : 'down';
}

function running(nodes: readonly NodeStatus[]): NodeStatus[] {
  return nodes.filter(({ state }) => state === 'running');
}

/** Whether nodes have all applied all that any of them has in its log. */
function isLevel(nodes: readonly NodeStatus[]): boolean {
  const end = Math.max(...nodes.map(({ lastLogIndex }) => lastLogIndex));
  return nodes.length > 0 && nodes.every(({ lastApplied }) => lastApplied === end);
}

function prefixed(
  prefix: string,
  counters: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).map(([name, count]) => [`${prefix}-${name}`, count]),
  );
}
