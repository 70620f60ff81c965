/**
 * The directories of a cluster's nodes: taken, founded when they are new, and compared with each
 * other, so that no node begins anew while the cluster remembers it.
 */

import { RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import { type Disks, nodeDisks } from '../storage/disks.js';
import type { FileSystem } from '../storage/file-system.js';
import { directoryIdOf, type Identity, readIdentity, writeIdentity } from '../storage/identity.js';
import { openFileStorage } from '../storage/index.js';
import { repairOf, storageFailure, withRepair } from '../storage/storage-error.js';

/** A node's directory: fit to be served from, or why not. */
export interface NodeDirectory {
  readonly directory: string;
  /** What the files of this directory are marked with. */
  readonly directoryId: number;
  readonly refusal: RaftError | undefined;
}

export interface NodeDirectoryOptions {
  /** Where each node keeps its files. */
  readonly directories: Readonly<Record<NodeId, string>>;
  /** Drawn at random: the name of a cluster that is founded now. */
  readonly newClusterId: string;
  /** Default: those of this machine. */
  readonly disks?: Disks;
}

interface Candidate {
  readonly nodeId: NodeId;
  readonly directory: string;
  readonly identity: Identity | undefined;
  readonly refusal: RaftError | undefined;
}

/**
 * All directories of one cluster, held by this process.
 *
 * Opening throws `RAFT_STORAGE_LOCKED` if another process has one of them, `RAFT_INVALID_OPTION` if
 * the nodes are not those that the cluster was founded with, and the first refusal if no majority
 * of the nodes can be served.
 */
export class NodeDirectories implements Disposable {
  readonly #locks: Disposable[] = [];
  readonly #nodes = new Map<NodeId, NodeDirectory>();
  readonly #options: NodeDirectoryOptions;
  readonly #disks: Disks;
  readonly #fs: FileSystem;

  constructor(options: NodeDirectoryOptions) {
    this.#options = options;
    this.#disks = options.disks ?? nodeDisks;
    this.#fs = this.#disks.fileSystem;
    try {
      this.#open();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  of(nodeId: NodeId): NodeDirectory | undefined {
    return this.#nodes.get(nodeId);
  }

  [Symbol.dispose](): void {
    for (const lock of this.#locks.splice(0)) lock[Symbol.dispose]();
  }

  #open(): void {
    const names = Object.keys(this.#options.directories);
    const candidates = names.map((nodeId) => this.#look(nodeId));
    const founded = candidates.filter(({ identity }) => identity?.state === 'founded');
    const clusterId = mostCommon(founded.map(({ identity }) => identity?.clusterId ?? ''));
    if (clusterId === undefined) this.#found(candidates, names);
    else this.#admitAll(candidates, clusterId, names);
    const refusals = [...this.#nodes.values()].map(({ refusal }) => refusal).filter(isPresent);
    if (names.length - refusals.length <= names.length / 2) throw refusals[0];
  }

  /** Takes a directory and reads whose it is; what goes wrong is that node's matter alone. */
  #look(nodeId: NodeId): Candidate {
    const directory = this.#options.directories[nodeId] ?? '';
    try {
      this.#fs.makeDirectory(directory);
      this.#locks.push(this.#disks.lock(directory));
      const identity = readIdentity(this.#fs, directory);
      return { nodeId, directory, identity, refusal: undefined };
    } catch (error) {
      if (error instanceof RaftError && error.code === 'RAFT_STORAGE_LOCKED') throw error;
      return {
        nodeId,
        directory,
        identity: undefined,
        refusal: storageFailure(withRepair(error, directory), 'opening it', directory),
      };
    }
  }

  /** A cluster that never ran. Every directory is marked before the first one counts as founded. */
  #found(candidates: readonly Candidate[], nodes: readonly NodeId[]): void {
    // A directory that cannot be read may be the one that says that there was a cluster.
    for (const { refusal } of candidates) if (refusal !== undefined) throw refusal;
    const known = candidates.find(({ identity }) => identity !== undefined)?.identity;
    const clusterId = known?.clusterId ?? this.#options.newClusterId;
    const identityOf = (nodeId: NodeId, state: Identity['state']): Identity => {
      return { format: 1, clusterId, nodeId, nodes, state };
    };
    for (const { nodeId, directory } of candidates) {
      writeIdentity(this.#fs, directory, identityOf(nodeId, 'founding'));
      const directoryId = directoryIdOf(clusterId, nodeId);
      const options = { fileSystem: this.#fs, directory, directoryId, logBytesMax: 2 ** 22 };
      openFileStorage({ ...options, ...this.#disks.sizes }).close();
      this.#nodes.set(nodeId, { directory, directoryId, refusal: undefined });
    }
    for (const { nodeId, directory } of candidates) {
      writeIdentity(this.#fs, directory, identityOf(nodeId, 'founded'));
    }
  }

  /** Most of the directories say who belongs to the cluster: one of them may be damaged. */
  #admitAll(candidates: readonly Candidate[], clusterId: string, names: readonly NodeId[]): void {
    const own = candidates.filter(({ identity }) => identity?.clusterId === clusterId);
    const nodes = mostCommon(own.map(({ identity }) => listOf(identity?.nodes ?? [])));
    if (nodes !== listOf(names)) {
      const known = own.find(({ identity }) => listOf(identity?.nodes ?? []) === nodes);
      throw otherNodes(names, known);
    }
    for (const candidate of candidates) this.#admit(candidate, clusterId, names);
  }

  #admit(candidate: Candidate, clusterId: string, nodes: readonly NodeId[]): void {
    const { nodeId, directory, identity } = candidate;
    const refusal = candidate.refusal ?? objectionTo(candidate, clusterId, nodes);
    if (refusal === undefined && identity?.state === 'founding') {
      // The founding was interrupted between two nodes: the cluster has not run.
      writeIdentity(this.#fs, directory, { ...identity, state: 'founded' });
    }
    this.#nodes.set(nodeId, { directory, directoryId: directoryIdOf(clusterId, nodeId), refusal });
  }
}

/** Why a node must not be served from its directory, if there is a reason. */
function objectionTo(
  { nodeId, directory, identity }: Candidate,
  clusterId: string,
  nodes: readonly NodeId[],
): RaftError | undefined {
  if (identity === undefined) {
    return new RaftError(
      'RAFT_STORAGE_LOST',
      `${directory} is empty, but ${nodeId} belongs to a cluster that has run: what it voted for ` +
        `and stored is gone. ${repairOf(directory)}`,
      { details: { nodeId, directory } },
    );
  }
  const isOwn = identity.clusterId === clusterId && identity.nodeId === nodeId;
  if (isOwn && listOf(identity.nodes) === listOf(nodes)) return undefined;
  const found = `${identity.nodeId} of cluster ${identity.clusterId} (${listOf(identity.nodes)})`;
  const expected = `${nodeId} of cluster ${clusterId} (${listOf(nodes)})`;
  return new RaftError(
    'RAFT_STORAGE_CORRUPT',
    `${directory} belongs to ${found}; expected ${expected}`,
    { details: { nodeId, directory } },
  );
}

function listOf(nodes: readonly NodeId[]): string {
  return [...nodes].sort().join(', ');
}

function otherNodes(nodes: readonly NodeId[], known: Candidate | undefined): RaftError {
  const founded = `${known?.directory} has ${listOf(known?.identity?.nodes ?? [])}`;
  return new RaftError(
    'RAFT_INVALID_OPTION',
    `nodes is ${nodes.join(', ')}; the cluster in ${founded}`,
    { details: { option: 'nodes' } },
  );
}

function mostCommon(names: readonly string[]): string | undefined {
  const count = (name: string): number => names.filter((other) => other === name).length;
  return [...names].sort((a, b) => count(b) - count(a))[0];
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
