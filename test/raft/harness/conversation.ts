/**
 * Conversations: a scenario on the network, written down line by line as it happens.
 *
 * A transcript is meant to be read. Arrows are messages when they arrive (`x>` when they are lost),
 * other lines tell what a node has become or decided.
 */
import type { Message, NodeId, Ready } from '../../../src/raft/index.js';
import { type NetworkOptions, TestNetwork } from './network.js';
import type { TestNode } from './node.js';

export class Conversation {
  readonly net: TestNetwork;
  readonly lines: string[] = [];
  #isQuiet = false;
  readonly #commits: Map<NodeId, number> = new Map();

  constructor(options: NetworkOptions = {}) {
    // The lower the number of a node, the sooner its election timer fires.
    const each = (id: NodeId) => ({
      drawElectionTicks: (min: number) => min + 2 * (Number(id.slice(1)) - 1),
      ...options.each?.(id),
    });
    this.net = new TestNetwork({ ...options, each });
    this.net.onArrival = (message, isLost) => {
      if (this.#isQuiet) return;
      const arrow = isLost ? 'x>' : '->';
      this.#line(`${message.from} ${arrow} ${message.to}  ${describe(message)}`);
    };
    this.net.onReady = (node, ready) => this.#noteReady(node, ready);
    for (const { id, raft } of this.net.nodes.values()) this.#commits.set(id, raft.commitIndex);
  }

  /** A paragraph of the reader's guide. */
  tell(text: string): void {
    this.lines.push('', `# ${text}`);
  }

  /** Something is done from outside; all that follows from it is delivered. */
  act(text: string, act: () => unknown): void {
    this.lines.push('', `> ${text}`);
    act();
    this.net.settle();
  }

  /** As `act`, but messages are not written down. */
  actQuietly(text: string, act: () => unknown): void {
    this.#isQuiet = true;
    this.act(`${text} (messages left out)`, act);
    this.#isQuiet = false;
  }

  /** The logs: terms of the entries, `|` after the last committed one. */
  logs(): void {
    this.lines.push('');
    for (const node of this.net.nodes.values()) {
      const { commitIndex, currentTerm, role } = node.raft.status();
      const terms: (number | string)[] = [...node.terms];
      terms.splice(commitIndex, 0, '|');
      const state = node.isRunning ? `${role} of term ${currentTerm}` : 'down';
      this.#line(`${node.id}  ${terms.join(' ').padEnd(28)} ${state}`);
    }
  }

  get transcript(): string {
    return `${this.lines.join('\n').trim()}\n`;
  }

  #noteReady(node: TestNode, ready: Ready): void {
    const { id } = node;
    if (ready.leadership !== undefined) {
      const { role, currentTerm, leaderId } = ready.leadership;
      const under = role === 'follower' ? ` of ${leaderId ?? 'nobody'}` : '';
      this.#line(`${id} is ${role}${under} in term ${currentTerm}`);
    }
    if (ready.commitIndex > (this.#commits.get(id) ?? 0)) {
      this.#commits.set(id, ready.commitIndex);
      this.#line(`${id} commits up to ${ready.commitIndex}`);
    }
    for (const { readId, index } of ready.reads) {
      this.#line(`${id} may serve read ${readId} at ${index}`);
    }
    for (const readId of ready.readsAborted) this.#line(`${id} aborts read ${readId}`);
  }

  #line(text: string): void {
    this.lines.push(`  ${text}`);
  }
}

function describe(message: Message): string {
  return `${nameOf(message)} ${detailsOf(message)}`.trimEnd();
}

function nameOf({ kind, term }: Message): string {
  const words = kind.split('-').map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  return `${words.join('')} (${term})`;
}

function detailsOf(message: Message): string {
  switch (message.kind) {
    case 'append-entries': {
      const entries = message.entries.map(({ index, term }) => `${index}/${term}`);
      const prev = `after ${message.prevLogIndex}/${message.prevLogTerm}`;
      return `${prev}: ${entries.join(' ') || 'nothing'}; commit ${message.leaderCommit}`;
    }
    case 'append-entries-response':
      if (message.success) return `match ${message.matchIndex}`;
      if (message.conflictIndex === undefined) return 'refused';
      return `refused, try after ${message.conflictIndex}/${message.conflictTerm}`;
    case 'heartbeat':
      return `commit ${message.leaderCommit}${roundOf(message)}`;
    case 'heartbeat-response':
      return roundOf(message).slice(2);
    case 'request-vote':
    case 'pre-vote': {
      const isTransfer = message.kind === 'request-vote' && message.isTransfer;
      const log = `log ends with ${message.lastLogIndex}/${message.lastLogTerm}`;
      return `${log}${isTransfer ? '; the leader said so' : ''}`;
    }
    case 'request-vote-response':
    case 'pre-vote-response':
      return message.granted ? 'granted' : 'refused';
    case 'read-index':
      return `read ${message.readId}`;
    case 'read-index-response':
      if (message.refused === true) return `read ${message.readId} refused`;
      return `read ${message.readId} at ${message.readIndex}; commit ${message.leaderCommit}`;
    case 'install-snapshot':
      return `of ${message.snapshotIndex}/${message.snapshotTerm} from ${message.offset}`;
    case 'install-snapshot-response':
      return `of ${message.snapshotIndex}/${message.snapshotTerm}, next ${message.nextOffset}`;
    case 'timeout-now':
      return '';
  }
}

function roundOf({ readId }: { readId: number }): string {
  return readId === 0 ? '' : `; round ${readId}`;
}
